import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from cloud_side.catalog.contact_sheet import write_near_duplicates
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.exporting import export
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.importing import Arrival, import_set, imported
from cloud_side.catalog.leaks import LeakCheck, NearDuplicateError, Treatment, Units
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, Split, SplitRule
from cloud_side.catalog.versions import DatasetError, Entry
from cloud_side.training.dataset import read_labels
from tests.cloud.catalog.datasets.conftest import AT, content_of, label_of, make_version, picture

HALVES = Shares(50, 0, 50)
RULE = SplitRule("tags", HALVES)
TRAIN, TEST = (
    next(group for group in ("a", "b", "c", "d", "e") if RULE.split_of(group) is split)
    for split in (Split.TRAIN, Split.TEST)
)
Sample = Callable[..., Any]


def brighter(seed: int, factor: float = 1.03) -> bytes:
    """Return the picture of a seed as a camera would take it a moment later."""
    written = io.BytesIO()
    image = Image.open(io.BytesIO(picture(seed))).convert("L")
    ImageEnhance.Brightness(image).enhance(factor).save(written, "JPEG", quality=90)
    return written.getvalue()


def two_bursts() -> list[bytes]:
    """Return pictures of one part that was photographed in two bursts; within each they are more alike than these."""
    blocks = np.random.default_rng(1).integers(0, 256, (9, 12), np.uint8)
    later = blocks.copy()
    later[1, 5], later[2, 7] = 110, 248
    return [noisy(shown, start + seed) for start, shown in ((0, blocks), (1000, later)) for seed in range(34)]


def noisy(blocks: NDArray[np.uint8], seed: int) -> bytes:
    large = np.asarray(Image.fromarray(blocks).resize((64, 48), Image.Resampling.NEAREST), np.float64)
    written = io.BytesIO()
    noise = np.random.default_rng(seed).normal(0, 1, large.shape)
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(written, "PNG")
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
    write_near_duplicates(
        file,
        "tags",
        error.value,
        lambda entry: content_of(shelf, entry.key),
    )
    assert file.getvalue().count("<figure ") == 2
    assert shelf.versions("tags") == []


def test_it_can_be_reported_and_stay_where_it_is(shelf: Shelf, twins: list[Any]) -> None:
    header = make_version(shelf, twins, shares=HALVES, near_duplicates=Treatment.REPORT).header
    assert splits(shelf, header) == {TRAIN: "train", TEST: "test"}
    with shelf.open(header) as manifest:
        (note,) = manifest.notes("near_duplicate")
    assert sorted(note["groups"]) == sorted([TRAIN, TEST])


def test_groups_can_be_joined_and_stay_joined_in_every_later_version(
    shelf: Shelf, twins: list[Any], sample: Sample
) -> None:
    others = [sample(number + 10, f"part-{number}") for number in range(6)]
    first = make_version(shelf, twins + others, shares=HALVES, near_duplicates=Treatment.JOIN).header
    unit = min(TRAIN, TEST)
    assert first.document["split"]["joined"] == {unit: sorted([TRAIN, TEST])}
    together = splits(shelf, first)
    assert set(together) == {unit, *(f"part-{number}" for number in range(6))}
    second = make_version(shelf, twins[1:] + others, shares=HALVES, created_at=AT.replace(day=3)).header
    assert splits(shelf, second) == together


@pytest.mark.thorough
def test_a_burst_of_more_images_than_are_compared_with_one_is_joined_in_full(shelf: Shelf, sample: Sample) -> None:
    shown = [sample(number, f"shot-{number}", content=content) for number, content in enumerate(two_bursts())]
    others = [sample(number) for number in range(200, 240)]
    header = make_version(shelf, [*shown, *others], shares=HALVES, near_duplicates=Treatment.JOIN).header
    assert len(splits(shelf, header)) == 1 + 40
    assert [len(groups) for groups in header.document["split"]["joined"].values()] == [len(shown)]
    with shelf.open(header) as manifest:
        notes = list(manifest.notes("near_duplicate"))
    names = {label.sha256: label.group for label in shown}
    assert all(note["groups"] == [names[image] for image in note["images"]] for note in notes)


def test_groups_that_count_as_one_are_one_for_whoever_trains_on_them(
    shelf: Shelf, twins: list[Any], sample: Sample, tmp_path: Path
) -> None:
    labels = [*twins, *(sample(number + 10, f"part-{number}") for number in range(6))]
    header = make_version(shelf, labels, shares=HALVES, near_duplicates=Treatment.JOIN).header
    with shelf.open(header) as manifest:
        export(shelf, manifest, FORMS["rows"], tmp_path / "out")
    groups = {row.path.stem: row.group for row in read_labels(tmp_path / "out")}
    assert groups[twins[0].sha256] == groups[twins[1].sha256]
    done = import_set(shelf.bucket, FORMS["rows"].read(tmp_path / "out"), Arrival(tmp_path / "out", "rows", "ana", AT))
    again = create(
        shelf, [imported(shelf.bucket, done.import_id)], Wish("tags-2", AT, "ana", salt="tags", shares=HALVES)
    )
    assert again.header.version == header.version


def test_an_image_that_is_like_one_of_joined_groups_is_refused_by_its_own_group(
    shelf: Shelf, twins: list[Any], sample: Sample
) -> None:
    others = [sample(number + 10, f"part-{number}") for number in range(6)]
    first = make_version(shelf, twins + others, shares=HALVES, near_duplicates=Treatment.JOIN).header
    split = splits(shelf, first)[min(TRAIN, TEST)]
    group = next(name for name in map(str, range(9)) if RULE.split_of(name).value != split)
    with pytest.raises(NearDuplicateError, match=rf"'{group}' \("):
        make_version(shelf, [*twins, *others, sample(5, group, content=brighter(1, 1.06))], shares=None)


def test_a_group_that_was_there_before_stays_when_a_new_one_joins_it() -> None:
    units = Units(["m", "z"])
    units.join("a", "z")
    assert [units.unit_of(group) for group in "amz"] == ["z", "m", "z"]
    later = Units(["m", "z"], units.joined())
    later.join("0", "a")
    assert later.joined() == {"z": ["0", "a", "z"]}


def test_joining_is_the_same_in_any_order() -> None:
    pairs = [("a", "b"), ("b", "c"), ("d", "e"), ("e", "a")]
    found = []
    for order in (pairs, pairs[::-1]):
        units = Units()
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
