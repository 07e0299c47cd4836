"""Dispositions: a person's word on a result, and taking it back. The answer comes when it is on disk and found."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from edge_inspector.dispositions import (
    LONGEST_NOTE,
    MOST_BOXES,
    Disposition,
    DrawnBox,
    JudgedResult,
    Judgement,
)
from edge_inspector.events import EventWriter
from edge_inspector.page.access.roles import Role, Visitor
from edge_inspector.page.api.documents import BoxDocument, Item
from edge_inspector.page.api.results import result_of
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import ResultRow, Said

SMALLEST_BOX_PX = 2.0  # a side
_PATH = "/api/v1/results/{inspection_id}/disposition"
_FOUND_S = 3.0  # after it is on disk; where the index is behind, the answer does not wait for it
_TURN_S = 10.0
_TICK = timedelta(milliseconds=1)  # as events tell times


class SaidBody(Document):
    """What a person says of a result; boxes around what was missed, on the frames of which there is a picture."""

    disposition: Literal["true_reject", "false_reject", "missed_defect", "true_accept", "unsure"]
    boxes: tuple[BoxDocument, ...] = Field((), max_length=MOST_BOXES)
    note: str | None = Field(None, max_length=LONGEST_NOTE)


def doors(desk: Desk, index: Index, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Door]:
    """Return the doors to judge a result.

    Args:
        desk: Of the station.
        index: Where results are looked up.
        clock: Aware UTC.
    """
    saying = _Saying(desk, index, clock)
    errors = {
        404: "no such result",
        422: "it cannot be said of this result; `text` tells why",
        503: "it is not on disk after a few seconds: nothing is promised, say it again",
    }
    return [
        Door(
            "PUT",
            _PATH,
            Role.OPERATOR,
            "Say what a result was; the last word counts",
            saying.say,
            body=SaidBody,
            answer=Item,
            errors=errors,
        ),
        Door("DELETE", _PATH, Role.OPERATOR, "Take back what was said", saying.take_back, answer=Item, errors=errors),
    ]


class _Saying:
    """One word after another: the next one knows what was said before it, and is later."""

    def __init__(self, desk: Desk, index: Index, clock: Callable[[], datetime]) -> None:
        self._desk, self._index, self._clock = desk, index, clock
        self._lock = threading.Lock()  # for what follows
        self._last: datetime | None = None

    def say(self, asked: Asked) -> Document:
        body: SaidBody = asked.body
        disposition = Disposition(body.disposition)
        boxes = tuple(DrawnBox(box.label, box.xyxy, box.part_frame) for box in body.boxes)
        note = (body.note or "").strip() or None
        with self._turn():
            row = result_of(self._index, asked.path["inspection_id"])
            pictures = () if self._desk.pictures is None else self._desk.pictures.frames_of(row.inspection_id)
            known = {*self._desk.class_names(), *_labels(row)}
            if problem := why_not(row, disposition, boxes, note, pictures=frozenset(pictures), labels=known):
                raise Turned(422, "unexpected", problem)
            said = Said(disposition, name_of(asked.visitor), self._later_than(row), note, boxes)
            return self._recorded(row, said)

    def take_back(self, asked: Asked) -> Document:
        with self._turn():
            row = result_of(self._index, asked.path["inspection_id"])
            if row.said is None:
                return Item.of(row, self._desk.pictures)
            said = Said(Disposition.WITHDRAWN, name_of(asked.visitor), self._later_than(row), None, ())
            return self._recorded(row, said)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_TURN_S):
            raise Turned(503, "busy", f"what others say is not on disk after {_TURN_S:g} s; say it again")
        try:
            yield
        finally:
            self._lock.release()

    def _later_than(self, row: ResultRow) -> datetime:
        """Return the time, also where the clock was set back: what was said later counts, and has an id of its own.

        No word has the time of the one before it either: that tells those on two defects of one frame apart.
        """
        now = self._clock()
        if self._last is not None and abs(now - self._last) < _TICK:
            now = self._last + _TICK
        before = max((said.at for said in self._index.history(row.key)), default=None)
        self._last = now if before is None else max(now, before + _TICK)
        return self._last

    def _recorded(self, row: ResultRow, said: Said) -> Item:
        judged = JudgedResult(
            inspection_id=row.inspection_id,
            outcome=row.outcome,
            part_id=row.part_id,
            lot=row.lot,
            product=row.product,
            track_id=row.track_id,
            model=row.model,
            sample_key=row.sample_key,
            image_wh=row.image_wh,
            previous=None if row.said is None else row.said.disposition,
            label=None if row.track_id is None else next((reason.label for reason in row.reasons), None),
        )
        judgement = Judgement(said.disposition, said.by, said.at, said.boxes, said.note)
        recorded = self._desk.judge.record(judged, judgement)
        event = EventWriter(self._desk.topics, self._desk.session).disposition_recorded(recorded, judgement)
        now = self._index.find(row.key) if self._index.wait_for(event.id, _FOUND_S) else None
        if now is None:  # the index is behind: what is on disk is true all the same
            counts = None if said.disposition is Disposition.WITHDRAWN else said
            now = replace(row, said=counts, sample_key=recorded.sample_key or row.sample_key)
        return Item.of(now, self._desk.pictures)


def why_not(  # noqa: PLR0913 - all that it depends on
    row: ResultRow,
    disposition: Disposition,
    boxes: tuple[DrawnBox, ...],
    note: str | None,
    *,
    pictures: frozenset[int],
    labels: set[str],
) -> str | None:
    """Return why this cannot be said of a result, or None.

    Args:
        row: The result.
        disposition: What is said.
        boxes: What was drawn.
        note: More words.
        pictures: The frames of which there is a picture.
        labels: The classes that a box can have.
    """
    if not disposition.fits(accepted=row.outcome == "accept"):
        return f"disposition: {disposition} cannot be said of a result that is {row.outcome!r}"
    if note is not None and not note.isprintable():
        return f"note: expected printable text on one line, found {note!r}"
    if disposition is not Disposition.MISSED_DEFECT:
        return f"boxes: expected none beside {disposition}, found {len(boxes)}" if boxes else None
    if pictures and not boxes:
        return "boxes: expected at least one around what was missed, found none"
    problems = (_box_problem(box, row.image_wh, pictures, labels) for box in boxes)
    return next((f"boxes.{number}.{problem}" for number, problem in enumerate(problems) if problem), None)


def _box_problem(
    box: DrawnBox, image_wh: tuple[int, int] | None, pictures: frozenset[int], labels: set[str]
) -> str | None:
    if box.label not in labels:
        return f"label: expected one of {', '.join(sorted(labels))}, found {box.label!r}"
    if box.part_frame not in pictures:
        seen = ", ".join(map(str, sorted(pictures))) or "none"
        return f"part_frame: expected a frame of which there is a picture ({seen}), found {box.part_frame}"
    x1, y1, x2, y2 = box.xyxy
    width, height = image_wh or (float("inf"), float("inf"))
    if min(x1, y1) < 0 or x2 > width or y2 > height:
        inside = "" if image_wh is None else f" of {width} x {height} pixels"
        return f"xyxy: expected a box inside the picture{inside}, found {list(box.xyxy)}"
    if x2 - x1 < SMALLEST_BOX_PX or y2 - y1 < SMALLEST_BOX_PX:
        return f"xyxy: expected sides of at least {SMALLEST_BOX_PX:g} pixels, found {list(box.xyxy)}"
    return None


def _labels(row: ResultRow) -> set[str]:
    drawn = () if row.said is None else row.said.boxes
    found = {box.label for box in row.boxes} | {reason.label for reason in row.reasons}
    return found | {box.label for box in drawn}


def name_of(visitor: Visitor) -> str:
    """Return the name of a person who has signed in.

    Raises:
        Turned: If nobody has.
    """
    if visitor.user is None:
        raise Turned(401, "nobody", "expected a person who has signed in: a word, or a change, carries a name")
    return visitor.user
