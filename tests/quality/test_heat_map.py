from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.quality.heat_map import COLUMNS, ROWS, cell_of, heat_map

WH = (480, 320)  # cells of 20 by 20 pixels


def test_a_box_counts_where_its_center_is() -> None:
    found = heat_map([cell_of((20, 40, 40, 60), WH), cell_of((0, 0, 60, 100), WH), cell_of((479, 319, 480, 320), WH)])
    assert found.counts[2][1] == 2
    assert found.counts[ROWS - 1][COLUMNS - 1] == 1
    assert (found.total, found.largest) == (3, 2)


def test_a_center_outside_the_picture_belongs_to_the_cell_next_to_it() -> None:
    assert cell_of((-50, -50, -10, -10), WH) == 0
    assert cell_of((900, 900, 950, 950), WH) == COLUMNS * ROWS - 1


def test_an_empty_map_has_no_largest() -> None:
    found = heat_map([])
    assert (found.total, found.largest) == (0, 0)


side = st.floats(-100, 600)


@given(st.lists(st.tuples(side, side, side, side), max_size=30))
def test_every_box_counts_once(boxes: list[tuple[float, float, float, float]]) -> None:
    found = heat_map(cell_of(box, WH) for box in boxes)
    assert found.total == sum(map(sum, found.counts)) == len(boxes)
    assert found.largest == max(map(max, found.counts))
    assert [len(row) for row in found.counts] == [COLUMNS] * ROWS
