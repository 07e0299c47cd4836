"""In what the Java nucleus and nucleus lite differ, by the real client."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from awscrt.exceptions import AwsCrtError
from awsiot.eventstreamrpc import AccessDeniedError, StreamClosedError
from awsiot.greengrasscoreipc.model import (
    QOS,
    ConfigurationValidityReport,
    FailedUpdateConditionCheckError,
    InvalidArgumentsError,
    ReceiveMode,
    ResourceNotFoundError,
    ServiceError,
)

from tests.nucleus.clients import CLOUD, CONFIGURATION, Client, Heard, client_of, publish, subscribe, upload
from tests.nucleus.fake import FakeNucleus
from tests.nucleus.loop import PATIENCE_S


def test_a_bad_token_is_answered_by_java_and_not_by_lite(nucleus: FakeNucleus) -> None:
    with pytest.raises(AccessDeniedError if nucleus.flavor.is_java else AwsCrtError), client_of(nucleus, token="WRONG"):
        pass
    assert nucleus.refused_connects == 1


def test_only_java_keeps_own_messages_back(nucleus: FakeNucleus, client: Client) -> None:
    by_default = subscribe(client, "edge-inspector/#")
    wanted = subscribe(client, "edge-inspector/#", receive_mode=ReceiveMode.RECEIVE_ALL_MESSAGES)
    publish(client, "edge-inspector/a", b"own")
    nucleus.publish_local("edge-inspector/a", b"other")
    assert [wanted.next()[1], wanted.next()[1]] == [b"own", b"other"]
    assert by_default.next()[1] == (b"other" if nucleus.flavor.is_java else b"own")


def test_a_long_frame_closes_the_connection_of_lite(lite: FakeNucleus) -> None:
    with client_of(lite) as client:
        publish(client, "edge-inspector/a", bytes(7_200))
        with pytest.raises(StreamClosedError):
            publish(client, "edge-inspector/a", bytes(7_400))
        lite.wait_until(lambda: not lite.connections)


def test_java_takes_long_frames(java: FakeNucleus) -> None:
    with client_of(java) as client:
        publish(client, "edge-inspector/a", bytes(200_000))


@pytest.mark.parametrize(
    ("good", "deadly"),
    [
        ({"list": [0] * 42}, {"list": [0] * 43}),
        ({"d": [{"c": 1, "s": 1, "b": [1] * 4}] * 3}, {"d": [{"c": 1, "s": 1, "b": [1] * 4}] * 4}),
    ],
)
def test_a_json_message_of_many_objects_ends_a_subscription_of_lite_without_a_word(
    lite: FakeNucleus, good: dict[str, Any], deadly: dict[str, Any]
) -> None:
    with client_of(lite) as client:
        heard = subscribe(client, "edge-inspector/a")
        publish(client, "edge-inspector/a", good)
        assert heard.next()[1] == good
        publish(client, "edge-inspector/a", deadly)
        still = subscribe(client, "edge-inspector/a")
        publish(client, "edge-inspector/a", b"after")
        assert still.next()[1] == b"after"
        assert heard.empty()
        with pytest.raises(ServiceError):
            publish(client, "edge-inspector/a", {"list": [0] * 190})


def test_an_older_value_is_refused_by_java_and_ignored_by_lite(nucleus: FakeNucleus, client: Client) -> None:
    old = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    if nucleus.flavor.is_java:
        with pytest.raises(FailedUpdateConditionCheckError):
            client.update_configuration(key_path=[], timestamp=old, value_to_merge={"on": "old"})
    else:
        client.update_configuration(key_path=[], timestamp=old, value_to_merge={"on": "old"})
    assert nucleus.configuration["on"] is True


def test_a_reset_key_is_default_on_java_and_gone_on_lite(nucleus: FakeNucleus) -> None:
    nucleus.configure(reset=[["limits", "high"]])
    assert nucleus.configuration["limits"] == {"low": 0.5, **({"high": 2} if nucleus.flavor.is_java else {})}


def test_scalars_of_a_yaml_recipe_are_texts_on_lite(tmp_path: Path) -> None:
    with FakeNucleus(tmp_path, "lite", configuration=CONFIGURATION, recipe="yaml") as nucleus:
        values = {key: nucleus.configuration[key] for key in CONFIGURATION}
        assert values == {"limits": {"low": "0.5", "high": "2"}, "on": "true", "list": ["1", "2"]}


def test_lite_cannot_answer_with_a_large_configuration(lite: FakeNucleus) -> None:
    with client_of(lite) as client:
        for large in ({"text": "x" * 10_000}, {"list": [0] * 255}):
            lite.configure({"large": large})
            with pytest.raises(ServiceError):
                client.get_configuration(key_path=[])
            lite.configure(reset=[["large"]])


def test_lite_drops_long_messages_from_the_cloud(lite: FakeNucleus) -> None:
    heard = Heard()
    with client_of(lite) as client:
        client.subscribe_to_iot_core(
            topic_name=f"{CLOUD}/#", qos="1", on_stream_event=lambda event: heard.put(len(event.message.payload))
        )
        for length in (4_951, 4_950):
            lite.publish_iot(f"{CLOUD}/cmd/x", bytes(length))
        assert heard.next() == 4_950


def test_lite_has_ten_messages_on_their_way_to_the_cloud(nucleus: FakeNucleus, client: Client) -> None:
    nucleus.iot_acknowledges = False
    for _ in range(10):
        upload(client)
    if nucleus.flavor.is_java:
        upload(client)
    else:
        with pytest.raises(ServiceError):
            upload(client)
        upload(client, qos=QOS.AT_MOST_ONCE)
    nucleus.iot_acknowledges = True
    upload(client)
    assert len(nucleus.iot_core) == 12


def test_without_the_cloud_java_keeps_and_lite_refuses(nucleus: FakeNucleus, client: Client) -> None:
    nucleus.iot_is_online = False
    if nucleus.flavor.is_java:
        upload(client, b"kept")
        with pytest.raises(ServiceError):
            upload(client, qos=QOS.AT_MOST_ONCE)
    else:
        with pytest.raises(ServiceError):
            upload(client)
    assert not nucleus.iot_core
    nucleus.iot_is_online = True
    assert [message.payload for message in nucleus.iot_core] == [b"kept"] * nucleus.flavor.is_java


def test_lite_does_not_implement_what_java_does(lite: FakeNucleus) -> None:
    with client_of(lite) as client:
        for ask in (
            lambda: client.get_secret_value(secret_id="password"),
            lambda: client.defer_component_update(deployment_id="d"),
            client.list_components,
            lambda: client.subscribe_to_component_updates(on_stream_event=print),
            lambda: client.subscribe_to_validate_configuration_updates(on_stream_event=print),
        ):
            with pytest.raises(ServiceError) as refused:
                ask()
            assert refused.value.message is None


def test_java_has_secrets(java: FakeNucleus) -> None:
    java.secrets.update(text="s3cret", bytes=b"\x00")
    with client_of(java) as client:
        assert client.get_secret_value(secret_id="text").secret_value.secret_string == "s3cret"
        assert client.get_secret_value(secret_id="bytes").secret_value.secret_binary == b"\x00"
        with pytest.raises(ResourceNotFoundError):
            client.get_secret_value(secret_id="none")


def test_java_asks_whether_a_configuration_is_valid(java: FakeNucleus) -> None:
    heard = Heard()
    with client_of(java) as client, ThreadPoolExecutor(1) as deployment:
        client.subscribe_to_validate_configuration_updates(
            on_stream_event=lambda event: heard.put(event.validate_configuration_update_event)
        )
        for status in ("REJECTED", "ACCEPTED"):
            deployed = deployment.submit(java.configure, {"limits": {"high": 4}})
            asked = heard.next()
            assert asked.configuration["limits"]["high"] == 4
            assert java.configuration["limits"]["high"] == 2
            report = ConfigurationValidityReport(deployment_id=asked.deployment_id, status=status, message="why")
            client.send_configuration_validity_report(configuration_validity_report=report)
            assert deployed.result(PATIENCE_S).status == status
        with pytest.raises(InvalidArgumentsError):
            client.send_configuration_validity_report(configuration_validity_report=report)
    assert java.configuration["limits"]["high"] == 4
    java.wait_until(lambda: not java.connections)
    assert java.configure({"limits": {"high": 5}}) is None


def test_java_asks_whether_an_update_may_come(java: FakeNucleus) -> None:
    with client_of(java) as client:
        with pytest.raises(InvalidArgumentsError):
            client.defer_component_update(deployment_id="d")
        heard = Heard()

        def answer(event: Any) -> None:
            if event.pre_update_event:
                asked = event.pre_update_event.deployment_id
                client.defer_component_update_async(deployment_id=asked, recheck_after_ms=500, message="busy")
            else:
                heard.put(event.post_update_event.deployment_id)

        client.subscribe_to_component_updates(on_stream_event=answer)
        (deferred,) = java.offer_update("d-1")
        assert (deferred.deployment_id, deferred.recheck_after_ms, deferred.message) == ("d-1", 500, "busy")
        java.finish_update("d-1")
        assert heard.next() == "d-1"
    assert java.offer_update("d-2", timeout_s=0) == []
