import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.errors import InspectorError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.api.line import LineBoard, Pace
from edge_inspector.page.api.quality_documents import RunRuleHit
from edge_inspector.page.desk import Desk, StationNow
from edge_inspector.page.feed import Feed
from edge_inspector.page.index.rows import Counts, FoundBox, FoundReason, ResultRow, Said
from edge_inspector.quality.shifts import shift_at
from edge_inspector.settings import PageSettings
from edge_inspector.topics import TopicTree
from tests.page.watching import Events, Stream, served

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
SMOKE = Alarm("camera-lost", Severity.CRITICAL, "The camera does not answer.", "Look at its cable.")
NOW = StationNow("ContinuousExecution", None, AT, "online", None, MODEL, "bracket-7", ())
SCRATCHES = RunRuleHit(label="scratch", count=3, parts=12, inspection_ids=("a", "b", "c"))
PART = ResultRow(
    seq=7,
    inspection_id="01JZ0000000000000000000001",
    captured_at=AT,
    part_id="tag-0001",
    lot="L-1",
    product="bracket-7",
    outcome="reject",
    cause=None,
    treated_as=None,
    reasons=(FoundReason("scratch", 0.9, "reject", 0.7),),
    boxes=(FoundBox("scratch", 0.9, (1.0, 2.0, 3.0, 4.0), 1),),
    boxes_total=3,
    image_wh=(450, 300),
    frames=2,
    track_id=None,
    phase=None,
    sample_key=None,
    model=MODEL,
    latency_ms=12.5,
    is_audit=False,
    said=None,
)


@dataclass
class KnownResults:
    """An index of which one knows what it finds.

    Attributes:
        newest, newest_defect, counted: What it finds.
        is_away: It cannot be read.
        asked: For which stretches of time something was counted.
    """

    newest: ResultRow | None = None
    newest_defect: ResultRow | None = None
    counted: Counts = field(default_factory=Counts)
    is_away: bool = False

    def __post_init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []

    def last(self) -> ResultRow | None:
        if self.is_away:
            msg = "the index of results cannot be read"
            raise InspectorError(msg)
        return self.newest

    def last_defect(self) -> ResultRow | None:
        return self.newest_defect

    def counts(self, since: datetime, until: datetime, product: str | None = None) -> Counts:
        assert product is None
        self.asked.append((since, until))
        return self.counted


class FirstFrames:
    """Has a picture of the first frame of every part."""

    def frames_of(self, _: str) -> Sequence[int]:
        return [0]

    def read(self, _: str, __: int) -> None:
        return None


class Station:
    """A desk on which things change.

    Attributes:
        now, frames, passed_s, repeated: What changes.
    """

    def __init__(
        self,
        index: KnownResults,
        journal: Journal | None = None,
        *,
        pictures: bool = True,
        is_triggered: bool = True,
    ) -> None:
        self.now, self.frames, self.passed_s = NOW, 0, 0.0
        self.repeated: RunRuleHit | None = None
        nobody = cast("Any", None)
        self.desk = Desk(
            settings=PageSettings(shifts=("00:00", "12:00")),
            topics=TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top"),
            session="s",
            lot="L-1",
            is_triggered=is_triggered,
            random_share=0.0,
            journal=cast("Journal", journal),
            now=lambda: self.now,
            inspected=lambda: self.frames,
            values=nobody,
            class_names=lambda: ["scratch"],
            pictures=FirstFrames() if pictures else None,
            judge=nobody,
            thresholds=nobody,
            command=nobody,
        )
        self.board = LineBoard(self.desk, index, lambda: self.repeated, now=lambda: AT, now_s=lambda: self.passed_s)

    def document(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.board.encoded()))


def test_the_line_before_its_first_part() -> None:
    assert Station(KnownResults()).document() == {
        "now": {
            "state": "ContinuousExecution",
            "reason": None,
            "since": "2026-03-01T12:30:00.000Z",
            "camera": "online",
            "camera_reason": None,
            "model": {"name": "metal-tags", "version": "1.2.0", "sha256": "5a" * 32},
            "product": "bracket-7",
        },
        "lot": "L-1",
        "is_triggered": True,
        "shift": {
            "name": shift_at(AT, ("00:00", "12:00")).name,
            "since": shift_at(AT, ("00:00", "12:00")).since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "parts": 0,
            "accept": 0,
            "review": 0,
            "reject": 0,
            "no_verdict": 0,
            "defects": 0,
            "reject_share": None,
        },
        "last": None,
        "inspected_hz": None,
        "alarms": [],
        "run_rule": None,
    }


def test_the_last_part_is_told_with_why_and_what_was_said_of_it() -> None:
    boxes = (DrawnBox("dent", (5.0, 6.0, 7.0, 8.0)),)
    said = Said(Disposition.MISSED_DEFECT, "otto", AT, "look here", boxes)
    assert Station(KnownResults(replace(PART, said=said))).document()["last"] == {
        "inspection_id": PART.inspection_id,
        "captured_at": "2026-03-01T12:30:00.000Z",
        "part_id": "tag-0001",
        "lot": "L-1",
        "product": "bracket-7",
        "outcome": "reject",
        "cause": None,
        "treated_as": None,
        "reasons": [{"label": "scratch", "confidence": 0.9, "verdict": "reject", "threshold": 0.7}],
        "detections": [{"label": "scratch", "confidence": 0.9, "xyxy": [1.0, 2.0, 3.0, 4.0], "part_frame": 1}],
        "detections_total": 3,
        "image_wh": [450, 300],
        "frames": 2,
        "pictures": [0],
        "track_id": None,
        "phase": None,
        "sample_key": None,
        "model": {"name": "metal-tags", "version": "1.2.0", "sha256": "5a" * 32},
        "latency_ms": 12.5,
        "is_audit": False,
        "disposition": {
            "disposition": "missed_defect",
            "by": "otto",
            "at": "2026-03-01T12:30:00.000Z",
            "note": "look here",
            "boxes": [{"label": "dent", "xyxy": [5.0, 6.0, 7.0, 8.0], "part_frame": 0}],
        },
    }


def test_where_no_pictures_are_kept_a_part_has_none() -> None:
    assert Station(KnownResults(PART), pictures=False).document()["last"]["pictures"] == []


def test_the_counters_are_those_of_the_shift() -> None:
    index = KnownResults(PART, counted=Counts(accept=90, review=4, reject=5, no_verdict=1, defects=10))
    shift = Station(index).document()["shift"]
    assert [shift[name] for name in ("parts", "accept", "review", "reject", "no_verdict", "defects")] == [
        *(100, 90, 4, 5, 1, 10)
    ]
    assert shift["reject_share"] == pytest.approx(0.05)
    wanted = shift_at(AT, ("00:00", "12:00"))
    assert index.asked == [(wanted.since, wanted.until)]


def test_alarms_stand_in_it_with_what_to_do() -> None:
    station = Station(KnownResults())
    station.now = replace(NOW, alarms=((SMOKE, AT),))
    assert station.document()["alarms"] == [
        {
            "name": "camera-lost",
            "severity": "critical",
            "text": "The camera does not answer.",
            "what_to_do": "Look at its cable.",
            "raised_at": "2026-03-01T12:30:00.000Z",
        }
    ]


def test_the_rate_is_known_after_a_second_and_is_that_of_the_last_seconds() -> None:
    station, rates = Station(KnownResults()), []
    for passed_s in range(40):
        station.passed_s = passed_s
        station.frames += 5 if passed_s < 20 else 2
        rates.append(station.document()["inspected_hz"])
    assert rates[0] is None
    assert set(rates[1:20]) == {5.0}
    assert rates[-9:] == [2.0] * 9


def test_a_counter_that_jumps_is_no_rate() -> None:
    pace = Pace()
    assert [pace.look(count, now_s) for now_s, count in enumerate([0, 5, 1_000_005, 1_000_010, 3, 8])] == [
        *(None, 5.0, None, 5.0, None, 5.0)
    ]


def test_who_looks_after_a_long_time_gets_no_rate_of_long_ago() -> None:
    pace = Pace()
    pace.look(0, 0.0)
    assert pace.look(100, 3600.0) is None


def test_a_defect_that_comes_again_is_told_until_a_person_finds_one_of_its_parts_good() -> None:
    station = Station(KnownResults(PART))
    assert station.document()["run_rule"] is None
    station.repeated = SCRATCHES
    assert station.document()["run_rule"] == {
        "label": "scratch",
        "count": 3,
        "parts": 12,
        "inspection_ids": ["a", "b", "c"],
    }
    station.repeated = None  # and no part has come since
    assert station.document()["run_rule"] is None


def test_of_a_belt_the_last_defect_is_told_and_not_the_frame_after_it() -> None:
    defect = replace(PART, part_id=None, track_id="01JZ0000000000000000000002", phase="end")
    index = KnownResults(replace(PART, part_id=None, outcome="accept"), defect)
    assert Station(index, is_triggered=False).document()["last"]["track_id"] == defect.track_id
    index.newest_defect = None
    assert Station(index, is_triggered=False).document()["last"] is None


def test_while_the_index_cannot_be_read_alarms_are_told_all_the_same() -> None:
    index = KnownResults(PART, counted=Counts(accept=3))
    station = Station(index)
    before = station.document()
    index.is_away = True
    station.now = replace(NOW, alarms=((SMOKE, AT),))
    after = station.document()
    assert [alarm["name"] for alarm in after["alarms"]] == ["camera-lost"]
    assert (after["shift"], after["last"]) == (before["shift"], before["last"])


def test_what_could_never_be_looked_up_is_an_error_in_words() -> None:
    station = Station(KnownResults(is_away=True))
    with pytest.raises(InspectorError, match="the index of results cannot be read"):
        station.document()
    with served(station.board.doors()) as port, Stream(port, "/api/v1/line") as browser:
        assert (browser.status, b"cannot be read" in browser.rest()) == (503, True)


def test_the_event_stream_tells_what_the_door_tells() -> None:
    index = KnownResults(PART)
    with Journal(None, JournalOptions()) as journal:
        station = Station(index, journal)
        feed = Feed(journal, "s", station.board.encoded)
        doors = [*feed.doors(), *station.board.doors()]
        with (
            served(doors, on_loop=[feed.on_loop]) as port,
            feed,
            Events(port) as events,
            Stream(port, "/api/v1/line") as browser,
        ):
            assert events.next_of("line").data == json.loads(browser.rest())
            index.newest = replace(PART, seq=8, outcome="accept", captured_at=AT + timedelta(seconds=1))
            feed.look_again()
            assert events.next_of("line").data["last"]["outcome"] == "accept"
