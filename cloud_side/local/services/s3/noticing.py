"""Files that came, changed or went by themselves: found by a look at one folder, told in short transactions."""

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.services.s3.names import is_key, is_passed_over
from cloud_side.local.services.s3.places import Place, signature_of
from cloud_side.local.services.s3.stored import etag_of, known_of
from cloud_side.local.services.s3.telling import tell_created, tell_deleted, tells

_REST_NS = 10**9  # what has not been written for so long is whole; the clock of files ticks in milliseconds
_AT_ONCE = 100  # keys in one transaction


@dataclass(frozen=True)
class Moment:
    """When, and to what end, is looked.

    Attributes:
        now_ns: Nanoseconds since 1970.
        is_told: Whether changes are told; else they are taken note of, also of files that are being written.
    """

    now_ns: int
    is_told: bool = True

    def finds_at_rest(self, mtime_ns: int) -> bool:
        """Return whether nobody is writing; a time that lies far ahead is that of another clock."""
        return not self.is_told or abs(self.now_ns - mtime_ns) >= _REST_NS

    @property
    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.fromtimestamp(self.now_ns / 1e9, UTC)


@dataclass(frozen=True)
class Look:
    """What one folder holds, and what of it is not known yet.

    Attributes:
        changed: Keys, the one whose file was written first at first; those that went at the end.
        folders: In it; each ends with a slash.
        is_at_rest: Whether no file is being written.
    """

    changed: Sequence[str]
    folders: Sequence[str]
    is_at_rest: bool


def look_into(connection: sqlite3.Connection, root: Path, folder: str, moment: Moment) -> Look:
    """Compare one folder of a bucket with what is known of it.

    Args:
        connection: What is known.
        root: The bucket's folder.
        folder: Empty, or names that each end with a slash.
        moment: Of the look; files that are being written then are no changes yet.

    Raises:
        OSError: If it cannot be read, or is gone.
    """
    known = _known_in(connection, root.name, folder)
    came: list[tuple[int, str]] = []
    folders: list[str] = []
    all_rest = True
    with os.scandir(root / folder) as entries:
        for entry in entries:
            key = f"{folder}{entry.name}"
            if is_passed_over(entry.name) or not is_key(key):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{key}/")
            elif (status := _status(entry)) is not None and known.pop(entry.name, None) != signature_of(status):
                if moment.finds_at_rest(status.st_mtime_ns):
                    came.append((status.st_mtime_ns, key))
                else:
                    all_rest = False
    went = [f"{folder}{name}" for name in known]
    return Look([*(key for _, key in sorted(came)), *went], folders, all_rest)


def _known_in(connection: sqlite3.Connection, bucket: str, folder: str) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, signature FROM s3_objects WHERE (bucket, folder) = (?, ?)", (bucket, folder)
    )
    return {row["name"]: row["signature"] for row in rows}


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False) if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None  # it went meanwhile


def notice(database: Database, root: Path, keys: Sequence[str], moment: Moment) -> None:
    """Take note of what lies under some keys, and tell what is new of it, once each, while the bucket tells.

    What is written or deleted through the API has been told, and is known before its file is there or gone.
    """
    for begin in range(0, len(keys), _AT_ONCE):
        with database.transaction() as connection:
            if tells(connection, root.name) != moment.is_told:  # it has been told to begin, or to end, meanwhile
                return
            for key in keys[begin : begin + _AT_ONCE]:
                _notice(connection, Place(root, key), moment)


def _notice(connection: sqlite3.Connection, place: Place, moment: Moment) -> None:
    known = known_of(connection, place)
    status = place.status_here()
    signature = None if status is None else signature_of(status)
    if known.is_moving or known.signature == signature:
        return
    if status is None or signature is None:
        connection.execute("DELETE FROM s3_objects WHERE (bucket, folder, name) = (?, ?, ?)", place.identity)
        if moment.is_told:
            tell_deleted(connection, place, now=moment.now)
    elif moment.finds_at_rest(status.st_mtime_ns):
        connection.execute(
            "INSERT OR REPLACE INTO s3_objects (bucket, folder, name, signature) VALUES (?, ?, ?, ?)",
            (*place.identity, signature),
        )
        if moment.is_told:
            etag = etag_of(signature)
            tell_created(connection, place, size=status.st_size, etag=etag, reason="PutObject", now=moment.now)
