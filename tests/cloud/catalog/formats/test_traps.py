"""What is wrong in files of labels is named, all of it, and what is only rounded is put right: in all forms alike."""

import codecs
import json
from pathlib import Path

import pytest

from cloud_side.catalog.formats import FORMS, detect
from cloud_side.catalog.interchange import FormatError, ImageLabels, LabelSet
from cloud_side.catalog.labels import Box, LabelError
from edge_inspector.errors import ConfigError
from tests.cloud.catalog.formats.folders import FILES, SMALL, changed, picture, problem, written

# How each form says: the box reaches over the right edge of 100 pixels, to 101 and to 102.
FAR = {
    "coco": [(r'"bbox":\[10', '"bbox":[{}')],
    "yolo": [(r"0\.250000", "0.{}0000")],
    "voc": [(r"<xmin>11<", "<xmin>{}<"), (r"<xmax>40<", "<xmax>{}<")],
    "augmented": [(r'"left":10', '"left":{}')],
    "rows": [(r'"x":10', '"x":{}')],
}
BY_1 = {"coco": [71], "yolo": [86], "voc": [72, 101], "augmented": [71], "rows": [71]}
BY_2 = {"coco": [72], "yolo": [87], "voc": [73, 102], "augmented": [72], "rows": [72]}

FLAT = {
    "coco": (r'"bbox":\[10,20,30', '"bbox":[10,20,0'),
    "yolo": (r"0\.300000", "0.000000"),
    "voc": (r"<xmax>40<", "<xmax>10<"),
    "augmented": (r'"width":30', '"width":0'),
    "rows": (r'"width":30', '"width":0'),
}
NOT_A_NUMBER = {
    "coco": (r'"bbox":\[10', '"bbox":[NaN'),
    "yolo": (r"0\.250000", "nan"),
    "voc": (r"<xmin>11<", "<xmin>nan<"),
    "augmented": (r'"left":10', '"left":NaN'),
    "rows": (r'"x":10', '"x":NaN'),
}
INFINITE = {
    "coco": (r'"bbox":\[10', '"bbox":[1e999'),
    "yolo": (r"0\.250000", "inf"),
    "voc": (r"<xmin>11<", "<xmin>-inf<"),
    "augmented": (r'"left":10', '"left":-1e999'),
    "rows": (r'"x":10', '"x":1e400'),
}
NO_CLASS = {
    "coco": (r'"category_id":2', '"category_id":7'),
    "yolo": (r"^1 ", "7 "),
    "voc": (r"<name>dent</name>", "<name> </name>"),
    "augmented": (r'"class_id":1', '"class_id":7'),
    "rows": (r'"label":"dent"', '"label":""'),
}
WHERE_NAMES_ARE = {
    "coco": (FILES["coco"], r'"file_name":"[^"]*"', '"file_name":"{}"'),
    "yolo": ("unsplit.txt", r"^.*$", "{}"),
    "voc": (FILES["voc"], r"<filename>[^<]*<.filename>", "<filename>{}</filename>"),
    "augmented": (FILES["augmented"], r'"source-ref":"[^"]*"', '"source-ref":"{}"'),
    "rows": (FILES["rows"], r'"image":"[^"]*"', '"image":"{}"'),
}

each_form = pytest.mark.parametrize("name", FORMS)


def moved(name: str, numbers: list[int]) -> list[tuple[str, str]]:
    """Return the changes that put the box elsewhere."""
    return [(pattern, text.format(number)) for (pattern, text), number in zip(FAR[name], numbers, strict=True)]


@each_form
def test_a_box_that_is_outside_by_a_pixel_is_cut(name: str, tmp_path: Path) -> None:
    changed(written(name, tmp_path), *moved(name, BY_1[name]))
    (image,) = FORMS[name].read(tmp_path).images
    assert image.boxes == (Box("dent", 71, 20, 29, 25),)


@each_form
def test_a_box_that_is_further_outside_is_an_error(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    changed(file, *moved(name, BY_2[name]))
    assert "expected one inside 100 x 50 pixels, found xyxy (72.0, 20.0, 102.0, 45.0)" in problem(name, tmp_path)
    assert str(file) in problem(name, tmp_path)


@each_form
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FLAT, "expected more than 0 pixels, found 0.0"),
        (NOT_A_NUMBER, "found"),
        (INFINITE, "found"),
        (NO_CLASS, "expected"),
    ],
    ids=["no area", "not a number", "infinite", "no such class"],
)
def test_a_box_that_is_none_is_an_error(
    name: str, change: dict[str, tuple[str, str]], expected: str, tmp_path: Path
) -> None:
    file = written(name, tmp_path)
    changed(file, change[name])
    message = problem(name, tmp_path)
    assert expected in message
    assert str(file) in message


@each_form
@pytest.mark.parametrize(
    "path", ["/etc/a.jpg", "../a.jpg", "images/../../a.jpg", "C:/a.jpg", "images/passwd", "", "images/a\u2028.jpg"]
)
def test_a_name_that_leaves_the_folder_or_is_no_image_is_an_error(name: str, path: str, tmp_path: Path) -> None:
    written(name, tmp_path)
    (tmp_path / "edge-inspector.jsonl").unlink(missing_ok=True)
    if name == "voc":
        changed(tmp_path / FILES["voc"], (r"<path>.*</path>", ""))
    file, pattern, text = WHERE_NAMES_ARE[name]
    changed(tmp_path / file, (pattern, text.format(path)))
    assert "expected" in problem(name, tmp_path)


@each_form
def test_a_link_that_leads_out_of_the_folder_is_an_error(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    written(name, folder)
    picture(tmp_path / "elsewhere.jpg", 100, 50)
    (folder / "images").mkdir()
    (folder / "images/a.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    assert "found a link that leads to" in problem(name, folder)


@each_form
def test_labels_that_a_link_has_elsewhere_are_not_read(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path / "set")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert "found a link that leads to" in problem(name, tmp_path / "set")


@each_form
def test_a_mark_at_the_beginning_and_line_ends_of_windows_are_read_over(name: str, tmp_path: Path) -> None:
    written(name, tmp_path)
    for file in [file for file in tmp_path.rglob("*") if file.is_file()]:
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes().replace(b"\n", b"\r\n"))
    assert FORMS[name].read(tmp_path) == SMALL


@each_form
def test_another_encoding_is_an_error(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    file.write_bytes(file.read_text(encoding="utf-8").encode("utf-16"))
    assert "expected UTF-8, found byte 0xff" in problem(name, tmp_path)


@each_form
def test_half_a_file_is_an_error(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    file.write_bytes(file.read_bytes()[:-12])
    assert f"{file}" in problem(name, tmp_path)


@pytest.mark.parametrize("name", [name for name in FORMS if name != "yolo"])
def test_an_empty_file_is_an_error(name: str, tmp_path: Path) -> None:
    written(name, tmp_path).write_bytes(b"")
    assert "expected" in problem(name, tmp_path)


@each_form
def test_a_folder_without_labels_is_an_error(name: str, tmp_path: Path) -> None:
    assert "expected" in problem(name, tmp_path)
    assert "found" in problem(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["coco", "augmented", "rows"])
def test_an_image_that_is_there_twice_is_an_error(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    if name == "coco":
        document = json.loads(file.read_text(encoding="utf-8"))
        document["images"].append({**document["images"][0], "id": 2})
        file.write_text(json.dumps(document), encoding="utf-8")
    else:
        file.write_text(file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    assert "expected each image once, found 'images/a.jpg'" in problem(name, tmp_path)


@pytest.mark.parametrize("name", ["yolo", "voc"])
def test_two_images_that_would_share_a_file_of_labels_are_an_error_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    labels = LabelSet((), (ImageLabels("images/a.jpg", 1, 1), ImageLabels("images/a.png", 1, 1)))
    with pytest.raises(
        FormatError, match=r"images/a.png: expected a file of labels of its own, found that images/a.jpg"
    ):
        FORMS[name].write(labels, tmp_path)
    assert not list(tmp_path.iterdir())


@each_form
def test_images_of_one_name_in_two_folders_are_two_images(name: str, tmp_path: Path) -> None:
    labels = LabelSet(
        ("dent",),
        (
            ImageLabels("images/left/1.jpg", 100, 50, (Box("dent", 1, 1, 5, 5),), split="train"),
            ImageLabels("images/right/1.jpg", 100, 50, (), split="train"),
        ),
    )
    FORMS[name].write(labels, tmp_path)
    assert FORMS[name].read(tmp_path) == labels


@each_form
def test_a_set_without_an_image_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected at least one image"):
        FORMS[name].write(LabelSet(("dent",), ()), tmp_path)


def test_twenty_problems_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    row = '{"image": "a.jpg", "width": 0, "height": 1, "labelled": true, "boxes": []}\n'
    (tmp_path / "labels.jsonl").write_text(row * 33, encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        FORMS["rows"].read(tmp_path)
    lines = str(caught.value).splitlines()
    assert isinstance(caught.value, ConfigError)
    assert len(caught.value.problems) == 33
    assert lines[0].startswith(f"{tmp_path / 'labels.jsonl'}:1: width: expected: ")
    assert lines[0].endswith(", found 0")
    assert lines[20:] == ["and 13 problems more"]


def test_a_folder_with_labels_of_two_forms_is_an_error(tmp_path: Path) -> None:
    written("rows", tmp_path)
    assert detect(tmp_path) == "rows"
    written("voc", tmp_path)
    with pytest.raises(FormatError, match=r"expected labels of one form .*, found voc and rows"):
        detect(tmp_path)
    with pytest.raises(FormatError, match="found nothing there"):
        detect(tmp_path / "nowhere")


@each_form
def test_the_form_of_a_single_file_is_seen(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    assert detect(tmp_path / "data.yaml" if name == "yolo" else file) == name


@each_form
def test_a_single_file_is_read_as_its_folder_is(name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    assert FORMS[name].read(tmp_path / "data.yaml" if name == "yolo" else file) == SMALL


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "./a.jpg"},
        {"name": "a.txt"},
        {"width": 0},
        {"group": " lot"},
        {"group": ""},
        {"split": "a/b"},
        {"boxes": (Box("dent", 95, 0, 6, 1),)},
        {"boxes": (Box("dent", 0, 0, 6, 1),), "is_labeled": False},
    ],
)
def test_an_image_that_cannot_be_is_not_built(fields: dict[str, object]) -> None:
    with pytest.raises(LabelError, match="expected"):
        ImageLabels(**{"name": "a.jpg", "width": 100, "height": 50, **fields})  # type: ignore[arg-type]


def test_a_set_that_contradicts_itself_is_not_built() -> None:
    image = ImageLabels("a.jpg", 100, 50, (Box("dent", 0, 0, 6, 1),))
    for class_names, images in ((("dent",), (image, image)), (("scratch",), (image,)), (("dent", "dent"), (image,))):
        with pytest.raises(LabelError, match="expected"):
            LabelSet(class_names, images)
