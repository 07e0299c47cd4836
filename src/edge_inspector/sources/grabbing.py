"""What a camera delivers when it is asked for a picture, and the ports of cameras that are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge_inspector.settings import ProductCamera


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a camera delivered.

    Attributes:
        image: (h, w, 3) uint8 BGR or (h, w) uint8 grey, never changed afterwards.
        captured_monotonic_ns: When its exposure began, on this machine's monotonic clock; None if nobody said so.
        captured_at_source: Who said so: `camera` or `driver`.
        stream_ns: Its time on the stream's own clock, which starts anywhere; None without one.
        damaged_before: Pictures just before it that could not be decoded.
    """

    image: NDArray[np.uint8]
    captured_monotonic_ns: int | None = None
    captured_at_source: str = "host"
    stream_ns: int | None = None
    damaged_before: int = 0


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A picture that the camera took and that did not arrive whole, or not at all.

    Attributes:
        problem: What was found and what was expected.
        is_missing: Nothing of it arrived: only a gap in the camera's numbers tells of it.
        captured_monotonic_ns: As in Picture; None where nobody knows.
    """

    problem: str
    is_missing: bool = False
    captured_monotonic_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """No picture came, and the camera answers: it waits for a trigger."""


Grabbed: TypeAlias = Picture | Incomplete | Waiting


class Camera(Protocol):
    """An open camera; used and closed by one thread alone."""

    def grab(self) -> Grabbed:
        """Return the next picture, or what came in its place, waiting as long as its read time-out allows.

        A triggered camera returns `Waiting` within 0.2 s when nothing came and it answers.

        Raises:
            SourceError: If it does not deliver; it is closed and opened again.
        """

    def close(self) -> None:
        """Let go of the device."""


@runtime_checkable
class IndustrialCamera(Camera, Protocol):
    """An open camera that takes triggers, and other set-ups while it is open."""

    def fire(self) -> None:
        """Have it take one picture now, by its software trigger; returns before the picture is there.

        Raises:
            SourceError: If it does not take the trigger.
        """

    def check(self) -> None:
        """Raise SourceError if it is known to be gone; returns at once, for a thread that waits for a signal."""

    def set_up(self, wanted: ProductCamera) -> Sequence[Grabbed]:
        """Change its features while it is open.

        Args:
            wanted: The whole set-up of a product; what is absent is as in section `source`.

        Returns:
            What was still in the driver's buffers, captured under the set-up until now; never `Waiting`.

        Raises:
            ConfigError: If it refuses a feature; everything is as before.
            SourceError: If it does not answer.
        """
