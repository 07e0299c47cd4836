"""How a folder follows the database: what was decided in a transaction is then done to files, by whoever comes first.

A write is decided when its transaction is committed: from then on all see the new object, whatever ends meanwhile. The
file gets its name afterwards, in the order in which it was decided, since all do it in write transactions.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.services.s3.names import STAGING
from cloud_side.local.services.s3.places import Place, signature_of
from edge_inspector.durable import make_folders, sync_folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Move:
    """What a folder has yet to follow.

    Attributes:
        staged: Name of the file in the bucket's staging folder that becomes the object; None where a file goes.
        signature: Of that file.
    """

    place: Place
    staged: str | None
    signature: str

    def carry_out(self) -> None:
        """Do it, unless it is done already.

        Raises:
            OSError: If the folder cannot follow.
        """
        if self.staged is None:
            self._remove()
        elif (staged := self.place.root / STAGING / self.staged).exists():
            make_folders(self.place.path.parent)
            staged.rename(self.place.path)

    def _remove(self) -> None:
        status = self.place.status()
        if status is not None and signature_of(status) == self.signature:  # else somebody put another file there
            self.place.path.unlink()
        drop_empty_folders(self.place)


@contextmanager
def lasting(database: Database) -> Iterator[sqlite3.Connection]:
    """Write all of the block, or nothing; it is on the disk then, as the files are of which it tells."""
    connection = database.connection()
    connection.execute("PRAGMA synchronous = FULL")
    try:
        with database.transaction():
            yield connection
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def decide(connection: sqlite3.Connection, move: Move) -> None:
    """Put down what the folder has to follow; what it had to follow there has been carried out."""
    connection.execute(
        "INSERT INTO s3_moves (bucket, folder, name, staged, signature) VALUES (?, ?, ?, ?, ?)",
        (*move.place.identity, move.staged, move.signature),
    )


def carry_out(connection: sqlite3.Connection, place: Place) -> None:
    """Make the folder follow under one key, in a write transaction.

    Raises:
        OSError: If it cannot.
    """
    for move in _moves(connection, place.root, place):
        move.carry_out()
        _forget(connection, move)


def carry_out_all(database: Database, root: Path, place: Place | None = None) -> None:
    """Make a bucket's folder follow, in transactions of its own, with the names on the disk.

    Args:
        database: What was decided.
        root: The bucket's folder.
        place: Only under this key; everything in the bucket when None, and what cannot follow is logged.

    Raises:
        OSError: If the folder cannot follow under that key.
    """
    if not _moves(database.connection(), root, place):
        return
    with database.transaction() as connection:
        moves = [move for move in _moves(connection, root, place) if _followed(move, is_sole=place is not None)]
    _sync({move.place.path.parent for move in moves})
    try:
        with database.transaction() as connection:
            for move in moves:
                _forget(connection, move)
    except sqlite3.OperationalError as error:  # the folder has followed, and to do it once more does nothing
        _log.info("bucket %s: what was carried out is forgotten later: %s", root.name, error)


def _followed(move: Move, *, is_sole: bool) -> bool:
    try:
        move.carry_out()
    except OSError as error:
        if is_sole:
            raise
        _log.warning("%s: the folder cannot follow, and is tried again: %s", move.place.address, error)
        return False
    return True


def _sync(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError):  # empty since, and gone
            sync_folder(folder)


def _moves(connection: sqlite3.Connection, root: Path, place: Place | None) -> list[Move]:
    if place is None:
        rows = connection.execute("SELECT * FROM s3_moves WHERE bucket = ?", (root.name,))
    else:
        rows = connection.execute("SELECT * FROM s3_moves WHERE (bucket, folder, name) = (?, ?, ?)", place.identity)
    return [Move(Place(root, row["folder"] + row["name"]), row["staged"], row["signature"]) for row in rows]


def _forget(connection: sqlite3.Connection, move: Move) -> None:
    connection.execute(
        "DELETE FROM s3_moves WHERE (bucket, folder, name, signature) = (?, ?, ?, ?) AND staged IS ?",
        (*move.place.identity, move.signature, move.staged),
    )


def drop_empty_folders(place: Place) -> None:
    """Remove the folders above a key that hold nothing any more."""
    folder = place.path.parent
    while folder != place.root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
