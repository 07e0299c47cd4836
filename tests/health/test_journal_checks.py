from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.alarms import JOURNAL_UNAVAILABLE
from edge_inspector.app import health
from edge_inspector.app.health import journal_checks
from edge_inspector.health.checks import Check
from edge_inspector.journal import Journal
from edge_inspector.pipeline.deliver import Losses
from tests.journal.written import NOT_YET, PATIENCE_S, result


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db", NOT_YET) as journal:
        yield journal


def availability(journal: Journal) -> Check:
    (check,) = (check for check in journal_checks(journal, Losses()) if check.name == JOURNAL_UNAVAILABLE)
    return check


def test_a_disk_that_hangs_without_an_error_is_told(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    check = availability(journal)
    assert check.probe() is None
    journal.append([result(1)])
    assert check.probe() == "1 events wait for the disk, which takes none and gives no error"
    assert journal.flush(PATIENCE_S)
    journal.append([result(2)])
    assert check.probe() is None, "the last commit was a moment ago"
    monkeypatch.setattr(health, "_SLOW_DISK_S", 0.0)
    assert check.probe() is not None


def test_a_journal_without_events_says_nothing_however_long_ago_the_last_one_was(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SLOW_DISK_S", 0.0)
    journal.append([result(1)])
    assert journal.flush(PATIENCE_S)
    assert availability(journal).probe() is None
