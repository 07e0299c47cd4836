"""Publish and subscribe: on the device, and through AWS IoT Core."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.nucleus.configuration import count_objects
from tests.nucleus.connection import Call
from tests.nucleus.flavors import Flavor, exceeds
from tests.nucleus.refusals import ApiError, RefusalError
from tests.nucleus.subscriptions import Subscriptions
from tests.nucleus.topics import matches

_ACKNOWLEDGED_AFTER_S = 0.002


@dataclass(frozen=True, slots=True)
class Published:
    """A message that the component published."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class LocalTopics:
    """Publish and subscribe between the components of the device."""

    def __init__(self, flavor: Flavor, subscriptions: Subscriptions) -> None:
        self._flavor = flavor
        self._subscriptions = subscriptions

    def publish(self, topic: str, message: Mapping[str, Any], *, is_own: bool) -> Published:
        """Pass a message on to whoever wants it.

        Args:
            topic: Where to.
            message: The `publishMessage` of the API.
            is_own: Whether the subscriber's own component published it.

        Raises:
            RefusalError: If the nucleus does not take it.
        """
        if set(topic) & set("+#*"):
            raise RefusalError(ApiError.INVALID_ARGUMENTS, "Publish topic must not contain a wildcard.")
        ((kind, body),) = message.items()
        content, is_json = body["message"], kind == "jsonMessage"
        objects = count_objects(content) if is_json else 0
        if exceeds(objects, self._flavor.publisher_objects):
            raise RefusalError(ApiError.SERVICE)
        wanting = [
            subscription
            for subscription in self._subscriptions.to("SubscribeToTopic")
            if matches(subscription.topics, topic) and (subscription.takes_own or not is_own)
        ]
        if exceeds(objects, self._flavor.subscriber_objects):
            self._subscriptions.end(lambda subscription: subscription in wanting)
        else:
            for subscription in wanting:
                subscription.send({kind: {"message": content, "context": {"topic": topic}}})
        return Published(topic, json.dumps(content).encode() if is_json else base64.b64decode(content))

    def subscribe(self, call: Call) -> None:
        topics = call.request["topic"]
        default = "RECEIVE_MESSAGES_FROM_OTHERS" if set(topics) & set("+#") else "RECEIVE_ALL_MESSAGES"
        takes_own = call.request.get("receiveMode", default) == "RECEIVE_ALL_MESSAGES" or not self._flavor.is_java
        self._subscriptions.add(call, topics=topics, takes_own=takes_own)


class IotCore:
    """The way to AWS IoT Core and back.

    Attributes:
        is_online: Whether IoT Core can be reached.
        acknowledges: Whether it acknowledges what it gets.
    """

    def __init__(self, flavor: Flavor, subscriptions: Subscriptions, arrived: Callable[[Published], None]) -> None:
        self.is_online = True
        self.acknowledges = True
        self._flavor = flavor
        self._subscriptions = subscriptions
        self._arrived = arrived
        self._spool: list[Published] = []
        self._unacknowledged = 0

    def publish(self, request: Mapping[str, Any]) -> None:
        """Send a message up, or keep it; a RefusalError if the nucleus does not take it."""
        message = Published(
            topic=request["topicName"],
            payload=base64.b64decode(request.get("payload", "")),
            qos=int(request.get("qos", 0)),
            retain=self._flavor.is_java and bool(request.get("retain")),
        )
        if not self.is_online:
            self._keep(message)
            return
        if message.qos:
            if exceeds(self._unacknowledged + 1, self._flavor.unacknowledged):
                raise RefusalError(ApiError.SERVICE)
            self._unacknowledged += 1
            asyncio.get_running_loop().call_later(_ACKNOWLEDGED_AFTER_S, self._acknowledge)
        self._arrive(message)

    def deliver(self, topic: str, payload: bytes) -> None:
        """Bring a message down to whoever wants it."""
        if not self.is_online or exceeds(len(payload), self._flavor.inbound_bytes):
            return
        event = {"message": {"topicName": topic, "payload": base64.b64encode(payload).decode()}}
        for subscription in self._subscriptions.to("SubscribeToIoTCore"):
            if matches(subscription.topics, topic):
                subscription.send(event)

    def go(self, *, online: bool) -> None:
        self.is_online = online
        while online and self._spool:
            self._arrive(self._spool.pop(0))

    def acknowledge(self, *, acknowledges: bool) -> None:
        """Let acknowledgements come or not; those that were held come at once."""
        self.acknowledges = acknowledges
        self._unacknowledged = 0

    def forget(self) -> None:
        """Lose what is only in memory."""
        self._spool.clear()
        self._unacknowledged = 0

    def _keep(self, message: Published) -> None:
        spooled = sum(len(kept.payload) for kept in self._spool)
        if not message.qos or spooled + len(message.payload) > self._flavor.spool_bytes:
            raise RefusalError(ApiError.SERVICE, "The spool does not take the message.")
        self._spool.append(message)

    def _acknowledge(self) -> None:
        if self.acknowledges:
            self._unacknowledged = max(0, self._unacknowledged - 1)

    def _arrive(self, message: Published) -> None:
        self._arrived(message)
        self.deliver(message.topic, message.payload)
