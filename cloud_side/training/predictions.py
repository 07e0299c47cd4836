"""What a model found on labeled images, with the truth beside it: the one thing that is scored, compared and kept.

As a file it is JSON lines: a header with the classes, then one line an image in the order of their names.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import ConfigError
from edge_inspector.geometry import Boxes, as_boxes

SCHEMA: Final = "edge-inspector/predictions/1"
_DECIMALS_PX, _DECIMALS_CONFIDENCE = 2, 5


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One image.

    Attributes:
        name: Of the image file, for people.
        sha256: Of the image file.
        group: The part or lot; resampled as a whole.
        width: Pixels.
        height: Pixels.
        truth_xyxy: (n, 4) float32 in pixels of the image.
        truth_class_id: (n,) int64.
        xyxy: (m, 4) float32, most confident first.
        confidence: (m,) float32 in [0, 1], falling.
        class_id: (m,) int64.
        slices: What results are told apart by, e.g. `station`.
    """

    name: str
    sha256: str
    group: str
    width: int
    height: int
    truth_xyxy: Boxes
    truth_class_id: NDArray[np.int64]
    xyxy: Boxes
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    slices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        truth, found = len(self.truth_xyxy), len(self.xyxy)
        if (
            self.truth_class_id.shape != (truth,)
            or self.confidence.shape != (found,)
            or self.class_id.shape != (found,)
        ):
            shapes = self.truth_class_id.shape, self.confidence.shape, self.class_id.shape
            msg = f"{self.name}: expected arrays of ({truth},), ({found},) and ({found},), found {shapes}"
            raise ValueError(msg)

    @property
    def is_defective(self) -> bool:
        """Whether a defect is labeled."""
        return len(self.truth_xyxy) > 0


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """All images that a model was scored on.

    Attributes:
        class_names: Order = class id, of truth and detections.
        images: In the order of their names.
    """

    class_names: tuple[str, ...]
    images: tuple[Prediction, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, each once, sorted."""
        return tuple(sorted({image.group for image in self.images}))


def pooled(parts: Iterable[Predictions]) -> Predictions:
    """Return the images of several models, of which each was scored on images that it does not know.

    Raises:
        ConfigError: If there are none, their classes differ, or an image comes twice.
    """
    every = list(parts)
    if len(names := {each.class_names for each in every}) != 1:
        msg = f"predictions: expected parts with the same classes, found {sorted(names)}"
        raise ConfigError(msg)
    images = sorted((image for each in every for image in each.images), key=lambda image: image.name)
    return _checked(every[0].class_names, images, "predictions")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions as JSON lines; the same predictions give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"schema": SCHEMA, "class_names": list(predictions.class_names), "images": len(predictions)}
    with path.open("w", encoding="utf-8") as file:
        for document in (header, *map(_document, predictions.images)):
            file.write(json.dumps(document, allow_nan=False) + "\n")


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        ConfigError: If there is no such file, or it is another one; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: expected a file of predictions, found: {error}"
        raise ConfigError(msg) from error
    documents = _parsed(path, lines)
    header = next(documents, None)
    if not isinstance(header, dict) or header.get("schema") != SCHEMA or "class_names" not in header:
        msg = f"{path}:1: expected a header of {SCHEMA}, found {header!s:.120}"
        raise ConfigError(msg)
    images = []
    for number, document in enumerate(documents, start=2):
        try:
            images.append(_image(document))
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{path}:{number}: expected an image of {SCHEMA}, found {document!s:.120}: {error!r}"
            raise ConfigError(msg) from error
    if len(images) != header.get("images"):
        msg = f"{path}: expected {header.get('images')} images, found {len(images)}: it was cut off"
        raise ConfigError(msg)
    return _checked(tuple(header["class_names"]), images, str(path))


def _parsed(path: Path, lines: Sequence[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            msg = f"{path}:{number}: expected JSON, found {line:.120}: {error}"
            raise ConfigError(msg) from error


def _checked(class_names: tuple[str, ...], images: Sequence[Prediction], origin: str) -> Predictions:
    seen: set[str] = set()
    for image in images:
        if image.name in seen:
            msg = f"{origin}: expected each image once, found {image.name!r} twice"
            raise ConfigError(msg)
        seen.add(image.name)
    return Predictions(class_names, tuple(images))


def _document(image: Prediction) -> dict[str, Any]:
    return {
        "image": image.name,
        "sha256": image.sha256,
        "group": image.group,
        "width": image.width,
        "height": image.height,
        "slices": dict(image.slices),
        "truth": {"xyxy": _rounded(image.truth_xyxy, _DECIMALS_PX), "class_id": image.truth_class_id.tolist()},
        "found": {
            "xyxy": _rounded(image.xyxy, _DECIMALS_PX),
            "confidence": _rounded(image.confidence, _DECIMALS_CONFIDENCE),
            "class_id": image.class_id.tolist(),
        },
    }


def _rounded(values: NDArray[np.float32], decimals: int) -> Any:  # noqa: ANN401 - nested lists
    return np.round(values.astype(np.float64), decimals).tolist()


def _image(document: Mapping[str, Any]) -> Prediction:
    truth, found = document["truth"], document["found"]
    return Prediction(
        document["image"],
        document["sha256"],
        document["group"],
        int(document["width"]),
        int(document["height"]),
        as_boxes(truth["xyxy"]),
        np.array(truth["class_id"], dtype=np.int64),
        as_boxes(found["xyxy"]),
        np.array(found["confidence"], dtype=np.float32),
        np.array(found["class_id"], dtype=np.int64),
        {str(name): str(value) for name, value in document["slices"].items()},
    )
