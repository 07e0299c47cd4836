"""From findings to reports: frames become parts or tracks, each gets its result, and the accounts are kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from edge_inspector.alarms import Alarm, Severity, no_verdict_alarm
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause
from edge_inspector.events import TrackedDefect
from edge_inspector.frame import DropCause, Frame
from edge_inspector.inspection import FrameFinding, InspectionResult
from edge_inspector.parts import Admission, ClosedPart, Parts
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Counted, Deliverer
from edge_inspector.pipeline.handover import Captured
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.pipeline.unseen import Unseen
from edge_inspector.ports import RejectGate, SampleKeeper
from edge_inspector.tracks import Follower, TrackChange, TrackPhase
from edge_inspector.web import WebPlace

_WHAT_TO_DO = {
    NoVerdictCause.DEADLINE_MISSED: "Slow the line down, use a smaller model, or raise flow.deadline_ms.",
    NoVerdictCause.QUEUE_OVERFLOW: "Slow the line down, use a smaller model, or raise flow.queue_size.",
    NoVerdictCause.INSPECTION_FAILED: "Look into the log; verify the model with `edge-inspector model verify`.",
    NoVerdictCause.FRAME_DAMAGED: "Check the camera's cable and network, or the image files.",
    NoVerdictCause.FRAME_MISSING: "Check the trigger, the camera's cable and network, and source.frames_per_part.",
    NoVerdictCause.PRODUCT_MISMATCH: "Change the line over to the product that comes, or take the wrong parts off it.",
    NoVerdictCause.NO_MODEL: "Train a model on the samples and give it as model.path.",
    NoVerdictCause.STOPPED: "The station was stopped while parts were on the line; inspect them again.",
}
_NO_VERDICT = {
    DropCause.QUEUE_OVERFLOW: NoVerdictCause.QUEUE_OVERFLOW,
    DropCause.DEADLINE_MISSED: NoVerdictCause.DEADLINE_MISSED,
    DropCause.FRAME_DAMAGED: NoVerdictCause.FRAME_DAMAGED,
    DropCause.FRAME_MISSING: NoVerdictCause.FRAME_MISSING,
    DropCause.PRODUCT_MISMATCH: NoVerdictCause.PRODUCT_MISMATCH,
    DropCause.INSPECTION_FAILED: NoVerdictCause.INSPECTION_FAILED,
    DropCause.STOPPED: NoVerdictCause.STOPPED,
}
_TOLD_WITHOUT_A_PART = {
    DropCause.FRAME_DAMAGED,
    DropCause.FRAME_MISSING,
    DropCause.PRODUCT_MISMATCH,
    DropCause.INSPECTION_FAILED,
}
_WORTH_A_LOOK = {"accept", "no_verdict"}  # of a belt; else it is the defect that its track has told of
_ACCOUNTS_S = 1.0  # where results are not published, the accounts go on record so often
_SPARE_S = 0.001  # a wait ends behind the deadline, not on it


class Reports:
    """What becomes of each frame; for one thread at a time: the inspect thread, then the one that ends the flow.

    A frame is admitted, then either inspected or dropped, before the next one.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms that it joins
        self,
        inspector: Inspector,
        parts: Parts,
        tracker: Follower | None,
        ledger: Ledger,
        alarms: Alarms,
        deliverer: Deliverer,
        *,
        max_results_hz: float | None,
        keeper: SampleKeeper | None = None,
        gate: RejectGate | None = None,
        patience_s: float = 0.0,
        watch_result: Callable[[InspectionResult, Sequence[FrameFinding], Model], None] | None = None,
    ) -> None:
        """Start with no part and no track.

        Args:
            inspector: Makes results of findings.
            parts: Gathers the frames of triggered parts.
            tracker: Follows the defects of a free-running source.
            ledger: Counts.
            alarms: Takes an alarm for each part without a verdict.
            deliverer: Takes the results.
            max_results_hz: Results of a free-running source published a second; all when None.
            keeper: Chooses frames that a person shall label.
            gate: Throws parts out; it is told of each before anything else is done.
            patience_s: How long a result waits for room in a full queue, where the line can be held up.
            watch_result: As in `Surroundings`.
        """
        self._inspector = inspector
        self._parts = parts
        self._tracker = tracker
        self._ledger = ledger
        self._alarms = alarms
        self._deliverer = deliverer
        self.max_results_hz = max_results_hz
        self._keeper = keeper
        self._gate = gate
        self._patience_s = patience_s
        self._watch_result = watch_result
        self._unseen = Unseen(alarms)
        self._pictures: list[Frame] = []  # of the open part, where somebody may keep them
        self._last_published_ns: int | None = None  # a machine that has just booted counts from 0
        self._accounted_ns = 0
        self._last_result: InspectionResult | None = None
        self._last_captured_ns = 0

    def admit(self, captured: Captured) -> bool:
        """Take a frame before anyone looks at it; return False for one that no part waits for, which is counted."""
        if captured.part_id is None:
            return True
        admission, closed = self._parts.admit(
            captured.part_id, captured.part_frame, captured.captured_monotonic_ns, time.monotonic_ns()
        )
        self._close(closed)
        match admission:
            case Admission.LATE:
                self._ledger.dropped(DropCause.FRAME_LATE)
            case Admission.DUPLICATE:
                self._ledger.dropped(DropCause.FRAME_DUPLICATE)
            case Admission.OPENS:
                self._ledger.opened()
                self._pictures.clear()
                return True
            case Admission.WANTED:
                return True
        return False

    def inspected(self, captured: Captured, finding: FrameFinding) -> None:
        """Take what was found on a frame that was admitted."""
        self._ledger.inspected()
        if self._keeper is not None and isinstance(captured, Frame):
            self._pictures.append(captured)
        self._settle(captured, finding)
        self._unseen.inspected(captured.web)

    def dropped(self, captured: Captured, cause: DropCause, problem: str) -> None:
        """Take a frame that was admitted and is not inspected; its part still gets a result, and a person an alarm."""
        self._ledger.dropped(cause)
        if self._keeper is not None and isinstance(captured, Frame) and cause is DropCause.INSPECTION_FAILED:
            self._pictures.append(captured)  # what a model fails on is worth a look
        if captured.part_id is not None:
            self._settle(captured, self._inspector.without_verdict(captured, _NO_VERDICT[cause], problem))
            return
        if captured.web is not None:
            self._lose(captured.web, self._inspector.without_verdict(captured, _NO_VERDICT[cause], problem))
        if cause in _TOLD_WITHOUT_A_PART:
            self.raise_alarm(_NO_VERDICT[cause], f"frame {captured.frame_id} ({captured.source}): {problem}")

    def is_overdue(self, now_ns: int) -> bool:
        """Return whether the open part's deadline has passed at the monotonic time `now_ns`."""
        return self._parts.is_overdue(now_ns)

    @property
    def opened_ns(self) -> int | None:
        """Monotonic time of the open part's exposure, None without one; for any thread."""
        return self._parts.opened_ns

    def longest_wait_s(self) -> float | None:
        """Return how long to wait for a frame until a part must be closed without it; for ever when None."""
        closes_at_ns = self._parts.closes_at_ns
        return None if closes_at_ns is None else max(0.0, (closes_at_ns - time.monotonic_ns()) / 1e9) + _SPARE_S

    def close_overdue(self) -> None:
        """Report the part whose deadline has passed, if there is one."""
        self._close(self._parts.overdue(time.monotonic_ns()))

    @property
    def is_between_parts(self) -> bool:
        """Whether another model may take over: none has looked at a frame of the open part."""
        return self._parts.is_untouched

    def use(self, model: Model) -> None:
        """Let another model look and judge from the next frame on; for the thread that the reports belong to."""
        tracker, before = self._tracker, self._inspector.model
        if tracker is not None and model.class_names != before.class_names:
            self._end_tracks()
            tracker.begin_anew(model.class_names, model.policy)
        self._look_with(model)

    def change_over(self, model: Model, product: str) -> None:
        """Let a model look and judge that is for another product; the open part and all tracks end before it."""
        problem = f"the line was changed over to {product!r} before all of its frames had come"
        self.end(NoVerdictCause.PRODUCT_MISMATCH, problem)
        if self._tracker is not None:
            self._tracker.begin_anew(model.class_names, model.policy)
        self._look_with(model)

    def hurry(self) -> None:
        """Wait for room no longer: the station is being stopped."""
        self._patience_s = 0.0

    def end(self, cause: NoVerdictCause, problem: str) -> None:
        """Report what is still open: there will be no more frames."""
        self._close(self._parts.close(cause, problem, time.monotonic_ns()))
        self._end_tracks()
        self._unseen.end()

    def _look_with(self, model: Model) -> None:
        self._inspector.model = model
        self._parts.fail_safe = model.policy.fail_safe
        if self._tracker is not None:
            self._tracker.judge_by(model.policy)

    def _lose(self, place: WebPlace, finding: FrameFinding) -> None:
        """Report a frame of a web that nobody looked at: each has a result, however seldom others are published."""
        if place.ends_roll:
            self._end_tracks()
        self._deliver(self._kept(self._inspector.result_of_frame(finding)))
        self._unseen.missed(place)

    def _settle(self, captured: Captured, finding: FrameFinding) -> None:
        if captured.part_id is not None:
            self._close(self._parts.add(finding, time.monotonic_ns()))
            return
        result = self._inspector.result_of_frame(finding)
        changes: list[TrackChange] = []
        if self._tracker is not None and isinstance(captured, Frame):
            changes = self._tracker.see(
                finding.detections,
                image_wh=captured.image_wh,
                frame_id=captured.frame_id,
                captured_at=captured.captured_at,
                captured_monotonic_ns=captured.captured_monotonic_ns,
                web=captured.web,
            )
        self._throw_out(result, changes, captured.captured_monotonic_ns)
        shows_more = captured.web is not None or result.outcome_name in _WORTH_A_LOOK  # each frame of a web does
        result = self._kept(result, is_news=self._tracker is None or bool(changes) or shows_more)
        self._report_tracks(result, changes)
        if isinstance(captured, Frame):
            self._last_result, self._last_captured_ns = result, captured.captured_monotonic_ns
        is_due = self._is_due()
        self._deliver(result, published=is_due)
        if is_due and self._watch_result is not None:
            self._watch_result(result, (finding,), self._inspector.model)

    def _close(self, closed: Sequence[ClosedPart]) -> None:
        for part in closed:
            result = self._inspector.result_of_part(part)
            if self._gate is not None:
                self._gate.take(result, captured_monotonic_ns=part.opened_ns)
            failure = result.outcome if isinstance(result.outcome, NoVerdict) else None
            self._ledger.closed(result.outcome_name, no_verdict=None if failure is None else failure.cause.value)
            self._deliver(self._kept(result))
            if self._watch_result is not None:
                self._watch_result(result, part.findings, self._inspector.model)
            if failure is not None and failure.cause is not NoVerdictCause.NO_MODEL:  # of that a standing alarm tells
                source = result.frames[0].source
                self.raise_alarm(failure.cause, f"part {result.part_id} ({source}): {failure.problem}")

    def _throw_out(self, result: InspectionResult, changes: Sequence[TrackChange], captured_ns: int) -> None:
        """Let the gate have the defects of a belt that are new on this frame, or got worse on it."""
        if self._gate is None:
            return
        for change in changes:
            if change.phase is not TrackPhase.END:
                shown = self._shown(change, result)
                at_ns = captured_ns if shown is result else self._last_captured_ns
                self._gate.take(replace(shown, outcome=Decision(change.track.verdict)), captured_monotonic_ns=at_ns)

    def _shown(self, change: TrackChange, result: InspectionResult) -> InspectionResult:
        """Return the result of the frame that shows a defect: one of a web may be told a frame later."""
        last = self._last_result
        return last if last is not None and last.frames[0].frame_id == change.track.frame_id else result

    def _end_tracks(self) -> None:
        """Tell of what is still followed; there is no more to see of it."""
        if self._tracker is not None and self._last_result is not None:
            changes = self._tracker.end_all()
            self._throw_out(self._last_result, changes, self._last_captured_ns)
            self._report_tracks(self._last_result, changes)

    def _report_tracks(self, result: InspectionResult, changes: Sequence[TrackChange]) -> None:
        for change in changes:
            track_id = self._inspector.track_id(change.track.first_seen_at, change.track.number)
            shown = self._shown(change, result)
            self._deliverer.put(TrackedDefect(shown, track_id, change), wait_s=self._patience_s)

    def _kept(self, result: InspectionResult, *, is_news: bool = True) -> InspectionResult:
        """Offer the pictures behind a result to the one who keeps samples, and note the key of what is kept."""
        if self._keeper is None or not self._pictures:
            return result
        pictures, self._pictures = self._pictures, []
        key = self._keeper.consider(result, pictures, is_news=is_news)
        return result if key is None else replace(result, sample_key=key)

    def _deliver(self, result: InspectionResult, *, published: bool = True) -> None:
        now_ns = time.monotonic_ns()
        if published:
            dropped = self._ledger.take_dropped()
            result = replace(result, dropped_before=dropped) if dropped else result
        elif now_ns - self._accounted_ns < _ACCOUNTS_S * 1e9:
            return
        self._accounted_ns = now_ns
        counted = Counted(self._ledger.accounts(), result if published else None)
        self._deliverer.put(counted, wait_s=self._patience_s)

    def _is_due(self) -> bool:
        """Return whether the result of a free-running frame is published: at most so many a second."""
        now_ns = time.monotonic_ns()
        rate, last_ns = self.max_results_hz, self._last_published_ns
        if rate is not None and last_ns is not None and now_ns - last_ns < 1e9 / rate:
            return False
        self._last_published_ns = now_ns
        return True

    def raise_alarm(self, cause: NoVerdictCause, text: str) -> None:
        """Raise the alarm of parts without a verdict; for all threads."""
        alarm = Alarm(no_verdict_alarm(cause), Severity.CRITICAL, text, _WHAT_TO_DO[cause])
        self._alarms.raise_(alarm, at=datetime.now(UTC), monotonic_s=time.monotonic())
