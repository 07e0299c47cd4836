"""Piece: what is known of one defect of a web, and whether a sighting on the next frame is more of it.

A frame cuts a defect that goes on behind its edge. Three rules, as for tiles, say what two frames see of one defect:

    neither is cut     one defect seen twice, if the boxes agree
    one is cut         it gives way to the whole one, if most of it lies in there
    both are cut       the two ends of one long defect, if they meet: they are united
"""

from dataclasses import dataclass
from datetime import datetime

from edge_inspector.decision import Verdict
from edge_inspector.tracks.sighting import Box
from edge_inspector.web import Millimeters, WebPlace

GRAVITY = {Verdict.ACCEPT: 0, Verdict.REVIEW: 1, Verdict.REJECT: 2}
_AGREES = 0.35  # IoU from which two whole boxes are one defect
_MOST = 0.5  # share of a cut box inside the whole one
_FRAGMENT = 0.8  # share of a box inside one that has its partner already
_SLACK_PX = 4.0  # by which a detector's boxes are wrong: thin ones would hardly overlap otherwise


@dataclass(slots=True)
class Piece:
    """One defect as far as it was seen.

    Attributes:
        class_id: Index into the model's class names.
        verdict: The worst so far; `accept` for what would not be told alone.
        confidence: The highest so far.
        xyxy: x in pixels across the web, y in lines from the begin of the roll.
        cut_above, cut_below: The frame's edge cuts it there.
        mm: From and to along the web.
        frame_id: Frame on which it was seen best.
        frame_xyxy: Its box there, in pixels of that frame.
        first_frame_id, first_seen_at, last_seen_at, frames: As in Track.
        number: As in Track; 0 until it is told.
        is_done: Nothing more is to be told of it.
    """

    class_id: int
    verdict: Verdict
    confidence: float
    xyxy: Box
    cut_above: bool
    cut_below: bool
    mm: Millimeters | None
    frame_id: int
    frame_xyxy: Box
    first_frame_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    frames: int = 1
    number: int = 0
    is_done: bool = False

    def fit(self, other: "Piece") -> float:
        """Return how well another frame's piece fits to this one, 0 if it is another defect."""
        if self.class_id != other.class_id:
            return 0.0
        mine, its = _grown(self.xyxy), _grown(other.xyxy)
        shared = _shared(mine, its)
        if shared <= 0:
            return 0.0
        areas = _area(mine), _area(its)
        overlap = shared / (areas[0] + areas[1] - shared)
        if self.cut_below and other.cut_above:
            return overlap
        if self.cut_below:
            return overlap if shared >= _MOST * areas[0] else 0.0
        if other.cut_above:
            return overlap if shared >= _MOST * areas[1] else 0.0
        return overlap if overlap >= _AGREES else 0.0

    def is_fragment_of(self, other: "Piece") -> bool:
        """Return whether it is a part of the other one: detectors may see one defect as several."""
        mine = _grown(self.xyxy)
        return self.class_id == other.class_id and _shared(mine, _grown(other.xyxy)) >= _FRAGMENT * _area(mine)

    def is_twin_of(self, other: "Piece") -> bool:
        """Return whether both would be told and agree so well that they are one defect, seen as two."""
        if self.class_id != other.class_id or Verdict.ACCEPT in {self.verdict, other.verdict}:
            return False
        shared = _shared(self.xyxy, other.xyxy)  # not grown: two thin ones side by side are two
        return shared >= _AGREES * (_area(self.xyxy) + _area(other.xyxy) - shared)

    def unite(self, twin: "Piece") -> None:
        """Take a twin, of the same frame."""
        self.xyxy, self.mm = _union(self.xyxy, twin.xyxy), _joined(self.mm, twin.mm)
        self.frame_xyxy = _union(self.frame_xyxy, twin.frame_xyxy)
        self.cut_above, self.cut_below = self.cut_above or twin.cut_above, self.cut_below or twin.cut_below
        self.absorb(twin)

    def take(self, other: "Piece") -> bool:
        """Take what the next frame shows of it; return whether the verdict got worse."""
        self.frames += 1
        self.last_seen_at = other.last_seen_at
        if self.cut_below and other.cut_above:
            self._show(other, _union(self.xyxy, other.xyxy), _joined(self.mm, other.mm))
        elif self.cut_below or (not other.cut_above and other.confidence > self.confidence):
            self._show(other, other.xyxy, other.mm)
        return self.absorb(other)

    def absorb(self, other: "Piece") -> bool:
        """Take the verdict of a part of it; return whether its own got worse."""
        is_worse = GRAVITY[other.verdict] > GRAVITY[self.verdict]
        self.verdict = other.verdict if is_worse else self.verdict
        self.confidence = max(self.confidence, other.confidence)
        return is_worse

    def _show(self, other: "Piece", xyxy: Box, mm: Millimeters | None) -> None:
        self.xyxy, self.mm, self.cut_below = xyxy, mm, other.cut_below
        self.frame_id, self.frame_xyxy = other.frame_id, other.frame_xyxy


def millimeters(place: WebPlace, first_line: float, end_line: float) -> Millimeters | None:
    """Return from and to in millimeters; None where that is not known."""
    first, end = place.mm(first_line), place.mm(end_line)
    return None if first is None or end is None else (first, end)


def _joined(first: Millimeters | None, second: Millimeters | None) -> Millimeters | None:
    return None if first is None or second is None else (min(first[0], second[0]), max(first[1], second[1]))


def _union(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _grown(box: Box) -> Box:
    return box[0] - _SLACK_PX, box[1] - _SLACK_PX, box[2] + _SLACK_PX, box[3] + _SLACK_PX


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, width) * max(0.0, height)
