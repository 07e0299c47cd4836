"""Accounts: both ledgers since the station was set up, over all of its restarts.

What a crash took is known to the number: the counters of captured frames and opened parts outlive the process (the
tally), and what the journal holds at the next start was inspected. The difference is `lost_in_restart`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_inspector.errors import InspectorError
from edge_inspector.events import Json

LOST = "lost_in_restart"


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """A snapshot of the frame ledger."""

    captured: int = 0
    inspected: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether no frame is missing."""
        return self.captured == self.inspected + sum(self.dropped.values()) + self.in_flight

    def __add__(self, later: "FrameCounts") -> "FrameCounts":
        """Return the counts of both."""
        return FrameCounts(
            self.captured + later.captured,
            self.inspected + later.inspected,
            _sum(self.dropped, later.dropped),
            self.in_flight + later.in_flight,
        )

    def document(self) -> dict[str, Json]:
        """Return it as it is written everywhere."""
        return {
            "captured": self.captured,
            "inspected": self.inspected,
            "dropped": dict(self.dropped),
            "in_flight": self.in_flight,
        }


@dataclass(frozen=True, slots=True)
class PartCounts:
    """A snapshot of the part ledger; `outcomes` has the verdicts and `no_verdict`."""

    seen: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    no_verdict: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether no part is missing."""
        return self.seen == sum(self.outcomes.values()) + self.in_flight

    def __add__(self, later: "PartCounts") -> "PartCounts":
        """Return the counts of both."""
        return PartCounts(
            self.seen + later.seen,
            _sum(self.outcomes, later.outcomes),
            _sum(self.no_verdict, later.no_verdict),
            self.in_flight + later.in_flight,
        )

    def document(self) -> dict[str, Json]:
        """Return it as it is written everywhere."""
        return {
            "seen": self.seen,
            "outcomes": dict(self.outcomes),
            "no_verdict": dict(self.no_verdict),
            "in_flight": self.in_flight,
        }


@dataclass(frozen=True, slots=True)
class Accounts:
    """Both ledgers.

    Attributes:
        frames: Of the frames.
        parts: Of the parts.
        sessions: Runs of the daemon that they span.
    """

    frames: FrameCounts = field(default_factory=FrameCounts)
    parts: PartCounts = field(default_factory=PartCounts)
    sessions: int = 0

    def document(self) -> dict[str, Json]:
        """Return them as they are written everywhere."""
        return {"frames": self.frames.document(), "parts": self.parts.document(), "sessions": self.sessions}

    @classmethod
    def parse(cls, document: Mapping[str, Json]) -> "Accounts":
        """Return the accounts in a document.

        Raises:
            InspectorError: If it is none, or its numbers do not add up.
        """
        match document:
            case {
                "frames": {
                    "captured": int(captured),
                    "inspected": int(inspected),
                    "dropped": Mapping() as dropped,
                    "in_flight": int(frames_in_flight),
                },
                "parts": {
                    "seen": int(seen),
                    "outcomes": Mapping() as outcomes,
                    "no_verdict": Mapping() as no_verdict,
                    "in_flight": int(parts_in_flight),
                },
                "sessions": int(sessions),
            }:
                accounts = cls(
                    FrameCounts(captured, inspected, _counts(dropped), frames_in_flight),
                    PartCounts(seen, _counts(outcomes), _counts(no_verdict), parts_in_flight),
                    sessions,
                )
                if accounts.frames.adds_up and accounts.parts.adds_up:
                    return accounts
        msg = f"accounts: expected both ledgers, adding up, found {str(document)[:300]}"
        raise InspectorError(msg)

    def after_restart(self, *, captured: int, seen: int) -> tuple["Accounts", int, int]:
        """Return the accounts that the next session begins with, and how many frames and parts the end had swallowed.

        Args:
            captured: Frames captured until then, as counted outside of the journal.
            seen: Parts opened until then, likewise.
        """
        frames, parts = self.frames, self.parts
        captured, seen = max(captured, frames.captured), max(seen, parts.seen)
        lost_frames = captured - frames.inspected - sum(frames.dropped.values())
        lost_parts = seen - sum(parts.outcomes.values())
        next_frames = FrameCounts(captured, frames.inspected, _sum(frames.dropped, {LOST: lost_frames}))
        next_parts = PartCounts(
            seen, _sum(parts.outcomes, {"no_verdict": lost_parts}), _sum(parts.no_verdict, {LOST: lost_parts})
        )
        return Accounts(next_frames, next_parts, self.sessions), lost_frames, lost_parts


def _sum(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(first) + Counter(second))


def _counts(document: Mapping[str, Json]) -> dict[str, int]:
    return {name: count for name, count in document.items() if isinstance(count, int)}
