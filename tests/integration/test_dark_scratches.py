"""What the loop begins with: a line whose new look the shipped model does not know."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame
from edge_inspector.simulation import plan_tag, render_tag

SHIPPED = Path(__file__).parents[2] / "src/edge_inspector/shipped_model"
PARTS = 60


@pytest.mark.thorough
def test_the_shipped_model_accepts_most_dark_scratches_and_hardly_a_bright_one() -> None:
    package = ModelPackage.open(SHIPPED)
    review_at = package.thresholds(package.file("float32"))["scratch"].review_at
    accepted = dict.fromkeys((0.0, 1.0), 0)
    with OnnxDetector(package, threads=1, min_confidence=review_at) as detector:
        for dark_share in accepted:
            for number in range(PARTS):
                image = render_tag(plan_tag(300, number, defect_rate=1.0, dark_share=dark_share))
                found = detector.detect(Frame(image, number, datetime.now(UTC), 0, "line")).detections
                accepted[dark_share] += not len(found)
    assert accepted[0.0] <= 0.05 * PARTS
    assert accepted[1.0] >= 0.6 * PARTS
