"""Blocks of lines become frames that overlap, whatever the blocks are."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_inspector.linescan.assembler import Assembler, WebOptions, WebPicture

OPTIONS = WebOptions(frame_lines=30, overlap_lines=10, mm_per_line=0.5)


def lines(first: int, count: int, *, width: int = 3) -> NDArray[np.uint8]:
    """Return lines that say which ones they are, in three digits of base 250."""
    numbers = np.arange(first, first + count)
    digits = np.stack([numbers % 250, numbers // 250 % 250, numbers // 62_500], axis=1)
    return np.tile(digits, (1, width // 3)).astype(np.uint8)


def numbers_of(picture: WebPicture) -> list[int]:
    assert picture.image is not None
    digits = picture.image[:, :3].astype(int)
    return [int(each) for each in digits @ np.array([1, 250, 62_500])]


def blocks(heights: Sequence[int]) -> list[NDArray[np.uint8]]:
    firsts = np.concatenate(([0], np.cumsum(heights)))
    return [lines(int(first), height) for first, height in zip(firsts, heights, strict=False)]


def roll(heights: Sequence[int], options: WebOptions = OPTIONS) -> list[WebPicture]:
    assembler = Assembler(options, roll="roll-1")
    pictures = [picture for block in blocks(heights) for picture in assembler.add(block)]
    return pictures + assembler.end_roll("roll-2")


_options = st.integers(1, 40).flatmap(
    lambda frame: st.integers(0, frame - 1).map(lambda overlap: WebOptions(frame, overlap, 0.1))
)
_heights = st.lists(st.integers(1, 90), min_size=1, max_size=12)


@given(_options, _heights)
def test_every_line_is_on_a_frame_and_every_row_is_the_line_that_its_place_says(
    options: WebOptions, heights: list[int]
) -> None:
    pictures = roll(heights, options)
    total = sum(heights)
    seen = set()
    for picture in pictures:
        place = picture.place
        assert numbers_of(picture) == list(range(place.first_line, place.end_line))
        assert place.lines == min(options.frame_lines, total)
        seen |= set(range(place.first_line, place.end_line))
    assert seen == set(range(total))
    assert [picture.place.ends_roll for picture in pictures] == [False] * (len(pictures) - 1) + [True]
    assert pictures[-1].place.end_line == total


@given(_options, _heights, st.integers(1, 200))
def test_blocks_of_any_height_give_the_same_frames_at_the_same_places(
    options: WebOptions, heights: list[int], height: int
) -> None:
    total = sum(heights)
    others = [height] * (total // height) + ([total % height] if total % height else [])
    first, second = roll(heights, options), roll(others, options)
    assert [picture.place for picture in first] == [picture.place for picture in second]
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.image, other.image)  # type: ignore[arg-type]


def test_frames_advance_by_what_they_do_not_share() -> None:
    pictures = roll([75])
    assert [(p.place.first_line, p.place.end_line) for p in pictures] == [(0, 30), (20, 50), (40, 70), (45, 75)]
    assert [(p.place.first_mm, p.place.mm_per_line) for p in pictures] == [(0, 0.5), (10, 0.5), (20, 0.5), (22.5, 0.5)]


def test_a_roll_shorter_than_a_frame_gives_a_shorter_one() -> None:
    (only,) = roll([7])
    assert numbers_of(only) == list(range(7))
    assert only.place.ends_roll


def test_a_roll_that_ends_with_a_frame_gives_that_frame_once_more_as_the_last() -> None:
    pictures = roll([50])
    assert [(p.place.first_line, p.place.ends_roll) for p in pictures] == [(0, False), (20, False), (20, True)]


def test_a_roll_without_a_line_gives_nothing_and_the_next_one_counts_from_zero() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    assert assembler.end_roll("b") == []
    assembler.add(lines(0, 45))
    (last,) = assembler.end_roll("c")
    assert (last.place.roll, last.place.first_line, last.place.end_line) == ("b", 15, 45)
    (first,) = assembler.add(lines(0, 30))
    assert (first.place.roll, first.place.first_line, first.place.first_mm) == ("c", 0, 0.0)


def test_a_frame_has_memory_of_its_own_that_later_lines_leave_alone() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    block = lines(0, 30)
    (first,) = assembler.add(block)
    block[:] = 99  # the driver fills its buffer again
    assembler.add(lines(30, 200))
    assert numbers_of(first) == list(range(30))


def test_lines_that_nobody_saw_keep_their_place_and_what_came_before_them_is_seen() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    before = assembler.add(lines(0, 42))
    at_the_gap = assembler.skip(8)
    after = assembler.add(lines(50, 30))
    assert [(p.place.first_line, p.place.end_line) for p in before] == [(0, 30)]
    seen, gap = at_the_gap
    assert numbers_of(seen) == list(range(12, 42))
    assert (gap.image, gap.place.first_line, gap.place.end_line) == (None, 42, 50)
    assert (gap.place.mm(42), gap.place.mm(50)) == (21.0, 25.0)
    assert [numbers_of(picture) for picture in after] == [list(range(50, 80))]
    assert after[0].place.first_mm == 25.0


def test_a_gap_right_behind_a_frame_leaves_nothing_to_be_seen_before_it() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    assembler.add(lines(0, 30))
    (gap,) = assembler.skip(5)
    assert gap.place.first_line == 30
    (end,) = assembler.end_roll("b")
    assert (end.image, end.place.lines, end.place.first_line, end.place.ends_roll) == (None, 0, 35, True)


def test_behind_a_gap_that_nobody_counted_places_go_on_and_say_so_until_the_roll_ends() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    assembler.add(lines(0, 12))
    seen, gap = assembler.skip(None)
    assert numbers_of(seen) == list(range(12))
    assert (gap.image, gap.place.first_line, gap.place.lines) == (None, 12, 0)
    (following,) = assembler.add(lines(12, 30))
    assert following.place.first_line == 12
    assert [picture.place.uncounted for picture in (seen, gap, following)] == [0, 1, 1]
    assembler.end_roll("b")
    assert assembler.add(lines(0, 30))[0].place.uncounted == 0


def test_lines_of_another_width_begin_a_frame_anew() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    assembler.add(lines(0, 12))
    (before,) = assembler.add(lines(12, 5, width=6))
    assert (before.place.first_line, before.place.end_line) == (0, 12)
    (after,) = assembler.end_roll("b")
    assert (after.place.first_line, after.place.end_line) == (12, 17)


def test_millimeters_follow_lines_whose_resolution_changes() -> None:
    assembler = Assembler(OPTIONS, roll="a")
    assembler.add(lines(0, 20), mm_per_line=1.0)
    (first,) = assembler.add(lines(20, 10), mm_per_line=0.1)
    assert first.place.mm(0) == 0
    assert first.place.mm(30) == pytest.approx(21)
    (second,) = assembler.add(lines(30, 20), mm_per_line=0.1)
    assert second.place.mm(20) == pytest.approx(20)
    assert second.place.mm(50) == pytest.approx(23)


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0.05, 0.1, 0.4])), min_size=1, max_size=10))
def test_the_end_of_a_roll_is_as_far_as_its_lines_are_long(parts: list[tuple[int, float]]) -> None:
    assembler = Assembler(OPTIONS, roll="a")
    for height, mm_per_line in parts:
        assembler.add(lines(0, height), mm_per_line=mm_per_line)
    last = assembler.end_roll("b")[-1].place
    assert last.mm(last.end_line) == pytest.approx(sum(height * each for height, each in parts))


def test_millimeters_are_unknown_from_the_first_line_of_unknown_resolution_on() -> None:
    assembler = Assembler(WebOptions(30, 10), roll="a")
    (first,) = assembler.add(lines(0, 30))
    assert (first.place.first_mm, first.place.mm_per_line) == (None, None)


@pytest.mark.parametrize(("frame", "overlap"), [(10, 10), (10, -1), (0, 0)])
def test_frames_that_do_not_advance_are_refused(frame: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap_lines"):
        WebOptions(frame, overlap)
