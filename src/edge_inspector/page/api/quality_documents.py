"""Documents of quality: what the figures look like to a browser, and to other tools."""

from datetime import datetime
from typing import Self

from edge_inspector.events.documents import timestamp
from edge_inspector.page.api.documents import Mirror, Moment
from edge_inspector.page.doors import Document
from edge_inspector.page.index.rows import Counts
from edge_inspector.quality.heat_map import COLUMNS, ROWS, HeatMap


class Totals(Mirror):
    """Outcomes of parts, or of published frames of a free-running source; `defects` counts alerts.

    Alerts are parts that were not accepted, and defects that began to be followed.
    """

    parts: int
    accept: int
    review: int
    reject: int
    no_verdict: int
    defects: int


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


class ParetoBar(Mirror):
    """Parts with a class of defect, found or drawn, but for those that people found good; shares are of all bars."""

    label: str
    parts: int
    share: float
    cumulative: float


class ChartPoint(Mirror):
    """Share of rejects of the parts with a verdict, from `at` on, with control limits for so many parts."""

    at: Moment
    parts: int
    rejects: int
    share: float
    upper: float
    lower: float
    is_out: bool


class Chart(Mirror):
    """p-chart; `center` is the share over all, null without parts and for a source that has none."""

    center: float | None
    points: tuple[ChartPoint, ...]


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


class ShareDocument(Mirror):
    """A share with its 95 % score interval (Wilson)."""

    value: float
    low: float
    high: float


class JudgedRejectsDocument(Mirror):
    """What people said of rejects; the rate leaves out the unsure, and is null where nobody judged.

    Of one class: of rejects with it. It holds for all of them where people judged all, or did not pick which.
    """

    total: int
    judged: int
    true_reject: int
    false_reject: int
    unsure: int
    false_reject_rate: ShareDocument | None


class JudgedAuditsDocument(Mirror):
    """What people said of accepted parts that were drawn by chance; the rate as for rejects.

    Of one class: only its missed defects are some, and a part on which another was missed counts as a `true_accept`.
    """

    total: int
    judged: int
    true_accept: int
    missed_defect: int
    unsure: int
    escape_rate: ShareDocument | None


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


class ShiftDocument(Mirror):
    """A shift, named by the local time at which it begins."""

    name: str
    since: Moment
    until: Moment


class ChoicesDocument(Document):
    """What filters can be set to, the latest first; `class_names` are those of the model that runs."""

    labels: tuple[str, ...]
    class_names: tuple[str, ...]
    lots: tuple[str, ...]
    products: tuple[str, ...]
    shifts: tuple[ShiftDocument, ...]
