"""A connection to the MQTT broker that is made again and again, driven by the one thread that has it."""

import logging
import random
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_inspector.backoff import pause_s

LOOK_S = 0.1
PAUSES_S = (0.5, 60.0)
_ANSWER_S = 5.0  # for the network, then for the broker
_KEEPALIVE_S = 30

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


class Link:
    """A connection, while there is one; for one thread.

    Attributes:
        client: paho's, from `open` until the connection is lost or shut.
        said: What the broker said of itself when it accepted the connection, e.g. `ReceiveMaximum`.
        is_known: The broker has kept the session from before.
        end: Why the connection ended, or was not accepted.
    """

    def __init__(  # noqa: PLR0913 - what differs between two connections
        self,
        broker: Broker,
        prepare: Callable[[Client], None],
        *,
        waiting: str,
        pauses_s: tuple[float, float] = PAUSES_S,
        kept_s: int = 0,
        manual_ack: bool = False,
    ) -> None:
        """Connect to nothing yet.

        Args:
            broker: The broker.
            prepare: Gives a client the callbacks that it needs beside those of the connection.
            waiting: What waits while the broker is away, for the log.
            pauses_s: The shortest and the longest pause before it is tried again, in seconds.
            kept_s: For how long the broker keeps the session after the connection, in seconds.
            manual_ack: Messages are acknowledged by whoever takes them.
        """
        self.client: Client | None = None
        self.said: Properties | None = None
        self.is_known = False
        self.end = ""
        self._broker, self._prepare, self._waiting = broker, prepare, waiting
        self._pauses_s, self._kept_s, self._manual_ack = pauses_s, kept_s, manual_ack
        self._failures = 0
        self._told = ""
        self._is_accepted = False

    def open(self, client_id: str) -> bool:
        """Connect, and return whether the broker has accepted that."""
        self._is_accepted, self.end = False, "it does not answer"
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = self._kept_s
        host, port = self._broker.host, self._broker.port
        try:
            self.client = self._built(client_id)
            self.client.connect(host, port, _KEEPALIVE_S, clean_start=not self._kept_s, properties=session)
            give_up_at_s = time.monotonic() + _ANSWER_S
            while self.client is not None and not self._is_accepted and time.monotonic() < give_up_at_s:
                self.hear(LOOK_S)
        except (OSError, ValueError) as error:  # ValueError: a host name that can be none
            self.end = f"{error}"
        if self._is_accepted and self.client is not None:
            _log.info("%s: connected", self._broker)
            self._failures, self._told = 0, ""
            return True
        self.shut()
        return False

    def hear(self, wait_s: float) -> None:
        """Exchange what is there, waiting for it a while."""
        client = self.client
        sock = None if client is None else client.socket()
        if client is None or sock is None:
            self.shut()
            return
        writing = [sock] if client.want_write() else []
        readable, writable, _ = select.select([sock], writing, [], wait_s)
        codes = [client.loop_read()] if readable else []
        codes += [client.loop_write()] if writable else []
        codes.append(client.loop_misc())
        if any(code is not MQTTErrorCode.MQTT_ERR_SUCCESS for code in codes) or client.socket() is None:
            self.shut()

    def away(self) -> float:
        """Say once why there is no connection, and return after how many seconds to try again."""
        if self.end != self._told:
            self._told = self.end
            _log.warning("%s: %s; %s wait, trying again", self._broker, self.end, self._waiting)
        pause = pause_s(self._failures, *self._pauses_s, jitter=random.random())  # noqa: S311 - no secret
        self._failures += 1
        return pause

    def close(self) -> None:
        """Say goodbye to the broker."""
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_write()
            self.shut()

    def shut(self) -> None:
        """End the connection without a word."""
        client, self.client = self.client, None
        if client is not None and (sock := client.socket()) is not None:
            sock.close()

    def _built(self, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._manual_ack,
        )
        client.username_pw_set(self._broker.username, self._broker.password)
        client.connect_timeout = _ANSWER_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        self._prepare(client)
        return client

    def _on_connect(
        self, _client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, said: Properties | None
    ) -> None:
        self._is_accepted = not reason.is_failure
        self.end = "the connection was lost" if self._is_accepted else f"it refused the connection: {reason.getName()}"
        self.said, self.is_known = said, flags.session_present

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        if self._is_accepted:
            self.end = f"the connection was lost: {reason.getName()}"
