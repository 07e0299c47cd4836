import threading
from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.pipeline import handover as handover_module
from edge_inspector.pipeline.handover import Captured, Handover, HandoverOptions, WhenFull
from tests.fakes import PATIENCE_S, belt_frame, damaged_part, part


class HandoverLaws(RuleBasedStateMachine):
    """Each item comes out once, in order, or is handed back once; nothing else happens."""

    @initialize(size=st.integers(1, 4), when_full=st.sampled_from(WhenFull))
    def open(self, size: int, when_full: WhenFull) -> None:
        self.size, self.when_full = size, when_full
        self.handover = Handover(HandoverOptions(size, when_full))
        self.inside: deque[Captured | None] = deque()  # None for a frame that was refused and keeps its turn
        self.numbers: deque[int] = deque()
        self.number = 0
        self.closed = False

    def is_full(self) -> bool:
        return sum(item is not None for item in self.inside) >= self.size

    @precondition(lambda self: self.closed or not (self.is_full() and self.when_full is WhenFull.WAIT))
    @rule()
    def put(self) -> None:
        item = belt_frame(self.number)
        self.number += 1
        lost = self.handover.put(item)
        if not self.closed and self.is_full() and self.when_full is WhenFull.REFUSE:
            assert lost is item
            self.inside.append(None)
            self.numbers.append(item.frame_id)
            return
        replaces = not self.closed and self.is_full()
        if replaces:
            self.numbers.popleft()
        assert lost is (self.inside.popleft() if replaces else None)
        self.inside.append(item)
        self.numbers.append(item.frame_id)

    @rule()
    def take(self) -> None:
        taken = self.handover.take(None if self.inside or self.closed else 0)
        if not self.inside:
            assert taken is None
            return
        wanted, number = self.inside.popleft(), self.numbers.popleft()
        if wanted is None:
            assert isinstance(taken, DamagedFrame)
            assert taken.frame_id == number
        else:
            assert taken is wanted

    @rule()
    def close(self) -> None:
        self.handover.close()
        self.closed = True

    @invariant()
    def is_bounded_until_it_is_closed(self) -> None:
        assert self.closed or sum(item is not None for item in self.inside) <= self.size

    @invariant()
    def knows_its_end(self) -> None:
        assert self.handover.ended == (self.closed and not self.inside)


TestHandoverLaws = HandoverLaws.TestCase


@pytest.mark.parametrize("when_full", list(WhenFull))
@pytest.mark.parametrize("size", [1, 3])
def test_nothing_is_lost_or_doubled_between_two_threads(when_full: WhenFull, size: int) -> None:
    handover = Handover(HandoverOptions(size, when_full))
    lost: list[int] = []
    taken: list[int] = []

    def produce() -> None:
        for number in range(500):
            item = handover.put(belt_frame(number))
            lost.extend([] if item is None else [item.frame_id])
        handover.close()

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    while (item := handover.take()) is not None:
        if isinstance(item, Frame):
            taken.append(item.frame_id)
    producer.join(PATIENCE_S)
    assert sorted(taken + lost) == list(range(500))
    assert taken == sorted(taken)
    assert lost == sorted(lost)
    match when_full:
        case WhenFull.WAIT:
            assert lost == []
        case WhenFull.REPLACE:
            assert taken[-1] == 499  # the newest is never the one that goes
        case WhenFull.REFUSE:
            assert taken[0] == 0


def test_a_source_that_can_wait_is_held_up_until_there_is_room() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.WAIT))
    handover.put(belt_frame(0))
    is_through = threading.Event()

    def put() -> None:
        assert handover.put(belt_frame(1)) is None
        is_through.set()

    thread = threading.Thread(target=put, daemon=True)
    thread.start()
    assert not is_through.wait(0.1)
    assert handover.take() is not None
    assert is_through.wait(PATIENCE_S)
    thread.join()


def test_close_releases_who_waits_to_put_and_what_came_last_can_still_be_taken() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.WAIT))
    handover.put(belt_frame(0))
    item = belt_frame(1)
    returned: list[Captured | None] = []
    thread = threading.Thread(target=lambda: returned.append(handover.put(item)), daemon=True)
    thread.start()
    handover.close()
    thread.join(PATIENCE_S)
    assert returned == [None]
    assert [handover.take(), handover.take()][1] is item


def test_a_refused_frame_keeps_its_turn_but_not_its_picture() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    parts = [part(number) for number in range(3)]
    assert [handover.put(frame) for frame in parts] == [None, *parts[1:]]
    first, second, third = (handover.take() for _ in range(3))
    assert first is parts[0]
    assert isinstance(second, DamagedFrame)
    assert isinstance(third, DamagedFrame)
    assert (third.frame_id, third.part_id, third.cause) == (2, "part-2", DropCause.QUEUE_OVERFLOW)
    assert third.problem == "1 frames were waiting already"


def test_a_frame_that_was_damaged_before_takes_no_place_and_keeps_its_cause() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    handover.put(part(0))
    broken = damaged_part(1)
    assert handover.put(broken) is None
    assert handover.put(part(2)) is not None
    assert [handover.take(), handover.take()][1] is broken


def test_refused_frames_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover_module, "_MOST_LIGHT", 2)
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    for number in range(3):
        handover.put(part(number))
    is_through = threading.Event()
    thread = threading.Thread(target=lambda: (handover.put(part(3)), is_through.set()), daemon=True)
    thread.start()
    assert not is_through.wait(0.1)
    handover.take()
    handover.take()
    assert is_through.wait(PATIENCE_S)


def test_a_wait_for_a_frame_ends_in_time() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    assert handover.take(0.01) is None
    assert not handover.ended


def test_close_releases_who_waits_to_take() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    returned: list[Captured | None] = []
    thread = threading.Thread(target=lambda: returned.append(handover.take()), daemon=True)
    thread.start()
    handover.close()
    thread.join(PATIENCE_S)
    assert returned == [None]


def test_what_is_inside_can_be_taken_after_close() -> None:
    handover = Handover(HandoverOptions(2, WhenFull.REFUSE))
    first, second = belt_frame(0), belt_frame(1)
    handover.put(first)
    handover.put(second)
    handover.close()
    assert [handover.take(), handover.take(), handover.take()] == [first, second, None]


def test_who_waits_can_be_woken_to_look_around_and_then_waits_again() -> None:
    handover = Handover(HandoverOptions(1, WhenFull.REFUSE))
    found: list[Captured | None] = []
    taking = threading.Thread(target=lambda: found.append(handover.take(None)))
    taking.start()
    handover.wake()
    taking.join(PATIENCE_S)
    assert found == [None]
    assert handover.take(0) is None
    assert not handover.ended
