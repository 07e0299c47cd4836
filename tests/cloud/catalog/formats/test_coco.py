"""COCO as others write it."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.formats.coco import read, write
from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.folders import picture, problem


def document() -> dict[str, Any]:
    """Return a document with all that the form may have."""
    return {
        "info": {"year": 2026, "contributor": "somebody"},
        "licenses": [{"id": 4, "name": "own"}],
        "images": [
            {"id": 900, "file_name": "b.jpg", "width": 100, "height": 50, "license": 4, "date_captured": "2026-01-01"},
            {"id": 17, "file_name": "a.jpg", "width": 80, "height": 60},
        ],
        "categories": [
            {"id": 90, "name": "dent", "supercategory": "defect"},
            {"id": 3, "name": "scratch", "keypoints": ["start", "end"]},
        ],
        "annotations": [
            {
                "id": 5_000_000_000,
                "image_id": 900,
                "category_id": 3,
                "bbox": [10.25, 20, 30.5, 5],
                "area": 99.5,
                "iscrowd": 1,
                "segmentation": [[10.25, 20, 40.75, 20, 40.75, 25]],
                "attributes": {"occluded": False},
            },
            {
                "id": 2,
                "image_id": 900,
                "category_id": 90,
                "bbox": [0, 0, 4, 5],
                "area": 20,
                "iscrowd": 0,
                "segmentation": [],
            },
        ],
    }


def stored(folder: Path, content: dict[str, Any], name: str = "annotations/instances_train2017.json") -> Path:
    """Write a document into a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_boxes_classes_and_the_split_are_read(tmp_path: Path) -> None:
    stored(tmp_path, document())
    labels = read(tmp_path)
    assert labels.class_names == ("dent", "scratch")
    no_defect, two = labels.images
    assert (no_defect.name, no_defect.boxes, no_defect.is_labeled, no_defect.split) == ("a.jpg", (), True, "train")
    assert two.boxes == (Box("scratch", 10.25, 20, 30.5, 5), Box("dent", 0, 0, 4, 5))


def test_all_that_is_not_read_is_there_when_it_is_written_again(tmp_path: Path) -> None:
    stored(tmp_path / "in", document())
    write(read(tmp_path / "in"), tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("*.*")
    expected = document()
    expected["images"].reverse()  # by name
    assert file == tmp_path / "out/annotations/instances_train.json"
    assert json.loads(file.read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("annotations/instances_val2017.json", "val"),
        ("annotations/instances_default.json", None),
        ("annotations/latest.json", None),
        ("annotations/train_and_val.json", None),
        ("valid/_annotations.coco.json", "val"),
        ("test-1.json", "test"),
    ],
)
def test_the_split_is_in_the_name_of_the_file(name: str, split: str | None, tmp_path: Path) -> None:
    stored(tmp_path, document(), name)
    assert {image.split for image in read(tmp_path).images} == {split}


def test_images_are_found_in_folders_of_their_split_and_told_apart_there(tmp_path: Path) -> None:
    one = {"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": [], "categories": []}
    stored(tmp_path, one, "annotations/instances_train2017.json")
    stored(tmp_path, one, "annotations/instances_val2017.json")
    picture(tmp_path / "train2017/0.jpg", 90, 60)
    picture(tmp_path / "images/val2017/0.jpg", 40, 30)
    assert read(tmp_path).images == (
        ImageLabels("images/val2017/0.jpg", 40, 30, split="val"),
        ImageLabels("train2017/0.jpg", 90, 60, split="train"),
    )


def test_names_that_cannot_be_told_apart_are_an_error(tmp_path: Path) -> None:
    one = {"images": [{"id": 1, "file_name": "0.jpg", "width": 9, "height": 9}], "annotations": [], "categories": []}
    stored(tmp_path, one, "annotations/instances_train.json")
    stored(tmp_path, one, "annotations/instances_val.json")
    assert "instances_val.json: images.0: expected each image once, found '0.jpg' at" in problem("coco", tmp_path)


def test_a_list_of_images_without_annotations_says_nothing_of_them(tmp_path: Path) -> None:
    content = document()
    del content["annotations"]
    stored(tmp_path, content, "annotations/image_info_test-dev2017.json")
    assert {(image.is_labeled, image.split) for image in read(tmp_path).images} == {(False, "test")}


def test_captions_and_key_points_beside_the_instances_are_passed_over(tmp_path: Path) -> None:
    stored(tmp_path, document())
    stored(tmp_path, {"images": [], "annotations": [{"caption": "a tag"}]}, "annotations/captions_train2017.json")
    assert len(read(tmp_path).images) == 2


def test_all_contradictions_are_named(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["category_id"] = 1
    content["annotations"][1]["image_id"] = 3
    content["images"][1]["id"] = 900
    lines = problem("coco", stored(tmp_path, content)).splitlines()
    assert [line.split("instances_train2017.json: ")[1] for line in lines] == [
        "annotations.0: category_id: expected one of 90, 3, found 1",
        "annotations.1: image_id: expected the id of an image, found 3",
        "images.1: id: expected each once, found 900 again",
    ]


@pytest.mark.parametrize("again", [{"id": 90, "name": "hole"}, {"id": 4, "name": "dent"}])
def test_two_classes_of_one_id_or_name_are_an_error(again: dict[str, Any], tmp_path: Path) -> None:
    content = document()
    content["categories"].append(again)
    message = problem("coco", stored(tmp_path, content))
    assert "categories.2: expected each id and each name once" in message


def test_an_id_that_is_taken_is_given_once(tmp_path: Path) -> None:
    own = {"coco": {"id": 2}}
    labels = read(stored(tmp_path, document()))
    images = (*labels.images, ImageLabels("c.jpg", 9, 9, extra=own), ImageLabels("d.jpg", 9, 9, extra=own))
    write(type(labels)(labels.class_names, images), tmp_path / "out")
    written = json.loads((tmp_path / "out/annotations/instances.json").read_text(encoding="utf-8"))
    assert [image["id"] for image in written["images"]] == [2, 3]
