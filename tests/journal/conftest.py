import pytest


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the journal look after itself more often than every second."""
    monkeypatch.setattr("edge_inspector.journal.writer._IDLE_S", 0.1)
