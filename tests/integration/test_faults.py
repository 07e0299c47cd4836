"""What may go wrong around a station, one fault a test: it goes on, says so, and is well again afterwards."""

import json
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.settings import MqttSettings
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from tests.daemons import Daemon, run_command, write_configuration
from tests.integration.shifted_clock import ShiftedClock
from tests.integration.watcher import HOME, Watcher, assert_all_is_told_and_on_record, ids_on_record
from tests.integration.watchful import WATCHFUL
from tests.journal.disks import small_disk
from tests.mosquitto import PATIENCE_S, Mosquitto, Subscriber, eventually, free_port
from tests.onnx_models import bright_spot_model
from tests.slow_models import stalling_model

pytestmark = pytest.mark.thorough

IMAGE_WH = (96, 64)
SOURCE = {"type": "simulated", "rate_hz": 50, "image_wh": list(IMAGE_WH)}
UNUSABLE, STUCK = 65, 75


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, "max_queued_messages 0", "max_inflight_messages 0") as broker:
        yield broker


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return bright_spot_model(tmp_path / "model", model_wh=IMAGE_WH)


def write_station(folder: Path, broker: Mosquitto, model: Path, **sections: Any) -> Path:
    """Write a station whose every part is told and kept on record."""
    defaults = {
        "source": SOURCE,
        "mqtt": {"port": broker.port, "reconnect_min_s": 0.1, "reconnect_max_s": 0.2},
        "flow": {"stats_interval_s": 0.5},
        "health": {"min_free_mb": 0.1},
    }
    return write_configuration(folder / "station.json", model, **{**defaults, **sections})


def stop(daemon: Daemon, watcher: Watcher) -> None:
    """Stop a daemon that still runs, and collect what it said until its end."""
    assert daemon.is_running
    assert daemon.stop() == 0
    watcher.collect_what_is_there()


def test_a_disk_that_fills_up_costs_no_event(tmp_path: Path, broker: Mosquitto, model: Path) -> None:
    with small_disk(tmp_path / "disk", size_kb=8192) as disk:
        journal = disk.folder / HOME / "journal.db"
        configuration = write_station(tmp_path, broker, model, state={"dir": str(disk.folder / HOME.parent)})
        with Watcher(broker.port) as watcher, Daemon(configuration, command=WATCHFUL) as daemon:
            watcher.wait_for_results(5)
            disk.fill()
            alarm = watcher.wait_for_alarm("journal-unavailable")
            assert alarm["severity"] == "critical"
            assert "full" in alarm["text"]
            assert "the disk" in alarm["what_to_do"]
            watcher.wait_for_results(5)
            behind = set(watcher.result_ids()) - set(ids_on_record(journal))
            assert behind, "the line went on while nothing could be written"
            watcher.wait_for_results(5)
            disk.empty()
            watcher.wait_for_alarm("journal-unavailable", "cleared")
            assert behind <= set(ids_on_record(journal))
            stop(daemon, watcher)
        assert_all_is_told_and_on_record(watcher, daemon, journal)
        assert watcher.documents("stats")[-1]["journal"]["problem"] is None


def test_a_disk_that_is_read_only_at_the_start_keeps_nobody_from_inspecting(
    tmp_path: Path, broker: Mosquitto, model: Path
) -> None:
    with small_disk(tmp_path / "disk", size_kb=8192) as disk:
        disk.remount("ro")
        configuration = write_station(tmp_path, broker, model, state={"dir": str(disk.folder / HOME.parent)})
        with Watcher(broker.port) as watcher, Daemon(configuration, command=WATCHFUL) as daemon:
            alarm = watcher.wait_for_alarm("journal-unavailable")
            assert alarm["severity"] == "critical"
            assert "ead-only" in alarm["text"]
            watcher.wait_for_results(5)
            assert list(disk.folder.iterdir()) == []
            disk.remount("rw")
            watcher.wait_for_alarm("journal-unavailable", "cleared")
            stop(daemon, watcher)
        assert_all_is_told_and_on_record(watcher, daemon, disk.folder / HOME / "journal.db")


def overwrite(path: Path) -> None:
    """Overwrite a file in place."""
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(max(path.stat().st_size, 4096)))


def test_a_journal_that_becomes_garbage_is_set_aside(tmp_path: Path, broker: Mosquitto, model: Path) -> None:
    source = {**SOURCE, "rate_hz": 20}  # slow: the last 128 results are in memory, and there are no more here
    configuration = write_station(tmp_path, broker, model, source=source)
    journal = tmp_path / HOME / "journal.db"
    with Watcher(broker.port) as watcher:
        with Daemon(configuration, command=WATCHFUL) as daemon:
            watcher.wait_for_results(10)
            overwrite(journal)
            overwrite(journal.with_name("journal.db-wal"))
            alarm = watcher.wait_for_alarm("journal-set-aside")
            assert alarm["severity"] == "critical"
            assert "renamed to journal.db.damaged-1 and a new one begun" in alarm["text"]
            watcher.wait_for_results(5)
            stop(daemon, watcher)
        assert_all_is_told_and_on_record(watcher, daemon, journal)  # what the file had was still in memory

        told_before, sessions = set(watcher.result_ids()), watcher.total().sessions
        overwrite(journal)
        with Daemon(configuration, command=WATCHFUL) as daemon:
            alarm = watcher.wait_for_alarm("journal-set-aside")
            assert "renamed to journal.db.damaged-2 and a new one begun" in alarm["text"]
            watcher.wait_for_results(5)
            stop(daemon, watcher)
    on_record = ids_on_record(journal)
    assert set(watcher.result_ids()) == told_before | set(on_record)
    assert told_before.isdisjoint(on_record)
    assert (sessions, watcher.total().sessions) == (1, 1)  # the accounts were in the file
    assert watcher.total().frames.inspected == len(on_record)
    kept = {path.name for path in journal.parent.glob("journal.db*")}
    assert kept >= {"journal.db", "journal.db.damaged-1", "journal.db.damaged-2"}


def damage(model: Path) -> Callable[[], None]:
    """Cut a model's file short, and return what puts it right."""
    file = model / "model.onnx"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return lambda: file.write_bytes(content) and None


def change(configuration: Path, **sections: Any) -> None:
    document = json.loads(configuration.read_text())
    new = configuration.with_suffix(".new")
    new.write_text(json.dumps({**document, **sections}))
    new.replace(configuration)


def test_a_model_that_is_damaged_while_it_runs_goes_on_in_memory(
    tmp_path: Path, broker: Mosquitto, model: Path
) -> None:
    configuration = write_station(tmp_path, broker, model)
    with Watcher(broker.port) as watcher, Daemon(configuration) as daemon:
        watcher.wait_for_results(5)
        daemon.wait_for("the configuration has proved itself")
        repair = damage(model)
        change(configuration, tracks={"confirm_frames": 3})  # takes a restart
        daemon.send(signal.SIGHUP)
        alarm = watcher.wait_for_alarm("configuration-rejected")
        assert "model.onnx" in alarm["text"]
        assert "expected sha256" in alarm["text"]
        refusals = [line for line in daemon.lines if "the configuration is refused" in line]
        assert len(refusals) == 1
        session = watcher.wait_for("stats")["total"]["sessions"]
        watcher.wait_for_results(5)
        assert (session, [each["status"] for each in watcher.documents("status")]) == (1, ["online"])
        repair()
        daemon.send(signal.SIGHUP)
        daemon.wait_for("the flow was built anew")
        daemon.wait_for("the configuration has proved itself", count=2)
        watcher.wait_for_results(5)
        stop(daemon, watcher)
    assert [each["status"] for each in watcher.documents("status")] == ["online", "stopped", "online", "stopped"]
    alarms = [message for message in watcher.messages if message.topic.endswith("/alarm/configuration-rejected")]
    assert [bool(message.payload) for message in alarms][-1] is False, "the alarm is cleared"
    assert watcher.total().sessions == 2
    assert len(ids_on_record(tmp_path / HOME / "journal.db")) == watcher.total().frames.captured


def test_a_start_with_a_damaged_model_is_one_clear_error_and_with_a_damaged_new_one_the_last_good_runs(
    tmp_path: Path, broker: Mosquitto, model: Path
) -> None:
    configuration = write_station(tmp_path, broker, model)
    with Daemon(configuration) as daemon:
        daemon.wait_for("the configuration has proved itself")
        assert daemon.stop() == 0

    repair = damage(model)
    ended = run_command("run", "-c", configuration)
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert ended.returncode == UNUSABLE, ended.stderr
    assert len(errors) == 1
    assert errors[0].startswith(f"edge-inspector: error: {model}/model.onnx: ")
    assert "expected sha256" in errors[0]
    repair()

    new_model = bright_spot_model(tmp_path / "new-model", model_wh=IMAGE_WH, version="2.0.0")
    repair = damage(new_model)
    change(configuration, model={"path": str(new_model)})
    with Watcher(broker.port) as watcher, Daemon(configuration) as daemon:
        assert "expected sha256" in watcher.wait_for_alarm("configuration-rejected")["text"]
        assert {result["model"]["version"] for result in watcher.wait_for_results(5)} == {"1.2.3"}
        repair()
        daemon.send(signal.SIGHUP)
        watcher.wait_for("top/result", '"2.0.0"')
        stop(daemon, watcher)


TOPICS = TopicTree("edge-inspector", "hall", "line", "station", "camera")
QUOTA = 200


def event(number: int) -> Message:
    channel = Channel.DEFECT if number % 10 == 0 else Channel.RESULT
    return Message(TOPICS.topic(channel), f"{number}".encode(), CATALOGUE[channel], f"{number}/{channel}")


def test_a_dead_sink_costs_the_live_ones_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    will = Message(TOPICS.topic(Channel.STATUS), b"{}", CATALOGUE[Channel.STATUS])
    count = 2 * QUOTA
    with (
        Mosquitto(tmp_path, "max_queued_messages 0") as other,
        Subscriber(broker.port, "edge-inspector/#") as first,
        Subscriber(other.port, "edge-inspector/#") as second,
        Journal(tmp_path / "journal.db", JournalOptions(quota_rows=QUOTA)) as journal,
    ):

        def sink(name: str, port: int) -> MqttSink:
            settings = MqttSettings(port=port, reconnect_min_s=0.05, reconnect_max_s=0.1)
            return MqttSink(settings, journal, client_id=name, will=will, reader=name)

        live = {"first": first, "second": second}
        with sink("first", broker.port), sink("dead", free_port()), sink("second", other.port):
            for number in range(count):
                journal.append([event(number)])
                if number % 50 == 49:  # only who is dead is ever behind, and the disk is not
                    assert journal.flush(PATIENCE_S)
                    eventually(
                        lambda: not any(journal.state().waiting[name] for name in live), what="the live ones have all"
                    )
            eventually(lambda: journal.state().waiting["dead"] == QUOTA, what="the quota of the dead one holds")
            state = journal.state()
            received = {name: [subscriber.next() for _ in range(count)] for name, subscriber in live.items()}
    assert state.evicted == {"dead": {"result": count - QUOTA}}  # no defect before a result
    assert (state.waiting, state.lost) == ({"first": 0, "second": 0, "dead": QUOTA}, 0)
    for messages in received.values():
        for channel, is_defect in ((Channel.DEFECT, True), (Channel.RESULT, False)):
            numbers = [int(each.payload) for each in messages if each.topic == TOPICS.topic(channel)]
            assert numbers == [number for number in range(count) if (number % 10 == 0) is is_defect]


def test_a_stuck_inspection_ends_the_process_and_then_costs_only_verdicts(tmp_path: Path, broker: Mosquitto) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(20):
        level = 255 if number == 15 else 50
        cv2.imwrite(str(pictures / f"{number:02d}.png"), np.full((IMAGE_WH[1], IMAGE_WH[0]), level, np.uint8))
    configuration = write_station(
        tmp_path,
        broker,
        stalling_model(tmp_path / "model", model_wh=IMAGE_WH),
        source={"type": "directory", "path": str(pictures), "loop": True, "rate_hz": 50},
        health={"min_free_mb": 0, "watchdog": {"inspection_s": 1, "exits_per_hour": 1}},
    )
    with Watcher(broker.port) as watcher:
        with Daemon(configuration, command=WATCHFUL) as daemon:
            assert daemon.wait() == STUCK
            assert [line for line in daemon.lines if "an inspection does not end" in line]
        watcher.collect_what_is_there()
        assert watcher.documents("status")[-1]["status"] == "stopped"
        assert watcher.total().parts.outcomes["accept"] == 15

        with Daemon(configuration, command=WATCHFUL) as daemon:
            alarm = watcher.wait_for_alarm("running-degraded")
            assert alarm["severity"] == "critical"
            results = watcher.wait_for_results(25)  # the picture that stalls would come again among them
            assert {result["outcome"] for result in results} == {"no_verdict"}
            assert {result["no_verdict"]["cause"] for result in results} == {"inspection_failed"}
            stop(daemon, watcher)
    total = watcher.total()
    assert total.sessions == 2
    assert total.parts.outcomes["accept"] == 30
    assert len(ids_on_record(tmp_path / HOME / "journal.db")) == total.parts.seen


def test_a_clock_that_jumps_ten_years_deletes_nothing_and_repeats_no_id(
    tmp_path: Path, broker: Mosquitto, model: Path
) -> None:
    clock = ShiftedClock(tmp_path, WATCHFUL)
    source = {**SOURCE, "rate_hz": 200}
    configuration = write_station(tmp_path, broker, model, source=source, journal={"keep_days": 1})

    def wait_for_another_year_than(year: int) -> int:
        while (found := int(watcher.wait_for("top/result")["time"][:4])) == year:
            pass
        return found

    with Watcher(broker.port) as watcher, Daemon(configuration, command=clock.command) as daemon:
        this_year = wait_for_another_year_than(0)
        clock.shift("+10y")
        assert "the clock was set forward by 36" in watcher.wait_for_alarm("clock-jumped")["text"]
        then = wait_for_another_year_than(this_year)
        assert then - this_year in {9, 10}
        watcher.wait_for_results(100)  # old rows are looked for every tenth of a second
        clock.shift("+0")
        assert then - wait_for_another_year_than(then) in {9, 10}
        watcher.wait_for_results(100)
        stop(daemon, watcher)
    assert_all_is_told_and_on_record(watcher, daemon, tmp_path / HOME / "journal.db")


def test_a_stop_under_load_leaves_everything_whole(tmp_path: Path, broker: Mosquitto, model: Path) -> None:
    plenty = {"per_hour": 100_000, "per_day": 100_000, "quota_mb": 1000}
    configuration = write_station(
        tmp_path,
        broker,
        model,
        source={**SOURCE, "rate_hz": 200},
        samples={"mode": "select", "random_share": 1.0, "defect": plenty, "uncertain": plenty, "random": plenty},
    )
    with Watcher(broker.port) as watcher, Daemon(configuration) as daemon:
        watcher.wait_for_results(100)
        stop(daemon, watcher)
    assert_all_is_told_and_on_record(watcher, daemon, tmp_path / HOME / "journal.db")
    files = [
        path for path in (tmp_path / HOME).rglob("*") if path.suffix in {".jpg", ".json"} and "samples" in str(path)
    ]
    pictures = {path.with_suffix("") for path in files if path.suffix == ".jpg"}
    assert pictures
    assert pictures == {path.with_suffix("") for path in files if path.suffix == ".json"}
