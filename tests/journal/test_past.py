import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.journal import ALERTS, HISTORY, RESULTS, Entry, Journal, JournalOptions
from edge_inspector.journal.entry import LANES
from edge_inspector.journal.tail import RECENT
from edge_inspector.topics import Message
from tests.journal.disks import small_disk
from tests.journal.written import (
    AT_ONCE,
    BEHIND,
    NOT_YET,
    PATIENCE_S,
    alarm,
    alert,
    eventually,
    number_of,
    reader_of,
    result,
    stats,
)


def numbers(entries: list[Entry]) -> list[int]:
    return [number_of(entry.message) for entry in entries]


def of_each_kind(number: int) -> list[Message]:
    return [alert(number), result(number + 1), alarm(number + 2), stats(number + 3)]


def since(journal: Journal, seq: int, limit: int, lanes: Sequence[int] = LANES) -> list[Entry]:
    """Return the first entries above a number; none while they cannot be read."""
    stretch = journal.past.stretch(seq, limit, lanes)
    return [] if stretch is None else list(stretch.entries)


def followed(journal: Journal, seq: int, lanes: tuple[int, ...], *, at_once: int) -> list[int]:
    """Return the numbers of all that comes after a place, read in steps."""
    found: list[int] = []
    while entries := since(journal, seq, at_once, lanes):
        assert len(entries) <= at_once
        found += numbers(entries)
        seq = entries[-1].seq
    return found


def test_what_came_after_a_number_is_told_in_order_and_of_the_lanes_that_are_asked_for(path: Path | None) -> None:
    with Journal(path, NOT_YET) as journal:
        for number in range(0, 40, 4):
            journal.append(of_each_kind(number))
            if number == 20:
                assert journal.flush(PATIENCE_S)
        assert numbers(since(journal, 0, 99)) == list(range(40))
        alerts_and_alarms = [number for number in range(40) if number % 4 in {0, 2}]
        assert numbers(since(journal, 0, 99, (ALERTS, HISTORY))) == alerts_and_alarms
        assert numbers(since(journal, 0, 7, (ALERTS, HISTORY))) == alerts_and_alarms[:7]
        assert [entry.seq for entry in since(journal, 20, 3, (RESULTS,))] == [22, 26, 30]
        assert since(journal, journal.last_seq, 99) == []


@pytest.mark.parametrize("at_once", [1, 50, RECENT, 5000])
def test_a_follower_that_is_behind_gets_everything_once_whatever_it_takes_at_a_time(
    path: Path | None, at_once: int
) -> None:
    with Journal(path, NOT_YET) as journal:
        for number in range(0, 4 * BEHIND, 4):
            journal.append(of_each_kind(number))
        assert journal.flush(PATIENCE_S)
        journal.append(of_each_kind(4 * BEHIND))  # waits for its commit
        wanted = [number for number in range(4 * BEHIND + 4) if number % 4 in {0, 1, 2}]
        assert followed(journal, 0, (ALERTS, RESULTS, HISTORY), at_once=at_once) == wanted


@pytest.mark.parametrize("at_once", [1, 50, RECENT, 5000])
def test_where_to_go_on_is_told_also_where_not_all_was_taken(path: Path | None, at_once: int) -> None:
    with Journal(path, NOT_YET) as journal:
        for number in range(0, 4 * BEHIND, 4):
            journal.append(of_each_kind(number))
        assert journal.flush(PATIENCE_S)
        found, seq = [], 0
        while seq < journal.last_seq:
            stretch = journal.past.recent(seq, at_once, (ALERTS,)) or journal.past.stretch(seq, at_once, (ALERTS,))
            assert stretch is not None
            found += numbers(list(stretch.entries))
            seq = stretch.through
        assert found == list(range(0, 4 * BEHIND, 4))


def test_what_comes_while_the_disk_is_read_takes_nothing_else_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path / "journal.db", NOT_YET) as journal:
        journal.append([alert(number) for number in range(BEHIND)])
        assert journal.flush(PATIENCE_S)
        read = journal._archive.after

        def read_when_more_has_come(lane: int, seq: int, limit: int) -> list[Entry] | None:
            monkeypatch.setattr(journal._archive, "after", read)
            journal.append([alarm(BEHIND), alert(BEHIND + 1)])
            assert journal.flush(PATIENCE_S)
            return read(lane, seq, limit)

        monkeypatch.setattr(journal._archive, "after", read_when_more_has_come)
        assert followed(journal, 0, (ALERTS, HISTORY), at_once=5000) == list(range(BEHIND + 2))


@given(
    batches=st.lists(st.lists(st.sampled_from("ariS"), max_size=200), max_size=6),
    start=st.integers(0, 300),
    at_once=st.integers(1, 400),
)
def test_however_it_came_what_is_followed_is_what_was_recorded(
    batches: list[list[str]], start: int, at_once: int
) -> None:
    lanes = {"a": ALERTS, "r": RESULTS, "i": HISTORY}
    make = {"a": alert, "r": result, "i": alarm, "S": stats}
    with Journal(None, NOT_YET) as journal:
        kinds: list[str] = []
        for batch in batches:
            journal.append([make[kind](len(kinds) + place) for place, kind in enumerate(batch)])
            kinds += batch
            assert journal.flush(PATIENCE_S)
        wanted = [number for number, kind in enumerate(kinds) if number >= start and kind in lanes]
        assert followed(journal, start, tuple(lanes.values()), at_once=at_once) == wanted
        count = journal.past.count(start, journal.last_seq, tuple(lanes.values()))
        assert count == len(wanted)


def test_it_goes_on_over_a_restart_also_where_an_alarm_alone_came(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        journal.append([alert(0), result(1)])
        seq = journal.last_seq
        journal.append([alarm(2)])
        epoch = journal.epoch
    with Journal(path, AT_ONCE) as journal:
        assert journal.first_seq == journal.last_seq == 3
        assert journal.epoch != epoch
        journal.append([alert(3)])
        assert numbers(since(journal, seq, 99, (ALERTS, HISTORY))) == [2, 3]


def test_the_end_is_told_where_nothing_of_a_kind_came_so_that_the_disk_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        journal.append([result(number) for number in range(BEHIND)])
    with Journal(path, AT_ONCE) as journal:
        assert journal.past.recent(5, 99, (ALERTS,)) is None
        stretch = journal.past.stretch(5, 99, (ALERTS,))
        assert stretch is not None
        assert (list(stretch.entries), stretch.through) == ([], BEHIND)
        assert journal.past.recent(stretch.through, 99, (ALERTS,)) is not None


def test_nothing_is_passed_over_while_the_disk_is_away(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    with Journal(home / "journal.db", AT_ONCE) as journal:
        journal.append([alert(0), alert(1)])
    home.rename(away)
    home.write_text("not mounted yet")
    with Journal(home / "journal.db", AT_ONCE) as journal:
        journal.append([alert(2)])
        assert since(journal, 1, 99) == []
        assert journal.past.stretch(1, 99) is None
        begin = journal.past.recent_begins_after()
        recent = journal.past.recent(begin, 99)
        assert recent is not None
        assert numbers(list(recent.entries)) == [2]
        home.unlink()
        away.rename(home)
        eventually(lambda: since(journal, 1, 99), what="it can be read")
        assert numbers(since(journal, 1, 99)) == [1, 2]


def test_a_full_disk_keeps_nothing_from_those_who_follow(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kb=2048) as disk, Journal(disk.folder / "journal.db", AT_ONCE) as journal:
        journal.append([alert(0)])
        assert journal.flush(PATIENCE_S)
        disk.fill()
        for number in range(1, 3000):  # more than the log has room for
            journal.append([alert(number)])
        eventually(lambda: journal.state().problem, what="the journal says that something is wrong")
        assert followed(journal, 0, (ALERTS,), at_once=64) == list(range(3000))


def test_what_was_given_up_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with Journal(tmp_path / "file" / "journal.db", JournalOptions(quota_rows=100)) as journal:
        begin = journal.last_seq
        journal.append([alert(number) for number in range(150)])
        assert journal.past.recent(begin, 999, (ALERTS,)) is None
        recent = journal.past.recent(journal.past.recent_begins_after((ALERTS,)), 999, (ALERTS,))
        assert recent is not None
        assert numbers(list(recent.entries)) == list(range(50, 150))


def test_those_who_listen_are_told_of_everything_until_they_stop(tmp_path: Path) -> None:
    told = threading.Event()
    with Journal(tmp_path / "journal.db", NOT_YET) as journal:
        stop = journal.listen(told.set)
        for message in (alert(0), result(1), alarm(2)):
            told.clear()
            journal.append([message])
            assert told.is_set()
        told.clear()
        journal.append([], accounts={"count": 1})
        assert not told.is_set()
        stop()
        stop()  # twice is no harm
        journal.append([alert(3)])
        assert not told.is_set()


def test_those_who_listen_are_told_when_the_disk_can_be_read_again(tmp_path: Path) -> None:
    told = threading.Event()
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        journal.append([alert(0)])
        assert journal.flush(PATIENCE_S)
        journal.listen(told.set)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            journal.append([alert(1)])
            eventually(lambda: journal.state().problem, what="the journal says that something is wrong")
            told.clear()
            other.execute("ROLLBACK")
        assert told.wait(PATIENCE_S)


def test_who_follows_keeps_nothing_from_being_deleted(tmp_path: Path) -> None:
    options = JournalOptions(commit_s=0.01, keep_rows=100)
    with Journal(tmp_path / "journal.db", options) as journal:
        reader = reader_of(journal)
        journal.append([alert(number) for number in range(2000)])
        while (entry := reader.take()) is not None:
            reader.settle(entry)
        eventually(lambda: journal.state().rows <= 100, what="old rows are deleted")
        found = followed(journal, 0, (ALERTS,), at_once=64)
        assert found == list(range(2000 - len(found), 2000))
        assert len(found) >= 100
