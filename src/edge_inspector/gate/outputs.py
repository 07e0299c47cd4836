"""The outputs as they are known to be: what differs is written at once, and what does not with every beat."""

from collections import deque
from collections.abc import Iterator

from edge_inspector.gate.part import Part
from edge_inspector.gate.wires import OutcomeCode, Wires


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
        self._told_number = 0
        self._owes = True  # what the PLC reads of outcomes is from before
        self._beats, self._beats_at_ns = 0, 0

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

    def trusted(self, *, on: bool) -> None:
        """Say whether the inspection can be trusted."""
        if on is not self._trusted:
            self._trusted = None
            self._wires.trusted(on)
            self._trusted = on

    def beat(self, now_ns: int) -> None:
        """Say that the station lives, when it is time."""
        if now_ns >= self._beats_at_ns:
            self._wires.beat(self._beats + 1)
            self._beats += 1
            self._beats_at_ns = now_ns + self._heartbeat_ns
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
            self._told_number, self._owes = part.number, True
        return late

    def next_untold(self) -> Part | None:
        """Return the part whose outcome is told next, if there is one."""
        return self._untold[0] if self._untold else None

    def tell(self) -> Iterator[Part]:
        """Write the outcomes that wait, one by one, and yield each part when its own is there."""
        if self._owes:
            code = OutcomeCode.TOO_LATE if self._told_number else OutcomeCode.NONE_YET
            self._wires.outcome(self._told_number, code)
            self._owes = False
        while self._untold:
            part = self._untold[0]
            self._wires.outcome(part.number, part.code)
            self._untold.popleft()
            self._told_number = part.number
            yield part

    def _is_late(self, part: Part, now_ns: int) -> bool:
        return now_ns > part.captured_ns + self._deadline_ns
