"""ListObjectsV2: one page of a bucket's keys, without reading a file."""

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.services.s3.moving import carry_out_all
from cloud_side.local.services.s3.places import Place, signature_of
from cloud_side.local.services.s3.requests import bucket_of, root_of, taking
from cloud_side.local.services.s3.stored import Known, Stored, find, stored_as
from cloud_side.local.services.s3.walking import Position, Walk
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request

_MOST = 1000  # on one page, as in S3
_NOTHING = Known(None, None, None)


@dataclass
class Page:
    """What a listing answers with.

    Attributes:
        keys: Of objects.
        prefixes: What several keys begin with, up to a delimiter.
        position: Behind the last of both.
        is_full: Whether there are more.
    """

    position: Position
    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    is_full: bool = False

    def __len__(self) -> int:
        return len(self.keys) + len(self.prefixes)


@taking("Bucket ContinuationToken Delimiter MaxKeys Prefix StartAfter")
def list_objects_v2(request: Request) -> Answer:
    """Answer with a page of keys in the order of their UTF-8 bytes."""
    bucket, asked = bucket_of(request), request.parameters
    root = root_of(request)
    carry_out_all(request.database, root)
    prefix, delimiter = asked.get("Prefix", ""), asked.get("Delimiter", "")
    walk = Walk(root, prefix, _begin(asked))
    page = _page(walk, prefix, delimiter, min(_MOST, asked.get("MaxKeys", _MOST)))
    contents = list(_described(request.database, root, page.keys))
    answer: dict[str, Any] = {
        "Name": bucket,
        "Prefix": prefix,
        "MaxKeys": asked.get("MaxKeys", _MOST),
        "KeyCount": len(contents) + len(page.prefixes),
        "IsTruncated": page.is_full,
        **{name: asked[name] for name in ("ContinuationToken", "Delimiter", "StartAfter") if name in asked},
    }
    if contents:
        answer["Contents"] = contents
    if page.prefixes:
        answer["CommonPrefixes"] = [{"Prefix": each} for each in page.prefixes]
    if page.is_full:
        answer["NextContinuationToken"] = _token(page.position)
    return answer


def _page(walk: Walk, prefix: str, delimiter: str, most: int) -> Page:
    page = Page(walk.position)
    if most <= 0:
        return page
    for key in walk:
        if len(page) == most:
            page.is_full = True
            break
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            page.keys.append(key)
            page.position = Position(key)
        else:
            page.prefixes.append(key[: end + len(delimiter)])
            walk.pass_over(page.prefixes[-1])
            page.position = walk.position
    return page


def _begin(asked: Parameters) -> Position:
    token = asked.get("ContinuationToken")
    if token is None:
        return Position(asked.get("StartAfter", ""))
    try:
        text, is_whole = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        msg = f"ContinuationToken: expected one that a listing has answered with, found {token!r}"
        raise RefusedRequest("InvalidArgument", msg) from error
    return Position(text, is_whole=is_whole)


def _token(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps([position.text, position.is_whole]).encode()).decode()


def _described(database: Database, root: Path, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    for folder, group in groupby(keys, lambda key: key[: key.rfind("/") + 1]):
        for place, stored in _stored(database, root, folder, list(group)):
            yield {
                "Key": place.key,
                "LastModified": stored.modified,
                "ETag": stored.quoted_etag,
                "Size": stored.size,
                "StorageClass": "STANDARD",
            }


def _stored(database: Database, root: Path, folder: str, keys: Sequence[str]) -> Iterator[tuple[Place, Stored]]:
    """Yield what lies in one folder; what is said of a file was said before as after it was looked at."""
    connection = database.connection()
    names = keys[0][len(folder) :], keys[-1][len(folder) :]
    before = _known_in(connection, root.name, folder, names)
    looked = [(place := Place(root, key), place.status_here()) for key in keys]
    after = _known_in(connection, root.name, folder, names)
    for place, status in looked:
        known = before.get(place.name, _NOTHING)
        is_sure = known == after.get(place.name, _NOTHING) and not known.is_moving
        if is_sure and status is not None and known.signature in {None, signature_of(status)}:
            stored: Stored | None = stored_as(status, place.name, known)
        else:
            stored = find(database, place)
        if stored is not None:  # else it went meanwhile
            yield place, stored


def _known_in(connection: sqlite3.Connection, bucket: str, folder: str, names: tuple[str, str]) -> dict[str, Known]:
    within = "WHERE bucket = ? AND folder = ? AND name BETWEEN ? AND ?"
    rows = connection.execute(
        f"SELECT name, signature, etag, 0 AS moving FROM s3_objects {within} "  # noqa: S608 - our own text
        f"UNION ALL SELECT name, NULL, NULL, 1 FROM s3_moves {within}",
        (bucket, folder, *names) * 2,
    )
    return {row["name"]: Known(row["signature"], row["etag"], None, bool(row["moving"])) for row in rows}
