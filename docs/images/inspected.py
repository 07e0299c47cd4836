"""Draws `inspected.jpg`: four simulated tags as the shipped model sees them. Run by `make pictures`."""

import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.app import open_model
from edge_inspector.decision import decide
from edge_inspector.drawing import draw_detections
from edge_inspector.frame import Frame
from edge_inspector.settings import Settings
from edge_inspector.simulation import plan_tag, render_tag

_SEED, _WH = 4, (600, 400)


def main() -> None:
    """Inspect three parts with defects and one without, and write them side by side."""
    tags = [plan_tag(_SEED, number, image_wh=_WH, defect_rate=0.7) for number in range(40)]
    chosen = [tag for tag in tags if tag.defects][:3] + [tag for tag in tags if not tag.defects][:1]
    tiles = []
    with open_model(Settings()) as (model, _):
        for tag in chosen:
            image = render_tag(tag)
            frame = Frame(image, tag.number, datetime.now(UTC), time.monotonic_ns(), "simulated")
            detections = model.detector.detect(frame).detections
            decision = decide(detections, model.class_names, model.policy, image_wh=frame.image_wh)
            tiles.append(draw_detections(image, detections, model.class_names, caption=decision.verdict))
    sheet = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
    cv2.imwrite(str(Path(__file__).with_suffix(".jpg")), sheet)


if __name__ == "__main__":
    main()
