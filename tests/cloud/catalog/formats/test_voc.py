"""Pascal VOC as others write it."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cloud_side.catalog.formats.voc import read, write
from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.folders import changed, picture, problem

TEXT = """<?xml version="1.0" encoding="utf-8"?>
<annotation verified="yes">
  <folder>VOC2007</folder>
  <filename>000001.jpg</filename>
  <path>C:\\Users\\somebody\\000001.jpg</path>
  <source><database>ours</database><image>flickr</image></source>
  <size><width>353</width><height>500</height><depth>1</depth></size>
  <segmented>1</segmented>
  <object>
    <name>person</name><pose>Left</pose><truncated>1</truncated><difficult>1</difficult>
    <bndbox><xmin>8</xmin><ymin>12</ymin><xmax>352</xmax><ymax>498</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>9</xmin><ymin>13</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></part>
    <part><name>hand</name><bndbox><xmin>9</xmin><ymin>13</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></part>
  </object>
  <object>
    <name>dog</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
    <bndbox><xmin>48.5</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
  </object>
</annotation>
"""


def stored(folder: Path, name: str = "Annotations/000001.xml", text: str = TEXT) -> Path:
    """Write the annotation into a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_corners_count_from_one_and_the_last_pixel_belongs_to_the_box(tmp_path: Path) -> None:
    stored(tmp_path)
    (image,) = read(tmp_path).images
    assert (image.name, image.width, image.height) == ("JPEGImages/000001.jpg", 353, 500)
    assert image.boxes == (Box("person", 7, 11, 345, 487), Box("dog", 47.5, 239, 147.5, 132))


def test_corners_of_tools_that_count_from_zero_are_a_pixel_off_and_cut(tmp_path: Path) -> None:
    changed(stored(tmp_path), ("<xmin>8<", "<xmin>0<"), ("<xmax>352<", "<xmax>353<"))
    assert read(tmp_path).images[0].boxes[0].xyxy == (0, 11, 353, 498)


def test_all_that_is_not_read_is_there_when_it_is_written_again(tmp_path: Path) -> None:
    stored(tmp_path / "in")
    labels = read(tmp_path / "in")
    write(labels, tmp_path / "out")
    first, second = (ET.parse(tmp_path / side / "Annotations/000001.xml").getroot() for side in ("in", "out"))
    for root in (first, second):
        for name in ("folder", "path"):
            root.remove(root.find(name))  # type: ignore[arg-type]
    assert flat(first) == flat(second)
    assert read(tmp_path / "out") == labels
    assert "somebody" not in (tmp_path / "out/Annotations/000001.xml").read_text(encoding="utf-8")


def flat(element: ET.Element) -> object:
    """Return an element as a value in which the order of different elements plays no part."""
    children = sorted(
        (child.tag, index, flat(child)) for index, child in enumerate(sorted(element, key=lambda e: e.tag))
    )
    return str((element.attrib, (element.text or "").strip(), children))


def test_the_splits_are_in_lists(tmp_path: Path) -> None:
    stored(tmp_path)
    stored(tmp_path, "Annotations/000002.xml", TEXT.replace("000001", "000002"))
    stored(tmp_path, "ImageSets/Main/train.txt", "000001\n")
    stored(tmp_path, "ImageSets/Main/val.txt", "000002 \n")
    stored(tmp_path, "ImageSets/Main/trainval.txt", "000001\n000002\n")
    stored(tmp_path, "ImageSets/Main/dog_train.txt", "000001  1\n")
    assert [image.split for image in read(tmp_path).images] == ["train", "val"]


def test_an_image_in_two_splits_is_an_error(tmp_path: Path) -> None:
    stored(tmp_path)
    for split in ("train", "test"):
        stored(tmp_path, f"ImageSets/Main/{split}.txt", "000001\n")
    assert "test.txt:1: expected '000001' in one split, found it in train too" in problem("voc", tmp_path)


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_a_missing_size_is_read_from_the_image(size: str, tmp_path: Path) -> None:
    changed(stored(tmp_path), ("<size>.*</size>", size))
    assert "expected an image at" in problem("voc", tmp_path)
    picture(tmp_path / "JPEGImages/000001.jpg", 360, 505)
    (image,) = read(tmp_path).images
    assert (image.width, image.height) == (360, 505)


def test_images_beside_their_xml_are_found(tmp_path: Path) -> None:
    stored(tmp_path, "train/x.xml", TEXT.replace("C:\\Users\\somebody\\", ""))
    picture(tmp_path / "train/000001.jpg", 353, 500)
    assert [image.name for image in read(tmp_path).images] == ["train/000001.jpg"]


def test_an_image_without_objects_shows_no_defect(tmp_path: Path) -> None:
    changed(stored(tmp_path), ("<object>.*</object>", ""))
    (image,) = read(tmp_path).images
    assert image == ImageLabels("JPEGImages/000001.jpg", 353, 500, extra=image.extra)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE annotation SYSTEM "http://127.0.0.1/annotation.dtd">',
    ],
)
def test_xml_with_declarations_is_refused(declaration: str, tmp_path: Path) -> None:
    changed(stored(tmp_path), ("<annotation", f"{declaration}<annotation"))
    assert "expected XML without declarations of its own" in problem("voc", tmp_path)


def test_broken_xml_is_an_error_with_its_line(tmp_path: Path) -> None:
    file = stored(tmp_path)
    changed(file, ("</object>", "</objekt>"))
    assert f"{file}:14: expected XML, found: mismatched tag" in problem("voc", tmp_path)


def test_xml_that_is_something_else_is_an_error(tmp_path: Path) -> None:
    stored(tmp_path, text="<svg/>")
    assert "expected an element <annotation>, found <svg>" in problem("voc", tmp_path)


def test_xml_nested_too_deeply_is_an_error(tmp_path: Path) -> None:
    changed(stored(tmp_path), ("<object>", f"{'<a>' * 50_000}{'</a>' * 50_000}<object>"))
    assert "expected" in problem("voc", tmp_path)
