import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from cloud_side.catalog.contact_sheet import write_twins
from cloud_side.catalog.leaks import LeakCheck, Units, units_before
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, Split, SplitRule
from cloud_side.catalog.twins import NearDuplicateError, NearDuplicates
from cloud_side.catalog.versions import DatasetError, Entry
from tests.cloud.catalog.datasets.conftest import AT, label_of, make_version, picture

HALVES = Shares(50, 0, 50)
RULE = SplitRule("tags", HALVES)
TRAIN, TEST = (
    next(group for group in ("a", "b", "c", "d", "e") if RULE.split_of(group) is split)
    for split in (Split.TRAIN, Split.TEST)
)
Sample = Callable[..., Any]


def brighter(seed: int) -> bytes:
    """Return the picture of a seed as a camera would take it a moment later."""
    written = io.BytesIO()
    image = Image.open(io.BytesIO(picture(seed))).convert("L")
    ImageEnhance.Brightness(image).enhance(1.03).save(written, "JPEG", quality=90)
    return written.getvalue()


@pytest.fixture
def twins(sample: Sample) -> list[Any]:
    """Have a picture in training, and nearly the same one in another group, which would be in the test."""
    return [sample(1, TRAIN), sample(2, TEST, content=brighter(1)), sample(3, TRAIN), sample(4, TEST)]


def splits(shelf: Shelf, header: Any) -> dict[str, str]:
    with shelf.open(header) as manifest:
        return {entry.label.group: entry.split.value for entry in manifest.entries()}


def test_nearly_the_same_image_in_two_splits_is_refused_by_name_with_a_page(shelf: Shelf, twins: list[Any]) -> None:
    with pytest.raises(NearDuplicateError, match="found 1 pairs of images") as error:
        make_version(shelf, twins, shares=HALVES)
    assert f"{TRAIN!r} (train)" in str(error.value)
    assert f"{TEST!r} (test)" in str(error.value)
    file = io.StringIO()
    write_twins(
        file, "tags", error.value, lambda entry: shelf.s3.get_object(Bucket=shelf.bucket, Key=entry.key)["Body"].read()
    )
    assert file.getvalue().count("<figure ") == 2
    assert shelf.versions("tags") == []


def test_it_can_be_reported_and_stay_where_it_is(shelf: Shelf, twins: list[Any]) -> None:
    header = make_version(shelf, twins, shares=HALVES, near_duplicates=NearDuplicates.REPORT).header
    assert splits(shelf, header) == {TRAIN: "train", TEST: "test"}
    with shelf.open(header) as manifest:
        (note,) = manifest.notes("near_duplicate")
    assert sorted(note["groups"]) == sorted([TRAIN, TEST])


def test_groups_can_be_joined_and_stay_joined_in_every_later_version(
    shelf: Shelf, twins: list[Any], sample: Sample
) -> None:
    others = [sample(number + 10, f"part-{number}") for number in range(6)]
    first = make_version(shelf, twins + others, shares=HALVES, near_duplicates=NearDuplicates.JOIN).header
    assert first.document["split"]["joined"] == {min(TRAIN, TEST): sorted([TRAIN, TEST])}
    together = splits(shelf, first)
    assert together[TRAIN] == together[TEST]
    second = make_version(shelf, twins[1:] + others, shares=HALVES, created_at=AT.replace(day=3)).header
    assert splits(shelf, second) == together


def test_a_group_that_was_there_before_stays_when_a_new_one_joins_it() -> None:
    units = Units(units_before(["m", "z"], {}))
    units.join("a", "z")
    assert [units.unit_of(group) for group in "amz"] == ["z", "m", "z"]
    later = Units(units_before(["m", "z", "a"], units.joined()))
    later.join("0", "a")
    assert later.joined() == {"z": ["0", "a", "z"]}


def test_joining_is_the_same_in_any_order() -> None:
    pairs = [("a", "b"), ("b", "c"), ("d", "e"), ("e", "a")]
    found = []
    for order in (pairs, pairs[::-1]):
        units = Units({})
        for pair in order:
            units.join(*pair)
        found.append(units.joined())
    assert found == [{"a": ["a", "b", "c", "d", "e"]}] * 2


def test_a_group_in_two_splits_is_a_leak() -> None:
    leaks = LeakCheck()
    leaks.add(Entry("a.png", Split.TRAIN, label_of(1, "part-1")))
    with pytest.raises(
        DatasetError, match=r"leak: expected the group 'part-1' in one split, found it in train and test"
    ):
        leaks.add(Entry("b.png", Split.TEST, label_of(2, "part-1")))


def test_one_content_in_two_splits_is_a_leak() -> None:
    leaks = LeakCheck()
    leaks.add(Entry("a.png", Split.TRAIN, label_of(1, "part-1")))
    with pytest.raises(DatasetError, match=r"leak: expected the image \w{64} once, found it as 'part-1' in train and"):
        leaks.add(Entry("a.png", Split.TEST, label_of(1, "part-2")))
