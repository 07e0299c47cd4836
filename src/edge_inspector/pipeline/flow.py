"""The flow: capture, inspect and deliver, each on its own thread, and the accounts of what passed."""

import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.errors import EndOfSource, InspectorError, SourceError
from edge_inspector.events import ALARM_NAMES, Alarm, EventWriter, Severity, StationState, no_verdict_alarm
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.inspection import InspectionResult
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Deliverer
from edge_inspector.pipeline.handover import Captured, Handover, HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.pipeline.latency import LatencyWindow
from edge_inspector.pipeline.ledger import FrameCounts, Ledger, PartCounts
from edge_inspector.ports import FrameSource
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)

# A stop takes at most the sum of these, and what the sinks need to say goodbye: together under 2 s.
_READ_TIMEOUT_S = 0.1  # a stop waits so long for the source
_DRAIN_S = 0.3  # parts already captured are still inspected for so long
_LAST_INSPECTION_S = 0.4  # and the last of them may take so long more
_DELIVER_S = 0.3

_STOPPED = "the station was stopped"
_WHAT_TO_DO = {
    NoVerdictCause.DEADLINE_MISSED: "Slow the line down, use a smaller model, or raise flow.deadline_ms.",
    NoVerdictCause.QUEUE_OVERFLOW: "Slow the line down, use a smaller model, or raise flow.queue_size.",
    NoVerdictCause.INSPECTION_FAILED: "Look into the log; verify the model with `edge-inspector model verify`.",
    NoVerdictCause.FRAME_DAMAGED: "Check the camera's cable and network, or the image files.",
    NoVerdictCause.STOPPED: "The station was stopped while parts were on the line; inspect them again.",
}


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How frames flow.

    Attributes:
        handover: Queue between capture and inspect.
        staleness_ms: A frame of a free-running source older than this is dropped.
        max_results_hz: Results of accepted frames of a free-running source published a second; all when None.
        stats_interval_s: Seconds between two statistics.
    """

    handover: HandoverOptions
    staleness_ms: float = 500.0
    max_results_hz: float | None = None
    stats_interval_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The accounts of one run."""

    frames: FrameCounts
    parts: PartCounts
    undelivered: dict[str, int]


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
        standing_alarms: tuple[Alarm, ...] = (),
    ) -> None:
        """Put the parts together; nothing starts yet.

        Args:
            source: Where frames come from, already open.
            inspector: Looks at them.
            writer: Writes the messages.
            deliverer: Hands them to the sinks.
            options: How frames flow.
            session_started_at: Start of this run of the daemon, aware UTC.
            standing_alarms: Alarms known before the start; they last.
        """
        self._source = source
        self._inspector = inspector
        self._writer = writer
        self._deliverer = deliverer
        self._options = options
        self._session_started_at = session_started_at
        self._standing_alarms = standing_alarms
        self._handover = Handover(options.handover)
        self._ledger = Ledger()
        self._latency = LatencyWindow()
        self._alarms = Alarms(writer, deliverer.put)
        self._capture_ended = threading.Event()
        self._inspect_ended = threading.Event()
        self._in_hand: Captured | None = None
        self._in_hand_lock = threading.Lock()
        self._failure: InspectorError | None = None
        self._drain_until_ns: int | None = None
        self._last_frame_at: datetime | None = None
        self._last_published_ns = 0
        self._rate_since_s, self._rate_inspected = time.monotonic(), 0

    def run(self, stop: threading.Event) -> Totals:
        """Run until `stop` is set or the source ends; then finish what was captured and report it.

        Raises:
            SourceError: If the source failed; everything captured before was finished and reported.
            InspectorError: If the flow itself failed; this is a defect of ours.
        """
        self._deliverer.start()
        capture = threading.Thread(target=self._capture, args=(stop,), name="capture", daemon=True)
        inspect = threading.Thread(target=self._inspect, name="inspect", daemon=True)
        self._announce_start()
        inspect.start()
        capture.start()
        self._watch(stop)
        self._finish()
        self._announce_end()
        self._deliverer.close(_DELIVER_S)
        if self._failure is not None:
            raise self._failure
        return self.totals()

    def totals(self) -> Totals:
        """Return the accounts as they are now."""
        return Totals(self._ledger.frames(), self._ledger.parts(), self._deliverer.undelivered())

    def _capture(self, stop: threading.Event) -> None:
        try:
            while not (stop.is_set() or self._inspect_ended.is_set()):
                captured = self._source.read(_READ_TIMEOUT_S)
                if captured is None:
                    continue
                if self._last_frame_at is None:
                    self._announce_first_frame(captured.captured_at)
                self._last_frame_at = captured.captured_at
                self._ledger.captured(part=captured.part_id is not None)
                if (lost := self._handover.put(captured)) is not None:
                    self._lose(lost)
        except EndOfSource:
            pass
        except SourceError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect in a source must not look like a healthy line
            _log.exception("the source failed")
            self._failure = SourceError(f"{type(error).__name__}: {error}")
        finally:
            self._capture_ended.set()

    def _lose(self, captured: Captured) -> None:
        if self._drain_until_ns is not None:
            self._drop(captured, DropCause.STOPPED, _STOPPED)
        elif self._options.handover.when_full is WhenFull.REPLACE:
            self._drop(captured, DropCause.SUPERSEDED, "a newer frame came")
        else:
            waiting = self._options.handover.size
            self._drop(captured, DropCause.QUEUE_OVERFLOW, f"{waiting} parts were waiting already")

    def _inspect(self) -> None:
        try:
            while (captured := self._handover.take()) is not None:
                self._in_hand = captured
                found = self._look_at(captured)
                if not self._let_go(captured):
                    continue  # it took too long at the stop; its result is out
                if isinstance(found, InspectionResult):
                    self._ledger.inspected()
                    self._latency.add(found.latency_ms)
                    self._report(found)
                else:
                    self._drop(captured, *found)
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect of ours must not look like a clean end
            _log.exception("the inspect thread failed")
            self._failure = InspectorError(f"inspect: {type(error).__name__}: {error}")
        finally:
            self._inspect_ended.set()

    def _look_at(self, captured: Captured) -> InspectionResult | tuple[DropCause, str]:
        """Return the result of a frame, or why it is not inspected, as a cause and in words."""
        taken_ns = time.monotonic_ns()
        if isinstance(captured, DamagedFrame):
            return DropCause.FRAME_DAMAGED, captured.problem
        if self._drain_until_ns is not None and taken_ns > self._drain_until_ns:
            return DropCause.STOPPED, _STOPPED
        if self._inspector.is_late(captured, taken_ns):
            return DropCause.DEADLINE_MISSED, "the part waited too long"
        if captured.part_id is None and self._age_ms(captured, taken_ns) > self._options.staleness_ms:
            return DropCause.STALE, "the frame waited too long"
        try:
            return self._inspector.inspect(captured, taken_ns=taken_ns)
        except Exception as error:  # noqa: BLE001 - thread boundary: the next part deserves its inspection
            _log.exception("inspection of %s failed", captured.source)
            return DropCause.INSPECTION_FAILED, str(error)

    def _let_go(self, captured: Captured) -> bool:
        """Return True to the one who reports a frame that was taken: the inspect thread, or a stop that cannot wait."""
        with self._in_hand_lock:
            mine = self._in_hand is captured
            if mine:
                self._in_hand = None
            return mine

    def _finish(self) -> None:
        """Finish what was captured within the time of a stop; what is left then is reported as stopped."""
        self._drain_until_ns = time.monotonic_ns() + int(_DRAIN_S * 1e9)
        self._capture_ended.wait(_READ_TIMEOUT_S * 2)
        self._handover.close()
        if not self._inspect_ended.wait(_DRAIN_S + _LAST_INSPECTION_S):
            _log.error("stopped in the middle of an inspection that does not end")
            if (in_hand := self._in_hand) is not None and self._let_go(in_hand):
                self._drop(in_hand, DropCause.STOPPED, _STOPPED)
        while (left := self._handover.take()) is not None:
            self._drop(left, DropCause.STOPPED, _STOPPED)
        # A source that was held up by a full hand-over reports its last frame only after the close.
        self._capture_ended.wait(_READ_TIMEOUT_S * 2)

    @staticmethod
    def _age_ms(frame: Frame, now_ns: int) -> float:
        return (now_ns - frame.captured_monotonic_ns) / 1e6

    def _drop(self, captured: Captured, cause: DropCause, problem: str) -> None:
        """Count a frame that is not inspected; its part still gets a result, and a person an alarm."""
        self._ledger.dropped(cause)
        if captured.part_id is not None:
            self._report(self._inspector.without_verdict(captured, NoVerdictCause(cause.value), problem))
        elif cause in {DropCause.FRAME_DAMAGED, DropCause.INSPECTION_FAILED}:
            self._alarm(NoVerdictCause(cause.value), f"frame {captured.frame_id} ({captured.source}): {problem}")

    def _report(self, result: InspectionResult) -> None:
        failure = result.outcome if isinstance(result.outcome, NoVerdict) else None
        if result.part_id is not None:
            self._ledger.closed(result.outcome_name, no_verdict=None if failure is None else failure.cause.value)
        elif not self._is_due(result):
            return
        dropped = self._ledger.take_dropped()
        self._deliverer.put(replace(result, dropped_before=dropped) if dropped else result)
        if failure is not None:
            frame = result.frames[0]
            subject = f"frame {frame.frame_id}" if result.part_id is None else f"part {result.part_id}"
            self._alarm(failure.cause, f"{subject} ({frame.source}): {failure.problem}")

    def _is_due(self, result: InspectionResult) -> bool:
        """Return whether the result of a free-running frame is published: defects always, others at their rate."""
        now_ns = time.monotonic_ns()
        rate = self._options.max_results_hz
        if result.outcome_name == "accept" and rate is not None and now_ns - self._last_published_ns < 1e9 / rate:
            return False
        self._last_published_ns = now_ns
        return True

    def _alarm(self, cause: NoVerdictCause, text: str) -> None:
        alarm = Alarm(no_verdict_alarm(cause), Severity.CRITICAL, text, _WHAT_TO_DO[cause])
        self._alarms.raise_(alarm, at=datetime.now(UTC), monotonic_s=time.monotonic())

    def _announce_start(self) -> None:
        now = datetime.now(UTC)
        model = self._inspector.model.identity
        put = self._deliverer.put
        put(self._writer.status("online", session_started_at=self._session_started_at))
        put(self._writer.model_changed(now, model=model, previous=None))
        put(self._writer.state(StationState.INITIALIZED, at=now, reason="waiting for the first frame", model=model))
        for name in ALARM_NAMES:  # those of a session that ended while they stood
            put(self._writer.alarm_gone(name))
        for alarm in self._standing_alarms:
            self._alarms.raise_(alarm, at=now, monotonic_s=time.monotonic(), lasting=True)

    def _announce_first_frame(self, captured_at: datetime) -> None:
        model = self._inspector.model.identity
        self._deliverer.put(self._writer.camera_status("online", last_frame_at=captured_at))
        self._deliverer.put(self._writer.state(StationState.CONTINUOUS_EXECUTION, at=captured_at, model=model))

    def _announce_end(self) -> None:
        now = datetime.now(UTC)
        put = self._deliverer.put
        put(self._stats())
        reason = None if self._failure is None else str(self._failure)
        put(self._writer.camera_status("offline", last_frame_at=self._last_frame_at, reason=reason))
        state = StationState.HALTED if reason is None else StationState.ERROR
        put(self._writer.state(state, at=now, reason=reason, model=self._inspector.model.identity))
        put(self._writer.status("stopped", session_started_at=self._session_started_at))

    def _watch(self, stop: threading.Event) -> None:
        """Publish statistics and clear quiet alarms until the source is inspected to its end, or the stop."""
        next_stats_s = time.monotonic() + self._options.stats_interval_s
        while not stop.is_set() and not self._inspect_ended.is_set():
            if self._capture_ended.is_set():
                self._handover.close()
                self._inspect_ended.wait(_READ_TIMEOUT_S)
            else:
                stop.wait(_READ_TIMEOUT_S)
            if (now_s := time.monotonic()) >= next_stats_s:
                next_stats_s = now_s + self._options.stats_interval_s
                self._deliverer.put(self._stats())
            self._alarms.clear_quiet(at=datetime.now(UTC), monotonic_s=now_s)

    def _stats(self) -> Message:
        frames, parts = self._ledger.frames(), self._ledger.parts()
        now_s = time.monotonic()
        elapsed_s = max(now_s - self._rate_since_s, 1e-9)
        rate_hz = (frames.inspected - self._rate_inspected) / elapsed_s
        self._rate_since_s, self._rate_inspected = now_s, frames.inspected
        return self._writer.stats(
            datetime.now(UTC),
            {
                "frames": {
                    "captured": frames.captured,
                    "inspected": frames.inspected,
                    "dropped": frames.dropped,
                    "in_flight": frames.in_flight,
                },
                "parts": {
                    "seen": parts.seen,
                    "outcomes": parts.outcomes,
                    "no_verdict": parts.no_verdict,
                    "in_flight": parts.in_flight,
                },
                "inspected_hz": round(rate_hz, 3),
                "latency_ms": self._latency.percentiles(),
                "undelivered": self._deliverer.undelivered(),
                "alarms": self._alarms.names(),
            },
        )
