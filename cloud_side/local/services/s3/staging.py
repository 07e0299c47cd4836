"""Files that are being written: in the bucket's staging folder, on the disk before anybody hears of them."""

import fcntl
import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from cloud_side.local.database import Database
from cloud_side.local.services.s3.names import STAGING
from cloud_side.local.services.s3.places import modified_at, signature_of
from edge_inspector.durable import PRIVATE_FILE, make_folders, sync_folder


@dataclass(frozen=True)
class Staged:
    """A file that is whole and on the disk, and has no object's name yet.

    Attributes:
        name: In the staging folder.
        size: In bytes.
        md5: Of its content, as hexadecimal digits.
        signature: Which file it is; it stays the same when it gets its name.
        modified: When it was written; aware UTC, whole seconds as in S3.
    """

    name: str
    size: int
    md5: str
    signature: str
    modified: datetime


@contextmanager
def staged(database: Database, root: Path, chunks: Iterable[bytes]) -> Iterator[Staged]:
    """Write a file, and remove it after the block unless the database names it then.

    Args:
        database: Which files are named.
        root: The bucket's folder.
        chunks: The content; one is held in memory at a time.

    Raises:
        OSError: If that failed.
    """
    folder = root / STAGING
    with _new_file(folder) as file:  # locked while it is open, so that nobody takes it for one that was left behind
        path = Path(file.name)
        try:
            md5 = hashlib.md5(usedforsecurity=False)
            for chunk in chunks:
                file.write(chunk)
                md5.update(chunk)
            file.flush()
            os.fsync(file.fileno())
            sync_folder(folder)
            status = os.fstat(file.fileno())
            yield Staged(path.name, status.st_size, md5.hexdigest(), signature_of(status), modified_at(status))
        finally:
            with suppress(OSError, sqlite3.Error):
                drop_unless_named(database, path)


def _new_file(folder: Path) -> BinaryIO:
    make_folders(folder)
    while True:
        path = folder / uuid.uuid4().hex
        file = open(path, "xb", opener=_private)  # noqa: SIM115 - the caller closes it
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # else it was taken for one that was left behind, before it was locked
            return file
        file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def drop_unless_named(database: Database, path: Path) -> None:
    """Remove a staged file of which the database knows nothing; whoever calls has it locked, or has unnamed it."""
    named = database.connection().execute(
        "SELECT 1 FROM s3_moves WHERE staged = ?1 UNION ALL SELECT 1 FROM s3_parts WHERE staged = ?1", (path.name,)
    )
    if named.fetchone() is None:
        path.unlink(missing_ok=True)


def sweep(database: Database, root: Path) -> None:
    """Remove what processes that ended have left in a bucket's staging folder.

    Raises:
        OSError: If it cannot be removed.
    """
    with suppress(FileNotFoundError):
        for path in (root / STAGING).iterdir():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                drop_unless_named(database, path)
