import time
from pathlib import Path

import pytest

from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.journal.database import OldRow
from edge_inspector.journal.retention import choose
from edge_inspector.journal.tail import RECENT
from tests.fakes import Clock
from tests.journal.written import (
    PATIENCE_S,
    Written,
    alarm,
    alert,
    drain,
    eventually,
    number_of,
    reader_of,
    result,
    stats,
)

DAY_S = 86_400.0


def row(seq: int, *, operated_s: float, size: int = 100) -> OldRow:
    return OldRow(seq, 1, size, operated_s)


def test_what_goes_is_the_oldest_for_any_of_the_three_reasons() -> None:
    rows = [row(seq, operated_s=10.0 * seq) for seq in range(1, 6)]

    def chosen(**reasons: float) -> list[int]:
        default = {"older_than_s": 0.0, "rows_over": -5, "bytes_over": -5}
        return [each.seq for each in choose(rows, **{**default, **reasons})]  # type: ignore[arg-type]

    assert chosen() == []
    assert chosen(older_than_s=30.0) == [1, 2]
    assert chosen(rows_over=3) == [1, 2, 3]
    assert chosen(bytes_over=201) == [1, 2]
    assert chosen(older_than_s=1e9) == [1, 2, 3, 4, 5]


def test_the_quota_of_a_dead_sink_takes_nothing_from_the_others(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_s=0.01, quota_rows=100)) as journal:
        dead, quick, slow = (reader_of(journal, sink) for sink in ("dead", "quick", "slow"))
        numbers: list[int] = []
        for number in range(1000):
            journal.append([alert(number)] if number % 20 == 0 else [result(number)])
            numbers += drain(quick)
            if number % 50 == 49:
                assert journal.flush(PATIENCE_S)
                assert len(drain(slow)) == 50
        eventually(lambda: dead.waiting == 100, what="the quota holds")
        assert numbers == list(range(1000))
        state = journal.state()
        assert state.evicted == {"dead": {"result": 900}}
        assert state.lost == 0
        taken = drain(dead)
        assert taken[:50] == list(range(0, 1000, 20)), "every defect is there"
        assert taken[50:] == [number for number in range(1000) if number % 20][-50:], "and the newest results"
    with Journal(path, JournalOptions()) as journal:
        assert journal.state().evicted == {"dead": {"result": 900}}
    assert Written.read(path).numbers == list(range(1000)), "on record they stay"


def test_the_least_important_go_first_and_an_alert_only_when_nothing_else_waits(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", JournalOptions(commit_s=0.01, quota_rows=30)) as journal:
        reader = reader_of(journal)
        for number in range(20):
            journal.append([stats(number), result(100 + number), alert(200 + number)])
        eventually(lambda: reader.waiting == 30, what="the quota holds")
        assert journal.state().evicted == {"sink": {"stats": 20, "result": 10}}
        for number in range(20, 60):
            journal.append([alert(200 + number)])
        eventually(lambda: reader.waiting == 30, what="the quota holds")
        assert drain(reader) == list(range(230, 260))
        assert journal.state().evicted == {"sink": {"stats": 20, "result": 20, "alert": 30}}


def test_the_quota_counts_bytes_too_and_leaves_what_is_in_hand(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", JournalOptions(commit_s=0.01, quota_bytes=50_000)) as journal:
        reader = reader_of(journal)
        journal.append([result(number, size=1000) for number in range(10)])
        in_hand = [entry for entry in (reader.take() for _ in range(3)) if entry is not None]
        journal.append([result(number, size=1000) for number in range(10, 100)])
        eventually(lambda: reader.waiting < 50, what="the quota holds")
        for entry in in_hand:
            reader.settle(entry)
        assert drain(reader) == list(range(100 - 45, 100))
        assert journal.state().evicted == {"sink": {"result": 52}}


def test_delivered_events_go_when_there_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_s=0.01, keep_rows=500)) as journal:
        reader = reader_of(journal)
        for number in range(3000):
            journal.append([alarm(number)] if number % 10 == 0 else [result(number)])
            drain(reader)
        assert journal.flush(PATIENCE_S)
        eventually(lambda: journal.state().rows == 500, what="the oldest are deleted")
        assert Written.read(path).numbers == list(range(2500, 3000))
        assert journal.state().evicted == {}


def test_undelivered_events_stay_when_there_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_s=0.01, keep_rows=100)) as journal:
        reader = reader_of(journal)
        for number in range(1000):
            journal.append([result(number), alert(1000 + number)])
        assert journal.flush(PATIENCE_S)
        alerts = [entry for entry in (reader.take() for _ in range(1000)) if entry is not None]
        for entry in alerts:
            reader.settle(entry)
        eventually(lambda: journal.state().rows == 1000, what="the delivered alerts are deleted")
        assert drain(reader) == list(range(1000))
        eventually(lambda: journal.state().rows == 100, what="the delivered results are deleted")


def test_nothing_goes_before_the_sinks_of_the_last_run_had_time_to_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions()) as journal:
        reader_of(journal)
        journal.append([result(number) for number in range(1000)])
    with Journal(path, JournalOptions(commit_s=0.01, keep_rows=100)) as journal:
        journal.append([result(1000)])
        assert journal.flush(PATIENCE_S)
        assert drain(reader_of(journal)) == list(range(1001))


def test_a_sink_that_comes_back_late_goes_on_at_the_oldest_and_knows_what_it_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.journal.writer._SETTLE_IN_S", 0.0)
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions()) as journal:
        late, _ = reader_of(journal, "late"), reader_of(journal, "here")
        journal.append([result(number) for number in range(1000)])
        for _ in range(400):
            entry = late.take()
            assert entry is not None
            late.settle(entry)
    with Journal(path, JournalOptions(commit_s=0.01, keep_rows=200)) as journal:
        drain(reader_of(journal, "here"))
        eventually(lambda: journal.state().rows == 200, what="an absent sink holds nothing back")
        assert journal.state().evicted == {"late": {"result": 400}}
    with Journal(path, JournalOptions()) as journal:
        reader = reader_of(journal, "late")
        assert (reader.waiting, drain(reader)) == (200, list(range(800, 1000)))
        assert journal.state().evicted == {"late": {"result": 400}}


def test_events_go_when_the_station_has_worked_long_enough_since(tmp_path: Path) -> None:
    path, options = tmp_path / "journal.db", JournalOptions(commit_s=0.01, keep_s=30 * DAY_S)
    for day in range(0, 60, 10):
        clock = Clock()
        with Journal(path, options, operating_clock=clock) as journal:
            journal.append([result(day)])
            assert journal.flush(PATIENCE_S)
            clock.now_s += 10 * DAY_S
            journal.append([], accounts={})  # a commit that writes the time down
            assert journal.flush(PATIENCE_S)
            expected = [each for each in range(0, 60, 10) if day - 20 <= each <= day]
            eventually(lambda: Written.read(path).numbers == expected, what="what is too old is gone")  # noqa: B023


def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, options = tmp_path / "journal.db", JournalOptions(commit_s=0.01, keep_s=60.0)
    real = time.time
    for jump_s in (0.0, 3650 * DAY_S, -3650 * DAY_S):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        with Journal(path, options) as journal:
            reader = reader_of(journal)
            journal.append([result(1)])
            drain(reader)
            assert journal.flush(PATIENCE_S)
            for step_s in (5000 * DAY_S, -5000 * DAY_S):
                monkeypatch.setattr(time, "time", lambda step_s=step_s: real() + step_s)
                journal.append([result(2)])
                drain(reader)
                assert journal.flush(PATIENCE_S)
    assert Written.read(path).numbers == [1, 2, 2] * 3


def test_the_file_and_its_log_stay_bounded(tmp_path: Path) -> None:
    path, megabyte = tmp_path / "journal.db", 1 << 20
    largest = 0
    with Journal(path, JournalOptions(commit_s=0.01, keep_bytes=4 * megabyte)) as journal:
        reader = reader_of(journal)
        for number in range(20_000):
            journal.append([result(number, size=1500)])
            drain(reader)
            if number % 100 == 0:
                assert journal.flush(PATIENCE_S)
                largest = max(largest, journal.state().bytes_on_disk)
        assert journal.flush(PATIENCE_S)
        eventually(lambda: journal.state().rows < 2700, what="the oldest are deleted")
        assert largest < 13 * megabyte  # of 30 that were written: what is kept, some more, and the log
    assert path.stat().st_size < 7 * megabyte


def test_space_is_given_back_when_less_is_kept(tmp_path: Path) -> None:
    path, megabyte = tmp_path / "journal.db", 1 << 20
    with Journal(path, JournalOptions(commit_rows=1000)) as journal:
        for number in range(12_000):
            journal.append([result(number, size=1500)])
    assert path.stat().st_size > 15 * megabyte
    with Journal(path, JournalOptions(commit_s=0.001, commit_rows=1, keep_rows=1000)) as journal:
        eventually(lambda: journal.state().rows == 1000, what="the oldest are deleted")
        for _ in range(12):
            journal.append([result(number) for number in range(600)])  # enough for the house to be kept
            assert journal.flush(PATIENCE_S)
    assert path.stat().st_size < 10 * megabyte


def test_memory_holds_only_the_newest_of_what_is_committed(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", JournalOptions(commit_s=0.01)) as journal:
        for number in range(5000):
            journal.append([result(number), alert(number)])
            if number % 500 == 0:
                assert journal.flush(PATIENCE_S)
        assert journal.flush(PATIENCE_S)
        tails = journal._memory.tails
        assert sum(len(tail.newest(10_000)) for tail in tails) <= 2 * RECENT
        assert sum(len(tail._entries) for tail in tails) <= 4 * (RECENT + 256)


def test_a_journal_in_memory_keeps_what_waits_and_little_else() -> None:
    with Journal(None, JournalOptions(commit_s=0.001, quota_rows=20_000)) as journal:
        reader = reader_of(journal)
        for number in range(10_000):
            journal.append([result(number)])
        assert journal.flush(PATIENCE_S)
        assert journal.state().rows == 10_000
        assert drain(reader) == list(range(10_000))
        eventually(lambda: journal.state().rows == 2000, what="what was delivered is gone")
        assert [number_of(entry.message) for entry in journal.newest(2)] == [9999, 9998]
        assert journal.state().bytes_on_disk == 0


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_a_long_queue_is_drained_in_order_and_counted(tmp_path: Path, count: int) -> None:
    with Journal(tmp_path / "journal.db", JournalOptions(commit_s=0.01)) as journal:
        reader = reader_of(journal)
        for first in range(0, count, 1000):
            for number in range(first, first + 1000):
                journal.append([result(number)])
            assert journal.flush(PATIENCE_S)
        assert reader.waiting == count
        assert drain(reader) == list(range(count))
        assert (reader.waiting, journal.state().lost) == (0, 0)
