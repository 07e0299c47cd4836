"""The journal as others see it: append here, and read by a reader for each sink."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from edge_inspector.events import Json
from edge_inspector.journal.archive import Archive
from edge_inspector.journal.entry import Entry
from edge_inspector.journal.memory import Memory
from edge_inspector.journal.options import JournalOptions
from edge_inspector.journal.past import Past
from edge_inspector.journal.reader import Reader
from edge_inspector.journal.state import JournalState
from edge_inspector.journal.writer import Writer
from edge_inspector.topics import Message

_IN_MEMORY_ROWS, _IN_MEMORY_BYTES = 2000, 16 << 20


class Journal:
    """The record of every event, with what each sink has still to deliver; for all threads.

    Used as a context manager: entering opens the file, whether or not the disk takes it; leaving commits what waits.
    Sinks are closed before it, so that what they settle last is still written down.

    Attributes:
        past: Everything above a number, for those who follow the journal and are no sink.
        epoch: Random name of this opening. A number above `first_seq` that was given in another one may be given once
            more, where it did not reach the disk.
    """

    def __init__(
        self,
        path: Path | None,
        options: JournalOptions,
        *,
        operating_clock: Callable[[], float] = time.monotonic,
        on_joined: Callable[[Mapping[str, Json]], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: The database; its folder is made. None keeps everything in memory, and much less of it.
            options: What is kept, and how long an event may wait for its sync.
            operating_clock: Seconds that never jump; they decide how old an event is.
            on_joined: Called on the thread `journal` with the accounts in a file that could not be opened at the
                start, when it can be: before new ones are written over them.
        """
        self._path = path
        options = options if path is not None else _in_memory(options)
        self._memory, self._archive = Memory(options), Archive()
        self.past = Past(self._memory, self._archive)
        self.epoch = secrets.token_hex(4)
        self._writer = Writer(path, options, self._memory, self._archive, operating_clock, on_joined)
        self._last_accounts: Mapping[str, Json] | None = None

    def __enter__(self) -> Self:
        """Open the file and go on where it was; a damaged one is set aside, one that cannot be opened tried again."""
        facts = self._writer.start()
        self._last_accounts = None if facts is None else facts.accounts
        return self

    def __exit__(self, *_: object) -> None:
        """Commit what waits, if the disk takes it."""
        self._writer.close()

    @property
    def last_accounts(self) -> Mapping[str, Json] | None:
        """The accounts of the last commit before this start; None if there were none, or they cannot be read."""
        return self._last_accounts

    @property
    def accounts(self) -> Mapping[str, Json] | None:
        """The accounts of the last commit of this session; None before it."""
        return self._memory.accounts

    @property
    def first_seq(self) -> int:
        """The last number that was given before this start: everything above it is of this session."""
        return self._memory.first_seq

    @property
    def last_seq(self) -> int:
        """The last number given; not every number has an entry."""
        return self._memory.last_seq

    @property
    def written_seq(self) -> int:
        """The last number up to which everything is on disk, or was given up."""
        return self._memory.written_seq

    def append(self, messages: Sequence[Message], *, accounts: Mapping[str, Json] | None = None) -> None:
        """Put messages on record and tell the sinks; never waits for the disk.

        They reach the disk in one transaction, together with the accounts. A message of a retained topic is kept as
        history where it is an event, and not at all otherwise: no reader gets it.

        Args:
            messages: In order.
            accounts: What has been counted up to and with them; not changed afterwards.
        """
        for wake in self._memory.append(messages, accounts):
            wake()

    def reader(self, sink: str, *, wake: Callable[[], None]) -> Reader:
        """Return the reader of a sink, which goes on where the sink was; a new sink begins at the end.

        Args:
            sink: Its name, the same after every restart. A second reader of that name takes over from the first.
            wake: Called from other threads when there is something new; quick, and never failing.
        """
        reader = Reader(sink, wake, self._memory, self._archive)
        self._writer.readers = [*(each for each in self._writer.readers if each.sink != sink), reader]
        return reader

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have something called whenever there is something new, of any kind; return how to end that.

        Args:
            wake: Called from other threads, once or twice more after the end; quick, and never failing.
        """
        return self._memory.listen(wake)

    def newest(self, limit: int) -> list[Entry]:
        """Return the last entries, newest first, those not yet committed included."""
        found = {entry.seq: entry for entry in (*self._archive.newest(limit), *self._memory.newest(limit))}
        return [found[seq] for seq in sorted(found, reverse=True)[:limit]]

    def flush(self, timeout_s: float) -> bool:
        """Have all that was appended committed at once; return whether it is, after `timeout_s` at most."""
        return self._memory.wait_until_written(timeout_s)

    def state(self) -> JournalState:
        """Return how the journal is."""
        writer, memory, now_s = self._writer, self._memory, time.monotonic()
        pulse = writer.pulse
        with memory.lock:
            pending, waiting = memory.pending, memory.places.waiting()
            evicted, refused, lost = memory.places.evicted(), memory.places.refused(), memory.lost
        return JournalState(
            rows=writer.rows + pending,
            bytes_on_disk=self._bytes_on_disk(),
            pending=pending,
            waiting=waiting,
            evicted=evicted,
            dead_letters=refused,
            lost=lost,
            commits=pulse.commits,
            rows_per_commit=pulse.rows / max(1, pulse.commits),
            commits_per_hour=pulse.per_hour(now_s),
            last_commit_age_s=None if pulse.last_s is None else now_s - pulse.last_s,
            problem=writer.problem,
            set_aside=writer.store.words,
        )

    def _bytes_on_disk(self) -> int:
        size = 0
        if self._path is not None:
            for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
                try:
                    size += path.stat().st_size
                except OSError:  # there is none now
                    continue
        return size


def _in_memory(options: JournalOptions) -> JournalOptions:
    """Return the bounds of a journal that must not take a device's memory."""
    return JournalOptions(
        options.commit_rows,
        options.commit_s,
        options.keep_s,
        min(options.keep_rows, _IN_MEMORY_ROWS),
        min(options.keep_bytes, _IN_MEMORY_BYTES),
        options.quota_rows,
        min(options.quota_bytes, 2 * _IN_MEMORY_BYTES),
    )
