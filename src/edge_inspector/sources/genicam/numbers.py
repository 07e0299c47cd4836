"""The numbers that a camera gives its frames: what is missing between two of them was taken and never arrived."""

from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from edge_inspector.sources.grabbing import Incomplete, Picture

Arrived: TypeAlias = Picture | Incomplete

_LAST_OF_16_BITS = 0xFFFF  # GigE Vision counts 1 to 65535 and begins again; 2.0 and USB3 Vision count in 64 bits
_MOST_MISSING = 0x7FFF  # a larger gap is a camera that began to count anew


class FrameNumbers:
    """Puts a word for every missing frame before the one that shows that it is missing."""

    def __init__(self, before: Iterable[Arrived] = ()) -> None:
        """Begin with a camera that begins to count.

        Args:
            before: What came before that and nobody has taken; it is had first, by `next`.
        """
        self._before = deque(before)
        self._last: int | None = None
        self._missing = 0
        self._held: Arrived | None = None

    def after_gap(self, number: int, arrived: Arrived) -> Arrived:
        """Take what arrived, and return what comes first; the rest is had by `next`."""
        last, self._last = self._last, number
        self._missing = 0 if last is None else missing_between(last, number)
        if not self._missing:
            return arrived
        self._held = arrived
        return self._one_missing()

    def next(self) -> Arrived | None:
        """Return what is left from before; None if nothing is."""
        if self._before:
            return self._before.popleft()
        if self._held is None:
            return None
        if self._missing:
            return self._one_missing()
        held, self._held = self._held, None
        return held

    def _one_missing(self) -> Incomplete:
        self._missing -= 1
        return Incomplete(f"nothing came of a frame before the camera's number {self._last}", is_missing=True)


def missing_between(last: int, number: int) -> int:
    """Return how many frames are missing between two numbers; 0 where the camera began to count anew."""
    missing = number - last - 1
    if missing < 0 and last <= _LAST_OF_16_BITS:
        missing += _LAST_OF_16_BITS
    return missing if 0 < missing <= _MOST_MISSING else 0
