import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.journal import database as database_module
from tests.journal.disks import small_disk
from tests.journal.written import AT_ONCE, PATIENCE_S, Written, alert, drain, eventually, reader_of, result, stats


def fill_journal(path: Path, count: int, *, size: int = 200, settle: bool = True) -> None:
    """Write a journal with the results 1 to `count`, of which one sink has settled all, or none."""
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        for number in range(1, count + 1):
            journal.append([result(number, size=size)], accounts={"count": number})
        if settle:
            drain(reader)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kb=2048) as disk, Journal(disk.folder / "journal.db", AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(0)])
        assert journal.flush(PATIENCE_S)
        disk.fill()
        for number in range(1, 3000):  # more than the log has room for
            journal.append([result(number)], accounts={"count": number})
        eventually(lambda: journal.state().problem, what="the journal says that something is wrong")
        assert "full" in str(journal.state().problem)
        assert journal.state().pending > 0
        assert drain(reader) == list(range(3000)), "readers are served all the same"
        disk.empty()
        assert journal.flush(PATIENCE_S)
        eventually(lambda: journal.state().problem is None, what="the journal says that all is well")
        written = Written.read(disk.folder / "journal.db")
        assert (written.numbers, written.accounts) == (list(range(3000)), '{"count":2999}')


def test_a_disk_that_is_full_at_the_start_is_tried_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kb=1024) as disk:
        disk.fill()
        with Journal(disk.folder / "home" / "journal.db", AT_ONCE) as journal:
            assert journal.state().problem is not None
            reader = reader_of(journal)
            journal.append([result(1)], accounts={"count": 1})
            assert drain(reader) == [1]
            disk.empty()
            assert journal.flush(PATIENCE_S)
            journal.append([result(2)])
        assert Written.read(disk.folder / "home" / "journal.db").numbers == [1, 2]


def test_a_journal_on_a_read_only_disk_knows_where_it_was_and_goes_on_when_it_can(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kb=4096) as disk:
        path = disk.folder / "journal.db"
        fill_journal(path, 400, settle=False)
        disk.remount("ro")
        with Journal(path, AT_ONCE) as journal:
            assert journal.last_accounts == {"count": 400}
            reader = reader_of(journal)
            journal.append([result(401)], accounts={"count": 401})
            assert reader.waiting == 401
            assert drain(reader) == list(range(1, 402))
            eventually(lambda: journal.state().problem, what="the journal says that something is wrong")
            disk.remount("rw")
            assert journal.flush(PATIENCE_S)
            journal.append([result(402)])
        written = Written.read(path)
        assert (written.numbers, written.seqs) == (list(range(1, 403)), list(range(1, 403)))
        assert written.cursors[("sink", 1)] == 401


def test_a_home_that_appears_late_is_joined_and_its_events_come_first(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    fill_journal(home / "journal.db", 300, settle=False)
    home.rename(away)
    home.write_text("not mounted yet")
    with Journal(home / "journal.db", AT_ONCE) as journal:
        assert (journal.last_accounts, journal.state().problem is None) == (None, False)
        reader = reader_of(journal)
        journal.append([result(301)])
        entry = reader.take()
        assert entry is not None
        home.unlink()
        away.rename(home)
        journal.append([result(302)])
        assert journal.flush(PATIENCE_S)
        reader.settle(entry)
        journal.append([result(303)])
        assert drain(reader) == list(range(1, 304))
        assert (reader.waiting, journal.state().waiting) == (0, {"sink": 0})
        assert journal.state().set_aside is None
    assert Written.read(home / "journal.db").numbers == list(range(1, 304))


def test_memory_is_bounded_while_the_disk_is_away_and_the_least_important_go_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with Journal(tmp_path / "file" / "journal.db", JournalOptions(quota_rows=100)) as journal:
        reader = reader_of(journal)
        for number in range(100):
            journal.append([stats(number), result(100 + number), alert(200 + number)])
        state = journal.state()
        assert (state.pending, state.lost) == (100, 200)
        assert drain(reader) == list(range(200, 300))
        assert state.evicted == {"sink": {"stats": 100, "result": 100}}


def test_memory_is_bounded_in_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.journal.memory.MOST_PENDING_BYTES", 100_000)
    (tmp_path / "file").write_text("no folder")
    with Journal(tmp_path / "file" / "journal.db", AT_ONCE) as journal:
        for number in range(1000):
            journal.append([result(number, size=1000)])
        state = journal.state()
        assert 90 <= state.pending <= 100
        assert state.lost == 1000 - state.pending


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(30_000))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def header_only(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def other_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (a)")


def page_of_noise(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 9 * 4096] = random.Random(2).randbytes(4096)
    path.write_bytes(content)


def missing_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE places")


@pytest.mark.parametrize("harm", [garbage, half, header_only, other_program, page_of_noise, missing_table])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / "journal.db"
    fill_journal(path, 200)
    harm(path)
    harmed = path.read_bytes()
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        set_aside = journal.state().set_aside
        assert set_aside is not None
        assert set_aside.startswith(f"{path} could not be used (")
        assert "renamed to journal.db.damaged-1 and a new one begun" in set_aside
        journal.append([result(1)])
        assert drain(reader) == [1]
        assert journal.flush(PATIENCE_S)
    assert Written.read(path).numbers == [1]
    assert (tmp_path / "journal.db.damaged-1").read_bytes() == harmed
    with Journal(path, AT_ONCE) as journal:
        assert journal.state().set_aside is None


def test_the_accounts_and_the_numbers_of_a_damaged_file_are_kept_where_they_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    fill_journal(path, 200)
    page_of_noise(path)
    with Journal(path, AT_ONCE) as journal:
        assert journal.last_accounts == {"count": 200}
    with Journal(path, AT_ONCE) as journal:
        assert journal.last_accounts == {"count": 200}
        journal.append([result(1)])
        assert [entry.seq for entry in journal.newest(9)] == [201]


def test_an_empty_file_and_one_without_its_log_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    with Journal(path, AT_ONCE) as journal:
        journal.append([result(1)])
        assert journal.flush(PATIENCE_S)
        shutil.copy(path, tmp_path / "without its log.db")
        assert journal.state().set_aside is None
    with Journal(tmp_path / "without its log.db", AT_ONCE) as journal:
        journal.append([result(2)])
        assert journal.flush(PATIENCE_S)


@pytest.mark.parametrize("content", [b"", b"\0" * 50_000, random.Random(3).randbytes(50_000)])
def test_a_log_of_garbage_is_no_damage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    fill_journal(path, 10)
    path.with_name("journal.db-wal").write_bytes(content)
    path.with_name("journal.db-shm").write_bytes(content)
    with Journal(path, AT_ONCE) as journal:
        assert journal.state().set_aside is None
        assert len(journal.newest(99)) == 10


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(each, marks=pytest.mark.nightly) for each in range(10, 300))]
)
def test_no_damage_keeps_a_journal_from_taking_what_comes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader_of(journal)
        journal.append([result(number) for number in range(300)])
        assert journal.flush(PATIENCE_S)
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", tmp_path / f"copy.db{suffix}")
    copy = tmp_path / f"copy.db{chance.choice(['', '-wal'])}"
    content = bytearray(copy.read_bytes())
    for _ in range(chance.choice([1, 10, 1000])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    copy.write_bytes(content)
    with Journal(tmp_path / "copy.db", AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([alert(1000), result(1001)])
        numbers: set[bytes] = set()

        def arrived() -> bool:
            while (entry := reader.take()) is not None:
                numbers.add(entry.message.payload.rstrip())
                reader.settle(entry)
            return {b'{"number":1000}', b'{"number":1001}'} <= numbers

        eventually(arrived, what="what is new arrives")
        assert journal.flush(PATIENCE_S)
        assert journal.state().problem is None


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for number in range(5):
        path.write_text(f"no database {number}" * 100)
        with Journal(path, AT_ONCE):
            pass
    assert sorted(each.name for each in tmp_path.glob("*.damaged-*")) == [
        "journal.db.damaged-3",
        "journal.db.damaged-4",
        "journal.db.damaged-5",
    ]
    assert "no database 2" in (tmp_path / "journal.db.damaged-3").read_text()


def test_the_file_of_a_newer_version_is_kept_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    fill_journal(path, 3)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 7")
    with Journal(path, AT_ONCE) as journal:
        set_aside = str(journal.state().set_aside)
        assert "it has schema version 7, expected 1" in set_aside
        assert "renamed to journal.db.newer-1" in set_aside
        journal.append([result(9)])
    assert Written.read(path).numbers == [9]
    assert Written.read(tmp_path / "journal.db.newer-1").numbers == [1, 2, 3]


def test_what_is_in_memory_is_written_again_when_the_file_is_damaged_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        for number in range(50):
            journal.append([result(number)], accounts={"count": number})
        assert journal.flush(PATIENCE_S)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DROP TABLE events")
        for number in range(50, 60):
            journal.append([result(number)], accounts={"count": number})
        eventually(lambda: journal.state().set_aside, what="the file is set aside")
        assert journal.flush(PATIENCE_S)
        assert drain(reader) == list(range(60))
        assert journal.state().problem is None
    written = Written.read(path)
    assert (written.numbers, written.accounts) == (list(range(60)), '{"count":59}')


def test_a_file_that_is_removed_while_it_runs_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "home" / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        journal.append([result(1)])
        assert journal.flush(PATIENCE_S)
        shutil.rmtree(path.parent)
        eventually(lambda: journal.state().set_aside, what="the loss is noticed")
        assert "it was removed or replaced" in str(journal.state().set_aside)
        journal.append([result(2)])
        assert drain(reader) == [1, 2]
    assert Written.read(path).numbers == [1, 2]


def test_what_a_sink_misses_because_the_file_was_damaged_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        for number in range(1000):
            journal.append([result(number)])
        assert journal.flush(PATIENCE_S)
        path.unlink()
        eventually(lambda: journal.state().set_aside, what="the loss is noticed")
        arrived = drain(reader)
        assert arrived == list(range(1000 - len(arrived), 1000))
        assert journal.state().evicted == {"sink": {"result": 1000 - len(arrived)}}
        assert reader.waiting == 0


def test_a_large_file_is_checked_while_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    fill_journal(path, 2000)
    page_of_noise(path)
    monkeypatch.setattr(database_module, "CHECKED_AT_OPEN_BYTES", 1000)
    monkeypatch.setattr("edge_inspector.journal.store.CHECKED_AT_OPEN_BYTES", 1000)
    with Journal(path, AT_ONCE) as journal:
        assert journal.state().set_aside is None
        reader_of(journal)
        journal.append([result(2001)])
        eventually(lambda: journal.state().set_aside, what="the damage is found")
        eventually(
            lambda: not any(thread.name == "journal-check" for thread in threading.enumerate()),
            what="the check has ended",
        )
    assert 2001 in Written.read(path).numbers


def test_a_file_that_another_program_locks_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        reader = reader_of(journal)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            journal.append([result(1)])
            assert drain(reader) == [1]
            eventually(lambda: journal.state().problem, what="the journal says that something is wrong")
            assert "locked" in str(journal.state().problem)
            other.execute("ROLLBACK")
        assert journal.flush(PATIENCE_S)
    assert Written.read(path).numbers == [1]


def test_closing_on_a_disk_that_takes_nothing_says_what_was_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with Journal(tmp_path / "file" / "journal.db", AT_ONCE) as journal:
        journal.append([result(1), result(2)])
    assert "closed with 2 events that are not on disk" in caplog.text
