"""Messages to an MQTT broker, which may come and go."""

import logging
import random
import selectors
import ssl
import time
from collections.abc import Callable

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_inspector import backoff
from edge_inspector.journal import Journal
from edge_inspector.settings import MqttSettings
from edge_inspector.sinks.mqtt_commands import CommandSubscription, TakeCommand
from edge_inspector.sinks.mqtt_connection import (
    TlsSocket,
    build_client,
    explain_end,
    explain_error,
    explain_refusal,
    explain_silence,
)
from edge_inspector.sinks.outbox import Outbox, OutboxSink
from edge_inspector.topics import Message

WINDOW = 20  # messages in flight: mosquitto's default; less where the broker asks for less
_TICK_S = 1.0  # how often paho looks after its keep-alive

_log = logging.getLogger(__name__)


class MqttSink(OutboxSink):
    """Publishes messages to one broker and keeps trying while it is away.

    Retained topics carry the present: the last payload of each is sent on every connection. Everything else is read
    from the journal and settled there once the broker has acknowledged it; what was in flight when a connection broke,
    or the process ended, is sent again (at least once).

    One thread owns the connection and is the only one that touches paho, so `send` never waits for the network. The
    thread is ours because its waits can be interrupted and have jitter, and because paho's keeps to itself the
    exception that says why a connection failed. Entering connects in the background, whether or not the broker is
    there; leaving disconnects.
    """

    def __init__(  # noqa: PLR0913 - what one connection needs
        self,
        settings: MqttSettings,
        journal: Journal,
        *,
        client_id: str,
        will: Message,
        reader: str = "mqtt",
        on_undelivered: Callable[[str, Message], None] | None = None,
        secret: Callable[[str], str] | None = None,
        commands: str | None = None,
        on_command: TakeCommand | None = None,
    ) -> None:
        """Check the settings; nothing is connected yet.

        Args:
            settings: The broker.
            journal: Holds what is sent.
            client_id: Unique at the broker; a second client of the same name takes the connection over.
            will: What the broker publishes when this client vanishes.
            reader: Name under which the journal remembers what this broker has taken.
            on_undelivered: Called with an `Undelivered` cause and the message, from the thread that found out.
            secret: Returns the secret that is the password; asked for every connection, since it may be renewed.
            commands: The topic filter of the commands that are subscribed to.
            on_command: Called with topic, payload and whether the broker kept it, on the connection's thread: returns
                at once.

        Raises:
            ConfigError: If a file that the settings name cannot be used.
        """
        self._settings, self._client_id, self._will = settings, client_id, will
        broker = f"MQTT broker {settings.host}:{settings.port}"
        self._secret = secret
        self._subscription: CommandSubscription | None = None
        if commands is not None and on_command is not None:
            self._subscription = CommandSubscription(broker, commands, on_command)
        self._client = self._build_client(None if secret is None else _not_yet)
        super().__init__(Outbox(name=broker, on_undelivered=on_undelivered), journal, reader=reader, thread="mqtt")
        # What follows belongs to the thread.
        self._tickets: dict[int, int] = {}  # by paho's message id
        self._refusal = self._end = ""  # what the broker answered to CONNECT; why the connection ended
        self._accepted_at: float | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it stands."""
        return self._outbox.is_open

    def _run(self) -> None:
        shortest_s, longest_s = self._settings.reconnect_min_s, self._settings.reconnect_max_s
        failures, wait_s = -1, 0.0
        try:
            while True:
                stood_s = self._connect_once()
                failures = 0 if stood_s > wait_s else failures + 1
                wait_s = backoff.pause_s(failures, shortest_s, longest_s, jitter=random.random())  # noqa: S311 - no secret
                if self._stop.wait(wait_s):
                    return
        finally:
            self._outbox.stop_waking()

    def _connect_once(self) -> float:
        """Hold one connection, from the attempt to its end; return how long it stood, in seconds."""
        self._refusal, self._end, self._accepted_at = "", "", None
        self._tickets.clear()
        try:
            self._client = self._build_client(self._secret)
            self._client.reconnect()
            problem = self._converse()
        except Exception as error:  # noqa: BLE001 - the thread outlives whatever a stranger on that port answers
            _log.debug("%s: the attempt failed", self._name, exc_info=error)
            problem = explain_error(error)
        if (sock := self._client.socket()) is not None:
            sock.close()
        self._outbox.shut()
        if not self._stop.is_set():
            level = logging.ERROR if self._accepted_at is None else logging.WARNING
            self._say(level, problem, f"{self.queued} messages wait; trying again")
        return 0.0 if self._accepted_at is None else time.monotonic() - self._accepted_at

    def _build_client(self, secret: Callable[[str], str] | None) -> Client:
        client = build_client(self._settings, client_id=self._client_id, will=self._will, secret=secret)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        if self._subscription is not None:
            self._subscription.attach(client)
        return client

    def _converse(self) -> str:
        """Exchange packets until the connection ends, and return why it did."""
        client, sock, waker = self._client, self._client.socket(), self._outbox.waker
        if sock is None:
            return explain_silence(self._end, self._settings)
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            while self._holds(sock) and not self._is_finished():
                self._publish_what_waits()
                client.loop_write()
                if not self._holds(sock):
                    break
                selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0))
                timeout_s = max(0.0, min(_TICK_S, self._flush_until_s - time.monotonic()))
                ready = {key.fileobj for key, _ in selector.select(timeout_s)}
                if waker in ready:
                    self._outbox.clear_waker()
                if sock in ready:
                    client.loop_read()
                    while isinstance(sock, ssl.SSLSocket) and self._holds(sock) and sock.pending():
                        client.loop_read()
                client.loop_misc()
        if self._holds(sock):
            client.disconnect()
            client.loop_write()
        return self._why_it_ended(sock)

    def _holds(self, sock: object) -> bool:
        return self._client.socket() is sock

    def _is_finished(self) -> bool:
        return self._stop.is_set() and (self._outbox.is_idle or time.monotonic() >= self._flush_until_s)

    def _publish_what_waits(self) -> None:
        while (taken := self._outbox.take()) is not None:
            ticket, message = taken
            delivery = message.delivery
            try:
                info = self._client.publish(message.topic, message.payload, delivery.qos, delivery.retain)
            except ValueError as error:
                self._refuse(ticket, f"{error}")
                continue
            if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                msg = f"publish: {info.rc.name}"
                raise ConnectionError(msg)  # the message is in flight; it is sent again on the next connection
            self._tickets[info.mid] = ticket

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._refusal = reason.getName()
            return
        self._accepted_at = time.monotonic()
        self._said.clear()
        self._outbox.open(min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW)))
        tls = " over TLS" if self._settings.tls else ""
        _log.info("%s: connected as %s by MQTT %s%s", self._name, self._client_id, self._settings.protocol, tls)
        if self._subscription is not None:
            self._subscription.begin(client)

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        self._end = reason.getName()

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        ticket = self._tickets.pop(mid, None)
        if ticket is None:
            return
        if reason.is_failure:
            self._refuse(ticket, reason.getName())
        else:
            self._outbox.settle(ticket)

    def _refuse(self, ticket: int, answer: str) -> None:
        topic = self._outbox.refuse(ticket, answer).topic
        problem = f"it refused a message on {topic} with {answer!r}; check what it allows this client"
        self._say(logging.ERROR, problem, "it is kept as a dead letter")

    def _why_it_ended(self, sock: object) -> str:
        if self._accepted_at is not None:
            return explain_end(self._end, stood_s=time.monotonic() - self._accepted_at)
        if self._refusal:
            return explain_refusal(self._refusal)
        if isinstance(sock, TlsSocket) and sock.alert is not None:
            return explain_error(sock.alert)
        return explain_silence(self._end, self._settings)


def _not_yet(_secret: str) -> str:
    """Stand in for a secret while only the rest is checked: who keeps it may be away at the start."""
    return ""
