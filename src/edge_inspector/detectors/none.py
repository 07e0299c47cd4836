"""No detector: frames are gathered for the first model, and nobody looks at them."""

from edge_inspector.detections import Detections
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.ports import Inference

NO_MODEL = ModelIdentity("none", "0.0.0", "0" * 64)


class NoDetector:
    """Finds nothing, and does not look."""

    def detect(self, frame: Frame) -> Inference:  # noqa: ARG002 - the port's signature
        """Return nothing."""
        return Inference(Detections.empty(), 0.0, 0.0, 0.0)
