import json
import logging
import queue
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest

from edge_inspector.demo.broker import BrokerKind, local_broker
from edge_inspector.errors import ConfigError, SinkError
from edge_inspector.settings import MqttSettings, ProtocolVersion, TlsSettings
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from tests.commander import Commander
from tests.logged import warnings_in
from tests.mosquitto import (
    HOST,
    PATIENCE_S,
    Certificates,
    Mosquitto,
    Subscriber,
    Wire,
    eventually,
    free_port,
    write_passwords,
)
from tests.sinks.recorded import RecordedSink

TOPICS = TopicTree("edge-inspector", "hall", "line", "station", "camera")
RECONNECT = {"reconnect_min_s": 0.02, "reconnect_max_s": 0.1}


def message(channel: Channel, payload: bytes | str, *, name: str = "") -> Message:
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return Message(TOPICS.topic(channel, name=name), payload, CATALOGUE[channel])


def result(payload: str) -> Message:
    return message(Channel.RESULT, payload)


def status(payload: str) -> Message:
    return message(Channel.STATUS, payload)


def sink_to(port: int, client_id: str = "station", **settings: object) -> RecordedSink:
    parsed = MqttSettings.model_validate({"port": port, **RECONNECT, **settings})
    return RecordedSink(parsed, client_id=client_id, will=status("offline"))


def wait_until_connected(sink: RecordedSink) -> None:
    eventually(lambda: sink.connected, what="the sink is connected")


def wait_until_sent(sink: RecordedSink) -> None:
    eventually(lambda: sink.queued == 0, what="everything is acknowledged")


def failed_attempts(caplog: pytest.LogCaptureFixture) -> int:
    return sum("trying again" in record.getMessage() for record in caplog.records)


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="edge_inspector")


@pytest.fixture(params=list(ProtocolVersion))
def protocol(request: pytest.FixtureRequest) -> ProtocolVersion:
    return ProtocolVersion(request.param)


# --- delivery ---


def test_a_message_arrives_with_its_topic_payload_and_quality_of_service(
    broker: Mosquitto, protocol: ProtocolVersion
) -> None:
    with Subscriber(broker.port) as subscriber, sink_to(broker.port, protocol=protocol) as sink:
        sink.send(result("one"))
        received = subscriber.next()
    assert (received.topic, received.payload, received.qos) == (TOPICS.topic(Channel.RESULT), b"one", 1)


def test_the_broker_keeps_what_is_retained_and_nothing_else(broker: Mosquitto, protocol: ProtocolVersion) -> None:
    with sink_to(broker.port, protocol=protocol) as sink:
        sink.send(result("a result"))
        sink.send(status("online"))
        sink.send(message(Channel.STATS, "some"))
    with Subscriber(broker.port) as subscriber:
        received = [subscriber.next() for _ in range(2)]
    assert {(each.payload, each.retain) for each in received} == {(b"online", True), (b"some", True)}


def test_a_cleared_topic_is_no_longer_retained(broker: Mosquitto) -> None:
    with sink_to(broker.port) as sink:
        sink.send(message(Channel.ALARM, "raised", name="camera_lost"))
        sink.send(message(Channel.ALARM, b"", name="camera_lost"))
        sink.send(status("last"))
    with Subscriber(broker.port) as subscriber:
        assert subscriber.payloads_until(b"last") == [b"last"]


def test_the_event_that_announces_a_clearing_is_seen_before_the_clearing(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber, sink_to(broker.port) as sink:
        for payload in (b"raised", b"cleared", b""):
            sink.send(message(Channel.ALARM, payload, name="camera_lost"))
        assert b"cleared" in subscriber.payloads_until(b"")


def test_messages_of_several_threads_all_arrive_each_thread_in_order(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber, sink_to(broker.port) as sink:
        wait_until_connected(sink)

        def send_all(name: str) -> None:
            for number in range(200):
                sink.send(result(f"{name} {number}"))

        threads = [threading.Thread(target=send_all, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        received = [subscriber.next().payload.decode().split() for _ in range(800)]
        for thread in threads:
            thread.join()
        wait_until_sent(sink)
        assert sink.delivered == 800
    for name in "abcd":
        assert [int(number) for sender, number in received if sender == name] == list(range(200))


def test_small_packets_are_sent_at_once(broker: Mosquitto) -> None:
    with sink_to(broker.port) as sink:
        wait_until_connected(sink)
        sock = sink._client.socket()
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_message_that_the_broker_does_not_allow_is_given_up_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write +/+/+/+/+/result\n")
    given_up: list[tuple[str, bytes]] = []
    with Mosquitto(tmp_path, f"acl_file {rules}") as broker:
        settings = MqttSettings(port=broker.port)
        with RecordedSink(
            settings,
            client_id="station",
            will=status("offline"),
            on_undelivered=lambda cause, message: given_up.append((cause, message.payload)),
        ) as sink:
            for payload in ("one", "two"):
                sink.send(message(Channel.DEFECT, payload))
                sink.send(result(payload))
            wait_until_sent(sink)
            assert (sink.delivered, sink.undelivered) == (2, {"refused": 2})
    assert given_up == [("refused", b"one"), ("refused", b"two")]
    assert len(warnings_in(caplog)) == 1
    assert "'Not authorized'" in warnings_in(caplog)[0]


def test_the_embedded_broker_delivers_too() -> None:
    with (
        local_broker(free_port(), kind=BrokerKind.AMQTT) as broker,
        Subscriber(broker.port, v5=False) as subscriber,
        sink_to(broker.port, protocol=broker.protocol) as sink,
    ):
        sink.send(status("online"))
        sink.send(result("one"))
        assert {subscriber.next().payload, subscriber.next().payload} == {b"online", b"one"}
        wait_until_sent(sink)


# --- commands ---

STATION = "edge-inspector/hall/line/station"
Came: TypeAlias = "queue.Queue[tuple[str, bytes, bool]]"


def commanded_sink(port: int, came: Came, **settings: object) -> RecordedSink:
    """Return a sink that takes commands; one that says `fail` is a fault of whoever takes them."""

    def take(topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - the sink calls it so
        came.put((topic, payload, retained))
        if payload == b"fail":
            raise RuntimeError

    return RecordedSink(
        MqttSettings.model_validate({"port": port, **RECONNECT, **settings}),
        client_id="station",
        will=status("offline"),
        commands=TOPICS.commands,
        on_command=take,
    )


def wait_until_subscribed(caplog: pytest.LogCaptureFixture, *, times: int = 1, word: str = "subscribed to") -> None:
    eventually(lambda: sum(word in record.getMessage() for record in caplog.records) >= times, what=word)


def test_commands_arrive_on_every_connection(
    broker: Mosquitto, protocol: ProtocolVersion, caplog: pytest.LogCaptureFixture
) -> None:
    came: Came = queue.Queue()
    with commanded_sink(broker.port, came, protocol=protocol) as sink:
        for number in range(2):
            wait_until_subscribed(caplog, times=number + 1)
            with Commander(broker.port, STATION) as commander:
                commander.send("reload", b"%d" % number)
                commander.send("reload/reply", b"not ours")
                commander.send("self-test", b"last")
            assert came.get(timeout=PATIENCE_S) == (f"{STATION}/cmd/reload", b"%d" % number, False)
            assert came.get(timeout=PATIENCE_S) == (f"{STATION}/cmd/self-test", b"last", False)
            broker.kill()
            eventually(lambda: not sink.connected, what="the loss is noticed")
            broker.start()


def test_a_retained_command_is_known_by_its_flag(broker: Mosquitto, protocol: ProtocolVersion) -> None:
    came: Came = queue.Queue()
    with Commander(broker.port, STATION) as commander:
        commander.send("reload", b"kept", retain=True)
        with commanded_sink(broker.port, came, protocol=protocol):
            assert came.get(timeout=PATIENCE_S)[1:] == (b"kept", True)
            commander.send("self-test", b"kept as well", retain=True)
            # MQTT 3.1.1 tells who is connected nothing of it.
            assert came.get(timeout=PATIENCE_S)[1:] == (b"kept as well", protocol is ProtocolVersion.V5)


def test_a_fault_of_who_takes_commands_ends_nothing(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    came: Came = queue.Queue()
    with commanded_sink(broker.port, came) as sink, Commander(broker.port, STATION) as commander:
        wait_until_subscribed(caplog)
        for payload in (b"fail", b"next"):
            commander.send("reload", payload)
            assert came.get(timeout=PATIENCE_S)[1] == payload
        assert sink.connected
    assert len(warnings_in(caplog)) == 1
    assert "a command could not be taken" in warnings_in(caplog)[0]


def test_a_message_too_large_for_a_command_never_reaches_the_station(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    came: Came = queue.Queue()
    with commanded_sink(broker.port, came), Commander(broker.port, STATION) as commander:
        wait_until_subscribed(caplog)
        commander.send("reload", bytes(1_000_000))
        commander.send("reload", b"small")
        assert came.get(timeout=PATIENCE_S)[1] == b"small"


def test_a_broker_that_refuses_the_subscription_is_told_once_and_the_rest_goes_on(
    tmp_path: Path, protocol: ProtocolVersion, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("mosquitto has no dynamic security plugin")
    access = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"defaultACLAccess": access, "clients": [], "groups": [], "roles": []}))
    lines = (f"plugin {plugin}", f"plugin_opt_config_file {rules}")
    with (
        Mosquitto(tmp_path, *lines) as broker,
        commanded_sink(broker.port, queue.Queue(), protocol=protocol) as sink,
    ):
        for number in range(2):
            wait_until_subscribed(caplog, times=number + 1, word="refused the subscription")
            sink.send(result(f"{number}"))
            wait_until_sent(sink)
            broker.kill()
            eventually(lambda: not sink.connected, what="the loss is noticed")
            broker.start()
    (line,) = (line for line in warnings_in(caplog) if "subscription" in line)
    assert f"{HOST}:{broker.port}: it refused the subscription to {STATION}/cmd/+ with " in line
    assert "check what it allows this client" in line


# --- the end ---


def test_the_last_will_tells_that_the_daemon_was_killed(broker: Mosquitto, protocol: ProtocolVersion) -> None:
    script = f"""
        import threading
        from edge_inspector.journal import Journal, JournalOptions
        from edge_inspector.settings import MqttSettings
        from edge_inspector.sinks.mqtt import MqttSink
        from edge_inspector.topics import CATALOGUE, Channel, Message

        def status(payload):
            return Message({TOPICS.topic(Channel.STATUS)!r}, payload, CATALOGUE[Channel.STATUS])

        settings = MqttSettings(port={broker.port}, protocol={str(protocol)!r})
        with (
            Journal(None, JournalOptions()) as journal,
            MqttSink(settings, journal, client_id="station", will=status(b"offline")) as sink,
        ):
            sink.send(status(b"online"))
            threading.Event().wait()
    """
    with Subscriber(broker.port) as subscriber:
        daemon = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
        try:
            assert subscriber.next().payload == b"online"
        finally:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        assert subscriber.next().payload == b"offline"
    with Subscriber(broker.port) as late:
        assert late.next().payload == b"offline"


def test_an_orderly_end_sends_what_waits_and_no_last_will(broker: Mosquitto, protocol: ProtocolVersion) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink_to(broker.port, protocol=protocol) as sink:
            for number in range(50):
                sink.send(result(str(number)))
            sink.send(status("stopped"))
        assert (sink.queued, sink.undelivered, sink.connected) == (0, {}, False)
        with sink_to(broker.port, protocol=protocol) as again:
            again.send(result("the end"))
        received = subscriber.payloads_until(b"the end")
    assert [payload for payload in received if payload.isdigit()] == [str(number).encode() for number in range(50)]
    assert b"stopped" in received
    assert b"offline" not in received


def test_what_could_not_be_sent_is_reported_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    given_up: list[tuple[str, bytes]] = []
    settings = MqttSettings(port=free_port())
    with RecordedSink(
        settings,
        client_id="station",
        will=status("offline"),
        on_undelivered=lambda cause, message: given_up.append((cause, message.payload)),
    ) as sink:
        sink.send(result("one"))
        sink.send(status("online"))
    assert sink.undelivered == {"closed": 1}
    assert given_up == [("closed", b"online")]
    assert warnings_in(caplog)[-1].endswith("closed while 1 messages wait in the journal")


def test_a_broker_that_does_not_answer_holds_up_neither_send_nor_the_end(wire: Wire) -> None:
    with sink_to(wire.port) as sink:
        wait_until_connected(sink)
        wire.answers_flow.clear()
        for number in range(500):
            sink.send(result(str(number)))
    assert sink.queued + sink.delivered == 500
    assert sink.undelivered == {}


def test_a_closed_sink_takes_no_more_messages(broker: Mosquitto) -> None:
    with sink_to(broker.port) as sink:
        pass
    with pytest.raises(SinkError, match="is closed"):
        sink.send(status("late"))


def test_a_failing_listener_does_not_stop_the_end(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    def fail(cause: str, message: Message) -> None:
        msg = f"{cause} {message.topic}"
        raise RuntimeError(msg)

    wire.cut()
    sink = RecordedSink(MqttSettings(port=wire.port), client_id="station", will=status("offline"), on_undelivered=fail)
    with sink:
        sink.send(status("online"))
    assert (sink.delivered, sink.undelivered) == (0, {"closed": 1})
    assert any("on_undelivered failed" in line for line in warnings_in(caplog))


# --- the broker goes away ---


def test_the_daemon_starts_without_a_broker_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = Mosquitto(tmp_path)
    with sink_to(broker.port) as sink:
        sink.send(result("early"))
        eventually(lambda: failed_attempts(caplog) >= 3, what="three attempts")
        assert len(warnings_in(caplog)) == 1
        assert f"MQTT broker {HOST}:{broker.port}: nothing listens there" in warnings_in(caplog)[0]
        with broker:
            wait_until_sent(sink)
    assert sink.delivered == 1
    assert any("connected as station" in record.getMessage() for record in caplog.records)


def test_the_present_is_sent_again_to_a_broker_that_restarted(broker: Mosquitto, protocol: ProtocolVersion) -> None:
    with sink_to(broker.port, protocol=protocol) as sink:
        sink.send(status("online"))
        sink.send(message(Channel.STATE, "Ready"))
        eventually(lambda: sink.delivered == 2, what="both are acknowledged")
        broker.kill()
        eventually(lambda: not sink.connected, what="the loss is noticed")
        broker.start()
        with Subscriber(broker.port) as subscriber:
            assert {subscriber.next().payload, subscriber.next().payload} == {b"online", b"Ready"}


def test_messages_wait_while_the_broker_is_away_and_arrive_in_order(
    broker: Mosquitto, wire: Wire, protocol: ProtocolVersion
) -> None:
    with sink_to(wire.port, protocol=protocol) as sink:
        wait_until_connected(sink)
        wire.cut()
        broker.kill()
        eventually(lambda: not sink.connected, what="the loss is noticed")
        for number in range(300):
            sink.send(result(str(number)))
            sink.send(message(Channel.STATE, f"state {number}"))
        assert sink.queued == 300
        broker.start()
        with Subscriber(broker.port) as subscriber:
            wire.mend()
            received = subscriber.payloads_until(b"299")
    assert [payload for payload in received if payload.isdigit()] == [str(number).encode() for number in range(300)]
    assert [payload for payload in received if payload.startswith(b"state")] == [b"state 299"]


def test_a_topic_cleared_while_the_broker_is_away_is_cleared_when_it_is_back(broker: Mosquitto, wire: Wire) -> None:
    with sink_to(wire.port) as sink:
        sink.send(message(Channel.ALARM, "raised", name="camera_lost"))
        eventually(lambda: sink.delivered == 1, what="the alarm is acknowledged")
        wire.cut()
        eventually(lambda: not sink.connected, what="the loss is noticed")
        sink.send(message(Channel.ALARM, b"", name="camera_lost"))
        wire.mend()
        eventually(lambda: sink.delivered == 2, what="the clearing is acknowledged")
        sink.send(status("last"))
    with Subscriber(broker.port) as subscriber:
        assert subscriber.payloads_until(b"last") == [b"last"]


def test_nothing_is_lost_when_the_connection_breaks_in_mid_stream(broker: Mosquitto, wire: Wire) -> None:
    expected = [str(number).encode() for number in range(600)]
    with Subscriber(broker.port) as subscriber, sink_to(wire.port) as sink:
        for number in range(600):
            sink.send(result(str(number)))
            if number % 200 == 100:
                eventually(lambda least=number // 2: sink.delivered >= least, what="the stream flows")
                wire.answers_flow.clear()
            if number % 200 == 150:
                wire.cut()
                wire.mend()
        received = subscriber.payloads_until(expected[-1])
        wait_until_sent(sink)
    results = [payload for payload in received if payload.isdigit()]
    assert list(dict.fromkeys(results)) == expected  # at least once, the first of each in order
    assert sink.undelivered == {}


def test_a_broker_killed_in_mid_stream_gets_what_it_had_not_acknowledged(broker: Mosquitto) -> None:
    with sink_to(broker.port) as sink:
        wait_until_connected(sink)
        stop = threading.Event()
        sent = 0

        def send_all() -> None:
            nonlocal sent
            while not stop.is_set():
                sink.send(result(str(sent)))
                sent += 1
                stop.wait(0.0005)

        sender = threading.Thread(target=send_all)
        sender.start()
        for _ in range(3):
            goal = sink.delivered + 50
            eventually(lambda goal=goal: sink.delivered >= goal, what="the stream flows")
            broker.kill()
            broker.start()
        stop.set()
        sender.join()
        wait_until_sent(sink)
    assert (sink.delivered, sink.undelivered) == (sent, {})


def test_after_an_outage_defects_arrive_before_the_results_that_waited_with_them(broker: Mosquitto, wire: Wire) -> None:
    wire.cut()
    with Subscriber(broker.port) as subscriber, sink_to(wire.port) as sink:
        for number in range(3):
            sink.send(result(f"result {number}"))
            sink.send(message(Channel.DEFECT, f"defect {number}"))
        wire.mend()
        received = subscriber.payloads_until(b"result 2")
    assert received == [f"{kind} {number}".encode() for kind in ("defect", "result") for number in range(3)]


# --- who may connect ---


def test_a_refused_password_is_one_clear_line_until_the_file_is_right(
    tmp_path: Path, protocol: ProtocolVersion, caplog: pytest.LogCaptureFixture
) -> None:
    write_passwords(tmp_path / "users", "station", "correct horse")
    password_file = tmp_path / "password"
    password_file.write_text("battery staple\n")
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {tmp_path / 'users'}") as broker:
        settings = {"username": "station", "password_file": password_file, "protocol": protocol}
        with sink_to(broker.port, **settings) as sink:
            sink.send(result("one"))
            eventually(lambda: failed_attempts(caplog) >= 3, what="three attempts")
            (tmp_path / "renewed").write_text("correct horse\n")
            (tmp_path / "renewed").replace(password_file)
            wait_until_sent(sink)
    assert len(warnings_in(caplog)) == 1
    line = warnings_in(caplog)[0]
    assert f"{HOST}:{broker.port}: refused the connection with 'Not authorized'" in line
    assert "mqtt.password_file" in line
    assert "battery staple" not in caplog.text
    assert "correct horse" not in caplog.text


def tls(certificates: Certificates, **changes: Path | None) -> TlsSettings:
    files = {"ca": certificates.ca, "certificate": certificates.client, "key": certificates.client_key}
    return TlsSettings.model_validate({**files, **changes})


def tls_lines(certificates: Certificates) -> tuple[str, ...]:
    return (
        f"cafile {certificates.ca}",
        f"certfile {certificates.server}",
        f"keyfile {certificates.server_key}",
        "require_certificate true",
    )


def test_a_client_certificate_opens_a_connection_over_tls(
    tmp_path: Path, certificates: Certificates, protocol: ProtocolVersion
) -> None:
    with (
        Mosquitto(tmp_path, *tls_lines(certificates)) as broker,
        sink_to(broker.port, tls=tls(certificates), protocol=protocol) as sink,
    ):
        for number in range(100):
            sink.send(result(str(number)))
        wait_until_sent(sink)
        assert sink.delivered == 100


def expect_one_line(port: int, tls: TlsSettings | None, caplog: pytest.LogCaptureFixture) -> str:
    with sink_to(port, tls=tls):
        eventually(lambda: failed_attempts(caplog) >= 3, what="three attempts")
        assert len(warnings_in(caplog)) == 1
    return warnings_in(caplog)[0]


def test_a_broker_of_another_authority_is_refused_in_one_clear_line(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, *tls_lines(certificates)) as broker:
        line = expect_one_line(broker.port, tls(certificates, ca=certificates.stranger), caplog)
    assert f"{HOST}:{broker.port}: its certificate is not trusted" in line
    assert "check mqtt.tls.ca" in line


def test_a_broker_by_another_name_is_refused_in_one_clear_line(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    files = (f"certfile {certificates.elsewhere}", f"keyfile {certificates.elsewhere_key}")
    with Mosquitto(tmp_path, *files) as broker:
        line = expect_one_line(broker.port, tls(certificates), caplog)
    assert "check mqtt.host" in line


@pytest.mark.parametrize("which", ["none", "foreign"])
def test_a_certificate_that_the_broker_refuses_is_one_clear_line(
    tmp_path: Path, certificates: Certificates, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = (certificates.foreign, certificates.foreign_key) if which == "foreign" else (None, None)
    with Mosquitto(tmp_path, *tls_lines(certificates)) as broker:
        line = expect_one_line(broker.port, tls(certificates, certificate=files[0], key=files[1]), caplog)
    assert f"{HOST}:{broker.port}: it did not accept our certificate" in line
    assert "check mqtt.tls.certificate" in line


def test_tls_to_a_port_without_it_is_one_clear_line(
    broker: Mosquitto, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    line = expect_one_line(broker.port, tls(certificates), caplog)
    assert "check mqtt.port and mqtt.tls" in line


def test_plain_mqtt_to_a_port_with_tls_is_one_clear_line(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, *tls_lines(certificates)) as broker:
        line = expect_one_line(broker.port, None, caplog)
    assert "the connection ended without an answer" in line
    assert "mqtt.tls (now absent)" in line


def test_a_server_that_does_not_speak_mqtt_is_one_clear_line(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((HOST, 0)) as server:

        def answer() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller, suppress(OSError):
                    caller.recv(4096)
                    caller.sendall(b"\x20\x7fHTTP/1.1 400 Bad Request\r\n\r\n" + bytes(range(256)))

        thread = threading.Thread(target=answer)
        thread.start()
        line = expect_one_line(server.getsockname()[1], None, caplog)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert "mqtt.port" in line


def test_a_second_client_of_the_same_name_is_named_as_the_cause(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    with sink_to(broker.port, "twin") as first:
        wait_until_connected(first)
        with sink_to(broker.port, "twin"):
            eventually(lambda: warnings_in(caplog), what="the loss is logged")
    assert "mqtt.client_id" in warnings_in(caplog)[0]


# --- configuration ---


def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"mqtt.password_file: cannot read {tmp_path / 'absent'}"):
        sink_to(1883, username="station", password_file=tmp_path / "absent")


def test_an_empty_password_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(ConfigError, match=f"{path} is empty"):
        sink_to(1883, username="station", password_file=path)


def test_a_password_without_a_user_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.username: missing"):
        sink_to(1883, password="secret")


def test_a_certificate_file_that_cannot_be_read_is_named(certificates: Certificates, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"mqtt.tls.key: cannot read {tmp_path / 'absent'}"):
        sink_to(1883, tls=tls(certificates, key=tmp_path / "absent"))


def test_an_authority_that_is_no_certificate_is_named(certificates: Certificates, tmp_path: Path) -> None:
    path = tmp_path / "text.pem"
    path.write_text("no certificate")
    with pytest.raises(ConfigError, match=f"mqtt.tls.ca: {path} holds no certificate"):
        sink_to(1883, tls=tls(certificates, ca=path))


def test_a_key_that_belongs_to_another_certificate_is_refused(certificates: Certificates) -> None:
    with pytest.raises(ConfigError, match="expected PEM files that belong together"):
        sink_to(1883, tls=tls(certificates, key=certificates.foreign_key))


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(certificates: Certificates) -> None:
    with pytest.raises(ConfigError, match="the key without a passphrase"):
        sink_to(1883, tls=tls(certificates, key=certificates.encrypted_client_key()))
