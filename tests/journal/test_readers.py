import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from edge_inspector.journal import Journal, JournalOptions, Reader
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.journal.written import (
    AT_ONCE,
    BEHIND,
    NOT_YET,
    PATIENCE_S,
    Written,
    alarm,
    alert,
    drain,
    eventually,
    number_of,
    reader_of,
    result,
    silent,
    stats,
)


def take(reader: Reader) -> int | None:
    entry = reader.take()
    return None if entry is None else number_of(entry.message)


def test_the_most_important_entries_come_first_each_kind_in_order(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        for number in range(0, 9, 3):
            journal.append([stats(number), result(number + 1), alert(number + 2)])
        assert drain(reader) == [2, 5, 8, 1, 4, 7, 0, 3, 6]


def test_a_sink_that_is_behind_is_served_from_the_disk_in_order(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        for number in range(BEHIND):
            journal.append([result(number), alert(number + BEHIND)])
        assert journal.flush(PATIENCE_S)
        for number in range(BEHIND, BEHIND + 5):
            journal.append([result(number)])
        assert reader.waiting == 2 * BEHIND + 5
        assert drain(reader) == [*range(BEHIND, 2 * BEHIND), *range(BEHIND + 5)]
        assert reader.waiting == 0


def test_what_comes_out_of_the_disk_is_what_went_in(tmp_path: Path) -> None:
    message = Message("a/b/top/defect", "kratzer ä \0".encode(), CATALOGUE[Channel.DEFECT], "x/defect.detected")
    with Journal(tmp_path / "journal.db", AT_ONCE) as journal:
        reader_of(journal)
        journal.append([message])
    with Journal(tmp_path / "journal.db", AT_ONCE) as journal:
        entry = reader_of(journal).take()
        assert entry is not None
        assert entry.message == message
        assert entry.message.delivery is CATALOGUE[Channel.DEFECT]


def test_sinks_are_told_that_something_is_new() -> None:
    told = threading.Event()
    with Journal(None, NOT_YET) as journal:
        journal.reader("sink", wake=told.set)
        journal.append([])
        journal.append([alarm(1)])
        assert not told.is_set()
        journal.append([result(2)])
        assert told.is_set()


def test_retained_topics_are_history_and_reach_no_reader(path: Path | None) -> None:
    cleared = Message("hall/alarm/smoke", b"", CATALOGUE[Channel.ALARM])
    present = Message("hall/state", b"{}", CATALOGUE[Channel.STATE])
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([alarm(1), cleared, present, result(2)])
        assert drain(reader) == [2]
        assert [number_of(entry.message) for entry in journal.newest(9)] == [2, 1]


def test_the_newest_entries_come_from_memory_and_disk(path: Path | None) -> None:
    with Journal(path, NOT_YET) as journal:
        reader_of(journal)
        journal.append([alarm(0)])
        journal.append([result(number) for number in range(1, BEHIND)])
        assert journal.flush(PATIENCE_S)
        journal.append([alert(BEHIND), result(BEHIND + 1)])
        numbers = [number_of(entry.message) for entry in journal.newest(10_000)]
        assert numbers == list(range(BEHIND + 1, -1, -1))
        assert [number_of(entry.message) for entry in journal.newest(3)] == numbers[:3]


def test_a_new_sink_begins_at_the_end(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        journal.append([result(1)])
        assert journal.flush(PATIENCE_S)
        journal.append([result(2)])
        reader = reader_of(journal)
        journal.append([result(3)])
        assert (reader.waiting, drain(reader)) == (1, [3])


def test_what_was_not_settled_comes_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(number) for number in range(6)])
        entries = [reader.take() for _ in range(4)]
        for index in (0, 1, 3):  # out of order: the third is still on its way
            entry = entries[index]
            assert entry is not None
            reader.settle(entry)
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        assert reader.waiting == 4
        assert drain(reader) == [2, 3, 4, 5]


def test_entries_may_be_settled_in_any_order(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(number) for number in range(5)])
        entries = [entry for entry in (reader.take() for _ in range(5)) if entry is not None]
        for index in (3, 1, 4, 0, 2):
            reader.settle(entries[index])
            reader.settle(entries[index])  # twice is no harm
        assert reader.waiting == 0
        reader.rewind()
        assert reader.take() is None


def test_a_lost_connection_brings_back_what_was_in_hand_and_nothing_else(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(number) for number in range(6)])
        journal.append([alert(6)])
        entries = [entry for entry in (reader.take() for _ in range(5)) if entry is not None]
        assert [number_of(entry.message) for entry in entries] == [6, 0, 1, 2, 3]
        reader.settle(entries[2])
        reader.rewind()
        assert [take(reader) for _ in range(2)] == [6, 0]
        reader.rewind()  # again, in the middle of it
        assert drain(reader) == [6, 0, 2, 3, 4, 5]


def test_an_acknowledgement_that_comes_after_the_connection_was_lost_counts(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(1), result(2)])
        first = reader.take()
        reader.rewind()
        assert first is not None
        reader.settle(first)
        assert drain(reader) == [2]


def test_a_refused_entry_is_settled_and_kept_with_the_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader, other = reader_of(journal), reader_of(journal, "other")
        journal.append([result(1), result(2)])
        entry = reader.take()
        assert entry is not None
        reader.refuse(entry, "not authorized")
        assert drain(reader) == [2]
        assert drain(other) == [1, 2]
        assert journal.state().dead_letters == {"sink": 1}
    with Journal(path, AT_ONCE) as journal:
        assert (drain(reader_of(journal)), journal.state().dead_letters) == ([], {"sink": 1})
    assert dead_letters(path) == [("sink", "1/inspection.completed", "not authorized")]


def test_only_the_newest_dead_letters_are_kept_but_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.journal.schema.MOST_DEAD_LETTERS", 10)
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_s=0.001, commit_rows=1)) as journal:
        reader = reader_of(journal)
        for number in range(25):
            journal.append([result(number)])
            entry = reader.take()
            assert entry is not None
            reader.refuse(entry, "too large")
        journal.append([result(99)])
    with Journal(path, AT_ONCE) as journal:
        assert journal.state().dead_letters == {"sink": 25}
    assert [row[1].split("/")[0] for row in dead_letters(path)] == [str(number) for number in range(15, 25)]


def dead_letters(path: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT sink, id, reason FROM dead_letters ORDER BY number").fetchall()


def test_a_second_reader_of_a_sink_takes_over_from_the_first(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        first = reader_of(journal)
        journal.append([result(1), result(2)])
        first.take()
        second = reader_of(journal)
        assert (second.waiting, drain(second)) == (2, [1, 2])
        assert journal.state().waiting == {"sink": 0}


def test_settling_alone_reaches_the_disk_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(1), result(2)])
        assert journal.flush(PATIENCE_S)
        drain(reader)
        eventually(lambda: Written.read(path).cursors[("sink", 1)] == 2, what="the place is written down")


def test_one_sink_has_no_influence_on_where_another_is(path: Path | None) -> None:
    with Journal(path, AT_ONCE) as journal:
        slow, quick = reader_of(journal, "slow"), journal.reader("quick", wake=silent)
        for number in range(BEHIND):
            journal.append([result(number)])
            assert take(quick) == number
        assert journal.flush(PATIENCE_S)
        assert drain(slow) == list(range(BEHIND))
        assert (slow.waiting, quick.waiting) == (0, BEHIND)
