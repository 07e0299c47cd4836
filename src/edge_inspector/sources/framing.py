"""From what was grabbed to frames: each gets its number, its time, its part and what the line was set up for."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.grabbing import Incomplete, Picture


@dataclass(frozen=True, slots=True)
class PartTag:
    """Which part a frame shows.

    Attributes:
        part_id: The part.
        lot: Its batch, where the line told of it.
        product: What it is, where the line told of it.
    """

    part_id: str
    lot: str | None = None
    product: str | None = None


class FrameMaker:
    """Makes the frames of one source; for all threads.

    Attributes:
        product: What the line is set up for; None where nothing changes over.
    """

    def __init__(self, name: str, *, gray: bool = False, product: str | None = None) -> None:
        """Start with frame 0.

        Args:
            name: Of the source, for people.
            gray: Leave the colors out, for a model that needs none.
            product: What the line is set up for.
        """
        self.product = product
        self._name, self._gray = name, gray
        self._lock = threading.Lock()
        self._frames = 0

    def frame(
        self, picture: Picture, captured_ns: int, now_ns: int, tag: PartTag | None = None, part_frame: int = 0
    ) -> Frame | DamagedFrame:  # fmt: skip
        """Return a picture as a frame, or what is wrong with it.

        Args:
            picture: What came.
            captured_ns: When its exposure began, on the monotonic clock.
            now_ns: Now, on the same clock.
            tag: The part that it shows, which is another product than the line is set up for in the worst case.
            part_frame: Which frame of its part it is, from 0.
        """
        own_product = None if tag is None else tag.product
        if own_product and self.product and own_product != self.product:
            problem = f"the part is product {own_product}, the line is set up for {self.product}"
            return self.damaged(problem, DropCause.PRODUCT_MISMATCH, captured_ns, now_ns, tag, part_frame)
        try:
            return Frame(
                self._colors_needed(picture.image), self._number(), _utc(captured_ns, now_ns), captured_ns, self._name,
                captured_at_source=picture.captured_at_source, part_id=tag.part_id if tag else None,
                part_frame=part_frame, lot=tag.lot if tag else None, product=self.product,
            )  # fmt: skip
        except FrameError as error:
            return self.damaged(str(error), DropCause.FRAME_DAMAGED, captured_ns, now_ns, tag, part_frame)

    def damaged(  # noqa: PLR0913, PLR0917 - as many as a frame has
        self,
        problem: str,
        cause: DropCause,
        captured_ns: int,
        now_ns: int,
        tag: PartTag | None = None,
        part_frame: int = 0,
    ) -> DamagedFrame:
        """Return a frame that is not inspected; its time is that of its trigger where nothing of it came."""
        return DamagedFrame(
            self._number(), _utc(captured_ns, now_ns), captured_ns, self._name, tag.part_id if tag else None, problem,
            part_frame=part_frame, cause=cause, lot=tag.lot if tag else None, product=self.product,
        )  # fmt: skip

    def _number(self) -> int:
        with self._lock:
            number, self._frames = self._frames, self._frames + 1
        return number

    def _colors_needed(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._gray and image.ndim == 3:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        return image


def cause_of(incomplete: Incomplete) -> DropCause:
    """Return why a picture that did not arrive whole is not inspected."""
    return DropCause.FRAME_MISSING if incomplete.is_missing else DropCause.FRAME_DAMAGED


def _utc(captured_ns: int, now_ns: int) -> datetime:
    return datetime.now(UTC) - timedelta(microseconds=(now_ns - captured_ns) / 1000)
