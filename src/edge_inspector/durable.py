"""Files that are there whole or not at all, also after the power has gone, and whether one was replaced."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

Signature: TypeAlias = tuple[int, int, int, int]

_POLL_S = 1.0
PARTIAL = ".part"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def partial_of(path: Path) -> Path:
    """Return the temporary name under which a file is written; the same one every time, so that none pile up."""
    return path.with_name(f".{path.name}{PARTIAL}")


def is_partial(name: str) -> bool:
    """Return whether a file name is such a temporary one."""
    return name.startswith(".") and name.endswith(PARTIAL)


def write_whole(path: Path, content: bytes, *, mode: int = PRIVATE_FILE, is_synced: bool = True) -> None:
    """Write a file under a temporary name, bring it to the disk unless it may be lost, and give it its name.

    The name itself is on the disk once its folder is synced: see `write_lasting`. After the power has gone, a file
    that was not brought to the disk may have its name without its content.

    Raises:
        OSError: If that failed; nothing of it is left then.
    """
    partial = partial_of(path)
    try:
        partial.unlink(missing_ok=True)  # one that was left behind may have wider rights
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        partial.rename(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_lasting(path: Path, content: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Write a file whole, on the disk with its name when this returns.

    Raises:
        OSError: If that failed; the file is then as it was, or whole.
    """
    write_whole(path, content, mode=mode)
    sync_folder(path.parent)


def make_folders(folder: Path, *, mode: int = PRIVATE_FOLDER) -> None:
    """Make a folder with all above it that are missing, and bring their names to the disk.

    Raises:
        OSError: If that failed.
    """
    if folder.is_dir():
        return
    make_folders(folder.parent, mode=mode)
    folder.mkdir(mode=mode, exist_ok=True)
    sync_folder(folder.parent)


def signature_of(path: Path) -> Signature | None:
    """Return what changes with the file that a path leads to, over links too; None where there is no regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - the plain call says that links are followed
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class RestWatch:
    """Looks at one file about every second: a change is due once the file has stayed as it is for a look.

    So what is still being written is not read, nor a file that is away. Only a regular file is watched.
    """

    def __init__(self, path: Path, taken: Signature | None) -> None:
        """Look for the first time when asked.

        Args:
            path: The file.
            taken: What of it is no change, as `signature_of` tells; whatever is there is one when None.
        """
        self.path = path
        self._polled_s = -_POLL_S
        self._seen = self._taken = taken

    def is_due(self, monotonic_s: float) -> bool:
        """Return whether the file differs from what was taken last, and has come to rest."""
        if monotonic_s - self._polled_s < _POLL_S:
            return False
        self._polled_s = monotonic_s
        before, self._seen = self._seen, signature_of(self.path)
        return self._seen is not None and self._seen == before and self._seen != self._taken


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Raises:
        OSError: If that failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
