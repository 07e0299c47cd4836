"""Frame: one captured image with its identity and time; and what becomes of one that is not inspected."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.geometry import Boxes, clip
from edge_inspector.web import WebPlace


class DropCause(StrEnum):
    """Why a captured frame was not inspected."""

    SUPERSEDED = "superseded"  # a newer frame came
    STALE = "stale"  # it waited too long, here or in the camera's buffers
    FROZEN = "frozen"  # the camera repeats an old picture
    QUEUE_OVERFLOW = "queue_overflow"
    DEADLINE_MISSED = "deadline_missed"
    FRAME_DAMAGED = "frame_damaged"
    FRAME_MISSING = "frame_missing"  # it was taken, or should have been, and never arrived
    PRODUCT_MISMATCH = "product_mismatch"  # its part is another product than the line is set up for
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
        full_wh: Width and height as captured, where `image` holds a reduced copy. What is said of the frame, boxes
            too, is in these pixels.
        lot: The batch of its part, where the line told of it.
        product: What the line was set up for when it was captured; None where nothing changes over.
        web: Where it lies on a continuous web; None for anything else.
    """

    image: NDArray[np.uint8]
    frame_id: int
    captured_at: datetime
    captured_monotonic_ns: int
    source: str
    part_id: str | None = None
    captured_at_source: str = "host"
    part_frame: int = 0
    full_wh: tuple[int, int] | None = None
    lot: str | None = None
    product: str | None = None
    web: WebPlace | None = None

    def __post_init__(self) -> None:
        check_image(self.image, self.source)
        if self.full_wh is not None:
            _check_full_wh(self.full_wh, self.image.shape[1::-1], self.source)
        if self.captured_at.tzinfo is not UTC:
            msg = f"{self.source}: captured_at must be aware UTC, found {self.captured_at!r}"
            raise ValueError(msg)

    @property
    def image_wh(self) -> tuple[int, int]:
        """Width and height in pixels, as captured."""
        return self.full_wh or (self.image.shape[1], self.image.shape[0])

    def to_captured(self, xyxy: Boxes) -> Boxes:
        """Map (n, 4) boxes from pixels of `image` to those of the frame as captured."""
        if self.full_wh is None:
            return xyxy
        (width, height), (full_width, full_height) = self.image.shape[1::-1], self.full_wh
        x, y = full_width / width, full_height / height
        return clip(xyxy * np.array([x, y, x, y], np.float32), self.full_wh)


@dataclass(frozen=True, slots=True)
class DamagedFrame:
    """A frame that arrived but is not inspected; it is counted, and its part reported, like any other.

    Attributes:
        frame_id, captured_at, captured_monotonic_ns, source, part_id, part_frame, lot, product, web: As in Frame.
        problem: What was found and what was expected, in one line.
        cause: Why it is not inspected.
    """

    frame_id: int
    captured_at: datetime
    captured_monotonic_ns: int
    source: str
    part_id: str | None
    problem: str
    part_frame: int = 0
    cause: DropCause = DropCause.FRAME_DAMAGED
    lot: str | None = None
    product: str | None = None
    web: WebPlace | None = None

    @classmethod
    def of(cls, captured: "Frame | DamagedFrame", problem: str, cause: DropCause) -> "DamagedFrame":
        """Return a frame without its picture: what is left of one that gives it up and keeps its turn."""
        same = {name: getattr(captured, name) for name in _OF_BOTH}
        return cls(problem=problem, cause=cause, **same)


_OF_BOTH = (
    "frame_id", "captured_at", "captured_monotonic_ns", "source", "part_id", "part_frame", "lot", "product", "web",
)  # fmt: skip


def check_image(image: NDArray[np.uint8], name: str) -> None:
    """Raise FrameError unless `image` is a non-empty (h, w) or (h, w, 3) uint8 array."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        msg = f"{name}: expected a uint8 image, found {found}"
        raise FrameError(msg)
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        msg = f"{name}: expected an image of shape (h, w) or (h, w, 3) with h, w > 0, found {image.shape}"
        raise FrameError(msg)


def _check_full_wh(full_wh: tuple[int, int], image_wh: tuple[int, ...], name: str) -> None:
    """Raise FrameError unless an image of `image_wh` is one of `full_wh` reduced: smaller, of the same shape."""
    (width, height), (full_width, full_height) = image_wh, full_wh
    # Each side of a reduced copy is rounded to a pixel, up or down.
    has_its_shape = full_width * (height - 1) < full_height * (width + 1) and full_height * (width - 1) < (
        full_width * (height + 1)
    )
    if not (full_width >= width and full_height >= height and has_its_shape):
        msg = f"{name}: expected a reduced copy of a frame of {full_wh}, found an image of {image_wh}"
        raise FrameError(msg)
