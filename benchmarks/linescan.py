"""Line-scan: what the shipped model finds on a simulated web of 1,000 scratches, 200 of them on seams of its frames.

With the overlap and the tracker, and without: frames of the same height side by side, each standing alone. For the
scratches on seams and for the others: how many there are, told once, told more often, not told at all; and how far
begin and end along the web are off, in lines (median, 95 of 100, worst). Then the alerts that show no scratch, and what
it costs a frame of 300 lines.
"""

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_inspector.app import open_model
from edge_inspector.detections import Detections
from edge_inspector.frame import Frame
from edge_inspector.linescan.assembler import WebOptions, WebPicture
from edge_inspector.settings import Settings
from edge_inspector.simulation.web import WebStyle, web_scratches
from edge_inspector.tracks import TrackOptions, WebTracker, lowest_score
from tests.webs import Count, count, frames_of, rendered, run

FRAME_LINES = 300


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of the scratches of a web.

    Attributes:
        on_seams, others: By whether an edge of a frame cuts the scratch.
        false: Alerts that show none.
        frames: How many frames there were.
        assembling_ms, tracking_ms: What it cost a frame to put it together, and to follow what was found on it.
    """

    on_seams: Count
    others: Count
    false: int
    frames: int
    assembling_ms: float
    tracking_ms: float


def main() -> None:
    """Look at the same web both ways and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--defects", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--overlap", type=int, default=100)
    arguments = parser.parse_args()
    print("                          defects  once  often  missed   median     95   worst")
    for overlap in (arguments.overlap, 0):
        looked = look_at(arguments.defects, arguments.seed, overlap)
        print(f"overlap {overlap:3d}, on seams      {looked.on_seams}")
        print(f"overlap {overlap:3d}, not on seams  {looked.others}")
        cost = f"assembling {looked.assembling_ms:.2f} ms, tracking {looked.tracking_ms:.2f} ms each"
        print(f"overlap {overlap:3d}: {looked.false} false alerts, {looked.frames} frames, {cost}")


def look_at(defects: int, seed: int, overlap: int) -> Looked:
    """Look at a web whose seams are those of frames with this overlap; without one each frame stands alone."""
    step = FRAME_LINES - overlap
    style = WebStyle(step, (0, overlap) if overlap else (0,), defect_rate=1.0)
    truth = web_scratches(seed, range(defects + 1), style)
    blocks = rendered(seed, (defects + 1) * step, style)
    began_s = time.perf_counter()
    pictures = frames_of(blocks, WebOptions(FRAME_LINES, overlap))
    assembling_s = time.perf_counter() - began_s
    options = TrackOptions()
    with open_model(Settings()) as (judge, _):
        policy = judge.policy
    looking_s = 0.0
    with open_model(Settings(), min_confidence=lowest_score(policy, options)) as (model, _):

        def look(picture: WebPicture) -> Detections:
            nonlocal looking_s
            assert picture.image is not None
            began_s = time.perf_counter()
            found = model.detector.detect(Frame(picture.image, 0, datetime.now(UTC), 0, "web")).detections
            looking_s += time.perf_counter() - began_s
            return found

        tracker = WebTracker(model.class_names, policy, options, overlap_lines=overlap)
        began_s = time.perf_counter()
        told = run(tracker, look, pictures, alone=not overlap)
        tracking_s = time.perf_counter() - began_s - looking_s
    on_seams, others, false = count(told, truth)
    frames = len(pictures)
    return Looked(on_seams, others, false, frames, 1000 * assembling_s / frames, 1000 * tracking_s / frames)


if __name__ == "__main__":
    main()
