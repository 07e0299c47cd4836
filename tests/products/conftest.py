import pytest

from tests.models.hurry import hurry


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for models follow each other at once."""
    hurry(monkeypatch, look_s=0.002)
