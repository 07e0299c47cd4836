"""Sidecars read from the bucket, several at once, as rows in the order in which they were asked for."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from botocore.exceptions import ClientError

from cloud_side.catalog.index import Counts, Kept, Pair
from cloud_side.catalog.sidecars import LARGEST_SIDECAR_BYTES, SidecarError, row_of, write_row
from cloud_side.labeling.runtime.clients import Client
from cloud_side.labeling.runtime.listing import AT_ONCE

_AHEAD: Final = 16 * AT_ONCE  # rows that wait for an earlier one
_MOST_TOLD: Final = 20  # broken sidecars of a folder that the log names

_log = logging.getLogger(__name__)


def rows_of(s3: Client, bucket: str, merged: Iterable[Kept | Pair], counts: Counts) -> Iterator[bytes]:
    """Yield the lines of the index of what a partition holds now.

    Args:
        s3: A client of boto3.
        bucket: The bucket.
        merged: Rows as they are, and pairs whose sidecar is to be read.
        counts: Is told what was met; a broken sidecar is counted and logged, and the others go on.
    """
    for each in _in_order(s3, bucket, _counted(merged, counts)):
        if isinstance(each, bytes):
            counts.rows += 1
            yield each
        elif each is not None:
            counts.broken += 1
            if counts.broken <= _MOST_TOLD:
                _log.warning("%s", each)
    if counts.broken > _MOST_TOLD:
        _log.warning("%d more sidecars are broken", counts.broken - _MOST_TOLD)


def _counted(merged: Iterable[Kept | Pair], counts: Counts) -> Iterator[Kept | Pair]:
    for each in merged:
        counts.read += isinstance(each, Pair)
        yield each


def _in_order(s3: Client, bucket: str, merged: Iterable[Kept | Pair]) -> Iterator[bytes | SidecarError | None]:
    waiting: deque[bytes | Future[bytes | SidecarError | None]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in merged:
            waiting.append(each.line if isinstance(each, Kept) else pool.submit(_read, s3, bucket, each))
            if len(waiting) > _AHEAD:
                yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())


def _done(line: bytes | Future[bytes | SidecarError | None]) -> bytes | SidecarError | None:
    return line if isinstance(line, bytes) else line.result()


def _read(s3: Client, bucket: str, pair: Pair) -> bytes | SidecarError | None:
    """Return a line of the index; what is wrong with a sidecar; or None for one that is gone."""
    key, size = pair.sidecar.key, pair.sidecar.size
    if size > LARGEST_SIDECAR_BYTES:
        return SidecarError(f"{key}: expected at most {LARGEST_SIDECAR_BYTES} bytes, found {size}")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    try:
        return write_row(row_of(answer["Body"].read(), image=pair.image, etag=answer["ETag"].strip('"')))
    except SidecarError as error:
        return SidecarError(f"{key}: {error}")
