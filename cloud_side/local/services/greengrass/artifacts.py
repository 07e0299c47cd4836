"""The files of components in S3: the one module of Greengrass that knows how they lie there."""

import base64
import hashlib
import io
import os
import shutil
import sqlite3
from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass.recipe import Artifact
from cloud_side.local.services.s3.keeping import now_under
from cloud_side.local.services.s3.places import Place, place_of
from cloud_side.local.services.s3.stored import open_stored
from cloud_side.local.wiring import RefusedRequest


def is_there(connection: sqlite3.Connection, home: Home, artifact: Artifact) -> bool:
    """Return whether an artifact's object is in its bucket; in a write transaction."""
    place = _place_of(home, artifact)
    return place is not None and now_under(connection, place) is not None


def digest_of(database: Database, home: Home, artifact: Artifact) -> str | None:
    """Return the SHA-256 of an artifact's object in Base64; None where there is none to read."""
    opened = _open(database, home, artifact)
    if opened is None:
        return None
    with opened:
        return _digest(opened)


def copy_to(database: Database, home: Home, artifact: Artifact, path: Path) -> bool:
    """Copy an artifact's object into a new file; return whether there was one.

    Raises:
        OSError: If the disk does not take it.
    """
    opened = _open(database, home, artifact)
    if opened is None:
        return False
    with opened, path.open("xb") as copy:
        shutil.copyfileobj(opened, copy)
    return True


def digest_of_file(path: Path) -> str | None:
    """Return the SHA-256 of a file in Base64; None where there is none to read."""
    try:
        with path.open("rb") as file:
            return _digest(file)
    except OSError:
        return None


def _digest(file: io.BufferedReader) -> str:
    return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def _place_of(home: Home, artifact: Artifact) -> Place | None:
    try:
        return place_of(home, artifact.bucket, artifact.key)
    except RefusedRequest:  # S3 here has no object of that name
        return None


def _open(database: Database, home: Home, artifact: Artifact) -> io.BufferedReader | None:
    place = _place_of(home, artifact)
    found = None if place is None else open_stored(database, place)
    return None if found is None else os.fdopen(found[0], "rb")
