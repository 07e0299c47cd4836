"""Sidecars read from the bucket, several at once, as rows in the order in which they were asked for."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from cloud_side.catalog.index import Counts, Kept, Pair
from cloud_side.catalog.sidecars import LARGEST_SIDECAR_BYTES, SidecarError, row_of, write_row
from cloud_side.labeling.runtime.listing import AT_ONCE
from cloud_side.objects import Bucket

_AHEAD: Final = 16 * AT_ONCE  # rows that wait for an earlier one
_MOST_TOLD: Final = 20  # broken sidecars of a folder that the log names

_log = logging.getLogger(__name__)


def rows_of(bucket: Bucket, merged: Iterable[Kept | Pair], counts: Counts) -> Iterator[bytes]:
    """Yield the lines of the index of what a partition holds now.

    Args:
        bucket: The bucket.
        merged: Rows as they are, and pairs whose sidecar is to be read.
        counts: Is told what was met; a broken sidecar is counted and logged, and the others go on.
    """
    for each in _in_order(bucket, _counted(merged, counts)):
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


def _in_order(bucket: Bucket, merged: Iterable[Kept | Pair]) -> Iterator[bytes | SidecarError | None]:
    waiting: deque[bytes | Future[bytes | SidecarError | None]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in merged:
            waiting.append(each.line if isinstance(each, Kept) else pool.submit(_read, bucket, each))
            if len(waiting) > _AHEAD:
                yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())


def _done(line: bytes | Future[bytes | SidecarError | None]) -> bytes | SidecarError | None:
    return line if isinstance(line, bytes) else line.result()


def _read(bucket: Bucket, pair: Pair) -> bytes | SidecarError | None:
    """Return a line of the index; what is wrong with a sidecar; or None for one that is gone."""
    try:
        kept = bucket.read(pair.sidecar.key, most_bytes=LARGEST_SIDECAR_BYTES)
        return None if kept is None else write_row(row_of(kept.content, image=pair.image, etag=kept.etag))
    except ValueError as error:
        return SidecarError(f"{pair.sidecar.key}: {error}")
