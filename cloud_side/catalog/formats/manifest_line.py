"""One line of an augmented manifest, read into an image with its labels, and written."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cloud_side.catalog.augmented import (
    BOXES_TYPE,
    VERIFICATION_TYPE,
    attributes,
    created_at,
    is_accepted,
    latest,
    read_class_map,
    read_size,
    read_xywh,
    write_boxes,
)
from cloud_side.catalog.formats.beside import KEY, Unsaid, hash_of, own_of, unsaid, with_own
from cloud_side.catalog.formats.files import image_wh, parse
from cloud_side.catalog.interchange import ImageLabels, Json, first_existing, fit_box, image_name
from cloud_side.catalog.labels import Box, LabelError

OWN: Final = "augmented"

_SOURCE: Final = "source-ref"
_ATTRIBUTE: Final = "label"
_PROPOSAL: Final = "pre-label"  # a model wrote it, and nobody has looked at it
_DEPTH: Final = 3
_USUAL: Final[Mapping[str, Json]] = {
    "type": BOXES_TYPE,
    "human-annotated": "yes",
    "creation-date": "1970-01-01T00:00:00",
    "job-name": "edge-inspector",
}


def read_line(line: Mapping[str, Any], folder: Path, split: str | None) -> tuple[ImageLabels, Mapping[int, str]]:
    """Return the image of a line, and the classes of its label by number.

    Args:
        line: As JSON.
        folder: Where the image may lie.
        split: That the file's name says.

    Raises:
        LabelError: If the line is none; says what is wrong.
    """
    attribute = _label_attribute(line)
    ours = parse(Unsaid, line.get(KEY, {}))
    name = ours.name or _name(folder, line.get(_SOURCE))
    size = _size(line, attribute, ours) or image_wh(folder, image_name(name))
    label = line[attribute] if attribute else {"annotations": []}
    metadata = line[f"{attribute}-metadata"] if attribute else {"class-map": {}}
    boxes = tuple(fit_box(label.strip(), xywh, *size) for label, xywh in read_xywh(label, metadata))
    image = ImageLabels(
        image_name(name),
        *size,
        boxes,
        ours.group,
        ours.split_or(split),
        attribute is not None,
        with_own(ours.extra, OWN, _kept(line, attribute, image_name(name), boxes)),
    )
    return image, {number: word.strip() for number, word in read_class_map(metadata).items()}


def line_of(image: ImageLabels, class_names: Sequence[str], split: str | None) -> dict[str, Json]:
    """Return the line of an image; `split` is what the file's name says."""
    own = own_of(image.extra, OWN)
    others = own_of(own, "line")
    line: dict[str, Json] = {**others, _SOURCE: own.get(_SOURCE, image.name)}
    size: dict[str, Json] = {}
    if image.is_labeled:
        name = str(own.get("attribute", _ATTRIBUTE))
        line.update(_attribute(name, image, class_names, own))
        if _label_attribute(line) != name:  # somebody has labeled it since the label that the line had was rejected
            line = _without_labels(line, name)
    else:
        size = {"width": image.width, "height": image.height}
    ours = {**own_of(others, KEY), **unsaid(image, own=OWN, split=split, name=image.name, **size)}
    if set(ours) - {"name"} or line[_SOURCE] != image.name:
        line[KEY] = ours
    return line


def _label_attribute(line: Mapping[str, Any]) -> str | None:
    """Return the attribute that is the label; None if nobody has labeled the image, or somebody rejected it."""
    found = latest(line, [name for name in attributes(line, BOXES_TYPE) if name != _PROPOSAL])
    if found is None:
        return None
    verdict = latest(line, attributes(line, VERIFICATION_TYPE))
    if verdict is None or is_accepted(line[verdict], line[f"{verdict}-metadata"]):
        return found
    return found if created_at(line, found) > created_at(line, verdict) else None


def _name(folder: Path, source: object) -> str:
    if not isinstance(source, str):
        msg = f"{_SOURCE}: expected an address s3://bucket/key, found {source!r:.200}"
        raise LabelError(msg)
    key = source.removeprefix("s3://").partition("/")[2] if source.startswith("s3://") else source
    name = image_name(key)
    parts = PurePosixPath(name).parts
    ends = ["/".join(parts[index:]) for index in range(len(parts))]
    return first_existing(folder, [*ends, f"images/{parts[-1]}"]) or name


def _size(line: Mapping[str, Any], attribute: str | None, ours: Unsaid) -> tuple[int, int] | None:
    if attribute is not None:
        return read_size(line[attribute])
    if ours.width is not None and ours.height is not None:
        return ours.width, ours.height
    boxes = attributes(line, BOXES_TYPE)
    return read_size(line[boxes[0]]) if boxes else None


def _kept(line: Mapping[str, Any], attribute: str | None, name: str, boxes: Sequence[Box]) -> dict[str, Json]:
    """Return what a line says beyond its label."""
    mine = {_SOURCE} if attribute is None else {_SOURCE, attribute, f"{attribute}-metadata"}
    others = {key: value for key, value in line.items() if key not in {*mine, KEY}}
    ours = {key: value for key, value in line.get(KEY, {}).items() if key not in Unsaid.model_fields}
    others = with_own(others, KEY, ours)
    kept: dict[str, Json] = {_SOURCE: line[_SOURCE]} if line.get(_SOURCE, name) != name else {}
    if others:
        kept["line"] = others
    return kept if attribute is None else {**kept, **_kept_of_label(line, attribute, boxes)}


def _kept_of_label(line: Mapping[str, Any], attribute: str, boxes: Sequence[Box]) -> dict[str, Json]:
    label, metadata = line[attribute], line[f"{attribute}-metadata"]
    usual = {**_USUAL, "objects": _objects(len(label["annotations"]))}
    more = {key: value for key, value in metadata.items() if key != "class-map" and usual.get(key) != value}
    depth = label["image_size"][0].get("depth", _DEPTH)
    return {
        **({"attribute": attribute} if attribute != _ATTRIBUTE else {}),
        **({"metadata": more} if more else {}),
        **({"boxes": hash_of(boxes)} if "objects" in more else {}),
        **({"depth": depth} if depth != _DEPTH else {}),
    }


def _without_labels(line: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Return a line without labels and verdicts but those of one attribute, and the proposal of a model."""
    old = {*attributes(line, BOXES_TYPE), *attributes(line, VERIFICATION_TYPE)} - {name, _PROPOSAL}
    return {key: value for key, value in line.items() if key.removesuffix("-metadata") not in old}


def _attribute(name: str, image: ImageLabels, class_names: Sequence[str], own: Mapping[str, Json]) -> dict[str, Json]:
    depth = own.get("depth", _DEPTH)
    label, class_map = write_boxes(image.boxes, class_names, width=image.width, height=image.height)
    label["image_size"][0]["depth"] = depth
    usual: dict[str, Json] = {**_USUAL, "objects": _objects(len(image.boxes))}
    more = own_of(own, "metadata")
    if own.get("boxes") != hash_of(image.boxes):
        more.pop("objects", None)
    return {name: label, f"{name}-metadata": {**usual, **more, "class-map": class_map}}


def _objects(count: int) -> list[Json]:
    return [{"confidence": 1}] * count
