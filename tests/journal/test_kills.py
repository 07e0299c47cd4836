import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from edge_inspector.journal import Journal, Tally
from tests.journal.written import AT_ONCE, Written, drain, reader_of


class Victims:
    """Runs of `killed.py`, or another one of its kind, one after the other, each of which is killed."""

    def __init__(self, module: str = "tests.journal.killed") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def run_and_kill(self, path: Path, seed: int, *, after_s: float) -> list[list[str]]:
        """Let one run for `after_s` seconds, kill it, and return the words of what it said, line by line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path} {seed}\n")
        self._process.stdin.flush()
        lines = self._lines()
        first = next(lines)
        assert first[0] == "runs"
        killer = threading.Timer(after_s, os.kill, (int(first[1]), signal.SIGKILL))
        killer.start()
        said = [first, *lines]  # read meanwhile, so that it never waits for us
        killer.join()
        return said

    def _lines(self) -> Iterator[list[str]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "ended\n":
                return
            yield line.split()


def kill_often(path: Path, *, kills: int) -> None:
    chance = random.Random(kills)
    delivered: set[int] = set()
    count, tallied = 0, None  # of the tally nothing is known where a run did not live to say something
    with Victims() as victims:
        for seed in range(kills):
            said = victims.run_and_kill(path, seed, after_s=chance.uniform(0, 0.25))
            if tallied is not None:
                assert tallied <= int(said[0][2]) <= tallied + 1  # it may count one more and not live to say so
            tallied = max((int(words[1]) for words in said if words[0] == "tally"), default=None)
            delivered.update(int(words[1]) for words in said if words[0] == "delivered")
            committed = max((int(words[1]) for words in said if words[0] == "committed"), default=count)

            written = Written.read(path)
            count = len(written.numbers)
            assert written.numbers == list(range(1, count + 1)), "a gap-free beginning of what was appended"
            assert len(set(written.ids)) == count
            assert (0 if written.accounts is None else json.loads(written.accounts)["count"]) == count
            assert count >= committed
            assert all(cursor <= max([0, *written.seqs]) for cursor in written.cursors.values())
            delivered = {number for number in delivered if number <= count}  # later numbers will be given once more
            with Tally(path.with_name("tally")) as tally:
                assert tally.problem is None
    with Tally(path.with_name("tally")) as tally:
        tally.forget()
    with Journal(path, AT_ONCE) as journal:
        delivered.update(drain(reader_of(journal)))
        assert journal.state().set_aside is None
    assert delivered == set(range(1, count + 1)), "everything on record was delivered"
    assert count > kills


def test_a_journal_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    kill_often(tmp_path / "home" / "journal.db", kills=8)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_journal_survives_being_killed_two_hundred_times(tmp_path: Path) -> None:
    kill_often(tmp_path / "home" / "journal.db", kills=200)
