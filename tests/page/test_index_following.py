"""How the index follows the journal: over restarts and crashes, from scratch, and where the disk takes nothing."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from edge_inspector.dispositions import Disposition
from edge_inspector.errors import InspectorError
from edge_inspector.inspection import InspectionResult
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.journal.tail import RECENT
from edge_inspector.page.index import keeping
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import Choices, ResultFilter
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.mosquitto import eventually
from tests.page.indexed import AT, AT_ONCE, PATIENCE_S, WRITER, all_rows, caught_up, following, part, put, word
from tests.small_disk import fill, small_disk

MANY = 400  # parts, of which the first are no longer in the journal's memory


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the index commit, look after itself, and try a disk again, more often than a person would notice."""
    for name in ("_COMMIT_S", "_TIDY_S", "_TIDY_MORE_S", "_IDLE_S", "_RETRY_S"):
        monkeypatch.setattr(keeping, name, 0.05)
    monkeypatch.setattr("edge_inspector.journal.writer._IDLE_S", 0.05)


def parts(first: int, end: int) -> list[InspectionResult]:
    """Return parts; every seventh has a dent."""
    return [part(number, *(["dent"] if number % 7 == 0 else [])) for number in range(first, end)]


def numbers(index: Index) -> list[int]:
    """Return the numbers of all parts that are found, in order."""
    return sorted(int((row.part_id or "-1").rpartition("-")[2]) for row in all_rows(index, limit=200))


def copy(source: Path, target: Path) -> None:
    """Put a database that nobody has open in the place of another."""
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    shutil.copy(source, target)


def test_it_goes_on_where_it_was_and_finds_what_came_while_it_was_away(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, 10))
        caught_up(index, journal)
    with Journal(tmp_path / "journal.db", AT_ONCE) as journal:
        put(journal, *parts(10, 300))
    with following(tmp_path) as (journal, index):
        put(journal, *parts(300, 310))
        caught_up(index, journal)
        assert numbers(index) == list(range(310))
        assert index.counts(AT, AT + timedelta(hours=1)).parts == 310


@pytest.mark.parametrize("harm", ["gone", "garbage", "other version", "torn", "no tables", "a table missing"])
def test_a_file_that_cannot_be_used_is_made_anew_from_the_journal(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "index.db"
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, MANY))
        journal.append([word(part(7, "dent"), Disposition.FALSE_REJECT)])
        caught_up(index, journal)
    match harm:
        case "gone":
            path.unlink()
        case "garbage":
            path.write_bytes(b"no database at all, " * 1000)
        case "other version":
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA user_version = 99")
        case "torn":
            content = bytearray(path.read_bytes())
            content[5 * 4096 : 9 * 4096] = bytes(4 * 4096)
            path.write_bytes(content)
        case "no tables":
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript("DROP TABLE place; DROP TABLE marks;")
        case "a table missing":
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript("DROP TABLE marks;")
    with following(tmp_path) as (journal, index):
        put(journal, part(MANY, "dent"))
        caught_up(index, journal)
        eventually(lambda: index.state().problem is None, what="there is a file again")
        caught_up(index, journal)
        assert numbers(index) == list(range(MANY + 1))
        assert index.state().indexed == MANY + 1
        assert len(all_rows(index, ResultFilter(is_judged=True))) == 1


def test_an_index_that_lost_its_last_rows_reads_them_again(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, 20))
        caught_up(index, journal)
    shutil.copy(tmp_path / "index.db", tmp_path / "older.db")
    with following(tmp_path) as (journal, index):
        put(journal, *parts(20, 300))
        caught_up(index, journal)
    copy(tmp_path / "older.db", tmp_path / "index.db")
    with following(tmp_path) as (journal, index):
        caught_up(index, journal)
        assert numbers(index) == list(range(300))


def test_what_the_journal_lost_in_a_crash_and_numbers_again_is_not_mixed_up(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, 20))
        caught_up(index, journal)
    shutil.copy(tmp_path / "journal.db", tmp_path / "older.db")
    with following(tmp_path) as (journal, index):
        lost = put(journal, *parts(20, 30))
        journal.append([word(part(0, "dent"), Disposition.FALSE_REJECT)])
        caught_up(index, journal)
        assert index.find(lost[0].inspection_id)
    copy(tmp_path / "older.db", tmp_path / "journal.db")
    with following(tmp_path) as (journal, index):
        put(journal, *parts(50, 60))
        caught_up(index, journal)
        assert numbers(index) == [*range(20), *range(50, 60)]
        assert all_rows(index, ResultFilter(is_judged=True)) == []


def test_an_index_of_another_journal_is_made_anew(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, 20))
        caught_up(index, journal)
        assert journal.flush(PATIENCE_S)
    with Journal(tmp_path / "another.db", AT_ONCE) as journal:
        put(journal, *parts(500, 600))
    with (
        Journal(tmp_path / "another.db", AT_ONCE) as journal,
        Index(journal, tmp_path / "index.db", random_share=0) as index,
    ):
        caught_up(index, journal)
        assert numbers(index) == list(range(500, 600))


def test_new_events_do_not_wait_for_the_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_PAUSE_S", 3600.0)
    with Journal(tmp_path / "journal.db", AT_ONCE) as journal:
        put(journal, *parts(0, MANY))
        with Index(journal, tmp_path / "index.db", random_share=0) as index:
            eventually(lambda: index.state().indexed, what="the first piece of the past is read")
            (new,) = put(journal, part(MANY, "dent"))
            eventually(lambda: index.find(new.inspection_id), what="the new part is found")
            assert index.state().behind > 0
            assert index.state().indexed < MANY


def test_what_the_journal_no_longer_keeps_is_forgotten(tmp_path: Path) -> None:
    options = JournalOptions(commit_s=0.01, keep_rows=100)
    with following(tmp_path, options=options) as (journal, index):
        put(journal, part(0, "scratch", lot="L-0"), *parts(1, 50))
        journal.append([word(part(0, "scratch"), Disposition.FALSE_REJECT)])
        caught_up(index, journal)
        assert index.choices().labels == ("dent", "scratch")
        hours_later = [part(number, "dent", at=AT + timedelta(hours=number)) for number in range(50, MANY)]
        put(journal, *hours_later)
        caught_up(index, journal)
        eventually(lambda: index.state().indexed <= RECENT, what="old rows have gone")
        eventually(lambda: index.choices() == Choices(("dent",), ("L-1",), ("cover",)), what="old names have gone")
        left = numbers(index)
        assert left == list(range(MANY - len(left), MANY))
        assert index.counts(AT, AT + timedelta(days=30)).parts == len(left)
        assert index.history(part(0, "scratch").inspection_id) == []


def test_a_full_disk_costs_the_old_rows_until_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_RETRY_S", 3600.0)
    with (
        small_disk(tmp_path / "disk", size="2m") as disk,
        Journal(tmp_path / "journal.db", AT_ONCE) as journal,
        Index(journal, disk / "index.db", random_share=0) as index,
    ):
        put(journal, *parts(0, 20))
        caught_up(index, journal)
        ballast = fill(disk, leave=0)
        put(journal, *parts(20, MANY))
        eventually(lambda: index.state().problem, what="it says that the disk is full")
        put(journal, *parts(MANY, MANY + 10))
        caught_up(index, journal)
        assert numbers(index) == list(range(MANY + 10))  # fewer than fit into memory
        eventually(lambda: journal.state().waiting["page"] == 0, what="the journal waits for nobody")
        ballast.unlink()
        monkeypatch.setattr(keeping, "_RETRY_S", 0.05)
        eventually(lambda: index.state().problem is None, what="it works again")
        put(journal, *parts(MANY + 10, MANY + 20))
        caught_up(index, journal)
        assert numbers(index) == list(range(MANY + 20))


def test_a_place_that_cannot_be_written_is_told_and_the_newest_results_are_found(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with (
        Journal(tmp_path / "journal.db", AT_ONCE) as journal,
        Index(journal, blocked / "index.db", random_share=0) as index,
    ):
        put(journal, *parts(0, 10))
        caught_up(index, journal)
        assert numbers(index) == list(range(10))
        problem = index.state().problem
        assert problem is not None
        assert "index.db" in problem
        blocked.unlink()
        eventually(lambda: index.state().problem is None, what="it works again")
        caught_up(index, journal)
        assert numbers(index) == list(range(10))
    assert (blocked / "index.db").is_file()


def test_a_file_that_is_damaged_while_it_is_open_is_made_anew(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, MANY))
        caught_up(index, journal)
        opened = index._keeping._database
        assert opened is not None
        path = tmp_path / "index.db"
        with opened.reading(PATIENCE_S) as connection:  # the index tidies at any time: not while this goes on
            assert connection is not None
            if connection.in_transaction:
                connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(b"\x07" * (path.stat().st_size - 4096))
            connection.execute("PRAGMA shrink_memory")
        with pytest.raises(InspectorError, match="cannot be read"):
            all_rows(index, limit=200)
        eventually(lambda: index._keeping._database is not opened, what="another database is in use")
        eventually(lambda: index.state().problem is None, what="it is on disk again")
        caught_up(index, journal)
        assert numbers(index) == list(range(MANY))


def test_in_memory_it_keeps_the_newest_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_IN_MEMORY", 50)
    with following(tmp_path, on_disk=False) as (journal, index):
        put(journal, *parts(0, 200))
        caught_up(index, journal)
        eventually(lambda: index.state().indexed <= 50, what="the oldest have gone")
        left = numbers(index)
        assert left == list(range(200 - len(left), 200))
        assert len(left) >= 40


def test_events_that_say_what_they_must_not_are_passed_over(tmp_path: Path) -> None:
    (message,) = WRITER.of_result(part(1))
    odd: list[dict[str, object]] = [
        {"part_id": {}},
        {"captured_at": 5},
        {"frames_total": 1 << 80},
        {"lot": "\ud800"},
        {"outcome": "x"},
    ]
    delivery = CATALOGUE[Channel.RESULT]
    with following(tmp_path) as (journal, index):
        for number, values in enumerate(odd):
            event = json.loads(message.payload)
            event["data"] |= {"inspection_id": f"odd-{number}", **values}
            journal.append([Message("t", json.dumps(event).encode(), delivery, f"odd-{number}/inspection.completed")])
        journal.append([Message("t", b"\xff{", delivery, "odd/inspection.completed")])
        journal.append([Message("t", b"[]", delivery, "odder/disposition.recorded")])
        put(journal, *parts(0, 5))
        caught_up(index, journal)
        assert numbers(index) == list(range(5))
        assert index.state().problem is None
        assert index.counts(AT, AT + timedelta(hours=1)).parts == 5


def test_who_asks_after_the_end_is_told_so(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, *parts(0, 2))
        caught_up(index, journal)
    with pytest.raises(InspectorError):
        index.last()


def test_what_was_seen_is_on_the_disk_after_the_end(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        results = put(journal, *parts(0, 5))
        caught_up(index, journal)
    with closing(sqlite3.connect(tmp_path / "index.db")) as connection:
        found = {row[0] for row in connection.execute("SELECT key FROM results")}
    assert found == {result.inspection_id for result in results}
