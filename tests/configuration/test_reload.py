"""The real daemon and its configuration file: reloads, refusals, crashes and the next start."""

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, ledger_of, run_command, write_configuration
from tests.forked import ForkedDaemon
from tests.onnx_models import bright_spot_model

LAST_GOOD = "it is the last good one now"
REFUSED = "the configuration is refused"
RESULTS = "edge_inspector.sinks.log"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_spot_model(tmp_path_factory.mktemp("models") / "bright-spot")


class Line:
    """A configuration file that its test changes as a person would."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.path = folder / "station.json"
        self._model = model
        self.write()

    def write(self, **sections: Any) -> Path:
        new = self.path.with_suffix(".new")
        return write_configuration(new, sections.pop("package", self._model), **sections).rename(self.path)

    def change(self, daemon: Daemon, **sections: Any) -> None:
        """Write the file and ask for it, so that the test need not wait until the daemon looks at it."""
        self.write(**sections)
        daemon.send(signal.SIGHUP)

    @property
    def kept(self) -> Path:
        return self.path.parent / "state" / "top" / "configuration"

    def last_good(self) -> dict[str, Any]:
        return json.loads((self.kept / "last-good.json").read_text())["settings"]


@pytest.fixture
def line(tmp_path: Path, model: Path) -> Line:
    return Line(tmp_path, model)


@pytest.fixture
def daemon(line: Line) -> Iterator[Daemon]:
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        yield daemon


def message(line: str) -> str:
    return str(json.loads(line)["message"])


def stop(daemon: Daemon) -> None:
    assert daemon.stop() == 0
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert captured == inspected + dropped
    assert in_flight == 0


def test_a_changed_file_is_noticed_and_applies(line: Line, daemon: Daemon) -> None:
    line.write(flow={"queue_size": 7}, policy={"fail_safe": "review"})
    daemon.wait_for("configuration: flow.queue_size: 32 -> 7 (restart)")
    daemon.wait_for("configuration: policy.fail_safe: 'reject' -> 'review' (live)")
    told = daemon.wait_for("the flow was built anew, in ")
    daemon.wait_for(LAST_GOOD, count=2)
    stop(daemon)
    assert 0 < float(message(told).split()[-2]) < 60
    assert line.last_good()["flow"]["queue_size"] == 7


def test_a_policy_is_changed_between_two_frames_and_the_session_goes_on(line: Line, daemon: Daemon) -> None:
    everywhere, nowhere = [[0, 0], [1, 0], [1, 1], [0, 1]], [[0, 0], [0.01, 0], [0.01, 0.01]]
    line.change(daemon, policy={"ignore": [everywhere], "roi": [nowhere]})
    daemon.wait_for("(live)")
    daemon.wait_for("the configuration is in force")
    seen = len(daemon.lines)
    daemon.wait_for('"outcome": "accept"', count=20)
    assert not any("built anew" in record for record in daemon.lines)
    assert not any('"outcome": "reject"' in record for record in daemon.lines[seen + 10 :])
    stop(daemon)


def test_a_source_is_opened_again_and_the_rest_goes_on(line: Line, daemon: Daemon) -> None:
    daemon.wait_for('"part-000030"')
    line.change(daemon, source={"type": "simulated", "rate_hz": 200, "image_wh": [96, 64], "seed": 5})
    daemon.wait_for("source.seed: 0 -> 5 (source)")
    daemon.wait_for("the configuration is in force")
    daemon.wait_for('"part-000030"', count=2)
    assert not any("built anew" in record for record in daemon.lines)
    stop(daemon)


def test_sighup_has_the_file_read_and_several_of_them_do_no_harm(line: Line, daemon: Daemon) -> None:
    line.write(log={"level": "debug"})
    for _ in range(20):
        daemon.send(signal.SIGHUP)
    daemon.wait_for("configuration: log.level: 'info' -> 'debug' (live)")
    daemon.wait_for(LAST_GOOD, count=2)
    daemon.send(signal.SIGHUP)
    daemon.wait_for("says what runs already")
    stop(daemon)


def test_a_stop_is_clean_whatever_else_is_signalled(line: Line, daemon: Daemon) -> None:
    line.write(package=Path("/nowhere"))
    daemon.send(signal.SIGHUP)
    daemon.send(signal.SIGTERM)
    for _ in range(20):
        if daemon.is_running:
            daemon.send(signal.SIGHUP)
    assert daemon.wait() == 0
    assert "stopped:" in daemon.lines[-1]


def test_a_broken_file_leaves_the_last_good_one_running_and_all_its_errors_are_said_together(
    line: Line, daemon: Daemon
) -> None:
    line.change(daemon, flow={"queue_size": 0, "x": 1}, station={"site": "a#b", "camera": "top"})
    said = message(daemon.wait_for(REFUSED))
    for text in ("flow.queue_size", "flow.x: unknown key", "station.site: 'a#b'"):
        assert text in said
    seen = len([record for record in daemon.lines if RESULTS in record])
    daemon.wait_for(RESULTS, count=seen + 5)
    line.change(daemon, flow={"queue_size": 7})
    daemon.wait_for("32 -> 7")
    daemon.wait_for(LAST_GOOD, count=2)
    stop(daemon)


def test_a_model_that_is_not_there_never_stops_the_line(line: Line, daemon: Daemon) -> None:
    line.change(daemon, package=Path("/nowhere"))
    assert "expected a model package" in message(daemon.wait_for(REFUSED))
    assert not any("built anew" in record for record in daemon.lines)
    stop(daemon)
    assert not (line.kept / "trial.json").exists()


def test_a_source_that_fails_as_it_is_read_gives_way_to_the_last_good_one(
    line: Line, daemon: Daemon, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    line.change(daemon, source={"type": "video", "path": str(film)})
    daemon.wait_for(REFUSED)
    seen = len([record for record in daemon.lines if RESULTS in record])
    daemon.wait_for(RESULTS, count=seen + 5)
    stop(daemon)


WITHOUT_A_CAMERA = {"type": "usb", "device": "/dev/no-such-camera"}  # nothing is inspected, so it stays on trial


@pytest.mark.thorough
def test_a_configuration_that_takes_the_process_down_twice_is_not_tried_a_third_time(line: Line) -> None:
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        line.write(source=WITHOUT_A_CAMERA)
        daemon.wait_for("inspecting: usb")
        assert daemon.stop(signal.SIGSEGV) == -signal.SIGSEGV
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for("inspecting: usb")
        assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    with ForkedDaemon(line.path) as daemon:
        assert "it ended the process 2 times" in message(daemon.wait_for(REFUSED))
        daemon.wait_for(RESULTS, count=5)
        assert not any("inspecting: usb" in record for record in daemon.lines)
        stop(daemon)
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(REFUSED)
        daemon.wait_for(RESULTS)
        daemon.send(signal.SIGHUP)  # a person asks for it: it is tried
        daemon.wait_for("inspecting: usb")
        line.change(daemon, flow={"queue_size": 7})
        daemon.wait_for(LAST_GOOD)
        stop(daemon)
    assert line.last_good()["flow"]["queue_size"] == 7


def test_a_file_that_is_put_right_is_taken_at_the_next_start(line: Line) -> None:
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        stop(daemon)
    line.path.write_text("{")
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(REFUSED)
        daemon.wait_for(RESULTS, count=3)
        stop(daemon)
    line.write(flow={"queue_size": 7})
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        stop(daemon)
        assert not any(REFUSED in record for record in daemon.lines)


def test_a_configuration_that_asks_for_more_memory_than_there_is_gives_way(line: Line) -> None:
    """As on a device with little memory: the address space ends, and the first large picture does not fit."""
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        used = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.prlimit(daemon.pid, resource.RLIMIT_AS, (used + 150_000_000,) * 2)
        line.change(daemon, source={"type": "simulated", "rate_hz": 20, "image_wh": [8192, 8192]})
        daemon.wait_for(REFUSED)
        seen = len([record for record in daemon.lines if RESULTS in record])
        daemon.wait_for(RESULTS, count=seen + 5)
        stop(daemon)


def test_damaged_files_of_ours_keep_no_daemon_from_starting(line: Line) -> None:
    line.kept.mkdir(parents=True)
    for name in ("last-good.json", "trial.json"):
        (line.kept / name).write_bytes(b"\x00" * 512)
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        stop(daemon)


def test_the_difference_of_two_files_is_printed_with_its_effects(line: Line, tmp_path: Path, model: Path) -> None:
    new = write_configuration(
        tmp_path / "new.json",
        model,
        policy={"fail_safe": "review"},
        mqtt={"username": "u", "password": "hunter2"},
        source={"type": "simulated", "rate_hz": 200, "image_wh": [96, 64], "seed": 3},
    )
    ended = run_command("check-config", new, "--against", line.path)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert f"{new}: usable" in lines
    assert lines[-3:-1] == ["source.seed: 0 -> 3 (source)", "policy.fail_safe: 'reject' -> 'review' (live)"]
    assert lines[-1].startswith("mqtt: None -> {")
    assert "hunter2" not in ended.stdout


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.nightly)])
def test_no_moment_of_a_kill_during_reloads_leaves_a_station_that_does_not_start(line: Line, kills: int) -> None:
    for number in range(kills):
        with ForkedDaemon(line.path) as daemon:
            daemon.wait_for("inspecting")
            line.change(daemon, flow={"queue_size": number + 1})
            time.sleep(1.2 * number / kills)  # the moment is what the test varies
            daemon.send(signal.SIGKILL)
            daemon.wait()
    line.write(flow={"queue_size": kills + 1})
    with ForkedDaemon(line.path) as daemon:
        daemon.wait_for(LAST_GOOD)
        assert not any(REFUSED in record for record in daemon.lines)
        stop(daemon)
    assert line.last_good()["flow"]["queue_size"] == kills + 1
