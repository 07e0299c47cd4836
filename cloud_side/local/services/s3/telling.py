"""The events of buckets that tell: put on the bus in the transaction of the change."""

import sqlite3
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud_side.local import outbox
from cloud_side.local.home import ACCOUNT
from cloud_side.local.services.s3.places import Place


def tells(connection: sqlite3.Connection, bucket: str) -> bool:
    """Return whether a bucket's events go to EventBridge."""
    row = connection.execute("SELECT tells FROM s3_buckets WHERE name = ?", (bucket,)).fetchone()
    return row is not None and bool(row["tells"])


def tell_created(  # noqa: PLR0913 - what an event says
    connection: sqlite3.Connection, place: Place, *, size: int, etag: str, reason: str, now: datetime
) -> None:
    """Tell that an object was made or replaced, if the bucket tells."""
    _tell(connection, place, "Object Created", now=now, told={"size": size, "etag": etag}, why={"reason": reason})


def tell_deleted(connection: sqlite3.Connection, place: Place, *, now: datetime) -> None:
    """Tell that an object is gone, if the bucket tells."""
    why = {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"}
    _tell(connection, place, "Object Deleted", now=now, told={}, why=why)


def _tell(  # noqa: PLR0913 - what an event says
    connection: sqlite3.Connection,
    place: Place,
    kind: str,
    *,
    now: datetime,
    told: Mapping[str, Any],
    why: Mapping[str, str],
) -> None:
    """Put an event on the bus.

    Source:
        Amazon S3 User Guide, "EventBridge event message structure".
    """
    if not tells(connection, place.bucket):
        return
    detail = {
        "version": "0",
        "bucket": {"name": place.bucket},
        "object": {"key": place.key, **told, "sequencer": _next(connection)},
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        **why,
    }
    outbox.emit(
        connection,
        source="aws.s3",
        detail_type=kind,
        detail=detail,
        now=now,
        resources=[f"arn:aws:s3:::{place.bucket}"],
    )


def _next(connection: sqlite3.Connection) -> str:
    (latest,) = connection.execute(
        "INSERT INTO s3_sequencer (id, latest) VALUES (0, 1) ON CONFLICT (id) DO UPDATE SET latest = latest + 1 "
        "RETURNING latest"
    ).fetchone()
    return f"{latest:018X}"  # of one length, so that the later one is the greater text
