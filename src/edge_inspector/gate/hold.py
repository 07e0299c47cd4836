"""Whether the reject output is held on. Pure: time is a number."""

from edge_inspector.gate.timing import Timing


class Hold:
    """Begins when the inspection is trusted no longer, and ends when all that nobody looked at has passed the gate."""

    def __init__(self, timing: Timing, *, pulse_ns: int) -> None:
        """Be on: nobody has looked at what is between the camera and the gate.

        Args:
            timing: Tells when a part is at the gate.
            pulse_ns: For so long the last part must still be thrown out.
        """
        self._timing, self._pulse_ns = timing, pulse_ns
        self._is_trusted, self._is_over = False, False
        self._trusted_ns = 0
        self._place: float | None = None  # of what was at the camera then

    def trust(self, now_ns: int, *, is_trusted: bool) -> None:
        """Note whether the inspection is trusted now."""
        if is_trusted and not self._is_trusted:
            self._trusted_ns, self._place = now_ns, None
        self._is_trusted = is_trusted
        self._is_over = self._is_over and is_trusted

    def is_on(self, now_ns: int) -> bool:
        """Return whether the output is held."""
        if self._is_over or not self._is_trusted:
            return not self._is_over
        if self._place is None:
            self._place = self._timing.place(self._trusted_ns)
        if self._place is None:
            return True
        due_ns = self._timing.window(self._place).due_ns
        is_behind = due_ns > self._trusted_ns  # else the gate is at the camera
        self._is_over = now_ns >= (due_ns + self._pulse_ns if is_behind else due_ns)
        return not self._is_over
