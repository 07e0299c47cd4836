"""What the engine publishes: messages leave in order, and are kept until the broker has them."""

import logging
import uuid

from paho.mqtt.client import Client
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_side.local.broker.link import LOOK_S, PAUSES_S, Broker, Link
from cloud_side.local.database import Database

MOST_KEPT = 10_000
_WINDOW = 20  # messages in flight at most: mosquitto's default
_HEAD_BYTES = 10  # of a PUBLISH of version 5 beside topic and payload, at most
_NO_LIMIT = 268_435_455  # what MQTT can hold

_log = logging.getLogger(__name__)


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
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        """Connect to nothing yet.

        Args:
            database: Holds the messages.
            broker: Takes them; None where there is none.
            most_kept: Messages that wait for it, the newest ones.
            pauses_s: The shortest and the longest pause before it is tried again, in seconds.
        """
        self._database, self._broker, self._most_kept = database, broker, most_kept
        self._client_id = f"edge-inspector-cloud-{uuid.uuid4().hex[:8]}"  # another home's engine may be there too
        self._link = None if broker is None else Link(broker, self._prepare, waiting="messages", pauses_s=pauses_s)
        self._is_said = False
        self._dropped = 0
        self._in_flight: dict[int, int] = {}  # the row's number by paho's message id
        self._settled: list[int] = []

    def turn(self) -> float:
        """Connect, send and hear, for a short while."""
        if (link := self._link) is None:
            return self._drop_all()
        self._keep_newest()
        if link.client is None:
            self._in_flight.clear()
            if not link.open(self._client_id):
                return link.away()
        is_busy = self._send(link)
        link.hear(LOOK_S if self._in_flight else 0.0)
        self._settle()
        if link.client is None:
            return link.away()
        return 0.0 if is_busy or self._in_flight else LOOK_S

    def close(self) -> None:
        """Say goodbye to the broker."""
        if self._link is not None:
            self._link.close()

    def _prepare(self, client: Client) -> None:
        client.max_inflight_messages = 0  # the window is kept here
        client.on_publish = self._on_publish

    def _send(self, link: Link) -> bool:
        """Publish what waits, as far as the window goes, and return whether anything was."""
        largest = getattr(link.said, "MaximumPacketSize", _NO_LIMIT)
        room = min(_WINDOW, getattr(link.said, "ReceiveMaximum", _WINDOW)) - len(self._in_flight)
        last = max(self._in_flight.values(), default=0)
        query = "SELECT * FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self._database.connection().execute(query, (last, room)).fetchall()
        for row in rows:
            if link.client is None:
                break
            if (size := len(row["payload"]) + len(row["topic"].encode()) + _HEAD_BYTES) > largest:
                self._refuse(row["seq"], f"{size} bytes are more than it takes, {largest}")
                continue
            try:
                sent = link.client.publish(row["topic"], row["payload"], qos=1, retain=bool(row["retain"]))
            except ValueError as error:
                self._refuse(row["seq"], f"{error}")
                continue
            self._in_flight[sent.mid] = row["seq"]
        return bool(rows)

    def _settle(self) -> None:
        if self._settled:
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM messages WHERE seq = ?", [(seq,) for seq in self._settled])
            self._settled.clear()

    def _refuse(self, seq: int, reason: str) -> None:
        _log.warning("%s: refused a message, which is dropped: %s", self._broker, reason)
        self._settled.append(seq)

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
            if not self._is_said:
                self._is_said = True
                _log.info("no broker is configured; messages to it are dropped")
        return LOOK_S

    def _delete_up_to(self, seq: int) -> int:
        with self._database.transaction() as connection:
            dropped = connection.execute("DELETE FROM messages WHERE seq <= ?", (seq,)).rowcount
        self._dropped += dropped
        return dropped

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        if (seq := self._in_flight.pop(mid, None)) is None:
            return
        if reason.is_failure:
            self._refuse(seq, reason.getName())
        else:
            self._settled.append(seq)
