"""A station as the operator page sees it: a real journal, and a desk that does what the rest of a station would do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.decision import NoVerdict, Verdict
from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.errors import InspectorError, RefusedError
from edge_inspector.events import EventWriter, Json, TrackedDefect
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.desk import ClassLimits, Desk, StationNow, ThresholdsInForce, Tried
from edge_inspector.page.page import OperatorPage
from edge_inspector.ports import StoredPicture
from edge_inspector.settings import PageSettings
from edge_inspector.tracks import Track, TrackChange, TrackPhase
from tests.fakes import PATIENCE_S
from tests.mosquitto import eventually
from tests.page.indexed import MODEL, SESSION, TOPICS, frame, part, track_id
from tests.page.people import Person
from tests.test_events import STATS

BEGAN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
NAMES = ("scratch", "dent")
LIMITS = {"scratch": ClassLimits(0.4, 0.7), "dent": ClassLimits(0.4, 0.7)}
ALARM = Alarm("camera-lost", Severity.CRITICAL, "the camera does not answer", "Look at its cable.")
PRODUCT, BOX = "bracket-7", (10.0, 20.0, 60.0, 80.0)


@dataclass(slots=True)
class KeptPictures:
    """Pictures by result and frame."""

    kept: dict[str, dict[int, StoredPicture]] = field(default_factory=dict)

    def frames_of(self, inspection_id: str) -> Sequence[int]:
        return sorted(self.kept.get(inspection_id, ()))

    def read(self, inspection_id: str, part_frame: int) -> StoredPicture | None:
        return self.kept.get(inspection_id, {}).get(part_frame)


@dataclass(slots=True)
class WritingJudge:
    """Puts the event on record as the station does; keeps a sample where there is a picture.

    Attributes:
        judged: What it was told.
        error: Raised instead.
    """

    journal: Journal
    writer: EventWriter
    pictures: KeptPictures
    judged: list[tuple[JudgedResult, Judgement]] = field(default_factory=list)
    error: InspectorError | None = None

    def record(self, judged: JudgedResult, judgement: Judgement) -> JudgedResult:
        if self.error is not None:
            raise self.error
        self.judged.append((judged, judgement))
        if self.pictures.frames_of(judged.inspection_id):
            judged = replace(judged, sample_key=f"samples/{judged.inspection_id}-0.jpg")
        self.journal.append([self.writer.disposition_recorded(judged, judgement)])
        assert self.journal.flush(PATIENCE_S)
        return judged


@dataclass(slots=True)
class KeptThresholds:
    """Thresholds in memory; `tried` is what came of trying some, `products` for which others were set."""

    now: ThresholdsInForce | None = field(
        default_factory=lambda: ThresholdsInForce(MODEL, None, LIMITS, LIMITS, 0.05, None, None, 1000)
    )
    tried: Sequence[Tried] = ()
    asked: list[tuple[Mapping[str, ClassLimits], int]] = field(default_factory=list)
    products: list[str | None] = field(default_factory=list)

    def in_force(self) -> ThresholdsInForce | None:
        return self.now

    def preview(self, classes: Mapping[str, ClassLimits], parts: int) -> Sequence[Tried]:
        self.asked.append((classes, parts))
        if set(classes) != set(NAMES):
            msg = f"thresholds: expected the classes {NAMES}, found {sorted(classes)}"
            raise RefusedError(msg)
        return self.tried[:parts]

    def change(
        self, classes: Mapping[str, ClassLimits], *, model_sha256: str, product: str | None = None, by: str
    ) -> None:
        self.products.append(product)
        if self.now is None or model_sha256 != self.now.model.sha256:
            msg = f"thresholds: expected the model {MODEL.sha256}, found {model_sha256}"
            raise RefusedError(msg)
        self.now = replace(self.now, classes=classes, set_by=by, set_at=BEGAN)

    def reset(self, *, product: str | None = None, by: str) -> None:
        self.products.append(product)
        assert by
        assert self.now is not None
        self.now = replace(self.now, classes=LIMITS, set_by=None, set_at=None)


class PageStation:
    """A station with a journal on disk, and what the page is to ask of it.

    Attributes:
        journal: Its journal.
        pictures: Of its results.
        judge, thresholds: What stands on the desk.
        commands: What was commanded.
        values: What the `stats` message has.
    """

    def __init__(self, journal: Journal, settings: PageSettings) -> None:
        self.journal, self.writer = journal, EventWriter(TOPICS, SESSION, product=PRODUCT, lot="L-1")
        self.pictures = KeptPictures()
        self.judge = WritingJudge(journal, self.writer, self.pictures)
        self.thresholds = KeptThresholds()
        self.commands: list[tuple[str, Mapping[str, Json]]] = []
        self.values: Mapping[str, Json] = {**STATS, "inspected_hz": 4.0}
        self._number = 0
        self.desk = Desk(
            settings=settings,
            topics=TOPICS,
            session=SESSION,
            lot="L-1",
            is_triggered=True,
            random_share=0.0,
            journal=journal,
            now=lambda: StationNow(
                "ContinuousExecution", None, BEGAN, "online", None, MODEL, PRODUCT, ((ALARM, BEGAN),)
            ),
            inspected=lambda: 8,
            values=lambda: self.values,
            class_names=lambda: NAMES,
            pictures=self.pictures,
            judge=self.judge,
            thresholds=self.thresholds,
            command=self._command,
        )

    @classmethod
    @contextmanager
    def open(cls, folder: Path, settings: PageSettings | None = None) -> Iterator[Self]:
        """Open its journal."""
        with Journal(folder / "journal.db", JournalOptions()) as journal:
            yield cls(journal, PageSettings(port=0) if settings is None else settings)

    def put(  # noqa: PLR0913 - all that a result can differ in
        self,
        outcome: str = "reject",
        *,
        label: str = "scratch",
        confidence: float = 0.9,
        pictures: int = 1,
        frames: int = 1,
        cause: NoVerdict | None = None,
    ) -> str:
        """Put the result of one more part on record; return its inspection id.

        Args:
            outcome: `accept`, `review` or `reject`.
            label: Class of its one detection; an accepted part has none.
            confidence: Of it.
            pictures: Of so many of its frames there is a picture.
            frames: How many frames it has.
            cause: Why there is no verdict.
        """
        self._number += 1
        labels = () if outcome == "accept" else (label,)
        result = part(
            self._number,
            *labels,
            at=BEGAN + timedelta(seconds=self._number),
            verdict=Verdict(outcome),
            failure=cause,
            product=PRODUCT,
            box=BOX,
            confidence=confidence,
            frames=frames,
        )
        own = result.inspection_id
        self.pictures.kept[own] = {number: StoredPicture(b"jpeg", "jpg") for number in range(pictures)}
        self.journal.append(self.writer.of_result(result))
        return own

    def put_defects(self, *labels: str) -> list[str]:
        """Put defects of a free-running source on record that begin on one frame; return their track ids."""
        self._number += 1
        at = BEGAN + timedelta(seconds=self._number)
        result = frame(self._number, *labels, at=at, product=PRODUCT, box=BOX)
        begun = {track_id(100 * self._number + number): label for number, label in enumerate(labels)}
        for number, (own, label) in enumerate(begun.items()):
            track = Track(number, label, Verdict.REJECT, 0.9, BOX, self._number, at, at, 1)
            change = TrackChange(TrackPhase.NEW, track)
            self.journal.append([self.writer.of_track(TrackedDefect(result, own, change))])
        return list(begun)

    def _command(self, name: str, arguments: Mapping[str, Json]) -> str:
        self.commands.append((name, arguments))
        return f"page-{len(self.commands)}"


@contextmanager
def serving(station: PageStation, home: Path | None) -> Iterator[OperatorPage]:
    """Serve its page."""
    with OperatorPage(station.desk, home) as page:
        eventually(lambda: page.port is not None, what="the page is served")
        yield page


def port_of(page: OperatorPage) -> int:
    assert page.port is not None
    return page.port


def ids(person: Person, **query: object) -> list[str]:
    """Return the inspection ids of what is listed."""
    status, document = person.get("/results", **query)
    assert status == 200, document
    return [item["inspection_id"] for item in document["results"]]


def wait_for(person: Person, inspection_id: str) -> None:
    eventually(lambda: person.get(f"/results/{inspection_id}")[0] == 200, what="the result is found")
