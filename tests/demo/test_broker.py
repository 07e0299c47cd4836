import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge_inspector.demo import broker as module
from edge_inspector.demo.broker import BrokerKind, choose_kind, local_broker
from edge_inspector.errors import ConfigError
from edge_inspector.settings import ProtocolVersion
from tests.mosquitto import HOST, Subscriber, free_port
from tests.requirements import require_program


@pytest.fixture(params=list(BrokerKind))
def kind(request: pytest.FixtureRequest) -> BrokerKind:
    if request.param is BrokerKind.MOSQUITTO:
        require_program("mosquitto", package="mosquitto")
    return BrokerKind(request.param)


def processes_with(text: str) -> list[str]:
    lines = subprocess.run(["ps", "-ewwo", "pid,stat,args"], check=True, capture_output=True, text=True).stdout
    return [line for line in lines.splitlines() if text in line]


def test_a_broker_carries_messages_and_leaves_nothing_behind(
    kind: BrokerKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    port = free_port()
    with local_broker(port, kind=kind) as broker:
        assert (broker.host, broker.port, broker.kind) == (HOST, port, kind)
        with Subscriber(port, v5=broker.protocol is ProtocolVersion.V5) as subscriber:
            subscriber._client.publish("topic", "payload", qos=1)
            assert subscriber.next().payload == b"payload"
        assert len(processes_with(str(tmp_path))) == 1
    assert processes_with(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_only_this_machine_may_connect(kind: BrokerKind) -> None:
    # All of 127.0.0.0/8 is this machine; a broker that listens on every address would be found at 127.0.0.2.
    with local_broker(free_port(), kind=kind) as broker, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", broker.port))


def test_another_port_is_chosen_when_the_port_is_taken(kind: BrokerKind) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        with local_broker(taken, kind=kind) as broker:
            assert broker.port != taken


def test_the_broker_ends_when_its_user_fails(kind: BrokerKind) -> None:
    port = free_port()
    with pytest.raises(ZeroDivisionError), local_broker(port, kind=kind):
        _ = 1 / 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_the_embedded_broker_tells_that_it_speaks_no_mqtt_5() -> None:
    assert module.Broker(HOST, 1883, BrokerKind.AMQTT).protocol is ProtocolVersion.V311
    assert module.Broker(HOST, 1883, BrokerKind.MOSQUITTO).protocol is ProtocolVersion.V5


def test_mosquitto_is_preferred_and_the_embedded_broker_does_where_it_is_missing() -> None:
    assert choose_kind(mosquitto=True, amqtt=True) is BrokerKind.MOSQUITTO
    assert choose_kind(mosquitto=False, amqtt=True) is BrokerKind.AMQTT


def test_a_machine_without_a_broker_is_told_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"apt install mosquitto.*edge-inspector\[demo\]"):
        choose_kind(mosquitto=False, amqtt=False)


def test_a_broker_that_does_not_start_shows_what_it_said(tmp_path: Path) -> None:
    script = "import sys; sys.exit('no more memory')"
    stderr = tmp_path / "stderr"
    with stderr.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-c", script], stderr=sink)
    with pytest.raises(ConfigError, match=r"the broker ended with 1: no more memory"):
        module._wait_until_it_listens(process, free_port(), stderr)


def test_a_broker_that_ignores_the_polite_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.1)
    script = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        module.stop(process)
    assert process.returncode == -9
