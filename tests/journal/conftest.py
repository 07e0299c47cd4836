from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the journal look after itself more often than every second."""
    monkeypatch.setattr("edge_inspector.journal.writer._IDLE_S", 0.1)


@pytest.fixture(params=["on disk", "in memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Return where a journal is: everything holds on a disk and in memory."""
    return tmp_path / "home" / "journal.db" if request.param == "on disk" else None
