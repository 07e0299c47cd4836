"""How an object is decided: in one transaction, for all processes, together with its event."""

import errno
import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cloud_side.local.services.s3 import telling
from cloud_side.local.services.s3.moving import Move, carry_out, decide, drop_empty_folders
from cloud_side.local.services.s3.places import Place
from cloud_side.local.services.s3.staging import Staged
from cloud_side.local.services.s3.stored import Stored, look
from cloud_side.local.wiring import RefusedRequest
from edge_inspector.durable import make_folders


def now_under(connection: sqlite3.Connection, place: Place) -> Stored | None:
    """Return what is under a key, in a write transaction: nothing of it is on its way any more."""
    carry_out(connection, place)
    return look(connection, place)


def keep(  # noqa: PLR0913 - what an object is
    connection: sqlite3.Connection,
    place: Place,
    staged: Staged,
    *,
    etag: str,
    headers: Mapping[str, Any],
    reason: str,
    now: datetime,
) -> None:
    """Make a staged file the object under a key, after `now_under`; the folder follows after the transaction.

    Args:
        connection: In a write transaction.
        place: Where.
        staged: The file.
        etag: Without quotes.
        headers: As in `Stored`.
        reason: The operation, as events name it.
        now: Aware UTC.

    Raises:
        RefusedRequest: If the folder cannot hold a file there.
        OSError: If its folders cannot be made.
    """
    try:
        _make_room(place)
        connection.execute(
            "INSERT OR REPLACE INTO s3_objects (bucket, folder, name, signature, etag, headers) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*place.identity, staged.signature, etag, json.dumps(headers)),
        )
        decide(connection, Move(place, staged.name, staged.signature))
        telling.tell_created(connection, place, size=staged.size, etag=etag, reason=reason, now=now)
    except Exception:
        drop_empty_folders(place)
        raise


def _make_room(place: Place) -> None:
    """Make sure that the file can get its name later, when nobody can be told any more that it cannot."""
    check_room(place)
    folder = place.path.parent
    make_folders(folder)
    if not place.is_inside():
        msg = f"{place.address}: a link leads out of the bucket's folder there"
        raise RefusedRequest("InvalidRequest", msg, status=409)
    _check_access(folder)
    if folder.stat().st_dev != place.root.stat().st_dev:
        raise OSError(errno.EXDEV, "is on another disk than its bucket", str(folder))


def check_room(place: Place) -> None:
    """Let a key be written.

    Raises:
        RefusedRequest: If its file would be where a folder is, or in a folder that is a file.
    """
    if place.path.is_dir():
        msg = f"{place.address}: a folder of this name holds other objects, and a file cannot be beside it"
        raise RefusedRequest("InvalidRequest", msg, status=409)
    for folder in place.path.parents:
        if folder == place.root or folder.is_dir():
            return
        if os.path.lexists(folder) and not folder.is_dir():  # again: others may just have made it
            above = folder.relative_to(place.root)
            msg = f"{place.address}: {above} is an object itself, and a file cannot be a folder; choose another key"
            raise RefusedRequest("InvalidRequest", msg, status=409)


def let_go(connection: sqlite3.Connection, place: Place, *, now: datetime) -> None:
    """Make an object go, if there is one; the folder follows after the transaction.

    Raises:
        OSError: If the folder cannot follow.
    """
    stored = now_under(connection, place)
    if stored is not None:
        _check_access(place.path.parent)
        decide(connection, Move(place, None, stored.signature))
        telling.tell_deleted(connection, place, now=now)
    connection.execute("DELETE FROM s3_objects WHERE (bucket, folder, name) = (?, ?, ?)", place.identity)


def _check_access(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
