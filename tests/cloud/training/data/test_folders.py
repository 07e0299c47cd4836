import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.importing import Arrival, import_set, imported
from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.labels import Box
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import SplitRule
from cloud_side.catalog.versions import DatasetError
from cloud_side.training.dataset.folders import folder_source
from cloud_side.training.dataset.leaking import look_alikes
from edge_inspector.errors import ConfigError
from tests.cloud.catalog.datasets.conftest import AT, picture
from tests.cloud.catalog.datasets.test_near_duplicates_in_versions import brighter, two_bursts

BOXES = (Box("dent", 1, 2, 10, 12), Box("chip", 20, 20, 8, 8))
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes pictures with labels in a form."""

    def make(pictures: Sequence[bytes], form: str = "coco", groups: Sequence[str | None] = (), **more: Any) -> Path:
        folder = tmp_path / "Parts of 2026"
        images = []
        for number, content in enumerate(pictures):
            name = f"images/part {number}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            group = groups[number] if groups else None
            images.append(ImageLabels(name, 64, 48, BOXES[: number % 3], group, **more))
        FORMS[form].write(LabelSet(("chip", "dent"), tuple(images)), folder)
        return folder

    return make


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_gives_the_same_images_with_the_same_version(write: Write, form: str) -> None:
    pictures = [picture(seed) for seed in range(6)]
    source = folder_source(write(pictures, form))
    assert (source.name, source.class_names, len(source.entries)) == ("parts-of-2026", ("chip", "dent"), 6)
    assert sorted(source.read(entry) for entry in source.entries) == sorted(pictures)
    assert source.version == "350d2925dbb7ce234db3f27c3e20e69f4ff6964159b5b53b9ff454df31a53d33"


def test_it_is_the_version_that_the_catalog_makes_of_the_same_images(write: Write, shelf: Shelf) -> None:
    folder = write([picture(seed) for seed in range(12)], "rows")
    done = import_set(shelf.bucket, FORMS["rows"].read(folder), Arrival(folder, "rows", "ana", AT))
    made = create(shelf, [imported(shelf.bucket, done.import_id)], Wish("parts", AT, "ana", least_groups=0))
    source = folder_source(folder, name="parts")
    assert source.version == made.header.version
    with shelf.open(made.header) as manifest:
        assert [entry.split for entry in manifest.entries()] == [entry.split for entry in source.entries]


def test_undeclared_images_are_groups_of_their_own_unless_they_look_the_same(write: Write) -> None:
    source = folder_source(write([*(picture(seed) for seed in range(20)), brighter(3)]))
    groups = [entry.label.group for entry in source.entries]
    assert len(set(groups)) == 20
    splits = {entry.label.group: entry.split for entry in source.entries}
    assert all(SplitRule(source.name).split_of(group) is split for group, split in splits.items())


@pytest.mark.thorough
def test_a_burst_of_more_images_than_are_compared_with_one_is_one_group_too(write: Write) -> None:
    source = folder_source(write([*two_bursts(), *(picture(seed) for seed in range(200, 240))]))
    assert len({entry.label.group for entry in source.entries}) == 1 + 40
    assert look_alikes(source.entries) == ()


def test_images_are_found_from_a_file_of_labels_in_a_folder_of_its_own(write: Write) -> None:
    folder = write([picture(seed) for seed in range(3)], "coco")
    (file,) = (folder / "annotations").iterdir()
    assert len(folder_source(file).entries) == 3


def test_declared_groups_stay_apart_even_if_they_look_the_same(write: Write) -> None:
    folder = write([picture(1), brighter(1), picture(2)], "rows", ["a", "b", None])
    assert {"a", "b"} < {entry.label.group for entry in folder_source(folder).entries}


def test_files_keep_a_name_that_people_know(write: Write) -> None:
    (entry,) = folder_source(write([picture(1)])).entries
    assert entry.key == f"part-0-{entry.sha256[:12]}.png"


def test_a_copy_counts_once_and_is_told_and_one_that_is_labeled_otherwise_is_refused(write: Write) -> None:
    pictures = [picture(seed) for seed in (1, 2, 3)]
    source = folder_source(write([*pictures, pictures[0]], "rows"))
    assert (len(source.entries), source.copies, source.unlabeled) == (3, 1, 0)
    with pytest.raises(ConfigError, match=r"expected one label and one group for the same content, found .*part 0"):
        folder_source(write([pictures[0], pictures[0]], "rows"))


def test_all_images_that_cannot_be_used_are_told_together(write: Write) -> None:
    folder = write([picture(seed) for seed in range(5)])
    (folder / "images/part 1.png").write_bytes(picture(1)[:90])
    (folder / "images/part 2.png").write_bytes(picture(2, (60, 48)))
    (folder / "images/part 3.png").unlink()
    with pytest.raises(ConfigError) as error:
        folder_source(folder)
    told = str(error.value).splitlines()
    assert len(told) == 3
    for line, number, what in zip(
        told, (1, 2, 3), ("is whole", "64 x 48 pixels, as labeled, found 60 x 48", "No such file"), strict=True
    ):
        assert f"part {number}.png: " in line
        assert what in line


def test_boxes_of_an_image_as_it_is_stored_and_not_as_its_exif_turns_it_are_refused_with_the_reason(
    write: Write,
) -> None:
    folder = write([picture(1)])
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    Image.open(folder / "images/part 0.png").save(folder / "images/part 0.png", exif=turned)
    with pytest.raises(ConfigError, match=r"part 0\.png: expected 64 x 48 .* found 48 x 64; if its EXIF turns it"):
        folder_source(folder)


def test_an_image_that_is_changed_after_it_was_looked_at_is_refused(write: Write) -> None:
    folder = write([picture(1), picture(2)])
    source = folder_source(folder)
    changed = next(entry for entry in source.entries if source.paths[entry.sha256].endswith("0.png"))
    (folder / "images/part 0.png").write_bytes(picture(3))
    with pytest.raises(DatasetError, match=r"part 0\.png: expected an image that stays as it is"):
        source.read(changed)


def test_images_that_nobody_labeled_are_left_out_and_counted(write: Write) -> None:
    folder = write([picture(1), picture(2)], "rows")
    lines = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    lines[0]["labelled"] = False
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    source = folder_source(folder)
    assert (len(source.entries), source.unlabeled, source.copies) == (1, 1, 0)


def test_a_folder_without_any_class_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "images").mkdir(parents=True)
    (folder / "images/a.png").write_bytes(picture(1))
    FORMS["rows"].write(LabelSet((), (ImageLabels("images/a.png", 64, 48),)), folder)
    with pytest.raises(ConfigError, match="expected labeled images of at least one class"):
        folder_source(folder)
