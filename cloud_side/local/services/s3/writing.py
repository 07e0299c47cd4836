"""PutObject and CopyObject."""

import sqlite3
from contextlib import closing
from urllib.parse import unquote

from cloud_side.local.services.s3.bodies import body_of, check_md5, pieces_of
from cloud_side.local.services.s3.conditions import check_source, check_write
from cloud_side.local.services.s3.keeping import keep, now_under
from cloud_side.local.services.s3.performing import once, prepare, written
from cloud_side.local.services.s3.places import Place, place_of
from cloud_side.local.services.s3.reading import opened
from cloud_side.local.services.s3.requests import check_bucket, place_in, taking
from cloud_side.local.services.s3.staging import Staged
from cloud_side.local.services.s3.stored import SAID, headers_of
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request


@taking(f"Bucket Key Body ContentMD5 IfMatch IfNoneMatch {SAID}")
@once
def put_object(request: Request) -> Answer:
    """Make the content that came the object under a key."""
    place = place_in(request)
    prepare(request, place)

    def decide(connection: sqlite3.Connection, file: Staged) -> Answer:
        check_md5(request.parameters, file.md5, place.address)
        check_write(request.parameters, now_under(connection, place), place.address)
        headers = headers_of(request.parameters)
        keep(connection, place, file, etag=file.md5, headers=headers, reason="PutObject", now=request.now)
        return {"ETag": f'"{file.md5}"'}

    return written(request, place, body_of(request.parameters), decide)


@taking(f"Bucket Key CopySource CopySourceIfMatch CopySourceIfNoneMatch IfMatch IfNoneMatch MetadataDirective {SAID}")
@once
def copy_object(request: Request) -> Answer:
    """Make the content of one object that of another key, or give an object other headers."""
    place, source = place_in(request), source_of(request)
    replaces = request.parameters.get("MetadataDirective") == "REPLACE"
    if place == source and not replaces:
        msg = f"{place.address}: cannot be copied to itself unless MetadataDirective is REPLACE"
        raise RefusedRequest("InvalidRequest", msg)
    prepare(request, place)
    content, stored = opened(request, source)
    with closing(content):
        check_source(request.parameters, stored, source.address)
        headers = headers_of(request.parameters) if replaces else stored.headers

        def decide(connection: sqlite3.Connection, file: Staged) -> Answer:
            check_write(request.parameters, now_under(connection, place), place.address)
            keep(connection, place, file, etag=file.md5, headers=headers, reason="CopyObject", now=request.now)
            return {"CopyObjectResult": {"ETag": f'"{file.md5}"', "LastModified": file.modified}}

        return written(request, place, pieces_of(content), decide)


def source_of(request: Request) -> Place:
    """Return which object is to be copied.

    Raises:
        RefusedRequest: If it cannot be there.
    """
    bucket, key = _source(request.parameters)
    check_bucket(request.database.connection(), bucket)
    return place_of(request.home, bucket, key)


def _source(parameters: Parameters) -> tuple[str, str]:
    source, _, version = parameters["CopySource"].partition("?versionId=")  # the client makes such a text of it
    if version:
        raise RefusedRequest("NotOnLocalEngine", "CopySource: the local engine keeps no versions", status=501)
    bucket, _, key = unquote(source).removeprefix("/").partition("/")
    return bucket, key
