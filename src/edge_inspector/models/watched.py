"""What the inspect thread tells of every inspection: counted at once, and shown to whoever waits for the next one."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from edge_inspector.decision import Verdict
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, outcome_name

_REMEMBERED = 1000  # latencies
_PACE = 64  # frames from which the line's pace is told
_NOT_INSPECTING = {"queue", "total"}


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame as the model that runs has judged it, and the milliseconds that this took."""

    frame: Frame
    verdict: str
    inspection_ms: float


class Watched:
    """The inspections of the model that runs; for all threads, and the inspect thread never waits."""

    def __init__(self, limit_ms: float | None, *, line_waits: bool = False) -> None:
        """Know nothing yet.

        Args:
            limit_ms: An inspection that takes longer is a slow one.
            line_waits: The line has no pace of its own: it brings the next frame when the last one is done.
        """
        self._limit_ms = limit_ms
        self._line_waits = line_waits
        self._changed = threading.Condition()
        self._times_ms: deque[float] = deque(maxlen=_REMEMBERED)
        self._came: deque[tuple[int, int]] = deque(maxlen=_PACE)
        self._inspections = self._slow = self._judged = self._rejected = 0
        self._is_wanted = False
        self._sight: Sight | None = None

    def see(self, frame: Frame, finding: FrameFinding) -> None:
        """Take note of an inspection."""
        inspection_ms = inspecting_ms(finding.latency_ms)
        verdict = outcome_name(finding.record.outcome)
        with self._changed:
            self._judged += 1
            self._rejected += verdict == Verdict.REJECT
            self._times_ms.append(inspection_ms)
            if self._came and frame.frame_id <= self._came[-1][0]:
                self._came.clear()  # another source
            self._came.append((frame.frame_id, frame.captured_monotonic_ns))
            self._inspections += 1
            self._slow += self._limit_ms is not None and inspection_ms > self._limit_ms
            if self._is_wanted:
                self._is_wanted = False
                self._sight = Sight(frame, verdict, inspection_ms)
                self._changed.notify_all()

    def begin_anew(self) -> None:
        """Forget the inspections of the model until now."""
        with self._changed:
            self._times_ms.clear()
            self._inspections = self._slow = 0

    def next(self, timeout_s: float) -> Sight | None:
        """Return the next inspection; None when none came in time. For one thread at a time."""
        with self._changed:
            self._is_wanted = True
            self._changed.wait_for(lambda: self._sight is not None, timeout_s)
            sight, self._sight, self._is_wanted = self._sight, None, False
        return sight

    def inspections(self) -> tuple[int, int]:
        """Return how many there were, and how many of them were slow."""
        with self._changed:
            return self._inspections, self._slow

    def verdicts(self) -> tuple[int, int]:
        """Return how many frames got a verdict since the start, by whichever model, and how many were rejected."""
        with self._changed:
            return self._judged, self._rejected

    def times_ms(self) -> list[float]:
        """Return how long the latest took."""
        with self._changed:
            return list(self._times_ms)

    def period_ms(self) -> float | None:
        """Return how often the line brings a frame; None where it waits for us, or too few have come."""
        with self._changed:
            if self._line_waits or len(self._came) < _PACE:
                return None
            (first, first_ns), (last, last_ns) = self._came[0], self._came[-1]
        return (last_ns - first_ns) / (last - first) / 1e6


def inspecting_ms(latency_ms: Mapping[str, float]) -> float:
    """Return how long a frame was worked on, without the time that it waited."""
    return sum(value for stage, value in latency_ms.items() if stage not in _NOT_INSPECTING)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of them does not exceed; 0 of none."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else 0.0
