"""Frames of one part -> one outcome.

A part closes when all of its frames have come, when a frame of another part comes, or at its deadline, and gets one
outcome then: the worst of its frames. A frame that comes after that belongs to nobody and changes nothing.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Reason, Verdict
from edge_inspector.detections import Detections, joined
from edge_inspector.inspection import FrameFinding

_REMEMBERED = 1000  # closed parts whose late and duplicate frames are still known as such


class Admission(StrEnum):
    """What a frame is to its part."""

    OPENS = "opens"  # the first of a part
    WANTED = "wanted"  # a further one
    LATE = "late"  # the part has its outcome already
    DUPLICATE = "duplicate"  # the part has had this frame already


@dataclass(slots=True)
class _OpenPart:
    """A part that waits for frames.

    Attributes:
        part_id: The part.
        opened_ns: Monotonic time at which its first frame was captured; its deadline counts from here.
        findings: What is known of the frames that came, in the order in which they came.
        part_frames: Which frames have come, those that are still looked at too.
    """

    part_id: str
    opened_ns: int
    findings: list[FrameFinding] = field(default_factory=list)
    part_frames: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Closed:
    """What is remembered of a part that has its outcome: which frames came, and when it closed."""

    part_frames: frozenset[int]
    closed_ns: int


@dataclass(frozen=True, slots=True)
class ClosedPart:
    """A part with its outcome.

    Attributes:
        part_id: The part.
        opened_ns: Monotonic time at which its first frame was captured.
        closed_ns: Monotonic time at which it got its outcome.
        findings: What is known of its frames, in the order of the part; never empty.
        outcome: The worst of them.
    """

    part_id: str
    opened_ns: int
    closed_ns: int
    findings: tuple[FrameFinding, ...]
    outcome: Outcome


class Parts:
    """Gathers frames into parts; for one thread at a time, and without a clock of its own.

    One part is open at a time, as on a line where parts pass one after the other.
    """

    def __init__(self, frames_per_part: int, *, deadline_ns: int | None, fail_safe: Verdict) -> None:
        """Start with no part.

        Args:
            frames_per_part: Frames that a part has.
            deadline_ns: Nanoseconds from the capture of its first frame at which a part closes; never when None.
            fail_safe: What a part with no verdict is treated as.
        """
        self._frames_per_part = frames_per_part
        self._deadline_ns = deadline_ns
        self.fail_safe = fail_safe
        self._open: _OpenPart | None = None
        self._closed: OrderedDict[str, _Closed] = OrderedDict()

    @property
    def opened_ns(self) -> int | None:
        """Monotonic time at which the first frame of the open part was captured, None without one; for any thread."""
        part = self._open
        return None if part is None else part.opened_ns

    @property
    def closes_at_ns(self) -> int | None:
        """Monotonic time at which the open part closes at the latest; None when there is none, or no deadline."""
        opened_ns = self.opened_ns
        return None if opened_ns is None or self._deadline_ns is None else opened_ns + self._deadline_ns

    @property
    def is_untouched(self) -> bool:
        """Whether nothing is known yet of any frame of the open part, or none is open."""
        return self._open is None or not self._open.findings

    def admit(
        self, part_id: str, part_frame: int, captured_monotonic_ns: int, now_ns: int
    ) -> tuple[Admission, tuple[ClosedPart, ...]]:
        """Say what a frame is to its part, before anyone looks at it; a wanted one of another part closes the open one.

        Args:
            part_id: The part that it shows.
            part_frame: Which of its frames it is, from 0.
            captured_monotonic_ns: When it was captured.
            now_ns: Monotonic time.

        Returns:
            What it is, and the part that it has closed, if any.
        """
        known = self._closed.get(part_id)
        if known is not None and not self._is_back(known, captured_monotonic_ns):
            return (Admission.DUPLICATE if part_frame in known.part_frames else Admission.LATE), ()
        closed: tuple[ClosedPart, ...] = ()
        if self._open is not None and self._open.part_id != part_id:
            missing = self._frames_per_part - len(self._open.findings)
            problem = f"{missing} of {self._frames_per_part} frames had not come when part {part_id} began"
            closed = self.close(NoVerdictCause.FRAME_MISSING, problem, now_ns)
        if self._open is None:
            self._open = _OpenPart(part_id, captured_monotonic_ns, part_frames={part_frame})
            return Admission.OPENS, closed
        if part_frame in self._open.part_frames:
            return Admission.DUPLICATE, closed
        self._open.part_frames.add(part_frame)
        return Admission.WANTED, closed

    def add(self, finding: FrameFinding, now_ns: int) -> tuple[ClosedPart, ...]:
        """Add what was found on a frame that was admitted; return the part if it was its last frame.

        Args:
            finding: What was found, or that nothing could be.
            now_ns: Monotonic time; what was found past the part's deadline decides nothing any more.
        """
        if self._open is None:
            msg = "parts: expected a frame that was admitted, found no open part"
            raise ValueError(msg)
        part = self._open
        decisive = [found.record.outcome for found in (*part.findings, finding)]
        part.findings.append(finding)
        if len(part.findings) < self._frames_per_part:
            return ()
        if self.is_overdue(now_ns):
            too_late = NoVerdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late", self.fail_safe)
            is_decision = isinstance(decisive[-1], Decision)
            decisive[-1] = too_late if is_decision else decisive[-1]
        return self._close(part, worst(decisive), now_ns)

    def is_overdue(self, now_ns: int) -> bool:
        """Return whether the deadline of the open part has passed at the monotonic time `now_ns`."""
        return self.closes_at_ns is not None and now_ns > self.closes_at_ns

    def overdue(self, now_ns: int) -> tuple[ClosedPart, ...]:
        """Close the open part if its deadline has passed at the monotonic time `now_ns`."""
        if self._open is None or not self.is_overdue(now_ns):
            return ()
        missing = self._frames_per_part - len(self._open.findings)
        problem = f"{missing} of {self._frames_per_part} frames had not been inspected at its deadline"
        return self.close(NoVerdictCause.DEADLINE_MISSED, problem, now_ns)

    def close(self, cause: NoVerdictCause, problem: str, now_ns: int) -> tuple[ClosedPart, ...]:
        """Close the open part before all of its frames have come; nothing if none of them can be told of."""
        part, self._open = self._open, None
        if part is None or not part.findings:
            return ()
        found = [finding.record.outcome for finding in part.findings]
        return self._close(part, worst([*found, NoVerdict(cause, problem, self.fail_safe)]), now_ns)

    def _is_back(self, known: _Closed, captured_ns: int) -> bool:
        """Return whether a part is on the line once more, as after rework, and not only a frame of it late.

        A late frame of a part of several was captured within the time that a part takes; one of a part of a single
        frame, which closes with it, before it closed.
        """
        if self._frames_per_part == 1:
            return captured_ns > known.closed_ns
        return self._deadline_ns is not None and captured_ns > known.closed_ns + self._deadline_ns

    def _close(self, part: _OpenPart, outcome: Outcome, now_ns: int) -> tuple[ClosedPart, ...]:
        self._open = None
        self._closed[part.part_id] = _Closed(frozenset(part.part_frames), now_ns)
        self._closed.move_to_end(part.part_id)
        if len(self._closed) > _REMEMBERED:
            self._closed.popitem(last=False)
        findings = sorted(part.findings, key=lambda finding: finding.record.part_frame)
        return (ClosedPart(part.part_id, part.opened_ns, now_ns, tuple(findings), outcome),)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of a part by those of its frames.

    One frame that rejects a part is enough, whatever became of the others. Short of that, a frame without a verdict
    leaves the part without one: the defect may be where nobody looked. A decision carries the reasons of all frames.
    A frame of another product leaves no decision at all: the others may have been looked for the wrong defects.
    """
    decisions = [outcome for outcome in outcomes if isinstance(outcome, Decision)]
    no_verdict = next((outcome for outcome in outcomes if isinstance(outcome, NoVerdict)), None)
    reasons: list[Reason] = [reason for decision in decisions for reason in decision.reasons]
    rejects = any(reason.verdict is Verdict.REJECT for reason in reasons)
    for outcome in outcomes:
        if isinstance(outcome, NoVerdict) and outcome.cause is NoVerdictCause.PRODUCT_MISMATCH:
            return outcome
    if no_verdict is not None and not rejects:
        return no_verdict
    if len(decisions) == 1:
        return decisions[0]
    reasons.sort(key=Reason.gravity)
    return Decision(reasons[0].verdict if reasons else Verdict.ACCEPT, tuple(reasons))


def merge_detections(findings: Sequence[FrameFinding]) -> tuple[Detections, tuple[int, ...]]:
    """Return the detections of a part's frames, the most confident first, and the frame of the part each one is on.

    The second is empty where only one frame came, as for most parts.
    """
    if len(findings) == 1:
        return findings[0].detections, ()
    found = joined([finding.detections for finding in findings])
    frames = np.repeat([f.record.part_frame for f in findings], [len(f.detections) for f in findings])
    order = np.argsort(-found.confidence, kind="stable")
    return found.take(order), tuple(frames[order].tolist())
