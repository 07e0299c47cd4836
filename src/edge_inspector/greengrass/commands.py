"""Commands to the station, from the device and from the cloud, by two subscriptions that never hurt each other."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from awsiot.greengrasscoreipc.model import QOS, IoTCoreMessage, ReceiveMode, SubscriptionResponseMessage

from edge_inspector.commands import HEARTBEAT
from edge_inspector.greengrass.heartbeat import Heartbeat
from edge_inspector.greengrass.link import Link
from edge_inspector.greengrass.subscription import Subscription
from edge_inspector.greengrass.wire import Wire, local_publish
from edge_inspector.greengrass.worker import Worker
from edge_inspector.topics import TopicTree

Handler: TypeAlias = Callable[[str, bytes], None]


@contextmanager
def subscribed_to_commands(
    link: Link, worker: Worker, topics: TopicTree, handler: Handler, *, heartbeat_s: float
) -> Iterator[None]:
    """Take commands until it is left.

    Args:
        link: The nucleus.
        worker: Runs the handler.
        topics: Of the station.
        handler: Called with topic and payload.
        heartbeat_s: How often the local subscription is tried.
    """
    wanted, own_topic = topics.commands, topics.command(HEARTBEAT)
    heartbeat = Heartbeat(heartbeat_s)

    def take(topic: str, payload: bytes) -> None:
        if topic == own_topic:
            heartbeat.hear(payload)
        else:
            worker.put(lambda: handler(topic, payload))

    def take_local(event: SubscriptionResponseMessage) -> None:
        if event.binary_message is not None:
            take(event.binary_message.context.topic, event.binary_message.message or b"")
        elif event.json_message is not None:
            take(event.json_message.context.topic, json.dumps(event.json_message.message).encode())

    def take_from_cloud(event: IoTCoreMessage) -> None:
        if event.message is not None and event.message.topic_name != own_topic:
            take(event.message.topic_name, event.message.payload or b"")

    def beat(wire: Wire, mark: bytes) -> None:
        wire.ask(*local_publish(own_topic, mark))

    local = Subscription(
        f"the local subscription to {wanted}",
        lambda client, **events: client.subscribe_to_topic_async(
            topic=wanted, receive_mode=ReceiveMode.RECEIVE_ALL_MESSAGES, **events
        ),
        take_local,
        pulse=(heartbeat, beat),
    )
    cloud = Subscription(
        f"the subscription at IoT Core to {wanted}",
        lambda client, **events: client.subscribe_to_iot_core_async(topic_name=wanted, qos=QOS.AT_LEAST_ONCE, **events),
        take_from_cloud,
    )
    with link.subscribed(local), link.subscribed(cloud):
        yield
