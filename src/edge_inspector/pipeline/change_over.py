"""For which product frames are inspected, and the change-over that waits for the first frame of the next one."""

import threading
from collections.abc import Callable

from edge_inspector.errors import InspectorError
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.pipeline.inspector import Model


class ChangeOver:
    """Another product that frames will come of.

    Attributes:
        product: Its code.
        use: Called on the inspect thread when its first frame has come, or the line stands and the source is set up
            for it: returns what inspects from then on. An InspectorError of it leaves all as it is.
        on_switched: Called there at once after with the model: no result is the old product's any more, and none
            the new one's yet. Must take no time.
        is_set_up: The source has said that it is set up for it: frames of the same product that come of an earlier
            attempt begin nothing.
        failure: Why it did not take place; once it is settled.
    """

    def __init__(self, product: str, use: Callable[[], Model], on_switched: Callable[[Model], None]) -> None:
        self.product, self.use, self.on_switched = product, use, on_switched
        self.is_set_up = False
        self.failure: InspectorError | None = None
        self._settled = threading.Event()

    def settle(self, failure: InspectorError | None = None) -> None:
        """Note the end of it, good or bad."""
        self.failure = failure
        self._settled.set()

    def wait(self, timeout_s: float) -> bool:
        """Return whether it is settled, waiting for that."""
        return self._settled.wait(timeout_s)


class ProductInspected:
    """What the line is inspected for; the inspect thread changes it, the capture thread says what frames are of.

    Attributes:
        running: The product that is inspected; None where nothing changes over. For the inspect thread.
        captured_for: What frames are of that the capture thread hands over.
    """

    def __init__(self, product: str | None) -> None:
        self.running = self.captured_for = product
        self._coming: ChangeOver | None = None
        self._lock = threading.Lock()

    def expect(self, change: ChangeOver) -> None:
        """Wait for the frames of another product; call it before the source is set up for them."""
        with self._lock:
            self._coming = change

    def withdraw(self, change: ChangeOver) -> bool:
        """Give a change-over up; return False where it has been taken already."""
        with self._lock:
            is_ours = self._coming is change
            if is_ours:
                self._coming = None
            return is_ours

    def set_up_for(self, product: str) -> None:
        """Note that the frames are of this product that are handed over from now on; for the capture thread."""
        with self._lock:
            self.captured_for = product
            if self._coming is not None and self._coming.product == product:
                self._coming.is_set_up = True

    def is_due(self, product: str | None) -> bool:
        """Return whether a change-over waits for this product."""
        coming = self._coming
        return coming is not None and coming.is_set_up and coming.product == product != self.running

    def take(self, product: str) -> ChangeOver | None:
        """Return the change-over that waits for this product, once."""
        with self._lock:
            coming = self._coming
            if coming is None or not coming.is_set_up or coming.product != product:
                return None
            self._coming = None
            return coming

    def mismatch(self, captured: Frame | DamagedFrame) -> str | None:
        """Return in words that a frame is of another product than the one that is inspected."""
        if captured.product is None or captured.product == self.running:
            return None
        return f"it is of product {captured.product!r}; expected {self.running!r}, which the line is inspected for"
