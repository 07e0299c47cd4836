"""GetObject and HeadObject: an object as it is at one moment, and its bytes as they are wanted."""

from typing import Any

from botocore.response import StreamingBody

from cloud_side.local.services.s3.bodies import FileSlice
from cloud_side.local.services.s3.conditions import Span, check_read, no_such_key, span_of
from cloud_side.local.services.s3.places import Place
from cloud_side.local.services.s3.requests import place_in, taking
from cloud_side.local.services.s3.stored import Stored, find, open_stored
from cloud_side.local.wiring import Answer, RefusedRequest, Request

_WITHOUT_BODY = {"NoSuchBucket": ("404", 404), "NoSuchKey": ("404", 404), "PreconditionFailed": ("412", 412)}


@taking("Bucket Key IfMatch IfNoneMatch Range")
def get_object(request: Request) -> Answer:
    """Answer with an object; its body is read from the disk while the caller reads it."""
    place = place_in(request)
    content, stored = opened(request, place)
    check_read(request.parameters, stored, place.address)
    span = span_of(request.parameters.get("Range"), stored.size, place.address)
    wanted = span or Span(0, stored.size)
    content.narrow(wanted)
    answer = _described(stored) | {"ContentLength": wanted.length, "Body": StreamingBody(content, wanted.length)}
    if span is not None:
        answer["ContentRange"] = f"bytes {span.start}-{span.start + span.length - 1}/{stored.size}"
    return answer


@taking("Bucket Key IfMatch IfNoneMatch")
def head_object(request: Request) -> Answer:
    """Answer with what is true of an object."""
    try:
        place = place_in(request)
        if (stored := find(request.database, place)) is None:
            raise no_such_key(place.address)
        check_read(request.parameters, stored, place.address)
    except RefusedRequest as refusal:
        raise without_body(refusal) from refusal
    return _described(stored) | {"ContentLength": stored.size}


def without_body(refusal: RefusedRequest) -> RefusedRequest:
    """Return a refusal as the answer to HEAD has it: it holds no code but its status."""
    if refusal.code not in _WITHOUT_BODY:
        return refusal
    code, status = _WITHOUT_BODY[refusal.code]
    return RefusedRequest(code, refusal.message, status=status)


def opened(request: Request, place: Place) -> tuple[FileSlice, Stored]:
    """Open an object.

    Raises:
        RefusedRequest: If there is none.
    """
    found = open_stored(request.database, place)
    if found is None:
        raise no_such_key(place.address)
    descriptor, stored = found
    return FileSlice(descriptor, stored.size), stored


def _described(stored: Stored) -> dict[str, Any]:
    return {
        "AcceptRanges": "bytes",
        "ETag": stored.quoted_etag,
        "LastModified": stored.modified,
        **stored.headers,
    }
