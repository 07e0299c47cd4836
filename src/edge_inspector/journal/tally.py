"""The tally: how many frames were captured and parts opened, in a file that outlives the process.

The counters are mapped into memory, so that counting is a store and what was counted survives SIGKILL: the page
belongs to the kernel. A power loss may take the last half minute; the accounts in the journal are then ahead.
"""

import logging
import mmap
import os
import threading
from pathlib import Path
from typing import Final, Self

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
    """

    def __init__(self, path: Path | None) -> None:
        """Map the file and go on where it was.

        A file that is damaged or short begins at zero; without a disk that takes it the tally is in memory.

        Args:
            path: The file; its folder is made. None counts in memory.
        """
        self.problem: str | None = None
        self._lock = threading.Lock()
        self._mapped, is_new = self._map(path)
        self._view = memoryview(self._mapped).cast("Q")
        frames, parts = self._read(_FRAMES), self._read(_PARTS)
        if self._view[0] != _MAGIC or frames is None or parts is None:
            if not is_new:
                self._say(f"{path} is damaged: it begins at zero")
            frames = parts = 0
        self._frames, self._parts = frames, parts
        self._view[0] = _MAGIC
        self.reset_to(frames, parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hand the counters to the disk; what is counted later is in memory."""
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

    def _map(self, path: Path | None) -> tuple[mmap.mmap, bool]:
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    is_new = os.fstat(descriptor).st_size == 0
                    # A mapped page without a place on the disk would end the process when it is written.
                    os.posix_fallocate(descriptor, 0, _SIZE)
                    return mmap.mmap(descriptor, _SIZE), is_new
                finally:
                    os.close(descriptor)
            except OSError as error:
                self._say(f"{path} cannot be used ({error}): frames and parts are counted in memory")
        return mmap.mmap(-1, _SIZE), True

    def _read(self, place: int) -> int | None:
        first, second = self._view[place], self._view[place + 1] ^ _INVERTED
        return max(first, second) if abs(first - second) <= _TORN else None

    def _write(self, place: int, value: int) -> None:
        self._view[place] = value
        self._view[place + 1] = value ^ _INVERTED

    def _say(self, problem: str) -> None:
        self.problem = problem
        _log.warning("%s", problem)
