"""The home folder of a daemon: one daemon lives in it at a time."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.durable import PRIVATE_FILE, PRIVATE_FOLDER
from edge_inspector.errors import ConfigError

_log = logging.getLogger(__name__)


class HomeLock:
    """Holds a home folder until it is released or the process ends, however it ends."""

    def __init__(self, descriptor: int | None) -> None:
        """Take over an open file that is locked; None where the disk does not take a lock."""
        self._descriptor = descriptor

    @property
    def is_held(self) -> bool:
        """Whether the lock is held."""
        return self._descriptor is not None

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def lock_home(folder: Path) -> HomeLock:
    """Make a home folder one's own.

    A disk that takes no lock keeps nobody from inspecting: that is logged, and the lock is not held.

    Raises:
        ConfigError: If another daemon lives there.
    """
    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PRIVATE_FOLDER)
        descriptor = _open(path)
    except OSError as error:
        _log.warning("%s: cannot be locked: %s; a second daemon there would not be noticed", folder, error)
        return HomeLock(None)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _tolerant(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        msg = (
            f"{folder}: another daemon lives here, its process id is {holder}; "
            "give each daemon a state.dir or camera name of its own"
        )
        raise ConfigError(msg) from error
    except OSError as error:
        os.close(descriptor)
        _log.warning("%s: cannot be locked: %s; a second daemon there would not be noticed", folder, error)
        return HomeLock(None)
    return HomeLock(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # on a disk that is read-only


@contextmanager
def _tolerant(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("%s: the process id was not written down: %s", path, error)
