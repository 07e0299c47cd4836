"""A defect of a web is told once and whole, wherever the frames cut it."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.detections import Detections
from edge_inspector.linescan.assembler import Assembler, WebOptions, WebPicture
from edge_inspector.tracks import TrackChange, TrackOptions, TrackPhase, WebTracker
from edge_inspector.web import WebPlace
from tests.belts import POLICY
from tests.webs import START, Box, box_of, detections

FRAME, OVERLAP, WIDTH = 300, 100, 450
OPTIONS = WebOptions(FRAME, OVERLAP, 0.1)
TWO_CLASSES = Policy({"scratch": ClassPolicy(0.6, 0.78), "dent": ClassPolicy(0.6, 0.78)})


def web_tracker(policy: Policy = POLICY) -> WebTracker:
    return WebTracker(tuple(policy.classes), policy, TrackOptions(), overlap_lines=OVERLAP)


def places(lines: int, *, roll: str = "roll-1") -> list[WebPlace]:
    """Return the places of the frames of a roll, as the assembler lays them."""
    assembler = Assembler(OPTIONS, roll=roll)
    pictures: list[WebPicture] = assembler.add(np.zeros((lines, 1), np.uint8))
    return [picture.place for picture in pictures + assembler.end_roll("next")]


def show(tracker: WebTracker, place: WebPlace, found: Detections, *, frame_id: int | None = None) -> list[TrackChange]:
    number = place.first_line if frame_id is None else frame_id
    return tracker.see(
        found, image_wh=(WIDTH, place.lines), frame_id=number, captured_at=START,
        captured_monotonic_ns=0, web=place,
    )  # fmt: skip


def cut(boxes: Sequence[Box], place: WebPlace, *, jitter: np.random.Generator | None = None) -> Detections:
    """Return what a perfect detector sees on a frame: the defects, cut at its edges, each box off by up to 2 pixels."""
    seen = []
    for x1, y1, x2, y2 in boxes:
        top, bottom = max(0.0, y1 - place.first_line), min(float(place.lines), y2 - place.first_line)
        if bottom - top >= 3:
            off = np.zeros(4) if jitter is None else jitter.uniform(-2, 2, 4)
            box = np.clip(np.array([x1, top, x2, bottom]) + off, 0, [WIDTH, place.lines, WIDTH, place.lines])
            seen.append((float(box[0]), float(box[1]), float(box[2]), float(box[3])))
    return detections(seen, [0.9] * len(seen))


def told(boxes: Sequence[Box], lines: int, *, jitter: np.random.Generator | None = None) -> list[TrackChange]:
    tracker = web_tracker()
    return [change for place in places(lines) for change in show(tracker, place, cut(boxes, place, jitter=jitter))]


def test_a_defect_clear_of_the_overlap_is_told_with_its_frame() -> None:
    tracker = web_tracker()
    first, second = places(500)[:2]
    (change,) = show(tracker, first, cut([(10, 120, 60, 180)], first))
    assert (change.phase, change.track.frames, change.track.goes_on) == (TrackPhase.NEW, 1, False)
    assert change.track.web is not None
    assert (change.track.web.roll, change.track.web.lines) == ("roll-1", (120, 180))
    assert change.track.web.mm == pytest.approx((12, 18))
    assert change.track.across_px == (10, 60)
    assert show(tracker, second, cut([], second)) == []


def test_a_defect_in_the_overlap_is_told_once_when_both_frames_have_shown_it() -> None:
    tracker = web_tracker()
    first, second = places(700)[:2]
    defect = [(10.0, 230.0, 60.0, 270.0)]
    assert show(tracker, first, cut(defect, first)) == []
    (change,) = show(tracker, second, cut(defect, second))
    assert change.track.frames == 2
    assert box_of(change.track) == defect[0]


def test_a_defect_that_the_first_frame_cuts_is_told_whole() -> None:
    changes = told([(10, 250, 60, 340)], 900)
    assert [box_of(change.track) for change in changes] == [(10, 250, 60, 340)]
    assert changes[0].track.xyxy == (10, 50, 60, 140)  # on the frame that shows it whole
    assert changes[0].track.frame_id == 200


def test_a_defect_longer_than_the_overlap_that_no_frame_shows_whole_is_put_together() -> None:
    changes = told([(10, 180, 60, 330)], 900)
    assert [box_of(change.track) for change in changes] == [(10, 180, 60, 330)]
    assert changes[0].track.web is not None
    assert changes[0].track.web.mm == pytest.approx((18, 33))


def test_a_defect_longer_than_a_frame_is_put_together_of_several() -> None:
    changes = told([(10, 150, 60, 620)], 1300)
    assert [(change.phase, box_of(change.track)) for change in changes] == [(TrackPhase.NEW, (10, 150, 60, 620))]


def test_one_that_goes_on_and_on_is_told_while_it_does_and_again_when_it_ends() -> None:
    changes = told([(10, 150, 60, 2000)], 3000)
    assert [(c.phase, c.track.goes_on, c.track.number) for c in changes] == [
        (TrackPhase.NEW, True, 1),
        (TrackPhase.END, False, 1),
    ]
    assert box_of(changes[1].track) == (10, 150, 60, 2000)
    assert box_of(changes[0].track)[3] < 1500


def test_two_defects_side_by_side_on_a_seam_stay_two() -> None:
    boxes = [(10.0, 250.0, 20.0, 340.0), (30.0, 250.0, 40.0, 340.0), (200.0, 150.0, 210.0, 340.0)]
    assert sorted(box_of(change.track) for change in told(boxes, 900)) == sorted(boxes)


def test_two_defects_one_behind_the_other_in_the_overlap_stay_two() -> None:
    boxes = [(10.0, 205.0, 40.0, 240.0), (10.0, 252.0, 40.0, 290.0)]
    assert sorted(box_of(change.track) for change in told(boxes, 900)) == boxes


def test_defects_of_two_classes_in_one_place_stay_two() -> None:
    tracker = web_tracker(TWO_CLASSES)
    changes = []
    for place in places(900):
        found = cut([(10, 250, 60, 340), (10, 250, 60, 340)], place)
        classes = np.arange(len(found), dtype=np.int64)
        changes += show(tracker, place, Detections(found.xyxy, found.confidence, classes))
    assert sorted(change.track.label for change in changes) == ["dent", "scratch"]


def test_the_verdict_is_the_worst_and_the_box_that_of_the_surer_frame() -> None:
    tracker = web_tracker()
    first, second = places(700)[:2]
    show(tracker, first, detections([(10, 230, 60, 270)], [0.65]))
    (change,) = show(tracker, second, detections([(11, 28, 61, 68)], [0.9]))
    assert change.track.verdict is Verdict.REJECT
    assert box_of(change.track) == (11, 228, 61, 268)


def test_what_the_second_frame_finds_worse_in_a_part_of_a_defect_is_its_verdict() -> None:
    first, second = places(700)[:2]
    for part in ((30, 40, 45, 55), (10, 30, 60, 60)):  # which agrees with the whole too little, and well
        tracker = web_tracker()
        assert show(tracker, first, detections([(10, 220, 60, 270)], [0.65])) == []
        changes = show(tracker, second, detections([part], [0.9]))
        assert [(change.phase, change.track.verdict) for change in changes] == [(TrackPhase.NEW, Verdict.REJECT)]


def test_a_part_that_is_worse_than_what_was_told_is_an_update() -> None:
    tracker = web_tracker()
    first, last = WebPlace("roll-1", 0, FRAME), WebPlace("roll-1", 20, FRAME, ends_roll=True)
    (told_first,) = show(tracker, first, detections([(10, 50, 60, 90)], [0.65]))
    (change,) = show(tracker, last, detections([(20, 40, 32, 52)], [0.9]))
    assert (change.phase, change.track.verdict) == (TrackPhase.UPDATE, Verdict.REJECT)
    assert change.track.number == told_first.track.number


def test_two_parts_that_the_second_frame_shows_as_one_give_it_the_worst_verdict_of_both() -> None:
    tracker = web_tracker()
    first, second = places(700)[:2]
    assert show(tracker, first, detections([(10, 220, 60, 280), (30, 284, 50, 296)], [0.65, 0.9])) == []
    (change,) = show(tracker, second, detections([(10, 20, 60, 100)], [0.7]))
    assert change.track.verdict is Verdict.REJECT


def test_one_defect_that_a_frame_shows_as_two_boxes_is_told_once_with_both() -> None:
    (first, *_) = places(700)
    for whole_first in (True, False):
        tracker = web_tracker()
        two = [(75.0, 108.0, 199.0, 185.0), (93.0, 140.0, 197.0, 199.0)]
        (change,) = show(tracker, first, detections(two if whole_first else two[::-1], [0.9, 0.65]))
        assert box_of(change.track) == change.track.xyxy == (75, 108, 199, 199)
        assert change.track.verdict is Verdict.REJECT


def test_two_defects_that_overlap_and_do_not_agree_stay_two() -> None:
    (first, *_) = places(700)
    boxes = [(100.0, 100.0, 140.0, 180.0), (115.0, 145.0, 200.0, 190.0)]
    assert len(show(web_tracker(), first, detections(boxes, [0.9, 0.9]))) == 2
    weak = (100.0, 100.0, 200.0, 190.0)  # covers both, and would not be told
    assert len(show(web_tracker(), first, detections([*boxes, weak], [0.9, 0.9, 0.4]))) == 2


def test_lines_that_nobody_counted_part_what_lies_before_and_behind_them() -> None:
    tracker = web_tracker()
    before, behind = WebPlace("roll-1", 0, FRAME), WebPlace("roll-1", FRAME, FRAME, uncounted=1)
    assert show(tracker, before, detections([(10, 250, 60, 300)], [0.9])) == []
    first, second = show(tracker, behind, detections([(10, 0, 60, 50)], [0.9]))
    assert [change.track.web and change.track.web.uncounted for change in (first, second)] == [0, 1]


def test_a_weak_piece_lengthens_a_defect_and_is_not_told_alone() -> None:
    tracker = web_tracker()
    first, second, _ = places(700)[:3]
    assert show(tracker, first, detections([(10, 100, 60, 298), (300, 150, 340, 180)], [0.4, 0.4])) == []
    (change,) = show(tracker, second, detections([(10, 2, 60, 120)], [0.9]))
    assert box_of(change.track) == (10, 100, 60, 320)
    assert tracker.end_all() == []


def test_a_defect_that_the_second_frame_misses_is_told_as_far_as_it_was_seen() -> None:
    tracker = web_tracker()
    first, second = places(700)[:2]
    assert show(tracker, first, cut([(10, 250, 60, 340)], first)) == []
    (change,) = show(tracker, second, detections([], []))
    assert box_of(change.track) == (10, 250, 60, 300)


def test_at_a_gap_and_at_the_end_of_a_roll_nothing_is_held_back() -> None:
    tracker = web_tracker()
    first = places(700)[0]
    show(tracker, first, cut([(10, 250, 60, 340)], first))
    (change,) = show(tracker, WebPlace("roll-1", 310, FRAME), detections([], []))
    assert box_of(change.track) == (10, 250, 60, 300)
    last = WebPlace("roll-1", 400, FRAME, ends_roll=True)
    (change,) = show(tracker, last, detections([(10, 280, 60, 300)], [0.9]))
    assert box_of(change.track) == (10, 680, 60, 700)
    (change,) = show(tracker, WebPlace("roll-2", 0, FRAME), detections([(10, 20, 60, 50)], [0.9]))
    assert change.track.web is not None
    assert (change.track.web.roll, change.track.number) == ("roll-2", 3)


def test_a_last_frame_that_overlaps_more_tells_nothing_twice_but_that_it_is_worse() -> None:
    tracker = web_tracker()
    first = WebPlace("roll-1", 0, FRAME)
    last = WebPlace("roll-1", 20, FRAME, ends_roll=True)
    assert len(show(tracker, first, detections([(10, 50, 60, 90), (200, 50, 250, 90)], [0.65, 0.9]))) == 2
    (change,) = show(tracker, last, detections([(10, 30, 60, 70), (200, 30, 250, 70)], [0.9, 0.9]))
    assert (change.phase, change.track.verdict) == (TrackPhase.UPDATE, Verdict.REJECT)


def test_a_frame_without_a_place_stands_alone() -> None:
    (change,) = web_tracker().see(
        detections([(10, 30, 60, 300)], [0.9]), image_wh=(WIDTH, FRAME), frame_id=1, captured_at=START,
        captured_monotonic_ns=0,
    )  # fmt: skip
    assert change.track.web is None


@st.composite
def _defects(draw: st.DrawFn) -> list[Box]:
    """Return defects anywhere, of any length up to two frames, that keep a distance of 16 pixels or lines."""
    boxes: list[Box] = []
    for _ in range(draw(st.integers(0, 14))):
        x, y = draw(st.integers(5, 400)), draw(st.integers(5, 2600))
        width, height = draw(st.integers(6, 45)), draw(st.integers(14, 600))
        box = (float(x), float(y), float(x + width), float(y + height))
        if all(
            box[0] - 16 > o[2] or o[0] - 16 > box[2] or box[1] - 16 > o[3] or o[1] - 16 > box[3] for o in boxes
        ):  # fmt: skip
            boxes.append(box)
    return boxes


@settings(deadline=None)
@given(_defects(), st.integers(0, 2**32 - 1))
def test_every_defect_is_told_once_and_whole(boxes: list[Box], seed: int) -> None:
    changes = told(boxes, 3300, jitter=np.random.default_rng(seed))
    assert {change.phase for change in changes} <= {TrackPhase.NEW, TrackPhase.END}
    whole = [box_of(change.track) for change in changes if not change.track.goes_on]
    assert_the_same(whole, boxes)


def assert_the_same(told_boxes: Sequence[Box], boxes: Sequence[Box]) -> None:
    """Each defect is among those that were told, but for two pixels of jitter of at most two frames, and no other."""
    off = np.abs(np.reshape(told_boxes, (-1, 1, 4)) - np.reshape(boxes, (1, -1, 4))).max(axis=2)
    assert len(told_boxes) == len(boxes)
    assert ((off <= 4.01).sum(axis=0) == 1).all()
    assert ((off <= 4.01).sum(axis=1) == 1).all()


def thousand_defects() -> tuple[list[Box], int]:
    """Return 1,000 defects, 200 of them cut by an edge of some frame, and the lines of their roll."""
    rng = np.random.default_rng(6)
    boxes, step = [], FRAME - OVERLAP
    for number in range(1000):
        begin = (number + 1) * step
        if number % 5 == 0:
            height = rng.uniform(20, 160)
            y = begin + rng.choice([0, OVERLAP]) - height * rng.uniform(0.25, 0.75)
            x = 20.0 if number % 2 else 240.0
        else:
            height = rng.uniform(20, 70)
            y = begin + rng.choice([0, OVERLAP]) + rng.uniform(14, 86 - height)
            x = 130.0 if number % 2 else 350.0
        boxes.append((x, float(y), x + float(rng.uniform(8, 80)), float(y + height)))
    return boxes, 1002 * step


def test_of_a_thousand_defects_two_hundred_on_seams_each_is_told_once_and_whole() -> None:
    boxes, lines = thousand_defects()
    edges = {edge for place in places(lines) for edge in (place.first_line, place.end_line)}
    assert sum(any(box[1] < edge < box[3] for edge in edges) for box in boxes) == 200
    changes = told(boxes, lines, jitter=np.random.default_rng(1))
    assert [change.phase for change in changes] == [TrackPhase.NEW] * 1000
    assert_the_same([box_of(change.track) for change in changes], boxes)
