"""The product's bucket, as the work on items uses it: whole objects, written under conditions, and listings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

# Somebody else wrote first: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_LOST: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"})
_ABSENT: Final = frozenset({"NoSuchKey", "404"})
_UNCHANGED: Final = frozenset({"304", "NotModified"})


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


class Unchanged(Exception):  # noqa: N818 - good news
    """The object is still the one that the caller has."""


class Shelf:
    """Objects of one bucket; for all threads."""

    def __init__(self, client: Any, bucket: str) -> None:  # noqa: ANN401 - boto3's clients have no type
        """Take a client of S3, and the bucket."""
        self._client, self.bucket = client, bucket

    def check(self) -> None:
        """Let it pass that there is such a bucket.

        Raises:
            ClientError: If there is none, or it must not be looked at.
        """
        self._client.head_bucket(Bucket=self.bucket)

    def read(self, key: str, *, unless: str | None = None, bucket: str | None = None) -> Kept | None:
        """Return an object, None where there is none.

        Args:
            key: Of the object.
            unless: ETag of what the caller has.
            bucket: Another one.

        Raises:
            Unchanged: If it has the ETag `unless`.
        """
        more = {} if unless is None else {"IfNoneMatch": unless}
        try:
            answer = self._client.get_object(Bucket=bucket or self.bucket, Key=key, **more)
            return Kept(answer["Body"].read(), answer["ETag"])
        except ClientError as error:
            if _code(error) in _UNCHANGED:
                raise Unchanged from error
            if _code(error) in _ABSENT:
                return None
            raise

    def write(
        self,
        key: str,
        content: bytes,
        *,
        over: str | None = None,
        is_new: bool = False,
        media: str = "application/json",
    ) -> str | None:
        """Write an object and return its ETag; None where what is there is not what the caller took it for.

        Args:
            key: Of the object.
            content: All of it.
            over: ETag of what is replaced; None: whatever is there.
            is_new: Nothing may be there.
            media: Its content type.
        """
        more = ({"IfMatch": over} if over else {}) | ({"IfNoneMatch": "*"} if is_new else {})
        try:
            answer = self._client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=media, **more)
        except ClientError as error:
            if more and _code(error) in _LOST:
                return None
            raise
        return str(answer["ETag"])

    def remove(self, key: str) -> None:
        """Delete an object; that there is none is no error."""
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects under a prefix, in the order of their keys."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield Listed(each["Key"], each["ETag"], each["LastModified"])


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))
