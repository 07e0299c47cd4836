"""What goes wrong with a nucleus on request, by the real client."""

import pytest
from awscrt.exceptions import AwsCrtError
from awsiot.eventstreamrpc import AccessDeniedError, StreamClosedError
from awsiot.greengrasscoreipc.model import (
    ServiceError,
)

from tests.nucleus.clients import CLOUD, Client, client_of, publish, subscribe
from tests.nucleus.fake import FakeNucleus
from tests.nucleus.loop import PATIENCE_S


def test_a_failing_operation_does_nothing_and_then_works(nucleus: FakeNucleus, client: Client) -> None:
    nucleus.fail("PublishToTopic", "ServiceError", times=2)
    for _ in range(2):
        with pytest.raises(ServiceError):
            publish(client, "edge-inspector/a", b"")
    assert not nucleus.local
    publish(client, "edge-inspector/a", b"")
    assert len(nucleus.local) == 1


def test_delayed_requests_are_in_flight_together(nucleus: FakeNucleus) -> None:
    with client_of(nucleus) as client:
        nucleus.delay("PublishToIoTCore", 0.05, times=5)
        topic = f"{CLOUD}/stats"
        asked = [client.publish_to_iot_core_async(topic_name=topic, qos="0", payload=b"") for _ in range(5)]
        for answer in asked:
            answer.result(PATIENCE_S)
    nucleus.wait_until(lambda: not nucleus.connections)
    assert nucleus.most_in_flight == 5


@pytest.mark.parametrize("is_done", [False, True])
def test_an_answer_is_lost_with_the_work_done_or_not(nucleus: FakeNucleus, client: Client, *, is_done: bool) -> None:
    nucleus.silence("UpdateState", is_done=is_done)
    known = len(nucleus.states)
    lost = client.update_state_async(state="RUNNING")
    client.get_configuration(key_path=[])
    assert not lost.done()
    assert len(nucleus.states) == known + is_done


def test_a_dropped_connection_answers_nothing(nucleus: FakeNucleus, client: Client) -> None:
    nucleus.drop("PublishToTopic")
    with pytest.raises(StreamClosedError):
        publish(client, "edge-inspector/a", b"")
    nucleus.wait_until(lambda: not nucleus.connections)
    assert not nucleus.local


def test_a_killed_subscription_hears_nothing_and_is_not_told(nucleus: FakeNucleus, client: Client) -> None:
    killed = subscribe(client, "edge-inspector/#")
    nucleus.kill_subscription("edge-inspector/a")
    still = subscribe(client, "edge-inspector/a")
    nucleus.publish_local("edge-inspector/a", b"after")
    assert still.next()
    assert killed.empty()


def test_whoever_is_disconnected_may_come_back(nucleus: FakeNucleus, client: Client) -> None:
    nucleus.disconnect_all()
    with pytest.raises((RuntimeError, AwsCrtError)):  # whether the client knows of its end already, or learns it now
        client.update_state(state="RUNNING")
    with client_of(nucleus) as again:
        again.update_state(state="RUNNING")


def test_after_a_restart_only_the_new_token_is_good(nucleus: FakeNucleus) -> None:
    old = nucleus.token
    nucleus.restart()
    with client_of(nucleus, token=old):
        nucleus.restart(new_token=True)
    with pytest.raises((AccessDeniedError, AwsCrtError)), client_of(nucleus, token=old):
        pass
    with client_of(nucleus) as client:
        client.update_state(state="RUNNING")


def test_a_stopped_nucleus_has_no_socket(nucleus: FakeNucleus) -> None:
    nucleus.stop()
    with pytest.raises(RuntimeError, match="INVALID_PATH"), client_of(nucleus):
        pass
    nucleus.start()
