"""A package folder that is there whole or not at all: its files are on the disk before it gets its name."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from edge_inspector.durable import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, partial_of, sync_folder

PUBLIC_FILE, PUBLIC_FOLDER = 0o644, 0o755
_CHUNK_BYTES = 1 << 20


def never_end() -> None:
    """Go on with a copy or a test, whatever happens."""


def copy_package(
    source: Path,
    target: Path,
    *,
    min_free_bytes: float = 0,
    is_private: bool = True,
    go_on: Callable[[], None] = never_end,
) -> None:
    """Copy a folder of plain files under a temporary name, bring it to the disk, and give it its name.

    Links and whatever else is no plain file are left out: nothing from outside the folder gets in.

    Args:
        source: What to copy.
        target: Its new place; what is there goes.
        min_free_bytes: So much of the disk stays free.
        is_private: Readable for this user only.
        go_on: Called between two pieces; an exception from it ends the copy.

    Raises:
        OSError: If that failed; nothing of it is left then.
    """
    file_mode, folder_mode = (PRIVATE_FILE, PRIVATE_FOLDER) if is_private else (PUBLIC_FILE, PUBLIC_FOLDER)
    make_folders(target.parent, mode=folder_mode)
    files = dict(plain_files(source))
    free_bytes = shutil.disk_usage(target.parent).free
    if (needed := sum(files.values())) > free_bytes - min_free_bytes:
        msg = f"{needed / 1e6:.1f} MB are needed, {free_bytes / 1e6:.1f} MB are free"
        raise OSError(errno.ENOSPC, msg, str(target))
    partial = partial_of(target)
    try:
        remove_folder(partial)
        partial.mkdir(mode=folder_mode)
        copies = {path: partial / path.relative_to(source) for path in files}
        for path, copy in copies.items():
            make_folders(copy.parent, mode=folder_mode)
            _copy(path, copy, mode=file_mode, go_on=go_on)
        for folder in {copy.parent for copy in copies.values()}:
            sync_folder(folder)
        remove_folder(target)
        partial.rename(target)
        sync_folder(target.parent)
    except OSError:
        with suppress(OSError):
            remove_folder(partial)
        raise


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there.

    Raises:
        OSError: If that failed.
    """
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def plain_files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the plain files below a folder, each with its size in bytes."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from plain_files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _copy(source: Path, target: Path, *, mode: int, go_on: Callable[[], None]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        while piece := reader.read(_CHUNK_BYTES):
            go_on()
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
