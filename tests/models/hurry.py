"""Looks at the folder of updates that follow each other at once: what is waited for is the same, only sooner."""

import pytest

from edge_inspector import durable
from edge_inspector.models import checking, lifecycle, wishes


def hurry(monkeypatch: pytest.MonkeyPatch, *, look_s: float = 0.02) -> None:
    monkeypatch.setattr(durable, "_POLL_S", look_s)
    monkeypatch.setattr(lifecycle, "_TICK_S", look_s)
    monkeypatch.setattr(checking, "_NEXT_FRAME_S", 0.05)
    monkeypatch.setattr(wishes, "_RETRY_S", 0.05)
