"""Buckets: a folder each, made and removed through the API, and whether they tell of their objects."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.s3.moving import carry_out_all
from cloud_side.local.services.s3.names import STAGING, bucket_problem
from cloud_side.local.services.s3.performing import decided, once
from cloud_side.local.services.s3.reading import without_body
from cloud_side.local.services.s3.requests import bucket_of, moment_in, root_of, taking
from cloud_side.local.services.s3.rounds import take_note
from cloud_side.local.services.s3.telling import tells
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request
from edge_inspector.durable import make_folders

_MOST = 10_000  # on one page, as in S3


@taking("Bucket CreateBucketConfiguration")
def create_bucket(request: Request, connection: sqlite3.Connection) -> Answer:
    """Make a bucket; files that lie in its folder already are its first objects."""
    bucket: str = request.parameters["Bucket"]
    _check_region(bucket, request.parameters)
    if problem := bucket_problem(bucket):
        msg = f"{bucket}: cannot be a bucket's name: {problem}"
        raise RefusedRequest("InvalidBucketName", msg)
    added = connection.execute(
        "INSERT OR IGNORE INTO s3_buckets (name, created) VALUES (?, ?)", (bucket, request.now.isoformat())
    )
    if not added.rowcount:
        raise RefusedRequest("BucketAlreadyOwnedByYou", f"{bucket}: is there already", status=409)
    make_folders(request.home.buckets / bucket)
    return {"Location": f"http://{bucket}.s3.amazonaws.com/"}


def _check_region(bucket: str, parameters: Parameters) -> None:
    """Refuse what S3 would: outside of its first region a bucket's region is said."""
    found = parameters.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    if found != REGION:
        msg = f"{bucket}: expected CreateBucketConfiguration={{'LocationConstraint': '{REGION}'}}, found {found!r}"
        raise RefusedRequest("IllegalLocationConstraintException", msg)


@taking("Bucket")
def head_bucket(request: Request) -> Answer:
    """Answer if a bucket is there."""
    try:
        bucket_of(request)
    except RefusedRequest as refusal:
        raise without_body(refusal) from refusal
    return {"BucketRegion": REGION}


@taking("ContinuationToken MaxBuckets Prefix")
def list_buckets(request: Request) -> Answer:
    """Answer with buckets in order of their names."""
    asked = request.parameters
    most, prefix = min(_MOST, asked.get("MaxBuckets", _MOST)), asked.get("Prefix", "")
    rows = (
        request.database.connection()
        .execute(
            "SELECT name, created FROM s3_buckets WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2 "
            "ORDER BY name LIMIT ?3",
            (asked.get("ContinuationToken", ""), prefix, most + 1),
        )
        .fetchall()
    )
    buckets = [{"Name": row["name"], "CreationDate": moment_in(row["created"])} for row in rows[:most]]
    answer: dict[str, Any] = {"Buckets": buckets, "Owner": {"ID": ACCOUNT}}
    if prefix:
        answer["Prefix"] = prefix
    if len(rows) > most:
        answer["ContinuationToken"] = buckets[-1]["Name"]
    return answer


@taking("Bucket")
@once
def delete_bucket(request: Request) -> Answer:
    """Remove a bucket in which nothing is, not even a file that is no object; uploads under way end."""
    bucket_of(request)
    carry_out_all(request.database, root_of(request))
    return decided(request, lambda connection: _removed(connection, root_of(request)))


def _removed(connection: sqlite3.Connection, root: Path) -> Answer:
    moves = connection.execute("SELECT name FROM s3_moves WHERE bucket = ? AND staged IS NOT NULL", (root.name,))
    if (row := moves.fetchone()) is not None:
        raise _not_empty(root.name, row["name"])
    _remove_folders(root)
    connection.execute(
        "DELETE FROM s3_parts WHERE upload IN (SELECT id FROM s3_uploads WHERE bucket = ?)", (root.name,)
    )
    for table in ("s3_uploads", "s3_objects", "s3_moves"):
        connection.execute(f"DELETE FROM {table} WHERE bucket = ?", (root.name,))  # noqa: S608 - our own names
    connection.execute("DELETE FROM s3_buckets WHERE name = ?", (root.name,))
    return {}


def _remove_folders(root: Path) -> None:
    for folder, folders, files in os.walk(root):
        if Path(folder) == root and STAGING in folders:
            folders.remove(STAGING)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        if files or links:
            raise _not_empty(root.name, str(Path(folder, [*files, *links][0]).relative_to(root)))
    if (root / STAGING).exists():
        shutil.rmtree(root / STAGING)
    try:
        for folder, _, _ in os.walk(root, topdown=False):
            if Path(folder).is_symlink():  # the bucket's own; where it leads to stays
                root.unlink()
            else:
                Path(folder).rmdir()
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        raise _not_empty(root.name, "something that has just come") from error


def _not_empty(bucket: str, found: str) -> RefusedRequest:
    msg = f"{bucket}: the bucket is not empty, it holds {found}"
    return RefusedRequest("BucketNotEmpty", msg, status=409)


@taking("Bucket NotificationConfiguration")
def put_bucket_notification_configuration(request: Request) -> Answer:
    """Let a bucket tell of its objects from now on, or no more; what lies in it now is not told."""
    bucket, wanted = bucket_of(request), request.parameters["NotificationConfiguration"]
    if others := sorted(name for name, value in wanted.items() if name != "EventBridgeConfiguration" and value):
        msg = f"{bucket}: {', '.join(others)}: the local engine has EventBridgeConfiguration only"
        raise RefusedRequest("NotOnLocalEngine", msg, status=501)
    is_told = "EventBridgeConfiguration" in wanted
    if is_told and not tells(request.database.connection(), bucket):
        take_note(request.database, root_of(request))
    with request.database.transaction() as connection:
        connection.execute("UPDATE s3_buckets SET tells = ? WHERE name = ?", (is_told, bucket))
    return {}


@taking("Bucket")
def get_bucket_notification_configuration(request: Request) -> Answer:
    """Answer whether a bucket tells of its objects."""
    connection = request.database.connection()
    return {"EventBridgeConfiguration": {}} if tells(connection, bucket_of(request)) else {}
