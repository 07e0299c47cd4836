"""The spool: samples on the local disk until the target has them, bounded by reason and by the free space of the disk.

    {root}/{reason}/{key of the picture}      and its sidecar beside it

The folder is its own index (ADR 9): a pair is there when its
sidecar is. What is incomplete after a crash is removed when the folder is read, which happens once, when it is first
needed. Each file is private to the daemon's user.
"""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_inspector.durable import make_folders, sync_folder, write_lasting, write_whole
from edge_inspector.sample_keys import SampleKey, Suffix
from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.recovery import whole_pairs
from edge_inspector.samples.shelf import Pair, Shelf, for_room, on_disk, over_quota
from edge_inspector.samples.sidecar import label_of
from edge_inspector.sampling import BY_VALUE, Evicted, EvictionCause, SampleReason
from edge_inspector.settings.keeping import SamplesSettings

_log = logging.getLogger(__name__)


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
    """Pairs of picture and sidecar on disk; written by one thread, read and emptied by another.

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
    ) -> None:
        """Touch nothing yet.

        Args:
            root: Its folder; made when first needed.
            quota_bytes: What the pairs of each reason may take.
            min_free_bytes: Free space of the disk that the spool never takes.
            free_bytes: Tells the free space; asks the disk of `root` when None.
        """
        self._root = root
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        self._free_bytes = free_bytes or self._ask_disk
        self._opening = threading.Lock()
        self._is_open = False
        self.arrived = threading.Event()
        self._lock = threading.Lock()  # for what follows; never held while the disk is waited for
        self._shelves = {reason: Shelf() for reason in SampleReason}
        self._held: Pair | None = None
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
                make_folders(self._root)
                found = {
                    reason: sorted(whole_pairs(self._root, reason), key=lambda pair: pair.name) for reason in BY_VALUE
                }
            except OSError as error:
                raise self._failed(error) from error
            with self._lock:
                for reason, pairs in found.items():
                    for pair in sorted(pairs, key=lambda pair: pair.name):
                        self._shelves[reason].add(pair)
            self._is_open = True
        if waiting := sum(map(len, found.values())):
            _log.info("%s: %d samples of earlier runs wait for their upload", self._root, waiting)
            self.arrived.set()

    def store(self, key: SampleKey, reason: SampleReason, picture: bytes, sidecar: bytes) -> None:
        """Write a pair, both files or none, making room for it where that is allowed.

        Raises:
            NotStoredError: If it is given up; nothing of it is left then.
        """
        self.open()
        path = self._root / reason.value / str(key)
        companion = path.with_suffix(f".{Suffix.JSON}")
        pair = Pair(
            reason, str(PurePosixPath(str(key)).parent), path.name, on_disk(len(picture)) + on_disk(len(sidecar))
        )
        try:
            if companion.exists():
                return  # the same inspection again, from a replay
            self._make_room(pair)
            make_folders(path.parent)
            write_whole(path, picture)
            write_whole(companion, sidecar)
            sync_folder(path.parent)
        except OSError as error:
            for half in (companion, path):
                with suppress(OSError):
                    half.unlink(missing_ok=True)
            raise self._failed(error) from error
        with self._lock:
            self._shelves[reason].add(pair)
            self._problem = None
        self.arrived.set()

    def hold(self, skip: Container[str] = ()) -> Pair | None:
        """Return the most valuable pair, of these the oldest; it is not given up for room until the next call.

        Args:
            skip: Keys to leave out.
        """
        with self._lock:
            pairs = (self._shelves[reason].oldest(skip) for reason in BY_VALUE)
            self._held = next((pair for pair in pairs if pair is not None), None)
            return self._held

    def paths(self, pair: Pair) -> tuple[Path, Path]:
        """Return where the picture and the sidecar of a pair are."""
        folder = self._root / pair.reason.value
        return folder / pair.key, folder / pair.sidecar_key

    def rewrite_sidecar(self, pair: Pair, content: bytes) -> None:
        """Replace the sidecar of a pair.

        Raises:
            OSError: If that failed; the old one is still there.
        """
        write_lasting(self.paths(pair)[1], content)

    def remove(self, pair: Pair) -> None:
        """Delete a pair from the disk, the sidecar first: without it the picture is incomplete.

        Raises:
            OSError: If that failed; the pair is then still known.
        """
        self._delete(pair)
        with self._lock:
            self._shelves[pair.reason].remove(pair)

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

    def _make_room(self, newcomer: Pair) -> None:
        """Give up as many pairs as the newcomer needs, and not one more.

        Where others have filled the disk to below the floor, pairs go until the newcomer takes no more than they did.
        """
        reason, size = newcomer.reason, newcomer.bytes
        free = self._free()
        with self._lock:
            held, shelf = self._held, self._shelves[reason]
            if size > self._quota_bytes[reason]:
                problem = f"a sample of {size} bytes is larger than all that samples.{reason}.quota_mb lets in"
                raise NotStoredError(NotKept.OVER_QUOTA, problem)
            of_quota = over_quota(shelf, size, self._quota_bytes[reason], held=held)
            need = min(self._min_free_bytes + size - free, size) - sum(pair.bytes for pair in of_quota)
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
            label = self._label(pair)
            try:
                self._delete(pair)
            except OSError as error:
                with self._lock:
                    for staying, _ in going[number:]:
                        self._shelves[staying.reason].add(staying)
                raise self._failed(error) from error
            with self._lock:
                self._fresh[Evicted(label, pair.reason, cause)] += 1
                self._evicted += 1

    def _delete(self, pair: Pair) -> None:
        picture, companion = self.paths(pair)
        companion.unlink(missing_ok=True)
        picture.unlink(missing_ok=True)

    def _label(self, pair: Pair) -> str | None:
        try:
            return label_of(self.paths(pair)[1].read_bytes())
        except (OSError, ValueError):
            return None

    def _free(self) -> int:
        try:
            return self._free_bytes()
        except OSError as error:
            raise self._failed(error) from error

    def _ask_disk(self) -> int:
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def _failed(self, error: OSError) -> NotStoredError:
        problem = f"{self._root}: samples cannot be stored: {error}"
        with self._lock:
            self._problem = problem
        return NotStoredError(NotKept.DISK_FAILED, problem)
