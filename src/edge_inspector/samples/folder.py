"""A folder as target: on this machine, a mounted share or a stick."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge_inspector.durable import make_folders, partial_of, sync_folder
from edge_inspector.samples.target import UnavailableError, UnusableError

_FILE, _FOLDER = 0o666, 0o777  # others shall fetch them: the umask of the daemon rules


class SampleFolder:
    """Copies files to a folder, whole or not at all."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0, free_bytes: Callable[[], int] | None = None) -> None:
        """Touch nothing yet.

        Args:
            root: The folder; made when first needed.
            min_free_bytes: Free space of its disk that copies never take.
            free_bytes: Tells the free space; asks the disk of `root` when None.
        """
        self._root = root
        self._min_free_bytes = min_free_bytes
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(root).free)

    def put(self, key: str, path: Path, content_type: str) -> None:  # noqa: ARG002 - a folder keeps no types
        """Copy a file, see `Target`; confirmed once it is on the disk."""
        try:
            source = path.open("rb")
            size = os.fstat(source.fileno()).st_size
        except OSError as error:
            msg = f"{path}: cannot be read: {error}"
            raise UnusableError(msg) from error
        destination = self._root / key
        partial = partial_of(destination)
        with source:
            try:
                make_folders(destination.parent, mode=_FOLDER)
                self._check_room(size)
                with os.fdopen(
                    os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE), "wb"
                ) as copy:
                    shutil.copyfileobj(source, copy)
                    copy.flush()
                    os.fsync(copy.fileno())
                partial.rename(destination)
                sync_folder(destination.parent)
            except OSError as error:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
                msg = (
                    f"folder {self._root}: samples cannot be copied there: {error}; check that it is there and writable"
                )
                raise UnavailableError(msg) from error

    def _check_room(self, size: int) -> None:
        free = self._free_bytes()
        if free - size < self._min_free_bytes:
            msg = (
                f"folder {self._root}: {free / 1e6:.0f} MB are free, "
                f"expected at least {self._min_free_bytes / 1e6:.0f} MB; take samples away from there"
            )
            raise UnavailableError(msg)
