"""The real client of the Greengrass IPC, connected to a fake nucleus."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from awscrt.exceptions import AwsCrtError
from awsiot.eventstreamrpc import LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import QOS, BinaryMessage, JsonMessage, PublishMessage

from tests.nucleus.fake import FakeNucleus
from tests.nucleus.loop import PATIENCE_S

Client = GreengrassCoreIPCClientV2

CLOUD = "edge-inspector/site/line/station-2"
CONFIGURATION = {"limits": {"low": 0.5, "high": 2}, "on": True, "list": [1, 2]}


@contextmanager
def client_of(nucleus: FakeNucleus, token: str | None = None) -> Iterator[Client]:
    core = connect(
        ipc_socket=str(nucleus.socket_path),
        authtoken=token or nucleus.token,
        lifecycle_handler=LifecycleHandler(),
    )
    client = Client(core, executor=None)
    yield client
    with suppress(AwsCrtError, RuntimeError):  # the test has closed it from the other side
        client.close().result(PATIENCE_S)


def publish(client: Client, topic: str, payload: bytes | dict[str, Any]) -> None:
    is_binary = isinstance(payload, bytes)
    message = (
        PublishMessage(binary_message=BinaryMessage(message=payload))
        if is_binary
        else PublishMessage(json_message=JsonMessage(message=payload))
    )
    client.publish_to_topic_async(topic=topic, publish_message=message).result(PATIENCE_S)


class Heard(queue.Queue[Any]):
    """The events of one subscription."""

    def next(self) -> Any:
        return self.get(timeout=PATIENCE_S)


def subscribe(client: Client, topics: str, **options: Any) -> Heard:
    """Subscribe on the device, and hear (topic, payload or JSON message)."""
    heard = Heard()

    def hear(event: Any) -> None:
        message = event.binary_message or event.json_message
        heard.put((message.context.topic, message.message))

    client.subscribe_to_topic(topic=topics, on_stream_event=hear, **options)
    return heard


def upload(client: Client, payload: bytes = b"up", *, qos: str = QOS.AT_LEAST_ONCE, **options: Any) -> None:
    client.publish_to_iot_core(topic_name=f"{CLOUD}/alarm/x", qos=qos, payload=payload, **options)


def changed_paths(client: Client, path: list[str]) -> Heard:
    """Follow the configuration, and hear the path of each change."""
    heard = Heard()
    client.subscribe_to_configuration_update(
        key_path=path, on_stream_event=lambda event: heard.put(event.configuration_update_event.key_path)
    )
    return heard
