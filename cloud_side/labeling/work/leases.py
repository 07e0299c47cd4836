"""Leases: who works on which item now, so that no two people do the same work; whoever goes away loses it in time.

An item has as many places as it needs answers. A place belongs to whoever holds its lease, and for good to whoever
has answered. All is decided by conditional writes, so that any number of servers may give places away.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.work.answers import person_key
from cloud_side.labeling.work.orders import Order, instant, told
from cloud_side.objects import Bucket

LEASE: Final = timedelta(minutes=10)
_PAST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lease:
    """A place that somebody holds until an instant."""

    by: str
    until: datetime

    def is_free(self, answered: Collection[str], now: datetime) -> bool:
        """Return whether another person may take the place.

        Args:
            answered: Keys of the people who have answered.
            now: The instant.
        """
        return self.until <= now and person_key(self.by) not in answered

    def content(self) -> bytes:
        """Return it as it is kept."""
        return strict_json({"by": self.by, "until": told(self.until)}).encode()


def read_lease(content: bytes) -> Lease:
    """Return a lease that was kept; one that nobody can read is held by nobody."""
    try:
        document = json.loads(content)
        return Lease(str(document["by"]), instant(document["until"]))
    except (KeyError, TypeError, ValueError):
        return Lease("", _PAST)


@dataclass(frozen=True, slots=True)
class Place:
    """A place of an item as it is kept; neither where nobody ever held it."""

    lease: Lease | None = None
    etag: str | None = None


def choose(places: Sequence[Place], person: str, answered: Collection[str], now: datetime) -> int | None:
    """Return which place a person gets: their own, else the first that is free; None where there is none."""
    own = [number for number, place in enumerate(places) if place.lease is not None and place.lease.by == person]
    free = [number for number, place in enumerate(places) if place.lease is None or place.lease.is_free(answered, now)]
    return next(iter(own or free), None)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one item."""

    bucket: Bucket
    order: Order
    item: str

    def key(self, number: int) -> str:
        """Return where a place is kept."""
        return f"{self.order.prefix}leases/{self.item}/{number}.json"

    def read(self) -> list[Place]:
        """Return them as they are now."""
        return [self._place(number) for number in range(self.order.needed)]

    def answered(self) -> frozenset[str]:
        """Return the keys of the people who have answered this item."""
        prefix = answers_prefix(self.order, self.item)
        return frozenset(each.key.removeprefix(prefix).removesuffix(".json") for each in self.bucket.listed(prefix))

    def take(self, person: str, now: datetime) -> tuple[Lease | None, frozenset[str]]:
        """Take a place, or keep the one that the person has.

        Returns:
            The lease, None where all places are held by others; and the keys of the people who have answered.
        """
        while True:
            answered = self.answered()
            places = self.read()
            is_full = len(answered - {person_key(person)}) >= self.order.needed
            number = None if is_full else choose(places, person, answered, now)
            if number is None:
                return None, answered
            lease = Lease(person, now + LEASE)
            if self._write(number, lease, places[number]):
                return lease, answered
            # else another server was quicker with this place; there may be one more

    def release(self, person: str) -> Iterator[Lease]:
        """Give back what a person holds, and yield that; one who has answered keeps their place all the same."""
        for number, place in enumerate(self.read()):
            if place.lease is not None and place.lease.by == person:
                lease = Lease(person, _PAST)
                self._write(number, lease, place)
                yield lease

    def _place(self, number: int) -> Place:
        kept = self.bucket.read(self.key(number))
        return Place() if kept is None else Place(read_lease(kept.content), kept.etag)

    def _write(self, number: int, lease: Lease, place: Place) -> bool:
        written = self.bucket.write(self.key(number), lease.content(), over=place.etag, is_new=place.etag is None)
        return written is not None


def answers_prefix(order: Order, item: str) -> str:
    """Return the prefix of the answers to one item, an object a person."""
    return f"{order.prefix}answers/{item}/"


def answer_key(order: Order, item: str, person: str) -> str:
    """Return where a person's answer to an item is kept."""
    return f"{answers_prefix(order, item)}{person_key(person)}.json"
