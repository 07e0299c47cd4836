"""Percentiles of the latest latencies, by stage."""

import threading
from collections import deque
from collections.abc import Mapping

import numpy as np

_WINDOW = 1000
_PERCENTILES = (50, 95, 99)


class LatencyWindow:
    """Remembers the latencies of the last thousand inspections; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inspections: deque[Mapping[str, float]] = deque(maxlen=_WINDOW)

    def add(self, latency_ms: Mapping[str, float]) -> None:
        """Remember one inspection's milliseconds by stage."""
        with self._lock:
            self._inspections.append(latency_ms)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Return `{stage: {"p50": ms, "p95": ms, "p99": ms}}` of what is remembered."""
        with self._lock:
            inspections = list(self._inspections)
        stages: dict[str, list[float]] = {}
        for latency_ms in inspections:
            for stage, value in latency_ms.items():
                stages.setdefault(stage, []).append(value)
        return {stage: _percentiles_of(values) for stage, values in stages.items()}


def _percentiles_of(values: list[float]) -> dict[str, float]:
    found = np.percentile(values, _PERCENTILES).tolist()
    return {f"p{percent}": round(value, 3) for percent, value in zip(_PERCENTILES, found, strict=True)}
