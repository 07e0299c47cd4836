"""A station as the operator page sees it: a real journal, and a desk that does what the rest of a station would do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import numpy as np

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.decision import Decision, NoVerdict, Outcome, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.errors import InspectorError, RefusedError
from edge_inspector.events import EventWriter, Json, TrackedDefect
from edge_inspector.identity import inspection_id, session_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.access.passwords import hash_password
from edge_inspector.page.desk import ClassLimits, Desk, StationNow, ThresholdsInForce, Tried
from edge_inspector.page.page import OperatorPage
from edge_inspector.ports import StoredPicture
from edge_inspector.settings import PageSettings
from edge_inspector.topics import TopicTree
from edge_inspector.tracks import Track, TrackChange, TrackPhase
from tests.fakes import PATIENCE_S
from tests.mosquitto import eventually
from tests.test_events import STATS

BEGAN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TOPICS = TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top")
SESSION = session_id(BEGAN, bytes(range(10)))
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
NAMES = ("scratch", "dent")
IMAGE_WH = (450, 300)
LIMITS = {"scratch": ClassLimits(0.4, 0.7), "dent": ClassLimits(0.4, 0.7)}
ALARM = Alarm("camera-lost", Severity.CRITICAL, "the camera does not answer", "Look at its cable.")
PASSWORDS = {"vera": "look-at-it-all", "otto": "judge-it-all", "ada": "change-it-all"}
ROLES = {"vera": "viewer", "otto": "operator", "ada": "admin"}


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
    """Thresholds in memory; parts that were tried are `tried`."""

    now: ThresholdsInForce | None = field(
        default_factory=lambda: ThresholdsInForce(MODEL, None, LIMITS, LIMITS, 0.05, None, None, 1000)
    )
    tried: Sequence[Tried] = ()
    asked: list[tuple[Mapping[str, ClassLimits], int]] = field(default_factory=list)

    def in_force(self) -> ThresholdsInForce | None:
        return self.now

    def preview(self, classes: Mapping[str, ClassLimits], parts: int) -> Sequence[Tried]:
        self.asked.append((classes, parts))
        if set(classes) != set(NAMES):
            msg = f"thresholds: expected the classes {NAMES}, found {sorted(classes)}"
            raise RefusedError(msg)
        return self.tried[:parts]

    def change(self, classes: Mapping[str, ClassLimits], *, model_sha256: str, by: str) -> None:
        if self.now is None or model_sha256 != self.now.model.sha256:
            msg = f"thresholds: expected the model {MODEL.sha256}, found {model_sha256}"
            raise RefusedError(msg)
        self.now = replace(self.now, classes=classes, set_by=by, set_at=BEGAN)

    def reset(self, *, by: str) -> None:
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
        self.journal, self.writer = journal, EventWriter(TOPICS, SESSION, product="bracket-7", lot="L-1")
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
                "ContinuousExecution", None, BEGAN, "online", None, MODEL, "bracket-7", ((ALARM, BEGAN),)
            ),
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
        at = BEGAN + timedelta(seconds=self._number)
        part_id = f"part-{self._number:05}"
        own = inspection_id(
            at, station=TOPICS.station_path, camera=TOPICS.camera, session=SESSION, number=str(self._number)
        )
        verdict = Verdict(outcome)
        reasons = () if verdict is Verdict.ACCEPT else (Reason(label, confidence, verdict, 0.4),)
        decided: Outcome = Decision(verdict, reasons) if cause is None else cause
        boxes = Detections.empty()
        if reasons:
            boxes = Detections(
                np.array([[10, 20, 60, 80]], np.float32),
                np.array([confidence], np.float32),
                np.array([NAMES.index(label)], np.int64),
            )
        records = tuple(
            FrameRecord(self._number, at, "host", "camera-1", IMAGE_WH, decided, number) for number in range(frames)
        )
        result = InspectionResult(own, part_id, records, boxes, NAMES, decided, MODEL, {"total": 14.5})
        self.pictures.kept[own] = {number: StoredPicture(b"jpeg", "jpg") for number in range(pictures)}
        self.journal.append(self.writer.of_result(result))
        return own

    def put_defects(self, *labels: str) -> list[str]:
        """Put defects of a free-running source on record that begin on one frame; return their track ids."""
        self._number += 1
        at = BEGAN + timedelta(seconds=self._number)
        ids = [
            inspection_id(at, station=TOPICS.station_path, camera=TOPICS.camera, session=SESSION, number=number)
            for number in ("frame", *labels)
        ]
        reasons = tuple(Reason(label, 0.9, Verdict.REJECT, 0.4) for label in labels)
        decided = Decision(Verdict.REJECT, reasons)
        found = Detections(
            np.array([[10, 20, 60, 80]] * len(labels), np.float32),
            np.full(len(labels), 0.9, np.float32),
            np.array([NAMES.index(label) for label in labels], np.int64),
        )
        record = FrameRecord(self._number, at, "host", "camera-1", IMAGE_WH, decided)
        result = InspectionResult(ids[0], None, (record,), found, NAMES, decided, MODEL, {"total": 14.5})
        for number, label in enumerate(labels):
            track = Track(number, label, Verdict.REJECT, 0.9, (10, 20, 60, 80), self._number, at, at, 1)
            change = TrackChange(TrackPhase.NEW, track)
            self.journal.append([self.writer.of_track(TrackedDefect(result, ids[1 + number], change))])
        return ids[1:]

    def _command(self, name: str, arguments: Mapping[str, Json]) -> str:
        self.commands.append((name, arguments))
        return f"page-{len(self.commands)}"


def settings_with_people(**more: Any) -> PageSettings:
    """Return settings with a viewer, an operator and an admin; see PASSWORDS."""
    users = {name: {"role": ROLES[name], "password": _HASHES[name]} for name in PASSWORDS}
    return PageSettings.model_validate({"port": 0, "users": users, **more})


_HASHES = {name: str(hash_password(password)) for name, password in PASSWORDS.items()}


@contextmanager
def serving(station: PageStation, home: Path | None) -> Iterator[OperatorPage]:
    """Serve its page."""
    with OperatorPage(station.desk, home) as page:
        eventually(lambda: page.port is not None, what="the page is served")
        yield page


@dataclass(slots=True)
class Browser:
    """Asks a page by HTTP, as whoever has signed in."""

    port: int
    cookie: str | None = None
    csrf: str | None = None

    def sign_in(self, user: str) -> Self:
        response, content = self.ask("POST", "/session", {"user": user, "password": PASSWORDS[user]})
        assert response.status == 200, content
        self.cookie = str(response.headers["Set-Cookie"]).partition(";")[0]
        self.csrf = json.loads(content)["csrf"]
        return self

    def get(self, path: str, **query: object) -> tuple[int, dict[str, Any]]:
        """Return status and document of an answer; the values of a query may be lists."""
        return self._document("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def put(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        return self._document("PUT", path, body)

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        return self._document("POST", path, body)

    def delete(self, path: str) -> tuple[int, dict[str, Any]]:
        return self._document("DELETE", path)

    def ask(self, method: str, path: str, body: object = None) -> tuple[HTTPResponse, bytes]:
        """Return an answer and its content."""
        headers = {} if self.cookie is None else {"Cookie": self.cookie}
        headers |= {} if self.csrf is None else {"X-CSRF-Token": self.csrf}
        headers |= {} if body is None else {"Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def _document(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        response, content = self.ask(method, path, body)
        document: dict[str, Any] = json.loads(content)
        return response.status, document
