"""Settles images under their content: whole, of the size that was labeled, and safe from a sample's expiry."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from cloud_side.catalog.gathering import Exclusion, Reason
from cloud_side.catalog.images import (
    BrokenImageError,
    Kept,
    MissingImageError,
    Picture,
    fetch,
    parse_address,
    picture_of,
)
from cloud_side.catalog.labels import Label
from cloud_side.catalog.shelf import Client
from cloud_side.catalog.versions import Entry

AT_ONCE: Final = 8
_AHEAD: Final = 8  # images a thread that are under way: what bounds the memory
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Settled:
    """An image that a version may have.

    Attributes:
        label: What is on it.
        key: Where it is kept, by its content.
        fingerprint: Of what it shows.
    """

    label: Label
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Task:
    label: Label
    key: str | None  # where it is kept already
    before: Entry | None  # in the version before


def settle(
    s3: Client, bucket: str, labels: Iterable[Label], before: Iterable[Entry], fingerprint: Callable[[bytes], str]
) -> Iterator[Settled | Exclusion]:
    """Yield each image as settled or excluded, in the order given: that of their hashes.

    Args:
        s3: Client of S3.
        bucket: In which images are kept.
        labels: Each image once, in the order of their hashes.
        before: Images of the version before, in that order: what is known of them is not found out again.
        fingerprint: Takes one of an image's bytes.
    """
    kept, known = Kept(s3, bucket), _Cursor(before)
    tasks = (_Task(label, kept.key_of(label.sha256), known.entry_of(label.sha256)) for label in labels)
    return side_by_side(lambda task: _settle(s3, bucket, task, fingerprint), tasks)


def side_by_side(work: Callable[[_Given], _Made], items: Iterable[_Given], at_once: int = AT_ONCE) -> Iterator[_Made]:
    """Yield what `work` makes of each item, in their order, of as many at once; never many ahead."""
    left = iter(items)
    with ThreadPoolExecutor(at_once) as pool:
        while batch := list(islice(left, at_once * _AHEAD)):
            yield from pool.map(work, batch)


def keep_copy(s3: Client, bucket: str, address: str, etag: str, picture: Picture) -> None:
    """Copy an image within S3 to where images are kept by content; only the very bytes that were looked at.

    Raises:
        ClientError: If it was replaced meanwhile.
    """
    source_bucket, source_key = parse_address(address)
    source = {"Bucket": source_bucket, "Key": source_key}
    s3.copy_object(Bucket=bucket, Key=picture.key, CopySource=source, CopySourceIfMatch=etag)


def _settle(s3: Client, bucket: str, task: _Task, fingerprint: Callable[[bytes], str]) -> Settled | Exclusion:
    label, before = task.label, task.before
    if task.key is not None and before is not None and before.fingerprint is not None:
        wrong = _wrong_size(label, before.label.width, before.label.height)
        return wrong or Settled(label, task.key, before.fingerprint)
    try:
        address = label.image if task.key is None else f"s3://{bucket}/{task.key}"
        content, etag = fetch(s3, *parse_address(address))
        picture = picture_of(content)
    except MissingImageError as error:
        return Exclusion(label.image, label.sha256, Reason.MISSING, str(error))
    except BrokenImageError as error:
        return Exclusion(label.image, label.sha256, Reason.BROKEN, str(error))
    if picture.sha256 != label.sha256:
        return Exclusion(label.image, label.sha256, Reason.CHANGED, f"expected that sha256, found {picture.sha256}")
    if (wrong := _wrong_size(label, picture.width, picture.height)) is not None:
        return wrong
    if task.key is None:
        keep_copy(s3, bucket, address, etag, picture)
    return Settled(label, picture.key, fingerprint(content))


def _wrong_size(label: Label, width: int, height: int) -> Exclusion | None:
    if (width, height) == (label.width, label.height):
        return None
    found = f"expected {label.width} x {label.height} pixels, as it was labeled, found {width} x {height}"
    return Exclusion(label.image, label.sha256, Reason.SIZE, found)


class _Cursor:
    """Finds images of a version, asked in the order of their hashes."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = iter(entries)
        self._next = next(self._entries, None)

    def entry_of(self, sha256: str) -> Entry | None:
        while self._next is not None and self._next.sha256 < sha256:
            self._next = next(self._entries, None)
        return self._next if self._next is not None and self._next.sha256 == sha256 else None
