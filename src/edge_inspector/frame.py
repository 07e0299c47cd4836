"""Frame: one captured image with its identity and time; and what becomes of one that is not inspected."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError


class DropCause(StrEnum):
    """Why a captured frame was not inspected."""

    SUPERSEDED = "superseded"  # a newer frame came
    STALE = "stale"  # it waited too long, here or in the camera's buffers
    FROZEN = "frozen"  # the camera repeats an old picture
    QUEUE_OVERFLOW = "queue_overflow"
    DEADLINE_MISSED = "deadline_missed"
    FRAME_DAMAGED = "frame_damaged"
    FRAME_LATE = "frame_late"  # its part has its outcome already
    FRAME_DUPLICATE = "frame_duplicate"  # its part has this frame already
    INSPECTION_FAILED = "inspection_failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured image; passed by reference between threads and never changed.

    Attributes:
        image: (h, w, 3) uint8 BGR or (h, w) uint8 grey.
        frame_id: Number of the frame within the session, from 0, in capture order.
        captured_at: Instant at which exposure began, aware UTC.
        captured_monotonic_ns: The same instant on this machine's monotonic clock, for deadlines and latencies.
        source: What delivered it, for people: a camera or file name.
        part_id: The part that it shows; None for a free-running source.
        captured_at_source: Who stamped `captured_at`: `camera`, `driver` or `host`.
        part_frame: Which frame of its part it is, from 0.
    """

    image: NDArray[np.uint8]
    frame_id: int
    captured_at: datetime
    captured_monotonic_ns: int
    source: str
    part_id: str | None = None
    captured_at_source: str = "host"
    part_frame: int = 0

    def __post_init__(self) -> None:
        check_image(self.image, self.source)
        if self.captured_at.tzinfo is not UTC:
            msg = f"{self.source}: captured_at must be aware UTC, found {self.captured_at!r}"
            raise ValueError(msg)

    @property
    def image_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True)
class DamagedFrame:
    """A frame that arrived but cannot be inspected; it is counted, and its part reported, like any other.

    Attributes:
        frame_id, captured_at, captured_monotonic_ns, source, part_id, part_frame: As in Frame.
        problem: What was found and what was expected, in one line.
    """

    frame_id: int
    captured_at: datetime
    captured_monotonic_ns: int
    source: str
    part_id: str | None
    problem: str
    part_frame: int = 0


def check_image(image: NDArray[np.uint8], name: str) -> None:
    """Raise FrameError unless `image` is a non-empty (h, w) or (h, w, 3) uint8 array."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        msg = f"{name}: expected a uint8 image, found {found}"
        raise FrameError(msg)
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        msg = f"{name}: expected an image of shape (h, w) or (h, w, 3) with h, w > 0, found {image.shape}"
        raise FrameError(msg)
