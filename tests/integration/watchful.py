"""The program `edge-inspector`, which looks after its health and its disk ten times as often."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edge_inspector.__main__ import enter
from edge_inspector.app import health
from edge_inspector.health.checks import Check, Checks
from edge_inspector.journal import writer
from edge_inspector.ports import AlarmPanel

WATCHFUL = (sys.executable, str(Path(__file__)))


def often(
    panel: AlarmPanel, checks: Sequence[Check], *, first: Sequence[Callable[[], object]], period_s: float
) -> Checks:
    """Return checks that raise and clear an alarm after a tenth of the time."""
    soon = [
        replace(each, raise_after_s=each.raise_after_s / 10, clear_after_s=each.clear_after_s / 10) for each in checks
    ]
    return Checks(panel, soon, first=first, period_s=period_s / 10)


if __name__ == "__main__":
    health.Checks = often
    writer._IDLE_S, writer._RETRY_MIN_S, writer._RETRY_MAX_S = 0.1, 0.02, 0.5
    enter()
