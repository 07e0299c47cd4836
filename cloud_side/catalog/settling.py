"""Settles images under their content: whole, of the size that was labeled, and safe from a sample's expiry."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, Generic, TypeVar

from botocore.exceptions import ClientError

from cloud_side.catalog.candidates import Exclusion, Reason
from cloud_side.catalog.images import IMAGES, BrokenImageError, Picture, picture_of
from cloud_side.catalog.labels import Label
from cloud_side.catalog.versions import Entry
from cloud_side.objects import Bucket, Client, Kept, code_of, parse_address

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
    bucket: Bucket, labels: Iterable[Label], before: Iterable[Entry], fingerprint: Callable[[bytes], str]
) -> Iterator[Settled | Exclusion]:
    """Yield each image as settled or excluded, in the order given: that of their hashes.

    Args:
        bucket: In which images are kept: one listing tells which, and none of it is held.
        labels: Each image once, in the order of their hashes.
        before: Images of the version before, in that order: what is known of them is not found out again.
        fingerprint: Takes one of an image's bytes.
    """
    kept = _Walk((PurePosixPath(each.key).stem, each.key) for each in bucket.listed(IMAGES))
    known = _Walk((entry.sha256, entry) for entry in before)
    tasks = (_Task(label, kept.of(label.sha256), known.of(label.sha256)) for label in labels)
    return side_by_side(lambda task: _settle(bucket, task, fingerprint), tasks)


def side_by_side(work: Callable[[_Given], _Made], items: Iterable[_Given], at_once: int = AT_ONCE) -> Iterator[_Made]:
    """Yield what `work` makes of each item, in their order, of as many at once; never many ahead."""
    left = iter(items)
    with ThreadPoolExecutor(at_once) as pool:
        while batch := list(islice(left, at_once * _AHEAD)):
            yield from pool.map(work, batch)


def _settle(bucket: Bucket, task: _Task, fingerprint: Callable[[bytes], str]) -> Settled | Exclusion:
    label, before = task.label, task.before
    if task.key is not None and before is not None and before.fingerprint is not None:
        wrong = _wrong_size(label, before.label.width, before.label.height)
        return wrong or Settled(label, task.key, before.fingerprint)
    address = label.image if task.key is None else bucket.address(task.key)
    if (found := _read(bucket.s3, address)) is None:
        return Exclusion(label.image, label.sha256, Reason.MISSING, f"{address}: expected an image, found nothing")
    try:
        picture = picture_of(found.content, was_kept=task.key is not None)
    except BrokenImageError as error:
        return Exclusion(label.image, label.sha256, Reason.BROKEN, str(error))
    if picture.sha256 != label.sha256:
        return Exclusion(label.image, label.sha256, Reason.CHANGED, f"expected that sha256, found {picture.sha256}")
    if (wrong := _wrong_size(label, picture.width, picture.height)) is not None:
        return wrong
    if task.key is None:
        _copy(bucket, address, found.etag, picture)
    return Settled(label, picture.key, fingerprint(found.content))


def _read(s3: Client, address: str) -> Kept | None:
    """Return an image; None where there is no such object, or bucket, or where it is no address."""
    try:
        name, key = parse_address(address)
        return Bucket(s3, name).read(key)
    except ValueError:
        return None
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise
        return None


def _copy(bucket: Bucket, address: str, etag: str, picture: Picture) -> None:
    """Copy an image within S3 to where it is kept by its content: only the very bytes that were looked at."""
    name, key = parse_address(address)
    source = {"Bucket": name, "Key": key}
    bucket.s3.copy_object(Bucket=bucket.name, Key=picture.key, CopySource=source, CopySourceIfMatch=etag)


def _wrong_size(label: Label, width: int, height: int) -> Exclusion | None:
    if (width, height) == (label.width, label.height):
        return None
    found = f"expected {label.width} x {label.height} pixels, as it was labeled, found {width} x {height}"
    return Exclusion(label.image, label.sha256, Reason.SIZE, found)


class _Walk(Generic[_Made]):
    """Finds what is said of an image among many, asked and given in the order of their hashes; holds one of them."""

    def __init__(self, items: Iterable[tuple[str, _Made]]) -> None:
        self._items = iter(items)
        self._next = next(self._items, None)

    def of(self, sha256: str) -> _Made | None:
        while self._next is not None and self._next[0] < sha256:
            self._next = next(self._items, None)
        return self._next[1] if self._next is not None and self._next[0] == sha256 else None
