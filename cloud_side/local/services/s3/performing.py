"""How a write goes: the bytes are on the disk before the transaction, the answer is remembered in it."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import TypeAlias

from cloud_side.local.services.s3.conditions import check_write
from cloud_side.local.services.s3.keeping import check_room
from cloud_side.local.services.s3.moving import carry_out_all, lasting
from cloud_side.local.services.s3.places import Place
from cloud_side.local.services.s3.requests import check_bucket, root_of
from cloud_side.local.services.s3.staging import Staged, staged
from cloud_side.local.services.s3.stored import find
from cloud_side.local.wiring import Answer, Request

Decide: TypeAlias = Callable[[sqlite3.Connection], Answer]


def once(operation: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    """Make an operation that was done, and cut off before it could answer, answer and do nothing."""

    @wraps(operation)
    def run(request: Request) -> Answer:
        before = request.remembered(request.database.connection())
        if before is None:
            return operation(request)
        carry_out_all(request.database, root_of(request))
        return before

    return run


def decided(request: Request, decide: Decide, place: Place | None = None) -> Answer:
    """Decide in one transaction what a request changes, remember the answer, and make the folder follow.

    Args:
        request: What is asked; its bucket is there in the transaction.
        decide: Does it, and returns the answer.
        place: The only object that it changes; None where there may be several.
    """
    with lasting(request.database) as connection:
        answer = request.remembered(connection)  # the one who was cut off may have lived on
        if answer is None:
            check_bucket(connection, request.parameters["Bucket"])
            answer = decide(connection)
            request.remember(connection, answer)
    carry_out_all(request.database, root_of(request), place)
    return answer


def written(
    request: Request, place: Place, chunks: Iterable[bytes], decide: Callable[[sqlite3.Connection, Staged], Answer]
) -> Answer:
    """Write a file, then decide what it is.

    Args:
        request: What is asked.
        place: The object that it is, or is a part of.
        chunks: The content.
        decide: As for `decided`, with the file.
    """
    with staged(request.database, place.root, chunks) as file:
        return decided(request, lambda connection: decide(connection, file), place)


def prepare(request: Request, place: Place) -> None:
    """Find out before anything is written whether it can be kept; what counts is said in the transaction.

    Raises:
        RefusedRequest: If it cannot.
    """
    if place.path.is_dir():  # perhaps what was in it is gone
        carry_out_all(request.database, place.root)
        with suppress(OSError):
            place.path.rmdir()
    check_room(place)
    if request.parameters.keys() & {"IfMatch", "IfNoneMatch"}:
        check_write(request.parameters, find(request.database, place), place.address)
