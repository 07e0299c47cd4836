"""The objects that queries read and write: S3's operations, called as they are, for nobody in particular."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs.places import Address
from cloud_side.local.services.s3.listing import list_objects_v2
from cloud_side.local.services.s3.reading import get_object
from cloud_side.local.services.s3.writing import put_object
from cloud_side.local.wiring import RefusedRequest, Request

_PIECE = 1 << 18


@dataclass(frozen=True)
class Listed:
    """An object as a listing has it."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True)
class Objects:
    """The buckets of a home."""

    home: Home
    database: Database

    def below(self, address: Address) -> Iterator[Listed]:
        """Yield the objects whose keys begin so, in order; not those that Hive passes over.

        Raises:
            RefusedRequest: If there is no such bucket.
        """
        asked: dict[str, Any] = {"Bucket": address.bucket, "Prefix": address.key}
        while True:
            answer = list_objects_v2(self._request(asked))
            for each in answer.get("Contents", ()):
                if not each["Key"].rpartition("/")[2].startswith(("_", ".")):
                    yield Listed(each["Key"], each["ETag"], each["Size"])
            if not answer["IsTruncated"]:
                return
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    def open(self, address: Address) -> tuple[Listed, Iterator[bytes]] | None:
        """Return an object as it is now with its bytes, a piece at a time; None if it is gone.

        Raises:
            RefusedRequest: If there is no such bucket.
        """
        try:
            answer = get_object(self._request({"Bucket": address.bucket, "Key": address.key}))
        except RefusedRequest as refusal:
            if refusal.code == "NoSuchKey":
                return None
            raise
        found = Listed(address.key, answer["ETag"], answer["ContentLength"])
        return found, answer["Body"].iter_chunks(_PIECE)

    def read_from(self, address: Address, offset: int) -> Iterator[bytes]:
        """Return an object's bytes from one on, a piece at a time.

        Raises:
            RefusedRequest: If there is none.
        """
        asked = {"Bucket": address.bucket, "Key": address.key, "Range": f"bytes={offset}-"}
        answer = get_object(self._request(asked))
        pieces: Iterator[bytes] = answer["Body"].iter_chunks(_PIECE)
        return pieces

    def put(self, address: Address, file: IO[bytes]) -> None:
        """Make what is in a file from here on the content of an object.

        Raises:
            RefusedRequest: If there is no such bucket, or no room.
        """
        asked = {"Bucket": address.bucket, "Key": address.key, "Body": file, "ContentType": "text/csv"}
        put_object(self._request(asked))

    def _request(self, parameters: dict[str, Any]) -> Request:
        return Request(parameters, self.home, self.database, datetime.now(UTC))
