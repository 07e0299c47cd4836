"""The line at a glance: what the station does, the last part, the counters of the shift, and what is wrong."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from pydantic import Field

from edge_inspector.errors import InspectorError
from edge_inspector.events.documents import timestamp
from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.documents import AlarmDocument, Item, NowDocument
from edge_inspector.page.api.quality_documents import RunRuleHit
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Document, Door
from edge_inspector.page.index.rows import Counts, ResultRow
from edge_inspector.quality.shifts import shift_at

_RATE_OVER_S: Final = 10.0
_RATE_AFTER_S: Final = 1.0
_FASTEST_HZ: Final = 1000.0  # more is no rate but a ledger that was joined


class ShiftCounters(Document):
    """Counters since the shift began; of a free-running source those of published frames, and of defects that began."""

    name: str = Field(description="local time at which it begins")
    since: str
    parts: int
    accept: int
    review: int
    reject: int
    no_verdict: int
    defects: int
    reject_share: float | None = Field(description="of the parts; null while there are none")


class LineDocument(Document):
    """What the line does now."""

    now: NowDocument
    lot: str | None
    is_triggered: bool
    shift: ShiftCounters
    last: Item | None = Field(description="the last part; of a free-running source the defect that began last")
    inspected_hz: float | None = Field(description="frames a second over the last seconds; null until it is known")
    alarms: tuple[AlarmDocument, ...]
    run_rule: RunRuleHit | None = Field(description="a defect that comes again and again; null where none does")


class LineIndex(Protocol):
    """Where results are looked up."""

    def last(self) -> ResultRow | None:
        """Return the newest part."""

    def last_defect(self) -> ResultRow | None:
        """Return the defect of a free-running source that began last."""

    def counts(self, since: datetime, until: datetime, product: str | None = None) -> Counts:
        """Return how many in [since, until) had which outcome."""


class Pace:
    """A rate over the last seconds, from a counter that is looked at now and then."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, count: int, now_s: float) -> float | None:
        """Return the rate in Hz, to a tenth; None until it is known.

        Args:
            count: What was counted until now.
            now_s: Seconds that never jump.
        """
        looks = self._looks
        if looks and not 0 <= count - looks[-1][1] <= _FASTEST_HZ * max(1.0, now_s - looks[-1][0]):
            looks.clear()
        while looks and now_s - looks[0][0] > _RATE_OVER_S:
            looks.popleft()
        looks.append((now_s, count))
        passed_s, counted = now_s - looks[0][0], count - looks[0][1]
        return round(counted / passed_s, 1) if passed_s >= _RATE_AFTER_S else None


class LineBoard:
    """Makes the document of the line; for all threads."""

    def __init__(
        self,
        desk: Desk,
        index: LineIndex,
        run_rule: Callable[[], RunRuleHit | None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what it is made of.

        Args:
            desk: Of the station.
            index: Where results are looked up.
            run_rule: Returns the defect that comes again and again now.
            now: The time, aware UTC.
            now_s: Seconds that never jump.
        """
        self._desk, self._index, self._run_rule = desk, index, run_rule
        self._now, self._now_s = now, now_s
        self._pace = Pace()
        self._lock = threading.Lock()  # for what follows
        self._looked_up: tuple[ShiftCounters, ResultRow | None, RunRuleHit | None] | None = None

    def doors(self) -> list[Door]:
        """Return what can be asked."""
        return [
            Door(
                "GET",
                "/api/v1/line",
                Role.VIEWER,
                "What the line does now, as the event stream tells it",
                lambda _: self.document(),
                answer=LineDocument,
            )
        ]

    def encoded(self) -> bytes:
        """Return the document as JSON.

        Raises:
            InspectorError: As `document`.
        """
        return self.document().model_dump_json().encode()

    def document(self) -> LineDocument:
        """Return the document. While the index cannot be read, what was looked up last stands in it.

        Raises:
            InspectorError: If nothing could be looked up yet.
        """
        desk = self._desk
        with self._lock:
            try:
                self._looked_up = self._look_up()
            except InspectorError:
                if self._looked_up is None:
                    raise
            shift, last, run_rule = self._looked_up
            now = desk.now()
            return LineDocument(
                now=NowDocument.of(now),
                lot=desk.lot,
                is_triggered=desk.is_triggered,
                shift=shift,
                last=None if last is None else Item.of(last, desk.pictures),
                inspected_hz=self._pace.look(desk.inspected(), self._now_s()),
                alarms=AlarmDocument.all_of(now.alarms),
                run_rule=run_rule,
            )

    def _look_up(self) -> tuple[ShiftCounters, ResultRow | None, RunRuleHit | None]:
        last = self._index.last() if self._desk.is_triggered else self._index.last_defect()
        return self._shift(), last, self._run_rule()

    def _shift(self) -> ShiftCounters:
        shift = shift_at(self._now(), self._desk.settings.shifts)
        counts = self._index.counts(shift.since, shift.until)
        return ShiftCounters(
            name=shift.name,
            since=timestamp(shift.since),
            parts=counts.parts,
            accept=counts.accept,
            review=counts.review,
            reject=counts.reject,
            no_verdict=counts.no_verdict,
            defects=counts.defects,
            reject_share=counts.reject / counts.parts if counts.parts else None,
        )
