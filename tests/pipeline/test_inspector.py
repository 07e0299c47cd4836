import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Policy, Verdict
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, InspectionResult
from edge_inspector.parts import ClosedPart, worst
from edge_inspector.pipeline.inspector import Inspector, Model
from tests.fakes import IMAGE_WH, ScriptedDetector, belt_frame, damaged_part, defect, part
from tests.pipeline.line import IDENTITY, POLICY, TOPICS, inspector_of


def test_a_result_says_which_frame_which_model_and_what_was_found() -> None:
    frame = part(3)
    result = result_of(inspector_of(ScriptedDetector({3: defect(0.9)})), frame, frame.captured_monotonic_ns)
    assert isinstance(result.outcome, Decision)
    assert result.outcome.verdict is Verdict.REJECT
    assert result.part_id == "part-3"
    assert result.model == IDENTITY
    (record,) = result.frames
    assert record.outcome == result.outcome
    assert (record.frame_id, record.image_wh, record.source) == (3, IMAGE_WH, "fake")
    assert record.captured_at == frame.captured_at
    assert result.latency_ms["inference"] == 2.0


def test_stages_of_latency_begin_at_the_capture() -> None:
    frame = part(0)
    taken_ns = frame.captured_monotonic_ns + 7_000_000
    latency_ms = inspector_of(ScriptedDetector()).inspect(frame, taken_ns=taken_ns).latency_ms
    assert latency_ms["queue"] == 7.0
    assert set(latency_ms) == {"queue", "preprocess", "inference", "postprocess", "decide", "total"}


def test_an_error_of_the_model_is_handed_on() -> None:
    frame = part(0)
    with pytest.raises(ModelError, match="not finite"):
        inspector_of(ScriptedDetector({0: ModelError("not finite")})).inspect(frame, taken_ns=0)


@pytest.mark.parametrize("fail_safe", list(Verdict))
def test_a_part_without_verdict_is_treated_as_the_policy_says(fail_safe: Verdict) -> None:
    model = Model(ScriptedDetector(), IDENTITY, ("scratch",), Policy(POLICY.classes, fail_safe=fail_safe))
    inspector = Inspector(model, station_path="a/b/c", camera="top", session="s")
    finding = inspector.without_verdict(damaged_part(4), NoVerdictCause.FRAME_DAMAGED, "half a frame")
    assert finding.record.outcome == NoVerdict(NoVerdictCause.FRAME_DAMAGED, "half a frame", fail_safe)
    assert (finding.record.image_wh, len(finding.detections)) == (None, 0)


def test_an_id_is_the_same_with_and_without_verdict_and_differs_by_part_camera_and_session() -> None:
    frame = part(0)
    inspector = inspector_of(ScriptedDetector())
    own = result_of(inspector, frame).inspection_id
    without = inspector.without_verdict(frame, NoVerdictCause.STOPPED, "")
    assert inspector.result_of_part(closed(frame, without)).inspection_id == own

    def other(camera: str, session: str, shown: Frame) -> str:
        model = inspector.model
        return result_of(
            Inspector(model, station_path=TOPICS.station_path, camera=camera, session=session), shown
        ).inspection_id

    twin = Frame(frame.image, 1, frame.captured_at, frame.captured_monotonic_ns, "fake", "part-1")
    ids = {
        own,
        other("side", "01TESTSESSION", frame),
        other("top", "other", frame),
        other("top", "01TESTSESSION", twin),
    }
    assert len(ids) == 4


def test_free_running_frames_of_one_millisecond_have_different_ids() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    inspector = inspector_of(ScriptedDetector())
    frames = [Frame(belt_frame(0).image, number, at, 0, "fake") for number in range(100)]
    results = [inspector.result_of_frame(inspector.inspect(frame, taken_ns=0)) for frame in frames]
    assert len({result.inspection_id for result in results}) == 100


def test_a_detection_that_only_keeps_a_defect_in_sight_is_found_but_not_reported() -> None:
    model = Model(ScriptedDetector({0: defect(0.3)}), IDENTITY, ("scratch",), POLICY, report_at=0.4)
    inspector = Inspector(model, station_path="a/b/c", camera="top", session="s")
    finding = inspector.inspect(belt_frame(0), taken_ns=0)
    assert len(finding.detections) == 1
    assert len(inspector.result_of_frame(finding).detections) == 0


def test_the_stages_of_a_part_are_summed_over_its_frames_and_its_total_is_that_of_the_last() -> None:
    inspector = inspector_of(ScriptedDetector())
    frames = [replace(part(0, age_ms=300), frame_id=7), replace(part(0, age_ms=100), frame_id=8, part_frame=1)]
    findings = [inspector.inspect(frame, taken_ns=frame.captured_monotonic_ns) for frame in frames]
    part_of_two = closed(frames[0], *findings)
    result = inspector.result_of_part(part_of_two)
    assert result.latency_ms["inference"] == 4.0
    assert result.latency_ms["total"] == (part_of_two.closed_ns - frames[1].captured_monotonic_ns) / 1e6
    assert [record.frame_id for record in result.frames] == [7, 8]
    assert result.frames[0].captured_at.timestamp() <= result.frames[1].captured_at.timestamp()


def closed(frame: Frame, *findings: FrameFinding) -> ClosedPart:
    assert frame.part_id is not None
    outcome = worst([finding.record.outcome for finding in findings])
    return ClosedPart(frame.part_id, frame.captured_monotonic_ns, time.monotonic_ns(), findings, outcome)


def result_of(inspector: Inspector, frame: Frame, taken_ns: int = 0) -> InspectionResult:
    return inspector.result_of_part(closed(frame, inspector.inspect(frame, taken_ns=taken_ns)))
