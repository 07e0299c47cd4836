"""Images of datasets by their content: `datasets/images/ab/abcd….jpg`, where no sample's expiry reaches them."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError
from PIL import ExifTags, Image, UnidentifiedImageError

from cloud_side.catalog.shelf import ROOT, Client
from edge_inspector.errors import InspectorError

IMAGES: Final = f"{ROOT}images/"
_SUFFIXES: Final = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif"}
_TURNED: Final = (5, 6, 7, 8)  # of EXIF: a viewer shows it with width and height swapped
_GONE: Final = ("NoSuchKey", "NoSuchBucket", "404")


class BrokenImageError(InspectorError):
    """An image that is not whole, or is none; says what was found."""


class MissingImageError(InspectorError):
    """An image that is not where its label says."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What an image file is.

    Attributes:
        sha256: Of the file.
        width, height: In pixels, as a viewer shows it.
        suffix: Of its form: `jpg`, `png` and so on.
    """

    sha256: str
    width: int
    height: int
    suffix: str

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{IMAGES}{self.sha256[:2]}/{self.sha256}.{self.suffix}"


def picture_of(content: bytes) -> Picture:
    """Return what an image file is, all of it decoded.

    Raises:
        BrokenImageError: If it cannot be decoded to its end.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large is not broken
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                form, (width, height) = str(image.format), image.size
                is_turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
    except UnidentifiedImageError as error:  # its text has an address in memory
        msg = f"expected an image that is whole, found {len(content)} bytes that are none"
        raise BrokenImageError(msg) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"expected an image that is whole, found {len(content)} bytes: {' '.join(str(error).split())}"
        raise BrokenImageError(msg) from error
    if is_turned:
        width, height = height, width
    return Picture(hashlib.sha256(content).hexdigest(), width, height, _SUFFIXES.get(form, form.lower()))


def parse_address(address: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`.

    Raises:
        MissingImageError: If it is no such address.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket or not key:
        msg = f"expected an address s3://bucket/key, found {address!r}"
        raise MissingImageError(msg)
    return bucket, key


def fetch(s3: Client, bucket: str, key: str) -> tuple[bytes, str]:
    """Return an object and its ETag.

    Raises:
        MissingImageError: If it is not there.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        return answer["Body"].read(), answer["ETag"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        msg = f"s3://{bucket}/{key}: expected an image, found nothing"
        raise MissingImageError(msg) from error


class Kept:
    """Which images are kept already, asked in the order of their hashes: one listing, and none of it in memory."""

    def __init__(self, s3: Client, bucket: str) -> None:
        self._keys = _listed(s3, bucket)
        self._next = next(self._keys, None)

    def key_of(self, sha256: str) -> str | None:
        """Return the key of an image, or None; each hash asked for must be behind the one before."""
        while self._next is not None and _stem(self._next) < sha256:
            self._next = next(self._keys, None)
        return self._next if self._next is not None and _stem(self._next) == sha256 else None


def _listed(s3: Client, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=IMAGES):
        yield from (each["Key"] for each in page.get("Contents", ()))


def _stem(key: str) -> str:
    return key.rsplit("/", 1)[-1].partition(".")[0]
