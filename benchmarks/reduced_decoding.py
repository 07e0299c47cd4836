"""What it saves, and what it changes, to decode large JPEGs only as far as the model makes use of them.

Simulated metal tags, enlarged to a camera's size, as JPEG in memory; each is decoded and inspected on one thread, in
both ways in turn. Boxes are compared where they overlap most, in pixels of the model's input.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime

import cv2
import numpy as np

from edge_inspector.app import open_model
from edge_inspector.decision import Verdict, decide
from edge_inspector.detections import Detections
from edge_inspector.frame import Frame
from edge_inspector.geometry import iou
from edge_inspector.imaging import decode_for
from edge_inspector.pipeline.inspector import Model
from edge_inspector.settings import Settings
from edge_inspector.simulation import plan_tag, render_tag

SIZES_WH = ((450, 300), (1350, 900), (2448, 2048), (2700, 1800), (4096, 3000))


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", type=int, default=40, help="tags of each size (default: %(default)s)")
    options = parser.parse_args()
    columns = ("whole ms", "reduced ms", "speed-up", "verdicts", "differ", "box px", "score")
    print(f"{'JPEG':<12}" + "".join(f"{column:>12}" for column in columns))
    with open_model(Settings()) as (model, _):
        model_wh = model.smallest_wh
        assert model_wh is not None
        for image_wh in SIZES_WH:
            differ, box_px, score = 0, 0.0, 0.0
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(options.tags):
                content = photograph(number, image_wh)
                (whole, verdict, took_ms), (reduced, other_verdict, other_took_ms) = (
                    inspect(content, model, least_wh) for least_wh in (None, model_wh)
                )
                times[0].append(took_ms)
                times[1].append(other_took_ms)
                differ += verdict is not other_verdict
                farthest, most = differences(whole, reduced)
                box_px, score = max(box_px, farthest * model_wh[0] / image_wh[0]), max(score, most)
            whole_ms, reduced_ms = map(statistics.median, times)
            numbers = (whole_ms, reduced_ms, whole_ms / reduced_ms, options.tags, differ, box_px, score)
            print(f"{f'{image_wh[0]} x {image_wh[1]}':<12}" + "".join(f"{number:>12.4g}" for number in numbers))


def photograph(number: int, image_wh: tuple[int, int]) -> bytes:
    """Return a tag as a color JPEG of a size."""
    tag = render_tag(plan_tag(3, number, lot=number, defect_rate=0.6))
    enlarged = cv2.resize(tag, image_wh, interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", cv2.cvtColor(enlarged, cv2.COLOR_GRAY2BGR))[1].tobytes()


def inspect(content: bytes, model: Model, least_wh: tuple[int, int] | None) -> tuple[Detections, Verdict, float]:
    """Return what is found, the verdict, and how many milliseconds that took."""
    started = time.perf_counter_ns()
    decoded = decode_for(content, "tag", smallest_wh=least_wh, gray=model.is_gray)
    frame = Frame(decoded.pixels, 0, datetime.now(UTC), started, "tag", full_wh=decoded.full_wh)
    found = model.detector.detect(frame).detections
    verdict = decide(found, model.class_names, model.policy, image_wh=frame.image_wh).verdict
    return found, verdict, (time.perf_counter_ns() - started) / 1e6


def differences(found: Detections, others: Detections) -> tuple[float, float]:
    """Return the largest differences of boxes, in pixels, and of scores; a box that has no partner differs wholly."""
    if not len(found) or not len(others):
        return 0.0, float(max(found.confidence.max(initial=0), others.confidence.max(initial=0)))
    partner = iou(found.xyxy, others.xyxy).argmax(axis=1)
    boxes = np.abs(found.xyxy - others.xyxy[partner]).max()
    return float(boxes), float(np.abs(found.confidence - others.confidence[partner]).max())


if __name__ == "__main__":
    main()
