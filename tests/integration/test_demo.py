"""`edge-inspector demo` as a visitor runs it: shipped model, local broker, verdicts held against the truth."""

import re
import signal
import subprocess

import pytest

from edge_inspector.demo import broker, show
from edge_inspector.demo.broker import BrokerKind
from tests.collector import Collector
from tests.daemons import EDGE_INSPECTOR, PATIENCE_S, run_command
from tests.mosquitto import free_port
from tests.page.people import Person
from tests.requirements import require_program

ENOUGH = 0.8  # of the defects found, on parts that the model has never seen


def score_of(output: str) -> tuple[int, int, int]:
    """Return parts, defects found and defects missed as the last lines of the demonstration tell them."""
    told = re.search(r"^(\d+) parts: (\d+) defects found, (\d+) missed, ", output, re.MULTILINE)
    assert told is not None, output
    return int(told[1]), int(told[2]), int(told[3])


@pytest.mark.parametrize("count", [30, pytest.param(60, marks=pytest.mark.nightly)])
def test_the_demonstration_finds_most_defects_and_accounts_for_every_part(count: int) -> None:
    require_program("mosquitto", package="mosquitto")
    port = free_port()
    ended = run_command("demo", "--parts", str(count), "--rate", "30", "--port", str(port))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert f"on 127.0.0.1:{port}" in ended.stdout
    parts, found, missed = score_of(ended.stdout)
    assert parts == count
    assert found / (found + missed) >= ENOUGH
    assert f"frames: {count} captured = {count} inspected + 0 dropped + 0 in flight" in ended.stdout
    assert sum(line.startswith("part-") for line in ended.stdout.splitlines()) == count


def test_the_demonstration_runs_with_the_embedded_broker_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        score = show.show(parts=5, rate_hz=50, seed=1, port=free_port(), page_port=free_port())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert score.parts == 5
    assert f"Broker: {BrokerKind.AMQTT}" in capsys.readouterr().out


def test_a_visitor_sees_the_events_on_the_broker_and_ends_it_with_ctrl_c() -> None:
    require_program("mosquitto", package="mosquitto")
    port, page_port = free_port(), free_port()
    ports = ("--port", str(port), "--page-port", str(page_port))
    with subprocess.Popen(
        [*EDGE_INSPECTOR, "demo", "--rate", "50", *ports], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        page = process.stdout.readline()
        assert process.stdout.readline().startswith("Broker: mosquitto")
        with Collector(port) as collector:
            result = collector.collect_until(
                lambda message: message.topic == "edge-inspector/demo/line-1/station-1/camera-1/result"
            )
            visitor = Person(page_port).sign_in("demo", page.split()[-1].rstrip(")"))
            assert visitor.get("/session")[1]["role"] == "admin"
            process.send_signal(signal.SIGINT)
            output = process.stdout.read()
        assert process.wait(PATIENCE_S) == 0
    assert f"http://127.0.0.1:{page_port}/" in page
    assert b"inspection.completed" in result.payload
    parts, *_ = score_of(output)
    assert parts > 0


def test_the_demonstration_ends_when_nobody_reads_it_any_more() -> None:
    require_program("mosquitto", package="mosquitto")
    with subprocess.Popen(
        [*EDGE_INSPECTOR, "demo", "--rate", "50", "--port", str(free_port())],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("part-"):
            pass
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""
