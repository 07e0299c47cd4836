"""What became of each part, counted, and told where a person should know."""

import logging
import threading
import time
from collections.abc import Sequence

from edge_inspector.alarms import GATE_DEADLINE_MISSED, GATE_UNREACHABLE, Alarm, Severity
from edge_inspector.gate.accounts import Accounts
from edge_inspector.gate.part import Part
from edge_inspector.gate.timing import Window
from edge_inspector.ports import AlarmPanel

_log = logging.getLogger(__name__)
_MISSED = "Slow the line down, use a smaller model, move the gate farther from the camera, or raise gate.deadline_ms."
_UNREACHABLE = "Check the PLC or the digital outputs, and section `gate`; parts may pass that should not."
_BACK = "the output answers, and is set as it should be now"


class Reckoning:
    """Keeps the accounts and raises the alarms; for all threads, each part by one at a time.

    Attributes:
        accounts: The counters and latencies.
    """

    def __init__(self, alarms: AlarmPanel, *, deadline_ms: float, by_encoder: bool) -> None:
        """Start with nothing.

        Args:
            alarms: Where misses and outages are told.
            deadline_ms: An outcome must be at the output so long after the exposure.
            by_encoder: A pulse has to begin by a count, and not by a time.
        """
        self.accounts = Accounts()
        self._alarms = alarms
        self._deadline_ms, self._by_encoder = deadline_ms, by_encoder
        self._lock = threading.Lock()
        self._problems: dict[str, str] = {}  # that are told, by what fails

    def take(self, part: Part) -> None:
        """Count a part, and give it its number."""
        with self.accounts.counting() as counts:
            counts.decided += 1
            part.number = counts.decided
            counts.rejected += part.is_rejected

    def withhold(self, parts: Sequence[Part]) -> None:
        """Count parts that are not thrown out, for a good reason."""
        with self.accounts.counting() as counts:
            counts.withheld += len(parts)

    def begun(self, part: Part, window: Window, at_ns: int) -> None:
        """Count a pulse that began; one that began too late, since the output took its time, is a miss."""
        if at_ns > window.latest_ns:
            self.miss_pulse(part)
            return
        with self.accounts.counting() as counts:
            counts.pulses += 1
        self.accounts.at_output(captured_ns=part.captured_ns, at_ns=at_ns, due_ns=window.due_ns)

    def miss_pulse(self, part: Part, why: str | None = None) -> None:
        """Count a part that should have been thrown out, and was not in time."""
        with self.accounts.counting() as counts:
            counts.missed_pulses += 1
        if why is None and self._by_encoder:
            why = "the outcome came when the part was past the gate"
        self.miss(part, why)

    def miss(self, part: Part, why: str | None = None) -> None:
        """Count a part whose outcome was not at the output in time, once."""
        if part.is_missed:
            return
        part.is_missed = True
        with self.accounts.counting() as counts:
            counts.missed += 1
        if why is None:
            age_ms = (time.monotonic_ns() - part.captured_ns) / 1e6
            why = f"not at the output {age_ms:.0f} ms after the exposure; expected within {self._deadline_ms:g} ms"
        text = f"{part.name} ({part.code.name.lower().replace('_', ' ')}): {why}"
        self._alarms.raise_(Alarm(GATE_DEADLINE_MISSED, Severity.CRITICAL, text, _MISSED))

    def failed(self, what: str, problem: str, *, is_told: bool = True) -> None:
        """Note that something of the output fails; told once for each reason, whatever was just asked for."""
        self.accounts.unreachable(is_so=True)
        if not is_told:
            return
        with self._lock:
            reasons = {_reason(each) for each in self._problems.values()}
            self._problems[what] = problem
        if _reason(problem) not in reasons:
            self._alarms.raise_(Alarm(GATE_UNREACHABLE, Severity.CRITICAL, problem, _UNREACHABLE), lasting=True)

    def recovered(self, what: str, *, is_all: bool) -> None:
        """Note that something of the output is well again, and whether all of it is."""
        with self._lock:
            was_told = self._problems.pop(what, None) is not None
            is_over = was_told and not self._problems
        if is_all:
            self.accounts.unreachable(is_so=False)
        if is_over:
            self._alarms.clear(GATE_UNREACHABLE, text=_BACK)


def _reason(problem: str) -> str:
    return problem.rpartition(": ")[2]
