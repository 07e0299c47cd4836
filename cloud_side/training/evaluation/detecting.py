"""What a model package finds on labeled images, through the device's own detector."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.dataset.examples import read_pixels
from cloud_side.training.predictions import Prediction, Predictions, pooled
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Color, ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame

MIN_CONFIDENCE: Final = 0.001  # average precision ranks all boxes, also the least likely
_REPORTS: Final = 10  # lines of progress at most
_LEAST_REPORTED: Final = 100  # images

Look: TypeAlias = Callable[[LabeledImage, NDArray[np.uint8]], object]
Report: TypeAlias = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class ClassMatch:
    """Which classes of a model are those of the data; they go by their names.

    Attributes:
        ids: By class id of the model: that of the data, None for one that the data does not have.
        missing: Classes of the data that the model does not know: it can never find these.
        extra: Classes of the model that the data does not have: its boxes of these are left out.
    """

    ids: tuple[int | None, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @classmethod
    def of(cls, model: Sequence[str], data: Sequence[str]) -> "ClassMatch":
        """Return how the classes of a model and of the data go together."""
        place = {name: number for number, name in enumerate(data)}
        return cls(
            tuple(place.get(name) for name in model),
            tuple(name for name in data if name not in model),
            tuple(name for name in model if name not in place),
        )

    def translated(self, found: Detections) -> Detections:
        """Return the detections of classes that the data has, by its class ids."""
        ids = np.array([-1 if known is None else known for known in self.ids], dtype=np.int64)[found.class_id]
        kept = found.take(ids >= 0)
        return Detections(kept.xyxy, kept.confidence, ids[ids >= 0])


def detect(  # noqa: PLR0913 - what may be said of a run
    package: ModelPackage,
    images: Sequence[LabeledImage],
    *,
    class_names: Sequence[str] | None = None,
    precision: str = "float32",
    look: Look = lambda _, __: None,
    report: Report = lambda _: None,
) -> Predictions:
    """Return what the package's model finds, down to the lowest scores, with the truth beside it.

    Args:
        package: Any that a device takes.
        images: With their truth, labeled ones only; one picture at a time is in memory.
        class_names: Of the truth, order = class id; those of the model by default.
        precision: Which of its files.
        look: Is shown each image and its pixels.
        report: Gets a line of progress after some hundred images.

    Raises:
        ConfigError: If a file cannot be read, has not the size of its row, or two have the same name.
        ModelError: If the package is damaged, or has no such file.
    """
    classes = tuple(package.manifest.class_names if class_names is None else class_names)
    pairing = ClassMatch.of(package.manifest.class_names, classes)
    every = max(_LEAST_REPORTED, -(-len(images) // _REPORTS))
    now, found = datetime.now(UTC), []
    with OnnxDetector(package, package.file(precision), threads=1, min_confidence=MIN_CONFIDENCE) as detector:
        color = Color.GRAY if detector.is_gray else Color.BGR
        for number, image in enumerate(images):
            picture = read_pixels(image, color)
            inference = detector.detect(Frame(picture, number, now, 0, image.name))
            found.append(_prediction(image, pairing.translated(inference.detections)))
            look(image, picture)
            if (number + 1) % every == 0:
                report(f"{number + 1} of {len(images)} images")
    return pooled([Predictions(classes, tuple(found))])


def labeled_only(rows: Iterable[LabeledImage]) -> list[LabeledImage]:
    """Return the rows that somebody labeled: no label is not the same as no defect."""
    return [row for row in rows if row.labeled]


def sha256_of(image: LabeledImage) -> str:
    """Return the hash of an image file, as its row says it where it does."""
    return image.sha256 or hashlib.sha256(image.path.read_bytes()).hexdigest()


def _prediction(image: LabeledImage, found: Detections) -> Prediction:
    return Prediction(
        image.name,
        sha256_of(image),
        image.group,
        image.width,
        image.height,
        image.boxes,
        image.class_ids,
        found.xyxy,
        found.confidence,
        found.class_id,
        dict(image.slices),
    )
