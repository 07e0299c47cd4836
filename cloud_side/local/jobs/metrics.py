"""What a job prints: its metrics, and its last words."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cloud_side.local.jobs.report import Metric

_LINE_BYTES = 65_536


def final_metrics(logs: Sequence[Path], definitions: Mapping[str, str], now: datetime) -> tuple[Metric, ...]:
    """Return the last value of each metric that the logs have.

    Args:
        logs: One a host; of a metric that several print, the first host's counts.
        definitions: Regular expression by name; its first group is the number.
        now: When they were found.
    """
    patterns = {name: re.compile(regex) for name, regex in definitions.items()}
    found: dict[str, float] = {}
    for log in reversed(logs if patterns else ()):
        for line in _lines(log):
            for name, pattern in patterns.items():
                if (match := pattern.search(line)) is not None and (value := _number(match[1])) is not None:
                    found[name] = value
    return tuple(Metric(name, found[name], now) for name in patterns if name in found)


def last_line(log: Path) -> str:
    """Return the last line that has something to read in it; empty without one."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LINE_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((text for line in reversed(lines) if (text := readable(line))), "")


def readable(text: str) -> str:
    """Return a text without what no terminal should be sent."""
    return "".join(letter for letter in text if letter.isprintable()).replace("\N{REPLACEMENT CHARACTER}", "").strip()


def _lines(log: Path) -> Iterator[str]:
    """Yield lines in bounded memory: a longer one comes in pieces."""
    try:
        file = log.open("rb")
    except OSError:
        return
    with file:
        while line := file.readline(_LINE_BYTES):
            yield line.decode(errors="replace")


def _number(text: str | None) -> float | None:
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None  # JSON has no other numbers
