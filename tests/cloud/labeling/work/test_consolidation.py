"""Several people's boxes become one label."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.catalog.labels import Box
from cloud_side.labeling.work.consolidation import consolidate

SCRATCH = Box("scratch", 10, 10, 100, 20)
NEAR = Box("scratch", 14, 12, 100, 20)
NEARER = Box("scratch", 12, 11, 100, 20)
DENT = Box("dent", 200, 50, 30, 30)


def test_what_one_person_draws_is_the_label_as_it_was_drawn() -> None:
    agreed = consolidate([[DENT, SCRATCH]], 0.5)
    assert (agreed.boxes, agreed.confidences, agreed.disputed) == ((DENT, SCRATCH), (1.0, 1.0), 0)


def test_a_box_that_more_than_half_drew_is_kept_with_the_medians_of_its_corners() -> None:
    agreed = consolidate([[SCRATCH, DENT], [NEAR], [NEARER]], 0.5)
    assert (agreed.boxes, agreed.confidences, agreed.disputed) == ((NEARER,), (1.0,), 1)


def test_a_box_of_two_has_their_share_as_its_confidence() -> None:
    agreed = consolidate([[SCRATCH], [SCRATCH], []], 0.5)
    assert (agreed.boxes, agreed.confidences) == ((SCRATCH,), (0.6667,))


def test_where_most_see_no_defect_there_is_none() -> None:
    agreed = consolidate([[], [DENT], []], 0.5)
    assert (agreed.boxes, agreed.disputed) == ((), 1)


def test_a_defect_that_one_of_two_saw_is_left_to_whoever_verifies() -> None:
    agreed = consolidate([[], [DENT]], 0.5)
    assert (agreed.boxes, agreed.confidences) == ((DENT,), (0.5,))


def test_people_who_all_saw_something_else_do_not_make_an_image_without_defects() -> None:
    agreed = consolidate([[SCRATCH], [DENT], [Box("scratch", 300, 200, 10, 10)]], 0.5)
    assert len(agreed.boxes) == 3


def test_boxes_of_two_classes_are_two_things() -> None:
    agreed = consolidate([[SCRATCH], [Box("dent", *_numbers(SCRATCH))], [SCRATCH]], 0.5)
    assert agreed.boxes == (SCRATCH,)


def test_two_boxes_of_one_person_stay_two() -> None:
    agreed = consolidate([[SCRATCH, NEAR], [NEARER], [NEARER]], 0.5)
    assert len(agreed.boxes) == 1
    assert agreed.confidences == (1.0,)
    assert agreed.disputed == 1


edges = st.integers(0, 40).map(lambda quarter: quarter / 4)
boxes = st.builds(
    Box, st.sampled_from(["dent", "scratch"]), edges, edges, edges.map(lambda v: v + 1), edges.map(lambda v: v + 1)
)
people = st.lists(st.lists(boxes, max_size=4), min_size=1, max_size=4)


@settings(max_examples=20, deadline=None)
@given(people)
def test_a_label_is_made_of_what_people_drew(drawn: list[list[Box]]) -> None:
    agreed = consolidate(drawn, 0.5)
    assert len(agreed.boxes) == len(agreed.confidences)
    assert len(agreed.boxes) + agreed.disputed <= sum(map(len, drawn))
    for box in agreed.boxes:
        alike = [each for each in itertools.chain(*drawn) if each.label == box.label]
        for at in range(4):
            assert min(each.xyxy[at] for each in alike) <= box.xyxy[at] <= max(each.xyxy[at] for each in alike)


@settings(max_examples=20, deadline=None)
@given(st.lists(boxes, max_size=4, unique_by=lambda box: box.xyxy), st.integers(1, 4))
def test_people_who_say_the_same_agree(drawn: list[Box], number: int) -> None:
    agreed = consolidate([drawn] * number, 0.9)
    assert set(agreed.confidences) <= {1.0}
    assert agreed.disputed == 0


def _numbers(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.width, box.height
