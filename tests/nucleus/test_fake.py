"""What the Java nucleus and nucleus lite have in common, by the real client."""

import datetime as dt

import pytest
from awsiot.greengrasscoreipc.model import (
    InvalidArgumentsError,
    ResourceNotFoundError,
    UnauthorizedError,
)

from tests.nucleus.clients import CLOUD, CONFIGURATION, Client, Heard, changed_paths, publish, subscribe, upload
from tests.nucleus.fake import FakeNucleus
from tests.nucleus.loop import PATIENCE_S


def test_a_component_hears_what_others_and_it_itself_publish(nucleus: FakeNucleus, client: Client) -> None:
    heard = subscribe(client, "edge-inspector/a")
    publish(client, "edge-inspector/a", b"\x00own")
    nucleus.publish_local("edge-inspector/a", {"from": "another"})
    assert heard.next() == ("edge-inspector/a", b"\x00own")
    assert heard.next() == ("edge-inspector/a", {"from": "another"})
    assert [(message.topic, message.payload) for message in nucleus.local] == [("edge-inspector/a", b"\x00own")]


def test_a_filter_covers_levels(nucleus: FakeNucleus, client: Client) -> None:
    one, rest = subscribe(client, "edge-inspector/+/b"), subscribe(client, "edge-inspector/#")
    nucleus.publish_local("edge-inspector/a/c/b", b"1")
    nucleus.publish_local("edge-inspector/a/b", b"2")
    assert one.next()[1] == b"2"
    assert [rest.next()[1], rest.next()[1]] == [b"1", b"2"]


def test_what_access_control_does_not_name_is_unauthorized(nucleus: FakeNucleus, client: Client) -> None:
    with pytest.raises(UnauthorizedError) as refused:
        publish(client, "elsewhere", b"")
    assert (refused.value.message is not None) == nucleus.flavor.is_java
    with pytest.raises(UnauthorizedError):
        subscribe(client, "#")
    with pytest.raises(UnauthorizedError):
        client.publish_to_iot_core(topic_name="edge-inspector/a/b/station-3/c", qos="1", payload=b"")


@pytest.mark.usefixtures("nucleus")
def test_a_closed_subscription_hears_nothing_more(client: Client) -> None:
    heard = Heard()
    _, stream = client.subscribe_to_topic(topic="edge-inspector/a", on_stream_event=heard.put)
    stream.close().result(PATIENCE_S)
    still = subscribe(client, "edge-inspector/a")
    publish(client, "edge-inspector/a", b"late")
    assert still.next()
    assert heard.empty()


@pytest.mark.parametrize(
    ("path", "value"),
    [(["limits"], {"low": 0.5, "high": 2}), (["limits", "low"], {"low": 0.5}), (["list"], {"list": [1, 2]})],
)
@pytest.mark.usefixtures("nucleus")
def test_configuration_is_read_by_path(client: Client, path: list[str], value: object) -> None:
    assert client.get_configuration(key_path=path).value == value


@pytest.mark.usefixtures("nucleus")
def test_all_of_the_configuration_comes_with_access_control(client: Client) -> None:
    value = client.get_configuration(key_path=[]).value
    assert value.keys() == {*CONFIGURATION, "accessControl"}


@pytest.mark.usefixtures("nucleus")
def test_a_key_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(ResourceNotFoundError):
        client.get_configuration(key_path=["limits", "none"])
    with pytest.raises(ResourceNotFoundError):
        changed_paths(client, ["none"])


def test_every_changed_leaf_is_an_event(nucleus: FakeNucleus, client: Client) -> None:
    everything, part = changed_paths(client, []), changed_paths(client, ["limits"])
    nucleus.configure({"limits": {"low": 0.5, "high": 3, "new": 1}, "on": False})
    assert sorted(everything.next() for _ in range(3)) == [["limits", "high"], ["limits", "new"], ["on"]]
    assert [part.next(), part.next()] == [["limits", "high"], ["limits", "new"]]


def test_a_component_changes_its_own_configuration(nucleus: FakeNucleus, client: Client) -> None:
    heard = changed_paths(client, [])
    now = dt.datetime.now(dt.UTC)
    client.update_configuration(key_path=["own"], timestamp=now, value_to_merge={"seen": 1})
    assert heard.next() == ["own", "seen"]
    assert nucleus.configuration["own"] == {"seen": 1}
    with pytest.raises(InvalidArgumentsError):
        client.update_configuration(key_path=["own"], value_to_merge={"seen": 2})
    with pytest.raises(InvalidArgumentsError):
        client.update_configuration(key_path=[], timestamp=now, value_to_merge={"accessControl": {}})


def test_the_way_to_the_cloud_and_back(nucleus: FakeNucleus, client: Client) -> None:
    heard = Heard()
    client.subscribe_to_iot_core(
        topic_name=f"{CLOUD}/#", qos="1", on_stream_event=lambda event: heard.put(event.message.payload)
    )
    upload(client, retain=True)
    nucleus.publish_iot(f"{CLOUD}/cmd/reload", b"down")
    assert [heard.next(), heard.next()] == [b"up", b"down"]
    assert [(message.qos, message.retain) for message in nucleus.iot_core] == [(1, nucleus.flavor.is_java)]


def test_state_and_requests_are_kept(nucleus: FakeNucleus, client: Client) -> None:
    client.update_state(state="RUNNING")
    assert nucleus.states[-1] == "RUNNING"
    assert nucleus.requests["UpdateState"] == len(nucleus.states)
