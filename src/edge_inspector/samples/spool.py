"""The spool: samples on the local disk until the target has them, bounded by reason and by the free space of the disk.

    {root}/{reason}/{key of the picture}      and its sidecar beside it

The folder is its own index (ADR 9): a pair is there when its sidecar is. What is incomplete after a crash is removed
when the folder is read, which happens once, when it is first needed. Each file is private to the daemon's user.

A person may judge what waits here, what is being uploaded, and what has been. The judged pair then takes the place of
any other of its key, which never is uploaded after it.
"""

import logging
import shutil
import threading
from collections import Counter, deque
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Protocol

from edge_inspector.sample_keys import SampleKey
from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.pair_files import PairFiles
from edge_inspector.samples.shelf import Pair, Shelf, for_room, on_disk, over_quota
from edge_inspector.sampling import BY_VALUE, Evicted, EvictionCause, SampleReason
from edge_inspector.settings.keeping import SamplesSettings

_MOST_JUDGED = 1024  # keys that are remembered; the frames before a defect that may still come are fewer

_log = logging.getLogger(__name__)


class Cache(Protocol):
    """Files on the same disk that are worth less than any sample."""

    def give_back(self, size: int) -> int:
        """Delete files until `size` bytes have become free; return how many have, and never fail."""

    def forget(self, name: str) -> None:
        """Delete the copy of the picture of that file name: it was given up for want of room."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How the spool is.

    Attributes:
        waiting: Pairs that wait for their upload, by reason.
        waiting_bytes: What they take on the disk.
        evicted: Pairs given up since the start, to make room for others.
        problem: Why nothing can be stored at the moment, in words; None while all is well.
    """

    waiting: Mapping[str, int]
    waiting_bytes: int
    evicted: int
    problem: str | None


def quotas(settings: SamplesSettings) -> dict[SampleReason, int]:
    """Return the bytes that the samples of each reason may take."""
    return {reason: int(getattr(settings, reason.value).quota_mb * 1e6) for reason in SampleReason}


class Spool:
    """Pairs of picture and sidecar on disk; for all threads, though only one uploads.

    Attributes:
        arrived: Set whenever a pair was stored; whoever waits for one clears it first.
    """

    def __init__(
        self,
        root: Path,
        *,
        quota_bytes: Mapping[SampleReason, int],
        min_free_bytes: int = 0,
        free_bytes: Callable[[], int] | None = None,
        cache: Cache | None = None,
    ) -> None:
        """Touch nothing yet.

        Args:
            root: Its folder; made when first needed.
            quota_bytes: What the pairs of each reason may take.
            min_free_bytes: Free space of the disk that the spool never takes.
            free_bytes: Tells the free space; asks the disk of `root` when None.
            cache: Gives room before a sample must go.
        """
        self._root = root
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        self._files = PairFiles(root)
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(root).free)
        self._cache = cache
        self._opening = threading.Lock()
        self._is_open = False
        self.arrived = threading.Event()
        self._writing = threading.Lock()  # whoever changes the folder; taken before the next one
        self._edition = 0  # for this and the next it is needed too
        self._judged: deque[str] = deque(maxlen=_MOST_JUDGED)
        self._lock = threading.Lock()  # for what follows; never held while the disk is waited for
        self._shelves = {reason: Shelf() for reason in SampleReason}
        self._held: Pair | None = None
        self._replaced: list[Pair] = []  # those that were being uploaded when another took their place
        self._fresh: Counter[Evicted] = Counter()
        self._evicted = 0
        self._problem: str | None = None

    def open(self) -> None:
        """Read the folder and remove what is incomplete; once, however often it is called.

        Raises:
            NotStoredError: If the disk cannot be used; the next call tries again.
        """
        with self._opening:
            if self._is_open:
                return
            try:
                found = self._files.read()
            except OSError as error:
                raise self._failed(error) from error
            with self._lock:
                for reason, pairs in found.items():
                    for pair in pairs:
                        self._shelves[reason].add(pair)
            self._is_open = True
        if waiting := sum(map(len, found.values())):
            _log.info("%s: %d samples of earlier runs wait for their upload", self._root, waiting)
            self.arrived.set()

    def store(self, key: SampleKey, reason: SampleReason, picture: bytes, sidecar: bytes) -> None:
        """Write a pair, both files or none, making room for it where that is allowed.

        Does nothing where it is there already, or a person has judged it.

        Raises:
            NotStoredError: If it is given up; nothing of it is left then.
        """
        self.open()
        pair = _pair(key, reason, picture, sidecar)
        with self._writing:
            if str(key) in self._judged:
                return
            try:
                if self._files.has(pair):
                    return  # the same inspection again, from a replay
                self._make_room(pair, pair.bytes)
                self._files.write(pair, picture, sidecar)
            except OSError as error:
                raise self._failed(error) from error
            with self._lock:
                self._shelves[reason].add(pair)
                self._problem = None
        self.arrived.set()

    def store_judged(self, key: SampleKey, picture: bytes, sidecar: bytes) -> None:
        """Write a pair that a person has judged in place of all others of its key.

        Raises:
            NotStoredError: If that failed; what was there before is still there.
        """
        self.open()
        reason = SampleReason.OPERATOR
        with self._writing:
            self._edition += 1
            pair = replace(_pair(key, reason, picture, sidecar), edition=self._edition)
            with self._lock:
                others = [other for other in chain(*self._shelves.values()) if _is_same_key(other, pair)]
                for other in others:  # so that nobody begins to upload it
                    self._shelves[other.reason].remove(other)
            try:
                self._make_room(pair, pair.bytes - sum(other.bytes for other in others))
                if any(other.reason is reason for other in others):
                    self._files.rewrite_sidecar(pair, sidecar)
                else:
                    self._files.write(pair, picture, sidecar)
            except (OSError, NotStoredError) as error:
                with self._lock:
                    for other in others:
                        self._shelves[other.reason].add(other)
                if isinstance(error, OSError):
                    raise self._failed(error) from error
                raise
            with self._lock:
                self._shelves[reason].add(pair)
                self._problem = None
                self._replaced += [other for other in others if other.reason is not reason]
            self._judged.append(str(key))
            self._clear_replaced(but=self._held)
        self.arrived.set()

    def find(self, inspection_id: str) -> list[Pair]:
        """Return the pairs of one result that wait, the most valuable first."""
        beginning = f"{inspection_id}-"
        with self._lock:
            return [pair for reason in BY_VALUE for pair in self._shelves[reason] if pair.name.startswith(beginning)]

    def hold(self, skip: Container[str] = ()) -> Pair | None:
        """Return the most valuable pair, of these the oldest; it is not given up for room until the next call.

        Args:
            skip: Keys to leave out.
        """
        with self._writing:
            self._clear_replaced(but=None)
        with self._lock:
            pairs = (self._shelves[reason].oldest(skip) for reason in BY_VALUE)
            self._held = next((pair for pair in pairs if pair is not None), None)
            return self._held

    def paths(self, pair: Pair) -> tuple[Path, Path]:
        """Return where the picture and the sidecar of a pair are."""
        return self._files.paths(pair)

    def where(self, key: SampleKey, reason: SampleReason) -> tuple[Path, Path]:
        """Return where picture and sidecar are while they wait, by key."""
        return self.paths(_pair(key, reason, b"", b""))

    def rewrite_sidecar(self, pair: Pair, content: bytes) -> None:
        """Replace the sidecar of a pair, unless another pair has taken its place.

        Raises:
            OSError: If that failed; the old one is still there.
        """
        with self._writing:
            if self._is_there(pair):
                self._files.rewrite_sidecar(pair, content)

    def remove(self, pair: Pair) -> None:
        """Delete a pair from the disk, unless another one has taken its place.

        The sidecar goes first: without it the picture is incomplete.

        Raises:
            OSError: If that failed; the pair is then still known.
        """
        with self._writing:
            if not self._is_there(pair):
                return
            self._files.delete(pair)
            with self._lock:
                self._shelves[pair.reason].remove(pair)
                self._replaced = [other for other in self._replaced if other != pair]

    def take_evicted(self) -> Mapping[Evicted, int]:
        """Return what was given up since the last call, by kind."""
        with self._lock:
            fresh, self._fresh = self._fresh, Counter()
        return fresh

    def state(self) -> SpoolState:
        """Return how the spool is; for all threads."""
        with self._lock:
            return SpoolState(
                {reason.value: len(shelf) for reason, shelf in self._shelves.items() if len(shelf)},
                sum(shelf.bytes for shelf in self._shelves.values()),
                self._evicted,
                self._problem,
            )

    # While `_writing` is held.

    def _is_there(self, pair: Pair) -> bool:
        with self._lock:
            return pair in self._shelves[pair.reason] or pair in self._replaced

    def _clear_replaced(self, *, but: Pair | None) -> None:
        """Delete what others have taken the place of, but for one that is being uploaded."""
        with self._lock:
            going = [pair for pair in self._replaced if pair != but]
        for pair in going:
            with suppress(OSError):  # the next one tries again
                self._files.delete(pair)
                with self._lock:
                    self._replaced.remove(pair)

    def _make_room(self, newcomer: Pair, growth: int) -> None:
        """Give up as many pairs as the newcomer needs, and not one more.

        Where others have filled the disk to below the floor, pairs go until the newcomer takes no more than they did.

        Args:
            newcomer: What is stored.
            growth: Bytes that it takes beyond what goes for it anyway.
        """
        reason, size = newcomer.reason, newcomer.bytes
        if size > self._quota_bytes[reason]:
            problem = f"a sample of {size} bytes is larger than all that samples.{reason}.quota_mb lets in"
            raise NotStoredError(NotKept.OVER_QUOTA, problem)
        free = self._free()
        need = min(self._min_free_bytes + growth - free, growth)
        if need > 0 and self._cache is not None:
            need -= self._cache.give_back(need)
        with self._lock:
            held, shelf = self._held, self._shelves[reason]
            of_quota = over_quota(shelf, size, self._quota_bytes[reason], held=held)
            need -= sum(pair.bytes for pair in of_quota)
            of_disk = for_room(self._shelves, reason, need, held=held, gone=of_quota)
            if of_disk is None:
                self._problem = (
                    f"{self._root}: {free / 1e6:.0f} MB are free, expected {self._min_free_bytes / 1e6:.0f} MB; "
                    f"no sample worth less than {reason} can make room"
                )
                raise NotStoredError(NotKept.DISK_LOW, self._problem)
            going = [(pair, EvictionCause.QUOTA) for pair in of_quota]
            going += [(pair, EvictionCause.DISK_LOW) for pair in of_disk]
            for pair, _ in going:  # so that nobody begins to upload it
                self._shelves[pair.reason].remove(pair)
        self._evict(going)

    def _evict(self, going: Sequence[tuple[Pair, EvictionCause]]) -> None:
        for number, (pair, cause) in enumerate(going):
            label = self._files.label(pair)
            try:
                self._files.delete(pair)
            except OSError as error:
                with self._lock:
                    for staying, _ in going[number:]:
                        self._shelves[staying.reason].add(staying)
                raise self._failed(error) from error
            if self._cache is not None and cause is EvictionCause.DISK_LOW:
                self._cache.forget(pair.name)
            with self._lock:
                self._fresh[Evicted(label, pair.reason, cause)] += 1
                self._evicted += 1

    def _free(self) -> int:
        try:
            return self._free_bytes()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> NotStoredError:
        problem = f"{self._root}: samples cannot be stored: {error}"
        with self._lock:
            self._problem = problem
        return NotStoredError(NotKept.DISK_FAILED, problem)


def _pair(key: SampleKey, reason: SampleReason, picture: bytes, sidecar: bytes) -> Pair:
    path = PurePosixPath(str(key))
    return Pair(reason, str(path.parent), path.name, on_disk(len(picture)) + on_disk(len(sidecar)))


def _is_same_key(one: Pair, other: Pair) -> bool:
    return one.name == other.name and one.folder == other.folder
