from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_side.training.dataset import Images, read_labels
from edge_inspector.errors import ConfigError

BOX = {"label": "scratch", "x": 10, "y": 5, "width": 30, "height": 20}


def row(image: str = "a.png", **changes: Any) -> dict[str, Any]:
    return {
        "image": image, "group": "g", "width": 90, "height": 60, "labelled": True, "boxes": [BOX], **changes
    }  # fmt: skip


def test_boxes_become_xyxy(labels: Callable[..., Path]) -> None:
    (image,) = read_labels(labels(row()))
    assert image.boxes.tolist() == [[10, 5, 40, 25]]
    assert image.class_ids.tolist() == [0]


def test_an_image_that_nobody_labeled_is_skipped_and_a_clean_one_is_not(labels: Callable[..., Path]) -> None:
    rows = read_labels(labels(row("a.png", boxes=[]), row("b.png", labelled=False, boxes=[])))
    assert [image.labeled for image in rows] == [True, False]
    (example,) = Images(rows)
    assert example.name == "a.png"
    assert example.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("{", "labels.jsonl:2: expected JSON, found: Expecting property name"),
        ({"image": "b.png"}, "labels.jsonl:2: width: expected: Field required"),
        (row("b.png", width=0), "labels.jsonl:2: width: expected: Input should be greater than 0, found 0"),
        (row("b.png", labelled="yes"), "labels.jsonl:2: labelled: expected: Input should be a valid boolean"),
        (row("b.png", labelled=False), "labels.jsonl:2: b.png: boxes: expected none in an unlabeled image, found 1"),
        (row("a.png"), "labels.jsonl:2: expected each image once, found 'a.png' at"),
        (
            row("b.png", boxes=[{**BOX, "width": 82}]),
            "labels.jsonl:2: box 0: expected one inside 90 x 60 pixels, found xyxy (10.0, 5.0, 92.0, 25.0)",
        ),
    ],
)
def test_a_bad_line_is_named_with_what_was_found_and_expected(
    labels: Callable[..., Path], bad: dict[str, Any] | str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_labels(labels(row(), bad))
    assert told in str(caught.value)


def test_classes_are_those_of_the_file_in_order_or_those_that_are_given(labels: Callable[..., Path]) -> None:
    folder = labels(row(boxes=[BOX, {**BOX, "label": "dent"}]))
    (image,) = read_labels(folder)
    assert image.class_ids.tolist() == [1, 0]
    (image,) = read_labels(folder, ("scratch", "chip", "dent"))
    assert image.class_ids.tolist() == [0, 2]
    with pytest.raises(ConfigError, match="expected boxes of the classes dent, found scratch too"):
        read_labels(folder, ("dent",))


def test_fractions_of_pixels_stay_and_what_rounding_put_outside_is_cut_off(labels: Callable[..., Path]) -> None:
    (image,) = read_labels(labels(row(boxes=[{**BOX, "x": 10.25, "width": 80.5}])))
    assert image.boxes.tolist() == [[10.25, 5, 90, 25]]


def test_an_image_of_no_declared_group_is_one_of_its_own(labels: Callable[..., Path]) -> None:
    images = read_labels(labels(row("a.png", group=None), row("b.png", group=None)))
    assert [image.group for image in images] == ["a.png", "b.png"]


def test_hash_and_slices_come_along(labels: Callable[..., Path]) -> None:
    nothing = {"sha256": None, "slices": {"station": None}}
    rows = row("a.png", sha256="ab", slices={"station": "7"}), row("b.png"), row("c.png", **nothing)
    image, *others = read_labels(labels(*rows))
    assert (image.sha256, image.slices) == ("ab", {"station": "7"})
    assert [(other.sha256, other.slices) for other in others] == [("", {})] * 2
    example = Images([image])[0]
    assert (example.sha256, example.slices) == ("ab", {"station": "7"})


def test_all_bad_lines_are_told_together(labels: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_labels(labels(row("a.png", width=0), "{", row("c.png")))
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["1", "2"]


def test_a_missing_label_file_and_an_empty_one_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a readable file"):
        read_labels(tmp_path)
    (tmp_path / "labels.jsonl").write_text("\n")
    with pytest.raises(ConfigError, match="expected at least one image, found none"):
        read_labels(tmp_path)
    assert read_labels(tmp_path, ("scratch",)) == []


def test_an_image_of_another_size_than_its_row_is_an_error(labels: Callable[..., Path]) -> None:
    rows = read_labels(labels(row(width=91)))
    with pytest.raises(ConfigError, match="expected 91 x 60 pixels, found 90 x 60"):
        list(Images(rows))
