"""A simulated web is the same whoever asks for which of its lines, and its truth is what is painted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.simulation.web import WEB_WIDTH, WebStyle, render_web, web_scratches

STYLE = WebStyle(defect_rate=1.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1500), st.integers(1, 500), st.integers(1, 499))
def test_lines_are_the_same_in_one_piece_and_in_two(first: int, lines: int, cut: int) -> None:
    whole = render_web(1, first, lines, STYLE)
    assert whole.shape == (lines, WEB_WIDTH)
    cut = min(cut, lines - 1)
    if cut:
        parts = render_web(1, first, cut, STYLE), render_web(1, first + cut, lines - cut, STYLE)
        assert np.array_equal(np.concatenate(parts), whole)


def test_a_scratch_is_brighter_than_the_metal_beside_it_also_across_the_ends_of_sections() -> None:
    scratches = web_scratches(1, range(40), STYLE)
    assert len(scratches) == 39  # the first section of a roll has none
    for scratch in scratches:
        x1, y1, x2, y2 = scratch.xyxy
        assert 0 <= x1 < x2 <= WEB_WIDTH
        top, bottom = int(y1), int(y2) + 1
        metal = render_web(1, top, bottom - top, STYLE)[:, int(x1) : int(x2) + 1].astype(float)
        bright = metal > np.median(metal) + 25
        rows = np.flatnonzero(bright.any(axis=1))
        assert rows.min() <= 12
        assert rows.max() >= bottom - top - 13


def test_scratches_on_seams_cross_one_and_the_others_keep_clear() -> None:
    for scratch in web_scratches(2, range(200), STYLE):
        crossed = [seam for seam in range(0, 41_000, 100) if scratch.xyxy[1] < seam < scratch.xyxy[3]]
        assert bool(crossed) is scratch.on_seam
    assert sum(scratch.on_seam for scratch in web_scratches(2, range(201), STYLE)) == 40


def test_neighbors_never_touch() -> None:
    scratches = web_scratches(3, range(300), STYLE)
    for one, other in pairwise(scratches):
        assert one.xyxy[2] < other.xyxy[0] or other.xyxy[2] < one.xyxy[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"section_lines": 50},
        {"seams": (0, 20, 40, 60, 80, 100, 120, 140, 160, 180)},
        {"seams": (-10, 100)},
        {"defect_rate": 1.5},
        {"on_seam_every": 0},
    ],
)
def test_a_web_that_has_no_room_for_its_scratches_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        WebStyle(**wrong)  # type: ignore[arg-type]
