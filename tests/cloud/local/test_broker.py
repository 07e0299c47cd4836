"""Messages reach a real broker in order, whatever happens to it."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local import outbox
from cloud_side.local.broker import Broker, BrokerConnection
from cloud_side.local.database import Database
from tests.mosquitto import HOST, Mosquitto, Subscriber, Wire, eventually, free_port, write_passwords

PAUSES_S = (0.01, 0.05)


@pytest.fixture
def database(open_services: Callable[..., Any]) -> Database:
    return open_services([])[1]


@pytest.fixture
def connections(database: Database) -> Iterator[Callable[..., BrokerConnection]]:
    made: list[BrokerConnection] = []

    def connect(port: int, **more: Any) -> BrokerConnection:
        broker = Broker(HOST, port, **{key: more.pop(key) for key in ("username", "password") if key in more})
        made.append(BrokerConnection(database, broker, pauses_s=PAUSES_S, **more))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def publish(database: Database, *texts: str, topic: str = "a/b", retain: bool = False) -> None:
    with database.transaction() as connection:
        for text in texts:
            outbox.publish(connection, topic, text.encode(), retain=retain)


def waiting(database: Database) -> list[str]:
    rows = database.connection().execute("SELECT payload FROM messages ORDER BY seq")
    return [row["payload"].decode() for row in rows]


def turn_until_sent(connection: BrokerConnection, database: Database) -> None:
    def is_sent() -> bool:
        connection.turn()
        return not waiting(database)

    eventually(is_sent, what="all messages are sent")


def test_messages_leave_in_order_and_are_gone_once_acknowledged(
    tmp_path: Path, database: Database, connections: Callable[..., BrokerConnection]
) -> None:
    texts = [f"{number}" for number in range(100)]
    with Mosquitto(tmp_path) as mosquitto, Subscriber(mosquitto.port, "a/#") as subscriber:
        connection = connections(mosquitto.port)
        publish(database, *texts)
        turn_until_sent(connection, database)
        assert [text.decode() for text in subscriber.payloads_until(b"99")] == texts
        publish(database, "kept", topic="a/last", retain=True)
        turn_until_sent(connection, database)
        assert subscriber.next().topic == "a/last"
        with Subscriber(mosquitto.port, "a/last") as late:
            assert (late.next().payload, late._client.is_connected()) == (b"kept", True)


def test_messages_wait_for_a_broker_that_is_away_and_it_is_said_once(
    tmp_path: Path,
    database: Database,
    connections: Callable[..., BrokerConnection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mosquitto = Mosquitto(tmp_path)
    connection = connections(mosquitto.port)
    publish(database, "one", "two")
    assert all(0 < connection.turn() <= PAUSES_S[1] for _ in range(5))
    assert waiting(database) == ["one", "two"]
    assert caplog.text.count("messages wait, trying again") == 1
    with mosquitto, Subscriber(mosquitto.port) as subscriber:
        turn_until_sent(connection, database)
        assert subscriber.payloads_until(b"two") == [b"one", b"two"]
    publish(database, "three")
    for _ in range(3):
        connection.turn()
    assert waiting(database) == ["three"]
    with mosquitto, Subscriber(mosquitto.port) as subscriber:
        turn_until_sent(connection, database)
        assert subscriber.next().payload == b"three"


def test_what_was_not_acknowledged_is_sent_again_in_order(
    tmp_path: Path, database: Database, connections: Callable[..., BrokerConnection]
) -> None:
    texts = [f"{number}" for number in range(30)]
    with Mosquitto(tmp_path) as mosquitto, Subscriber(mosquitto.port) as subscriber, Wire(mosquitto.port) as wire:
        connection = connections(wire.port)
        publish(database, "first")
        turn_until_sent(connection, database)
        wire.answers_flow.clear()  # acknowledgments are held back
        publish(database, *texts)
        connection.turn()
        assert waiting(database) == texts
        wire.cut()
        wire.mend()
        turn_until_sent(connection, database)
        received = [text.decode() for text in subscriber.payloads_until(b"29")]
        assert received[-len(texts) :] == texts
        assert set(received) == {"first", *texts}


def test_only_the_newest_wait_and_the_others_are_counted(
    database: Database, connections: Callable[..., BrokerConnection], caplog: pytest.LogCaptureFixture
) -> None:
    connection = connections(free_port(), most_kept=3)
    publish(database, *"abcde")
    connection.turn()
    assert waiting(database) == ["c", "d", "e"]
    publish(database, "f")
    connection.turn()
    assert waiting(database) == ["d", "e", "f"]
    assert "1 messages were dropped, 3 in all, since more than 3 wait" in caplog.text


def test_without_a_broker_messages_are_dropped_with_one_line(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    connection = BrokerConnection(database, None)
    with caplog.at_level(logging.INFO):
        for text in "ab":
            publish(database, text)
            connection.turn()
    assert waiting(database) == []
    assert caplog.text.count("no broker is configured") == 1
    connection.close()


def test_a_message_that_the_broker_refuses_does_not_stop_the_next(
    tmp_path: Path,
    database: Database,
    connections: Callable[..., BrokerConnection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite a/#\n")
    with (
        Mosquitto(tmp_path, f"acl_file {rules}", "max_packet_size 2000") as mosquitto,
        Subscriber(mosquitto.port, "a/#") as subscriber,
    ):
        connection = connections(mosquitto.port)
        publish(database, "not allowed", topic="b")
        publish(database, "wildcard", topic="a/#")
        publish(database, "x" * 3000)
        publish(database, "good")
        turn_until_sent(connection, database)
        assert subscriber.next().payload == b"good"
    assert caplog.text.count("refused a message, which is dropped") == 3
    assert "Not authorized" in caplog.text
    assert "3013 bytes are more than it takes, 2000" in caplog.text


def test_a_message_that_is_too_large_by_its_head_alone_holds_up_none(
    tmp_path: Path, database: Database, connections: Callable[..., BrokerConnection], caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, "max_packet_size 2000") as mosquitto, Subscriber(mosquitto.port, "a/#") as subscriber:
        connection = connections(mosquitto.port)
        for size in range(1985, 2001):  # with the topic 3 bytes more, and a head of up to 10
            publish(database, "x" * size)
        publish(database, "good")
        turn_until_sent(connection, database)
        sizes = [len(payload) for payload in subscriber.payloads_until(b"good")]
    assert sizes == [*range(1985, 1985 + len(sizes) - 1), 4]
    assert caplog.text.count("refused a message, which is dropped") == 17 - len(sizes)
    assert "the connection was lost" not in caplog.text


def test_no_more_is_in_flight_than_the_broker_takes(
    tmp_path: Path, database: Database, connections: Callable[..., BrokerConnection]
) -> None:
    with (
        Mosquitto(tmp_path, "max_inflight_messages 5") as mosquitto,
        Subscriber(mosquitto.port) as subscriber,
        Wire(mosquitto.port) as wire,
    ):
        connection = connections(wire.port)
        publish(database, "first")
        turn_until_sent(connection, database)
        wire.answers_flow.clear()
        publish(database, *map(str, range(10)))
        connection.turn()
        assert len(connection._in_flight) == 5
        wire.answers_flow.set()
        turn_until_sent(connection, database)
        assert [text.decode() for text in subscriber.payloads_until(b"9")] == ["first", *map(str, range(10))]


def test_engines_of_two_homes_share_a_broker(
    tmp_path: Path, database: Database, connections: Callable[..., BrokerConnection], caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path) as mosquitto:
        for connection in (one := connections(mosquitto.port), connections(mosquitto.port), one):
            publish(database, "m")
            turn_until_sent(connection, database)
    assert "the connection was lost" not in caplog.text


def test_the_broker_may_ask_for_a_password(
    tmp_path: Path,
    database: Database,
    connections: Callable[..., BrokerConnection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_passwords(tmp_path / "passwords", "engine", "secret")
    access = ("allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    with Mosquitto(tmp_path, *access) as mosquitto:
        publish(database, "m")
        connections(mosquitto.port, username="engine", password="wrong").turn()
        assert waiting(database) == ["m"]
        connection = connections(mosquitto.port, username="engine", password="secret")
        turn_until_sent(connection, database)
    assert "refused the connection: Not authorized" in caplog.text
    assert "secret" not in caplog.text


def test_what_is_no_broker_is_survived(
    database: Database, connections: Callable[..., BrokerConnection], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server((HOST, 0)) as listener:

        def answer() -> None:
            end, _ = listener.accept()
            end.recv(100)
            end.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            end.close()

        thread = threading.Thread(target=answer)
        thread.start()
        publish(database, "m")
        connections(listener.getsockname()[1]).turn()
        thread.join()
    assert waiting(database) == ["m"]
    assert "messages wait, trying again" in caplog.text
