"""The desk: what people can ask for and do. It keeps nothing that is not in the bucket too."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from cloud_side.catalog.labels import LabelError
from cloud_side.labeling.items import Item
from cloud_side.labeling.places import OPEN_WORK, WorkKind, order_key
from cloud_side.labeling.work.answers import Answer, parse_answer, person_key, read_answer
from cloud_side.labeling.work.finishing import is_counted
from cloud_side.labeling.work.leases import Places, answer_key
from cloud_side.labeling.work.ledger import Ledger
from cloud_side.labeling.work.orders import Closing, Order, OrderError, is_batch, read_order, told
from cloud_side.labeling.work.progress import Progress
from cloud_side.objects import Bucket, Kept

_log = logging.getLogger(__name__)
_KNOWN_S: Final = 3.0  # what other servers did may be seen so much later
_MOST_LEDGERS: Final = 16


class ClosedError(Exception):
    """The order takes no answers any more, or there never was one."""


class AbsentError(Exception):
    """There is no such item in the order."""


class HeldError(Exception):
    """Others have what was asked for; says so."""


class NotYoursError(Exception):
    """This person may not answer this item; says why."""


class Desk:
    """Gives out items and takes answers; for all threads, and beside others of its kind on other machines."""

    def __init__(self, bucket: Bucket, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take the bucket.

        Args:
            bucket: The bucket.
            now: Tells the time.
        """
        self.bucket, self._now = bucket, now
        self._ledgers: dict[tuple[str, str], Ledger] = {}  # by key of the order, and its token
        self._lock = threading.Lock()

    def orders(self) -> Iterator[Order]:
        """Yield the open orders, by key; an object that is no order hides no others."""
        for listed in self.bucket.listed(OPEN_WORK):
            kept = self.bucket.read(listed.key)
            try:
                order = None if kept is None else read_order(kept.content)
            except OrderError:
                continue
            if order is not None:
                yield order

    def order(self, batch: str, number: int, kind: WorkKind) -> Order:
        """Return an open order as it is now.

        Raises:
            ClosedError: If there is none.
        """
        kept = self.bucket.read(order_key(batch, number, kind)) if is_batch(batch) else None
        order = None if kept is None else read_order(kept.content)
        if order is None or order.closing is not None:
            raise ClosedError
        return order

    def ledger(self, order: Order, *, oldest_s: float = _KNOWN_S) -> Ledger:
        """Return what is known of the work on an order, as of the last seconds."""
        with self._lock:
            ledger = self._ledgers.pop((order.key, order.token), None) or Ledger(self.bucket, order)
            self._ledgers[order.key, order.token] = ledger  # the last one is the latest used
            while len(self._ledgers) > _MOST_LEDGERS:
                self._ledgers.pop(next(iter(self._ledgers)))
        ledger.refresh(oldest_s)
        return ledger

    def listed(self, person: str) -> list[tuple[Order, Progress]]:
        """Return the open orders, with how far they are; one that cannot be read hides no others."""
        found = []
        for order in self.orders():
            try:
                if order.closing is None:
                    found.append((order, self.progress(order, person)))
            except (OrderError, LabelError) as error:
                _log.warning("%s: cannot be worked on: %s", order.key, error)
        return found

    def next(self, order: Order, person: str, after: str | None) -> tuple[Item, datetime] | None:
        """Give a person the next item that they may work on; None where there is none now.

        Args:
            order: An open order.
            person: Who asks.
            after: The item that it should come after in the manifest.

        Returns:
            The item, and until when it is theirs.
        """
        for oldest_s in (_KNOWN_S, 0.0):  # nothing is told only by what was looked at now
            ledger = self.ledger(order, oldest_s=oldest_s)
            for item in ledger.wanted(person, self._now(), after=after):
                if (until := self._taken(ledger, item, person)) is not None:
                    return item, until
        return None

    def item(self, order: Order, sha256: str) -> Item:
        """Return an item of an order.

        Raises:
            AbsentError: If it has no such item.
        """
        item = self.ledger(order).items.get(sha256)
        if item is None:
            raise AbsentError
        return item

    def answer_of(self, order: Order, item: Item, person: str) -> Answer | None:
        """Return what a person has answered; None where they have not."""
        kept = self.bucket.read(answer_key(order, item.sha256, person))
        return None if kept is None else read_answer(kept.content)

    def held_until(self, order: Order, item: Item, person: str) -> datetime | None:
        """Return until when a person holds an item, as far as is known."""
        return self.ledger(order).held_until(item.sha256, person, self._now())

    def progress(self, order: Order, person: str) -> Progress:
        """Return how far an order is."""
        return self.ledger(order).progress(person, self._now())

    def lease(self, order: Order, item: Item, person: str) -> datetime:
        """Let a person hold an item, or go on holding it; return until when.

        Raises:
            HeldError: If others have it.
            NotYoursError: If the person must not verify it.
        """
        ledger = self.ledger(order)
        if ledger.is_excluded(item, person):
            msg = "you labeled this image; another person verifies it"
            raise NotYoursError(msg)
        until = self._taken(ledger, item, person)
        if until is None:
            raise HeldError(self._who_has(order, item))
        return until

    def release(self, order: Order, item: Item, person: str) -> None:
        """Let others have an item that a person held."""
        for lease in Places(self.bucket, order, item.sha256).release(person):
            self.ledger(order).note_lease(item.sha256, lease)

    def put(self, order: Order, item: Item, person: str, document: object) -> Ledger:
        """Keep what a person says of an item; the same again changes nothing.

        Raises:
            AnswerError: If it cannot be taken.
            ClosedError: If the order has been closed meanwhile, and what changed may not be counted.
            HeldError: If others have the item.
            NotYoursError: If the person must not verify it.
        """
        answer = parse_answer(document, item, order.kind, person, self._now())
        key = answer_key(order, item.sha256, person)
        before = self.bucket.read(key)
        if before is None:
            self.lease(order, item, person)
        if before is None or not _says(before, answer):
            self.bucket.write(key, answer.content())
            self._check_counted(order, item, is_first=before is None)
        ledger = self.ledger(order)
        ledger.note_answers(item.sha256, [person_key(person)])
        return ledger

    def _check_counted(self, order: Order, item: Item, *, is_first: bool) -> None:
        """Look again: what was written while the order was open counts, what came after its closing may not."""
        kept = self.bucket.read(order.key)
        now = None if kept is None else read_order(kept.content)
        if now is not None and now.closing is None:
            return
        # A first answer may be the very one that completed the order.
        is_last = now is not None and now.closing is Closing.COMPLETE
        if not is_first or not (is_last or is_counted(self.bucket, order, item.sha256)):
            raise ClosedError

    def _taken(self, ledger: Ledger, item: Item, person: str) -> datetime | None:
        places = Places(self.bucket, ledger.order, item.sha256)
        lease, answered = places.take(person, self._now())
        ledger.note_answers(item.sha256, answered)
        if lease is None:
            return None
        ledger.note_lease(item.sha256, lease)
        return lease.until

    def _who_has(self, order: Order, item: Item) -> str:
        places = Places(self.bucket, order, item.sha256)
        if len(answered := places.answered()) >= order.needed:
            return f"this image has all of its answers: {len(answered)} of {order.needed}"
        now = self._now()
        held = [each.lease for each in places.read() if each.lease is not None and each.lease.until > now]
        names = ", ".join(f"{lease.by} until {told(lease.until)}" for lease in held)
        return f"others work on this image: {names}" if names else "others work on this image; try again"


def _says(kept: Kept, answer: Answer) -> bool:
    before = read_answer(kept.content)
    return before is not None and before.said() == answer.said()
