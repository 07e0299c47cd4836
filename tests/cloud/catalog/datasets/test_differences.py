from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.catalog.differences import Change, balance_changes, differences
from cloud_side.catalog.labels import Box
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, Split
from cloud_side.catalog.versions import Entry
from tests.cloud.catalog.datasets.conftest import AT, label_of, make_version


def entry_of(seed: int, split: Split = Split.TRAIN, **more: Any) -> Entry:
    label = replace(label_of(1), sha256=f"{seed:064x}", **more)
    return Entry(f"datasets/images/{seed}.png", split, label)


def test_each_image_that_differs_is_told_with_what_changed() -> None:
    before = [entry_of(1), entry_of(2), entry_of(3), entry_of(4), entry_of(5)]
    after = [
        entry_of(0),
        entry_of(2),
        entry_of(3, boxes=()),
        entry_of(4, Split.TEST, group="other"),
        entry_of(5, labeled_by=("eva",)),
        entry_of(6),
    ]
    found = {int(each.sha256, 16): each.changes for each in differences(before, after)}
    assert found == {
        0: (Change.ADDED,),
        1: (Change.REMOVED,),
        3: (Change.RELABELED,),
        4: (Change.REGROUPED, Change.MOVED),
        6: (Change.ADDED,),
    }


@settings(max_examples=10)
@given(st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_added_and_removed_are_what_sets_say(before: set[int], after: set[int]) -> None:
    found = list(differences(map(entry_of, sorted(before)), map(entry_of, sorted(after))))
    assert {int(each.sha256, 16) for each in found if each.before is None} == after - before
    assert {int(each.sha256, 16) for each in found if each.after is None} == before - after
    assert len(found) == len(before ^ after)


def test_the_order_of_boxes_is_no_difference() -> None:
    boxes = (Box("scratch", 1, 1, 2, 2), Box("scratch", 4, 4, 2, 2))
    assert list(differences([entry_of(1, boxes=boxes)], [entry_of(1, boxes=boxes[::-1])])) == []


def test_one_more_class_to_look_for_relabels_no_image() -> None:
    assert list(differences([entry_of(1)], [entry_of(1, class_names=("dent", "scratch"))])) == []


def test_the_balance_of_classes_is_compared_by_split(shelf: Shelf, sample: Any) -> None:
    first = make_version(shelf, [sample(1)]).header
    second = make_version(
        shelf, [sample(1), sample(2, boxes=(Box("scratch", 0, 0, 2, 2), Box("scratch", 5, 5, 2, 2)))],
        shares=Shares(100, 0, 0), created_at=AT,
    ).header  # fmt: skip
    assert balance_changes(first, second) == {
        "scratch": {Split.TRAIN: (1, 3), Split.VAL: (0, 0), Split.TEST: (0, 0)},
    }
