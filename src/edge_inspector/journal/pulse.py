"""How often the journal commits: what it costs the disk."""

from collections import deque

_BUCKET_S = 60.0
_BUCKETS = 60


class Pulse:
    """Counts transactions; belongs to the thread `journal`, and may be read by all."""

    def __init__(self, now_s: float) -> None:
        self.commits = self.rows = 0
        self.last_s: float | None = None
        self._buckets: deque[tuple[float, int]] = deque([(now_s, 0)], _BUCKETS)  # since when, commits until then

    def beat(self, rows: int, now_s: float) -> None:
        """Count a transaction of so many rows."""
        if now_s - self._buckets[-1][0] >= _BUCKET_S:
            self._buckets.append((now_s, self.commits))
        self.commits += 1
        self.rows += rows
        self.last_s = now_s

    def per_hour(self, now_s: float) -> float:
        """Return the rate over the last hour, or since the start."""
        since_s, before = self._buckets[0]
        return 3600 * (self.commits - before) / max(1.0, now_s - since_s)
