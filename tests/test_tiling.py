from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.detections import Detections
from edge_inspector.geometry import area, as_boxes, iou
from edge_inspector.tiling import Tiles, Tiling, larger_than, merge, plan_tiles

Box: TypeAlias = tuple[float, float, float, float]

ALL = 10_000
TILE_WH, OVERLAP_PX, IMAGE_WH = (320, 224), 64, (1100, 700)
TILES = plan_tiles(IMAGE_WH, Tiling(TILE_WH, OVERLAP_PX))


@st.composite
def _plans(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Return image_wh, tile_wh and overlap_px."""
    tile_wh = draw(st.tuples(st.integers(8, 60), st.integers(8, 60)))
    image_wh = draw(st.tuples(st.integers(1, 200), st.integers(1, 200)))
    return image_wh, tile_wh, draw(st.integers(0, min(tile_wh) - 1))


@given(_plans())
def test_the_tiles_cover_every_pixel_and_none_outside(plan: tuple[tuple[int, int], tuple[int, int], int]) -> None:
    image_wh, tile_wh, overlap = plan
    seen = np.zeros(image_wh[::-1], np.bool_)
    for x1, y1, x2, y2 in plan_tiles(image_wh, Tiling(tile_wh, overlap)):
        assert (x2 - x1, y2 - y1) == tuple(map(min, image_wh, tile_wh))
        assert 0 <= x1 < x2 <= image_wh[0]
        assert 0 <= y1 < y2 <= image_wh[1]
        seen[y1:y2, x1:x2] = True
    assert seen.all()


@given(_plans(), st.data())
def test_a_box_no_larger_than_the_overlap_lies_whole_in_a_tile(
    plan: tuple[tuple[int, int], tuple[int, int], int], data: st.DataObject
) -> None:
    image_wh, tile_wh, overlap = plan
    size = [data.draw(st.floats(0, min(overlap, side))) for side in image_wh]
    corner = [data.draw(st.floats(0, side - length)) for side, length in zip(image_wh, size, strict=True)]
    tiles = plan_tiles(image_wh, Tiling(tile_wh, overlap))
    box = np.array([*corner, corner[0] + size[0], corner[1] + size[1]])
    whole = (tiles[:, :2] <= box[:2]) & (box[2:] <= tiles[:, 2:] + 1e-9)
    assert whole.all(axis=1).any()


@given(_plans())
def test_there_is_no_tile_too_many_and_they_are_spread_evenly(
    plan: tuple[tuple[int, int], tuple[int, int], int],
) -> None:
    image_wh, tile_wh, overlap = plan
    tiles = plan_tiles(image_wh, Tiling(tile_wh, overlap))
    counts = []
    for axis, (side, tile) in enumerate(zip(image_wh, tile_wh, strict=True)):
        starts = np.unique(tiles[:, axis])
        counts.append(len(starts))
        if len(starts) > 1:
            assert tile + (len(starts) - 2) * (tile - overlap) < side, "one less would do"
            assert np.ptp(np.diff(starts)) <= 1
    assert len(tiles) == counts[0] * counts[1]


def test_a_frame_no_larger_than_a_tile_is_one_tile() -> None:
    assert plan_tiles((320, 200), Tiling(TILE_WH, 64)).tolist() == [[0, 0, 320, 200]]


@pytest.mark.parametrize("overlap_px", [-1, 224, 400])
def test_an_overlap_that_leaves_nothing_of_a_tile_is_refused(overlap_px: int) -> None:
    with pytest.raises(ValueError, match=f"less than a tile of .320, 224., found {overlap_px}"):
        Tiling(TILE_WH, overlap_px)


def detections(
    boxes: Sequence[Sequence[float]], confidence: Sequence[float] = (), classes: Sequence[int] = ()
) -> Detections:
    count = len(boxes)
    return Detections(
        as_boxes(boxes),
        np.array(confidence or [0.9] * count, np.float32),
        np.array(classes or [0] * count, np.int64),
    )


def seen_by_tiles(defects: Sequence[Box], tiles: Tiles = TILES, *, classes: Sequence[int] = ()) -> list[Detections]:
    """Return what a flawless detector reports: on each tile what the tile shows of each defect."""
    found = []
    for tile in tiles:
        shown = [
            ((*np.maximum(box[:2], tile[:2]), *np.minimum(box[2:], tile[2:])), label)
            for box, label in zip(defects, classes or [0] * len(defects), strict=True)
        ]
        shown = [((x1, y1, x2, y2), label) for (x1, y1, x2, y2), label in shown if x1 < x2 and y1 < y2]
        found.append(detections([box for box, _ in shown], classes=[label for _, label in shown]))
    return found


def boxes_of(merged: Detections) -> list[list[float]]:
    return sorted(merged.xyxy.tolist())


@st.composite
def _disjoint_boxes(draw: st.DrawFn) -> list[Box]:
    """Return boxes of any size, at whole pixels, that do not overlap; they may touch."""
    boxes: list[Box] = []
    for _ in range(draw(st.integers(1, 6))):
        width, height = draw(st.integers(1, 900)), draw(st.integers(1, 600))
        x, y = draw(st.integers(0, IMAGE_WH[0] - width)), draw(st.integers(0, IMAGE_WH[1] - height))
        box = (x, y, x + width, y + height)
        if not boxes or not iou(as_boxes([box]), as_boxes(boxes)).any():
            boxes.append(box)
    return boxes


@given(_disjoint_boxes())
def test_each_defect_is_reported_once_and_whole_whatever_tiles_show_of_it(defects: list[Box]) -> None:
    merged = merge(seen_by_tiles(defects), TILES, max_detections=ALL)
    assert boxes_of(merged) == sorted(map(list, defects))


@given(st.tuples(st.integers(16, 60), st.integers(16, 60)), st.integers(1, 8), st.data())
def test_the_same_holds_for_any_plan(tile_wh: tuple[int, int], overlap_px: int, data: st.DataObject) -> None:
    image_wh = data.draw(st.tuples(st.integers(1, 200), st.integers(1, 200)))
    tiles = plan_tiles(image_wh, Tiling(tile_wh, overlap_px))
    x1, x2 = sorted(data.draw(st.tuples(*[st.integers(0, image_wh[0])] * 2)))
    y1, y2 = sorted(data.draw(st.tuples(*[st.integers(0, image_wh[1])] * 2)))
    defects = [(x1, y1, x2, y2)] if x1 < x2 and y1 < y2 else []
    merged = merge(seen_by_tiles(defects, tiles), tiles, max_detections=ALL)
    assert boxes_of(merged) == [list(box) for box in defects]


_points = st.tuples(st.integers(10, IMAGE_WH[0] - 10), st.integers(10, IMAGE_WH[1] - 10))


@given(_points, _points)
def test_a_long_scratch_across_many_tiles_is_one(start: tuple[int, int], end: tuple[int, int]) -> None:
    along = np.linspace(start, end, 2000)
    found = []
    for tile in TILES:
        # What a tile shows of a line 6 px wide.
        near = along[((along >= tile[:2] - 3) & (along <= tile[2:] + 3)).all(axis=1)]
        box = [*np.maximum(near.min(0) - 3, tile[:2]), *np.minimum(near.max(0) + 3, tile[2:])] if len(near) else []
        found.append(detections([box] if box and box[0] < box[2] and box[1] < box[3] else []))
    merged = merge(found, TILES, max_detections=ALL)
    whole = [*np.minimum(start, end) - 3, *np.maximum(start, end) + 3]
    np.testing.assert_allclose(merged.xyxy, [whole], atol=1e-3)


@st.composite
def _anything(draw: st.DrawFn) -> list[Detections]:
    """Return what a careless detector may report: any boxes inside each tile."""
    found = []
    for tile in TILES:
        boxes, size = [], tile[2:] - tile[:2]
        for _ in range(draw(st.integers(0, 3))):
            x1, x2 = sorted(draw(st.tuples(*[st.integers(0, int(size[0]))] * 2)))
            y1, y2 = sorted(draw(st.tuples(*[st.integers(0, int(size[1]))] * 2)))
            boxes.append([tile[0] + x1, tile[1] + y1, tile[0] + x2, tile[1] + y2])
        scores = [draw(st.integers(1, 100)) / 100 for _ in boxes]
        found.append(detections(boxes, scores, [draw(st.integers(0, 1)) for _ in boxes]))
    return found


@given(_anything())
def test_nothing_that_was_found_is_lost_or_gets_weaker(found: list[Detections]) -> None:
    merged = merge(found, TILES, max_detections=ALL)
    for one in found:
        for box, confidence, label in zip(one.xyxy, one.confidence, one.class_id, strict=True):
            alike = merged.take((merged.class_id == label) & (merged.confidence >= confidence))
            corners = [np.maximum(box[:2], alike.xyxy[:, :2]), np.minimum(box[2:], alike.xyxy[:, 2:])]
            inside = area(np.concatenate(corners, axis=1))
            assert inside.max(initial=-1) >= 0.499 * area(box[None])[0]


@given(_anything())
def test_merging_invents_nothing(found: list[Detections]) -> None:
    merged = merge(found, TILES, max_detections=ALL)
    assert len(merged) <= sum(map(len, found))
    for label in (0, 1):
        before = [one.take(one.class_id == label) for one in found]
        after = merged.take(merged.class_id == label)
        assert (len(after) == 0) == (sum(map(len, before)) == 0)
        corners = np.concatenate([one.xyxy for one in before])
        assert np.isin(after.xyxy, corners).all()
        assert np.isin(after.confidence, np.concatenate([one.confidence for one in before])).all()
    assert (np.diff(merged.confidence) <= 0).all()


@given(_anything())
def test_what_one_tile_sees_whole_as_two_stays_two(found: list[Detections]) -> None:
    merged = merge(found, TILES, max_detections=ALL)
    for one, tile in zip(found, TILES, strict=True):
        margin = 0.021 * np.tile(tile[2:] - tile[:2], 2)
        whole = (np.abs(one.xyxy - tile) > margin).all(axis=1)
        for label in (0, 1):
            assert np.count_nonzero(merged.class_id == label) >= np.count_nonzero(whole & (one.class_id == label))


@given(_anything())
def test_one_tile_is_left_as_it_is(found: list[Detections]) -> None:
    for one, tile in zip(found, TILES, strict=True):
        merged = merge([one], tile[None], max_detections=ALL)
        strongest_first = one.take(np.argsort(-one.confidence, kind="stable"))
        np.testing.assert_array_equal(merged.xyxy, strongest_first.xyxy)
        np.testing.assert_array_equal(merged.confidence, strongest_first.confidence)


TWO = np.array([[0, 0, 320, 224], [256, 0, 576, 224]])  # they share x from 256 to 320


def test_a_cut_box_gives_way_to_the_whole_one_and_hands_its_confidence_on() -> None:
    found = [detections([[290, 50, 320, 80]], [0.95]), detections([[291, 50, 345, 80]], [0.7])]
    merged = merge(found, TWO, max_detections=ALL)
    np.testing.assert_allclose(merged.xyxy, [[291, 50, 345, 80]])
    assert merged.confidence.tolist() == pytest.approx([0.95])


def test_two_sloppy_boxes_of_one_defect_are_one() -> None:
    found = [detections([[270, 50, 300, 80]], [0.6]), detections([[273, 46, 305, 77]], [0.8])]
    merged = merge(found, TWO, max_detections=ALL)
    assert merged.xyxy.tolist() == [[273, 46, 305, 77]]


def test_the_ends_of_a_diagonal_scratch_are_united_though_they_hardly_overlap() -> None:
    found = [detections([[20, 10, 319, 120]]), detections([[257, 98, 500, 200]])]
    assert merge(found, TWO, max_detections=ALL).xyxy.tolist() == [[20, 10, 500, 200]]


def test_two_scratches_side_by_side_across_a_seam_stay_two() -> None:
    found = [
        detections([[100, 50, 320, 62], [100, 56, 320, 68]]),
        detections([[256, 50, 500, 62], [256, 56, 500, 68]]),
    ]
    assert boxes_of(merge(found, TWO, max_detections=ALL)) == [[100, 50, 500, 62], [100, 56, 500, 68]]


def test_a_small_defect_inside_the_box_of_a_long_one_stays() -> None:
    found = [detections([[20, 10, 320, 120]]), detections([[256, 98, 500, 200], [270, 60, 290, 75]])]
    assert boxes_of(merge(found, TWO, max_detections=ALL)) == [[20, 10, 500, 200], [270, 60, 290, 75]]


def test_the_pieces_that_one_tile_makes_of_a_defect_give_way_to_the_whole_one() -> None:
    found = [
        detections([[200, 50, 310, 80], [10, 10, 20, 20]], [0.5, 0.7]),
        detections([[256, 50, 280, 80], [256, 60, 312, 80]], [0.95, 0.6]),
    ]
    merged = merge(found, TWO, max_detections=ALL)
    assert merged.xyxy.tolist() == [[200, 50, 310, 80], [10, 10, 20, 20]]
    assert merged.confidence.tolist() == pytest.approx([0.95, 0.7])


def test_two_defects_of_which_another_tile_sees_one_stay_two() -> None:
    found = [detections([[270, 50, 300, 80]]), detections([[270, 51, 300, 81], [272, 58, 302, 88]])]
    assert len(merge(found, TWO, max_detections=ALL)) == 2


def test_a_cut_box_speaks_for_its_own_defect_and_not_for_a_larger_one_around_it() -> None:
    found = [
        detections([[290, 50, 320, 80]], [0.95]),
        detections([[260, 20, 400, 150], [290, 50, 330, 80]], [0.9, 0.5]),
    ]
    merged = merge(found, TWO, max_detections=ALL)
    assert merged.xyxy.tolist() == [[290, 50, 330, 80], [260, 20, 400, 150]]
    assert merged.confidence.tolist() == pytest.approx([0.95, 0.9])


def test_another_class_is_another_defect() -> None:
    found = [detections([[270, 50, 300, 80]], classes=[0]), detections([[270, 50, 300, 80]], classes=[1])]
    assert sorted(merge(found, TWO, max_detections=ALL).class_id.tolist()) == [0, 1]


def test_an_edge_of_the_frame_cuts_nothing() -> None:
    # Both lie in the corner of the frame that both tiles see down to the edge; they agree too little to be one.
    found = [detections([[270, 200, 318, 224]]), detections([[258, 190, 282, 224]])]
    tiles = np.array([[0, 0, 330, 224], [250, 0, 576, 224]])
    assert len(merge(found, tiles, max_detections=ALL)) == 2


def test_the_limit_holds_for_the_merged_list_and_keeps_the_strongest() -> None:
    found = [
        detections([[10, 10, 20, 20], [270, 50, 300, 80]], [0.5, 0.9]),
        detections([[270, 50, 300, 80], [400, 10, 410, 20]], [0.8, 0.7]),
    ]
    merged = merge(found, TWO, max_detections=2)
    assert merged.confidence.tolist() == pytest.approx([0.9, 0.7])


def test_more_boxes_than_anyone_can_compare_are_cut_to_the_strongest() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (3000, 2))
    many = Detections(
        np.hstack((corner, corner + 5)).astype(np.float32),
        rng.uniform(size=3000).astype(np.float32),
        np.zeros(3000, int),
    )
    merged = merge([many, Detections.empty()], TWO, max_detections=ALL)
    np.testing.assert_array_equal(merged.confidence, np.sort(many.confidence)[::-1][:1000])


def test_tiles_without_number_take_no_memory() -> None:
    tiles = plan_tiles((8192, 8192), Tiling((64, 64), 32))
    assert len(tiles) == 255 * 255
    found = [Detections.empty()] * len(tiles)
    found[0], found[1] = detections([[33, 10, 63, 20]]), detections([[33, 10, 63, 20]])
    assert merge(found, tiles, max_detections=ALL).xyxy.tolist() == [[33, 10, 63, 20]]


def test_nothing_found_is_nothing() -> None:
    assert len(merge([Detections.empty(), Detections.empty()], TWO, max_detections=ALL)) == 0


def test_larger_than_looks_at_the_longer_side() -> None:
    boxes = [[0, 0, 65, 5], [0, 0, 5, 65], [0, 0, 64, 64]]
    assert larger_than(detections(boxes), 64).xyxy.tolist() == boxes[:2]
    assert len(larger_than(Detections.empty(), 64)) == 0
