"""Labeled images, read from a `labels.jsonl` and checked line by line.

An image that nobody labeled stays one: that is not the same as an image without a defect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.catalog.formats import rows
from cloud_side.catalog.interchange import ImageLabels, Json
from cloud_side.catalog.labels import Origin
from cloud_side.catalog.versions import Entry
from edge_inspector.errors import ConfigError
from edge_inspector.geometry import Boxes, as_boxes

LABELS_FILE: Final = rows.FILE
_SLICES: Final = ("site", "line", "station", "camera", "product", "lot", "part_id")


@dataclass(frozen=True, slots=True, eq=False)
class LabeledImage:
    """One row of a label file.

    Attributes:
        path: The image file.
        group: The physical part or lot; images of one group are never torn apart.
        width: Pixels.
        height: Pixels.
        boxes: (n, 4) float32 xyxy in pixels of the image, inside it; (0, 4) for a part without a defect.
        class_ids: (n,) int64, index into the class names that the file was read with.
        labeled: False where nobody has looked at the image yet.
        sha256: Of the image file; empty where the row does not say.
        slices: What results are told apart by, e.g. `station`.
    """

    path: Path
    group: str
    width: int
    height: int
    boxes: Boxes
    class_ids: NDArray[np.int64]
    labeled: bool
    sha256: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people and reports."""
        return self.path.name


def read_labels(labels: Path, class_names: Sequence[str] | None = None) -> list[LabeledImage]:
    """Return every row of a `labels.jsonl`, in the order of the images' names.

    Args:
        labels: The file, or the folder that holds it; image paths are relative to that folder.
        class_names: Order = class id. With them, a file without a row is a part of a set that has no image; without
            them the classes are those that the file names, sorted, and it must have a row.

    Raises:
        ConfigError: Once, with one line per problem: `file:line: field: expected ..., found ...`.
    """
    file = labels / LABELS_FILE if labels.is_dir() else labels
    if class_names is not None and file.is_file() and not file.read_bytes().strip():
        return []
    read = rows.read(file)
    names = tuple(sorted(read.class_names)) if class_names is None else tuple(class_names)
    if unknown := {box.label for image in read.images for box in image.boxes} - set(names):
        msg = f"{file}: expected boxes of the classes {', '.join(names)}, found {', '.join(sorted(unknown))} too"
        raise ConfigError(msg)
    ids = {name: number for number, name in enumerate(names)}
    return [_labeled(image, file.parent, ids) for image in read.images]


def label_row(name: str, entry: Entry) -> dict[str, Any]:
    """Return the row of an image of a version, as JSON.

    Args:
        name: Of the image file, from the folder of the label file.
        entry: The image.
    """
    label = entry.label
    return {
        "image": name,
        "sha256": label.sha256,
        "group": label.group,
        "width": label.width,
        "height": label.height,
        "labelled": True,
        "boxes": [box.document() for box in label.boxes],
        "slices": _slices(label.origin),
    }


def _slices(origin: Origin) -> dict[str, str]:
    known = origin.document()
    return {name: known[name] for name in _SLICES if name in known}


def _labeled(image: ImageLabels, folder: Path, ids: Mapping[str, int]) -> LabeledImage:
    own = image.extra.get("rows")
    more: Mapping[str, Json] = own if isinstance(own, Mapping) else {}
    slices = more.get("slices")
    return LabeledImage(
        folder / image.name,
        image.group or image.name,  # nobody said which images show the same part
        image.width,
        image.height,
        as_boxes([box.xyxy for box in image.boxes]),
        np.array([ids[box.label] for box in image.boxes], dtype=np.int64),
        labeled=image.is_labeled,
        sha256=str(more.get("sha256") or ""),
        slices={name: str(value) for name, value in slices.items() if value is not None}
        if isinstance(slices, Mapping)
        else {},
    )
