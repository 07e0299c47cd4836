"""Documents of quality: what the figures look like to a browser, and to other tools."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from edge_inspector.events.documents import timestamp
from edge_inspector.page.doors import Document
from edge_inspector.page.index.rows import Counts
from edge_inspector.quality.heat_map import COLUMNS, ROWS, HeatMap
from edge_inspector.quality.intervals import Share
from edge_inspector.quality.judged import JudgedAudits, JudgedRejects
from edge_inspector.quality.p_chart import PChart
from edge_inspector.quality.pareto import Bar
from edge_inspector.quality.shifts import Shift


class Totals(Document):
    """Outcomes of parts, or of published frames of a free-running source; `defects` counts alerts.

    Alerts are parts that were not accepted, and defects that began to be followed.
    """

    parts: int
    accept: int
    review: int
    reject: int
    no_verdict: int
    defects: int

    @classmethod
    def of(cls, counts: Iterable[Counts]) -> Self:
        """Return the document of the sum of counts."""
        total = sum(counts, Counts())
        return cls(
            parts=total.parts,
            accept=total.accept,
            review=total.review,
            reject=total.reject,
            no_verdict=total.no_verdict,
            defects=total.defects,
        )


class TimePoint(Document):
    """Outcomes from `at` on, for as long as a bucket is."""

    at: str
    parts: int
    accept: int
    review: int
    reject: int
    no_verdict: int

    @classmethod
    def of(cls, at: datetime, counts: Counts) -> Self:
        """Return the document of one bucket."""
        return cls(
            at=timestamp(at),
            parts=counts.parts,
            accept=counts.accept,
            review=counts.review,
            reject=counts.reject,
            no_verdict=counts.no_verdict,
        )


class OverTime(Document):
    """Outcomes over time, no bucket left out; each has so many seconds, the last one perhaps fewer."""

    bucket_s: int
    points: tuple[TimePoint, ...]


class ParetoBar(Document):
    """Parts with a class of defect, found or drawn, but for those that people found good; shares are of all bars."""

    label: str
    parts: int
    share: float
    cumulative: float

    @classmethod
    def of(cls, bar: Bar) -> Self:
        """Return the document of one bar."""
        return cls(label=bar.label, parts=bar.parts, share=bar.share, cumulative=bar.cumulative)


class ChartPoint(Document):
    """Share of rejects of the parts with a verdict, from `at` on, with control limits for so many parts."""

    at: str
    parts: int
    rejects: int
    share: float
    upper: float
    lower: float
    is_out: bool


class Chart(Document):
    """p-chart; `center` is the share over all, null without parts and for a source that has none."""

    center: float | None
    points: tuple[ChartPoint, ...]

    @classmethod
    def of(cls, chart: PChart) -> Self:
        """Return the document of a chart."""
        points = tuple(
            ChartPoint(
                at=timestamp(point.at),
                parts=point.parts,
                rejects=point.rejects,
                share=point.share,
                upper=point.upper,
                lower=point.lower,
                is_out=point.is_out,
            )
            for point in chart.points
        )
        return cls(center=chart.center, points=points)


class RunHit(Document):
    """The same defect on `count` of `parts` parts that follow each other; `at` is when the rule was met."""

    label: str
    count: int
    parts: int
    at: str
    inspection_ids: tuple[str, ...]


class RunRule(Document):
    """So many equal defects within so many parts, and where that was so, the newest first."""

    defects: int
    parts: int
    hits: tuple[RunHit, ...]


class RunRuleHit(Document):
    """The run rule is met now: the same defect on `count` of the newest `parts` parts, the newest first."""

    label: str
    count: int
    parts: int
    inspection_ids: tuple[str, ...]


class HeatMapDocument(Document):
    """Centers of boxes on a grid over the picture: `rows` rows of `columns` counts, from its top left."""

    columns: int
    rows: int
    counts: tuple[tuple[int, ...], ...]
    total: int
    largest: int

    @classmethod
    def of(cls, found: HeatMap) -> Self:
        """Return the document of a map."""
        return cls(columns=COLUMNS, rows=ROWS, counts=found.counts, total=found.total, largest=found.largest)


class ShareDocument(Document):
    """A share with its 95 % score interval (Wilson)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, share: Share | None) -> Self | None:
        """Return the document of a share; null where nothing was tried."""
        return None if share is None else cls(value=share.value, low=share.low, high=share.high)


class JudgedRejectsDocument(Document):
    """What people said of rejects; the rate leaves out the unsure, and is null where nobody judged.

    Of one class: of rejects with it. It holds for all of them where people judged all, or did not pick which.
    """

    total: int
    judged: int
    true_reject: int
    false_reject: int
    unsure: int
    false_reject_rate: ShareDocument | None

    @classmethod
    def of(cls, found: JudgedRejects) -> Self:
        """Return the document of judged rejects."""
        return cls(
            total=found.total,
            judged=found.judged,
            true_reject=found.true_reject,
            false_reject=found.false_reject,
            unsure=found.unsure,
            false_reject_rate=ShareDocument.of(found.false_reject_rate),
        )


class JudgedAuditsDocument(Document):
    """What people said of accepted parts that were drawn by chance; the rate as for rejects.

    Of one class: only its missed defects are some, and a part on which another was missed counts as a `true_accept`.
    """

    total: int
    judged: int
    true_accept: int
    missed_defect: int
    unsure: int
    escape_rate: ShareDocument | None

    @classmethod
    def of(cls, found: JudgedAudits) -> Self:
        """Return the document of judged audits."""
        return cls(
            total=found.total,
            judged=found.judged,
            true_accept=found.true_accept,
            missed_defect=found.missed_defect,
            unsure=found.unsure,
            escape_rate=ShareDocument.of(found.escape_rate),
        )


class Judged(Document):
    """What people said; `missed_elsewhere` counts missed defects on parts that were not drawn by chance."""

    rejects: JudgedRejectsDocument
    audits: JudgedAuditsDocument
    missed_elsewhere: int


class Quality(Document):
    """The figures of quality of a stretch of time, in whole minutes."""

    since: str
    until: str
    product: str | None
    totals: Totals
    over_time: OverTime
    pareto: tuple[ParetoBar, ...]
    p_chart: Chart
    run_rule: RunRule
    heat_map: HeatMapDocument
    judged: Judged


class ShiftDocument(Document):
    """A shift, named by the local time at which it begins."""

    name: str
    since: str
    until: str

    @classmethod
    def of(cls, shift: Shift) -> Self:
        """Return the document of a shift."""
        return cls(name=shift.name, since=timestamp(shift.since), until=timestamp(shift.until))


class ChoicesDocument(Document):
    """What filters can be set to, the latest first; `class_names` are those of the model that runs."""

    labels: tuple[str, ...]
    class_names: tuple[str, ...]
    lots: tuple[str, ...]
    products: tuple[str, ...]
    shifts: tuple[ShiftDocument, ...]
