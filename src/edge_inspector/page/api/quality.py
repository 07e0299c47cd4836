"""Quality: the figures of a stretch of time, as a document and as a table; and what filters can be set to."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, Field, model_validator
from starlette.responses import Response

from edge_inspector.events.documents import timestamp
from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.quality_documents import (
    Chart,
    ChoicesDocument,
    HeatMapDocument,
    Judged,
    JudgedAuditsDocument,
    JudgedRejectsDocument,
    OverTime,
    ParetoBar,
    Quality,
    RunHit,
    RunRule,
    RunRuleHit,
    ShiftDocument,
    TimePoint,
    Totals,
)
from edge_inspector.page.api.tables import MEDIA, Cell, table_of
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.index import figures
from edge_inspector.page.index.figures import Figures
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.reading import whole_minutes
from edge_inspector.page.index.rows import Counts
from edge_inspector.page.index.schema import HOUR
from edge_inspector.quality.heat_map import heat_map
from edge_inspector.quality.judged import judged_audits, judged_rejects
from edge_inspector.quality.p_chart import Group, p_chart
from edge_inspector.quality.pareto import pareto
from edge_inspector.quality.run_rule import Run, runs
from edge_inspector.quality.shifts import shift_at, shifts_before
from edge_inspector.settings import PageSettings, RunRuleSettings

LONGEST = timedelta(days=400)
MOST_POINTS = 200
_LISTED_SHIFTS = 12
_MOST_HITS = 20
_MOST_IN_HIT = 20
_BUCKET_MINUTES = (1, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10_080)
_LONGEST_WORD = 300
_MINUTE = timedelta(minutes=1)
_TIME_COLUMNS = ("at", "parts", "accept", "review", "reject", "no_verdict")
_PARETO_COLUMNS = ("label", "parts", "share", "cumulative")


class QualityQuery(Document):
    """Of what the figures are; whole minutes count, and `since` a whole hour where buckets are hours or more."""

    since: AwareDatetime | None = Field(None, description="captured then or later; left out: the start of the shift")
    until: AwareDatetime | None = Field(None, description="captured earlier; left out: now")
    product: str | None = Field(None, max_length=_LONGEST_WORD)
    label: str | None = Field(
        None,
        max_length=_LONGEST_WORD,
        description="p_chart, run_rule, heat_map and judged are of this class of defect alone",
    )

    @model_validator(mode="after")
    def _is_a_stretch(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            msg = f"since: expected a time before until, found {self.since.isoformat()} and {self.until.isoformat()}"
            raise ValueError(msg)
        return self


def doors(
    index: Index,
    settings: PageSettings,
    class_names: Callable[[], Sequence[str]],
    *,
    is_triggered: bool,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Door]:
    """Return the doors to the figures of quality, and to what filters can be set to.

    Args:
        index: Where results are looked up.
        settings: Of the page.
        class_names: Returns the classes of the model that runs.
        is_triggered: There are parts: a p-chart counts things of which each says nothing of the next one, and one
            defect is on many frames.
        clock: Aware UTC.
    """

    def told(asked: Asked) -> Document:
        of = _stretch(asked.query, clock(), settings)
        return _document(of, index.quality(of), settings.run_rule, index, is_triggered=is_triggered)

    def table(asked: Asked) -> Response:
        of = _stretch(asked.query, clock(), settings)
        return table_of("quality", _TIME_COLUMNS, iter([_cells(of, index.quality(of))]))

    def choices(_: Asked) -> Document:
        found = index.choices()
        shifts = shifts_before(clock(), settings.shifts, _LISTED_SHIFTS)
        return ChoicesDocument(
            labels=found.labels,
            class_names=tuple(class_names()),
            lots=found.lots,
            products=found.products,
            shifts=tuple(map(ShiftDocument.of, shifts)),
        )

    viewer = Role.VIEWER
    summary = "Figures of quality of a stretch of time"
    tables = "Outcomes over time, and below them parts by class of defect, as tables"
    words = "What filters can be set to"
    return [
        Door("GET", "/api/v1/quality", viewer, summary, told, QualityQuery, answer=Quality),
        Door("GET", "/api/v1/quality.csv", viewer, tables, table, QualityQuery, media=MEDIA),
        Door("GET", "/api/v1/choices", viewer, words, choices, answer=ChoicesDocument),
    ]


def run_rule_now(index: Index, settings: RunRuleSettings) -> RunRuleHit | None:
    """Return the class of defect by which the rule is met on the newest parts, the most frequent one; None if none is.

    Args:
        index: Where results are looked up.
        settings: The rule.
    """
    found = index.recent_defects(settings.parts)
    counts = Counter(defect.label for defect in found)
    label, count = max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    if count < settings.defects:
        return None
    ids = [defect.inspection_id for defect in found if defect.label == label]
    return RunRuleHit(label=label, count=count, parts=settings.parts, inspection_ids=tuple(ids[:_MOST_IN_HIT]))


def _stretch(query: QualityQuery, now: datetime, settings: PageSettings) -> figures.Asked:
    """Return of what the figures are.

    Raises:
        Turned: If that is no stretch of time, or too long a one.
    """
    until = min(query.until or now, now)
    since = query.since or min(shift_at(until, settings.shifts).since, until - _MINUTE)
    if since >= until:
        text = f"query.since: expected a time before {timestamp(until)}, found {since.isoformat()}"
        raise Turned(422, "unexpected", text)
    if until - since > LONGEST:
        text = f"query.since: expected at most {LONGEST.days} days, found {(until - since) / timedelta(days=1):.1f}"
        raise Turned(422, "unexpected", text)
    since, until = whole_minutes(since, until)
    minutes = (until - since) // _MINUTE
    bucket = next(each for each in _BUCKET_MINUTES if minutes <= each * MOST_POINTS)
    if bucket >= HOUR:
        since -= since.astimezone().minute * _MINUTE  # bars of hours begin with an hour, and those are counted already
    return figures.Asked(since, until, bucket, query.product, query.label)


def _document(of: figures.Asked, found: Figures, rule: RunRuleSettings, index: Index, *, is_triggered: bool) -> Quality:
    points = tuple(TimePoint.of(at, bucket) for at, bucket in _buckets(of, found))
    judged = Judged(
        rejects=JudgedRejectsDocument.of(judged_rejects(found.rejects)),
        audits=JudgedAuditsDocument.of(judged_audits(found.audits)),
        missed_elsewhere=found.missed_elsewhere,
    )
    return Quality(
        since=timestamp(of.since),
        until=timestamp(of.until),
        product=of.product,
        totals=Totals.of(sum(found.buckets, Counts())),
        over_time=OverTime(bucket_s=of.bucket_minutes * 60, points=points),
        pareto=tuple(map(ParetoBar.of, pareto(found.parts_by_label))),
        p_chart=_chart(of, found) if is_triggered else Chart(center=None, points=()),
        run_rule=_run_rule(found, rule, index),
        heat_map=HeatMapDocument.of(heat_map(found.cells)),
        judged=judged,
    )


def _buckets(of: figures.Asked, found: Figures) -> list[tuple[datetime, Counts]]:
    return [(of.since + number * of.bucket_minutes * _MINUTE, counts) for number, counts in enumerate(found.buckets)]


def _chart(of: figures.Asked, found: Figures) -> Chart:
    """Return the chart of the parts that have a verdict."""
    return Chart.of(
        p_chart(
            Group(at, counts.parts - counts.no_verdict, rejected)
            for (at, counts), rejected in zip(_buckets(of, found), found.rejects_by_bucket, strict=True)
        )
    )


def _run_rule(found: Figures, rule: RunRuleSettings, index: Index) -> RunRule:
    newest = runs(found.places, defects=rule.defects, parts=rule.parts)[: -_MOST_HITS - 1 : -1]
    seqs = [[found.seq_at[place] for place in _members(found.places[run.label], run)] for run in newest]
    met = [found.seq_at[run.met_at] for run in newest]
    names = index.names_of([*met, *(seq for members in seqs for seq in members)])
    hits = tuple(
        RunHit(
            label=run.label,
            count=run.count,
            parts=run.parts,
            at=timestamp(names[met_by].captured_at),
            inspection_ids=tuple(names[seq].inspection_id for seq in members if seq in names),
        )
        for run, members, met_by in zip(newest, seqs, met, strict=True)
        if met_by in names  # the oldest may have gone in the meantime
    )
    return RunRule(defects=rule.defects, parts=rule.parts, hits=hits)


def _members(places: Sequence[int], run: Run) -> Sequence[int]:
    """Return the places of the parts of a run, the first ones where there are many."""
    begin = bisect_left(places, run.first)
    return places[begin : begin + min(run.count, _MOST_IN_HIT)]


def _cells(of: figures.Asked, found: Figures) -> list[Sequence[Cell]]:
    over_time: list[Sequence[Cell]] = [
        (timestamp(at), counts.parts, counts.accept, counts.review, counts.reject, counts.no_verdict)
        for at, counts in _buckets(of, found)
    ]
    bars = [(bar.label, bar.parts, bar.share, bar.cumulative) for bar in pareto(found.parts_by_label)]
    return [*over_time, (), _PARETO_COLUMNS, *bars]
