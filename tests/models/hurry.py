"""Looks at the folder of updates that follow each other at once: what is waited for is the same, only sooner.

A new model need not keep up with the test's line, either: no line of a plant is as fast, and no machine as busy.
"""

import pytest

from edge_inspector import durable
from edge_inspector.models import checking, lifecycle, wishes


def hurry(monkeypatch: pytest.MonkeyPatch, *, look_s: float = 0.02) -> None:
    monkeypatch.setattr(durable, "_POLL_S", look_s)
    monkeypatch.setattr(lifecycle, "_TICK_S", look_s)
    monkeypatch.setattr(checking, "_NEXT_FRAME_S", 0.05)
    monkeypatch.setattr(checking, "_AS_FAST", 100)
    monkeypatch.setattr(wishes, "_RETRY_S", 0.05)
