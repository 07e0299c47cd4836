import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest

from edge_inspector.daemon import Exit, exit_code
from edge_inspector.errors import ConfigError, InspectorError, ModelError, SourceError, StuckError
from tests.daemons import EDGE_INSPECTOR, PATIENCE_S, Daemon, ledger_of, run_command, write_configuration
from tests.forked import ForkedDaemon, run_forked
from tests.onnx_models import bright_spot_graph, bright_spot_model, write_package

CONFIGURATION, UNUSABLE, SOURCE = 78, 65, 69


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_spot_model(tmp_path_factory.mktemp("models") / "bright-spot")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_daemon_cleanly_with_its_accounts(
    tmp_path: Path, model: Path, number: signal.Signals
) -> None:
    with Daemon(write_configuration(tmp_path / "station.json", model)) as daemon:
        daemon.wait_for("reject", count=5)
        assert daemon.stop(number) == 0
    records = daemon.records()
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert captured == inspected + dropped + in_flight
    assert in_flight == 0
    results = [record for record in records if record["logger"] == "edge_inspector.sinks.log"]
    assert len(results) == captured
    assert all(set(record) >= {"at", "level", "logger", "thread", "message"} for record in records)


def test_a_source_that_ends_is_a_clean_end(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 500, "count": 7, "image_wh": [96, 64]}
    with ForkedDaemon(write_configuration(tmp_path / "station.json", model, source=source)) as daemon:
        assert daemon.wait() == 0
    assert ledger_of(daemon.lines[-1]) == (7, 7, 0, 0)
    assert "7 parts" in daemon.lines[-1]


def test_a_stop_that_is_signalled_twice_within_moments_is_still_a_clean_one(tmp_path: Path, model: Path) -> None:
    with ForkedDaemon(write_configuration(tmp_path / "station.json", model)) as daemon:
        daemon.wait_for("part-000002")
        for _ in range(5):
            daemon.send(signal.SIGTERM)
            time.sleep(0.01)  # so that they are several, and not one that was pending
        assert daemon.wait() == 0
    assert "stopped:" in daemon.lines[-1]


def test_a_wish_to_read_the_file_again_does_not_end_a_run_that_follows_none(tmp_path: Path, model: Path) -> None:
    program = f'exec "$0" -m edge_inspector "$@" --record {tmp_path / "recording"}'
    configuration = write_configuration(tmp_path / "station.json", model)
    with Daemon(configuration, command=("sh", "-c", program, sys.executable)) as daemon:
        daemon.wait_for("part-000002")
        daemon.send(signal.SIGHUP)
        daemon.wait_for("SIGHUP changes nothing here")
        inspected = sum("part-" in line for line in daemon.lines)
        daemon.wait_for("part-", count=inspected + 5)
        assert daemon.stop() == 0


PROGRAM = """
import signal, sys, threading
from edge_inspector import daemon

daemon._ONE_WISH_S = float(sys.argv[1])
stop = daemon.stop_on_signals(threading.Event())
signal.raise_signal(signal.SIGTERM)
assert stop.is_set()
signal.raise_signal(signal.SIGINT)
print("still here")
"""


@pytest.mark.parametrize(("one_wish_s", "ended"), [("60", (0, "still here\n")), ("-1", (-signal.SIGINT, ""))])
def test_a_later_signal_of_either_kind_ends_the_program_at_once(one_wish_s: str, ended: tuple[int, str]) -> None:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, one_wish_s], check=False, capture_output=True, text=True, timeout=60
    )
    assert (process.returncode, process.stdout) == ended


def assert_refused(
    configuration: Path, code: int, *texts: str, lines: int = 1, run: Callable[..., CompletedProcess[str]] = run_forked
) -> None:
    """The daemon ends with `code` and says so in `lines` clear lines, and nowhere as a traceback."""
    ended = run("run", "-c", configuration)
    errors = [line for line in ended.stderr.splitlines() if line.startswith("edge-inspector: error: ")]
    assert ended.returncode == code, ended.stderr
    assert len(errors) == lines, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    for text in texts:
        assert text in "\n".join(errors)
    for line in ended.stderr.splitlines():
        if line not in errors:
            json.loads(line)


def test_an_unknown_key_is_refused_with_its_path(tmp_path: Path, model: Path) -> None:
    path = write_configuration(tmp_path / "station.json", model, flow={"deadline": 5})
    assert_refused(path, CONFIGURATION, "flow.deadline: unknown key", run=run_command)


def test_every_problem_of_a_configuration_is_a_line(tmp_path: Path, model: Path) -> None:
    path = write_configuration(
        tmp_path / "station.json", model, station={"site": "a#b", "camera": "status"}, flow={"x": 1}
    )
    assert_refused(
        path, CONFIGURATION, "station.site: 'a#b'", "station.camera: 'status' is reserved", "flow.x", lines=3
    )


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere.toml", CONFIGURATION, "nowhere.toml: cannot be read")


def test_a_password_file_that_is_missing_is_refused(tmp_path: Path, model: Path) -> None:
    mqtt = {"username": "u", "password_file": str(tmp_path / "nowhere")}
    path = write_configuration(tmp_path / "station.json", model, mqtt=mqtt)
    assert_refused(path, CONFIGURATION, "mqtt.password_file")


def test_a_policy_that_names_a_class_the_model_lacks_is_refused(tmp_path: Path, model: Path) -> None:
    path = write_configuration(tmp_path / "station.json", model, policy={"min_area_px": {"dent": 5}})
    assert_refused(path, CONFIGURATION, "the model has no class dent; its classes are bright-spot")


def test_a_model_whose_file_was_changed_is_refused(tmp_path: Path) -> None:
    package = bright_spot_model(tmp_path / "package")
    with (package / "model.onnx").open("ab") as file:
        file.write(b"\0")
    assert_refused(write_configuration(tmp_path / "station.json", package), UNUSABLE, "expected sha256")


def test_a_model_that_contradicts_its_manifest_is_refused(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package", bright_spot_graph(model_wh=(32, 32)))
    assert_refused(write_configuration(tmp_path / "station.json", package), UNUSABLE, "expected shape (1, 1, 48, 64)")


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    path = write_configuration(tmp_path / "station.json", tmp_path / "nowhere")
    assert_refused(path, UNUSABLE, "expected a model package with a model.json")


def test_a_missing_folder_of_images_is_a_failed_source(tmp_path: Path, model: Path) -> None:
    source = {"type": "directory", "path": str(tmp_path / "nowhere")}
    path = write_configuration(tmp_path / "station.json", model, source=source)
    assert_refused(path, SOURCE, "nowhere: expected a folder of images")


def test_a_folder_is_inspected_to_its_end_damaged_files_too(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, level in (("a.png", 0), ("b.png", 255)):
        cv2.imwrite(str(folder / name), np.full((48, 64), level, np.uint8))
    (folder / "c.png").write_text("no image")
    source = {"type": "directory", "path": str(folder)}
    with ForkedDaemon(write_configuration(tmp_path / "station.json", model, source=source)) as daemon:
        assert daemon.wait() == 0
    assert ledger_of(daemon.lines[-1]) == (3, 2, 1, 0)
    outcomes = [r["message"].split()[0] for r in daemon.records() if r["logger"] == "edge_inspector.sinks.log"]
    assert outcomes == ["accept", "reject", "no_verdict"]


def test_on_a_terminal_the_log_is_text(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 500, "count": 2, "image_wh": [96, 64]}
    path = write_configuration(tmp_path / "station.json", model, source=source)
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*EDGE_INSPECTOR, "run", "-c", str(path)], stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux's way to say that the other end of a terminal is closed
        pass
    os.close(ours)
    assert process.wait(PATIENCE_S) == 0
    assert b"INFO    stopped: 2 frames = 2 inspected + 0 dropped {} + 0 in flight" in shown
    assert b'{"at"' not in shown


def test_log_lines_can_be_forced_to_json_or_text(tmp_path: Path, model: Path) -> None:
    source = {"type": "simulated", "rate_hz": 500, "count": 1, "image_wh": [96, 64]}
    path = write_configuration(
        tmp_path / "station.json", model, source=source, log={"format": "text", "level": "warning"}
    )
    assert run_forked("run", "-c", path).stderr == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(), Exit.CONFIGURATION),
        (ModelError(), Exit.UNUSABLE_INPUT),
        (SourceError(), Exit.SOURCE_FAILED),
        (StuckError(), Exit.STUCK),
        (InspectorError(), Exit.INTERNAL),
    ],
)
def test_an_exit_code_says_what_to_do(error: InspectorError, code: Exit) -> None:
    assert exit_code(error) is code
