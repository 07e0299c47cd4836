"""Events as a line writes them, and an index that follows them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.events import EventWriter, TrackedDefect
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import ResultFilter, ResultRow
from edge_inspector.topics import Message, TopicTree
from edge_inspector.tracks import Track, TrackChange, TrackPhase
from tests.mosquitto import eventually

AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TOPICS = TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top")
SESSION = "01KJMMA2G0HBA0CAVB2M3SWTSS"
WRITER = EventWriter(TOPICS, SESSION)
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
NAMES = ("scratch", "dent", "stain")
IMAGE_WH = (480, 320)
BOX = (10.0, 10.0, 30.0, 30.0)
NO_VERDICT = NoVerdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late", Verdict.REJECT)
AT_ONCE = JournalOptions(commit_s=0.01)
PATIENCE_S = 20.0


def part(  # noqa: PLR0913 - all that results can differ in
    number: int,
    *labels: str,
    at: datetime | None = None,
    verdict: Verdict = Verdict.REJECT,
    failure: NoVerdict | None = None,
    product: str | None = "cover",
    lot: str | None = "L-1",
    part_id: str | None = "",
    box: tuple[float, float, float, float] = BOX,
    sample_key: str | None = "",
    confidence: float = 0.9,
    frames: int = 1,
) -> InspectionResult:
    """Return the result of a part, one second after the part before it; it is accepted where it has no labels.

    Args:
        number: Of the part, or of the frame of a free-running source.
        labels: Classes that are found on it, the first one the gravest.
        at: When it was captured.
        verdict: What the labels lead to.
        failure: Why it has no verdict.
        product, lot: As in the event.
        part_id: Derived from the number where it is empty; None for a frame of a free-running source.
        box: Of every class.
        sample_key: Of its sample; where it is empty an accepted part has one, and no other.
        confidence: Of the first class; each one after it has 0.1 less.
        frames: How many it has.
    """
    at = at or AT + timedelta(seconds=number)
    part_id = f"part-{number:05}" if part_id == "" else part_id
    if sample_key == "":
        sample_key = None if labels or failure else f"samples/{number}.jpg"
    scores = [confidence - place / 10 for place in range(len(labels))]
    reasons = tuple(Reason(label, score, verdict, 0.4) for label, score in zip(labels, scores, strict=True))
    outcome: Outcome = failure or (Decision(verdict, reasons) if labels else Decision(Verdict.ACCEPT))
    detections = Detections(
        np.array([box] * len(labels), np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array([NAMES.index(label) for label in labels], np.int64),
    )
    own = inspection_id(at, station=TOPICS.station_path, camera=TOPICS.camera, session=SESSION, number=str(number))
    records = tuple(
        FrameRecord(number, at, "camera", "camera-1", IMAGE_WH, outcome, part_frame, lot=lot, product=product)
        for part_frame in range(frames)
    )
    return InspectionResult(
        own, part_id, records, detections, NAMES, outcome, MODEL, {"total": 14.5}, sample_key=sample_key
    )


def frame(number: int, *labels: str, **more: object) -> InspectionResult:
    """Return the result of a frame of a free-running source."""
    return part(number, *labels, part_id=None, **more)  # type: ignore[arg-type]


def change(
    seen: InspectionResult, number: int, phase: TrackPhase, *, label: str = "scratch", verdict: Verdict = Verdict.REVIEW
) -> Message:
    """Return the event of a change of a defect that is followed."""
    at = seen.frames[0].captured_at
    track = Track(number, label, verdict, 0.8, BOX, 1, at, at, 2)
    return WRITER.of_track(TrackedDefect(seen, track_id(number), TrackChange(phase, track)))


def track_id(number: int) -> str:
    return inspection_id(AT, station="s", camera="c", session=SESSION, number=f"track-{number}")


def word(  # noqa: PLR0913 - all that a word can differ in
    result: InspectionResult,
    disposition: Disposition,
    *,
    by: str = "Zoë",
    minutes: float = 5.0,
    boxes: Sequence[DrawnBox] = (),
    track: str | None = None,
    sample_key: str | None = None,
) -> Message:
    """Return the event of what a person says, so many minutes after the first part."""
    judged = JudgedResult(
        result.inspection_id, result.outcome_name, result.part_id, None, None, track, MODEL, sample_key, IMAGE_WH
    )
    return WRITER.disposition_recorded(
        judged, Judgement(disposition, by, AT + timedelta(minutes=minutes), tuple(boxes), "seen by eye")
    )


def put(journal: Journal, *results: InspectionResult) -> list[InspectionResult]:
    """Put results on record, and return them."""
    for result in results:
        journal.append(WRITER.of_result(result))
    return list(results)


def caught_up(index: Index, journal: Journal) -> None:
    """Wait until the index has all that the journal has."""
    marker = word(part(0), Disposition.WITHDRAWN, minutes=1000 + journal.last_seq, track="01KJMMA2G0HBA0CAVB2M3SWT00")
    journal.append([marker])
    assert index.wait_for(marker.id, PATIENCE_S)
    eventually(lambda: not index.state().behind, what="the index has read the journal")


@contextmanager
def following(
    folder: Path, *, random_share: float = 0.0, on_disk: bool = True, options: JournalOptions = AT_ONCE
) -> Iterator[tuple[Journal, Index]]:
    """Open a journal and the index that follows it."""
    with Journal(folder / "journal.db", options) as journal:
        path = folder / "index.db" if on_disk else None
        with Index(journal, path, random_share=random_share) as index:
            yield journal, index


def all_rows(index: Index, wanted: ResultFilter | None = None, *, limit: int = 3) -> list[ResultRow]:
    """Return all results of a filter, page by page."""
    rows: list[ResultRow] = []
    before = None
    while True:
        page = index.results(wanted or ResultFilter(), limit, before)
        assert len(page.rows) <= limit
        rows += page.rows
        if (before := page.next) is None:
            return rows


def ids(rows: Sequence[ResultRow]) -> list[str]:
    return [row.inspection_id for row in rows]
