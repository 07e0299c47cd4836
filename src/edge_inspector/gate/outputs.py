"""The outputs as they are known to be: what differs is written at once, and what does not now and then."""

from collections import deque

from edge_inspector.gate.part import Part
from edge_inspector.gate.wires import OutcomeCode, Wires

_AGAIN_NS = 1_000_000_000  # what does not differ is written so often, with a beat


class Outputs:
    """Remembers what was written; for one thread. Every method that writes raises FieldbusError."""

    def __init__(self, wires: Wires, *, heartbeat_ns: int, deadline_ns: int) -> None:
        """Know nothing of the outputs yet.

        Args:
            wires: Where it is written.
            heartbeat_ns: Time between two beats.
            deadline_ns: An outcome must be written so long after the exposure.
        """
        self._wires = wires
        self._heartbeat_ns, self._deadline_ns = heartbeat_ns, deadline_ns
        self._reject: bool | None = None
        self._trusted: bool | None = None
        self._untold: deque[Part] = deque()
        self._told = 0, OutcomeCode.NONE_YET
        self._owes = True  # what the PLC reads of outcomes is from before
        self._beats, self._beats_at_ns, self._again_ns = 0, 0, 0

    def forget(self) -> None:
        """Forget what was written: something else may be there now."""
        self._reject = self._trusted = None
        self._owes = True

    def reject(self, *, on: bool) -> None:
        """Set the reject output."""
        if on is not self._reject:
            self._reject = None  # a write that fails may have been done all the same
            self._wires.reject(on)
            self._reject = on

    def is_said(self, *, trusted: bool) -> bool:
        """Return whether it is known that the output says so."""
        return self._trusted is trusted

    def say(self, *, trusted: bool) -> None:
        """Say whether the inspection can be trusted."""
        self._trusted = None
        self._wires.trusted(trusted)
        self._trusted = trusted

    def beat(self, now_ns: int) -> None:
        """Say that the station lives."""
        self._wires.beat(self._beats + 1)
        self._beats += 1
        self._beats_at_ns = now_ns + self._heartbeat_ns
        if now_ns >= self._again_ns:
            self._again_ns = now_ns + _AGAIN_NS
            self._reject = self._trusted = None  # something else may have changed them: they are written once more

    @property
    def beats_at_ns(self) -> int:
        """Monotonic time of the next beat."""
        return self._beats_at_ns

    def ask(self, part: Part) -> None:
        """Take an outcome to be told."""
        self._untold.append(part)

    def take_late(self, now_ns: int) -> list[Part]:
        """Return the parts whose outcome was not told in time; of the last one the PLC learns that it was too late."""
        late = []
        while self._untold and self._is_late(self._untold[0], now_ns):
            part = self._untold.popleft()
            late.append(part)
            self._told, self._owes = (part.number, OutcomeCode.TOO_LATE), True
        return late

    @property
    def has_untold(self) -> bool:
        """Whether there is something to tell."""
        return self._owes or bool(self._untold)

    def tell(self) -> Part | None:
        """Tell the next outcome that waits, and return its part; None where one that is past had to be told first."""
        if self._owes:
            self._wires.outcome(*self._told)
            self._owes = False
            return None
        part = self._untold[0]
        self._wires.outcome(part.number, part.code)
        self._untold.popleft()
        self._told = part.number, part.code
        return part

    def _is_late(self, part: Part, now_ns: int) -> bool:
        return now_ns > part.captured_ns + self._deadline_ns
