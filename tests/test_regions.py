import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.geometry import as_boxes
from edge_inspector.regions import Region

LEFT_HALF = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
WHOLE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
FRAME_WH = (1024, 768)
CELL = 2 / 1024  # error of a side, in fractions of the frame

_fraction = st.floats(0, 1)
_polygon = st.lists(st.tuples(_fraction, _fraction), min_size=3, max_size=6)
_wh = st.tuples(st.integers(1, 8192), st.integers(1, 8192))
_box = st.tuples(_fraction, _fraction, _fraction, _fraction).map(
    lambda sides: (min(sides[0], sides[2]), min(sides[1], sides[3]), max(sides[0], sides[2]), max(sides[1], sides[3]))
)


def coverage(
    polygons: list[list[tuple[float, float]]], box: tuple[float, ...], image_wh: tuple[int, int] = FRAME_WH
) -> float:
    boxes = as_boxes([box]) * np.array([*image_wh, *image_wh], np.float32)
    return float(Region.of(polygons).coverage(boxes, image_wh)[0])


@pytest.mark.parametrize(
    ("box", "expected"),
    [((0.1, 0.1, 0.4, 0.9), 1), ((0.6, 0.1, 0.9, 0.9), 0), ((0.25, 0.2, 0.75, 0.8), 0.5), ((0.45, 0, 0.65, 1), 0.25)],
)
def test_how_much_of_a_box_lies_in_the_left_half(box: tuple[float, ...], expected: float) -> None:
    assert coverage([LEFT_HALF], box) == pytest.approx(expected, abs=0.02)


def test_half_of_a_box_over_the_diagonal_lies_in_a_triangle() -> None:
    triangle = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    assert coverage([triangle], (0.25, 0.25, 0.75, 0.75)) == pytest.approx(0.5, abs=0.02)


@given(_box, _wh)
def test_the_whole_frame_covers_every_box_in_it(box: tuple[float, ...], image_wh: tuple[int, int]) -> None:
    assert coverage([WHOLE], box, image_wh) == 1


@given(st.lists(_polygon, min_size=1, max_size=3), _box, _wh)
def test_coverage_is_a_fraction(
    polygons: list[list[tuple[float, float]]], box: tuple[float, ...], image_wh: tuple[int, int]
) -> None:
    assert 0 <= coverage(polygons, box, image_wh) <= 1


@given(_polygon, _polygon, _box)
def test_a_union_covers_at_least_what_each_part_covers_and_counts_nothing_twice(
    first: list[tuple[float, float]], second: list[tuple[float, float]], box: tuple[float, ...]
) -> None:
    together = coverage([first, second], box)
    assert max(coverage([first], box), coverage([second], box)) <= together + 1e-9
    assert together <= coverage([first], box) + coverage([second], box) + 1e-9
    assert coverage([first, first], box) == coverage([first], box)


@given(_box, st.sampled_from([(512, 512), (4096, 4096), (640, 480)]))
def test_a_region_is_the_same_in_every_resolution(box: tuple[float, ...], image_wh: tuple[int, int]) -> None:
    if min(box[2] - box[0], box[3] - box[1]) > 20 * CELL:
        assert coverage([LEFT_HALF], box, image_wh) == pytest.approx(coverage([LEFT_HALF], box), abs=0.1)


def test_a_box_without_area_and_one_outside_the_frame_have_a_coverage_too() -> None:
    region = Region.of([LEFT_HALF])
    odd = as_boxes(
        [[10, 10, 10, 10], [1024, 768, 1024, 768], [-50, -50, -10, -10], [5000, 0, 5010, 10], [60, 60, 20, 20]]
    )
    assert region.coverage(odd, FRAME_WH).tolist() == [1, 0, 1, 0, 1]


def test_no_boxes_have_no_coverage() -> None:
    assert Region.of([LEFT_HALF]).coverage(as_boxes([]), FRAME_WH).shape == (0,)
