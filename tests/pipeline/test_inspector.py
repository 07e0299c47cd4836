from datetime import UTC, datetime

import pytest

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Policy, Verdict
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.pipeline.inspector import Inspector, Model
from tests.fakes import IMAGE_WH, ScriptedDetector, belt_frame, damaged_part, defect, part
from tests.pipeline.line import IDENTITY, POLICY, TOPICS, inspector_of


def test_a_result_says_which_frame_which_model_and_what_was_found() -> None:
    frame = part(3)
    result = inspector_of(ScriptedDetector({3: defect(0.9)})).inspect(frame, taken_ns=frame.captured_monotonic_ns)
    assert isinstance(result.outcome, Decision)
    assert result.outcome.verdict is Verdict.REJECT
    assert result.part_id == "part-3"
    assert result.model == IDENTITY
    (record,) = result.frames
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


def test_a_verdict_past_the_deadline_is_none_and_keeps_what_was_found() -> None:
    frame = part(0, age_ms=1000)
    result = inspector_of(ScriptedDetector({0: defect(0.9)}), deadline_ms=500).inspect(frame, taken_ns=0)
    assert result.outcome == NoVerdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late", Verdict.REJECT)
    assert len(result.detections) == 1


def test_a_frame_is_late_after_its_deadline_and_not_on_it() -> None:
    inspector = inspector_of(ScriptedDetector(), deadline_ms=100)
    frame = part(0)
    assert not inspector.is_late(frame, frame.captured_monotonic_ns + 100_000_000)
    assert inspector.is_late(frame, frame.captured_monotonic_ns + 100_000_001)


def test_without_a_deadline_no_frame_is_late() -> None:
    frame = part(0)
    assert not inspector_of(ScriptedDetector()).is_late(frame, frame.captured_monotonic_ns + 10**15)


@pytest.mark.parametrize("fail_safe", list(Verdict))
def test_a_part_without_verdict_is_treated_as_the_policy_says(fail_safe: Verdict) -> None:
    model = Model(ScriptedDetector(), IDENTITY, ("scratch",), Policy(POLICY.classes, fail_safe=fail_safe))
    inspector = Inspector(model, station_path="a/b/c", camera="top", session="s", deadline_ms=None)
    result = inspector.without_verdict(damaged_part(4), NoVerdictCause.FRAME_DAMAGED, "half a frame")
    assert result.outcome == NoVerdict(NoVerdictCause.FRAME_DAMAGED, "half a frame", fail_safe)
    assert (result.part_id, result.frames[0].image_wh, len(result.detections)) == ("part-4", None, 0)


def test_an_id_is_the_same_with_and_without_verdict_and_differs_by_part_camera_and_session() -> None:
    frame = part(0)
    inspector = inspector_of(ScriptedDetector())
    own = inspector.inspect(frame, taken_ns=0).inspection_id
    assert inspector.without_verdict(frame, NoVerdictCause.STOPPED, "").inspection_id == own

    def other(camera: str, session: str, shown: Frame) -> str:
        model = inspector.model
        return (
            Inspector(model, station_path=TOPICS.station_path, camera=camera, session=session, deadline_ms=None)
            .inspect(shown, taken_ns=0)
            .inspection_id
        )

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
    assert len({inspector.inspect(frame, taken_ns=0).inspection_id for frame in frames}) == 100
