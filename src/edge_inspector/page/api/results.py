"""Results: listed, looked at one by one, and as a table."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from pydantic import AwareDatetime, Field
from starlette.responses import Response

from edge_inspector.dispositions import Disposition
from edge_inspector.errors import RefusedError
from edge_inspector.events.documents import timestamp
from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.documents import Item, SaidDocument
from edge_inspector.page.api.tables import MEDIA, Cell, table_of
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import ResultFilter, ResultRow

OutcomeName: TypeAlias = Literal["accept", "review", "reject", "no_verdict"]
MOST_RESULTS = 200  # of one answer
MOST_ROWS = 100_000  # of one table
_PATH = "/api/v1/results"
_LONGEST_WORD = 300
_COLUMNS = (
    *("inspection_id", "captured_at", "part_id", "lot", "product", "outcome", "cause", "treated_as", "labels"),
    *("confidence", "detections_total", "track_id", "model", "model_version", "latency_ms", "is_audit"),
    *("disposition", "by", "at", "note", "sample_key"),
)


class FilterQuery(Document):
    """Which results are wanted; what is left out does not matter."""

    outcome: tuple[OutcomeName, ...] = Field((), description="any of these; may be repeated")
    label: str | None = Field(None, max_length=_LONGEST_WORD, description="with a detection, or a drawn box, of it")
    lot: str | None = Field(None, max_length=_LONGEST_WORD)
    product: str | None = Field(None, max_length=_LONGEST_WORD)
    part: str | None = Field(None, max_length=_LONGEST_WORD, description="part id begins so")
    since: AwareDatetime | None = Field(None, description="captured then or later")
    until: AwareDatetime | None = Field(None, description="captured earlier")
    judged: bool | None = Field(None, description="whether a person's word counts of it")
    disposition: Disposition | None = Field(None, description="what was said of it")
    audit: bool | None = Field(None, description="whether it was drawn by chance to measure escapes")

    def filter(self) -> ResultFilter:
        """Return it as the index takes it."""
        return ResultFilter(
            outcomes=self.outcome,
            label=self.label,
            lot=self.lot,
            product=self.product,
            part=self.part,
            since=self.since,
            until=self.until,
            is_judged=self.judged,
            disposition=self.disposition,
            is_audit=self.audit,
        )


class ListQuery(FilterQuery):
    """Which results are wanted, and how many at a time."""

    limit: int = Field(50, ge=1, le=MOST_RESULTS)
    before: str | None = Field(None, max_length=_LONGEST_WORD, description="`next` of the answer before")


class Results(Document):
    """Results, the newest first; `next` tells where the next ones begin, and is null at the end."""

    results: tuple[Item, ...]
    next: str | None


class ItemDetail(Item):
    """A result with everything that was said of it, the newest first."""

    history: tuple[SaidDocument, ...]


def result_of(index: Index, inspection_id: str) -> ResultRow:
    """Return a result that must be there.

    Raises:
        Turned: If it is not.
    """
    if (row := index.find(inspection_id)) is None:
        raise Turned(404, "no_result", f"inspection_id {inspection_id!r}: expected a result that the journal still has")
    return row


def doors(desk: Desk, index: Index) -> list[Door]:
    """Return the doors to results.

    Args:
        desk: Of the station.
        index: Where they are looked up.
    """

    def listed(asked: Asked) -> Document:
        query: ListQuery = asked.query
        try:
            page = index.results(query.filter(), query.limit, query.before)
        except RefusedError as error:
            raise Turned(422, "unexpected", f"query.{error}") from error
        return Results(results=tuple(Item.of(row, desk.pictures) for row in page.rows), next=page.next)

    def looked_at(asked: Asked) -> Document:
        row = result_of(index, asked.path["inspection_id"])
        history = tuple(map(SaidDocument.of, index.history(row.key)))
        return ItemDetail(**dict(Item.of(row, desk.pictures)), history=history)

    def table(asked: Asked) -> Response:
        return table_of("results", _COLUMNS, _chunks(index, asked.query.filter()))

    return [
        Door("GET", _PATH, Role.VIEWER, "List results, the newest first", listed, ListQuery, answer=Results),
        Door(
            "GET",
            f"{_PATH}.csv",
            Role.VIEWER,
            f"The same as a table, with at most {MOST_ROWS:,} rows",
            table,
            FilterQuery,
            media=MEDIA,
        ),
        Door(
            "GET",
            f"{_PATH}/{{inspection_id}}",
            Role.VIEWER,
            "Look at one result, and at all that was said of it",
            looked_at,
            answer=ItemDetail,
            errors={404: "no such result"},
        ),
    ]


def _chunks(index: Index, wanted: ResultFilter) -> Iterator[Sequence[Sequence[Cell]]]:
    before: str | None = None
    for _ in range(MOST_ROWS // MOST_RESULTS):
        page = index.results(wanted, MOST_RESULTS, before)
        yield [_cells(row) for row in page.rows]
        if (before := page.next) is None:
            return


def _cells(row: ResultRow) -> Sequence[Cell]:
    said = row.said
    labels = sorted({box.label for box in row.boxes} | {box.label for box in (() if said is None else said.boxes)})
    return (
        row.inspection_id,
        timestamp(row.captured_at),
        row.part_id,
        row.lot,
        row.product,
        row.outcome,
        row.cause,
        row.treated_as,
        " ".join(labels),
        max((box.confidence for box in row.boxes), default=None),
        row.boxes_total,
        row.track_id,
        row.model.name,
        row.model.version,
        row.latency_ms,
        row.is_audit,
        *((None,) * 4 if said is None else (said.disposition.value, said.by, timestamp(said.at), said.note)),
        row.sample_key,
    )
