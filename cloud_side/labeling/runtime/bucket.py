"""The product's bucket as the steps use it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.runtime.clients import Client, client
from cloud_side.labeling.runtime.lines import get, read_lines, write_lines


class Bucket:
    """A bucket.

    Args:
        s3: Client of S3.
        name: Of the bucket.
    """

    def __init__(self, s3: Client, name: str) -> None:
        self.s3, self.name = s3, name

    def read(self, key: str, most_bytes: int | None = None) -> bytes | None:
        """Return an object; None where there is none.

        Raises:
            ValueError: If it is larger than `most_bytes`.
        """
        answer = get(self.s3, self.name, key)
        if answer is None:
            return None
        with answer["Body"] as body:
            if most_bytes is not None and answer["ContentLength"] > most_bytes:
                msg = f"expected at most {most_bytes} bytes, found {answer['ContentLength']}"
                raise ValueError(msg)
            return bytes(body.read())

    def lines(self, key: str) -> Iterator[bytes]:
        """Yield the lines of an object that are not blank; none where there is no object."""
        return read_lines(self.s3, self.name, key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of the objects under a prefix, in order."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield each["Key"]

    def written_at(self, key: str) -> datetime | None:
        """Return when an object was written, aware UTC; None where there is none."""
        answer = get(self.s3, self.name, key)
        if answer is None:
            return None
        answer["Body"].close()
        modified: datetime = answer["LastModified"]
        return modified

    def write(self, key: str, content: bytes, content_type: str = "application/json") -> None:
        """Write an object."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)

    def write_json(self, key: str, document: Mapping[str, Any]) -> None:
        """Write an object that is one JSON object."""
        self.write(key, f"{strict_json(document)}\n".encode())

    def write_rows(self, key: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write JSON objects, a line each, and return how many there were."""
        return self.write_lines(key, (f"{strict_json(row)}\n" for row in rows))

    def write_lines(self, key: str, lines: Iterable[str]) -> int:
        """Write lines, each with its newline, and return how many there were."""
        return write_lines(self.s3, self.name, key, lines)


def open_bucket(name: str) -> Bucket:
    """Return a bucket with this process' client."""
    return Bucket(client("s3"), name)
