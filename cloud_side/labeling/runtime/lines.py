"""Objects of JSON lines, read and written without holding them."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.labeling.runtime.clients import Client

_CHUNK_BYTES: Final = 1 << 16
_HELD_BYTES: Final = 1 << 22
ABSENT: Final = frozenset({"NoSuchKey", "404"})


def read_lines(s3: Client, bucket: str, key: str) -> Iterator[bytes]:
    """Yield the lines of an object that are not blank; none where there is no object."""
    answer = get(s3, bucket, key)
    if answer is None:
        return
    with closing(answer["Body"]) as body:  # as a context it is the raw stream, which has no lines
        for line in body.iter_lines(_CHUNK_BYTES):
            if line.strip():
                yield line


def write_lines(s3: Client, bucket: str, key: str, lines: Iterable[str]) -> int:
    """Write an object of lines, each with its newline, and return how many there were."""
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as file:
        count = 0
        for line in lines:
            file.write(line.encode())
            count += 1
        file.seek(0)
        s3.put_object(Bucket=bucket, Key=key, Body=file, ContentType="application/x-ndjson")
    return count


def get(s3: Client, bucket: str, key: str) -> Mapping[str, Any] | None:
    """Return the answer of GetObject, whose body is open; None where there is no object."""
    try:
        answer: Mapping[str, Any] = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise
    return answer


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`.

    Raises:
        ValueError: If it is no such address.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        msg = f"expected an address as s3://bucket/key, found {uri!r}"
        raise ValueError(msg)
    return bucket, key
