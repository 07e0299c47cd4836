"""What is under a key: the file, and what the database knows of that very file."""

import hashlib
import json
import mimetypes
import os
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.services.s3.moving import carry_out_all
from cloud_side.local.services.s3.places import Place, modified_at, signature_of

_NO_TYPE = "binary/octet-stream"  # what S3 says of an object that was given none
_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType")
SAID = " ".join([*_HEADERS, "Metadata"])  # what a request can say of the object that it makes


@dataclass(frozen=True)
class Stored:
    """An object.

    Attributes:
        size: In bytes.
        modified: When its file was written; aware UTC, whole seconds as in S3.
        etag: Without quotes. MD5 of what was put, and S3's form for parts; a file that came by itself has one made of
            its size, time and identity, so that no file is read for it. It ends in "-0", as no other does.
        signature: Which file it is.
        name: The key after its last slash.
        said: What was said of it when it was put, as JSON; None where the file came by itself.
    """

    size: int
    modified: datetime
    etag: str
    signature: str
    name: str
    said: str | None

    @property
    def quoted_etag(self) -> str:
        """The ETag as answers have it."""
        return f'"{self.etag}"'

    @property
    def headers(self) -> Mapping[str, Any]:
        """Content type and the like, and `Metadata`, named as in the API."""
        if self.said is None:
            return {"ContentType": mimetypes.guess_type(self.name)[0] or _NO_TYPE, "Metadata": {}}
        headers: Mapping[str, Any] = json.loads(self.said)
        return headers


@dataclass(frozen=True)
class Known:
    """What the database says of a key at one moment.

    Attributes:
        signature: Of the file that this is true of; None where nothing is known.
        etag: None where the file came by itself.
        headers: JSON.
        is_moving: Whether the folder has yet to follow.
    """

    signature: str | None
    etag: str | None
    headers: str | None
    is_moving: bool = False


def known_of(connection: sqlite3.Connection, place: Place) -> Known:
    """Return what the database says of a key."""
    row = connection.execute(
        "SELECT signature, etag, headers, EXISTS (SELECT 1 FROM s3_moves WHERE (bucket, folder, name) = (?1, ?2, ?3)) "
        "AS moving FROM (SELECT 1) LEFT JOIN s3_objects ON (bucket, folder, name) = (?1, ?2, ?3)",
        place.identity,
    ).fetchone()
    return Known(row["signature"], row["etag"], row["headers"], bool(row["moving"]))


def stored_as(status: os.stat_result, name: str, known: Known) -> Stored:
    """Return the object that a file is, with what is known of that very file."""
    signature = signature_of(status)
    is_said = known.signature == signature and known.etag is not None
    return Stored(
        size=status.st_size,
        modified=modified_at(status),
        etag=known.etag if is_said and known.etag else etag_of(signature),
        signature=signature,
        name=name,
        said=known.headers if is_said else None,
    )


def etag_of(signature: str) -> str:
    """Return the ETag of a file that came by itself."""
    return hashlib.md5(signature.encode(), usedforsecurity=False).hexdigest() + "-0"


def headers_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request says of the object that it makes."""
    given = {name: parameters[name] for name in _HEADERS if name in parameters}
    metadata = {name.lower(): value for name, value in parameters.get("Metadata", {}).items()}
    return {"ContentType": _NO_TYPE} | given | {"Metadata": metadata}


def look(connection: sqlite3.Connection, place: Place) -> Stored | None:
    """Return what is under a key while nothing moves: in a write transaction, after `moving.carry_out`."""
    status = place.status()
    return None if status is None else stored_as(status, place.name, known_of(connection, place))


def find(database: Database, place: Place) -> Stored | None:
    """Return what is under a key, as it is or was at one moment."""
    opened = open_stored(database, place)
    if opened is None:
        return None
    os.close(opened[0])
    return opened[1]


def open_stored(database: Database, place: Place) -> tuple[int, Stored] | None:
    """Open the file under a key, together with what is true of that very file.

    Another process may replace the object at any moment; then what was read first belongs to no file, and is read
    again.

    Returns:
        A descriptor, which is the caller's to close, and the object; None where there is none.
    """
    connection = database.connection()
    while True:
        with ExitStack() as closing:
            known = known_of(connection, place)
            if (descriptor := place.open()) is not None:
                closing.callback(os.close, descriptor)
            status = None if descriptor is None else os.fstat(descriptor)
            is_known = known.signature == (None if status is None else signature_of(status))
            # Where nothing moves and nothing was decided meanwhile, the file came, changed or went by itself.
            if is_known or (not known.is_moving and known_of(connection, place) == known):
                closing.pop_all()
                if descriptor is None or status is None:
                    return None
                return descriptor, stored_as(status, place.name, known)
        carry_out_all(database, place.root, place)
