"""The ledgers: every frame and every part is accounted for, at any time.

    frames: captured = inspected + dropped(by cause) + in flight
    parts:  seen = accept + review + reject + no_verdict + in flight

Each change is one step under one lock, so that a snapshot always adds up. They start at zero with every session;
`Accounts` carries them over restarts.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from edge_inspector.frame import DropCause
from edge_inspector.pipeline.accounts import Accounts, FrameCounts, PartCounts


class Tally(Protocol):
    """Counters of what came in that outlive the process."""

    def add_frames(self, count: int = 1) -> None:
        """Count frames."""

    def add_parts(self, count: int = 1) -> None:
        """Count parts."""


class _NoTally:
    def add_frames(self, count: int = 1) -> None:
        """Forget them."""

    def add_parts(self, count: int = 1) -> None:
        """Forget them."""


@dataclass(slots=True)
class Ledger:
    """Counts frames and parts; for all threads.

    Attributes:
        before: The accounts that this session began with.
        tally: Also counts what comes in.
    """

    before: Accounts = field(default_factory=Accounts)
    tally: Tally = field(default_factory=_NoTally)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _captured: int = 0
    _inspected: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _frames_in_flight: int = 0
    _parts_seen: int = 0
    _parts_in_flight: int = 0
    _outcomes: Counter[str] = field(default_factory=Counter)
    _no_verdict: Counter[str] = field(default_factory=Counter)
    _dropped_before: Counter[str] = field(default_factory=Counter)

    def captured(self) -> None:
        """Count a frame that came in."""
        with self._lock:
            self._captured += 1
            self._frames_in_flight += 1
            self.tally.add_frames()

    def skipped(self, cause: DropCause, count: int) -> None:
        """Count frames that came in and were passed over by the source, all in one step."""
        with self._lock:
            self._captured += count
            self.tally.add_frames(count)
            self._dropped[cause.value] += count
            self._dropped_before[cause.value] += count

    def opened(self) -> None:
        """Count a part of which the first frame is here."""
        with self._lock:
            self._parts_seen += 1
            self.tally.add_parts()
            self._parts_in_flight += 1

    def inspected(self) -> None:
        """Count a frame that the detector has looked at."""
        with self._lock:
            self._inspected += 1
            self._frames_in_flight -= 1

    def dropped(self, cause: DropCause) -> None:
        """Count a frame that will not be inspected."""
        with self._lock:
            self._dropped[cause.value] += 1
            self._dropped_before[cause.value] += 1
            self._frames_in_flight -= 1

    def closed(self, outcome: str, *, no_verdict: str | None) -> None:
        """Count a part that got its outcome, and the cause where that is no verdict."""
        with self._lock:
            self._outcomes[outcome] += 1
            if no_verdict is not None:
                self._no_verdict[no_verdict] += 1
            self._parts_in_flight -= 1

    def take_dropped(self) -> dict[str, int]:
        """Return the drops by cause since the last call."""
        with self._lock:
            dropped = dict(self._dropped_before)
            self._dropped_before.clear()
            return dropped

    def accounts(self) -> Accounts:
        """Return both ledgers of this session as they are now, in one step."""
        with self._lock:
            return Accounts(self._frames(), self._parts(), 1)

    def total(self, session: Accounts) -> Accounts:
        """Return the accounts over all restarts, of which `session` is the last part."""
        before = self.before
        return Accounts(
            before.frames + session.frames, before.parts + session.parts, before.sessions + session.sessions
        )

    def frames(self) -> FrameCounts:
        """Return the frame ledger as it is now."""
        with self._lock:
            return self._frames()

    def parts(self) -> PartCounts:
        """Return the part ledger as it is now."""
        with self._lock:
            return self._parts()

    def _frames(self) -> FrameCounts:
        return FrameCounts(self._captured, self._inspected, dict(self._dropped), self._frames_in_flight)

    def _parts(self) -> PartCounts:
        return PartCounts(self._parts_seen, dict(self._outcomes), dict(self._no_verdict), self._parts_in_flight)
