"""Detections: what a detector found on one frame, as parallel arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_inspector.geometry import Boxes


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one frame, most confident first.

    Attributes:
        xyxy: (n, 4) float32, pixels of the frame, inside it.
        confidence: (n,) float32 in [0, 1].
        class_id: (n,) int64, index into the model's class names.
    """

    xyxy: Boxes
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        if self.xyxy.shape != (count, 4) or self.confidence.shape != (count,) or self.class_id.shape != (count,):
            msg = (
                "detections: expected shapes (n, 4), (n,), (n,), "
                f"found {self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}"
            )
            raise ValueError(msg)

    @classmethod
    def empty(cls) -> "Detections":
        """Return no detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.xyxy)

    def take(self, indices: NDArray[np.int64] | NDArray[np.bool_]) -> "Detections":
        """Return the detections at `indices`, or where a mask is true."""
        return Detections(self.xyxy[indices], self.confidence[indices], self.class_id[indices])


def joined(found: Sequence[Detections]) -> Detections:
    """Return all of several detections, one after the other."""
    return Detections(
        np.concatenate([detections.xyxy for detections in found]),
        np.concatenate([detections.confidence for detections in found]),
        np.concatenate([detections.class_id for detections in found]),
    )
