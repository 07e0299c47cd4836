"""The tally: how many frames were captured and parts opened, in memory that outlives the process.

The counters lie in a page of shared memory, so that counting is a store, never waits for a disk, and survives SIGKILL.
The file in the home only names that page. A reboot takes it; the accounts in the journal then say what is known. Where
there is no shared memory, a file of the home is mapped.
"""

import logging
import mmap
import os
import re
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from edge_inspector.durable import write_lasting

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the name is secret, the file our own

_log = logging.getLogger(__name__)
_MAGIC: Final = int.from_bytes(b"EITALLY1", "little")
_SIZE: Final = 4096
_INVERTED: Final = (1 << 64) - 1
_FRAMES, _PARTS = 1, 3  # each counter is written twice, the second time inverted, so that damage is seen
_TORN: Final = 100_000  # a kill between both writes leaves them apart by what was added last


class Tally:
    """Counts frames and parts; for all threads.

    Attributes:
        problem: Why the counters began at zero or are in memory only; None when all is well.
        place: The file that is mapped; None where none is.
    """

    def __init__(self, path: Path | None, *, shared: Path = SHARED_MEMORY) -> None:
        """Map the page and go on where it was.

        One that is damaged or short begins at zero; without a home that can be written the tally ends with the process.

        Args:
            path: The file in the home that names the page; its folder is made. None counts for this process alone.
            shared: Folder without a disk behind it.
        """
        self.problem: str | None = None
        self.place: Path | None = None
        self._shared = shared
        self._lock = threading.Lock()
        self._mapped, is_new = self._map(path)
        self._view = memoryview(self._mapped).cast("Q")
        frames, parts = self._read(_FRAMES), self._read(_PARTS)
        if self._view[0] != _MAGIC or frames is None or parts is None:
            if not is_new:
                self._say(f"{self.place} is damaged: it begins at zero")
            frames = parts = 0
        self._frames, self._parts = frames, parts
        self._view[0] = _MAGIC
        self.reset_to(frames, parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the page, which stays; what is counted later is in memory."""
        with self._lock:
            mapped, self._mapped = self._mapped, mmap.mmap(-1, _SIZE)
            self._view.release()
            self._view = memoryview(self._mapped).cast("Q")
            try:
                mapped.flush()
            except OSError as error:
                _log.warning("the tally was not written: %s", error)
            mapped.close()

    @property
    def frames(self) -> int:
        """Frames captured."""
        return self._frames

    @property
    def parts(self) -> int:
        """Parts opened."""
        return self._parts

    def add_frames(self, count: int = 1) -> None:
        """Count frames."""
        with self._lock:
            self._frames += count
            self._write(_FRAMES, self._frames)

    def add_parts(self, count: int = 1) -> None:
        """Count parts."""
        with self._lock:
            self._parts += count
            self._write(_PARTS, self._parts)

    def reset_to(self, frames: int, parts: int) -> None:
        """Go on from other numbers."""
        with self._lock:
            self._frames, self._parts = frames, parts
            self._write(_FRAMES, frames)
            self._write(_PARTS, parts)

    def forget(self) -> None:
        """Delete the page: the journal knows everything."""
        if self.place is not None:
            with suppress(OSError):
                self.place.unlink(missing_ok=True)

    def _map(self, path: Path | None) -> tuple[mmap.mmap, bool]:
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not os.access(self._shared, os.W_OK):
                    return self._mapped_file(path.with_name(f"{path.name}.counters"))
                return self._mapped_file(self._shared / f"edge-inspector-{_name_in(path)}")
            except OSError as error:
                self._say(f"{path} cannot be used ({error}): frames and parts are counted in memory")
        return mmap.mmap(-1, _SIZE), True

    def _mapped_file(self, place: Path) -> tuple[mmap.mmap, bool]:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            is_new = os.fstat(descriptor).st_size == 0
            # A mapped page without a place of its own would end the process when it is written.
            os.posix_fallocate(descriptor, 0, _SIZE)
            mapped = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)
        self.place = place
        return mapped, is_new

    def _read(self, place: int) -> int | None:
        first, second = self._view[place], self._view[place + 1] ^ _INVERTED
        return max(first, second) if abs(first - second) <= _TORN else None

    def _write(self, place: int, value: int) -> None:
        self._view[place] = value
        self._view[place + 1] = value ^ _INVERTED

    def _say(self, problem: str) -> None:
        self.problem = problem
        _log.warning("%s", problem)


def _name_in(path: Path) -> str:
    """Return the name of the page that belongs to a home, and write it down where there is none yet."""
    with suppress(FileNotFoundError, UnicodeDecodeError):
        if re.fullmatch(r"[0-9a-f]{32}", name := path.read_text(encoding="ascii")):
            return name
    name = secrets.token_hex(16)
    write_lasting(path, name.encode("ascii"))
    return name
