"""The numbers of frames: 16 bit without 0, or 64 bit."""

from itertools import pairwise

import numpy as np
import pytest

from edge_inspector.sources.genicam.numbers import FrameNumbers, missing_between
from edge_inspector.sources.grabbing import Incomplete, Picture


def picture() -> Picture:
    return Picture(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    ("last", "number", "missing"),
    [
        (1, 2, 0),
        (1, 4, 2),
        (65535, 1, 0),  # 0 is never used
        (65534, 2, 2),
        (65535, 65536, 0),  # 64 bit
        (0, 1, 0),
        (10_000_000_000, 10_000_000_003, 2),
        (40_000, 1, 25_535),
        (10, 1, 0),  # it counts anew
        (10, 10, 0),
        (5, 9_000_000, 0),
    ],
)
def test_what_is_missing_between_two_numbers(last: int, number: int, missing: int) -> None:
    assert missing_between(last, number) == missing


def test_every_step_over_the_end_of_16_bits_is_no_gap() -> None:
    numbers = [*range(65_000, 65_536), *range(1, 600)]
    assert all(missing_between(last, number) == 0 for last, number in pairwise(numbers))


def test_what_came_before_the_numbers_began_anew_is_had_first() -> None:
    before = [picture(), picture()]
    numbers = FrameNumbers(before)
    assert [numbers.next(), numbers.next(), numbers.next()] == [*before, None]
    assert numbers.after_gap(900, arrived := picture()) is arrived


def test_every_missing_frame_is_told_before_the_one_that_shows_it() -> None:
    numbers, arrived = FrameNumbers(), picture()
    assert numbers.after_gap(7, first := picture()) is first
    assert numbers.next() is None
    told = [numbers.after_gap(10, arrived), numbers.next(), numbers.next()]
    assert [isinstance(one, Incomplete) and one.is_missing for one in told] == [True, True, False]
    assert told[2] is arrived
    assert numbers.next() is None
