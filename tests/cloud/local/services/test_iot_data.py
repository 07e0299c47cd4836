"""Messages that the cloud publishes go to the broker's connection."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.iot import IOT_DATA
from tests.cloud.local.kept import Kept, kept


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("cloud"), [IOT_DATA]) as made:
        yield made


def test_a_message_waits_for_the_broker_with_its_retain(cloud: Kept) -> None:
    client = cloud.client("iot-data")
    client.publish(topic="edge-inspector/a", qos=1, retain=True, payload=b"{}")
    client.publish(topic="edge-inspector/b", payload="text")
    client.publish(topic="edge-inspector/c", payload=io.BytesIO(b"file"))
    client.publish(topic="edge-inspector/a", retain=True)
    rows = cloud.database.connection().execute("SELECT topic, payload, retain FROM messages ORDER BY seq").fetchall()
    assert [tuple(row) for row in rows] == [
        ("edge-inspector/a", b"{}", 1),
        ("edge-inspector/b", b"text", 0),
        ("edge-inspector/c", b"file", 0),
        ("edge-inspector/a", b"", 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"topic": "a/+/b"}, "without wildcards"),
        ({"topic": "$aws/things"}, "not the service's own"),
        ({"topic": "/".join("abcdefghi")}, "7 slashes"),
        ({"topic": "a" * 257}, "256 bytes"),
        ({"topic": "a", "payload": bytes(131_073)}, "found 131073 bytes"),
    ],
)
def test_a_message_that_iot_core_would_not_take_is_refused(cloud: Kept, arguments: dict[str, Any], said: str) -> None:
    client = cloud.client("iot-data")
    with pytest.raises(client.exceptions.InvalidRequestException, match=said):
        client.publish(**arguments)
