"""Frames say what the line was set up for when they were captured: the mark changes in the order of frames."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_inspector.camera import SetUpFor, Skipped
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.sources.live import SetUp
from edge_inspector.sources.marked import MarkedSource

IMAGE = np.zeros((2, 2), np.uint8)


def frame(number: int, part: int | None, part_frame: int = 0) -> Frame:
    part_id = None if part is None else f"part-{part}"
    return Frame(IMAGE, number, datetime.now(UTC), 0, "fake", part_id, part_frame=part_frame)


class Fake:
    def __init__(self, items: Iterable[Delivered | None]) -> None:
        self._items: Iterator[Delivered | None] = iter(items)

    def read(self, timeout_s: float) -> Delivered | None:  # noqa: ARG002 - the port's signature
        return next(self._items, None)


def taken(source: MarkedSource, count: int) -> list[object]:
    items = [source.read(0) for _ in range(count)]
    return [item.product if isinstance(item, Frame | DamagedFrame) else item for item in items]


def test_all_frames_are_marked_and_nothing_else_is_touched() -> None:
    damaged = DamagedFrame(1, datetime.now(UTC), 0, "fake", "part-1", "torn")
    skipped = Skipped(DropCause.STALE, 2)
    assert taken(MarkedSource(Fake([frame(0, 0), damaged, skipped, None]), "a"), 4) == ["a", "a", skipped, None]


@pytest.mark.parametrize("item", [frame(0, 0), frame(0, None), None])
def test_the_mark_comes_before_the_first_frame_of_the_next_product(item: Frame | None) -> None:
    source = MarkedSource(Fake([frame(0, 9), item, frame(2, 3)]), "a")
    assert taken(source, 1) == ["a"]
    done = source.change_over(SetUp("b"))
    assert not done.done()
    rest = taken(source, 3)
    assert rest[0] == SetUpFor("b")
    assert set(rest[1:]) <= {"b", None}
    assert done.done()


def test_a_part_whose_frames_have_begun_to_come_ends_first() -> None:
    frames = [frame(n, n // 3, n % 3) for n in range(6)]
    source = MarkedSource(Fake(frames), "a", frames_per_part=3)
    assert taken(source, 1) == ["a"]
    source.change_over(SetUp("b"))
    assert taken(source, 6) == ["a", "a", SetUpFor("b"), "b", "b", "b"]


def test_a_part_whose_frames_do_not_come_is_waited_for_only_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.sources.marked._PART_S", 0.0)
    source = MarkedSource(Fake([frame(0, 0), None, None, frame(1, 0, 1)]), "a", frames_per_part=3)
    assert taken(source, 1) == ["a"]
    source.change_over(SetUp("b"))
    assert SetUpFor("b") in taken(source, 2)
    assert taken(source, 1)[0] in {"b", None}


def test_a_wish_that_was_given_up_changes_nothing() -> None:
    source = MarkedSource(Fake([frame(0, 0), frame(1, 1)]), "a")
    assert source.change_over(SetUp("b")).cancel()
    assert taken(source, 2) == ["a", "a"]
