"""How times, counts and outcomes are told to a person, on the page and in a terminal."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

from cloud_side.drawing.summary import Summary
from cloud_side.drawing.visits import Outcome

NOT_ENTERED = "not entered"

_NARROW, _WIDE = frozenset("ijlftrI.,:;'|!()[]{} "), frozenset("mwMW@%")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(time: timedelta) -> str:
    """Return it in its two largest units, e.g. `3 min 20 s`."""
    seconds = max(0.0, time.total_seconds())  # clocks may be set back
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    left = int(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def moment(at: datetime) -> str:
    """Return an instant as a person in the factory writes it, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return `1 retry`, `2 retries`."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def told_items(items: Mapping[str, int] | Mapping[Outcome, int]) -> str:
    """Return how many items ended how."""
    return ", ".join(f"{count:,} {name}" for name, count in items.items())


def outcome_word(summary: Summary | None) -> str:
    """Return what became of a state in one word or two."""
    return NOT_ENTERED if summary is None or summary.outcome is None else summary.outcome


def outcome_line(summary: Summary | None, *, is_apart: bool = False) -> str:
    """Return what became of a state, in one line.

    Args:
        summary: None where it was never entered.
        is_apart: Whether executions of their own go through it, of which this one knows the end only.
    """
    if summary is None or summary.outcome is None:
        return "in executions of its own" if is_apart else NOT_ENTERED
    several = sum(summary.now.values()) > 1
    word = "error caught" if summary.outcome is Outcome.CAUGHT else str(summary.outcome)
    parts = [told_items(summary.now) if several else word]
    if len(summary.visits) == 1 and (ended_at := summary.visits[0].ended_at) is not None:
        parts.append(duration(ended_at - summary.visits[0].entered_at))
    if len(summary.visits) > 1 and not several:
        parts.append(f"entered {len(summary.visits):,} times")
    if summary.retries:
        parts.append(counted(summary.retries, "retry", "retries"))
    if summary.items:
        parts.append(f"items: {told_items(summary.items)}")
    return " · ".join(parts)


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return about how wide a text is in the widest of the usual fonts, in pixels.

    Args:
        text: On one line.
        size: Of the font, in pixels.
        is_bold: Whether it is written so.
    """
    return sum(map(_em, text)) * size * (1.1 if is_bold else 1.0)


def fitted(text: str, width: float, size: float, *, is_bold: bool = False) -> str:
    """Return the beginning of a text that is at most so wide; one that was cut says so."""
    if text_width(text, size, is_bold=is_bold) <= width:
        return text
    while text and text_width(f"{text}…", size, is_bold=is_bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.38
    if character in _WIDE:
        return 0.98
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.72 if character.isupper() else 0.62
