"""Objects of one bucket in S3: read whole or line by line, written under conditions, listed and deleted."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final, TypeAlias

from botocore.exceptions import ClientError

Client: TypeAlias = Any  # boto3's clients have no type
LINES: Final = "application/x-ndjson"
_ABSENT: Final = frozenset({"NoSuchKey", "404"})
# Somebody else wrote first, or writes now: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_LOST: Final = _ABSENT | {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_UNCHANGED: Final = frozenset({"304", "NotModified"})
_CHUNK_BYTES: Final = 1 << 16
_HELD_BYTES: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it was read."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells of it."""

    key: str
    etag: str
    modified: datetime
    size: int


class Unchanged(Exception):  # noqa: N818 - good news
    """The object is still the one that the caller has."""


class Bucket:
    """A bucket; for all threads.

    Args:
        s3: Client of S3.
        name: Of the bucket.
    """

    def __init__(self, s3: Client, name: str) -> None:
        self.s3, self.name = s3, name

    def address(self, key: str) -> str:
        """Return the address of an object."""
        return f"s3://{self.name}/{key}"

    def open(self, key: str, **more: str) -> Mapping[str, Any] | None:
        """Return the answer of GetObject, whose body is open; None where there is no object.

        Args:
            key: Of the object.
            more: Of the request.
        """
        try:
            answer: Mapping[str, Any] = self.s3.get_object(Bucket=self.name, Key=key, **more)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise
        return answer

    def read(self, key: str, *, unless: str | None = None, most_bytes: int | None = None) -> Kept | None:
        """Return an object; None where there is none.

        Args:
            key: Of the object.
            unless: ETag of what the caller has.
            most_bytes: How large it may be.

        Raises:
            Unchanged: If it has the ETag `unless`.
            ValueError: If it is larger than `most_bytes`.
        """
        try:
            answer = self.open(key, **({} if unless is None else {"IfNoneMatch": unless}))
        except ClientError as error:
            if code_of(error) in _UNCHANGED:
                raise Unchanged from error
            raise
        if answer is None:
            return None
        with closing(answer["Body"]) as body:
            if most_bytes is not None and answer["ContentLength"] > most_bytes:
                msg = f"expected at most {most_bytes} bytes, found {answer['ContentLength']}"
                raise ValueError(msg)
            return Kept(body.read(), answer["ETag"])

    def lines(self, key: str) -> Iterator[bytes]:
        """Yield the lines of an object that are not blank; none where there is no object."""
        answer = self.open(key)
        if answer is None:
            return
        with closing(answer["Body"]) as body:  # as a context it is the raw stream, which has no lines
            for line in body.iter_lines(_CHUNK_BYTES):
                if line.strip():
                    yield line

    def written_at(self, key: str) -> datetime | None:
        """Return when an object was written, aware UTC; None where there is none."""
        try:
            modified: datetime = self.s3.head_object(Bucket=self.name, Key=key)["LastModified"]
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise
        return modified

    def write(
        self,
        key: str,
        content: bytes | IO[bytes],
        *,
        over: str | None = None,
        is_new: bool = False,
        media: str = "application/json",
    ) -> str | None:
        """Write an object and return its ETag; None where what is there is not what the caller took it for.

        It is None too where another one writes at this moment: then it is not known yet who will have written.

        Args:
            key: Of the object.
            content: All of it.
            over: ETag of what is replaced; None: whatever is there.
            is_new: Nothing may be there.
            media: Its content type.
        """
        more = ({"IfMatch": over} if over else {}) | ({"IfNoneMatch": "*"} if is_new else {})
        try:
            answer = self.s3.put_object(Bucket=self.name, Key=key, Body=content, ContentType=media, **more)
        except ClientError as error:
            if more and code_of(error) in _LOST:
                return None
            raise
        return str(answer["ETag"])

    def write_lines(self, key: str, lines: Iterable[str], *, media: str = LINES) -> int:
        """Write lines, each with its newline, and return how many there were."""
        with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as file:
            count = 0
            for line in lines:
                file.write(line.encode())
                count += 1
            file.seek(0)
            self.write(key, file, media=media)
        return count

    def remove(self, key: str, *, only: str | None = None) -> None:
        """Delete an object; that there is none is no error.

        Args:
            key: Of the object.
            only: ETag of what is deleted, and nothing else; None: whatever is there.
        """
        more = {} if only is None else {"IfMatch": only}
        try:
            self.s3.delete_object(Bucket=self.name, Key=key, **more)
        except ClientError as error:
            if only is None or code_of(error) not in _LOST:
                raise

    def listed(self, prefix: str, *, is_deep: bool = True, after: str = "") -> Iterator[Listed]:
        """Yield the objects under a prefix, in the order of their keys.

        Args:
            prefix: Of the keys.
            is_deep: Those in folders behind it too.
            after: Only keys behind this one.
        """
        for page in self._pages(prefix, is_deep=is_deep, after=after):
            for each in page.get("Contents", ()):
                yield Listed(each["Key"], each["ETag"], each["LastModified"], each["Size"])

    def names(self, prefix: str) -> Iterator[str]:
        """Yield what a folder has under a prefix: folders, each with its slash at the end, and keys."""
        for page in self._pages(prefix, is_deep=False):
            yield from (each["Prefix"] for each in page.get("CommonPrefixes", ()))
            yield from (each["Key"] for each in page.get("Contents", ()))

    def _pages(self, prefix: str, *, is_deep: bool, after: str = "") -> Iterator[Mapping[str, Any]]:
        more = ({} if is_deep else {"Delimiter": "/"}) | ({"StartAfter": after} if after else {})
        pages: Iterator[Mapping[str, Any]] = iter(
            self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, **more)
        )
        return pages


def code_of(error: ClientError) -> str:
    """Return the code of an error of AWS."""
    return str(error.response["Error"].get("Code", ""))


def parse_address(address: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`.

    Raises:
        ValueError: If it is no such address.
    """
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        msg = f"expected an address as s3://bucket/key, found {address!r}"
        raise ValueError(msg)
    return bucket, key
