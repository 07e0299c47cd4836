"""Whether a model that has taken over proves itself: pure, from counters."""

from dataclasses import dataclass
from enum import StrEnum

from edge_inspector.rates import UNLIKELY, chance_of
from edge_inspector.settings import UpdateSettings

SLOW_SHARE = 0.05  # 95 of 100 inspections must be faster than the limit


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of parts, or of frames where there are no parts.

    Attributes:
        judged: Got a verdict.
        rejected: Were rejected, of these.
        failed: Got none, for a reason that may be the model's.
    """

    judged: int = 0
    rejected: int = 0
    failed: int = 0

    @property
    def seen(self) -> int:
        """All of them."""
        return self.judged + self.failed

    @property
    def reject_rate(self) -> float | None:
        """Share of those with a verdict; None of none."""
        return self.rejected / self.judged if self.judged else None

    @property
    def failed_share(self) -> float | None:
        """Share of all; None of none."""
        return self.failed / self.seen if self.seen else None

    def __sub__(self, before: "Counts") -> "Counts":
        return Counts(self.judged - before.judged, self.rejected - before.rejected, self.failed - before.failed)


@dataclass(frozen=True, slots=True)
class Record:
    """What a model on probation has done so far.

    Attributes:
        since: What came of parts since it took over.
        before: What came of the latest parts under the model before it.
        inspections: Frames that it has looked at.
        slow: Those that took longer than the limit.
        minutes: How long it has been on probation.
    """

    since: Counts
    before: Counts
    inspections: int
    slow: int
    minutes: float


class Proof(StrEnum):
    """What is known of a model on probation."""

    PENDING = "pending"
    TRUSTED = "trusted"
    FAILED = "failed"


def judge(settings: UpdateSettings, record: Record) -> tuple[Proof, str]:
    """Return what a record proves, and the reason where it has failed.

    A share that no later part can bring below its limit has failed at once: nobody waits for the end. A line that lost
    parts before may lose as many: they need not be the model's fault.
    """
    since, before = record.since, record.before
    if not settings.probation_parts:
        return Proof.TRUSTED, ""
    is_over = since.seen >= settings.probation_parts or (
        since.seen > 0 and record.minutes >= settings.probation_minutes
    )
    parts = since.seen if is_over else settings.probation_parts
    allowed = max(settings.max_failed, before.failed_share or 0.0)
    if since.failed > allowed * parts:
        return Proof.FAILED, f"{since.failed} of {since.seen} parts got no verdict; expected at most {allowed:.1%}"
    if (reason := _reject_rate(settings.max_reject_rate, since, before, parts)) is not None:
        return Proof.FAILED, reason
    limit_ms = settings.max_latency_ms
    inspections = record.inspections if is_over else record.inspections * parts / max(since.seen, 1)
    if limit_ms is not None and since.seen and record.slow > SLOW_SHARE * inspections:
        found = f"{record.slow} of {record.inspections} inspections took longer than {limit_ms:g} ms"
        return Proof.FAILED, f"{found}; expected at most {SLOW_SHARE:.0%}"
    return (Proof.TRUSTED if is_over else Proof.PENDING), ""


def _reject_rate(highest: float | None, since: Counts, before: Counts, parts: int) -> str | None:
    found = f"{since.rejected} of {since.judged} parts were rejected"
    if highest is not None:
        return f"{found}; expected at most {highest:.1%}" if since.rejected > highest * parts else None
    if chance_of(since.rejected, since.judged, before.rejected, before.judged) < UNLIKELY:
        return f"{found}; with the model before it {before.rejected} of {before.judged}"
    return None
