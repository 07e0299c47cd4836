"""Belts with known defects for the tracker, and the count of what it makes of them.

A tracker is judged by what the detector gave it. `owed` says of each defect whether its detections alone, known to be
its own, ask for an alert: a defect that the detector hardly saw is the detector's miss and no tracking error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np

from edge_inspector.decision import ClassPolicy, Policy
from edge_inspector.detections import Detections
from edge_inspector.geometry import as_boxes
from edge_inspector.tracks import TrackChange, Tracker, TrackOptions, TrackPhase

LABELS = ("scratch",)
REVIEW_AT, REJECT_AT = 0.6, 0.78
POLICY = Policy({"scratch": ClassPolicy(REVIEW_AT, REJECT_AT)})
FRAME_WH = (450, 300)
START = datetime(2026, 1, 1, tzinfo=UTC)
Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One detection with the defect that it shows; None for a false one."""

    defect: int | None
    xyxy: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame that reached the tracker."""

    frame_id: int
    time_s: float
    found: tuple[Found, ...]

    def detections(self) -> Detections:
        return Detections(
            as_boxes([found.xyxy for found in self.found]),
            np.array([found.confidence for found in self.found], np.float32),
            np.zeros(len(self.found), np.int64),
        )


def show(tracker: Tracker, moment: Moment) -> list[TrackChange]:
    return tracker.see(
        moment.detections(),
        image_wh=FRAME_WH,
        frame_id=moment.frame_id,
        captured_at=START + timedelta(seconds=moment.time_s),
        captured_monotonic_ns=int(moment.time_s * 1e9),
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a belt and its detector; nothing by default.

    Attributes:
        speed_wander: Relative change of speed from frame to frame, as a random walk between 0.6 and 1.4.
        halt_rate: Probability of an abrupt halt, a frame; it lasts 1 to 20 frames.
        jitter: Standard deviation of an edge, as a share of the box's side, beside 2 px.
        missed: Probability that a visible defect is not found.
        flicker: Standard deviation of a score; those of some defects lie around `REVIEW_AT`.
        false_rate: Probability of a false detection, a frame.
        dropped: Probability that a frame is dropped.
        clock_jitter: Standard deviation of a frame's time, in intervals.
    """

    speed_wander: float = 0.0
    halt_rate: float = 0.0
    jitter: float = 0.0
    missed: float = 0.0
    flicker: float = 0.0
    false_rate: float = 0.0
    dropped: float = 0.0
    clock_jitter: float = 0.0


NOTHING_WRONG = Trouble()
A_BAD_DAY = Trouble(
    speed_wander=0.05,
    halt_rate=0.002,
    jitter=0.05,
    missed=0.1,
    flicker=0.06,
    false_rate=0.02,
    dropped=0.05,
    clock_jitter=0.05,
)


def belt(seed: int, trouble: Trouble, *, frames: int = 10_000, defects: int = 300) -> Iterator[Moment]:
    """Yield what the detector finds on the frames of a belt, of which exactly `defects` pass in that time.

    56.25 px a frame to the left, parts 562 px apart, up to three defects of 20 to 130 by 10 to 110 px a part.
    """
    rng = np.random.default_rng(seed)
    width, height = FRAME_WH
    pitch, step = width * 1.25, width / 8
    last = frames * 0.95 * step * (1 - 20 * trouble.halt_rate)  # what starts later might not get through
    spots = _spots(rng, defects, int(last / pitch), pitch, overlapping=trouble is not NOTHING_WRONG)
    base = np.where(rng.random(defects) < 0.3 * bool(trouble.flicker), rng.uniform(0.55, 0.75, defects), 0.92)
    position, speed, halted, frame_id, captured = -float(width), 1.0, 0, 0, 0
    while captured < frames:
        frame_id += 1
        captured += 1
        speed = float(np.clip(speed + rng.normal(0, 1) * trouble.speed_wander, 0.6, 1.4))
        halted = halted - 1 if halted else int(rng.random() < trouble.halt_rate) * int(rng.integers(1, 21))
        position += 0.0 if halted else step * speed
        if rng.random() < trouble.dropped:
            continue
        found = []
        for number, (x, y, w, h) in enumerate(spots):
            left, right = x - position, x + w - position
            share = (min(right, width) - max(left, 0)) / w
            if share < 0.3 or rng.random() < trouble.missed:
                continue
            edge = trouble.jitter * np.array([w, h, w, h]) + 2.0 * bool(trouble.jitter)
            box = np.array([max(left, 0), y, min(right, width), y + h]) + rng.normal(0, 1, 4) * edge
            box = np.clip(box, 0, [width, height, width, height])
            score = base[number] + rng.normal(0, 1) * trouble.flicker - 0.2 * (1 - share)
            found.append(Found(number, _box(box), float(np.clip(score, 0, 1))))
        if rng.random() < trouble.false_rate:
            x, y, w, h = rng.uniform((0, 0, 15, 15), (width - 100, height - 80, 100, 80))
            found.append(Found(None, _box(np.array([x, y, x + w, y + h])), float(rng.uniform(0.3, 0.95))))
        yield Moment(frame_id, (frame_id + rng.normal(0, 1) * trouble.clock_jitter) / 10, tuple(found))


def _spots(rng: np.random.Generator, defects: int, parts: int, pitch: float, *, overlapping: bool) -> list[Box]:
    """Return where on the belt the defects lie, as x, y, width, height, in the order of the parts."""
    spots: list[Box] = []
    while len(spots) < defects:
        part = int(rng.integers(0, parts))
        spot = _box(rng.uniform((30, 20, 20, 10), (300, 180, 130, 110)))
        spot = (spot[0] + part * pitch, *spot[1:])
        near = [other for other in spots if abs(other[0] - spot[0]) < pitch / 2]
        is_near = _are_one if overlapping else _touch
        if len(near) < 3 and not any(is_near(spot, other) for other in near):
            spots.append(spot)
    return sorted(spots)


def _touch(first: Box, second: Box) -> bool:
    return _common(first, second) > 0


def _are_one(first: Box, second: Box) -> bool:
    """Return whether two defects are one to whoever looks at boxes."""
    smaller = min(first[2] * first[3], second[2] * second[3])
    return _common(first, second) > 0.6 * smaller


def _common(first: Box, second: Box) -> float:
    sides = [min(first[i] + first[i + 2], second[i] + second[i + 2]) - max(first[i], second[i]) for i in (0, 1)]
    return max(0.0, sides[0]) * max(0.0, sides[1])


def _box(values: np.ndarray) -> Box:
    x1, y1, x2, y2 = (float(np.float32(value)) for value in values)
    return x1, y1, x2, y2


@dataclass(slots=True)
class Count:
    """What became of the defects of a belt.

    Attributes:
        defects: That passed.
        owed: Of these, those whose detections ask for an alert.
        tracks: That were announced.
        missed: Owed, but not announced.
        splits: Further tracks of a defect that has one.
        switches: Tracks that ended on another defect than they started on.
        false: Tracks that started on nothing.
    """

    defects: int = 0
    owed: int = 0
    tracks: int = 0
    missed: int = 0
    splits: int = 0
    switches: int = 0
    false: int = 0
    changes: list[TrackChange] = field(default_factory=list, repr=False)


def count(moments: Iterable[Moment], options: TrackOptions = TrackOptions(), policy: Policy = POLICY) -> Count:  # noqa: B008 - frozen
    """Run a tracker over a belt and count."""
    tracker = Tracker(LABELS, policy, options)
    result = Count()
    scores: dict[int, list[tuple[int, float]]] = {}
    owners: dict[tuple[datetime, Box], int | None] = {}
    for index, moment in enumerate(moments):
        for found in moment.found:
            xyxy = _box(np.array(found.xyxy))
            owners[START + timedelta(seconds=moment.time_s), xyxy] = found.defect
            if found.defect is not None:
                scores.setdefault(found.defect, []).append((index, found.confidence))
        result.changes += show(tracker, moment)
    result.changes += tracker.end_all()
    owed = {defect for defect, seen in scores.items() if is_owed(seen, policy, options)}
    starts: dict[int, int | None] = {}
    for change in result.changes:
        owner = owners[change.track.last_seen_at, change.track.xyxy]
        if change.phase is TrackPhase.NEW:
            starts[change.track.number] = owner
        elif change.phase is TrackPhase.END and owner is not None:
            result.switches += owner != starts[change.track.number] and starts[change.track.number] is not None
    per_defect = Counter(owner for owner in starts.values() if owner is not None)
    result.defects, result.owed, result.tracks = len(scores), len(owed), len(starts)
    result.missed = len(owed - set(per_defect))
    result.splits = sum(number - 1 for number in per_defect.values())
    result.false = sum(owner is None for owner in starts.values())
    return result


def is_owed(seen: list[tuple[int, float]], policy: Policy, options: TrackOptions) -> bool:
    """Return whether one defect's scores ask for an alert: two frames of three running, the first of them high.

    Args:
        seen: Index of the frame and score.
        policy: How high a score must be.
        options: How low the other may be.
    """
    review_at = policy.classes[LABELS[0]].review_at
    keep_at = review_at * options.keep_share
    kept = [(index, score) for index, score in seen if score >= keep_at]
    return any(
        score >= review_at and other - index <= 2
        for position, (index, score) in enumerate(kept)
        for other, _ in kept[position + 1 : position + 2]
    )
