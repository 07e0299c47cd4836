"""When to upload: quiet hours, and a bandwidth that others need too."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the local day without uploads; may cross midnight. The end is no longer quiet."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: str) -> "QuietHours":
        """Return the hours of a text as `22:00-06:00`.

        Raises:
            ValueError: If it is none.
        """
        begins, _, ends = text.partition("-")
        return cls(time.fromisoformat(begins), time.fromisoformat(ends))

    def hold(self, now: time) -> bool:
        """Return whether `now` is within them."""
        if self.begins <= self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


class Bandwidth:
    """Keeps the mean rate of uploads at a limit: after each file a pause. A file itself goes as fast as it can.

    Time in which nothing was sent is no credit.
    """

    def __init__(self, kilobytes_s: float | None) -> None:
        """Limit to `kilobytes_s` thousand bytes a second; to nothing when None."""
        self._bytes_s = None if kilobytes_s is None else kilobytes_s * 1000

    def pause_s(self, sent_bytes: int, took_s: float) -> float:
        """Return how long to wait after `sent_bytes` that took `took_s` seconds."""
        return 0.0 if self._bytes_s is None else max(0.0, sent_bytes / self._bytes_s - took_s)
