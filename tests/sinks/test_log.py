import logging
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Verdict
from edge_inspector.detections import Detections
from edge_inspector.events import EventWriter, TrackedDefect
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.sinks.log import LogSink
from edge_inspector.topics import TopicTree
from edge_inspector.tracks import Track, TrackChange, TrackPhase

WRITER = EventWriter(TopicTree("edge-inspector", "site", "line", "station", "camera"), session="s")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TWO = Detections(
    np.array([[5, 6, 7, 8], [1, 2, 3, 4]], np.float32), np.array([0.913, 0.41], np.float32), np.array([0, 1])
)


def inspected(outcome: Outcome, detections: Detections, *, part_id: str | None) -> InspectionResult:
    return InspectionResult(
        inspection_id="01J9",
        part_id=part_id,
        frames=(FrameRecord(0, NOON, "host", "camera", (450, 300), outcome),),
        detections=detections,
        class_names=("scratch", "dent"),
        outcome=outcome,
        model=ModelIdentity("tags", "1.0.0", "0" * 64),
        latency_ms={"inference": 20.0, "total": 23.44},
    )


def logged(
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    detections: Detections,
    *,
    part_id: str | None = "part-7",
    level: int = logging.INFO,
) -> list[logging.LogRecord]:
    caplog.set_level(level, logger="edge_inspector")
    for message in WRITER.of_result(inspected(outcome, detections, part_id=part_id)):
        LogSink().send(message)
    return caplog.records


def test_a_result_is_one_line_that_says_what_matters(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = logged(caplog, Decision(Verdict.REJECT), TWO)
    assert record.getMessage() == "reject part-7 01J9: 2 detections, strongest scratch 0.91, 23.4 ms"


def test_a_result_brings_its_fields_for_logs_that_are_json(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = logged(caplog, Decision(Verdict.REJECT), TWO)
    assert (record.outcome, record.detections_total, record.part_id) == ("reject", 2, "part-7")  # type: ignore[attr-defined]


def test_the_frames_of_a_free_running_camera_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, Decision(Verdict.REJECT), TWO, part_id=None) == []
    (record,) = logged(caplog, Decision(Verdict.ACCEPT), Detections.empty(), part_id=None, level=logging.DEBUG)
    assert record.getMessage() == "accept frame 01J9: 0 detections, 23.4 ms"


def test_a_defect_that_passes_a_free_running_camera_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="edge_inspector")
    track = Track(1, "dent", Verdict.REJECT, 0.913, (1.0, 2.0, 3.0, 4.0), 0, NOON, NOON, 2)
    frame = inspected(Decision(Verdict.ACCEPT), TWO, part_id=None)
    LogSink().send(WRITER.of_track(TrackedDefect(frame, "01J8", TrackChange(TrackPhase.NEW, track))))
    (record,) = caplog.records
    assert record.getMessage() == "new reject 01J8: dent 0.91, seen on 2 frames"
    assert (record.track_id, record.phase) == ("01J8", "new")  # type: ignore[attr-defined]


def test_a_part_without_a_verdict_says_why(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = logged(caplog, NoVerdict(NoVerdictCause.FRAME_DAMAGED, "cut off"), Detections.empty())
    assert record.getMessage() == "no_verdict part-7 01J9: 0 detections, frame_damaged (cut off), 23.4 ms"


def test_other_messages_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="edge_inspector")
    LogSink().send(WRITER.stats(NOON, {"parts": 3}))
    assert caplog.records[-1].levelno == logging.DEBUG
