"""Aligned tables for a terminal: as wide as it is, colored only there, and with nothing in them that could steer it."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud_side.drawing.markup import shown
from cloud_side.drawing.visits import Outcome

_WIDE_ENOUGH = 120  # where there is no terminal
_GAP = "  "
_COLORS: Mapping[str, str] = {
    Outcome.SUCCEEDED: "32",
    Outcome.FAILED: "31;1",
    Outcome.RUNNING: "34",
    Outcome.CAUGHT: "33",
    Outcome.ABORTED: "35",
}


@dataclass(frozen=True)
class Style:
    """How to print: for a terminal or for a file."""

    width: int = _WIDE_ENOUGH
    is_colored: bool = False

    @classmethod
    def of_output(cls) -> "Style":
        """Return what fits standard output."""
        is_terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size((_WIDE_ENOUGH, 24)).columns if is_terminal else _WIDE_ENOUGH
        return cls(max(60, width), is_terminal and "NO_COLOR" not in os.environ)

    def colored(self, text: str, outcome: str) -> str:
        """Return a text in the color of an outcome."""
        color = _COLORS.get(outcome)
        return f"\033[{color}m{text}\033[0m" if self.is_colored and color else text


def table(
    rows: Sequence[Sequence[str]], style: Style, *, heads: Sequence[str], outcomes: Sequence[str] = ()
) -> list[str]:
    """Return the lines of a table; its last column takes what room is left, and is cut there.

    Args:
        rows: Cells.
        style: How to print.
        heads: Of the columns.
        outcomes: Of each row, for its color; none without.
    """
    cells = [[*heads], *([line(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[at]) for row in cells) for at in range(len(heads))]
    room = style.width - sum(widths[:-1]) - len(_GAP) * (len(heads) - 1)
    widths[-1] = min(widths[-1], max(20, room))
    lines = [_GAP.join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    colored = [style.colored(text, outcome) for text, outcome in zip(lines[1:], outcomes, strict=bool(outcomes))]
    return [lines[0], *(colored or lines[1:])]


def line(text: str) -> str:
    """Return a text on one line, in which a terminal finds nothing to obey."""
    return shown(" ".join(text.split()))


def padded(text: str, width: int) -> str:
    """Return a text that is just so many columns wide; one that was cut says so."""
    if _width(text) > width:
        while text and _width(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)
