"""The public photographs of metal tags: imported, split by tag, and written in every form."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.candidates import Source
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.exporting import export
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.importing import Arrival, import_set, imported
from cloud_side.catalog.interchange import LabelSet
from cloud_side.catalog.leaks import NearDuplicateError, Treatment
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, Split
from cloud_side.catalog.versions import Entry, Header
from cloud_side.objects import Bucket
from cloud_side.training.dataset import read_labels
from tests.cloud.catalog.datasets.conftest import AT, REGION

TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")
SALT = "metal-tags-67"  # 8, 2 and 2 of the 12 tags; 122, 32 and 33 photographs
pytestmark = pytest.mark.skipif(not TAGS, reason="EDGE_INSPECTOR_TAGS names no folder with the photographs")


@pytest.fixture(scope="module")
def photographs(s3: Any) -> Shelf:
    shelf = Shelf(Bucket(s3, "photographs"))
    s3.create_bucket(Bucket=shelf.bucket.name, CreateBucketConfiguration=REGION)
    return shelf


@pytest.fixture(scope="module")
def version(photographs: Shelf) -> Header:
    return version_of(photographs, Path(TAGS or ""), "rows")


def version_of(shelf: Shelf, folder: Path, form: str) -> Header:
    done = import_set(shelf.bucket, FORMS[form].read(folder), Arrival(folder, form, "ana", AT))
    assert done.images == 187
    source = imported(shelf.bucket, done.import_id)
    wish = Wish("metal-tags", AT, "ana", salt=SALT, shares=Shares(), near_duplicates=Treatment.FAIL)
    return create(shelf, [source], wish).header


@pytest.fixture(scope="module")
def entries(photographs: Shelf, version: Header) -> Iterator[list[Entry]]:
    with photographs.open(version) as manifest:
        yield list(manifest.entries())


def test_every_split_has_a_tag_and_no_tag_is_in_two(version: Header, entries: list[Entry]) -> None:
    counts = version.counts
    assert (counts["images"], counts["boxes"], counts["groups"], counts["no_defect"]) == (187, 349, 12, 2)
    assert version.document["excluded"] == {"unlabeled": 3}
    tags = {split: {entry.label.group for entry in entries if entry.split is split} for split in Split}
    assert all(tags.values())
    assert sum(map(len, tags.values())) == 12


def test_growing_moves_no_tag(photographs: Shelf, version: Header, entries: list[Entry]) -> None:
    first = entries[0].label.group
    some = [entry.label for entry in entries if entry.label.group == first][:2]
    wish = Wish("metal-tags", AT, "ana", least_groups=0)  # in the dataset that has all of them
    with photographs.open(create(photographs, [Source("some", some)], wish).header) as manifest:
        assert {entry.split for entry in manifest.entries()} == {entries[0].split}
    assert version.document["split"]["salt"] == SALT


@pytest.mark.nightly
def test_groups_that_nobody_declared_are_found_and_never_mix_two_tags(photographs: Shelf) -> None:
    folder = Path(TAGS or "")
    declared = FORMS["rows"].read(folder)
    tags = {image.name: image.group for image in declared.images}
    labels = LabelSet(declared.class_names, tuple(replace(image, group=None) for image in declared.images))
    done = import_set(photographs.bucket, labels, Arrival(folder, "rows", "ana", AT))
    source = imported(photographs.bucket, done.import_id)
    with pytest.raises(NearDuplicateError, match="near duplicates: expected none in two splits"):
        create(photographs, [source], Wish("undeclared", AT, "ana"))
    wish = Wish("undeclared", AT, "ana", near_duplicates=Treatment.JOIN)
    header = create(photographs, [imported(photographs.bucket, done.import_id)], wish).header
    with photographs.open(header) as manifest:
        found = [
            (entry.label.group, entry.sha256, tags[str(entry.label.origin.source)]) for entry in manifest.entries()
        ]
    assert sum(group != sha256 for group, sha256, _ in found) > 130
    assert len({group for group, _, _ in found}) == len({(group, tag) for group, _, tag in found})


@pytest.mark.nightly
@pytest.mark.parametrize("form", sorted(FORMS))
def test_exported_and_imported_they_are_the_same_version(
    photographs: Shelf, version: Header, entries: list[Entry], tmp_path: Path, form: str
) -> None:
    with photographs.open(version) as manifest:
        export(photographs, manifest, FORMS[form], tmp_path / form)
    found = FORMS[form].read(tmp_path / form).images
    assert [(image.boxes, image.group, image.split) for image in found] == [
        (entry.label.boxes, entry.label.group, entry.split.value) for entry in entries
    ]
    assert version_of(photographs, tmp_path / form, form).version == version.version


def test_training_reads_the_rows(photographs: Shelf, version: Header, entries: list[Entry], tmp_path: Path) -> None:
    with photographs.open(version) as manifest:
        export(photographs, manifest, FORMS["rows"], tmp_path / "rows")
    rows = read_labels(tmp_path / "rows")
    assert sum(len(row.boxes) for row in rows) == 349
    assert {row.group for row in rows} == {entry.label.group for entry in entries}
