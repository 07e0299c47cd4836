"""What the network learns from: labeled photographs, read from `labels.jsonl` and checked line by line.

An image that nobody labeled is skipped: that is not the same as an image without a defect.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_inspector.errors import ConfigError
from edge_inspector.geometry import Boxes, as_boxes

CLASS_NAMES = ("scratch",)

Pixels = Annotated[int, Field(strict=True, gt=0)]
Origin = Annotated[int, Field(strict=True, ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class LabeledImage:
    """One row of the label file.

    Attributes:
        path: The image file.
        group: The physical part; photographs of one part never lie in two folds.
        width: Pixels.
        height: Pixels.
        boxes: (n, 4) float32 xyxy in pixels of the image; (0, 4) for a part without a defect.
        class_ids: (n,) int64, index into `CLASS_NAMES`.
        labeled: False where nobody has looked at the image yet.
    """

    path: Path
    group: str
    width: int
    height: int
    boxes: Boxes
    class_ids: NDArray[np.int64]
    labeled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An image in memory with its truth, photographed or simulated.

    Attributes:
        image: (h, w) uint8 grey.
        boxes: (n, 4) float32 xyxy in pixels of the image.
        class_ids: (n,) int64.
        group: The physical part.
        name: For people and reports.
    """

    image: NDArray[np.uint8]
    boxes: Boxes
    class_ids: NDArray[np.int64]
    group: str
    name: str


class _Box(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str
    x: Origin
    y: Origin
    width: Pixels
    height: Pixels


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")
    image: Annotated[str, Field(min_length=1)]
    group: Annotated[str, Field(min_length=1)]
    width: Pixels
    height: Pixels
    labelled: Annotated[bool, Field(strict=True)]
    boxes: list[_Box]


def read_labels(labels: Path) -> list[LabeledImage]:
    """Return every row of a `labels.jsonl`, in file order.

    Args:
        labels: The file, or the folder that holds it; image paths are relative to that folder.

    Raises:
        ConfigError: Once, with one line per problem: `file:line: field: expected ..., found ...`.
    """
    file = labels / "labels.jsonl" if labels.is_dir() else labels
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        msg = f"{file}: expected a readable label file, found: {error.strerror}"
        raise ConfigError(msg) from error
    rows: list[LabeledImage] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row, found = _parse(line)
        if row is not None:
            found = [*found, *_contradictions(row, seen.setdefault(row.image, number), number)]
        problems += [f"{file}:{number}: {problem}" for problem in found]
        if row is not None and not found:
            rows.append(_labeled(row, file.parent))
    if not rows and not problems:
        problems = [f"{file}: expected at least one row, found none"]
    if problems:
        raise ConfigError("\n".join(problems))
    return rows


def load_examples(images: Iterable[LabeledImage]) -> list[Example]:
    """Return the labeled images as grey pixels; images that nobody labeled are left out.

    Raises:
        ConfigError: If a file cannot be read, or its size is not the one in its row.
    """
    return [_load(image) for image in images if image.labeled]


def dataset_version(images: Sequence[LabeledImage]) -> str:
    """Return a hash of all pixels and labels that does not depend on the order of the rows, or where they lie."""
    rows = sorted(
        json.dumps(
            [
                hashlib.sha256(image.path.read_bytes()).hexdigest(),
                image.group,
                image.labeled,
                image.boxes.tolist(),
                image.class_ids.tolist(),
            ]
        )
        for image in images
    )
    return "sha256:" + hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _parse(line: str) -> tuple[_Row | None, list[str]]:
    try:
        return _Row.model_validate_json(line), []
    except ValidationError as error:
        return None, [
            f"{'.'.join(map(str, problem['loc'])) or 'row'}: expected: {problem['msg']}, found {problem['input']!r:.80}"
            for problem in error.errors()
        ]


def _contradictions(row: _Row, first_line: int, line: int) -> list[str]:
    problems = []
    if first_line != line:
        problems.append(f"image: expected each image once, found {row.image!r} in line {first_line} too")
    if not row.labelled and row.boxes:
        problems.append(f"boxes: expected none in an unlabeled image, found {len(row.boxes)}")
    for index, box in enumerate(row.boxes):
        if box.label not in CLASS_NAMES:
            problems.append(f"boxes.{index}.label: expected one of {', '.join(CLASS_NAMES)}, found {box.label!r}")
        if box.x + box.width > row.width or box.y + box.height > row.height:
            found = (box.x, box.y, box.x + box.width, box.y + box.height)
            problems.append(f"boxes.{index}: expected a box inside {row.width} x {row.height}, found xyxy {found}")
    return problems


def _labeled(row: _Row, folder: Path) -> LabeledImage:
    boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in row.boxes]
    classes = np.array([CLASS_NAMES.index(box.label) for box in row.boxes], dtype=np.int64)
    return LabeledImage(
        folder / row.image, row.group, row.width, row.height, as_boxes(boxes), classes, labeled=row.labelled
    )


def _load(labeled: LabeledImage) -> Example:
    # imread returns None where its stubs promise an array.
    image: NDArray[np.uint8] | None = cv2.imread(str(labeled.path), cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    if image is None:
        msg = f"{labeled.path}: expected a readable image, found none"
        raise ConfigError(msg)
    if image.shape != (labeled.height, labeled.width):
        msg = (
            f"{labeled.path}: expected {labeled.width} x {labeled.height} pixels, "
            f"found {image.shape[1]} x {image.shape[0]}"
        )
        raise ConfigError(msg)
    return Example(image, labeled.boxes, labeled.class_ids, labeled.group, labeled.path.name)
