"""The capture thread: it reads the source, and hands over what comes."""

import logging
import queue
import threading
from collections.abc import Callable

from edge_inspector.camera import CameraReport, SetUpFor, Skipped, SourceTrouble
from edge_inspector.decision import NoVerdictCause
from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.pipeline.change_over import ProductInspected
from edge_inspector.pipeline.handover import Captured, Handover, WhenFull
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.pipeline.looking import STOPPED
from edge_inspector.pipeline.presence import Presence
from edge_inspector.ports import Delivered, FrameSource, OwingSource

_log = logging.getLogger(__name__)
READ_TIMEOUT_S = 0.1  # a stop waits so long for the source


class Capture:
    """Reads a source until it ends, or nobody wants more of it.

    Attributes:
        ended: Set when nothing more comes.
        failure: Why the source failed, where it has.
        ending: What open parts get then, as a cause and in words.
    """

    def __init__(  # noqa: PLR0913 - the rooms that it joins
        self,
        source: FrameSource,
        handover: Handover,
        *,
        when_full: WhenFull,
        ledger: Ledger,
        presence: Presence,
        product: ProductInspected,
        raise_alarm: Callable[[NoVerdictCause, str], None],
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            source: Already open, or opened at its first read.
            handover: Takes what is captured.
            when_full: What it does when it is full.
            ledger: Counts.
            presence: Is told of frames and camera.
            product: Is told what the frames are of.
            raise_alarm: Tells of a part that finds no place.
        """
        self._source, self._handover, self._when_full = source, handover, when_full
        self._ledger, self._presence, self._product, self._raise_alarm = ledger, presence, product, raise_alarm
        self._swaps: queue.SimpleQueue[tuple[FrameSource, Callable[[], None]]] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.failure: SourceError | None = None
        self.ending = NoVerdictCause.STOPPED, STOPPED

    def start(self, goes_on: Callable[[], bool]) -> None:
        """Read on a thread of its own, as long as more is wanted."""
        threading.Thread(target=self._run, args=(goes_on,), name="capture", daemon=True).start()

    def swap(self, source: FrameSource, close_old: Callable[[], None]) -> None:
        """Take frames from another source from now on; see `Pipeline.swap_source`."""
        self._swaps.put((source, close_old))

    def _run(self, goes_on: Callable[[], bool]) -> None:
        try:
            while goes_on():
                self._swap()
                self._take(self._source.read(READ_TIMEOUT_S))
            self._leave(DropCause.STOPPED, STOPPED)
        except EndOfSource:
            self.ending = NoVerdictCause.FRAME_MISSING, "the source ended before all of its frames had come"
        except SourceError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect in a source must not look like a healthy line
            _log.exception("the source failed")
            self._fail(SourceError(f"{type(error).__name__}: {error}"))
        finally:
            self.ended.set()

    def _fail(self, error: SourceError) -> None:
        self.failure = error
        self.ending = NoVerdictCause.FRAME_MISSING, "the source failed before all of its frames had come"

    def _take(self, delivered: Delivered | None) -> None:
        match delivered:
            case Frame() | DamagedFrame():
                self._hand_over(delivered)
            case CameraReport():
                self._presence.camera_changed(delivered)
            case SourceTrouble():
                self._presence.trouble(delivered)
            case Skipped(cause, count):
                self._ledger.skipped(cause, count)
            case SetUpFor(product):
                self._product.set_up_for(product)  # what came before it has been handed over
                self._handover.wake()
            case None:
                pass

    def _swap(self) -> None:
        while not self._swaps.empty():
            source, close_old = self._swaps.get()
            self._presence.opened_anew()  # before it hears no trigger any more
            self._leave(DropCause.FRAME_MISSING, "the source is opened anew")
            self._presence.opened_anew()  # what it owed says nothing of the other
            close_old()
            self._source = source

    def _leave(self, cause: DropCause, problem: str) -> None:
        """Take what the source has not told of; it is read no more."""
        if isinstance(self._source, OwingSource):
            for owed in self._source.leave(cause, problem):
                self._take(owed)

    def _hand_over(self, captured: Captured) -> None:
        if isinstance(captured, Frame) or captured.cause is DropCause.FRAME_DAMAGED:
            self._presence.frame_came(captured.captured_at)  # a part without a frame says nothing good of the camera
        self._ledger.captured()
        if (lost := self._handover.put(captured)) is None:
            return
        if self._when_full is WhenFull.REFUSE:
            # Its part is reported in its turn; a person is told at once.
            whose = f"frame {lost.frame_id}" if lost.part_id is None else f"part {lost.part_id}"
            self._raise_alarm(NoVerdictCause.QUEUE_OVERFLOW, f"{whose} ({lost.source}): the queue is full")
            return
        self._ledger.dropped(DropCause.SUPERSEDED)
        if lost.part_id is not None:
            msg = f"{lost.source}: expected no parts from a source of which the newest frame wins, found some"
            raise SourceError(msg)
