"""What a form of labels has no word for: kept under a key of ours, or in a file of ours beside the form's.

The file is `edge-inspector.jsonl`: one line for the set, then one an image, by name. The form's own files say what is
in the set; a line for an image that they do not have is passed over.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.catalog.formats.files import Problems, json_text, parse, read_json_lines, write_text
from cloud_side.catalog.interchange import ImageLabels, Json, LabelSet
from cloud_side.catalog.labels import Box, strict_json

FILE: Final = "edge-inspector.jsonl"
KEY: Final = "edge-inspector"

Pixels = Annotated[int, Field(strict=True, gt=0)]


class Unsaid(BaseModel):
    """What is known of an image beyond what the form says."""

    model_config = ConfigDict(extra="ignore", strict=True)
    name: str | None = None
    group: str | None = None
    split: str | None = None
    is_labeled: bool = True
    width: Pixels | None = None
    height: Pixels | None = None
    extra: dict[str, Any] = {}

    def split_or(self, said: str | None) -> str | None:
        """Return the split, which the form takes for `said`."""
        return self.split if "split" in self.model_fields_set else said


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    class_names: list[str] | None = None
    extra: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Beside:
    """The file beside a form's own; all empty where there is none.

    Attributes:
        class_names: Of the set, in order; None where the form says that.
        extra: Of the set.
        images: By name.
    """

    class_names: tuple[str, ...] | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    images: Mapping[str, Unsaid] = field(default_factory=dict)

    def of(self, name: str) -> Unsaid:
        """Return what is known of an image."""
        return self.images.get(name, _NOTHING)


_NOTHING: Final = Unsaid()


def read_beside(folder: Path, problems: Problems) -> Beside:
    """Return what the file beside says."""
    path = folder / FILE
    if not path.is_file():
        return Beside()
    header, images = _Header(), {}
    for number, document in read_json_lines(path, problems):
        with problems.at(f"{path}:{number}"):
            if "name" not in document:
                header = parse(_Header, document)
            else:
                row = parse(Unsaid, document)
                images[str(row.name)] = row
    names = None if header.class_names is None else tuple(header.class_names)
    return Beside(names, header.extra, images)


def write_beside(folder: Path, header: Mapping[str, Json], images: Iterable[Mapping[str, Json]]) -> None:
    """Write what the form's own files do not say; nothing where they say it all."""
    rows = [row for row in images if set(row) - {"name"}]
    path = folder / FILE
    if header or rows:
        write_text(path, "".join(f"{json_text(row)}\n" for row in [header, *rows]))
    else:
        path.unlink(missing_ok=True)


def unsaid(image: ImageLabels, *, own: str, split: str | None = None, **more: Json) -> dict[str, Json]:
    """Return what a form does not say of an image.

    Args:
        image: The image.
        own: The form's name: what `extra` has under it, the form says.
        split: What somebody who reads the form takes the image's split for.
        more: What is unsaid besides.
    """
    extra = without(image.extra, own)
    return {
        **more,
        **({"group": image.group} if image.group is not None else {}),
        **({"split": image.split} if image.split != split else {}),
        **({"extra": extra} if extra else {}),
    }


def unsaid_header(labels: LabelSet, *, own: str, class_names: tuple[str, ...]) -> dict[str, Json]:
    """Return what a form does not say of a set, if who reads it takes its classes for `class_names`."""
    extra = without(labels.extra, own)
    return {
        **({"class_names": list(labels.class_names)} if labels.class_names != class_names else {}),
        **({"extra": extra} if extra else {}),
    }


def without(extra: Mapping[str, Json], own: str) -> dict[str, Json]:
    """Return what other forms said."""
    return {name: value for name, value in extra.items() if name != own}


def own_of(extra: Mapping[str, Json], own: str) -> dict[str, Any]:
    """Return what a form said itself; nothing if that is not what it would say."""
    value = extra.get(own)
    return dict(value) if isinstance(value, Mapping) else {}


def with_own(extra: Mapping[str, Json], own: str, value: Mapping[str, Json]) -> dict[str, Json]:
    """Return what all forms said."""
    return {**extra, own: value} if value else dict(extra)


def kept_of_boxes(boxes: Sequence[Box], rows: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Return what a form says of each box beyond it, with what tells whether they are still the same boxes."""
    return {"boxes": hash_of(boxes), "rows": list(rows)} if any(rows) else {}


def of_boxes(kept: object, boxes: Sequence[Box]) -> Sequence[Mapping[str, Json]]:
    """Return what was kept of each box; nothing where somebody has changed the boxes, or their order."""
    rows = kept.get("rows") if isinstance(kept, Mapping) and kept.get("boxes") == hash_of(boxes) else None
    if isinstance(rows, Sequence) and len(rows) == len(boxes) and all(isinstance(each, Mapping) for each in rows):
        return rows
    return [{}] * len(boxes)


def hash_of(boxes: Sequence[Box]) -> str:
    """Return what tells these boxes, in this order, from others."""
    return hashlib.sha256(strict_json([box.document() for box in boxes]).encode()).hexdigest()[:16]


def used_classes(labels: Iterable[ImageLabels]) -> tuple[str, ...]:
    """Return the classes of all boxes, sorted: what is known of the classes where a form has no list of them."""
    return tuple(sorted({box.label for image in labels for box in image.boxes}))


def known_classes(listed: tuple[str, ...] | None, images: Iterable[ImageLabels]) -> tuple[str, ...]:
    """Return the listed classes, and after them those that were used all the same."""
    used = used_classes(images)
    return used if listed is None else (*listed, *(name for name in used if name not in listed))
