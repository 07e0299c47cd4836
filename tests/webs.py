"""Webs with known defects, looked at frame by frame, and the count of what became of each defect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_inspector.detections import Detections
from edge_inspector.geometry import as_boxes
from edge_inspector.linescan.assembler import Assembler, WebOptions, WebPicture
from edge_inspector.simulation.web import WebScratch, WebStyle, render_web
from edge_inspector.tracks import Track, WebTracker

START = datetime(2026, 1, 1, tzinfo=UTC)
Box: TypeAlias = tuple[float, float, float, float]
Look: TypeAlias = Callable[[WebPicture], Detections]


@dataclass(frozen=True, slots=True)
class Count:
    """What became of the defects of one kind.

    Attributes:
        defects: How many there are.
        once: Told exactly once.
        twice: Told more than once.
        missed: Not told.
        errors_lines: Of each that was told once, how far its begin and its end are off, in lines.
    """

    defects: int
    once: int
    twice: int
    missed: int
    errors_lines: tuple[float, ...]

    def __str__(self) -> str:
        """Return it as a line of a table."""
        errors = np.asarray(self.errors_lines or (0.0,))
        return (
            f"{self.defects:5d} {self.once:6d} {self.twice:6d} {self.missed:7d}"
            f" {np.median(errors):8.1f} {np.percentile(errors, 95):6.1f} {errors.max():6.1f}"
        )


def run(tracker: WebTracker, look: Look, pictures: Sequence[WebPicture], *, alone: bool = False) -> list[Track]:
    """Return what is told of frames; each frame stands alone where `alone`."""
    told = []
    for number, picture in enumerate(pictures):
        height, width = (0, 0) if picture.image is None else picture.image.shape[:2]
        if not height:
            continue
        changes = tracker.see(
            look(picture), image_wh=(width, height), frame_id=number, captured_at=START + timedelta(seconds=number),
            captured_monotonic_ns=number * 10**9, web=picture.place,
        )  # fmt: skip
        changes += tracker.end_all() if alone else []
        told += [change.track for change in changes if not change.track.goes_on]
    return told + [change.track for change in tracker.end_all()]


def frames_of(blocks: Sequence[NDArray[np.uint8]], options: WebOptions) -> list[WebPicture]:
    """Return the frames of one roll."""
    assembler = Assembler(options, roll="roll-1")
    pictures = [picture for block in blocks for picture in assembler.add(block)]
    return pictures + assembler.end_roll("roll-2")


def rendered(seed: int, lines: int, style: WebStyle, *, block_lines: int = 64) -> list[NDArray[np.uint8]]:
    """Return a web as the blocks of lines that a camera delivers."""
    return [render_web(seed, first, min(block_lines, lines - first), style) for first in range(0, lines, block_lines)]


def box_of(track: Track) -> Box:
    """Return where a defect was told to be: x in pixels, y in lines."""
    assert track.web is not None
    assert track.across_px is not None
    return track.across_px[0], track.web.lines[0], track.across_px[1], track.web.lines[1]


def count(told: Sequence[Track], truth: Sequence[WebScratch]) -> tuple[Count, Count, int]:
    """Return what became of the defects on seams, of the others, and how many alerts show none.

    An alert shows the defect of which it covers most; it must cover a tenth of it, and lie in it by a third.
    """
    owners: dict[int, list[Track]] = {}
    false = 0
    boxes = as_boxes([scratch.xyxy for scratch in truth])
    for track in told:
        box = as_boxes([box_of(track)])
        shared = _shared(box, boxes)[0]
        best = int(shared.argmax()) if len(boxes) else -1
        covers = best >= 0 and shared[best] >= 0.1 * _area(boxes)[best] and shared[best] >= _area(box)[0] / 3
        if covers:
            owners.setdefault(best, []).append(track)
        else:
            false += 1
    on_seam = [_count(truth, owners, on_seam=kind) for kind in (True, False)]
    return on_seam[0], on_seam[1], false


def _count(truth: Sequence[WebScratch], owners: dict[int, list[Track]], *, on_seam: bool) -> Count:
    numbers = [number for number, scratch in enumerate(truth) if scratch.on_seam is on_seam]
    told = [len(owners.get(number, ())) for number in numbers]
    errors = []
    for number in numbers:
        if len(owners.get(number, ())) == 1:
            box, true = box_of(owners[number][0]), truth[number].xyxy
            errors.append(max(abs(box[1] - true[1]), abs(box[3] - true[3])))
    return Count(len(numbers), told.count(1), sum(n > 1 for n in told), told.count(0), tuple(errors))


def detections(boxes: Sequence[Box], scores: Sequence[float]) -> Detections:
    """Return detections of one class."""
    return Detections(as_boxes(boxes), np.array(scores, np.float32), np.zeros(len(boxes), np.int64))


def _area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    sizes: NDArray[np.float32] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return sizes


def _shared(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    size = np.maximum(np.minimum(first[:, None, 2:], second[None, :, 2:]) - low, 0)
    shared: NDArray[np.float32] = size[..., 0] * size[..., 1]
    return shared
