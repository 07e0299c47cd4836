"""What one server knows of the work on an order: told by what it does itself, and by a listing now and then."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cloud_side.labeling.items import Item, read_items
from cloud_side.labeling.work.answers import person_key
from cloud_side.labeling.work.leases import LEASE, Lease, read_lease
from cloud_side.labeling.work.orders import Order, OrderError
from cloud_side.labeling.work.progress import Progress
from cloud_side.objects import Bucket, Listed, Unchanged

_LOOK_SHARE: Final = 20.0  # one look, and so many times as long without another


@dataclass
class Ledger:
    """Items, answers and leases of one order; for all threads.

    What it says of answers is true, and may lack the latest; what it says of leases is a hint, which spares requests.

    Attributes:
        order: The order.
        items: By sha256, in the order of the manifest.
    """

    bucket: Bucket
    order: Order
    clock: Callable[[], float] = time.monotonic
    items: dict[str, Item] = field(default_factory=dict)
    _answers: dict[str, set[str]] = field(default_factory=dict)  # keys of people, by item
    _held: dict[tuple[str, str], datetime] = field(default_factory=dict)  # until when, by item and person
    _leases: dict[str, tuple[str, Lease]] = field(default_factory=dict)  # as last listed, by key, with the ETag
    _etag: str | None = None  # of the manifest
    _listed_at: float | None = None
    _look_s: float = 0.0  # how long that took
    _refreshing: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, oldest_s: float) -> None:
        """Look at what other servers have done, unless that is known as of the last seconds.

        Where a look takes long, for there are many answers, what is known may be older: looking shall not be all that
        is done. Nobody waits for a look of another thread, unless all must be known now.

        Args:
            oldest_s: 0: all must be known now.

        Raises:
            OrderError: If the manifest is not there.
            LabelError: If it is none.
        """
        asked_at = self.clock()
        if self._is_known(asked_at, oldest_s):
            return
        must_wait = oldest_s == 0 or self._listed_at is None
        if not self._refreshing.acquire(blocking=must_wait):
            return
        try:
            if not self._is_known(asked_at, oldest_s):
                self._look()
        finally:
            self._refreshing.release()

    def _is_known(self, asked_at: float, oldest_s: float) -> bool:
        if self._listed_at is None:
            return False
        oldest_s = max(oldest_s, _LOOK_SHARE * self._look_s) if oldest_s else 0.0
        return self._listed_at >= asked_at - oldest_s

    def _look(self) -> None:
        now = self.clock()
        self._read_items()
        answers = f"{self.order.prefix}answers/"
        for listed in self.bucket.listed(answers):
            item, _, person = listed.key.removeprefix(answers).partition("/")
            self.note_answers(item, [person.removesuffix(".json")])
        self._read_leases(self.bucket.listed(self._leases_prefix))
        self._listed_at, self._look_s = now, self.clock() - now

    def note_answers(self, item: str, people: Iterable[str]) -> None:
        """Remember who has answered an item.

        Args:
            item: Its sha256.
            people: Their keys.
        """
        self._answers.setdefault(item, set()).update(people)

    def note_lease(self, item: str, lease: Lease) -> None:
        """Remember until when somebody holds a place of an item."""
        self._held = {**self._held, (item, lease.by): lease.until}

    def count(self, item: str) -> int:
        """Return how many people have answered an item."""
        return len(self._answers.get(item, ()))

    def has_answered(self, item: str, person: str) -> bool:
        """Return whether a person has answered an item."""
        return person_key(person) in self._answers.get(item, ())

    def is_complete(self) -> bool:
        """Return whether every item has all of its answers."""
        return all(self.count(item) >= self.order.needed for item in self.items)

    def is_excluded(self, item: Item, person: str) -> bool:
        """Return whether a person must not verify an item."""
        return self.order.second_person and person in item.excluded

    def wanted(self, person: str, now: datetime, *, after: str | None = None) -> Iterator[Item]:
        """Yield what a person may work on, as far as is known: what comes after an item, then from the first one on."""
        held = self._held_by_others(person, now)
        items = list(self.items.values())
        start = 1 + next((number for number, item in enumerate(items) if item.sha256 == after), -1)
        for item in items[start:] + items[:start]:
            is_full = self.count(item.sha256) + held.get(item.sha256, 0) >= self.order.needed
            if not (is_full or self.has_answered(item.sha256, person) or self.is_excluded(item, person)):
                yield item

    def progress(self, person: str, now: datetime) -> Progress:
        """Return how far the work is, for a person."""
        held = self._held_by_others(person, now)
        return Progress(
            items=len(self.items),
            answered=sum(self.count(item) >= self.order.needed for item in self.items),
            mine=sum(self.has_answered(item, person) for item in self.items),
            waiting=sum(item in held and self.count(item) < self.order.needed for item in self.items),
            excluded=sum(self.is_excluded(item, person) for item in self.items.values()),
        )

    def held_until(self, item: str, person: str, now: datetime) -> datetime | None:
        """Return until when a person holds a place of an item; None where they do not."""
        until = self._held.get((item, person))
        return until if until is not None and until > now else None

    @property
    def _leases_prefix(self) -> str:
        return f"{self.order.prefix}leases/"

    def _held_by_others(self, person: str, now: datetime) -> dict[str, int]:
        """Return how many places of each item others hold, who have not answered it."""
        held: dict[str, int] = {}
        for (item, by), until in self._held.items():
            if by != person and until > now and not self.has_answered(item, by):
                held[item] = held.get(item, 0) + 1
        return held

    def _read_items(self) -> None:
        try:
            kept = self.bucket.read(self.order.input, unless=self._etag)
        except Unchanged:
            return
        if kept is None:
            msg = f"{self.order.input}: expected the input manifest of an order, found nothing"
            raise OrderError(msg)
        self.items = {item.sha256: item for item in read_items(kept.content.splitlines())}
        self._etag = kept.etag

    def _read_leases(self, listed: Iterable[Listed]) -> None:
        """Read those that may still hold and that are new; what nobody wrote for so long has run out."""
        now = datetime.now(UTC)
        known: dict[str, tuple[str, Lease]] = {}
        for each in listed:
            before = self._leases.get(each.key)
            if before is not None and before[0] == each.etag:
                known[each.key] = before
            elif each.modified > now - LEASE and (kept := self.bucket.read(each.key)) is not None:
                known[each.key] = (kept.etag, read_lease(kept.content))
        self._leases = known
        self._held = {
            (key.removeprefix(self._leases_prefix).partition("/")[0], lease.by): lease.until
            for key, (_, lease) in known.items()
            if lease.until > now
        }
