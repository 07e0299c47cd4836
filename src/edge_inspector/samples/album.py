"""The album: pictures of results in one folder, each with its sidecar, bounded: those of the oldest results go first.

    {folder}/{inspection id}-{frame}.{jpg|png}      and {inspection id}-{frame}.json beside it

A cache: nothing is synced, and whoever needs room on the disk may have it. What a crash or a power cut tore is removed
when the folder is read again. Where the spool has just stored the same files these are linked and not written again.
Files are found by the names that were read or given out here, never by a name that somebody asks for.
"""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.durable import make_folders, write_whole
from edge_inspector.sample_keys import Suffix
from edge_inspector.samples.recovery import PICTURE_NAME, whole_pictures
from edge_inspector.samples.shelf import on_disk


@dataclass(frozen=True, slots=True)
class Shown:
    """An encoded picture of a result, and its sidecar.

    Attributes:
        inspection_id: Of the result.
        part_frame: Which frame of the part it is.
        suffix: `jpg` or `png`.
        content: The whole file.
        sidecar: The whole file beside it.
    """

    inspection_id: str
    part_frame: int
    suffix: str
    content: bytes
    sidecar: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    suffix: str
    bytes: int


class Album:
    """For all threads; none waits for the disk but those that add, give back or open."""

    def __init__(
        self,
        folder: Path,
        *,
        quota_bytes: int,
        min_free_bytes: int = 0,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        """Touch nothing yet.

        Args:
            folder: Where pictures are; made when first needed.
            quota_bytes: What they may take on the disk.
            min_free_bytes: Free space of the disk that they never take.
            free_bytes: Tells the free space; asks the disk of `folder` when None.
        """
        self._folder, self._quota_bytes, self._min_free_bytes = folder, quota_bytes, min_free_bytes
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(folder).free)
        self._writing = threading.Lock()  # whoever changes the folder
        self._is_open = False
        self._lock = threading.Lock()  # for what follows; never held while the disk is waited for
        self._results: OrderedDict[str, dict[int, _Kept]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._results.values()))

    def open(self) -> None:
        """Read the folder and remove what is torn or too much; once, however often it is called.

        Raises:
            OSError: If the disk cannot be used; the next call tries again.
        """
        with self._writing:
            if self._is_open:
                return
            make_folders(self._folder)
            for inspection_id, part_frame, suffix, size in sorted(whole_pictures(self._folder)):
                self._note(inspection_id, part_frame, _Kept(suffix, size))
            self._is_open = True
            self._bound(0)

    def add(self, shown: Shown, stored: tuple[Path, Path] | None = None) -> bool:
        """Keep a picture and return whether there was room for it.

        Args:
            shown: What is kept.
            stored: Where the same picture and sidecar have just been stored on this disk; they may be gone again.

        Raises:
            OSError: If the disk cannot be used; nothing of it is left then.
        """
        self.open()
        size = on_disk(len(shown.content)) + on_disk(len(shown.sidecar))
        with self._writing:
            if shown.part_frame in self.frames_of(shown.inspection_id):
                return True
            if not self._bound(size, but=shown.inspection_id):
                return False
            paths = self._paths(shown.inspection_id, shown.part_frame, shown.suffix)
            if stored is None or not _link(stored, paths):
                if not self._has_room(size, but=shown.inspection_id):
                    return False
                _write(paths, (shown.content, shown.sidecar))
            self._note(shown.inspection_id, shown.part_frame, _Kept(shown.suffix, size))
        return True

    def frames_of(self, inspection_id: str) -> Collection[int]:
        """Return of which frames of a part there is a picture."""
        with self._lock:
            return tuple(self._results.get(inspection_id, ()))

    def read(self, inspection_id: str, part_frame: int) -> tuple[str, bytes] | None:
        """Return suffix and content of a picture, or None where there is none.

        Raises:
            OSError: If the disk cannot be used.
        """
        found = self._find(inspection_id, part_frame)
        return None if found is None else self._content(found[0], found[1][0])

    def read_sidecar(self, inspection_id: str, part_frame: int) -> bytes | None:
        """Return the sidecar of a picture, as `read`."""
        found = self._find(inspection_id, part_frame)
        content = None if found is None else self._content(found[0], found[1][1])
        return None if content is None else content[1]

    def give_back(self, size: int) -> int:
        """Delete the oldest results until `size` bytes of the disk have become free; return how many have.

        What is linked in the spool as well frees nothing, and stays.
        """
        freed = 0
        with self._writing, suppress(OSError):
            for inspection_id in self._oldest(size)[0]:
                gain = self._gain(inspection_id)
                self._drop(inspection_id)
                freed += gain
        return freed

    def forget(self, name: str) -> None:
        """Delete the picture of that file name, if there is one: the spool gave it up for want of room."""
        found = PICTURE_NAME.fullmatch(name)
        if found is None:
            return
        with self._writing, suppress(OSError):
            self._drop(found["id"], (int(found["frame"]),))

    def _find(self, inspection_id: str, part_frame: int) -> tuple[str, tuple[Path, Path]] | None:
        with self._lock:
            kept = self._results.get(inspection_id, {}).get(part_frame)
        return None if kept is None else (kept.suffix, self._paths(inspection_id, part_frame, kept.suffix))

    def _content(self, suffix: str, path: Path) -> tuple[str, bytes] | None:
        try:
            return suffix, path.read_bytes()
        except FileNotFoundError:  # given up in between
            return None

    def _paths(self, inspection_id: str, part_frame: int, suffix: str) -> tuple[Path, Path]:
        """Return where picture and sidecar are, of an id and a frame that are known to be none of somebody's making."""
        stem = f"{inspection_id}-{part_frame}"
        return self._folder / f"{stem}.{suffix}", self._folder / f"{stem}.{Suffix.JSON}"

    def _note(self, inspection_id: str, part_frame: int, kept: _Kept) -> None:
        with self._lock:
            self._results.setdefault(inspection_id, {})[part_frame] = kept
            self.bytes += kept.bytes

    # While `_writing` is held.

    def _bound(self, size: int, *, but: str = "") -> bool:
        """Drop the oldest results so that `size` more bytes fit into the quota; return whether they do then."""
        own = sum(kept.bytes for kept in self._results.get(but, {}).values())
        if own + size > self._quota_bytes:
            return False
        while self.bytes + size > self._quota_bytes:
            self._drop(next(other for other in self._results if other != but))
        return True

    def _has_room(self, size: int, *, but: str) -> bool:
        """Return whether `size` more bytes can be written, after dropping what must go for that.

        Where others have filled the disk to below the floor, pictures go until the new one takes no more than they did.
        """
        short = min(self._min_free_bytes + size - self._free_bytes(), size)
        if short <= 0:
            return True
        going, gain = self._oldest(short, but=but)
        if gain < short:
            return False
        for inspection_id in going:
            self._drop(inspection_id)
        return True

    def _oldest(self, size: int, *, but: str = "") -> tuple[list[str], int]:
        """Return the oldest results that free `size` bytes when they go, and how many they free."""
        going: list[str] = []
        gain = 0
        for inspection_id in self._results:
            if gain >= size:
                break
            if inspection_id != but and (more := self._gain(inspection_id)):
                going.append(inspection_id)
                gain += more
        return going, gain

    def _gain(self, inspection_id: str) -> int:
        """Return the bytes of the disk that become free when a result goes."""
        gain = 0
        for part_frame, kept in self._results[inspection_id].items():
            with suppress(FileNotFoundError):
                links = self._paths(inspection_id, part_frame, kept.suffix)[0].stat().st_nlink
                gain += kept.bytes if links == 1 else 0
        return gain

    def _drop(self, inspection_id: str, part_frames: Collection[int] | None = None) -> None:
        """Delete some pictures of a result, or all."""
        frames = self._results.get(inspection_id, {})
        for part_frame in list(frames) if part_frames is None else frames.keys() & part_frames:
            kept = frames[part_frame]
            for path in reversed(self._paths(inspection_id, part_frame, kept.suffix)):
                path.unlink(missing_ok=True)
            with self._lock:
                del frames[part_frame]
                self.bytes -= kept.bytes
                if not frames:
                    del self._results[inspection_id]


def _link(sources: tuple[Path, Path], paths: tuple[Path, Path]) -> bool:
    """Return whether both files could be linked; nothing is left where not."""
    try:
        for source, path in zip(sources, paths, strict=True):
            path.unlink(missing_ok=True)
            path.hardlink_to(source)
    except OSError:  # uploaded and gone already, or a disk that knows no links
        _unlink(paths)
        return False
    return True


def _write(paths: tuple[Path, Path], contents: tuple[bytes, bytes]) -> None:
    """Write both files, or none."""
    try:
        for path, content in zip(paths, contents, strict=True):
            write_whole(path, content, is_synced=False)
    except OSError:
        _unlink(paths)
        raise


def _unlink(paths: Collection[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
