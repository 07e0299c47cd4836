"""What a request makes its success depend on, and which bytes of an object it wants."""

import re
from dataclasses import dataclass

from cloud_side.local.services.s3.stored import Stored
from cloud_side.local.wiring import Parameters, RefusedRequest

_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")


@dataclass(frozen=True)
class Span:
    """Bytes of an object, from `start` on."""

    start: int
    length: int


def check_read(parameters: Parameters, stored: Stored, address: str) -> None:
    """Let a read go on.

    Raises:
        RefusedRequest: If the object is not the one that was asked for, or still the one that the caller has.
    """
    _expect(parameters.get("IfMatch"), stored, address)
    if _is_named(parameters.get("IfNoneMatch"), stored):
        msg = f"{address}: still has the ETag {stored.quoted_etag}"
        raise RefusedRequest("304", msg, status=304)


def check_source(parameters: Parameters, stored: Stored, address: str) -> None:
    """Let a copy go on.

    Raises:
        RefusedRequest: If its source is not the one that was meant.
    """
    _expect(parameters.get("CopySourceIfMatch"), stored, address)
    _expect_other(parameters.get("CopySourceIfNoneMatch"), stored, address)


def check_write(parameters: Parameters, stored: Stored | None, address: str) -> None:
    """Let a write go on.

    Args:
        parameters: Of the request.
        stored: What is under the key now.
        address: Of the object.

    Raises:
        RefusedRequest: If what is there is not what was meant.
    """
    if (unless := parameters.get("IfNoneMatch", "*")) != "*":
        msg = f'{address}: IfNoneMatch of a write can only be "*", found {unless}'
        raise RefusedRequest("NotImplemented", msg, status=501)
    if stored is None and "IfMatch" in parameters:
        raise no_such_key(address)
    if stored is not None:
        _expect(parameters.get("IfMatch"), stored, address)
        _expect_other(parameters.get("IfNoneMatch"), stored, address)


def no_such_key(address: str) -> RefusedRequest:
    """Return the refusal of a request for an object that is not there."""
    return RefusedRequest("NoSuchKey", f"{address}: there is no such object", status=404)


def _expect(wanted: str | None, stored: Stored, address: str) -> None:
    if wanted is not None and not _is_named(wanted, stored):
        msg = f"{address}: has the ETag {stored.quoted_etag}, expected {wanted}"
        raise RefusedRequest("PreconditionFailed", msg, status=412)


def _expect_other(had: str | None, stored: Stored, address: str) -> None:
    if _is_named(had, stored):
        msg = f"{address}: is there, with the ETag {stored.quoted_etag}; expected none or another one"
        raise RefusedRequest("PreconditionFailed", msg, status=412)


def _is_named(condition: str | None, stored: Stored) -> bool:
    named = {etag.strip().removeprefix("W/").strip('"') for etag in (condition or "").split(",")}
    return "*" in named or stored.etag in named


def span_of(text: str | None, size: int, address: str) -> Span | None:
    """Return which bytes a `Range` asks for.

    Returns:
        At least one byte that is there; None when all are asked for, or when the text is no range, as in RFC 9110.

    Raises:
        RefusedRequest: If the object has no such bytes.
    """
    found = None if text is None else _RANGE.fullmatch(text.replace(" ", ""))
    if found is None or not (found["first"] or found["last"]):
        return None
    if found["first"]:
        start, end = int(found["first"]), min(int(found["last"] or size), size - 1)
        if found["last"] and int(found["last"]) < start:
            return None
    else:
        start, end = max(0, size - int(found["last"])), size - 1
    if start > end:
        msg = f"{address}: has {size} bytes, asked for {text}"
        raise RefusedRequest("InvalidRange", msg, status=416)
    return Span(start, end - start + 1)
