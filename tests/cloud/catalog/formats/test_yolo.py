"""YOLO as others write it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cloud_side.catalog.formats.yolo import read, write
from cloud_side.catalog.formats.yolo_lines import _pixels
from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.folders import picture, problem


def stored(folder: Path, settings: str, **files: str) -> Path:
    """Write `data.yaml` and text files, named by their path with two underscores for a slash."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.yaml").write_text(settings, encoding="utf-8")
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


LISTS = "names: [scratch, dent]\n"
SPLITS = "train: images/train\nval: images/val\n"


def two_splits(folder: Path, settings: str = LISTS + SPLITS) -> Path:
    """Write a usual set: an image with a box, one with an empty file, one without a file."""
    for name, wh in {"train/a": (450, 300), "train/b": (90, 60), "val/c": (40, 30)}.items():
        picture(folder / f"images/{name}.jpg", *wh)
    return stored(folder, settings, labels__train__a="1 0.123333 0.333333 0.117778 0.200000\n", labels__train__b="")


def test_a_usual_set_is_read(tmp_path: Path) -> None:
    labels = read(two_splits(tmp_path))
    assert labels.class_names == ("scratch", "dent")
    assert labels.images == (
        ImageLabels("images/train/a.jpg", 450, 300, (Box("dent", 29, 70, 53, 60),), split="train"),
        ImageLabels("images/train/b.jpg", 90, 60, (), split="train"),
        ImageLabels("images/val/c.jpg", 40, 30, (), split="val"),
    )


@pytest.mark.parametrize(
    "settings",
    [
        f"path: ../datasets/tags\n{LISTS}{SPLITS}test:\n",
        f"path: /data/tags\n{LISTS}{SPLITS}nc: 2\n",
        f"path: .\n{LISTS}train: [images/train]\nval: images/val\n",
        f"names:\n  0: scratch\n  1: dent\n{SPLITS}",
        f"{LISTS}train: ../images/train\nval: ../images/val\n",
        f"{LISTS}train: images/train\nvalidation: images/val\n",
        f"path: images\n{LISTS}train: train\nval: val\n",
    ],
)
def test_settings_are_read_as_trainers_write_them(settings: str, tmp_path: Path) -> None:
    assert read(two_splits(tmp_path / "set", settings)) == read(two_splits(tmp_path / "usual"))


def test_classes_are_text_whatever_yaml_takes_them_for(tmp_path: Path) -> None:
    two_splits(tmp_path, f"names: [no, 1e3, '05', 2026-01-01, null]\n{SPLITS}")
    assert read(tmp_path).class_names == ("no", "1e3", "05", "2026-01-01", "null")


def test_settings_that_are_not_read_are_there_when_they_are_written_again(tmp_path: Path) -> None:
    more = (
        "download: https://example.com/a.zip\nkpt_shape: [17, 3]\nyaml_file: null\naugment: {degrees: 1.5, flip: no}\n"
    )
    labels = read(two_splits(tmp_path / "in", LISTS + SPLITS + more))
    write(labels, tmp_path / "out")
    assert read(tmp_path / "out") == labels
    assert labels.extra["yolo"] == {
        "download": "https://example.com/a.zip",
        "kpt_shape": [17, 3],
        "yaml_file": None,
        "augment": {"degrees": 1.5, "flip": False},
    }


def test_a_list_names_images_from_where_it_lies(tmp_path: Path) -> None:
    picture(tmp_path / "lists/images/a b.jpg", 90, 60)
    picture(tmp_path / "images/c.jpg", 90, 60)
    stored(tmp_path, "names: [dent]\ntrain: lists/train.txt\n", lists__train="./images/a b.jpg\nimages/c.jpg\n\n")
    assert [image.name for image in read(tmp_path).images] == ["images/c.jpg", "lists/images/a b.jpg"]


def test_trainers_are_not_shown_images_that_nobody_has_looked_at(tmp_path: Path) -> None:
    labels = read(two_splits(tmp_path / "in"))
    nobody = ImageLabels("images/train/z.jpg", 10, 10, split="train", is_labeled=False)
    write(type(labels)(labels.class_names, (*labels.images, nobody)), tmp_path / "out")
    assert (tmp_path / "out/train.txt").read_text(encoding="utf-8") == "./images/train/a.jpg\n./images/train/b.jpg\n"
    assert (tmp_path / "out/unlabeled.txt").read_text(encoding="utf-8") == "./images/train/z.jpg\n"
    assert (
        (tmp_path / "out/data.yaml").read_text(encoding="utf-8").startswith("train: train.txt\nval: val.txt\nnc: 2\n")
    )


def test_what_others_changed_counts_and_not_what_was_there_when_it_was_written(tmp_path: Path) -> None:
    labels = read(two_splits(tmp_path / "in"))
    write(labels, tmp_path / "out")
    (tmp_path / "out/labels/train/a.txt").write_text("0 0.5 0.5 1 1\n", encoding="utf-8")
    (tmp_path / "out/val.txt").write_text("", encoding="utf-8")
    seen = read(tmp_path / "out")
    assert [image.name for image in seen.images] == ["images/train/a.jpg", "images/train/b.jpg"]
    assert seen.images[0].boxes == (Box("scratch", 0, 0, 450, 300),)


def test_another_image_than_the_one_that_was_labeled_is_an_error(tmp_path: Path) -> None:
    write(read(two_splits(tmp_path)), tmp_path)
    picture(tmp_path / "images/val/c.jpg", 30, 40)
    assert "expected an image of 40 x 30 pixels, found 30 x 40" in problem("yolo", tmp_path)


def test_an_image_on_its_side_has_the_size_that_a_viewer_shows(tmp_path: Path) -> None:
    two_splits(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (450, 300)).save(tmp_path / "images/val/c.jpg", exif=exif)
    assert (read(tmp_path).images[2].width, read(tmp_path).images[2].height) == (300, 450)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "expected class, center x, center y, width and height, found 7 words"),
        ("2 0.5 0.5 0.1 0.1", "class: expected a number from 0 to 1, found '2'"),
        ("-1 0.5 0.5 0.1 0.1", "class: expected a number from 0 to 1, found '-1'"),
        ("0.0 0.5 0.5 0.1 0.1", "class: expected a number from 0 to 1, found '0.0'"),
        ("0 0,5 0.5 0.1 0.1", "center x: expected a share of the image's size, found '0,5'"),
        ("0 0.5 0.5 0.1 1e999999999", "height: expected a share of the image's size, found '1e999999999'"),
        ("0 0.5 0.5 -0.1 0.1", "expected more than 0 pixels"),
        ("0 45 50 9 9", "expected one inside 450 x 300 pixels"),
    ],
)
def test_a_line_that_is_none_is_named(line: str, expected: str, tmp_path: Path) -> None:
    two_splits(tmp_path)
    (tmp_path / "labels/train/a.txt").write_text(f"1 0.5 0.5 1 1\n{line}\n", encoding="utf-8")
    message = problem("yolo", tmp_path)
    assert message.startswith(f"{tmp_path}/labels/train/a.txt:2: ")
    assert expected in message


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (f"{LISTS}nc: 3\n{SPLITS}", "nc: expected 2, the number of names, found '3'"),
        (f"names: {{0: a, 2: b}}\n{SPLITS}", "names: expected numbers from 0 to 1, found 0, 2"),
        (f"names: [a, a]\n{SPLITS}", "names: expected each class once, found a, a"),
        (f"names: [[a]]\n{SPLITS}", "names: class: expected a line of text"),
        (SPLITS, "names: expected a list of classes, or a mapping from their numbers, found None"),
        (f"{LISTS}train: /data/images\n", "train: expected a path inside the folder, found '/data/images'"),
        (f"{LISTS}train: ../../images\n", "train: expected a path inside the folder"),
        (f"{LISTS}train: {{a: b}}\n", "train: expected a folder or a list of images"),
        (f"{LISTS}train: nowhere\n", "expected a folder of images or a list of them, found nothing at"),
        (f"{LISTS}{SPLITS}test: images/val\n", "expected each image once, found 'images/val/c.jpg' at"),
        (f"a: &a [1, 2]\nb: [*a, *a]\n{LISTS}", "expected YAML without aliases, found one"),
        ("names: [a\n", "expected YAML, found: while parsing a flow sequence"),
        ("- a\n", "expected keys with values"),
        ("a: !!python/object/apply:os.getcwd []\n", "expected YAML, found: could not determine a constructor"),
        (f"{LISTS}{SPLITS}a: .nan\n", "expected plain values"),
        (LISTS, "expected at least one image, found none"),
    ],
)
def test_settings_that_are_none_are_named(settings: str, expected: str, tmp_path: Path) -> None:
    assert expected in problem("yolo", two_splits(tmp_path, settings))


def test_a_link_to_labels_elsewhere_is_an_error(tmp_path: Path) -> None:
    two_splits(tmp_path / "set")
    (tmp_path / "set/labels/train/b.txt").unlink()
    (tmp_path / "set/labels/train/b.txt").symlink_to("/etc/hostname")
    assert "found a link that leads to /etc/hostname" in problem("yolo", tmp_path / "set")


@given(
    st.integers(1, 20_000).flatmap(
        lambda size: st.tuples(
            st.just(size), st.integers(0, size - 1).flatmap(lambda x: st.tuples(st.just(x), st.integers(1, size - x)))
        )
    )
)
def test_whole_pixels_survive_six_digits(size_and_span: tuple[int, tuple[int, int]]) -> None:
    size, (start, length) = size_and_span
    text = f"{(start + length / 2) / size:.6f}", f"{length / size:.6f}"
    assert _pixels(*text, size) == (start, length)
