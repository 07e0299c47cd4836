"""The flow: capture, inspect and deliver, each on its own thread, and the accounts of what passed."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime

from edge_inspector.errors import HangingError, InspectorError, StuckError
from edge_inspector.events import EventWriter, Json
from edge_inspector.frame import DropCause, Frame
from edge_inspector.inspection import FrameFinding, ModelIdentity
from edge_inspector.parts import Parts
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.capture import READ_TIMEOUT_S, Capture
from edge_inspector.pipeline.change_over import ChangeOver, ProductInspected
from edge_inspector.pipeline.deliver import Counted, Deliverer
from edge_inspector.pipeline.ending import DRAIN_S, take_over
from edge_inspector.pipeline.handover import Captured, Handover, WhenFull
from edge_inspector.pipeline.hanging import HANGS, HangWatch, InHand
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.latency import LatencyWindow
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.pipeline.looking import STOPPED, Looking
from edge_inspector.pipeline.options import FlowOptions, Surroundings, Totals
from edge_inspector.pipeline.presence import Presence, PresentState
from edge_inspector.pipeline.reports import Reports
from edge_inspector.pipeline.statistics import Statistics
from edge_inspector.pipeline.switching import Switching
from edge_inspector.ports import FrameSource
from edge_inspector.tracks import Follower

_log = logging.getLogger(__name__)

_DELIVER_S = 0.3  # with the waits of `ending`, `capture` and what the sinks need, a stop takes less than 2 s
_ROOM_S = 1.0  # a line that can be held up waits so long for room in the deliver queue


class Pipeline:
    """Runs one camera until it ends or is told to stop."""

    def __init__(  # noqa: PLR0913 - the rooms that it joins
        self,
        source: FrameSource,
        inspector: Inspector,
        writer: EventWriter,
        deliverer: Deliverer,
        *,
        options: FlowOptions,
        session_started_at: datetime,
        tracker: Follower | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Put the parts together; nothing starts yet.

        Args:
            source: Where frames come from, already open.
            inspector: Looks at them.
            writer: Writes the messages.
            deliverer: Hands them to the sinks.
            options: How frames flow.
            session_started_at: Start of this run of the daemon, aware UTC.
            tracker: Follows the defects of a free-running source; without one each of its results stands alone.
            surroundings: What it has around it.
        """
        around = surroundings or Surroundings()
        self._around = around
        self._inspector = inspector
        self._deliverer = deliverer
        self._options = options
        self._handover = Handover(options.handover)
        self._ledger = around.ledger or Ledger()
        self._latency = LatencyWindow()
        self._alarms = around.alarms or Alarms(writer, deliverer.put)
        self._presence = Presence(
            writer, deliverer, self._alarms, model=inspector.model.identity, session_started_at=session_started_at
        )
        self._reports = Reports(
            inspector,
            Parts(
                options.frames_per_part,
                deadline_ns=None if options.deadline_ms is None else int(options.deadline_ms * 1e6),
                fail_safe=inspector.model.policy.fail_safe,
            ),
            tracker,
            self._ledger,
            self._alarms,
            deliverer,
            max_results_hz=options.max_results_hz,
            keeper=around.keeper,
            gate=around.gate,
            patience_s=_ROOM_S if options.handover.when_full is WhenFull.WAIT else 0.0,
            watch_result=around.watch_result,
        )
        self._product = ProductInspected(around.product)
        self._changes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._inspect_ended = threading.Event()
        self._in_hand = InHand()
        self._capture = Capture(
            source,
            self._handover,
            when_full=options.handover.when_full,
            ledger=self._ledger,
            presence=self._presence,
            product=self._product,
            raise_alarm=self._reports.raise_alarm,
        )
        self._switching = Switching(inspector, self._reports, self._presence, self._product, self._in_hand)
        self._looking = Looking(
            inspector,
            self._reports,
            self._product,
            self._in_hand,
            watch_frame=around.watch_frame,
            watch_finding=around.watch_finding,
        )
        self._statistics = Statistics(
            writer, self._ledger, self._presence, self._latency, deliverer, self._alarms, around.more_stats
        )
        self._hang_watch = HangWatch(
            self._in_hand,
            self._alarms,
            may_exit=around.may_exit,
            give_up=lambda: self.give_up(HangingError("an inspection does not end")),
            replace=lambda hanging: self._start_inspecting(instead_of=hanging),
        )
        self._failure: InspectorError | None = None
        self._drain_until_ns: int | None = None
        self._given_up = threading.Event()
        self._why_idle: str | None = "the station starts"

    def run(self, stop: threading.Event) -> Totals:
        """Run until `stop` is set or the source ends; then finish what was captured and report it.

        Raises:
            SourceError: If the source failed; everything captured before was finished and reported.
            StuckError: If an inspection hangs, or another room has given up, and a new process may be asked for.
            InspectorError: If the flow itself failed; this is a defect of ours.
        """
        self._deliverer.start()
        self._presence.started(self._around.standing_alarms)
        for message in self._around.first_messages:
            self._deliverer.put(message)
        for alarm in self._around.passing_alarms:
            self._alarms.raise_(alarm)
        self._why_idle = None
        self._start_inspecting()
        self._capture.start(lambda: not (stop.is_set() or self._inspect_ended.is_set() or self._given_up.is_set()))
        self._watch(stop)
        self._why_idle = "the station stops"
        try:
            self._finish()
        except Exception as error:  # noqa: BLE001 - whatever became of the rest, the station says goodbye
            self._fail("the end of the flow", error)
        self._deliverer.put(Counted(self._ledger.accounts()))
        self._deliverer.put(self._statistics.message())
        failure = self._failure or self._capture.failure
        self._presence.ended(None if failure is None else str(failure))
        self._deliverer.close(_DELIVER_S)
        if failure is not None:
            raise failure
        return self.totals()

    @property
    def alarms(self) -> Alarms:
        """Where alarms are raised and cleared."""
        return self._alarms

    @property
    def model(self) -> ModelIdentity:
        """The model that looks at frames now; for any thread."""
        return self._inspector.model.identity

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the model that looks at frames now; for any thread."""
        return self._inspector.model.class_names

    def now(self) -> PresentState:
        """Return what the station has said last of itself; for any thread."""
        return self._presence.now()

    def totals(self) -> Totals:
        """Return the accounts as they are now."""
        session = self._ledger.accounts()
        undelivered = self._deliverer.undelivered()
        return Totals(session.frames, session.parts, undelivered, self._ledger.total(session))

    def adopt(self, options: FlowOptions) -> None:
        """Use other options from the next frame on; for any thread.

        What the threads and queues are made of, and the parts' deadline, stay as they were at the start.

        Args:
            options: How frames flow.
        """

        def change() -> None:
            self._options = options
            self._reports.max_results_hz = options.max_results_hz

        self._changes.put(change)

    def swap_source(self, source: FrameSource, *, close_old: Callable[[], None]) -> None:
        """Take frames from another source of the same kind from now on; for any thread.

        Args:
            source: Already open, or opened at its first read.
            close_old: Called on the capture thread once the source until now is no longer read.
        """
        self._capture.swap(source, close_old)

    def swap_model(self, model: Model, on_switched: Callable[[], None]) -> None:
        """Let another model inspect from the next part on, or from the next frame where there are none; for any thread.

        A part of several frames is never judged by two models, nor by two policies of the same one. A change-over to
        another product takes its place.

        Args:
            model: Open and warm; of several that wait, the last one takes over.
            on_switched: Called on the inspect thread at once after: no result names the model before it any more, and
                none the new one yet. Must take no time.
        """
        self._switching.swap_model(model, on_switched)

    def expect(self, change: ChangeOver) -> None:
        """Change over to another product with its first frame, or when the line stands; for any thread.

        Call it before the source is set up. Whoever is then neither done nor can wait any longer must `withdraw` it.
        A part of which frames of both products come gets no verdict.
        """
        self._product.expect(change)

    def withdraw(self, change: ChangeOver) -> bool:
        """Give a change-over up; return False where it takes place already. For any thread."""
        return self._product.withdraw(change)

    def give_up(self, error: StuckError) -> None:
        """End the flow as far as it still goes; `run` raises the error."""
        self._failure = error
        self._given_up.set()

    def distrust(self, longest_ms: float) -> str | None:
        """Return why the results cannot be trusted now, or None; for any thread.

        Args:
            longest_ms: A part that has no outcome so long after its exposure, or a frame of no part that is looked at
                for longer, comes too late, and nobody knows when the next one will.
        """
        if self._why_idle is not None:
            return self._why_idle
        if (unseen := self._presence.why_unseen) is not None:
            return unseen
        if not self._inspector.model.judges:
            return "no model judges"
        if self._in_hand.is_blind:
            return HANGS
        frame, for_s = self._in_hand.look(time.monotonic())
        if frame is not None and frame.part_id is not None:
            exposed_ns = min(frame.captured_monotonic_ns, self._reports.opened_ns or frame.captured_monotonic_ns)
            for_s = (time.monotonic_ns() - exposed_ns) / 1e9
        if for_s > longest_ms / 1e3:
            return f"an inspection is not done after {longest_ms:g} ms"
        return None

    def _start_inspecting(self, *, instead_of: Captured | None = None) -> None:
        """Start an inspect thread, the first or one instead of that which hangs with a frame."""
        turn = self._in_hand.turn
        name = "inspect" if instead_of is None else f"inspect-{turn}"
        threading.Thread(target=self._inspect, args=(turn, instead_of), name=name, daemon=True).start()

    def _inspect(self, turn: int, hangs_with: Captured | None) -> None:
        try:
            if hangs_with is not None:
                self._reports.dropped(hangs_with, DropCause.INSPECTION_FAILED, HANGS)
            self._inspect_frames()
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect of ours must not look like a clean end
            self._fail("inspect", error)
        finally:
            if self._in_hand.ended(turn):
                self._inspect_ended.set()

    def _inspect_frames(self) -> None:
        reports = self._reports
        while not self._is_drained():
            captured_for = self._product.captured_for  # as it is before we look whether frames of before still wait
            wait_s = 0.0 if self._product.is_due(captured_for) else reports.longest_wait_s()
            captured = self._handover.take(wait_s)
            while not self._changes.empty():
                self._changes.get()()
            if wait_s is not None:
                reports.close_overdue()
            self._switching.to_product(captured_for if captured is None else captured.product)
            if captured is None and self._handover.ended:
                return
            if captured is None or not reports.admit(captured):
                continue
            self._switching.to_next_model()
            self._in_hand.take(captured)
            found = self._looking.at(captured, staleness_ms=self._options.staleness_ms, is_drained=self._is_drained)
            if not self._in_hand.let_go(captured):
                return  # it took too long: what is left is no longer ours
            if isinstance(found, FrameFinding):
                self._latency.add(found.latency_ms)
                reports.inspected(captured, found)
            else:
                reports.dropped(captured, *found)

    def _is_drained(self) -> bool:
        """Return whether the time of a stop is over: what still waits is left to the thread that ends the flow."""
        return self._drain_until_ns is not None and time.monotonic_ns() > self._drain_until_ns

    def _fail(self, where: str, error: Exception) -> None:
        _log.error("%s failed", where, exc_info=error)
        self._failure = InspectorError(f"{where}: {type(error).__name__}: {error}")

    def _finish(self) -> None:
        """Finish what was captured within the time of a stop; what is left then is reported as stopped."""
        self._drain_until_ns = time.monotonic_ns() + int(DRAIN_S * 1e9)
        self._capture.ended.wait(READ_TIMEOUT_S * 2)
        self._handover.close()
        if not take_over(self._reports, self._in_hand, self._inspect_ended):
            return
        self._reports.hurry()
        # A source that was held up by a full hand-over brings its last frame only after the close.
        self._capture.ended.wait(READ_TIMEOUT_S * 2)
        while (left := self._handover.take(0)) is not None:
            self._switching.to_product(left.product)
            if self._reports.admit(left):
                why = (DropCause.STOPPED, STOPPED) if isinstance(left, Frame) else (left.cause, left.problem)
                self._reports.dropped(left, *why)
        self._reports.end(*self._capture.ending)

    def _watch(self, stop: threading.Event) -> None:
        """Publish statistics and clear quiet alarms until the source is inspected to its end, or the stop."""
        next_stats_s = time.monotonic() + self._options.stats_interval_s
        while not (stop.is_set() or self._inspect_ended.is_set() or self._given_up.is_set()):
            if self._capture.ended.is_set():
                self._handover.close()
                self._inspect_ended.wait(READ_TIMEOUT_S)
            else:
                stop.wait(READ_TIMEOUT_S)
            if (now_s := time.monotonic()) >= next_stats_s:
                next_stats_s = now_s + self._options.stats_interval_s
                self._deliverer.put(self._statistics.message())
            self._hang_watch.look(now_s, hangs_after_s=self._options.hangs_after_s)

    def values(self) -> dict[str, Json]:
        """Return what the statistics tell, the rate apart; for any thread."""
        return self._statistics.values()
