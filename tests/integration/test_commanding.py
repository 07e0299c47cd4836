"""A station that is told what to do over a broker: it does it once, and says what became of it."""

import signal
from pathlib import Path

import pytest

from edge_inspector.app.commands import Commands
from edge_inspector.events import EventWriter
from edge_inspector.sample_keys import parse_key
from edge_inspector.settings import MqttSettings
from edge_inspector.topics import TopicTree
from tests.commander import Commander
from tests.daemons import Daemon, write_configuration
from tests.integration.watcher import HOME, STATION
from tests.mosquitto import Mosquitto, eventually
from tests.onnx_models import bright_spot_model
from tests.sinks.recorded import RecordedSink

LOOKED = "says what runs already"  # what the supervisor finds when it is asked to look
SUBSCRIBED = "subscribed to"


def test_commands_and_answers_pass_through_one_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="edge_inspector")
    runs: list[object] = []
    writer = EventWriter(TopicTree(*STATION.split("/"), "top"), "01SESSION")
    with Mosquitto(tmp_path) as broker, Commander(broker.port, STATION) as commander:
        sink = RecordedSink(
            MqttSettings(port=broker.port),
            client_id="station",
            will=writer.alarm_gone("x"),
            commands=writer.topics.commands,
            on_command=lambda topic, payload, retained: commands.take(topic, payload, retained=retained),
        )
        commands = Commands(
            {"reload": lambda _: {"runs": len(runs) + (runs.append(1) or 1)}},
            writer,
            answer=lambda message: sink.journal.append([message]),
            memory=tmp_path / "commands.json",
        )
        with sink, commands:
            eventually(lambda: SUBSCRIBED in caplog.text, what="the sink subscribes")
            first = commander.ask("reload", "one")
            assert first["data"]["result"] == {"runs": 1}
            assert commander.ask("reload", "one") == first
            commander.tell("reload", "kept", retain=True)
            assert commander.ask("reload", "two")["data"]["result"] == {"runs": 2}
            assert commander.ask("relaod", "three")["data"]["status"] == "refused"
    assert len(runs) == 2


@pytest.mark.thorough
def test_a_station_runs_each_command_once_also_when_it_is_killed_between(tmp_path: Path) -> None:
    model = bright_spot_model(tmp_path / "model", model_wh=(96, 64))
    with Mosquitto(tmp_path) as broker, Commander(broker.port, STATION) as commander:
        mqtt = {"port": broker.port, "reconnect_min_s": 0.1}
        configuration = write_configuration(tmp_path / "station.json", model, mqtt=mqtt, log={"level": "debug"})
        with Daemon(configuration) as daemon:
            daemon.wait_for(SUBSCRIBED)
            reload = commander.ask("reload", "r1")
            daemon.wait_for(LOOKED)
            assert commander.ask("reload", "r1") == reload
            commander.tell("reload", "kept", retain=True)
            daemon.wait_for("must not be retained")
            captured = commander.ask("capture-sample", "c1")["data"]
            assert captured["status"] == "done"
            assert parse_key(captured["result"]["sample_key"]).station == "station-2"
            tested = commander.ask("self-test", "s1")["data"]
            assert (tested["status"], tested["result"]["failed"]) == ("done", 0)
            assert commander.ask("relaod", "r2")["data"]["status"] == "refused"
            commander.ask("reload", "r3")
            daemon.wait_for(LOOKED, count=2)
            daemon.send(signal.SIGKILL)
            daemon.wait()
            assert sum(LOOKED in line for line in daemon.lines) == 2
        assert (tmp_path / HOME / "commands.json").stat().st_mode & 0o777 == 0o600
        with Daemon(configuration) as daemon:
            daemon.wait_for("must not be retained")
            assert commander.ask("reload", "r1") == reload
            commander.ask("reload", "r4")
            daemon.wait_for(LOOKED)
            assert daemon.stop() == 0
            assert sum(LOOKED in line for line in daemon.lines) == 1
