from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.exporting import export
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.versions import DatasetError
from cloud_side.training.dataset import read_labels
from tests.cloud.catalog.datasets.conftest import make_version, picture


def test_training_reads_what_was_exported_as_rows(shelf: Shelf, sample: Any, tmp_path: Path) -> None:
    header = make_version(shelf, [sample(1, "part-1"), sample(2, "part-2", ())]).header
    with shelf.open(header) as manifest:
        entries = list(manifest.entries())
        export(shelf, manifest, FORMS["rows"], tmp_path / "out")
    rows = read_labels(tmp_path / "out")
    assert [row.path.read_bytes() for row in rows] == [picture(int(entry.label.group[-1])) for entry in entries]
    assert [(row.group, row.boxes.tolist(), row.labeled) for row in rows] == [
        (entry.label.group, [list(box.xyxy) for box in entry.label.boxes], True) for entry in entries
    ]


def test_a_folder_with_something_in_it_is_left_alone(shelf: Shelf, sample: Any, tmp_path: Path) -> None:
    header = make_version(shelf, [sample(1)]).header
    (tmp_path / "mine.txt").write_text("mine")
    with shelf.open(header) as manifest, pytest.raises(DatasetError, match="expected no folder, or an empty one"):
        export(shelf, manifest, FORMS["coco"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_image_that_was_changed_is_refused_and_no_folder_is_left(shelf: Shelf, sample: Any, tmp_path: Path) -> None:
    header = make_version(shelf, [sample(1), sample(2)]).header
    out = tmp_path / "out"
    with shelf.open(header) as manifest:
        key = next(manifest.entries()).key
        shelf.bucket.write(key, picture(3))
        with pytest.raises(DatasetError, match=rf"{key}: expected sha256 .*: the image was changed"):
            export(shelf, manifest, FORMS["rows"], out)
        assert not out.exists()
        shelf.bucket.remove(key)
        with pytest.raises(DatasetError, match=rf"{key}: expected an image, found nothing"):
            export(shelf, manifest, FORMS["rows"], out)


def test_what_a_killed_export_left_is_no_hindrance(shelf: Shelf, sample: Any, tmp_path: Path) -> None:
    header = make_version(shelf, [sample(1)]).header
    left = tmp_path / ".out.partial" / "images"
    left.mkdir(parents=True)
    (left / "old.png").write_bytes(b"old")
    with shelf.open(header) as manifest:
        export(shelf, manifest, FORMS["rows"], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list((tmp_path / "out" / "images").iterdir())) == 1
