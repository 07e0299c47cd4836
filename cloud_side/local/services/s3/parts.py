"""The parts of uploads that are under way: which there are, and which of them an object is made of."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cloud_side.local.services.s3.names import STAGING
from cloud_side.local.services.s3.places import Place
from cloud_side.local.services.s3.staging import Staged
from cloud_side.local.wiring import Parameters, RefusedRequest

_LEAST_BYTES = 5 << 20  # of each part but the last, as in S3


@dataclass(frozen=True)
class Part:
    """A part that was uploaded.

    Attributes:
        number: From 1.
        staged: Its file in the bucket's staging folder.
        size: In bytes.
        etag: MD5, without quotes.
        modified: When it was written; aware UTC, whole seconds.
    """

    number: int
    staged: str
    size: int
    etag: str
    modified: datetime


def upload_of(connection: sqlite3.Connection, place: Place, identity: str) -> sqlite3.Row:
    """Return the row of an upload.

    Raises:
        RefusedRequest: If it is not under way for that object.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM s3_uploads WHERE (id, bucket, key) = (?, ?, ?)", (identity, place.bucket, place.key)
    ).fetchone()
    if row is None:
        msg = f"{place.address}: no upload {identity} is under way; it was completed or aborted, or never began"
        raise RefusedRequest("NoSuchUpload", msg, status=404)
    return row


def parts_of(connection: sqlite3.Connection, upload: str, after: int = 0) -> Iterator[Part]:
    """Yield the parts of an upload in order, those after a number."""
    rows = connection.execute(
        "SELECT number, staged, size, etag, modified FROM s3_parts WHERE upload = ? AND number > ? ORDER BY number",
        (upload, after),
    )
    return (Part(**dict(row) | {"modified": datetime.fromisoformat(row["modified"])}) for row in rows)


def keep_part(connection: sqlite3.Connection, upload: str, number: int, file: Staged) -> None:
    """Make a staged file a part, in place of the one with that number."""
    connection.execute(
        "INSERT OR REPLACE INTO s3_parts (upload, number, staged, size, etag, modified) VALUES (?, ?, ?, ?, ?, ?)",
        (upload, number, file.name, file.size, file.md5, file.modified.isoformat()),
    )


def end_upload(connection: sqlite3.Connection, upload: str) -> list[str]:
    """Forget an upload, and return the staged files that were its parts."""
    rows = connection.execute("DELETE FROM s3_parts WHERE upload = ? RETURNING staged", (upload,)).fetchall()
    connection.execute("DELETE FROM s3_uploads WHERE id = ?", (upload,))
    return [row["staged"] for row in rows]


def chosen(connection: sqlite3.Connection, parameters: Parameters, address: str) -> list[Part]:
    """Return the parts that an upload is to be completed with.

    Raises:
        RefusedRequest: If one is not there, not the one that is meant, too small, or out of order.
    """
    wanted: Sequence[Any] = parameters.get("MultipartUpload", {}).get("Parts", [])
    numbers = [part["PartNumber"] for part in wanted]
    if not wanted:
        raise RefusedRequest("MalformedXML", f"{address}: expected a list of parts, found none")
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise RefusedRequest("InvalidPartOrder", f"{address}: expected rising part numbers, found {numbers}")
    there = {part.number: part for part in parts_of(connection, parameters["UploadId"])}
    for each in wanted:
        part = there.get(each["PartNumber"])
        if part is None or part.etag != each.get("ETag", "").strip('"'):
            found = "none" if part is None else f'"{part.etag}"'
            msg = f"{address}: part {each['PartNumber']}: expected the ETag {each.get('ETag')}, found {found}"
            raise RefusedRequest("InvalidPart", msg)
    parts = [there[number] for number in numbers]
    for part in parts[:-1]:
        if part.size < _LEAST_BYTES:
            msg = f"{address}: part {part.number} has {part.size} bytes, expected at least {_LEAST_BYTES}"
            raise RefusedRequest("EntityTooSmall", msg)
    return parts


def etag_of_parts(parts: Sequence[Part]) -> str:
    """Return the ETag of an object that is made of parts: the MD5 of their MD5s, and how many they are."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def content_of(root: Path, parts: Sequence[Part], address: str) -> Iterator[bytes]:
    """Yield what the parts hold, a piece at a time.

    Raises:
        RefusedRequest: If another request has taken one away meanwhile.
    """
    for part in parts:
        try:
            file = (root / STAGING / part.staged).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise changed(address) from error
        with file:
            while piece := file.read(1 << 20):
                yield piece


def changed(address: str) -> RefusedRequest:
    """Return the refusal of a request between whose steps another one has changed the parts."""
    msg = f"{address}: another request has changed the upload meanwhile"
    return RefusedRequest("OperationAborted", msg, status=409)
