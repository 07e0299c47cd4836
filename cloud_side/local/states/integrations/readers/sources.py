"""Where the items of a distributed map come from: an object, a listing, or many objects after another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.integrations.readers.forms import Form
from cloud_side.local.states.integrations.readers.objects import ObjectPlace, failing, opened, reader_failed
from cloud_side.local.states.store import Json

_LARGEST_PAGE = 1000


class Source(Protocol):
    """Gives items piece by piece."""

    def read(self, cursor: Json | None, limit: int) -> tuple[list[Json], Json | None]:
        """Return up to `limit` items, and the cursor that goes on after them; None at the end.

        Args:
            cursor: What the read before gave; None at the beginning.
            limit: At least 1.

        Raises:
            StateFailure: States.ItemReaderFailed.
        """
        ...


@dataclass(frozen=True)
class ObjectSource:
    """The items in one object. The cursor is a place in it, and its ETag: it must not change meanwhile."""

    clients: Clients
    place: ObjectPlace
    form: Form

    def read(self, cursor: Json | None, limit: int) -> tuple[list[Json], Json | None]:
        """Read on in the object."""
        place, etag = (None, None) if cursor is None else (cursor["place"], cursor["etag"])
        with opened(self.clients, self.place, 0 if place is None else place["offset"], etag) as (stream, etag):
            try:
                # One more than wanted tells whether there are any.
                found = list(islice(self.form.items(stream, place), limit + 1))
            except ValueError as error:
                raise reader_failed(str(self.place), error) from error
        items = [item for item, _ in found[:limit]]
        return items, {"place": found[limit - 1][1], "etag": etag} if len(found) > limit else None


@dataclass(frozen=True)
class ListingSource:
    """What ListObjectsV2 tells of each object. The cursor is the last key: it does not age, as tokens do.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html ("Iterating over a list of
        Amazon S3 objects"): the item's members, `Etag` and seconds since 1970 among them
    """

    clients: Clients
    request: Mapping[str, Any]

    def read(self, cursor: Json | None, limit: int) -> tuple[list[Json], Json | None]:
        """Read on in the listing."""
        listed = list(islice(self.objects(None if cursor is None else cursor["after"], limit + 1), limit + 1))
        items = [_listed(found) for found in listed[:limit]]
        return items, {"after": listed[limit - 1]["Key"]} if len(listed) > limit else None

    def objects(self, after: str | None, wanted: int) -> Iterator[Mapping[str, Any]]:
        """Give the objects whose keys come after one, a page of about as many as wanted at a time."""
        request = {**self.request, "MaxKeys": min(wanted, _LARGEST_PAGE)}
        while True:
            if after is not None:
                request["StartAfter"] = after
            with failing(f"s3://{request.get('Bucket')}/{request.get('Prefix', '')}"):
                page = self.clients.of("s3").list_objects_v2(**request)
            found = page.get("Contents", [])
            yield from found
            if not page.get("IsTruncated") or not found:
                return
            after = found[-1]["Key"]


class Parts(Protocol):
    """Sources after another, each named by a small JSON value."""

    def after(self, part: Json | None) -> Json | None:
        """Return the part after one, the first one after None; None at the end."""
        ...

    def open(self, part: Json) -> Source:
        """Return the source that a part is."""
        ...


@dataclass(frozen=True)
class JoinedSource:
    """The items of many sources as those of one. The cursor is a part, and the cursor in it."""

    parts: Parts

    def read(self, cursor: Json | None, limit: int) -> tuple[list[Json], Json | None]:
        """Read on in the part, and in those after it."""
        part, inner = (self.parts.after(None), None) if cursor is None else (cursor["part"], cursor["in"])
        items: list[Json] = []
        while part is not None and len(items) < limit:
            more, inner = self.parts.open(part).read(inner, limit - len(items))
            items += more
            if inner is None:
                part = self.parts.after(part)
        return items, None if part is None else {"part": part, "in": inner}


def _listed(found: Mapping[str, Any]) -> Json:
    named = {"ETag": "Etag"}
    return {
        named.get(name, name): _seconds(value) if isinstance(value, datetime) else value
        for name, value in found.items()
        if name in ("ETag", "Key", "LastModified", "Size", "StorageClass")
    }


def _seconds(at: datetime) -> float:
    return int(at.timestamp()) if at.microsecond == 0 else at.timestamp()
