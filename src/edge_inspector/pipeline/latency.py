"""Percentiles of the latest latencies, by stage."""

import threading
from collections import deque
from collections.abc import Mapping

import numpy as np

_WINDOW = 1000
_PERCENTILES = (50, 95, 99)


class LatencyWindow:
    """Remembers the last thousand latencies of each stage; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, deque[float]] = {}

    def add(self, latency_ms: Mapping[str, float]) -> None:
        """Remember one inspection's milliseconds by stage."""
        with self._lock:
            for stage, value in latency_ms.items():
                self._stages.setdefault(stage, deque(maxlen=_WINDOW)).append(value)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Return `{stage: {"p50": ms, "p95": ms, "p99": ms}}` of what is remembered."""
        with self._lock:
            stages = {stage: list(values) for stage, values in self._stages.items()}
        return {
            stage: {f"p{percent}": round(float(np.percentile(values, percent)), 3) for percent in _PERCENTILES}
            for stage, values in stages.items()
        }
