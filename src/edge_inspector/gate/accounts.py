"""What the gate has done: its counters, and how long outcomes took to the output."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from edge_inspector.events import Json

_WINDOW = 1000  # latencies remembered


@dataclass(slots=True)
class Counts:
    """Parts by what became of them, since the station started.

    At rest, and where there is an output for it, `rejected` = `pulses` + `withheld` + `missed_pulses`.

    Attributes:
        decided: Outcomes taken.
        rejected: Of those, parts that shall be thrown out.
        pulses: Pulses given in time.
        withheld: No pulse was given: nobody could judge them and the output is released, or the station stopped first.
        missed: Outcomes that were not at the output in time: by their pulse, by the register, or by both.
        missed_pulses: Of those, parts that should have been thrown out.
    """

    decided: int = 0
    rejected: int = 0
    pulses: int = 0
    withheld: int = 0
    missed: int = 0
    missed_pulses: int = 0


class Accounts:
    """Counts, and remembers the latest latencies; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()
        self._latency_ms: deque[float] = deque(maxlen=_WINDOW)
        self._late_ms: deque[float] = deque(maxlen=_WINDOW)
        self._unreachable_s = 0.0
        self._unreachable_since_s: float | None = None

    @contextmanager
    def counting(self) -> Iterator[Counts]:
        """Yield the counts, to be changed by one thread at a time."""
        with self._lock:
            yield self._counts

    def at_output(self, *, captured_ns: int, at_ns: int, due_ns: float | None = None) -> None:
        """Remember how long an outcome took from its exposure to the output, and how far it was behind its time."""
        with self._lock:
            self._latency_ms.append((at_ns - captured_ns) / 1e6)
            if due_ns is not None and due_ns > 0:
                self._late_ms.append(max(0.0, (at_ns - due_ns) / 1e6))

    def unreachable(self, *, is_so: bool) -> None:
        """Note that the output cannot be set, or can again."""
        if is_so is (self._unreachable_since_s is not None):
            return
        with self._lock:
            now_s = time.monotonic()
            if self._unreachable_since_s is not None:
                self._unreachable_s += now_s - self._unreachable_since_s
            self._unreachable_since_s = now_s if is_so else None

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it."""
        with self._lock:
            counts = {name: getattr(self._counts, name) for name in Counts.__slots__}
            latency_ms, late_ms = list(self._latency_ms), list(self._late_ms)
            unreachable_s = self._unreachable_s
            if self._unreachable_since_s is not None:
                unreachable_s += time.monotonic() - self._unreachable_since_s
        return {
            **counts,
            "unreachable_s": round(unreachable_s, 3),
            "latency_ms": _percentiles(latency_ms),
            "late_ms": _percentiles(late_ms),
        }


def _percentiles(values: list[float]) -> dict[str, Json]:
    if not values:
        return {}
    p50, p99 = np.percentile(values, (50, 99)).tolist()
    return {"p50": round(p50, 3), "p99": round(p99, 3), "max": round(max(values), 3)}
