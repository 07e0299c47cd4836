"""Recent pictures: what the operator page shows of results, and what becomes a sample when a person judges one.

    of results that were not accepted, and of all samples  in the album, a folder, for days
    of others, when there is time                          in memory, for a moment; so is what the disk does not take

Nothing here is promised and nothing fails: a picture is there, or it is gone.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.ports import StoredPicture
from edge_inspector.samples.album import Album, Shown

_MEMORY_BYTES = 6_000_000
_MEMORY_PICTURES = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecentState:
    """How recent pictures are.

    Attributes:
        on_disk: Pictures in the folder.
        on_disk_bytes: What they and their sidecars take there; those that are samples too take it only once.
        in_memory: Pictures in memory.
        in_memory_bytes: What they and their sidecars take there.
        failures: Pictures that the disk did not take since the start.
        problem: Why the last one was not taken, in words; None while all is well.
    """

    on_disk: int
    on_disk_bytes: int
    in_memory: int
    in_memory_bytes: int
    failures: int
    problem: str | None


class Recent:
    """Keeps pictures of recent results; for all threads."""

    def __init__(  # noqa: PLR0913 - how much it keeps, and where
        self,
        folder: Path,
        *,
        quota_bytes: int,
        min_free_bytes: int = 0,
        free_bytes: Callable[[], int] | None = None,
        memory_bytes: int = _MEMORY_BYTES,
        memory_pictures: int = _MEMORY_PICTURES,
    ) -> None:
        """Touch nothing yet.

        Args:
            folder: Where those are that last; made when first needed.
            quota_bytes: What these may take on the disk.
            min_free_bytes: Free space of the disk that they never take.
            free_bytes: Tells the free space; asks the disk of `folder` when None.
            memory_bytes: What those in memory may take.
            memory_pictures: How many these may be.
        """
        self._folder = folder
        self._album = Album(folder, quota_bytes=quota_bytes, min_free_bytes=min_free_bytes, free_bytes=free_bytes)
        self._memory_bytes, self._memory_pictures = memory_bytes, memory_pictures
        self._was_opened = False
        self._lock = threading.Lock()  # for what follows
        self._memory: OrderedDict[tuple[str, int], Shown] = OrderedDict()
        self._in_memory_bytes = self._failures = 0
        self._problem: str | None = None

    def open(self) -> None:
        """Read the folder; once, however often it is called. A disk that fails is asked again with the next picture."""
        try:
            self._album.open()
        except OSError as error:
            self._failed(f"{error}")
        self._was_opened = True

    def add(self, shown: Shown, *, is_lasting: bool, stored: tuple[Path, Path] | None = None) -> None:
        """Keep a picture, and let the oldest ones go for it.

        Args:
            shown: What is kept; nothing changes where there is a picture of that frame already.
            is_lasting: It belongs on the disk.
            stored: Where the spool has just stored the same picture and sidecar; they may be gone again.
        """
        if is_lasting and self._on_disk(shown, stored):
            with self._lock:
                self._forget_in_memory(shown.inspection_id, shown.part_frame)
            return
        size = _size(shown)
        with self._lock:
            if (shown.inspection_id, shown.part_frame) in self._memory or size > self._memory_bytes:
                return
            self._memory[shown.inspection_id, shown.part_frame] = shown
            self._in_memory_bytes += size
            while self._in_memory_bytes > self._memory_bytes or len(self._memory) > self._memory_pictures:
                self._forget_in_memory(*next(iter(self._memory)))

    def frames_of(self, inspection_id: str) -> list[int]:
        """Return of which frames of a part there is a picture, in order."""
        self._open_once()
        with self._lock:
            in_memory = [part_frame for other, part_frame in self._memory if other == inspection_id]
        return sorted({*in_memory, *self._album.frames_of(inspection_id)})

    def read(self, inspection_id: str, part_frame: int) -> StoredPicture | None:
        """Return a picture, or None where it is gone; reads the disk."""
        if (shown := self._in_memory(inspection_id, part_frame)) is not None:
            return StoredPicture(shown.content, shown.suffix)
        with suppress(OSError):
            if (found := self._album.read(inspection_id, part_frame)) is not None:
                return StoredPicture(found[1], found[0])
        return None

    def sidecar(self, inspection_id: str, part_frame: int) -> bytes | None:
        """Return the sidecar of a picture as it was when the picture came, or None where it is gone."""
        if (shown := self._in_memory(inspection_id, part_frame)) is not None:
            return shown.sidecar
        with suppress(OSError):
            return self._album.read_sidecar(inspection_id, part_frame)
        return None

    def give_back(self, size: int) -> int:
        """Delete the oldest pictures until `size` bytes of the disk have become free; return how many have."""
        self._open_once()
        return self._album.give_back(size)

    def forget(self, name: str) -> None:
        """Delete the picture of that file name, if there is one: the spool gave it up for want of room."""
        self._album.forget(name)

    def state(self) -> RecentState:
        """Return how they are."""
        with self._lock:
            in_memory, in_memory_bytes = len(self._memory), self._in_memory_bytes
            failures, problem = self._failures, self._problem
        return RecentState(len(self._album), self._album.bytes, in_memory, in_memory_bytes, failures, problem)

    def _open_once(self) -> None:
        if not self._was_opened:
            self.open()

    def _on_disk(self, shown: Shown, stored: tuple[Path, Path] | None) -> bool:
        try:
            if not self._album.add(shown, stored):
                self._failed("there is no room for a picture of that size")
                return False
        except OSError as error:
            self._failed(f"{error}")
            return False
        with self._lock:
            has_recovered, self._problem = self._problem is not None, None
        if has_recovered:
            _log.info("%s: pictures for the operator page are stored again", self._folder)
        return True

    def _failed(self, problem: str) -> None:
        with self._lock:
            is_new, self._problem = self._problem is None, problem
            self._failures += 1
        text = "%s: pictures for the operator page cannot be stored, and are kept in memory for a moment: %s"
        _log.log(logging.WARNING if is_new else logging.DEBUG, text, self._folder, problem)

    def _in_memory(self, inspection_id: str, part_frame: int) -> Shown | None:
        self._open_once()
        with self._lock:
            return self._memory.get((inspection_id, part_frame))

    def _forget_in_memory(self, inspection_id: str, part_frame: int) -> None:
        if (shown := self._memory.pop((inspection_id, part_frame), None)) is not None:
            self._in_memory_bytes -= _size(shown)


def discard(folder: Path) -> None:
    """Delete the pictures of earlier runs, which nobody wants any more; a disk that fails keeps them."""
    if folder.is_dir():
        with suppress(OSError):
            Album(folder, quota_bytes=0).open()
            folder.rmdir()


def _size(shown: Shown) -> int:
    return len(shown.content) + len(shown.sidecar)
