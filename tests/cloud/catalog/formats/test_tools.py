"""Exports as the tools that people label with write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.formats import FORMS, detect
from cloud_side.catalog.interchange import LabelSet
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.folders import picture, problem

WH = (100, 50)
CVAT = """<annotation>
  <folder></folder><filename>{name}.jpg</filename>
  <source><database>Unknown</database></source>
  <size><width>100</width><height>50</height><depth></depth></size>
  <segmented>0</segmented>
  <object>
    <name>scratch</name><truncated>0</truncated><occluded>1</occluded><difficult>0</difficult>
    <bndbox><xmin>11.0</xmin><ymin>4.5</ymin><xmax>40.0</xmax><ymax>20.0</ymax></bndbox>
    <attributes>
      <attribute><name>severity</name><value>high</value></attribute>
      <attribute><name>rotation</name><value>{rotation}</value></attribute>
    </attributes>
  </object>
</annotation>
"""


def put(path: Path, text: str) -> None:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read_and_written(folder: Path) -> LabelSet:
    """Read a folder of whatever form; what it says is still said after it was written and read again."""
    form = FORMS[detect(folder)]
    labels = form.read(folder)
    out = folder.with_name("out")
    form.write(labels, out)
    assert form.read(out) == labels
    return labels


def roboflow_coco(folder: Path, project: str, **more: Any) -> dict[str, Any]:
    """Write an export; return what its file says."""
    document = {
        "info": {"year": "2026"},
        "categories": [
            {"id": 0, "name": project, "supercategory": "none"},
            {"id": 1, "name": "scratch", "supercategory": project},
            {"id": 2, "name": "dent", "supercategory": project},
        ],
        "images": [{"id": 0, "file_name": "a_jpg.rf.0.jpg", "width": 100, "height": 50}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "bbox": [10, 20, 30, 5], "area": 150, "iscrowd": 0}],
        **more,
    }
    put(folder / "valid/_annotations.coco.json", json.dumps(document))
    picture(folder / "valid/a_jpg.rf.0.jpg", *WH)
    return document


@pytest.mark.parametrize("project", ["metal-tags", "scratch"])
def test_the_name_of_a_project_is_no_class(project: str, tmp_path: Path) -> None:
    document = roboflow_coco(tmp_path / "in", project)
    labels = read_and_written(tmp_path / "in")
    assert labels.class_names == ("scratch", "dent")
    assert [(image.name, image.split) for image in labels.images] == [("valid/a_jpg.rf.0.jpg", "val")]
    assert labels.images[0].boxes == (Box("scratch", 10, 20, 30, 5),)
    written = json.loads((tmp_path / "out/annotations/instances_val.json").read_text(encoding="utf-8"))
    assert written["categories"] == document["categories"]


def test_a_class_of_classes_that_was_drawn_is_a_class(tmp_path: Path) -> None:
    drawn = [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [10, 20, 30, 5]}]
    roboflow_coco(tmp_path / "in", "defect", annotations=drawn)
    assert read_and_written(tmp_path / "in").class_names == ("defect", "scratch", "dent")


def test_a_box_that_is_turned_is_an_error_in_coco(tmp_path: Path) -> None:
    def drawn(turned: float) -> dict[str, Any]:
        attributes = {"occluded": True, "rotation": turned}
        return {"image_id": 0, "category_id": 1, "bbox": [10, 20, 30, 5], "attributes": attributes}

    roboflow_coco(tmp_path, "tags", annotations=[drawn(0.0), drawn(35.0)])
    assert problem("coco", tmp_path) == (
        f"{tmp_path}/valid/_annotations.coco.json: annotations.1: "
        "rotation: expected 0, for boxes stand upright, found 35.0"
    )


def cvat_voc(folder: Path, **rotations: str) -> None:
    """Write an export, an image of each name, with two underscores for a slash."""
    for key, rotation in rotations.items():
        name = key.replace("__", "/")
        put(folder / f"Annotations/{name}.xml", CVAT.format(name=name, rotation=rotation))
        picture(folder / f"JPEGImages/{name}.jpg", *WH)
    put(folder / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndent:0,9,0::\nscratch:9,0,0::\n")


def test_images_in_folders_and_classes_that_nobody_drew_are_read_from_voc(tmp_path: Path) -> None:
    cvat_voc(tmp_path / "in", **{"a b": "0.0", "more__b": "0.0"})
    put(tmp_path / "in/ImageSets/Main/train.txt", '"a b"\nmore/b\n')
    labels = read_and_written(tmp_path / "in")
    assert labels.class_names == ("dent", "scratch")
    assert [(image.name, image.split) for image in labels.images] == [
        ("JPEGImages/a b.jpg", "train"),
        ("JPEGImages/more/b.jpg", "train"),
    ]
    assert "<occluded>1</occluded>" in (tmp_path / "out/Annotations/more/b.xml").read_text(encoding="utf-8")


def test_a_box_that_is_turned_is_an_error_in_voc(tmp_path: Path) -> None:
    cvat_voc(tmp_path, a="35.0")
    assert problem("voc", tmp_path) == (
        f"{tmp_path}/Annotations/a.xml: object.0: rotation: expected 0, for boxes stand upright, found 35.0"
    )


def test_splits_of_voc_are_folders_where_no_list_says_more(tmp_path: Path) -> None:
    for split in ("train", "valid", "test", "more"):
        put(tmp_path / f"in/{split}/a.xml", CVAT.format(name="a", rotation="0.0"))
        picture(tmp_path / f"in/{split}/a.jpg", *WH)
    labels = read_and_written(tmp_path / "in")
    assert [(image.name, image.split) for image in labels.images] == [
        ("more/a.jpg", None),
        ("test/a.jpg", "test"),
        ("train/a.jpg", "train"),
        ("valid/a.jpg", "val"),
    ]


def yolo(folder: Path, settings: str) -> Path:
    """Write an export without images for a test."""
    put(folder / "data.yaml", f"{settings}\nnc: 1\nnames: [dent]\n")
    for split in ("train", "valid"):
        picture(folder / f"{split}/images/a.jpg", *WH)
        put(folder / f"{split}/labels/a.txt", "0 0.25 0.5 0.1 0.2\n")
    return folder


def test_a_test_that_yolo_only_announces_is_none(tmp_path: Path) -> None:
    yolo(tmp_path / "in", "train: ../train/images\nval: ../valid/images\ntest: ../test/images")
    assert [image.split for image in read_and_written(tmp_path / "in").images] == ["train", "val"]
    yolo(tmp_path, "train: ../train/images\nval: ../val/images")
    assert "val: expected a folder of images or a list of them, found nothing at" in problem("yolo", tmp_path)


def test_whole_paths_into_the_folder_are_inside(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    yolo(folder, f"path: {folder}\ntrain: {folder}/train/images\nval: valid/images")
    assert [image.split for image in read_and_written(folder).images] == ["train", "val"]


def test_polygons_in_yolo_are_told_apart_from_boxes(tmp_path: Path) -> None:
    yolo(tmp_path, "train: train/images")
    put(tmp_path / "train/labels/a.txt", "0 0.1 0.1 0.3 0.1 0.3 0.4\n")
    assert "height, found 7 words: polygons and turned boxes are not read" in problem("yolo", tmp_path)


@pytest.mark.parametrize(("word", "value"), [("Accept", "1"), ("REJECT", "0")])
def test_a_verdict_counts_by_its_word_however_it_is_written(word: str, value: str, tmp_path: Path) -> None:
    created = {"human-annotated": "yes", "creation-date": "2026-01-01T00:00:00"}
    size = {"width": 100, "height": 50, "depth": 3}
    line = {
        "source-ref": "s3://bucket/a.jpg",
        "boxes": {"image_size": [size], "annotations": []},
        "boxes-metadata": {"class-map": {}, "type": "groundtruth/object-detection", **created},
        "verify": value,
        "verify-metadata": {"class-name": word, "type": "groundtruth/label-verification", **created},
    }
    put(tmp_path / "in/output.manifest", f"{json.dumps(line)}\n")
    assert [image.is_labeled for image in read_and_written(tmp_path / "in").images] == [word == "Accept"]


def test_what_was_said_of_a_box_does_not_pass_to_another_that_somebody_drew_instead(tmp_path: Path) -> None:
    drawn = [
        {"id": 1, "image_id": 0, "category_id": 1, "bbox": [10, 20, 30, 5], "attributes": {"occluded": True}},
        {"id": 2, "image_id": 0, "category_id": 2, "bbox": [50, 20, 30, 5], "attributes": {"occluded": False}},
    ]
    roboflow_coco(tmp_path / "in", "tags", annotations=drawn)
    FORMS["yolo"].write(FORMS["coco"].read(tmp_path / "in"), tmp_path / "out")
    (file,) = (tmp_path / "out/valid").glob("*.txt")
    file.write_text("".join(reversed(file.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    FORMS["coco"].write(FORMS["yolo"].read(tmp_path / "out"), tmp_path / "back")
    written = json.loads((tmp_path / "back/annotations/instances_val.json").read_text(encoding="utf-8"))
    assert [each["bbox"] for each in written["annotations"]] == [[50, 20, 30, 5], [10, 20, 30, 5]]
    assert not any("attributes" in each for each in written["annotations"])
