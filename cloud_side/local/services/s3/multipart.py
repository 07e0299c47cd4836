"""Objects in parts: each part is a staged file of its own, and the object is made of them at the end."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing

from cloud_side.local.services.s3.bodies import body_of, check_md5, pieces_of
from cloud_side.local.services.s3.conditions import Span, check_source, check_write, span_of
from cloud_side.local.services.s3.keeping import check_room, keep, now_under
from cloud_side.local.services.s3.names import STAGING
from cloud_side.local.services.s3.parts import (
    changed,
    chosen,
    content_of,
    end_upload,
    etag_of_parts,
    keep_part,
    parts_of,
    upload_of,
)
from cloud_side.local.services.s3.performing import decided, once, prepare, written
from cloud_side.local.services.s3.places import Place
from cloud_side.local.services.s3.reading import opened
from cloud_side.local.services.s3.requests import place_in, taking
from cloud_side.local.services.s3.staging import Staged, drop_unless_named
from cloud_side.local.services.s3.stored import SAID, headers_of
from cloud_side.local.services.s3.writing import source_of
from cloud_side.local.wiring import Answer, RefusedRequest, Request

_MOST_PARTS = 10_000


@taking(f"Bucket Key {SAID}")
def create_multipart_upload(request: Request, connection: sqlite3.Connection) -> Answer:
    """Begin an upload."""
    place = place_in(request)
    check_room(place)
    identity = uuid.uuid4().hex
    connection.execute(
        "INSERT INTO s3_uploads (id, bucket, key, initiated, headers) VALUES (?, ?, ?, ?, ?)",
        (identity, place.bucket, place.key, request.now.isoformat(), json.dumps(headers_of(request.parameters))),
    )
    return {"Bucket": place.bucket, "Key": place.key, "UploadId": identity}


@taking("Bucket Key UploadId PartNumber Body ContentMD5")
@once
def upload_part(request: Request) -> Answer:
    """Keep the content that came as a part, in place of one with its number."""
    return _part(request, place_in(request), body_of(request.parameters), lambda file: {"ETag": f'"{file.md5}"'})


@taking("Bucket Key UploadId PartNumber CopySource CopySourceRange CopySourceIfMatch CopySourceIfNoneMatch")
@once
def upload_part_copy(request: Request) -> Answer:
    """Keep bytes of an object as a part, in place of one with its number."""
    place, source = place_in(request), source_of(request)
    content, stored = opened(request, source)
    with closing(content):
        check_source(request.parameters, stored, source.address)
        span = span_of(request.parameters.get("CopySourceRange"), stored.size, source.address)
        content.narrow(span or Span(0, stored.size))
        return _part(request, place, pieces_of(content), _copied)


def _copied(file: Staged) -> Answer:
    return {"CopyPartResult": {"ETag": f'"{file.md5}"', "LastModified": file.modified}}


def _part(request: Request, place: Place, chunks: Iterable[bytes], answer: Callable[[Staged], Answer]) -> Answer:
    number, upload = request.parameters["PartNumber"], request.parameters["UploadId"]
    if not 1 <= number <= _MOST_PARTS:
        msg = f"{place.address}: expected a part number from 1 to {_MOST_PARTS}, found {number}"
        raise RefusedRequest("InvalidArgument", msg)
    upload_of(request.database.connection(), place, upload)
    replaced: list[str] = []

    def decide(connection: sqlite3.Connection, file: Staged) -> Answer:
        check_md5(request.parameters, file.md5, place.address)
        upload_of(connection, place, upload)
        replaced.extend(part.staged for part in parts_of(connection, upload) if part.number == number)
        keep_part(connection, upload, number, file)
        return answer(file)

    answered = written(request, place, chunks, decide)
    _drop(request, place, replaced)
    return answered


@taking("Bucket Key UploadId MultipartUpload IfMatch IfNoneMatch")
@once
def complete_multipart_upload(request: Request) -> Answer:
    """Make an object of the parts; the upload ends."""
    place = place_in(request)
    connection = request.database.connection()
    upload = upload_of(connection, place, request.parameters["UploadId"])
    parts = chosen(connection, request.parameters, place.address)
    prepare(request, place)
    ended: list[str] = []

    def decide(connection: sqlite3.Connection, file: Staged) -> Answer:
        upload_of(connection, place, upload["id"])
        if chosen(connection, request.parameters, place.address) != parts:
            raise changed(place.address)
        check_write(request.parameters, now_under(connection, place), place.address)
        etag = etag_of_parts(parts)
        headers = json.loads(upload["headers"])
        keep(connection, place, file, etag=etag, headers=headers, reason="CompleteMultipartUpload", now=request.now)
        ended.extend(end_upload(connection, upload["id"]))
        location = f"http://{place.bucket}.s3.amazonaws.com/{place.key}"
        return {"Location": location, "Bucket": place.bucket, "Key": place.key, "ETag": f'"{etag}"'}

    answered = written(request, place, content_of(place.root, parts, place.address), decide)
    _drop(request, place, ended)
    return answered


@taking("Bucket Key UploadId")
@once
def abort_multipart_upload(request: Request) -> Answer:
    """End an upload, with all its parts."""
    place = place_in(request)
    ended: list[str] = []

    def decide(connection: sqlite3.Connection) -> Answer:
        upload = upload_of(connection, place, request.parameters["UploadId"])
        ended.extend(end_upload(connection, upload["id"]))
        return {}

    answered = decided(request, decide, place)
    _drop(request, place, ended)
    return answered


def _drop(request: Request, place: Place, staged: Iterable[str]) -> None:
    """Remove files that are no parts any more; what is left behind by a kill is swept later."""
    for name in staged:
        drop_unless_named(request.database, place.root / STAGING / name)
