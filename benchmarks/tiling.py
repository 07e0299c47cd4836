"""What tiles find that the resized frame does not: trays of simulated metal tags, 2700 x 1500 pixels, at 1:1.

For each way of looking: defects found of all (a box with IoU >= 0.3), those reported more than once, boxes where there
is no defect, and milliseconds and inferences a frame, one thread.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.app import SHIPPED_MODEL
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.frame import Frame
from edge_inspector.geometry import Boxes, as_boxes, iou
from edge_inspector.simulation import plan_tag, render_tag
from edge_inspector.tiling import Tiling

TAG_WH, COLUMNS, ROWS = (450, 300), 6, 5
TRAY_WH = (COLUMNS * TAG_WH[0], ROWS * TAG_WH[1])
WAYS = {
    "resized to the model's input": None,
    "tiles of a tag's size": Tiling(TAG_WH, 100),
    "tiles of the model's input": Tiling((320, 224), 64),
    "tiles of a tag's size, whole frame left out": Tiling(TAG_WH, 100, whole_frame=False),
    "each tag by itself, for comparison": Tiling(TAG_WH, 0, whole_frame=False),
}
# The thresholds of the shipped model are those of frames that show one tag.
MIN_CONFIDENCE = 0.5
_FOUND_IOU = 0.3


def main() -> None:
    """Look at every tray in every way, in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trays", type=int, default=12, help="trays to look at (default: %(default)s)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    counts = {way: np.zeros(4, int) for way in WAYS}
    took_ms: dict[str, list[float]] = {way: [] for way in WAYS}
    with OnnxDetector(ModelPackage.open(SHIPPED_MODEL), min_confidence=MIN_CONFIDENCE) as detector:
        looks = {
            way: detector if tiling is None else TiledDetector(detector, tiling, max_detections=1000)
            for way, tiling in WAYS.items()
        }
        for seed in range(options.trays):
            image, defects = tray(seed)
            frame = Frame(image, seed, datetime.now(UTC), time.monotonic_ns(), "tray")
            for way, looking in looks.items():
                started = time.perf_counter_ns()
                found = looking.detect(frame).detections
                took_ms[way].append((time.perf_counter_ns() - started) / 1e6)
                counts[way] += (len(defects), *tally(found, defects))
    print(f"{'':<44} {'defects':>8} {'found':>6} {'twice':>6} {'false':>6} {'ms':>6} {'inferences':>11}")
    for way, looking in looks.items():
        inferences = looking.views(TRAY_WH) if isinstance(looking, TiledDetector) else 1
        columns = " ".join(f"{count:>{width}}" for count, width in zip(counts[way].tolist(), (8, 6, 6, 6), strict=True))
        print(f"{way:<44} {columns} {statistics.median(took_ms[way]):6.0f} {inferences:>11}")


def tray(seed: int) -> tuple[NDArray[np.uint8], Boxes]:
    """Return a tray of tags of as many lots, (1500, 2700) uint8 grey, and the boxes of its scratches in its pixels."""
    image = np.zeros(TRAY_WH[::-1], np.uint8)
    defects = []
    for number in range(COLUMNS * ROWS):
        x, y = number % COLUMNS * TAG_WH[0], number // COLUMNS * TAG_WH[1]
        tag = plan_tag(seed, number, lot=number, defect_rate=0.6)
        image[y : y + TAG_WH[1], x : x + TAG_WH[0]] = render_tag(tag)
        defects += [np.add(defect.xyxy, (x, y, x, y)) for defect in tag.defects]
    return image, as_boxes(defects)


def tally(found: Detections, defects: Boxes) -> tuple[int, int, int]:
    """Return how many defects were found, how many of them more than once, and how many boxes show none."""
    hits = iou(found.xyxy, defects) >= _FOUND_IOU
    times = hits.sum(axis=0)
    return int((times > 0).sum()), int((times > 1).sum()), int((~hits.any(axis=1)).sum())


if __name__ == "__main__":
    main()
