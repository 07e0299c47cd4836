import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_inspector.journal import Journal, JournalOptions
from tests.journal.written import (
    AT_ONCE,
    NOT_YET,
    PATIENCE_S,
    Written,
    alert,
    drain,
    eventually,
    number_of,
    reader_of,
    result,
)


def copy(path: Path, folder: Path) -> Path:
    """Copy a journal as a power loss would leave it: the shared-memory index is gone."""
    folder.mkdir(parents=True)
    shutil.copy(path, folder)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        shutil.copy(log, folder)
    return folder / path.name


def test_entries_and_accounts_are_committed_together(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, NOT_YET) as journal:
        assert journal.last_accounts is None
        journal.append([result(1)], accounts={"inspected": 1})
        journal.append([result(2)])
        assert journal.flush(PATIENCE_S)
        written = Written.read(path)
        assert (written.numbers, written.accounts) == ([1, 2], '{"inspected":1}')
        journal.append([], accounts={"inspected": 2})
        assert journal.flush(PATIENCE_S)
        assert Written.read(path).accounts == '{"inspected":2}'
        journal.append([result(3)])
    with Journal(path, AT_ONCE) as journal:
        assert journal.last_accounts == {"inspected": 2}
    assert Written.read(path).numbers == [1, 2, 3]


def test_a_group_is_committed_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_rows=4, commit_s=3600)) as journal:
        journal.append([result(1), result(2), result(3)])
        journal.append([result(4)])
        eventually(lambda: Written.read(path).numbers == [1, 2, 3, 4], what="four rows are committed")


def test_a_group_is_committed_when_its_first_entry_has_waited_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_rows=1000, commit_s=0.05)) as journal:
        journal.append([result(1)])
        eventually(lambda: Written.read(path).numbers == [1], what="the row is committed")


def test_what_one_append_brings_is_never_divided(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, JournalOptions(commit_rows=4, commit_s=0.001)) as journal:
        for part in range(200):
            journal.append([result(2 * part), alert(2 * part + 1)], accounts={"parts": part + 1})
            written = Written.read(path)
            parts = 0 if written.accounts is None else json.loads(written.accounts)["parts"]
            assert len(written.numbers) == 2 * parts
        journal.append([result(number) for number in range(400, 410)], accounts={"parts": 205})  # more than a group
    assert len(Written.read(path).numbers) == 410


def test_flush_says_when_it_took_too_long(tmp_path: Path) -> None:
    folder = tmp_path / "in the way"
    folder.write_text("a file, where the folder should be")
    with Journal(folder / "journal.db", AT_ONCE) as journal:
        assert journal.flush(0)
        journal.append([result(1)])
        assert not journal.flush(0.01)


def test_the_state_tells_what_it_costs(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", NOT_YET) as journal:
        reader_of(journal)
        assert journal.state().last_commit_age_s is None
        for number in range(30):
            journal.append([result(number)])
            if number % 10 == 9:
                assert journal.flush(PATIENCE_S)
        journal.append([result(30)])
        state = journal.state()
    assert (state.rows, state.pending, state.waiting) == (31, 1, {"sink": 31})
    assert 1 <= state.commits - 2 <= 2  # the places may have been written down by themselves
    assert 30 / 4 <= state.rows_per_commit <= 10
    assert state.commits_per_hour > 0
    assert state.bytes_on_disk > 30 * 200
    assert state.last_commit_age_s is not None
    assert (state.problem, state.set_aside, state.lost) == (None, None, 0)


def test_numbers_go_on_after_a_restart_even_when_every_row_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal:
        journal.append([result(number) for number in range(5)])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM events")
    with Journal(path, AT_ONCE) as journal:
        journal.append([result(5)])
        assert [entry.seq for entry in journal.newest(9)] == [6]


def test_a_power_loss_takes_no_more_than_what_was_not_synced(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, NOT_YET) as journal:
        reader = reader_of(journal)
        for number in range(1, 60):
            journal.append([result(number)], accounts={"count": number})
            if number % 7 == 0:
                assert journal.flush(PATIENCE_S)
                drain(reader)  # its places are written with the next group
        at_the_last_sync = copy(path, tmp_path / "after")
    with Journal(at_the_last_sync, AT_ONCE) as journal:
        assert journal.last_accounts == {"count": 56}
        assert number_of(journal.newest(1)[0].message) == 56
        assert drain(reader_of(journal)) == list(range(50, 57))  # the last group once more
    assert Written.read(at_the_last_sync).numbers == list(range(1, 57))


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(each, marks=pytest.mark.nightly) for each in range(10, 100))]
)
def test_a_torn_log_costs_whole_transactions_from_its_end_and_nothing_else(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "journal.db"
    log = path.with_name("journal.db-wal")
    synced: list[tuple[int, int]] = []  # size of the log, and the last number that is in it
    with Journal(path, NOT_YET) as journal:
        reader = reader_of(journal)
        number = 0
        for _ in range(chance.randint(1, 12)):
            for number in range(number + 1, number + 1 + chance.randint(1, 15)):  # noqa: B020
                journal.append([result(number, size=chance.randint(30, 3000))], accounts={"count": number})
            assert journal.flush(PATIENCE_S)
            synced.append((log.stat().st_size, number))
            if chance.random() < 0.5:
                entry = reader.take()
                assert entry is not None
                reader.settle(entry)
        torn = copy(path, tmp_path / "torn")
    torn_log = torn.with_name("journal.db-wal")
    cut = chance.randint(0, synced[-1][0])
    with torn_log.open("r+b") as file:
        file.truncate(cut)
        file.seek(0, 2)
        file.write(chance.randbytes(chance.choice([0, 1, 100, 5000])))
    safe = max((last for size, last in synced if size <= cut), default=0)
    with Journal(torn, AT_ONCE) as journal:
        accounts = journal.last_accounts
        assert journal.state().set_aside is None
        journal.append([result(1_000_000)])
    written = Written.read(torn)
    count = 0 if accounts is None else accounts["count"]
    assert written.numbers == [*range(1, int(str(count)) + 1), 1_000_000]
    assert count == safe
    assert all(cursor <= written.seqs[-1] for cursor in written.cursors.values())
