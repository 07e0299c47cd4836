"""Manifests as Ground Truth writes them, and ours."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.formats.manifest import read, write
from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.folders import picture, problem

DATE = "2026-03-01T10:00:00.123456"


def metadata(**fields: Any) -> dict[str, Any]:
    """Return the metadata of a label attribute."""
    return {
        "objects": [{"confidence": 0.09}],
        "class-map": {"0": "scratch", "1": "dent"},
        "type": "groundtruth/object-detection",
        "human-annotated": "yes",
        "creation-date": DATE,
        "job-name": "labeling-job/tags",
        **fields,
    }


def attribute(*annotations: tuple[int | str, float, float, float, float]) -> dict[str, Any]:
    """Return the value of a label attribute."""
    names = ("class_id", "left", "top", "width", "height")
    return {
        "image_size": [{"width": 100, "height": 50, "depth": 3}],
        "annotations": [dict(zip(names, each, strict=True)) for each in annotations],
    }


def line(**fields: Any) -> dict[str, Any]:
    """Return a line as a labeling job writes it."""
    return {
        "source-ref": "s3://bucket/tags/a.jpg",
        "tags": attribute((1, 10, 20, 30, 25)),
        "tags-metadata": metadata(),
        **fields,
    }


def verified(value: object, date: str = "2026-03-02T10:00:00", **fields: Any) -> dict[str, Any]:
    """Return the attribute of a verification."""
    return {
        "check": value,
        "check-metadata": {"type": "groundtruth/label-verification", "creation-date": date, **fields},
    }


def stored(folder: Path, *lines: dict[str, Any], name: str = "output.manifest") -> Path:
    """Write a manifest into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    return folder


def image_of(folder: Path) -> ImageLabels:
    """Read a set of one image."""
    (image,) = read(folder).images
    return image


def test_the_label_is_found_by_the_type_in_its_metadata(tmp_path: Path) -> None:
    labels = read(stored(tmp_path, line(other=1, **{"other-metadata": {"type": "groundtruth/image-classification"}})))
    assert labels.class_names == ("scratch", "dent")
    (image,) = labels.images
    assert (image.name, image.width, image.height, image.is_labeled) == ("tags/a.jpg", 100, 50, True)
    assert image.boxes == (Box("dent", 10, 20, 30, 25),)


def test_all_that_is_not_read_is_there_when_it_is_written_again(tmp_path: Path) -> None:
    original = line(
        **verified(0, **{"class-name": "accept"}),
        **{"edge-inspector": {"group": "lot", "sha256": "ab", "note": None}},
        x=[1],
    )
    original["tags"]["image_size"][0]["depth"] = 1
    labels = read(stored(tmp_path / "in", original))
    write(labels, tmp_path / "out")
    (written,) = (tmp_path / "out/labels.manifest").read_text(encoding="utf-8").splitlines()
    original["edge-inspector"]["name"] = "tags/a.jpg"
    assert json.loads(written) == original
    assert labels.images[0].group == "lot"
    assert read(tmp_path / "out") == labels


def test_empty_lists_say_that_nothing_is_on_the_image(tmp_path: Path) -> None:
    empty = line(tags=attribute(), **{"tags-metadata": metadata(objects=[], **{"class-map": {}})})
    image = image_of(stored(tmp_path, empty))
    assert (image.boxes, image.is_labeled) == ((), True)


@pytest.mark.parametrize(
    "nobody",
    [
        {"tags": None},
        {"tags": None, "tags-metadata": metadata(**{"failure-reason": "ClientError"})},
        verified(1),
        verified("1"),
        verified(5, **{"class-name": "reject"}),
    ],
    ids=["no label", "failure", "rejected", "rejected in text", "rejected in words"],
)
def test_without_a_label_that_holds_nobody_has_labeled_the_image(nobody: dict[str, Any], tmp_path: Path) -> None:
    original = line(**nobody, **{"edge-inspector": {"width": 100, "height": 50}})
    labels = read(stored(tmp_path / "in", original))
    assert (labels.images[0].is_labeled, labels.images[0].boxes) == (False, ())
    write(labels, tmp_path / "out")
    (written,) = (tmp_path / "out/unlabeled.manifest").read_text(encoding="utf-8").splitlines()
    assert json.loads(written) | {"edge-inspector": {}} == original | {"edge-inspector": {}}
    assert read(tmp_path / "out") == labels


def test_an_image_that_was_rejected_and_is_labeled_anew_is_labeled(tmp_path: Path) -> None:
    rejected = read(stored(tmp_path / "in", line(**verified(1))))
    anew = replace(rejected.images[0], is_labeled=True, boxes=(Box("dent", 1, 2, 3, 4),))
    labels = replace(rejected, class_names=("dent",), images=(anew,))
    write(labels, tmp_path / "out")
    assert read(tmp_path / "out").images[0].boxes == anew.boxes


@pytest.mark.parametrize(
    "accepted",
    [
        verified(0),
        verified("0"),
        verified(1, **{"class-name": "adjust"}),
        verified(1, date="2026-02-28T00:00:00"),
        verified(1, date="2026-03-01T10:00:00Z"),
    ],
    ids=["0", "'0'", "adjusted", "rejected before it was labeled", "and a fraction of a second before"],
)
def test_an_accepted_label_holds(accepted: dict[str, Any], tmp_path: Path) -> None:
    assert image_of(stored(tmp_path, line(**accepted))).is_labeled


def test_a_verification_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    assert "verification: expected 0 or 1, found 'yes'" in problem(
        "augmented", stored(tmp_path, line(**verified("yes")))
    )


def test_of_several_labels_the_latest_counts(tmp_path: Path) -> None:
    later = metadata(**{"creation-date": "2026-03-01T10:00:01"})  # without a fraction
    image = image_of(stored(tmp_path, line(better=attribute((0, 1, 2, 3, 4)), **{"better-metadata": later})))
    assert image.boxes == (Box("scratch", 1, 2, 3, 4),)


def test_two_labels_of_one_date_are_an_error(tmp_path: Path) -> None:
    stored(tmp_path, line(better=attribute(), **{"better-metadata": metadata()}))
    assert "expected one label attribute created last, found tags and better" in problem("augmented", tmp_path)


def test_what_a_model_proposed_is_no_label(tmp_path: Path) -> None:
    proposal = {"source-ref": "s3://bucket/a.jpg", "pre-label": attribute((1, 1, 1, 9, 9))}
    image = image_of(stored(tmp_path, {**proposal, "pre-label-metadata": metadata(**{"human-annotated": "no"})}))
    assert (image.is_labeled, image.width, image.height) == (False, 100, 50)


@pytest.mark.parametrize("class_id", [1, "1", 1.0])
def test_numbers_of_classes_may_be_text(class_id: int | str, tmp_path: Path) -> None:
    assert image_of(stored(tmp_path, line(tags=attribute((class_id, 1, 2, 3, 4))))).boxes[0].label == "dent"


@pytest.mark.parametrize("class_id", [0.5, None, [], "x", 2])
def test_numbers_of_no_class_are_an_error(class_id: Any, tmp_path: Path) -> None:
    message = problem("augmented", stored(tmp_path, line(tags=attribute((class_id, 1, 2, 3, 4)))))
    assert "output.manifest:1: expected annotations with class_id" in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"source-ref": None}, "source-ref: expected an address s3://bucket/key, found None"),
        ({"tags": {"annotations": []}}, "image_size: expected a list with width and height"),
        ({"tags": {"image_size": [{"width": 0, "height": 2}], "annotations": []}}, "expected 1 x 1 pixels or more"),
        ({"tags-metadata": metadata(**{"class-map": None})}, "class-map: expected names by number, found None"),
        ({"edge-inspector": 5}, "row: expected"),
    ],
)
def test_a_line_that_is_none_is_named(fields: dict[str, Any], expected: str, tmp_path: Path) -> None:
    message = problem("augmented", stored(tmp_path, line(), {**line(), **fields}))
    assert f"{tmp_path}/output.manifest:2: " in message
    assert expected in message


def test_images_are_found_at_the_end_of_their_address(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.jpg", 100, 50)
    labels = read(stored(tmp_path, line()))
    assert labels.images[0].name == "images/a.jpg"
    write(labels, tmp_path / "out")
    assert read(tmp_path / "out") == labels


def test_the_split_is_in_the_name_of_the_manifest(tmp_path: Path) -> None:
    stored(tmp_path, line(), name="train.manifest")
    stored(tmp_path, line(**{"source-ref": "s3://bucket/b.jpg"}), name="validation.manifest")
    assert [(image.name, image.split) for image in read(tmp_path).images] == [("b.jpg", "val"), ("tags/a.jpg", "train")]


def test_an_address_in_s3_is_written_where_it_is_known(tmp_path: Path) -> None:
    extra = {"augmented": {"source-ref": "s3://bucket/datasets/images/ab/abc.jpg"}}
    write(LabelSet(("dent",), (ImageLabels("images/a.jpg", 9, 9, extra=extra),)), tmp_path)
    written = json.loads((tmp_path / "labels.manifest").read_text(encoding="utf-8"))
    assert written["source-ref"] == "s3://bucket/datasets/images/ab/abc.jpg"
    assert image_of(tmp_path).name == "images/a.jpg"
