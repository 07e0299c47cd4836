"""Objects of S3 as streams of bytes that can be opened anywhere, so that reading goes on where it was cut off."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.clients import Clients

CHUNK_BYTES = 65_536
LARGEST_ITEM_BYTES = 8_388_608
_PASSED_ON = ("ExpectedBucketOwner", "RequestPayer", "SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")


def reader_failed(where: str, why: object) -> StateFailure:
    """Return the failure of a reader."""
    return StateFailure(error="States.ItemReaderFailed", cause=f"{where}: {why}")


@dataclass(frozen=True)
class ObjectPlace:
    """Where an object is.

    Attributes:
        request: Further parameters of GetObject.
    """

    bucket: str
    key: str
    request: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def beside(self, bucket: str, key: str) -> "ObjectPlace":
        """Return another object, read on the same terms."""
        passed_on = {name: value for name, value in self.request.items() if name in _PASSED_ON}
        return ObjectPlace(bucket, key, passed_on)


@contextmanager
def failing(where: object) -> Iterator[None]:
    """Make an error of the block's requests the reader's failure.

    Raises:
        StateFailure: States.ItemReaderFailed.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise reader_failed(str(where), f"cannot be read: {error}") from error


@contextmanager
def opened(clients: Clients, place: ObjectPlace, offset: int, etag: str | None) -> Iterator[tuple[IO[bytes], str]]:
    """Open an object.

    Args:
        clients: With S3 among them.
        place: Where it is. One whose key ends in .gz or .gzip is uncompressed.
        offset: So many bytes of its content are skipped, at no cost unless it is compressed.
        etag: What it had before; None the first time.

    Yields:
        The stream, and the object's ETag.

    Raises:
        StateFailure: States.ItemReaderFailed, if it cannot be read, or is another one than before.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html (compression by extension)
    """
    if place.key.endswith((".zst", ".zstd")):
        raise reader_failed(str(place), "is compressed by Zstandard; expected gzip, or none")
    is_compressed = place.key.endswith((".gz", ".gzip"))
    request = {"Bucket": place.bucket, "Key": place.key, **place.request}
    if offset and not is_compressed:
        request["Range"] = f"bytes={offset}-"
    with failing(place):
        answer = clients.of("s3").get_object(**request)
        body: IO[bytes] = answer["Body"]
        try:
            if etag is not None and answer["ETag"] != etag:
                raise reader_failed(str(place), "has changed since its first items were read")
            yield (_uncompressed(body, offset) if is_compressed else body), answer["ETag"]
        except (OSError, EOFError, zlib.error) as error:
            raise reader_failed(str(place), f"cannot be read: {error}") from error
        finally:
            body.close()


def small_object(clients: Clients, place: ObjectPlace) -> bytes:
    """Return an object that is a list of others.

    Raises:
        StateFailure: States.ItemReaderFailed, if it cannot be read, or has more than 8 MiB.
    """
    with opened(clients, place, 0, None) as (stream, _):
        content = stream.read(LARGEST_ITEM_BYTES + 1)
    if len(content) > LARGEST_ITEM_BYTES:
        raise reader_failed(str(place), f"has more than {LARGEST_ITEM_BYTES} bytes, expected a manifest")
    return content


def _uncompressed(body: IO[bytes], offset: int) -> IO[bytes]:
    stream: IO[bytes] = gzip.GzipFile(fileobj=body)  # type: ignore[assignment]  # it reads, which is all that is needed
    while offset > 0:
        offset -= len(stream.read(min(offset, CHUNK_BYTES))) or offset
    return stream
