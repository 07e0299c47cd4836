"""Whatever the order of events: every sink gets every entry at least once, each kind in order, across restarts."""

import shutil
import tempfile
from bisect import insort
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from edge_inspector.journal import Entry, Journal, JournalOptions, Reader
from tests.journal.written import PATIENCE_S, Written, alert, number_of, reader_of, result, stats

LANES = (alert, result, stats)
SINKS = ("near", "far")
OPTIONS = JournalOptions(commit_rows=3, commit_s=0.003)


@dataclass
class Expected:
    """What one lane of one sink must give: first what is to be taken again, then what follows `next_index`."""

    next_index: int
    again: list[int] = field(default_factory=list)
    taken: dict[int, Entry] = field(default_factory=dict)

    def take(self, log: list[int]) -> int | None:
        if self.again:
            return self.again.pop(0)
        if self.next_index < len(log):
            self.next_index += 1
            return self.next_index - 1
        return None

    def rewind(self) -> None:
        for index in self.taken:
            insort(self.again, index)
        self.taken.clear()

    def restart(self, settled: int) -> None:
        """Begin after the first `settled` entries."""
        self.next_index = settled
        self.again.clear()
        self.taken.clear()

    @property
    def settled(self) -> int:
        """Entries at the beginning that are all settled."""
        return min([self.next_index, *self.again, *self.taken])


class JournalLaws(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-laws-"))
        self.crashes = 0
        self.number = 0
        self.flushed = 0
        self.logs: list[list[int]] = [[], [], []]
        self.expected = {sink: [Expected(0) for _ in LANES] for sink in SINKS}
        self.arrived: dict[str, list[set[int]]] = {sink: [set() for _ in LANES] for sink in SINKS}
        self.journal: Journal
        self.readers: dict[str, Reader]

    @initialize()
    def begin(self) -> None:
        self.open(self.folder / "0" / "journal.db")

    def open(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path, OPTIONS).__enter__()
        self.readers = {sink: reader_of(self.journal, sink) for sink in SINKS}

    @rule(lanes=st.lists(st.integers(0, 2), min_size=1, max_size=4))
    def append(self, lanes: list[int]) -> None:
        messages = []
        for lane in lanes:
            self.number += 1
            self.logs[lane].append(self.number)
            messages.append(LANES[lane](self.number))
        self.journal.append(messages, accounts={"count": self.number})

    @rule(sink=st.sampled_from(SINKS), count=st.integers(1, 6))
    def take(self, sink: str, count: int) -> None:
        for _ in range(count):
            entry = self.readers[sink].take()
            expectation = None
            for lane, expected in enumerate(self.expected[sink]):
                if (index := expected.take(self.logs[lane])) is not None:
                    assert entry is not None
                    expectation = self.logs[lane][index]
                    expected.taken[index] = entry
                    self.arrived[sink][lane].add(expectation)
                    break
            assert (None if entry is None else number_of(entry.message)) == expectation

    @rule(sink=st.sampled_from(SINKS), which=st.integers(0, 50))
    def settle(self, sink: str, which: int) -> None:
        taken = [(lane, index) for lane, each in enumerate(self.expected[sink]) for index in each.taken]
        if taken:
            lane, index = taken[which % len(taken)]
            self.readers[sink].settle(self.expected[sink][lane].taken.pop(index))

    @rule(sink=st.sampled_from(SINKS))
    def rewind(self, sink: str) -> None:
        self.readers[sink].rewind()
        for expected in self.expected[sink]:
            expected.rewind()

    @rule()
    def commit(self) -> None:
        assert self.journal.flush(PATIENCE_S)
        self.flushed = self.number

    @rule()
    def reopen(self) -> None:
        self.journal.__exit__(None, None, None)
        self.flushed = self.number
        for places in self.expected.values():
            for expected in places:
                expected.restart(expected.settled)
        self.open(self.path)
        assert (self.journal.last_accounts or {"count": 0}) == {"count": self.number}

    @rule()
    def crash(self) -> None:
        """Go on with the files as they are now; a log that grows meanwhile is as good as one that did not."""
        self.crashes += 1
        folder = self.folder / str(self.crashes)
        folder.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self.path.with_name(name), folder)
        self.journal.__exit__(None, None, None)
        written = Written.read(folder / "journal.db")
        assert written.numbers == list(range(1, len(written.numbers) + 1))
        assert len(written.numbers) >= self.flushed
        self.number = len(written.numbers)
        for log in self.logs:
            log[:] = [number for number in log if number <= self.number]
        for sink, places in self.expected.items():
            for lane, expected in enumerate(places):
                cursor = written.cursors.get((sink, lane), 0)
                settled = sum(number <= cursor for number in self.logs[lane])  # seqs are numbers here
                assert cursor <= self.number
                assert settled <= min(expected.settled, len(self.logs[lane]))
                expected.restart(settled)
                self.arrived[sink][lane].intersection_update(self.logs[lane])
        self.open(folder / "journal.db")
        assert (self.journal.last_accounts or {"count": 0}) == {"count": self.number}

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            for sink in SINKS:
                self.rewind(sink)
                self.take(sink, self.number * 2 + 1)
                assert self.arrived[sink] == [set(log) for log in self.logs]
            self.journal.__exit__(None, None, None)
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("examples", [40, pytest.param(600, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])])
def test_any_interleaving_delivers_every_entry_at_least_once_in_order(
    examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.journal.tail.RECENT", 2)
    monkeypatch.setattr("edge_inspector.journal.reader._READ_AT_ONCE", 2)
    run_state_machine_as_test(
        JournalLaws,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
