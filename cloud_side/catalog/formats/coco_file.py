"""One file of COCO instances, as it is read."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.catalog.formats.beside import KEY, Unsaid, kept_of_boxes, with_own
from cloud_side.catalog.formats.files import Problems, image_wh, parse, read_json
from cloud_side.catalog.interchange import (
    SPLIT_WORDS,
    SPLITS,
    ImageLabels,
    Json,
    check_upright,
    check_word,
    first_existing,
    fit_box,
    image_name,
)
from cloud_side.catalog.labels import Box, LabelError

OWN: Final = "coco"
ANNOTATIONS: Final = "annotations"

_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Image(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class _Annotation(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int | str | None = None
    image_id: int | str
    category_id: int | str
    bbox: Annotated[list[_Number], Field(min_length=4, max_length=4)]


class _Category(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int | str
    name: str


class _Document(BaseModel):
    model_config = ConfigDict(extra="allow")
    images: list[_Image]
    annotations: list[_Annotation] | None = None
    categories: list[_Category] = []


@dataclass(frozen=True, slots=True)
class CocoFile:
    """What one file says.

    Attributes:
        path: The file.
        folder: Where images lie.
        classes: Name by id, as text.
        categories: What else is said of a class, by name.
        top: What else is said of the file; under `categories` those that are no classes.
        ours: What we wrote into it for the whole set.
    """

    path: Path
    folder: Path
    classes: Mapping[str, str]
    categories: Mapping[str, Json]
    top: Mapping[str, Json]
    ours: Unsaid
    _document: _Document

    @classmethod
    def read(cls, path: Path, folder: Path) -> "CocoFile":
        """Read it.

        Raises:
            FormatError: If it is no JSON, or its classes cannot be told apart.
            LabelError: If something in it has not the form.
        """
        document = parse(_Document, read_json(path))
        problems = Problems()
        headings = _headings(document)
        listed = [each for each in document.categories if each not in headings]
        classes, categories = _read_categories(path, listed, problems)
        problems.end()
        top = dict(document.model_extra or {})
        if headings:
            top["categories"] = [each.model_dump() for each in headings]
        ours = parse(Unsaid, top.pop(KEY, {}))
        return cls(path, folder, classes, categories, top, ours, document)

    @property
    def stem(self) -> str:
        """The name that it gets when it is written."""
        return stem_of(split_of(self.path), is_labeled=self._document.annotations is not None)

    def images(self, problems: Problems) -> Iterator[tuple[str, ImageLabels]]:
        """Yield its images, each with its place in the file, in the order of their names."""
        annotations = self._annotations(problems)
        first = 1
        for position, (name, index) in enumerate(sorted(self._names(problems)), 1):
            image = self._document.images[index]
            mine = annotations.get(str(image.id), [])
            place = f"{self.path}: images.{index}"
            with problems.at(place):
                more = {"id": image.id} if image.id != position else {}
                yield place, self._image(name, image, more, _Mine(mine, first, self.classes, problems))
            first += len(mine)

    def _names(self, problems: Problems) -> Iterator[tuple[str, int]]:
        ids: set[str] = set()
        for index, image in enumerate(self._document.images):
            with problems.at(f"{self.path}: images.{index}"):
                if str(image.id) in ids:
                    msg = f"id: expected each once, found {image.id!r} again"
                    raise LabelError(msg)
                ids.add(str(image.id))
                name = image_name(image.file_name)
                yield first_existing(self.folder, self._places(name)) or name, index

    def _places(self, name: str) -> list[str]:
        """Where an image may lie, the likeliest first."""
        beside = self.path.parent.relative_to(self.folder).as_posix()
        folders = [part for part in re.split(r"instances_|image_info_", self.path.stem) if part]
        return [
            name,
            f"images/{name}",
            *(f"{place}{folder}/{name}" for folder in folders for place in ("", "images/")),
            f"{beside}/{name}",
        ]

    def _annotations(self, problems: Problems) -> Mapping[str, list[tuple[str, _Annotation]]]:
        known = {str(image.id) for image in self._document.images}
        found = defaultdict(list)
        for index, each in enumerate(self._document.annotations or []):
            place = f"{self.path}: annotations.{index}"
            if str(each.image_id) not in known:
                problems.add(place, f"image_id: expected the id of an image, found {each.image_id!r}")
            elif str(each.category_id) not in self.classes:
                problems.add(
                    place, f"category_id: expected one of {', '.join(self.classes)}, found {each.category_id!r}"
                )
            else:
                found[str(each.image_id)].append((place, each))
        return found

    def _image(self, name: str, image: _Image, more: Mapping[str, Json], mine: "_Mine") -> ImageLabels:
        rest = dict(image.model_extra or {})
        ours = parse(Unsaid, rest.pop(KEY, {}))
        width, height = (image.width, image.height) if image.width and image.height else image_wh(self.folder, name)
        boxes = mine.boxes(width, height)
        kept = kept_of_boxes(boxes, mine.kept())
        own = {**rest, **more, **({"annotations": kept} if kept else {})}
        return ImageLabels(
            name,
            width,
            height,
            boxes,
            ours.group,
            ours.split_or(split_of(self.path)),
            self._document.annotations is not None,
            with_own(ours.extra, OWN, own),
        )


@dataclass(frozen=True, slots=True)
class _Mine:
    """The annotations of one image; `first` is the place of the first of them among those of the file."""

    annotations: Sequence[tuple[str, _Annotation]]
    first: int
    classes: Mapping[str, str]
    problems: Problems

    def boxes(self, width: int, height: int) -> tuple[Box, ...]:
        boxes = []
        for place, each in self.annotations:
            with self.problems.at(place):
                attributes = (each.model_extra or {}).get("attributes")
                check_upright(attributes.get("rotation") if isinstance(attributes, Mapping) else None)
                boxes.append(fit_box(self.classes[str(each.category_id)], each.bbox, width, height))
        return tuple(boxes)

    def kept(self) -> list[dict[str, Json]]:
        return [_kept(each, number) for number, (_, each) in enumerate(self.annotations, self.first)]


def split_of(path: Path) -> str | None:
    """Return the split that a file's name says, or its folder's for `_annotations.coco.json`; None for several."""
    text = path.parent.name if path.name.startswith("_annotations") else path.stem
    said = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", text.lower()) if word in SPLIT_WORDS}
    return said.pop() if len(said) == 1 else None


def stem_of(split: str | None, *, is_labeled: bool) -> str:
    """Return the name, without its suffix, of the file for images of a split."""
    kind = "instances" if is_labeled else "image_info"
    return f"{kind}_{split}" if split in SPLITS else kind


def area_of(bbox: Sequence[float]) -> float:
    """Return the area of a box, which stands for that of a segment where there is none."""
    return bbox[2] * bbox[3]


def _headings(document: _Document) -> list[_Category]:
    """Return categories that only hold others together, as a project's name; nothing is drawn of them."""
    drawn = {str(each.category_id) for each in document.annotations or []}
    over = [(str(each.id), (each.model_extra or {}).get("supercategory")) for each in document.categories]
    return [
        each
        for each, (number, above) in zip(document.categories, over, strict=True)
        if above == "none" and number not in drawn and any(number != it and each.name == name for it, name in over)
    ]


def _read_categories(
    path: Path, categories: Sequence[_Category], problems: Problems
) -> tuple[dict[str, str], dict[str, Json]]:
    classes: dict[str, str] = {}
    kept: dict[str, Json] = {}
    for index, category in enumerate(categories):
        with problems.at(f"{path}: categories.{index}"):
            name = check_word(category.name.strip(), "name")
            if str(category.id) in classes or name in classes.values():
                msg = f"expected each id and each name once, found {category.id!r} {name!r} again"
                raise LabelError(msg)
            classes[str(category.id)] = name
            number = {"id": category.id} if category.id != index + 1 else {}
            if more := {**(category.model_extra or {}), **number}:
                kept[name] = more
    return classes, kept


def _kept(annotation: _Annotation, number: int) -> dict[str, Json]:
    usual: dict[str, Any] = {"iscrowd": 0, "segmentation": [], "area": area_of(annotation.bbox)}
    more = {name: value for name, value in (annotation.model_extra or {}).items() if usual.get(name) != value}
    return more if annotation.id in (None, number) else {**more, "id": annotation.id}
