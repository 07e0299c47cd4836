"""Position: how far a roll has run, in lines and millimeters."""


class Position:
    """Counts lines from the begin of a roll and integrates their resolution; the same however they are grouped."""

    def __init__(self) -> None:
        """Begin a roll."""
        self.line = 0
        self._mm_per_line: float | None = None
        self._base_line, self._base_mm = 0, 0.0
        self._is_known = True

    @property
    def mm(self) -> float | None:
        """Millimeters from the begin of the roll; None once lines of unknown resolution have passed."""
        if not self._is_known:
            return None
        return self._base_mm + (self.line - self._base_line) * (self._mm_per_line or 0.0)

    def advance(self, lines: int, mm_per_line: float | None) -> None:
        """Let lines pass.

        Args:
            lines: How many, 0 or more.
            mm_per_line: Their resolution; None where it is not known.
        """
        if mm_per_line is None:
            self._is_known = False
        elif mm_per_line != self._mm_per_line:
            self._base_line, self._base_mm = self.line, self.mm or 0.0
            self._mm_per_line = mm_per_line
        self.line += lines
