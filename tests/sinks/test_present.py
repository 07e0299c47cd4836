import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.sinks.present import Present
from edge_inspector.topics import Delivery, Message, Priority


def retained(topic: str, payload: str) -> Message:
    return Message(topic, payload.encode(), Delivery(1, retain=True, priority=Priority.ALERT, content=""))


def payloads(messages: list[Message]) -> list[str]:
    return [message.payload.decode() for message in messages]


def take_all(present: Present, *, settle: bool = True) -> list[str]:
    taken: list[str] = []
    while (next_one := present.take()) is not None:
        ticket, message = next_one
        taken.append(message.payload.decode())
        if settle:
            present.settle(ticket)
    return taken


def test_retained_topics_are_coalesced() -> None:
    present = Present()
    for number in range(100):
        present.put(retained("state", f"state {number}"))
    assert take_all(present) == ["state 99"]


def test_every_retained_topic_is_due_again_on_every_connection() -> None:
    present = Present()
    present.put(retained("status", "online"))
    present.put(retained("state", "ready"))
    for _ in range(3):
        present.connected()
        assert take_all(present) == ["online", "ready"]
        present.disconnected()
        assert present.is_idle


def test_a_cleared_topic_is_forgotten_once_the_broker_took_the_clearing() -> None:
    present = Present()
    present.put(retained("alarm", "raised"))
    take_all(present)
    present.put(retained("alarm", ""))
    assert take_all(present, settle=False) == [""]
    present.disconnected()
    present.connected()
    assert take_all(present) == [""]
    present.connected()
    assert take_all(present) == []


def test_the_event_that_announces_a_clearing_is_not_coalesced_away() -> None:
    present = Present()
    for payload in ("raised", "cleared", "", ""):
        present.put(retained("alarm", payload))
    assert take_all(present) == ["cleared", ""]


def test_a_topic_set_again_after_its_clearing_keeps_the_new_payload() -> None:
    present = Present()
    present.put(retained("alarm", ""))
    clearing = present.take()
    present.put(retained("alarm", "raised again"))
    assert clearing is not None
    present.settle(clearing[0])
    present.connected()
    assert take_all(present) == ["raised again"]


@pytest.mark.parametrize(("settled", "left"), [(True, []), (False, ["online"])])
def test_only_what_the_broker_did_not_acknowledge_is_left(*, settled: bool, left: list[str]) -> None:
    present = Present()
    present.put(retained("status", "online"))
    take_all(present, settle=settled)
    present.disconnected()
    assert payloads(present.unacknowledged()) == left


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]))))
def test_a_connection_hears_the_present_of_every_topic_whatever_came_before(puts: list[tuple[str, str]]) -> None:
    present = Present()
    for topic, payload in puts:
        present.put(retained(topic, payload))
    present.connected()
    heard: dict[str, str] = {}
    while (taken := present.take()) is not None:
        heard[taken[1].topic] = taken[1].payload.decode()
        present.settle(taken[0])
    assert heard == dict(puts)
