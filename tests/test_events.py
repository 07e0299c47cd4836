"""The wire schema: golden files byte for byte, JSON Schemas, and the law of the largest message.

`UPDATE_GOLDEN=1 pytest tests/test_events.py` writes the golden files again; read the difference before it is committed.
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.commands import LONGEST_COMMAND_NAME, LONGEST_REQUEST_ID, Answer, CommandStatus
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.dispositions import LONGEST_NOTE, MOST_BOXES, Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.errors import ConfigError
from edge_inspector.events import (
    LARGEST_MESSAGE,
    EventKind,
    EventWriter,
    ModelChange,
    ModelProof,
    ProductChange,
    StationState,
    TrackedDefect,
)
from edge_inspector.frame import DropCause
from edge_inspector.geometry import as_boxes
from edge_inspector.identity import session_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.sampling import Evicted, EvictionCause, SampleReason
from edge_inspector.settings import parse
from edge_inspector.settings.keeping import LONGEST_KEY_PREFIX
from edge_inspector.settings.page import LONGEST_USER
from edge_inspector.topics import LONGEST_LEVEL, Channel, Message, TopicTree
from edge_inspector.tracks import Track, TrackChange, TrackPhase
from edge_inspector.web import WebPlace, WebStretch

GOLDEN = Path(__file__).parent / "golden" / "events"
SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"
AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
SESSION = session_id(AT - timedelta(hours=1), bytes(range(10)))
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
OLDER_MODEL = ModelIdentity("metal-tags", "1.1.0", "4b" * 32)
NAMES = ("scratch", "dent")
TOPICS = TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top")
WRITER = EventWriter(TOPICS, SESSION, product="Schild Größe 4", lot="L-2026-09")
ALARM = Alarm(
    "no-verdict-deadline-missed",
    Severity.CRITICAL,
    "part part-000007 (camera-1): the verdict came too late",
    "Slow the line down, use a smaller model, or raise flow.deadline_ms.",
)
LATENCY_MS = {"queue": 0.12345, "preprocess": 1.5, "inference": 12.25, "postprocess": 0.5, "decide": 0.1, "total": 14.5}
COMPARISON = {"parts": 200, "disagreed": 12, "latency_ms": {"candidate": 14.5, "running": 12.25}}
EVICTED = {
    Evicted("dent", SampleReason.UNCERTAIN, EvictionCause.DISK_LOW): 2,
    Evicted(None, SampleReason.RANDOM, EvictionCause.QUOTA): 17,
}
STATS = {
    "frames": {"captured": 12, "inspected": 10, "dropped": {"queue_overflow": 1}, "in_flight": 1},
    "parts": {
        "seen": 12,
        "outcomes": {"accept": 8, "review": 1, "reject": 1, "no_verdict": 1},
        "no_verdict": {"queue_overflow": 1},
        "in_flight": 1,
    },
    "camera": {"status": "online", "outages": 1, "away_s": 4.25},
    "inspected_hz": 3.998,
    "latency_ms": {"total": {"p50": 14.5, "p95": 17.25, "p99": 21.0}},
    "undelivered": {"mqtt": 2},
    "alarms": ["no-verdict-queue-overflow"],
    "total": {
        "frames": {"captured": 112, "inspected": 108, "dropped": {"lost_in_restart": 3}, "in_flight": 1},
        "parts": {
            "seen": 112,
            "outcomes": {"accept": 100, "reject": 8, "no_verdict": 4},
            "no_verdict": {"lost_in_restart": 3, "queue_overflow": 1},
            "in_flight": 0,
        },
        "sessions": 3,
    },
    "journal": {
        "rows": 220,
        "bytes": 262_144,
        "pending": 2,
        "waiting": {"mqtt": 5},
        "evicted": {"mqtt": 0},
        "dead_letters": {"mqtt": 1},
        "problem": None,
    },
    "samples": {
        "kept": {"defect": 8, "random": 1},
        "not_kept": {"over_budget": 2},
        "waiting": 3,
        "waiting_bytes": 150_000,
        "uploaded": 6,
        "evicted": 0,
        "problem": None,
    },
    "model": {
        "running": {"name": "metal-tags", "version": "1.1.0", "sha256": "ab" * 32},
        "previous": {"name": "metal-tags", "version": "1.0.0", "sha256": "cd" * 32},
        "candidate": {
            "package": "metal-tags/1.2.0",
            "stage": "shadow",
            "shadow": {
                "frames": 40,
                "failed": 0,
                "disagreements": {"accept->review": 2},
                "candidate_ms": {"p50": 8.25, "p95": 9.5},
                "running_ms": {"p50": 7.0, "p95": 8.0},
            },
        },
        "probation": None,
        "rejected": 1,
    },
    "health": {"failures": {}, "deadline_missed_share": 0.02},
}
REJECT = Decision(
    Verdict.REJECT,
    (Reason("scratch", 0.91234, Verdict.REJECT, 0.7), Reason("dent", 0.5, Verdict.REVIEW, 0.4)),
)
RESULT_KINDS = (EventKind.INSPECTION_COMPLETED, EventKind.DEFECT_DETECTED)


def found(count: int) -> Detections:
    """Return detections, most confident first, the last of which has confidence 0.1."""
    corners = np.stack([np.linspace(0.123, 3000.987, count)] * 2, axis=1)
    return Detections(
        as_boxes(np.hstack([corners, corners + 77.77])) if count else as_boxes([]),
        np.linspace(0.91234, 0.1, count, dtype=np.float32),
        np.arange(count, dtype=np.int64) % len(NAMES),
    )


def result(  # noqa: PLR0913 - all that a result can differ in
    outcome: Outcome = REJECT,
    *,
    detections: Detections | None = None,
    part_id: str | None = "part-000007",
    source: str = "camera-1",
    class_names: tuple[str, ...] = NAMES,
    model: ModelIdentity = MODEL,
    damaged: bool = False,
    frames: int = 1,
) -> InspectionResult:
    detections = found(2) if detections is None else detections
    return InspectionResult(
        inspection_id="01KJMMA2G0HBA0CAVB2M3SWTSS",
        part_id=part_id,
        frames=tuple(
            FrameRecord(7 + number, AT, "host", source, None if damaged else (450, 300), outcome, number)
            for number in range(frames)
        ),
        detections=detections,
        class_names=class_names,
        outcome=outcome,
        model=model,
        latency_ms={**LATENCY_MS},
        dropped_before={"queue_overflow": 1},
        detection_frames=tuple(number % frames for number in range(len(detections))) if frames > 1 else (),
    )


NO_VERDICT = result(
    NoVerdict(NoVerdictCause.FRAME_DAMAGED, "part-7.jpg: expected a whole JPEG, found one that is cut off"),
    detections=Detections.empty(),
    damaged=True,
)
ACCEPTED = result(Decision(Verdict.ACCEPT), detections=Detections.empty(), part_id=None)

THREE_FRAMES = replace(
    result(frames=3),
    frames=(
        FrameRecord(7, AT, "camera", "camera-1", (450, 300), REJECT),
        FrameRecord(8, AT, "camera", "camera-1", (450, 300), Decision(Verdict.ACCEPT), 1),
        FrameRecord(9, AT, "camera", "camera-1", None, NO_VERDICT.outcome, 2),
    ),
)


ON_A_WEB = replace(
    result(part_id=None),
    frames=(
        FrameRecord(7, AT, "camera", "camera-1", (450, 300), REJECT, web=WebPlace("roll-7", 4000, 300, 400.0, 0.1)),
    ),
)
LOST_ON_A_WEB = replace(
    NO_VERDICT,
    part_id=None,
    frames=(
        FrameRecord(
            8, AT, "host", "camera-1", None, NO_VERDICT.outcome, web=WebPlace("roll-7", 4200, 64, ends_roll=True)
        ),
    ),
)


def on_web(roll: str = "roll-7", *, seen: InspectionResult = ON_A_WEB, writer: EventWriter = WRITER) -> Message:
    track = Track(
        number=13,
        label="scratch",
        verdict=Verdict.REJECT,
        confidence=0.91234,
        xyxy=(10.126, 0.0, 70.5, 44.25),
        first_frame_id=6,
        first_seen_at=AT - timedelta(seconds=1),
        last_seen_at=AT,
        frames=2,
        frame_id=7,
        web=WebStretch(roll, (3990.4, 4044.25), (399.04, 404.425)),
        across_px=(10.126, 70.5),
    )
    change = TrackChange(TrackPhase.NEW, track)
    return writer.of_track(TrackedDefect(seen, "01KJMMA1H0HBA0CAVB2M3SWTSS", change))


def tracked(
    phase: TrackPhase, *, number: int = 12, label: str = "scratch", seen: InspectionResult | None = None
) -> Message:
    track = Track(
        number=number,
        label=label,
        verdict=Verdict.REJECT,
        confidence=0.91234,
        xyxy=(10.126, 20.0, 70.5, 44.25),
        first_frame_id=3,
        first_seen_at=AT - timedelta(seconds=1),
        last_seen_at=AT,
        frames=5,
    )
    frame = result(part_id=None) if seen is None else seen
    return WRITER.of_track(TrackedDefect(frame, "01KJMMA1H0HBA0CAVB2M3SWTSS", TrackChange(phase, track)))


JUDGED = JudgedResult(
    inspection_id="01KJMMA2G0HBA0CAVB2M3SWTSS",
    outcome="reject",
    part_id="part-000007",
    lot="L-2026-09",
    product="Schild Größe 4",
    track_id=None,
    model=MODEL,
    sample_key="samples/site=berlin/line=line-1/station=press-3/dt=2026-03-01/01KJMMA2G0HBA0CAVB2M3SWTSS-0.jpg",
    image_wh=(450, 300),
)


def judged(
    disposition: Disposition,
    *,
    boxes: tuple[DrawnBox, ...] = (),
    note: str | None = None,
    of: JudgedResult = JUDGED,
) -> Message:
    return WRITER.disposition_recorded(of, Judgement(disposition, "Zoë", AT, boxes, note))


def thresholds(
    now: dict[str, tuple[float, float]], *, product: str | None = "bracket-7", by: str | None = "Zoë"
) -> Message:
    before = dict.fromkeys(now, (0.5, 0.7))
    return WRITER.thresholds_changed(AT, model=MODEL, product=product, thresholds=now, previous=before, by=by)


GOLDEN_MESSAGES: dict[str, Message] = {
    "inspection.completed": WRITER.of_result(result())[1],
    "inspection.completed.accept": WRITER.of_result(ACCEPTED)[0],
    "inspection.completed.no_verdict": WRITER.of_result(NO_VERDICT)[1],
    "inspection.completed.cut": WRITER.of_result(result(detections=found(100)))[1],
    "inspection.completed.frames": WRITER.of_result(THREE_FRAMES)[1],
    "defect.detected": WRITER.of_result(result())[0],
    "defect.detected.new": tracked(TrackPhase.NEW),
    "defect.detected.end": tracked(TrackPhase.END, seen=ACCEPTED),
    "defect.detected.web": on_web(),
    "inspection.completed.web": WRITER.of_result(ON_A_WEB)[0],
    "inspection.completed.web.lost": WRITER.of_result(LOST_ON_A_WEB)[0],
    "defect.detected.no_verdict": WRITER.of_result(NO_VERDICT)[0],
    "model.changed": WRITER.model_changed(
        AT,
        model=MODEL,
        previous=OLDER_MODEL,
        cause=ModelChange.UPDATE,
        reason="it passed its checks",
        comparison=COMPARISON,
    ),
    "model.changed.first": WRITER.model_changed(AT, model=MODEL, previous=None, cause=ModelChange.START),
    "product.changed": WRITER.product_changed(
        AT, product="bracket-7", previous="bracket-5", cause=ProductChange.COMMAND, by="shift lead", model=MODEL
    ),
    "product.changed.first": WRITER.product_changed(
        AT, product="bracket-7", previous=None, cause=ProductChange.START, by=None, model=MODEL
    ),
    "model.proved": WRITER.model_proved(
        AT, model=MODEL, proof=ModelProof(200, 12.5, 0.005, 0.031, 0.0275, latency_ms=(12.25, 14.5))
    ),
    "model.proved.at_once": WRITER.model_proved(AT, model=MODEL, proof=ModelProof()),
    "model.rejected": WRITER.model_rejected(
        AT, candidate="/models/metal-tags/1.3.0", reason="model.json: expected sha256 aa, found bb"
    ),
    "model.rejected.shadow": WRITER.model_rejected(
        AT,
        candidate="metal-tags 1.3.0",
        reason="12 of 200 parts disagree: expected at most 10",
        sha256=MODEL.sha256,
        comparison=COMPARISON,
    ),
    "thresholds.changed": thresholds({"dent": (0.4, 0.75), "scratch": (0.25, 0.6)}),
    "thresholds.changed.lapsed": thresholds({"dent": (0.4, 0.75)}, product=None, by=None),
    "disposition.recorded": judged(Disposition.FALSE_REJECT),
    "disposition.recorded.missed_defect": judged(
        Disposition.MISSED_DEFECT,
        boxes=(DrawnBox("dent", (10.5, 20.0, 40.126, 60.0)), DrawnBox("scratch", (0.0, 0.0, 450.0, 300.0))),
        note="on the edge, under the oil",
        of=replace(JUDGED, part_id=None, track_id="01KJMMA1H0HBA0CAVB2M3SWTSS", sample_key=None),
    ),
    "disposition.recorded.withdrawn": judged(
        Disposition.WITHDRAWN, of=replace(JUDGED, previous=Disposition.FALSE_REJECT)
    ),
    "alarm.raised": WRITER.alarm_raised(AT, ALARM),
    "alarm.cleared": WRITER.alarm_cleared(AT, ALARM)[0],
    "samples.evicted": WRITER.samples_evicted(AT, EVICTED),
    "command.answered": WRITER.command_answered(
        AT,
        Answer("self-test", "7f2c", CommandStatus.DONE, "self-test: done in 212 ms"),
        {"passed": 1, "failed": 0, "images": [{"image": "golden-0.png", "problem": None}]},
    ),
    "command.answered.refused": WRITER.command_answered(
        AT,
        Answer("relaod", "7f2d", CommandStatus.REFUSED, "unknown command 'relaod'; expected one of reload, self-test"),
    ),
    "status": WRITER.status("online", session_started_at=AT),
    "camera_status": WRITER.camera_status("online", last_frame_at=AT),
    "camera_status.offline": WRITER.camera_status("offline", last_frame_at=None, reason="the cable is unplugged"),
    "state": WRITER.state(StationState.CONTINUOUS_EXECUTION, at=AT, model=MODEL),
    "state.error": WRITER.state(StationState.ERROR, at=AT, reason="the source failed"),
    "stats": WRITER.stats(AT, STATS),
}


def answer(request_id: str, *, command: str = "self-test", result: dict[str, Any] | None = None) -> Message:
    return WRITER.command_answered(AT, Answer(command, request_id, CommandStatus.DONE, ""), result)


DOCUMENTS = {"status", "camera_status", "state", "stats"}


def schema_name(golden: str) -> str:
    return next(name for name in (*EventKind, *DOCUMENTS) if golden == name or golden.startswith(f"{name}."))


def read_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def data_schema(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = read_schema(name)["properties"]["data"]["properties"]
    return properties


def _registry() -> Registry[Any]:
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.schema.json"))
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


REGISTRY = _registry()
VALIDATORS = {
    name: Draft202012Validator(read_schema(name), registry=REGISTRY) for name in sorted({*EventKind, *DOCUMENTS})
}


def violations(name: str, document: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATORS[name].iter_errors(document)]


def violations_of_result(document: object) -> list[str]:
    """Return what is wrong with a result as it is written beside an event."""
    validator = Draft202012Validator(read_schema("result"), registry=REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def data_of(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(message.payload)["data"]
    return data


@pytest.mark.parametrize("name", sorted(GOLDEN_MESSAGES))
def test_a_message_is_byte_for_byte_its_golden_file(name: str) -> None:
    path, payload = GOLDEN / f"{name}.json", GOLDEN_MESSAGES[name].payload
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload + b"\n")
    assert path.read_bytes() == payload + b"\n"


def test_every_golden_file_belongs_to_a_message() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(GOLDEN_MESSAGES)


def test_every_kind_of_event_and_every_retained_document_has_a_golden_file() -> None:
    assert {schema_name(name) for name in GOLDEN_MESSAGES} == {*EventKind, *DOCUMENTS}


@pytest.mark.parametrize("name", sorted(GOLDEN_MESSAGES))
def test_a_golden_file_satisfies_its_schema(name: str) -> None:
    assert violations(schema_name(name), json.loads((GOLDEN / f"{name}.json").read_bytes())) == []


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_a_schema_is_a_schema_and_called_like_its_file(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == path.name
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", sorted(GOLDEN_MESSAGES))
def test_a_schema_refuses_a_field_that_is_not_in_the_contract(name: str) -> None:
    document = json.loads(GOLDEN_MESSAGES[name].payload)
    assert violations(schema_name(name), {**document, "extra": 1}) != []
    if "data" in document:
        assert violations(schema_name(name), {**document, "data": {**document["data"], "extra": 1}}) != []


@pytest.mark.parametrize("name", sorted(GOLDEN_MESSAGES))
def test_a_schema_misses_every_field_that_is_left_out(name: str) -> None:
    document = json.loads(GOLDEN_MESSAGES[name].payload)
    for key in document:
        assert violations(schema_name(name), {k: v for k, v in document.items() if k != key}) != [], key
    for key in document.get("data", {}).keys() - {"web"}:  # which only line-scan cameras have
        data = {k: v for k, v in document["data"].items() if k != key}
        assert violations(schema_name(name), {**document, "data": data}) != [], key


def test_schemas_know_every_cause_state_and_severity() -> None:
    result_schema = read_schema("result")["properties"]
    assert set(result_schema["no_verdict"]["properties"]["cause"]["enum"]) == set(NoVerdictCause)
    assert set(result_schema["dropped_before"]["propertyNames"]["enum"]) == set(DropCause)
    assert set(result_schema["outcome"]["enum"]) == {*Verdict, "no_verdict"}
    assert set(read_schema("state")["properties"]["state"]["enum"]) == set(StationState)
    assert set(data_schema("alarm.raised")["severity"]["enum"]) == set(Severity)
    evicted_schema = data_schema("samples.evicted")["evicted"]["items"]
    assert evicted_schema["properties"]["reason"]["enum"] == list(SampleReason)
    assert set(evicted_schema["properties"]["cause"]["enum"]) == set(EvictionCause)
    assert data_schema("model.changed")["cause"]["enum"] == list(ModelChange)
    assert data_schema("product.changed")["cause"]["enum"] == list(ProductChange)
    assert data_schema("command.answered")["status"]["enum"] == list(CommandStatus)
    disposition_schema = data_schema("disposition.recorded")
    assert set(disposition_schema["disposition"]["enum"]) == set(Disposition)
    said_before = disposition_schema["previous"]["anyOf"][0]["enum"]
    assert set(said_before) == set(Disposition) - {Disposition.WITHDRAWN}
    assert set(disposition_schema["outcome"]["enum"]) == {*Verdict, "no_verdict"}
    ledgers = read_schema("stats")["$defs"]
    drops, no_verdicts = ledgers["frames"]["properties"]["dropped"], ledgers["parts"]["properties"]["no_verdict"]
    assert set(drops["propertyNames"]["enum"]) == {*DropCause, "lost_in_restart"}
    assert set(no_verdicts["propertyNames"]["enum"]) == {*NoVerdictCause, "lost_in_restart"}


def test_an_accepted_part_gives_its_result_alone_and_any_other_an_alert_before_it() -> None:
    def kinds(outcome: Outcome) -> list[str]:
        return [json.loads(message.payload)["type"] for message in WRITER.of_result(result(outcome))]

    completed, defect = (f"com.edgeinspector.{kind}.v1" for kind in RESULT_KINDS)
    assert kinds(Decision(Verdict.ACCEPT)) == [completed]
    for outcome in (Decision(Verdict.REVIEW), REJECT, NoVerdict(NoVerdictCause.STOPPED)):
        assert kinds(outcome) == [defect, completed]


def test_the_id_of_an_event_is_the_inspection_and_its_kind() -> None:
    defect, completed = WRITER.of_result(result())
    assert defect.id == "01KJMMA2G0HBA0CAVB2M3SWTSS/defect.detected"
    assert completed.id == "01KJMMA2G0HBA0CAVB2M3SWTSS/inspection.completed"
    assert json.loads(completed.payload)["id"] == completed.id
    assert [message.topic for message in (defect, completed)] == [
        TOPICS.topic(Channel.DEFECT),
        TOPICS.topic(Channel.RESULT),
    ]


def test_events_of_one_instant_have_ids_of_their_own_and_a_replay_has_the_same() -> None:
    messages = [
        WRITER.alarm_raised(AT, ALARM),
        WRITER.alarm_cleared(AT, ALARM)[0],
        WRITER.alarm_raised(AT, Alarm("another", Severity.WARNING, "", "")),
        WRITER.model_changed(AT, model=MODEL, previous=None, cause=ModelChange.START),
        WRITER.model_proved(AT, model=MODEL, proof=ModelProof()),
        WRITER.product_changed(AT, product="a", previous=None, cause=ProductChange.START, by=None, model=MODEL),
        thresholds({"dent": (0.4, 0.75)}),
        judged(Disposition.UNSURE),
        judged(Disposition.UNSURE, of=replace(JUDGED, inspection_id="01KJMMA1H0HBA0CAVB2M3SWTSS")),
        *(answer(request_id) for request_id in ("one", "two")),
    ]
    assert len({message.id for message in messages}) == len(messages)
    assert WRITER.alarm_raised(AT, ALARM).id == messages[0].id


def test_an_answer_goes_to_the_topic_of_its_command_and_is_about_the_request() -> None:
    message = answer("7f2c", command="reload")
    assert message.topic == TOPICS.topic(Channel.REPLY, name="reload")
    assert json.loads(message.payload)["subject"] == "7f2c"


def test_of_what_a_command_gives_back_the_first_fields_and_entries_are_told() -> None:
    images = [{"image": f"golden-{number}.png", "problem": None} for number in range(200)]
    message = answer("7f2c", result={"passed": 200, "images": images, "model": "metal-tags"})
    result = data_of(message)["result"]
    assert (list(result), result["passed"]) == (["passed", "images"], 200)
    assert 20 < len(result["images"]) < 200
    assert result["images"] == images[: len(result["images"])]
    assert data_of(answer("7f2c", result={"passed": 1, "log": "x" * 5000, "model": 1}))["result"] == {"passed": 1}


def test_a_disposition_is_about_its_result_and_goes_where_the_station_stands() -> None:
    message = judged(Disposition.TRUE_REJECT)
    assert message.topic == TOPICS.topic(Channel.DISPOSITION)
    assert json.loads(message.payload)["subject"] == JUDGED.inspection_id


def test_changed_thresholds_go_where_changed_models_do() -> None:
    assert thresholds({"dent": (0.4, 0.75)}).topic == TOPICS.topic(Channel.MODEL)


def test_every_box_that_a_person_may_draw_is_told_where_names_are_as_long_as_names_are() -> None:
    boxes = tuple(DrawnBox("crack in the weld seam", (1234.5, 1234.5, 2345.5, 2345.5), 15) for _ in range(MOST_BOXES))
    data = data_of(judged(Disposition.MISSED_DEFECT, boxes=boxes, note="n" * LONGEST_NOTE))
    assert len(data["boxes"]) == data["boxes_total"] == MOST_BOXES


def test_of_many_changed_classes_the_first_that_fit_are_told_and_how_many_there_were() -> None:
    message = thresholds({f"class {number}": (0.25, 0.5) for number in range(100)})
    data = data_of(message)
    assert data["classes_total"] == 100
    labels = [entry["label"] for entry in data["classes"]]
    assert labels == [f"class {number}" for number in range(len(labels))]
    assert LARGEST_MESSAGE - 200 < len(message.topic.encode()) + len(message.payload) <= LARGEST_MESSAGE
    assert violations("thresholds.changed", json.loads(message.payload)) == []


def test_a_cleared_alarm_is_taken_off_the_broker_after_its_event() -> None:
    event, clearing = WRITER.alarm_cleared(AT, ALARM)
    assert event.topic == clearing.topic == TOPICS.topic(Channel.ALARM, name=ALARM.name)
    assert clearing.payload == b""
    assert clearing.delivery.retain


def test_text_that_is_not_ascii_travels_as_utf_8() -> None:
    writer = EventWriter(
        TopicTree("edge", "Düsseldorf", "线一", "прес", "オン"), SESSION, product="Größe 4", lot="批-9"
    )
    message = writer.of_result(result(part_id="Teil-ß", source="カメラ", class_names=("Kratzer ü", "凹み")))[1]
    document = json.loads(message.payload)
    assert (document["subject"], document["data"]["product"], document["data"]["lot"]) == ("Teil-ß", "Größe 4", "批-9")
    assert document["data"]["detections"][1]["label"] == "凹み"
    assert "凹み".encode() in message.payload
    assert violations("inspection.completed", document) == []


@pytest.mark.parametrize("odd", ["\udcff.jpg", "\x01\n\x00", '"\\', "\u2028"])
def test_no_file_name_makes_an_event_impossible(odd: str) -> None:
    for message in WRITER.of_result(result(part_id=odd, source=odd)):
        assert data_of(message)["part_id"]
    assert violations("model.rejected", json.loads(WRITER.model_rejected(AT, candidate=odd, reason=odd).payload)) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_never_leaves_as_broken_json(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        WRITER.stats(AT, {"inspected_hz": number})


def test_boxes_are_cut_to_the_strongest_and_their_number_is_told() -> None:
    message = WRITER.of_result(result(detections=found(100)))[1]
    data = data_of(message)
    whole = data_of(WRITER.of_result(result(detections=found(5)))[1])["detections"]
    assert data["detections_total"] == 100
    assert 5 < len(data["detections"]) < 100
    assert [box["confidence"] for box in data["detections"]] == sorted(
        (box["confidence"] for box in data["detections"]), reverse=True
    )
    assert data["detections"][0]["confidence"] == whole[0]["confidence"] == 0.9123
    # One more box would not have fitted.
    assert LARGEST_MESSAGE - 100 < len(message.topic.encode()) + len(message.payload) <= LARGEST_MESSAGE


def test_a_part_of_several_frames_says_what_became_of_each_and_where_each_box_is() -> None:
    data = data_of(WRITER.of_result(THREE_FRAMES)[1])
    assert [(frame["part_frame"], frame["outcome"]) for frame in data["frames"]] == [
        (0, "reject"), (1, "accept"), (2, "no_verdict"),
    ]  # fmt: skip
    assert data["frames"][2]["cause"] == "frame_damaged"
    assert [box["part_frame"] for box in data["detections"]] == [0, 1]


def test_the_only_frame_that_came_says_its_own_outcome_where_its_part_has_another() -> None:
    missing = NoVerdict(NoVerdictCause.FRAME_MISSING, "2 of 3 frames had not come")
    alone = replace(result(Decision(Verdict.ACCEPT)), outcome=missing)
    assert data_of(WRITER.of_result(alone)[1])["frames"][0]["outcome"] == "accept"
    assert "outcome" not in data_of(WRITER.of_result(result())[1])["frames"][0]


def test_of_many_frames_the_first_are_told_and_how_many_there_were() -> None:
    data = data_of(WRITER.of_result(result(frames=64))[1])
    assert data["frames_total"] == 64
    assert [frame["part_frame"] for frame in data["frames"]] == list(range(len(data["frames"])))
    assert 3 < len(data["frames"]) < 64


def test_the_events_of_a_track_share_its_id_and_have_one_each() -> None:
    new, end = (tracked(phase) for phase in (TrackPhase.NEW, TrackPhase.END))
    other = tracked(TrackPhase.NEW, number=13)
    assert new.id != end.id, "also when both come with one frame, as at a stop"
    assert data_of(new)["track_id"] == data_of(end)["track_id"]
    assert new.id == "01KJMMA2G0HBA0CAVB2M3SWTSS/defect.detected/12/new"
    assert other.id != new.id


def test_a_frame_of_a_free_running_camera_is_no_alert_of_its_own() -> None:
    assert [message.topic for message in WRITER.of_result(result(part_id=None))] == [TOPICS.topic(Channel.RESULT)]


def test_reasons_are_the_gravest_eight() -> None:
    reasons = tuple(Reason("dent", 0.9 - number / 100, Verdict.REJECT, 0.5) for number in range(30))
    data = data_of(WRITER.of_result(result(Decision(Verdict.REJECT, reasons)))[0])
    assert [reason["confidence"] for reason in data["reasons"]] == [round(0.9 - number / 100, 4) for number in range(8)]


def test_a_result_is_written_elsewhere_as_in_its_event_with_every_box() -> None:
    document = WRITER.result_document(THREE_FRAMES)
    assert document == data_of(WRITER.of_result(THREE_FRAMES)[1])
    assert len(cast("list[object]", WRITER.result_document(result(detections=found(100)))["detections"])) == 100


def test_samples_given_up_are_told_by_kind_the_most_frequent_first() -> None:
    data = data_of(WRITER.samples_evicted(AT, EVICTED))
    assert [kind["count"] for kind in data["evicted"]] == [17, 2]
    many = {Evicted(f"class {n}", SampleReason.DRIFT, EvictionCause.QUOTA): n + 1 for n in range(100)}
    data = data_of(WRITER.samples_evicted(AT, many))
    assert data["evicted_total"] == sum(many.values())
    assert data["evicted"][0] == {"label": "class 99", "reason": "drift", "cause": "quota", "count": 100}
    assert 10 < len(data["evicted"]) < 100


# The law of the largest message, over everything that settings, sources and model packages let in.
_any_text = st.text(st.sampled_from('aZ .-"\\ß部😀\x01\n'), max_size=2000)
_file_name = st.text(st.sampled_from('aZ .-"\\ß部😀\x01\n'), min_size=1, max_size=255).map(
    lambda name: name.encode()[:255].decode(errors="ignore")
)
_level_text = st.text(st.sampled_from('aZ-"\\ß部😀'), min_size=1, max_size=LONGEST_LEVEL)
_name = st.none() | st.text(st.sampled_from('aZ -"\\ß部😀'), max_size=64)
_labels = st.lists(
    st.text(st.sampled_from('aZ -"\\ß部😀'), min_size=1, max_size=64), min_size=2, max_size=2, unique=True
).map(tuple)
LONGEST_LEVELS = ('"' * 40, '"' * 40, '"' * 38, '"' * 35, '"' * 35)
LONGEST_MODEL = ModelIdentity("m" * 64, "1.2." + "3" * 28, "f" * 64)


def writer_of(levels: tuple[str, ...], product: str | None, lot: str | None) -> EventWriter | None:
    keys = ("topic_prefix", "site", "line", "station", "camera")
    try:
        station = parse({"station": {**dict(zip(keys, levels, strict=True)), "product": product, "lot": lot}}).station
    except ConfigError:
        return None
    tree = TopicTree(station.topic_prefix, station.site, station.line, station.station, station.camera)
    return EventWriter(tree, SESSION, station.product, station.lot)


@given(
    st.tuples(*[_level_text] * 5),
    _name,
    _name,
    _file_name,
    _labels,
    st.integers(0, 100),
    st.integers(0, 100),
    st.none() | _any_text,
    st.integers(1, 64),
)
@example(LONGEST_LEVELS, '"' * 32, '"' * 32, "\x01" * 255, ("😀" * 64, '"' * 64), 100, 100, None, 64)
@example(LONGEST_LEVELS, '"' * 32, '"' * 32, "\x01" * 255, ("😀" * 64, '"' * 64), 0, 0, "\x01" * 2000, 64)
@example(LONGEST_LEVELS, "😀" * 16, "😀" * 16, "😀" * 63, ("a", "b"), 100, 100, None, 1)
def test_no_result_is_larger_than_a_message_may_be(  # noqa: PLR0913, PLR0917 - what a law ranges over
    levels: tuple[str, ...],
    product: str | None,
    lot: str | None,
    file_name: str,
    labels: tuple[str, ...],
    boxes: int,
    reasons: int,
    problem: str | None,
    frames: int,
) -> None:
    writer = writer_of(levels, product, lot)
    if writer is None:
        return
    decision = Decision(
        Verdict.REJECT if reasons else Verdict.ACCEPT,
        tuple(Reason(labels[number % 2], 0.91234, Verdict.REJECT, 0.123456789012345) for number in range(reasons)),
    )
    outcome = decision if problem is None else NoVerdict(NoVerdictCause.INSPECTION_FAILED, problem)
    inspected = result(
        outcome,
        detections=found(boxes),
        part_id=f"{file_name}#123456789",
        source=file_name,
        class_names=labels,
        model=LONGEST_MODEL,
        frames=frames,
    )
    levels_of_key = f"site={writer.topics.site}/line={writer.topics.line}/station={writer.topics.station}"
    key = f"{'p' * LONGEST_KEY_PREFIX}/{levels_of_key}/dt=2026-03-01/{inspected.inspection_id}-63.jpg"
    inspected = replace(inspected, sample_key=key)
    # Every cause at once, with counts as large as a long session makes them.
    inspected.latency_ms.update({"queue": 123456789.123})  # type: ignore[attr-defined]
    inspected.dropped_before.update(dict.fromkeys(DropCause, 10**9))  # type: ignore[attr-defined]
    some = result(detections=found(boxes), class_names=labels, frames=frames)
    all_boxes = data_of(WRITER.of_result(some)[-1])["detections"]
    free_running = replace(inspected, part_id=None, frames=inspected.frames[:1], detection_frames=())
    seen = tracked(TrackPhase.NEW, number=10**9, label=labels[0], seen=free_running)
    assert len(seen.topic.encode()) + len(seen.payload) <= LARGEST_MESSAGE
    assert violations("defect.detected", json.loads(seen.payload)) == []
    place = WebPlace(file_name, 10**12, 10**6, 1e12, 1000.0)
    of_web = replace(free_running, frames=(replace(free_running.frames[0], web=place),))
    for message in (writer.of_result(of_web)[-1], on_web(file_name, seen=of_web, writer=writer)):
        assert len(message.topic.encode()) + len(message.payload) <= LARGEST_MESSAGE
    for message in writer.of_result(inspected):
        assert len(message.topic.encode()) + len(message.payload) <= LARGEST_MESSAGE
        document = json.loads(message.payload)
        data = document["data"]
        assert (data["detections_total"], data["frames_total"]) == (boxes, frames)
        assert data["frames"], "a part always says at least one frame"
        shared = min(len(all_boxes), len(data["detections"]))
        assert data["detections"][:shared] == all_boxes[:shared]
        if reasons and problem is None:
            assert data["reasons"], "a rejected part always says at least one reason"
        assert violations(document["type"].removeprefix("com.edgeinspector.").removesuffix(".v1"), document) == []


@given(st.tuples(*[_level_text] * 5), _name, _any_text, _any_text)
@example(LONGEST_LEVELS, '"' * 32, "\x01" * 2000, "😀" * 2000)
def test_no_other_message_is_larger_than_a_message_may_be(
    levels: tuple[str, ...], product: str | None, first: str, second: str
) -> None:
    writer = writer_of(levels, product, product)
    if writer is None:
        return
    alarm = Alarm("no-verdict-deadline-missed", Severity.CRITICAL, first, second)
    evicted = {
        Evicted(f"{number}{first}", reason, EvictionCause.DISK_LOW): 1000
        for number in range(9)
        for reason in SampleReason
    }
    added: dict[str, Any] = {"figures": [first, second] * 99, "words": second}
    levels_of_key = f"site={writer.topics.site}/line={writer.topics.line}/station={writer.topics.station}"
    of = replace(
        JUDGED,
        part_id=first,
        lot=product,
        product=product,
        track_id=JUDGED.inspection_id,
        outcome="no_verdict",
        model=LONGEST_MODEL,
        sample_key=f"{'p' * LONGEST_KEY_PREFIX}/{levels_of_key}/dt=2026-03-01/{JUDGED.inspection_id}-63.jpg",
        previous=Disposition.MISSED_DEFECT,
    )
    box = DrawnBox(second[:64] or "dent", (1234.567, 1234.567, 2345.678, 2345.678), 63)
    judgement = Judgement(Disposition.MISSED_DEFECT, "😀" * LONGEST_USER, AT, (box,) * MOST_BOXES, first)
    classes = {f"{number}{second}"[:64]: (0.123456789012345, 0.987654321098765) for number in range(99)}
    disposition = writer.disposition_recorded(of, judgement)
    changed = writer.thresholds_changed(
        AT, model=LONGEST_MODEL, product=product, thresholds=classes, previous=classes, by=first
    )
    assert violations("disposition.recorded", json.loads(disposition.payload)) == []
    assert violations("thresholds.changed", json.loads(changed.payload)) == []
    for message in (
        disposition,
        changed,
        writer.samples_evicted(AT, evicted),
        writer.alarm_raised(AT, alarm),
        *writer.alarm_cleared(AT, alarm),
        writer.model_rejected(AT, candidate=f"/{first}", reason=second, sha256=LONGEST_MODEL.sha256, comparison=added),
        writer.model_changed(
            AT,
            model=LONGEST_MODEL,
            previous=LONGEST_MODEL,
            cause=ModelChange.ROLLBACK,
            reason=first,
            comparison=added,
        ),
        writer.product_changed(
            AT,
            product=product or "p",
            previous=product,
            cause=ProductChange.CONFIGURATION,
            by=first,
            model=LONGEST_MODEL,
        ),
        writer.command_answered(
            AT,
            Answer("n" * LONGEST_COMMAND_NAME, "😀" * LONGEST_REQUEST_ID, CommandStatus.EXPIRED, first),
            added,
        ),
        writer.status("online", session_started_at=AT),
        writer.camera_status("offline", last_frame_at=AT, reason=first),
        writer.state(StationState.PREOPERATIONAL, at=AT, reason=first, model=LONGEST_MODEL),
    ):
        assert len(message.topic.encode()) + len(message.payload) <= LARGEST_MESSAGE


@pytest.mark.parametrize("letter", ["a", "ß", "😀", "\x01", '"'])
def test_a_long_text_is_cut_between_two_letters_and_marked(letter: str) -> None:
    text = data_of(WRITER.model_rejected(AT, candidate="c", reason=letter * 1000))["reason"]
    assert text == letter * (len(text) - 1) + "…"
    assert 290 <= len(json.dumps(text, ensure_ascii=False).encode()) - 2 <= 300


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert data_of(WRITER.model_rejected(AT, candidate="c", reason="x" * 300))["reason"] == "x" * 300


def test_of_a_long_path_the_end_is_kept() -> None:
    data = data_of(WRITER.model_rejected(AT, candidate="/models" * 100 + "/tags/1.3.0", reason="r"))
    assert data["candidate"].endswith("/tags/1.3.0")
