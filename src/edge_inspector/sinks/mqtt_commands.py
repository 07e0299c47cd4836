"""Commands that come over the broker: subscribed to on every connection, handed over at once."""

import logging
from collections.abc import Callable
from typing import TypeAlias

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

TakeCommand: TypeAlias = Callable[[str, bytes, bool], None]  # topic, payload, and whether the broker kept it

_log = logging.getLogger(__name__)


class CommandSubscription:
    """A subscription; for the thread that owns the connection. Commands expire, so the broker need not keep any."""

    def __init__(self, broker: str, topics: str, take: TakeCommand) -> None:
        """Subscribe to nothing yet.

        Args:
            broker: What it is called in the log.
            topics: The topic filter.
            take: Called with each message; returns at once.
        """
        self._broker, self._topics, self._take = broker, topics, take
        self._is_refused = False

    def attach(self, client: Client) -> None:
        """Listen to a client of a connection that is to be made."""
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message

    def begin(self, client: Client) -> None:
        """Subscribe, on a connection that was accepted."""
        if client.protocol is MQTTProtocolVersion.MQTTv5:
            # Without the option a command that somebody retains looks like any other while we are connected.
            client.subscribe(self._topics, options=SubscribeOptions(qos=1, retainAsPublished=True))
        else:
            client.subscribe(self._topics, qos=1)

    def _on_subscribe(
        self, _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        was_refused, self._is_refused = self._is_refused, any(reason.is_failure for reason in reasons)
        if not self._is_refused:
            _log.debug("%s: subscribed to %s", self._broker, self._topics)
            return
        answer = ", ".join(reason.getName() for reason in reasons)
        check = "no command comes over it; check what it allows this client"
        level = logging.DEBUG if was_refused else logging.ERROR
        _log.log(level, "%s: it refused the subscription to %s with %r; %s", self._broker, self._topics, answer, check)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            self._take(message.topic, bytes(message.payload), message.retain)
        except Exception:  # noqa: BLE001 - thread boundary: whoever takes commands must not end the connection
            _log.exception("%s: a command could not be taken", self._broker)
