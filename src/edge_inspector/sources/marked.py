"""A source whose frames say what the line was set up for, for one that has no features to set."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from edge_inspector.camera import SetUpFor
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered, FrameSource, OwingSource
from edge_inspector.sources.live import SetUp

_PART_S = 1.0  # a part whose frames have begun to come may end first


class MarkedSource:
    """Marks frames with the product; changed between two of them, and between two parts where that is soon.

    Costs about 5 µs a frame.
    """

    def __init__(self, source: FrameSource, product: str | None, *, frames_per_part: int = 1) -> None:
        """Start with a product.

        Args:
            source: Where frames come from.
            product: What it is set up for.
            frames_per_part: Frames that a part has.
        """
        self._source, self._product, self._frames_per_part = source, product, frames_per_part
        self._wishes: queue.SimpleQueue[tuple[SetUp, Future[None]]] = queue.SimpleQueue()
        self._wish: tuple[SetUp, Future[None], float] | None = None
        self._part: str | None = None
        self._came = 0  # of that part
        self._held: Delivered | None = None

    def change_over(self, set_up: SetUp) -> Future[None]:
        """Mark what comes with another product, as `LiveSource.change_over`; for any thread."""
        done: Future[None] = Future()
        self._wishes.put((set_up, done))
        return done

    def read(self, timeout_s: float) -> Delivered | None:
        """Return what the source delivers, frames with what they are of."""
        if (item := self._held) is not None:
            self._held = None
            return self._marked(item)
        item = self._source.read(timeout_s)
        if self._wish is None and not self._wishes.empty():
            self._wish = (*self._wishes.get(), time.monotonic() + _PART_S)
        if self._wish is not None and self._is_between_parts(item, self._wish[2]):
            (wanted, done, _), self._wish = self._wish, None
            if done.set_running_or_notify_cancel() and wanted.product is not None:
                self._held, self._product, self._came = item, wanted.product, 0
                done.set_result(None)
                return SetUpFor(wanted.product)
        return self._marked(item)

    def leave(self, cause: DropCause, problem: str) -> Sequence[Delivered]:
        """Return what the source still had, marked; see `OwingSource.leave`."""
        left = self._source.leave(cause, problem) if isinstance(self._source, OwingSource) else ()
        held, self._held = self._held, None
        return [marked for item in (held, *left) if (marked := self._marked(item)) is not None]

    def _marked(self, item: Delivered | None) -> Delivered | None:
        if not isinstance(item, Frame | DamagedFrame):
            return item
        is_further = item.part_id is not None and item.part_id == self._part
        self._came = self._came + 1 if is_further else 1
        self._part = item.part_id
        return replace(item, product=self._product)

    def _is_between_parts(self, item: Delivered | None, until_s: float) -> bool:
        """Return whether the part whose frames have come is whole, or is waited for no longer."""
        if self._came in {0, self._frames_per_part} or time.monotonic() > until_s:
            return True
        return isinstance(item, Frame | DamagedFrame) and item.part_id != self._part


class RecordedProducts:
    """A recording with frames of several products: the line changes over where it did when it was recorded."""

    def __init__(
        self, source: FrameSource, product: str | None, *, begin: Callable[[str], Callable[[float], bool]]
    ) -> None:
        """Start with a product.

        Args:
            source: The recording.
            product: What the line is set up for at the start.
            begin: Called before the first frame of another one; returns what waits so many seconds until that is in
                force, and returns whether it is.
        """
        self._source, self._product, self._begin = source, product, begin
        self._held: Delivered | None = None
        self._has_begun: Callable[[float], bool] | None = None

    def read(self, timeout_s: float) -> Delivered | None:
        """Return what the source delivers; the first frame of another product once that is in force."""
        if self._has_begun is not None:
            if not self._has_begun(timeout_s):
                return None
            self._has_begun, item, self._held = None, self._held, None
            return item
        item = self._source.read(timeout_s)
        if not isinstance(item, Frame | DamagedFrame) or item.product is None or item.product == self._product:
            return item
        self._held, self._product = item, item.product
        self._has_begun = self._begin(item.product)
        return SetUpFor(item.product)
