"""The engine's connection to the MQTT broker: messages leave in order, and are kept until the broker has them."""

import logging
import random
import select
import time
import uuid
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_side.local.database import Database
from edge_inspector.backoff import pause_s

MOST_KEPT = 10_000
_WINDOW = 20  # messages in flight at most: mosquitto's default
_HEAD_BYTES = 10  # of a PUBLISH of version 5 beside topic and payload, at most
_ANSWER_S = 5.0  # for the network, then for the broker
_KEEPALIVE_S = 30
_LOOK_S = 0.1
_PAUSES_S = (0.5, 60.0)
_NO_LIMIT = 268_435_455  # what MQTT can hold

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broker:
    """Where messages go: a broker on this machine or in this network, so there is no TLS."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return it as a log names it."""
        return f"MQTT broker {self.host}:{self.port}"


class BrokerConnection:
    """Sends the rows of `messages` with QoS 1, each deleted once the broker has acknowledged it.

    What was in flight when the connection or the process ended is sent again, in the same order. While the broker is
    away the newest messages are kept, and it is counted how many were not. Where there is no broker none is kept.
    """

    name = "broker"

    def __init__(
        self,
        database: Database,
        broker: Broker | None,
        *,
        most_kept: int = MOST_KEPT,
        pauses_s: tuple[float, float] = _PAUSES_S,
    ) -> None:
        """Connect to nothing yet.

        Args:
            database: Holds the messages.
            broker: Takes them; None where there is none.
            most_kept: Messages that wait for it, the newest ones.
            pauses_s: The shortest and the longest pause before it is tried again, in seconds.
        """
        self._database = database
        self._broker = broker
        self._client_id = f"edge-inspector-cloud-{uuid.uuid4().hex[:8]}"  # another home's engine may be there too
        self._most_kept = most_kept
        self._pauses_s = pauses_s
        self._client: Client | None = None
        self._failures = 0
        self._said = ""
        self._dropped = 0
        self._is_accepted = False
        self._end = ""  # why the connection ended, or was not accepted
        self._largest, self._window = _NO_LIMIT, _WINDOW
        self._in_flight: dict[int, int] = {}  # the row's number by paho's message id
        self._settled: list[int] = []

    def turn(self) -> float:
        """Connect, send and hear, for a short while."""
        if self._broker is None:
            return self._drop_all()
        self._keep_newest()
        if self._client is None and (problem := self._connect(self._broker)):
            return self._away(problem)
        is_busy = self._send()
        self._hear(_LOOK_S if self._in_flight else 0.0)
        self._settle()
        if self._client is None:
            return self._away(f"the connection was lost: {self._end}")
        return 0.0 if is_busy or self._in_flight else _LOOK_S

    def close(self) -> None:
        """Say goodbye to the broker."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
            self._shut()

    def _connect(self, broker: Broker) -> str:
        """Connect, and return what was in the way, or nothing."""
        self._is_accepted, self._end = False, "it does not answer"
        try:
            self._client = self._built(broker)
            self._client.connect(broker.host, broker.port, _KEEPALIVE_S, clean_start=True)
            give_up_at_s = time.monotonic() + _ANSWER_S
            while self._client is not None and not self._is_accepted and time.monotonic() < give_up_at_s:
                self._hear(_LOOK_S)
        except (OSError, ValueError) as error:  # ValueError: a host name that can be none
            self._end = f"{error}"
        if self._is_accepted and self._client is not None:
            _log.info("%s: connected", broker)
            self._failures, self._said = 0, ""
            return ""
        self._shut()
        return self._end

    def _built(self, broker: Broker) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(broker.username, broker.password)
        client.connect_timeout = _ANSWER_S
        client.max_inflight_messages = 0  # the window is kept here
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _send(self) -> bool:
        """Publish what waits, as far as the window goes, and return whether anything was."""
        room = self._window - len(self._in_flight)
        last = max(self._in_flight.values(), default=0)
        query = "SELECT * FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self._database.connection().execute(query, (last, room)).fetchall()
        for row in rows:
            if self._client is None:
                break
            if (size := len(row["payload"]) + len(row["topic"].encode()) + _HEAD_BYTES) > self._largest:
                self._refuse(row["seq"], f"{size} bytes are more than it takes, {self._largest}")
                continue
            try:
                sent = self._client.publish(row["topic"], row["payload"], qos=1, retain=bool(row["retain"]))
            except ValueError as error:
                self._refuse(row["seq"], f"{error}")
                continue
            self._in_flight[sent.mid] = row["seq"]
        return bool(rows)

    def _hear(self, wait_s: float) -> None:
        """Exchange what is there, waiting for it a while."""
        client = self._client
        sock = None if client is None else client.socket()
        if client is None or sock is None:
            self._shut()
            return
        writing = [sock] if client.want_write() else []
        readable, writable, _ = select.select([sock], writing, [], wait_s)
        codes = [client.loop_read()] if readable else []
        codes += [client.loop_write()] if writable else []
        codes.append(client.loop_misc())
        if any(code is not MQTTErrorCode.MQTT_ERR_SUCCESS for code in codes) or client.socket() is None:
            self._shut()

    def _settle(self) -> None:
        if self._settled:
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM messages WHERE seq = ?", [(seq,) for seq in self._settled])
            self._settled.clear()

    def _refuse(self, seq: int, reason: str) -> None:
        _log.warning("%s: refused a message, which is dropped: %s", self._broker, reason)
        self._settled.append(seq)

    def _shut(self) -> None:
        client, self._client = self._client, None
        self._in_flight.clear()
        if client is not None and (sock := client.socket()) is not None:
            sock.close()

    def _away(self, problem: str) -> float:
        if problem != self._said:
            self._said = problem
            _log.warning("%s: %s; messages wait, trying again", self._broker, problem)
        pause = pause_s(self._failures, *self._pauses_s, jitter=random.random())  # noqa: S311 - no secret
        self._failures += 1
        return pause

    def _keep_newest(self) -> None:
        query = "SELECT seq FROM messages ORDER BY seq DESC LIMIT 1 OFFSET ?"
        row = self._database.connection().execute(query, (self._most_kept,)).fetchone()
        if row is not None:
            dropped = self._delete_up_to(row["seq"])
            message = "%s: %d messages were dropped, %d in all, since more than %d wait"
            _log.warning(message, self._broker, dropped, self._dropped, self._most_kept)

    def _drop_all(self) -> float:
        row = self._database.connection().execute("SELECT max(seq) AS newest FROM messages").fetchone()
        if row["newest"] is not None:
            self._delete_up_to(row["newest"])
            if not self._said:
                self._said = "no broker is configured; messages to it are dropped"
                _log.info(self._said)
        return _LOOK_S

    def _delete_up_to(self, seq: int) -> int:
        with self._database.transaction() as connection:
            dropped = connection.execute("DELETE FROM messages WHERE seq <= ?", (seq,)).rowcount
        self._dropped += dropped
        return dropped

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._is_accepted = not reason.is_failure
        self._end = f"it refused the connection: {reason.getName()}"
        self._largest = getattr(properties, "MaximumPacketSize", _NO_LIMIT)
        self._window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        if self._is_accepted:
            self._end = reason.getName()

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        if (seq := self._in_flight.pop(mid, None)) is None:
            return
        if reason.is_failure:
            self._refuse(seq, reason.getName())
        else:
            self._settled.append(seq)
