from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.candidates import Source
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.exporting import export
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.importing import Arrival, Imported, find_import, import_set, imported
from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.labels import AnnotatorType, Box, LabelError, Verification
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.versions import DatasetError, Header
from tests.cloud.catalog.datasets.conftest import ALL, AT, content_of, make_version, picture


def write_set(folder: Path, *images: ImageLabels, contents: dict[str, bytes] | None = None) -> LabelSet:
    """Write the images of a set, of the seed in their names where nothing else is said, and return the set."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image in images:
        seed = int(image.name.removeprefix("images/").removesuffix(".png"))
        (folder / image.name).write_bytes((contents or {}).get(image.name, picture(seed)))
    return LabelSet(("dent", "scratch"), images)


def of_seed(seed: int, group: str | None = "part-1", **more: Any) -> ImageLabels:
    boxes = (Box("scratch", 1, 2, 10.5, 12),)
    return ImageLabels(f"images/{seed}.png", 64, 48, **{"boxes": boxes, "group": group, **more})


def bring(shelf: Shelf, labels: LabelSet, folder: Path, **more: Any) -> Imported:
    return import_set(
        shelf.bucket, labels, Arrival(**{"folder": folder, "form": "coco", "by": "ana", "at": AT, **more})
    )


def version_of(shelf: Shelf, *imports: Imported, **more: Any) -> Header:
    sources = [imported(shelf.bucket, each.import_id) for each in imports]
    wish = Wish("tags", **{"created_at": AT, "created_by": "ana", "shares": ALL, **more})
    return create(shelf, sources, wish).header


def test_an_imported_label_says_that_nobody_has_verified_it(shelf: Shelf, tmp_path: Path) -> None:
    done = bring(shelf, write_set(tmp_path, of_seed(1)), tmp_path)
    with shelf.open(version_of(shelf, done)) as manifest:
        (entry,) = manifest.entries()
    label = entry.label
    assert (label.annotator_type, label.verification, label.verified_by) == (
        AnnotatorType.IMPORTED, Verification.UNVERIFIED, None,
    )  # fmt: skip
    assert (label.labeled_by, label.job, label.origin.source) == (("ana",), "import/coco", "images/1.png")
    assert label.boxes == (Box("scratch", 1, 2, 10.5, 12),)
    assert label.image == f"s3://{shelf.bucket.name}/{entry.key}"


def test_importing_the_same_again_changes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    labels = write_set(tmp_path, *map(of_seed, range(5)))
    first = bring(shelf, labels, tmp_path)
    objects = list(shelf.bucket.listed(""))
    again = bring(shelf, labels, tmp_path, by="ben", form="voc")
    assert (again.import_id, first.is_new, again.is_new) == (first.import_id, True, False)
    assert list(shelf.bucket.listed("")) == objects


def test_images_that_cannot_be_used_are_told_and_come_back_as_exclusions(shelf: Shelf, tmp_path: Path) -> None:
    labels = write_set(
        tmp_path,
        of_seed(1),
        of_seed(2, boxes=(), is_labeled=False),
        of_seed(3),
        of_seed(4),
        of_seed(5),
        contents={"images/3.png": b"none", "images/4.png": picture(4, size=(32, 24))},
    )
    (tmp_path / "images/5.png").unlink()
    done = bring(shelf, labels, tmp_path)
    reasons = {"broken": 1, "missing": 1, "size": 1, "unlabeled": 1}
    assert (done.images, done.excluded) == (1, reasons)
    assert version_of(shelf, done).document["excluded"] == reasons


def test_an_image_without_boxes_has_no_defect_and_one_that_nobody_labeled_is_left_out(
    shelf: Shelf, tmp_path: Path
) -> None:
    labels = write_set(tmp_path, of_seed(1, boxes=()), of_seed(2, boxes=(), is_labeled=False))
    counts = version_of(shelf, bring(shelf, labels, tmp_path)).counts
    assert (counts["images"], counts["no_defect"]) == (1, 1)


def test_an_image_whose_group_nobody_declared_is_a_group_of_its_own(shelf: Shelf, tmp_path: Path) -> None:
    header = version_of(shelf, bring(shelf, write_set(tmp_path, of_seed(1, None), of_seed(2, None)), tmp_path))
    assert header.counts["groups"] == 2


def test_duplicated_images_that_say_the_same_are_one(shelf: Shelf, tmp_path: Path) -> None:
    labels = write_set(tmp_path, of_seed(1), of_seed(2), contents={"images/2.png": picture(1)})
    assert bring(shelf, labels, tmp_path).images == 1


def test_duplicated_images_that_say_different_things_are_refused_by_name(shelf: Shelf, tmp_path: Path) -> None:
    labels = write_set(tmp_path, of_seed(1), of_seed(2, boxes=()), contents={"images/2.png": picture(1)})
    with pytest.raises(LabelError, match=r"images/1.png \(part-1\) and images/2.png \(part-1\)"):
        bring(shelf, labels, tmp_path)


def test_a_label_that_a_person_verified_overrules_an_imported_one(shelf: Shelf, tmp_path: Path, sample: Any) -> None:
    done = bring(shelf, write_set(tmp_path, of_seed(1, "part-1"), of_seed(2, "part-1")), tmp_path)
    verified = sample(1, "part-1", boxes=(), class_names=("dent", "scratch"))
    sources = [Source("store", [verified]), imported(shelf.bucket, done.import_id)]
    header = create(shelf, sources, Wish("tags", AT, "ana", shares=ALL)).header
    assert header.document["notes"]["overruled"] == 1
    with shelf.open(header) as manifest:
        assert verified in [entry.label for entry in manifest.entries()]


def test_an_image_without_a_label_or_a_group_gets_them_of_another_source(
    shelf: Shelf, tmp_path: Path, sample: Any
) -> None:
    labels = write_set(tmp_path, of_seed(1, None), of_seed(2, boxes=(), is_labeled=False))
    done = bring(shelf, labels, tmp_path)
    known = [sample(1, "part-7", verification=Verification.UNVERIFIED, event_time=AT.replace(year=2025)), sample(2)]
    sources = [imported(shelf.bucket, done.import_id), Source("store", known)]
    header = create(shelf, sources, Wish("tags", AT, "ana", shares=ALL, class_names=("scratch",))).header
    with shelf.open(header) as manifest:
        found = {entry.label.group: entry.label.job for entry in manifest.entries()}
    assert found == {"part-7": "import/coco", "part-2": "batch-1"}
    assert header.document["excluded"] == {}


def test_an_import_that_was_changed_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    done = bring(shelf, write_set(tmp_path, of_seed(1)), tmp_path)
    key = f"labels/imported/{done.import_id}.jsonl"
    text = content_of(shelf, key)
    shelf.bucket.write(key, text.replace(b'"part_group":"part-1"', b'"part_group":"part-2"'))
    with pytest.raises(DatasetError, match="it was changed"):
        version_of(shelf, done)


def test_an_import_is_found_by_its_beginning(shelf: Shelf, tmp_path: Path) -> None:
    done = bring(shelf, write_set(tmp_path, of_seed(1)), tmp_path)
    assert find_import(shelf.bucket, done.import_id[:6]) == done.import_id
    for said in ("zzzzzz", done.import_id[:2]):
        with pytest.raises(DatasetError, match="import: expected one that begins with"):
            find_import(shelf.bucket, said)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_version_that_was_exported_and_imported_is_the_same_version(
    shelf: Shelf, tmp_path: Path, form: str, sample: Any
) -> None:
    more = {"class_names": ("dent", "scratch")}
    labels = [
        sample(1, "part-1", [Box("scratch", 1, 2, 10, 12), Box("dent", 0, 0, 64, 48)], **more),
        sample(2, "part-1", (), **more),
        sample(3, 'tag, with "quotes" & <ä>', [Box("dent", 3.25, 4.125, 5.0625, 6.5)], **more),
    ]
    header = make_version(shelf, labels).header
    folder = tmp_path / "out"
    with shelf.open(header) as manifest:
        export(shelf, manifest, FORMS[form], folder)
    done = bring(shelf, FORMS[form].read(folder), folder, form=form)
    assert done.images == 3
    assert version_of(shelf, done).version == header.version
