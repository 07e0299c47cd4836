"""One XML of Pascal VOC: read without what XML may do beyond plain elements, and written."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path, PurePosixPath
from typing import Final

from cloud_side.catalog.formats.beside import kept_of_boxes, of_boxes, own_of
from cloud_side.catalog.formats.files import Problems, read_text
from cloud_side.catalog.interchange import FormatError, ImageLabels, Json, check_upright, check_word, fit_box
from cloud_side.catalog.labels import Box, LabelError

OWN: Final = "voc"

_EXACT: Final = Context(prec=1_000)  # decimal digits: more than the sum of two coordinates can have
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{0,400})?([eE][+-]?\d{1,2})?")
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
_WHERE: Final = frozenset({"folder", "filename", "path"})
_USUAL_OBJECT: Final = {"pose": "Unspecified", "truncated": "0", "difficult": "0"}  # readers ask for them
_USUAL: Final = {"segmented": "0"}


@dataclass(frozen=True, slots=True)
class VocFile:
    """An annotation file, as elements."""

    path_of_file: Path
    _root: ET.Element
    _document: Mapping[str, Json]

    @classmethod
    def read(cls, file: Path) -> "VocFile":
        """Read it.

        Raises:
            FormatError: If it is no such XML.
        """
        root = _tree(file)
        if root.tag != "annotation":
            raise FormatError([f"{file}: expected an element <annotation>, found <{root.tag}>"])
        try:
            document = _json(root)
        except RecursionError as error:
            raise FormatError([f"{file}: expected elements nested a few times, found hundreds"]) from error
        return cls(file, root, document if isinstance(document, dict) else {})

    @property
    def filename(self) -> str | None:
        """Of the image."""
        return _text(self._root, "filename")

    @property
    def path(self) -> str | None:
        """Of the image, on the machine where it was labeled."""
        return _text(self._root, "path")

    @property
    def image_wh(self) -> tuple[int, int] | None:
        """Width and height in pixels; None where they are missing or 0, as some tools write."""
        values = [_text(self._root, f"size/{name}") or "0" for name in ("width", "height")]
        if not all(re.fullmatch(r"\d{1,9}", value) for value in values):
            msg = f"size: expected width and height in whole pixels, found {' x '.join(values)}"
            raise LabelError(msg)
        width, height = map(int, values)
        return (width, height) if width and height else None

    def boxes(self, width: int, height: int) -> tuple[Box, ...]:
        """Return the boxes of its objects.

        Raises:
            FormatError: If some are none.
        """
        problems = Problems()
        boxes = []
        for index, element in enumerate(self._root.findall("object")):
            with problems.at(f"{self.path_of_file}: object.{index}"):
                check_upright(_attribute(element, "rotation"))
                boxes.append(fit_box(check_word(_text(element, "name"), "name"), _xywh(element), width, height))
        problems.end()
        return tuple(boxes)

    def kept(self, boxes: Sequence[Box]) -> dict[str, Json]:
        """Return what it says beyond that."""
        found = self._document.get("object", [])
        objects = [_kept(each, {"name", "bndbox"}, _USUAL_OBJECT) for each in _list(found)]
        kept = kept_of_boxes(boxes, objects)
        depth = _kept(self._document.get("size"), {"width", "height"}, {"depth": "3"})
        return {
            **_kept(self._document, {"object", "size", *_WHERE}, _USUAL),
            **({"size": depth} if depth else {}),
            **({"objects": kept} if kept else {}),
        }


def voc_text(image: ImageLabels) -> str:
    """Return the XML of an image."""
    own = own_of(image.extra, OWN)
    objects, size = of_boxes(own.pop("objects", None), image.boxes), own_of(own, "size")
    own.pop("size", None)
    path = PurePosixPath(image.name)
    document: dict[str, Json] = {
        "folder": path.parent.name,
        "filename": path.name,
        "path": image.name,
        "size": {"width": str(image.width), "height": str(image.height), "depth": "3", **size},
        **_USUAL,
        **own,
        "object": [_object(box, more) for box, more in zip(image.boxes, objects, strict=True)],
    }
    root = _element("annotation", document)
    ET.indent(root)
    return f"{ET.tostring(root, encoding='unicode')}\n"


def _tree(file: Path) -> ET.Element:
    text = read_text(file)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError([f"{file}: expected XML without declarations of its own, found <!DOCTYPE or <!ENTITY"])
    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there are no entities to expand
    except (ET.ParseError, ValueError) as error:
        line = f":{error.position[0]}" if isinstance(error, ET.ParseError) else ""
        raise FormatError([f"{file}{line}: expected XML, found: {error}"]) from error


def _text(element: ET.Element, name: str) -> str | None:
    text = element.findtext(name)
    return None if text is None else text.strip()


def _attribute(element: ET.Element, name: str) -> str | None:
    """Return what an object's own attributes say."""
    found = element.findall("attributes/attribute")
    return next((_text(each, "value") for each in found if _text(each, "name") == name), None)


def _xywh(element: ET.Element) -> tuple[float, float, float, float]:
    values = []
    for name in _CORNERS:
        text = _text(element, f"bndbox/{name}") or ""
        if not _NUMBER.fullmatch(text):
            msg = f"bndbox.{name}: expected a number, found {text!r:.80}"
            raise LabelError(msg)
        values.append(Decimal(text))
    left, top = (_EXACT.subtract(value, Decimal(1)) for value in values[:2])
    width, height = _EXACT.subtract(values[2], left), _EXACT.subtract(values[3], top)
    return float(left), float(top), float(width), float(height)


def _object(box: Box, more: Mapping[str, Json]) -> dict[str, Json]:
    # The shortest decimals of the numbers, added without rounding: reading gives the same numbers again.
    x, y, width, height = (Decimal(repr(value)) for value in (box.x, box.y, box.width, box.height))
    corners = (_EXACT.add(x, Decimal(1)), _EXACT.add(y, Decimal(1)), _EXACT.add(x, width), _EXACT.add(y, height))
    bndbox = {name: _plain(value) for name, value in zip(_CORNERS, corners, strict=True)}
    return {"name": box.label, **_USUAL_OBJECT, **more, "bndbox": bndbox}


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [value]


def _kept(document: Json, read: set[str], usual: Mapping[str, str]) -> dict[str, Json]:
    if not isinstance(document, Mapping):
        return {}
    return {name: value for name, value in document.items() if name not in read and usual.get(name) != value}


def _json(element: ET.Element) -> str | dict[str, Json]:
    """Elements as JSON: text, or an object of its children; `@name` for attributes, a list for what is there twice."""
    children: dict[str, list[Json]] = {}
    for child in element:
        children.setdefault(child.tag, []).append(_json(child))
    document: dict[str, Json] = {f"@{name}": value for name, value in element.attrib.items()}
    document.update({name: values[0] if len(values) == 1 else values for name, values in children.items()})
    text = (element.text or "").strip()
    if not document:
        return text
    return {**document, "#": text} if text else document


def _element(tag: str, document: Json) -> ET.Element:
    element = ET.Element(tag)
    if not isinstance(document, Mapping):
        element.text = str(document)
        return element
    for name, value in document.items():
        if name == "#":
            element.text = str(value)
        elif name.startswith("@"):
            element.set(name[1:], str(value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            element.extend(_element(name, each) for each in value)
        else:
            element.append(_element(name, value))
    return element
