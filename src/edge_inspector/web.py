"""Web: where a frame lies on a continuous material that a line-scan camera sees, roll after roll."""

from dataclasses import dataclass
from typing import TypeAlias

Millimeters: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Where a frame lies along the web.

    Attributes:
        roll: Which roll, as the line calls it.
        first_line: Number of its first line since the roll began, from 0; rows of the frame count on from it.
        lines: How many lines it has, also where their picture is lost; 0 only for a roll's end without a picture.
        first_mm: Its first line in millimeters from the begin of the roll; None where the resolution is not known.
        mm_per_line: Resolution along the web over this frame; None likewise.
        ends_roll: Its last line is the last one of the roll.
        uncounted: How often lines have passed before it, since the roll began, that nobody counted: it lies further on
            by those than its lines and millimeters say.
    """

    roll: str
    first_line: int
    lines: int
    first_mm: float | None = None
    mm_per_line: float | None = None
    ends_roll: bool = False
    uncounted: int = 0

    def __post_init__(self) -> None:
        """Refuse lines before the begin of the roll, and half of what millimeters need."""
        if self.first_line < 0 or self.lines < 0 or (self.first_mm is None) != (self.mm_per_line is None):
            expected = "first_line >= 0, lines >= 0, and first_mm and mm_per_line both or neither"
            msg = f"web: expected {expected}, found {self}"
            raise ValueError(msg)

    @property
    def end_line(self) -> int:
        """The line behind its last one."""
        return self.first_line + self.lines

    def mm(self, line: float) -> float | None:
        """Return the millimeters from the begin of the roll to one of its lines; None where that is not known."""
        if self.first_mm is None or self.mm_per_line is None:
            return None
        return self.first_mm + (line - self.first_line) * self.mm_per_line


@dataclass(frozen=True, slots=True)
class WebStretch:
    """A stretch of a roll.

    Attributes:
        roll: Which roll.
        lines: From this line to this one, exclusive, from the begin of the roll.
        mm: The same in millimeters; None where that is not known.
        uncounted: As in WebPlace.
    """

    roll: str
    lines: tuple[float, float]
    mm: Millimeters | None = None
    uncounted: int = 0

    def __str__(self) -> str:
        """Return it for people."""
        first, end = self.lines
        mm = "" if self.mm is None else f" ({self.mm[0]:.1f} to {self.mm[1]:.1f} mm)"
        further_on = f", not counting what passed in {self.uncounted} outages" if self.uncounted else ""
        return f"lines {first:.0f} to {end:.0f}{mm} of roll {self.roll}{further_on}"
