"""How the operations take requests: with the members that they know, and with every failure said plainly."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeAlias

from cloud_side.local.services.s3.places import Place, place_of
from cloud_side.local.wiring import Answer, RefusedRequest, Request

P = ParamSpec("P")
_Operation: TypeAlias = Callable[Concatenate[Request, P], Answer]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
# What says nothing here: there is one owner, who pays, and whose disk is encrypted or not. The client has keys encoded
# on their way, and decodes them.
_WITHOUT_EFFECT = (
    "ACL BucketKeyEnabled BucketNamespace ChecksumAlgorithm ChecksumMode ChecksumType ContentLength EncodingType "
    "ExpectedBucketOwner ExpectedSourceBucketOwner MpuObjectSize ObjectOwnership RequestPayer SSEKMSKeyId "
    "ServerSideEncryption SkipDestinationValidation StorageClass"
)


def taking(members: str) -> Callable[[_Operation[P]], _Operation[P]]:
    """Make an operation refuse members that it does not know, and say plainly what the disk refuses.

    Args:
        members: Those that it knows, separated by spaces.
    """
    known = set(members.split())
    taken = known | set(_WITHOUT_EFFECT.split())

    def made(operation: _Operation[P]) -> _Operation[P]:
        @wraps(operation)
        def run(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            if others := sorted(request.parameters.keys() - taken):
                msg = f"{', '.join(others)}: not there on the local engine, which has {', '.join(sorted(known))}"
                raise RefusedRequest("NotOnLocalEngine", msg, status=501)
            with said_plainly():
                return operation(request, *args, **kwargs)

        return run

    return made


@contextmanager
def said_plainly() -> Iterator[None]:
    """Make what the disk refuses the service's answer.

    Raises:
        RefusedRequest: `InternalError` with status 507 where it is full, `AccessDenied` where it must not be written.
    """
    try:
        yield
    except OSError as error:
        raise _refusal_of(error) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            msg = "others have been writing to the engine's database all the time; try again later"
            raise RefusedRequest("SlowDown", msg, status=503) from error
        if error.sqlite_errorname.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            raise _full(error) from error
        raise


def _refusal_of(error: OSError) -> RefusedRequest:
    if error.errno in _NO_ROOM:
        return _full(error)
    if error.errno in _NOT_ALLOWED:
        return RefusedRequest("AccessDenied", str(error), status=403)
    return RefusedRequest("InternalError", str(error), status=500)


def _full(error: Exception) -> RefusedRequest:
    msg = f"{error}; nothing was changed: make room on the disk of the engine's folder, and try again"
    return RefusedRequest("InternalError", msg, status=507)


def bucket_of(request: Request, connection: sqlite3.Connection | None = None) -> str:
    """Return the name of a request's bucket, which is there.

    Args:
        request: What is asked.
        connection: The transaction in which it must be there; any moment will do when None.

    Raises:
        RefusedRequest: If there is no such bucket.
    """
    bucket: str = request.parameters["Bucket"]
    check_bucket(connection or request.database.connection(), bucket)
    return bucket


def check_bucket(connection: sqlite3.Connection, bucket: str) -> None:
    """Let a request for a bucket go on.

    Raises:
        RefusedRequest: If there is no such bucket.
    """
    if connection.execute("SELECT 1 FROM s3_buckets WHERE name = ?", (bucket,)).fetchone() is None:
        msg = f"{bucket}: there is no such bucket"
        raise RefusedRequest("NoSuchBucket", msg, status=404)


def root_of(request: Request) -> Path:
    """Return the folder of a request's bucket, which is there."""
    bucket: str = request.parameters["Bucket"]
    return request.home.buckets / bucket


def place_in(request: Request) -> Place:
    """Return where the object of a request is.

    Raises:
        RefusedRequest: If there is no such bucket, or no file can have the key.
    """
    return place_of(request.home, bucket_of(request), request.parameters["Key"])


def moment_in(text: str) -> datetime:
    """Return a moment that was kept as text, in whole seconds as S3 tells it."""
    return datetime.fromisoformat(text).replace(microsecond=0)
