"""The memory of the journal: what is not committed yet, the newest of what is, and where each sink stands."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from edge_inspector.events import Json
from edge_inspector.journal.batch import Batch, DeadLetter, Facts
from edge_inspector.journal.entry import HISTORY, LANES, LEAST_IMPORTANT_FIRST, Entry, lane_of, size_of
from edge_inspector.journal.groups import Groups
from edge_inspector.journal.options import JournalOptions
from edge_inspector.journal.place import Place
from edge_inspector.journal.places import Places
from edge_inspector.journal.tail import Tail
from edge_inspector.topics import Message

MOST_PENDING_BYTES = 64 << 20  # a disk that takes nothing must not cost more memory than this


class Memory:
    """For all threads; `lock` is held for microseconds and never while a disk is used.

    Attributes:
        tails: The newest entries, by lane.
        places: Where each sink stands.
        first_seq: The last number given before this session.
        last_seq: The last number given.
        written_seq: The last number that is committed.
        lost: Entries given up before they were committed.
    """

    def __init__(self, options: JournalOptions) -> None:
        self._quota_rows = options.quota_rows
        self.lock = threading.Lock()
        self._changed = threading.Condition(self.lock)
        self.tails = tuple(Tail(0) for _ in LANES)
        self.places = Places()
        self.last_seq = self.written_seq = self.first_seq = 0
        self.lost = 0
        self._listeners: dict[object, Callable[[], None]] = {}
        self._groups = Groups(commit_rows=options.commit_rows, commit_s=options.commit_s)
        self._accounts: Mapping[str, Json] | None = None  # of the last commit
        self._dead_letters: list[DeadLetter] = []
        self._is_closing = False

    @property
    def accounts(self) -> Mapping[str, Json] | None:
        """The accounts of the last commit."""
        with self.lock:
            return self._accounts

    @property
    def pending(self) -> int:
        """Entries not yet committed."""
        return sum(tail.pending for tail in self.tails)

    @property
    def has_groups(self) -> bool:
        """Whether anything waits for a transaction."""
        return len(self._groups) > 0

    @property
    def is_urgent(self) -> bool:
        """Whether more than one group waits, or the journal is being closed."""
        return self._is_closing or len(self._groups) > 1

    def wakes(self) -> list[Callable[[], None]]:
        """Return how to tell each sink, and whoever else listens, that something is new."""
        with self.lock:
            return [*self.places.wakes.values(), *self._listeners.values()]

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Add one who is told of everything, also of what no sink reads; return how to end that."""
        key = object()
        with self.lock:
            self._listeners[key] = wake

        def stop() -> None:
            with self.lock:
                self._listeners.pop(key, None)

        return stop

    def begin_at(self, last_seq: int) -> None:
        """Number what comes from `last_seq` + 1 on; before anything came."""
        self.last_seq = self.written_seq = self.first_seq = last_seq
        for tail in self.tails:
            tail.floor = last_seq

    def join(self, facts: Facts) -> bool:
        """Take over what a database knew; return False, and change nothing, where its numbers are in use already."""
        with self.lock:
            if facts.last_seq > self.first_seq:
                return False
            self.places.join(facts.standings, end=self.last_seq)
            self._accounts = facts.accounts if self._accounts is None else self._accounts
            return True

    def append(self, messages: Sequence[Message], accounts: Mapping[str, Json] | None) -> list[Callable[[], None]]:
        """Take messages, and return whom to tell."""
        with self.lock:
            before, has_news = self.last_seq, False
            for message in messages:
                if (lane := lane_of(message)) is None:
                    continue
                self.last_seq += 1
                self.tails[lane].append(Entry(self.last_seq, message))
                if lane != HISTORY:
                    has_news = True
                    self.places.came(lane, size_of(message))
            rows = self.last_seq - before
            if rows or accounts is not None:
                if self._groups.add(rows, self.last_seq, accounts, now_s=time.monotonic()):
                    self._changed.notify_all()
                self._lose()
            sinks = self.places.wakes.values() if has_news else ()
            return [*sinks, *(self._listeners.values() if rows else ())]

    def _lose(self) -> None:
        tails = self.tails
        while self.pending > self._quota_rows or sum(tail.pending_bytes for tail in tails) > MOST_PENDING_BYTES:
            lane = next(lane for lane in LEAST_IMPORTANT_FIRST if tails[lane].pending)
            entry = tails[lane].lose_oldest()
            self.lost += 1
            self.places.missed(lane, entry.seq, size_of(entry.message))

    def refuse(self, places: Sequence[Place], entry: Entry, letter: DeadLetter) -> None:
        """Settle an entry that can never be delivered, and keep a note of it."""
        with self.lock:
            if (place := next((place for place in places if place.settle(entry)), None)) is not None:
                place.refused += 1
                self._dead_letters.append(letter)

    def newest(self, limit: int) -> list[Entry]:
        """Return the last entries that are in memory, of each lane so many, in no order."""
        with self.lock:
            return [entry for tail in self.tails for entry in tail.newest(limit)]

    def wait_until_written(self, timeout_s: float) -> bool:
        """Wait until all that was appended is committed; return whether it is."""
        with self.lock:
            ticket = self._groups.hurry()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._groups.is_written(ticket), timeout_s)

    # What follows is for the thread `journal`.

    def wait_until_due(self, idle_s: float) -> bool:
        """Wait for a group that is due, at most `idle_s`; return whether the journal is being closed."""
        with self.lock:
            until_s = time.monotonic() + idle_s
            while not self._is_closing:
                now_s = time.monotonic()
                due_in_s = self._groups.due_in_s(now_s)
                wait_s = until_s - now_s if due_in_s is None else min(due_in_s, until_s - now_s)
                if wait_s <= 0:
                    break
                self._changed.wait(wait_s)
            return self._is_closing

    def wait_for_closing(self, pause_s: float) -> bool:
        """Wait for `pause_s`, or until the journal is being closed; return whether it is."""
        with self.lock:
            return self._changed.wait_for(lambda: self._is_closing, pause_s)

    def close(self) -> None:
        """Have everything written at once, for the last time."""
        with self.lock:
            self._is_closing = True
            self._changed.notify_all()

    def next_batch(self) -> Batch:
        """Return what the next transaction writes; it is pending until `committed`, or after `failed`."""
        with self.lock:
            groups = self._groups.next()
            through = max([self.written_seq, *(group.last_seq for group in groups)])
            accounts = next((group.accounts for group in reversed(groups) if group.accounts is not None), None)
            entries = [(lane, entry) for lane in LANES for entry in self.tails[lane].pending_through(through)]
            entries.sort(key=lambda pair: pair[1].seq)
            letters, self._dead_letters = self._dead_letters, []
            return Batch(len(groups), through, entries, accounts, self.places.changes(through), letters)

    def committed(self, batch: Batch) -> None:
        """Note that a batch is on the disk."""
        with self.lock:
            self._groups.written(batch.groups)
            for tail in self.tails:
                tail.committed(batch.through)
            self.written_seq = batch.through
            self._accounts = self._accounts if batch.accounts is None else batch.accounts
            self._changed.notify_all()

    def failed(self, batch: Batch) -> None:
        """Note that a batch could not be written."""
        with self.lock:
            self._dead_letters[:0] = batch.dead_letters
            self.places.unwritten(batch.standings)

    def passed(self) -> list[int]:
        """Return up to which number the rows of each lane are committed and settled by all readers."""
        with self.lock:
            settled = [self.places.passed(lane) for lane in LANES]
            return [self.written_seq if seq is None else min(seq, self.written_seq) for seq in settled]

    def deleted(self, lane_seqs: Sequence[tuple[int, int]]) -> None:
        """Note that rows are gone from the disk, given by lane and number; a sink that comes back late misses them."""
        with self.lock:
            for lane, seq in lane_seqs:
                self.places.missed(lane, seq, 0)

    def write_again(self) -> None:
        """Note that the disk has nothing any more: what is in memory is written once more."""
        with self.lock:
            before = self.pending
            for tail in self.tails:
                tail.write_again()
            self._groups.add_first(self.pending - before, self.written_seq, self._accounts)
            self.places.forget_disk(self.tails)
