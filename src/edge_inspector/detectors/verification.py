"""The self-test: a model package's golden images must give the detections that it promises."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import Golden, ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import FrameError, ModelError
from edge_inspector.imaging import decode_image


@dataclass(frozen=True, slots=True)
class Check:
    """One golden image.

    Attributes:
        image: Its path in the package.
        problems: What differs from the promise; empty when all is well.
    """

    image: str
    problems: tuple[str, ...]


def verify(package: ModelPackage, detector: OnnxDetector) -> Iterator[Check]:
    """Yield one check an image of the package's golden set.

    Args:
        package: Opened package.
        detector: The detector made from it.

    Raises:
        ModelError: If an image is missing or damaged, or the model fails.
    """
    for golden in package.manifest.golden:
        path = package.folder / golden.image
        try:
            image = decode_image(path.read_bytes(), str(path), gray=detector.is_gray)
        except (OSError, FrameError) as error:
            msg = f"{path}: expected a golden image, found: {error}"
            raise ModelError(msg) from error
        found = detector.run(image).detections
        yield Check(golden.image, tuple(_differences(golden, found, detector.class_names)))


def _differences(golden: Golden, found: Detections, class_names: tuple[str, ...]) -> Iterator[str]:
    """Match each promised box with the nearest found one of its class; what is left over on either side differs."""
    free = list(range(len(found)))
    for wanted in golden.detections:
        candidates = [index for index in free if class_names[found.class_id[index]] == wanted.label]
        offsets = {
            index: float(np.abs(found.xyxy[index] - np.asarray(wanted.xyxy, np.float32)).max()) for index in candidates
        }
        nearest = min(offsets, key=offsets.__getitem__, default=None)
        if nearest is None or offsets[nearest] > golden.tolerances.xyxy_px:
            closest = "none" if nearest is None else f"the nearest {offsets[nearest]:.1f} px off"
            near = golden.tolerances.xyxy_px
            yield f"{wanted.label} at {list(wanted.xyxy)}: expected within {near} px, found {closest}"
            continue
        free.remove(nearest)
        confidence = float(found.confidence[nearest])
        if abs(confidence - wanted.confidence) > golden.tolerances.confidence:
            yield (
                f"{wanted.label} at {list(wanted.xyxy)}: expected confidence {wanted.confidence} "
                f"+- {golden.tolerances.confidence}, found {confidence:.4f}"
            )
    for index in free:
        label = class_names[found.class_id[index]]
        yield f"{label} at {found.xyxy[index].round(1).tolist()} {found.confidence[index]:.4f}: expected none there"
