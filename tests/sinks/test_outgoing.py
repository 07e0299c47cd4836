from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from edge_inspector.sinks.outgoing import MOST_IMPORTANT_FIRST, Outgoing
from edge_inspector.topics import Delivery, Message, Priority

CAPACITY = 5
WINDOW = 3


def queued(payload: str, priority: Priority = Priority.RESULT, *, qos: int = 1) -> Message:
    return Message(
        f"station/{priority}/{qos}", payload.encode(), Delivery(qos, retain=False, priority=priority, content="")
    )


def retained(topic: str, payload: str) -> Message:
    return Message(topic, payload.encode(), Delivery(1, retain=True, priority=Priority.ALERT, content=""))


def payloads(messages: list[Message]) -> list[str]:
    return [message.payload.decode() for message in messages]


def take_all(outgoing: Outgoing, *, settle: bool = True) -> list[str]:
    taken: list[str] = []
    while (next_one := outgoing.take()) is not None:
        ticket, message = next_one
        taken.append(message.payload.decode())
        if settle:
            outgoing.settle(ticket)
    return taken


def test_the_most_important_messages_leave_first_each_kind_in_order() -> None:
    outgoing = Outgoing(9)
    for number in range(3):
        for priority in (Priority.STATS, Priority.RESULT, Priority.ALERT):
            outgoing.put(queued(f"{priority} {number}", priority))
    assert take_all(outgoing) == [f"{priority} {number}" for priority in MOST_IMPORTANT_FIRST for number in range(3)]


def test_a_full_queue_gives_up_the_oldest_of_the_least_important() -> None:
    outgoing = Outgoing(3)
    for message in (queued("a", Priority.STATS), queued("b"), queued("c", Priority.ALERT)):
        assert outgoing.put(message) is None
    given_up = [outgoing.put(queued(name, Priority.ALERT)) for name in "def"]
    assert [message.payload for message in given_up if message] == [b"a", b"b", b"c"]


def test_a_full_queue_refuses_what_is_less_important_than_all_that_waits() -> None:
    outgoing = Outgoing(1)
    outgoing.put(queued("alert", Priority.ALERT))
    newcomer = queued("stats", Priority.STATS)
    assert outgoing.put(newcomer) is newcomer
    assert take_all(outgoing) == ["alert"]


def test_what_is_in_flight_is_not_given_up() -> None:
    outgoing = Outgoing(1)
    outgoing.put(queued("in flight", Priority.STATS))
    outgoing.take()
    newcomer = queued("alert", Priority.ALERT)
    assert outgoing.put(newcomer) is newcomer


def test_what_was_in_flight_goes_first_again_after_a_disconnect() -> None:
    outgoing = Outgoing(9)
    for name in "abcd":
        outgoing.put(queued(name))
    first = outgoing.take()
    outgoing.take()
    outgoing.take()
    assert first is not None
    outgoing.settle(first[0])
    assert outgoing.disconnected() == []
    assert take_all(outgoing) == ["b", "c", "d"]


def test_at_most_once_means_that_a_disconnect_loses_what_is_in_flight() -> None:
    outgoing = Outgoing(9)
    for name in "ab":
        outgoing.put(queued(name, qos=0))
    outgoing.take()
    assert payloads(outgoing.disconnected()) == ["a"]
    assert len(outgoing) == 1


def test_retained_topics_are_coalesced_and_take_no_room() -> None:
    outgoing = Outgoing(1)
    outgoing.put(queued("result"))
    for number in range(100):
        assert outgoing.put(retained("state", f"state {number}")) is None
    assert len(outgoing) == 1
    assert take_all(outgoing) == ["state 99", "result"]


def test_every_retained_topic_is_due_again_on_every_connection() -> None:
    outgoing = Outgoing(1)
    outgoing.put(retained("status", "online"))
    outgoing.put(retained("state", "ready"))
    for _ in range(3):
        outgoing.connected()
        assert take_all(outgoing) == ["online", "ready"]
        outgoing.disconnected()
        assert outgoing.is_idle


def test_a_cleared_topic_is_forgotten_once_the_broker_took_the_clearing() -> None:
    outgoing = Outgoing(1)
    outgoing.put(retained("alarm", "raised"))
    take_all(outgoing)
    outgoing.put(retained("alarm", ""))
    assert take_all(outgoing, settle=False) == [""]
    outgoing.disconnected()
    outgoing.connected()
    assert take_all(outgoing) == [""]
    outgoing.connected()
    assert take_all(outgoing) == []


def test_the_event_that_announces_a_clearing_is_not_coalesced_away() -> None:
    outgoing = Outgoing(1)
    for payload in ("raised", "cleared", "", ""):
        outgoing.put(retained("alarm", payload))
    assert take_all(outgoing) == ["cleared", ""]


def test_a_topic_set_again_after_its_clearing_keeps_the_new_payload() -> None:
    outgoing = Outgoing(1)
    outgoing.put(retained("alarm", ""))
    clearing = outgoing.take()
    outgoing.put(retained("alarm", "raised again"))
    assert clearing is not None
    outgoing.settle(clearing[0])
    outgoing.connected()
    assert take_all(outgoing) == ["raised again"]


@pytest.mark.parametrize(("settled", "left"), [(True, []), (False, ["online", "result"])])
def test_only_what_the_broker_did_not_acknowledge_is_left(*, settled: bool, left: list[str]) -> None:
    outgoing = Outgoing(9)
    outgoing.put(retained("status", "online"))
    outgoing.put(queued("result"))
    take_all(outgoing, settle=settled)
    outgoing.disconnected()
    assert payloads(outgoing.unacknowledged()) == left


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]))))
def test_a_connection_hears_the_present_of_every_topic_whatever_came_before(puts: list[tuple[str, str]]) -> None:
    outgoing = Outgoing(1)
    for topic, payload in puts:
        outgoing.put(retained(topic, payload))
    outgoing.connected()
    heard: dict[str, str] = {}
    while (taken := outgoing.take()) is not None:
        heard[taken[1].topic] = taken[1].payload.decode()
        outgoing.settle(taken[0])
    assert heard == dict(puts)


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens, nothing disappears, nothing is kept twice, and topics keep their order."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.outgoing = Outgoing(CAPACITY)
        self.number = 0
        self.entered: Counter[bytes] = Counter()
        self.left: Counter[bytes] = Counter()
        self.first_taken: dict[str, list[int]] = {}

    @rule(priority=st.sampled_from(list(Priority)), qos=st.sampled_from([0, 1]))
    def put(self, priority: Priority, qos: int) -> None:
        self.number += 1
        message = queued(str(self.number), priority, qos=qos)
        full = len(self.outgoing) == CAPACITY
        given_up = self.outgoing.put(message)
        self.entered[message.payload] += 1
        assert given_up is None or full
        if given_up is not None:
            self.left[given_up.payload] += 1
            assert MOST_IMPORTANT_FIRST.index(given_up.delivery.priority) >= MOST_IMPORTANT_FIRST.index(priority)

    @rule(target=tickets)
    def take(self) -> tuple[int, Message] | None:
        taken = self.outgoing.take() if self.outgoing.in_flight < WINDOW else None
        if taken is not None:
            numbers = self.first_taken.setdefault(taken[1].topic, [])
            if int(taken[1].payload) not in numbers:
                numbers.append(int(taken[1].payload))
        return taken

    @rule(taken=consumes(tickets))
    def settle(self, taken: tuple[int, Message] | None) -> None:
        if taken is not None and taken[0] in self.outgoing._in_flight:
            self.left[self.outgoing.settle(taken[0]).payload] += 1

    @rule()
    def lose_the_connection(self) -> None:
        self.left.update(message.payload for message in self.outgoing.disconnected())

    @invariant()
    def nothing_disappears(self) -> None:
        remaining = Counter(message.payload for message in self.outgoing.unacknowledged())
        assert self.entered == self.left + remaining
        assert len(self.outgoing) == remaining.total()

    @invariant()
    def the_bound_holds(self) -> None:
        assert len(self.outgoing) <= CAPACITY

    @invariant()
    def topics_keep_their_order(self) -> None:
        for numbers in self.first_taken.values():
            assert numbers == sorted(numbers)


TestAnyHistory = AnyHistory.TestCase
