import json
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edge_inspector.alarms import ALARM_NAMES, Alarm, Severity
from edge_inspector.decision import NoVerdictCause
from edge_inspector.errors import InspectorError, ModelError, SinkError, SourceError
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.inspection import FrameFinding
from edge_inspector.pipeline import alarms, hanging
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.pipeline.options import Totals
from edge_inspector.topics import Channel
from tests.fakes import (
    FailingSink,
    ScriptedDetector,
    ScriptedSource,
    belt_frame,
    damaged_belt_frame,
    damaged_part,
    defect,
    part,
)
from tests.pipeline.line import (
    STARTED_AT,
    TOPICS,
    WRITER,
    Line,
    Running,
    assert_accounts_hold,
    causes,
    count,
    inspector_of,
    line,
    model_of,
    tracker_of,
)


def parts_of(results: list[dict[str, object]]) -> list[object]:
    return [result["part_id"] for result in results]


def no_verdict(cause: str, problem: str) -> dict[str, str]:
    return {"cause": cause, "problem": problem, "treated_as": "reject"}


def test_every_part_gets_one_result_in_order() -> None:
    finds = {3: defect(0.5), 5: defect(0.9)}
    flow = line(ScriptedSource(part(number) for number in range(50)), ScriptedDetector(finds))
    totals = flow.run()
    assert parts_of(flow.results()) == [f"part-{number}" for number in range(50)]
    outcomes = {number: result["outcome"] for number, result in enumerate(flow.results())}
    assert {number: name for number, name in outcomes.items() if name != "accept"} == {3: "review", 5: "reject"}
    assert_accounts_hold(flow, totals)
    assert totals.undelivered == {}


def test_only_parts_that_are_not_accepted_are_reported_as_defects() -> None:
    detector = ScriptedDetector({1: defect(0.5), 2: defect(0.9), 3: ModelError("broken")})
    flow = line(ScriptedSource(part(number) for number in range(5)), detector)
    flow.run()
    assert [event["subject"] for event in flow.documents(Channel.DEFECT)] == ["part-1", "part-2", "part-3"]


def test_a_damaged_frame_is_a_part_without_verdict_and_never_reaches_the_detector() -> None:
    flow = line(ScriptedSource([part(0), damaged_part(1), part(2)]))
    totals = flow.run()
    assert flow.detector.seen == [0, 2]
    assert flow.results()[1]["no_verdict"] == no_verdict("frame_damaged", "half a frame")
    assert flow.results()[1]["image_wh"] is None
    assert_accounts_hold(flow, totals)


@pytest.mark.parametrize("error", [ModelError("scores are not finite"), ZeroDivisionError("a defect of ours")])
def test_a_failing_inspection_costs_one_part_its_verdict_and_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    flow = line(ScriptedSource(part(number) for number in range(4)), ScriptedDetector({1: error}))
    totals = flow.run()
    assert [result["outcome"] for result in flow.results()] == ["accept", "no_verdict", "accept", "accept"]
    assert flow.results()[1]["no_verdict"] == no_verdict("inspection_failed", str(error))
    assert "inspection of fake failed" in caplog.text
    assert_accounts_hold(flow, totals)


def test_what_overflows_the_queue_is_reported_in_its_turn() -> None:
    detector = ScriptedDetector(held_up=True)
    source = ScriptedSource([part(0), detector.busy, *(part(number) for number in range(1, 10)), detector.gate.set])
    flow = line(source, detector, size=3, when_full=WhenFull.REFUSE)
    totals = flow.run()
    assert detector.seen == [0, 1, 2, 3]
    assert parts_of(flow.results()) == [f"part-{number}" for number in range(10)]
    assert [result["outcome"] for result in flow.results()] == ["accept"] * 4 + ["no_verdict"] * 6
    assert flow.results()[4]["no_verdict"] == no_verdict("queue_overflow", "3 frames were waiting already")
    assert_accounts_hold(flow, totals)


def test_a_source_that_can_wait_loses_nothing_to_a_slow_detector() -> None:
    detector = ScriptedDetector(work=lambda _: time.sleep(0.001))
    flow = line(ScriptedSource(part(number) for number in range(60)), detector, size=1)
    totals = flow.run()
    assert totals.frames.dropped == {}
    assert detector.seen == list(range(60))


def test_a_part_that_waited_past_its_deadline_is_not_inspected() -> None:
    flow = line(ScriptedSource([part(0), part(1, age_ms=60_000), part(2)]), deadline_ms=30_000)
    totals = flow.run()
    assert flow.detector.seen == [0, 2]
    assert causes(flow.results()) == {"deadline_missed": 1}
    assert totals.frames.dropped == {"deadline_missed": 1}
    assert_accounts_hold(flow, totals)


def test_a_verdict_that_comes_after_the_deadline_is_none_although_the_frame_was_inspected() -> None:
    detector = ScriptedDetector({0: defect(0.9)}, work=lambda _: time.sleep(1.6))
    flow = line(ScriptedSource([part(0)]), detector, deadline_ms=1500)
    totals = flow.run()
    assert detector.seen == [0]
    (result,) = flow.results()
    assert result["no_verdict"] == no_verdict("deadline_missed", "the verdict came too late")
    assert result["reasons"] == []
    assert (totals.frames.inspected, totals.frames.dropped) == (1, {})
    assert totals.parts.no_verdict == {"deadline_missed": 1}
    assert_accounts_hold(flow, totals)


def test_a_stop_in_the_middle_still_reports_every_part_that_was_captured() -> None:
    detector = ScriptedDetector(held_up=True)
    all_captured = threading.Event()
    source = ScriptedSource([*(part(number) for number in range(5)), all_captured.set], ends=False)
    flow = line(source, detector, size=8, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        assert all_captured.wait(30)
        assert detector.busy.wait(30)
        running.stop.set()
        detector.gate.set()
        totals = running.totals()
    assert {result["outcome"] for result in flow.results()} <= {"accept", "no_verdict"}
    assert set(causes(flow.results())) <= {"stopped"}
    assert_accounts_hold(flow, totals)


def test_a_stop_does_not_wait_for_a_detector_that_hangs_and_reports_its_part_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    detector = ScriptedDetector(held_up=True)
    all_captured = threading.Event()
    source = ScriptedSource([*(part(number) for number in range(5)), all_captured.set], ends=False)
    flow = line(source, detector, size=8, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        assert all_captured.wait(30)
        assert detector.busy.wait(30)
        running.stop.set()
        totals = running.totals()
    assert causes(flow.results()) == {"stopped": 5}
    assert_accounts_hold(flow, totals)
    assert "an inspection that does not end" in caplog.text
    detector.gate.set()
    (inspect_thread,) = [thread for thread in threading.enumerate() if thread.name == "inspect"]
    inspect_thread.join(30)
    assert len(flow.results()) == 5
    assert flow.pipeline.totals().frames == totals.frames


@pytest.mark.parametrize("wakes_after_s", [0.45, 0.55, 0.65])
def test_a_detector_that_wakes_during_the_stop_leaves_a_long_backlog_with_one_result_a_part(
    wakes_after_s: float,
) -> None:
    detector = ScriptedDetector(held_up=True)
    all_captured = threading.Event()
    source = ScriptedSource([*(part(number) for number in range(400)), all_captured.set], ends=False)
    flow = line(source, detector, size=200, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        assert all_captured.wait(30)
        assert detector.busy.wait(30)
        running.stop.set()
        waker = threading.Timer(wakes_after_s, detector.gate.set)
        waker.start()
        totals = running.totals()
        waker.join()
    assert set(causes(flow.results())) <= {"stopped", "queue_overflow"}
    assert causes(flow.results())["queue_overflow"] >= 199, "what overflowed before the stop is not called stopped"
    assert flow.documents(Channel.STATUS)[-1]["status"] == "stopped"
    assert_accounts_hold(flow, totals)


def test_a_person_hears_of_an_overflow_at_once_even_if_nothing_is_inspected_any_more() -> None:
    detector = ScriptedDetector(held_up=True)
    source = ScriptedSource([*(part(number) for number in range(9))], ends=False)
    flow = line(source, detector, size=2, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        alarm = flow.sink.wait_for(lambda message: b"no-verdict-queue-overflow" in message.payload)
        assert flow.results() == []
        running.stop.set()
        running.totals()
    detector.gate.set()
    assert json.loads(alarm.payload)["data"]["text"].endswith("(fake): the queue is full")


def test_an_inspection_that_does_not_end_is_an_alarm_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hanging, "_STUCK_S", 0.05)
    monkeypatch.setattr(alarms, "QUIET_S", 0.0)
    detector = ScriptedDetector(held_up=True)
    flow = line(ScriptedSource([part(7)], ends=False), detector)
    with Running(flow) as running:
        raised = flow.sink.wait_for(lambda message: b"inspection-stuck" in message.payload)
        detector.gate.set()
        flow.sink.wait_for(lambda message: b"alarm.cleared" in message.payload and b"stuck" in message.payload)
        running.stop.set()
        running.totals()
    assert "frame 7 (fake)" in json.loads(raised.payload)["data"]["text"]


def test_the_station_says_goodbye_whatever_becomes_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        msg = "broken"
        raise RuntimeError(msg)

    flow = line(ScriptedSource([part(0)]))
    monkeypatch.setattr(flow.pipeline._reports, "end", fail)
    with pytest.raises(InspectorError, match="the end of the flow: RuntimeError: broken"):
        flow.run()
    assert flow.documents(Channel.STATUS)[-1]["status"] == "stopped"
    assert flow.documents(Channel.STATE)[-1]["state"] == "Error"


def test_a_part_that_comes_back_is_inspected_again() -> None:
    again = replace(part(0), frame_id=100, captured_monotonic_ns=time.monotonic_ns() + 10**10)
    flow = line(ScriptedSource([part(0), part(1), again]), ScriptedDetector({100: defect(0.9)}))
    totals = flow.run()
    assert [(result["part_id"], result["outcome"]) for result in flow.results()] == [
        ("part-0", "accept"), ("part-1", "accept"), ("part-0", "reject"),
    ]  # fmt: skip
    assert totals.parts.seen == 3


def test_a_stop_reports_the_frame_of_a_source_that_was_held_up() -> None:
    detector = ScriptedDetector(held_up=True)
    source = ScriptedSource(part(number) for number in range(100))
    flow = line(source, detector, size=1, when_full=WhenFull.WAIT)
    with Running(flow) as running:
        assert detector.busy.wait(30)
        while len(source.delivered) < 3:  # one in hand, one waiting, one held up
            time.sleep(0.001)
        running.stop.set()
        totals = running.totals()
    detector.gate.set()
    assert totals.frames.captured == 3
    assert causes(flow.results()) == {"stopped": 3}
    assert_accounts_hold(flow, totals)


def test_a_source_that_is_slow_to_return_at_the_stop_is_still_accounted_for() -> None:
    stopping = threading.Event()
    source = ScriptedSource([part(0), stopping, lambda: time.sleep(0.25), part(1)])
    flow = line(source, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: message.topic == TOPICS.topic(Channel.RESULT))
        stopping.set()
        running.stop.set()
        totals = running.totals()
    assert [frame.frame_id for frame in source.delivered] == [0, 1]
    assert [result["outcome"] for result in flow.results()] == ["accept", "no_verdict"]
    assert_accounts_hold(flow, totals)


def test_the_newest_frame_of_a_free_running_camera_wins_and_the_others_are_counted() -> None:
    detector = ScriptedDetector(held_up=True)
    source = ScriptedSource(
        [belt_frame(0), detector.busy, belt_frame(1), belt_frame(2), belt_frame(3), detector.gate.set]
    )
    flow = line(source, detector, size=1, when_full=WhenFull.REPLACE)
    totals = flow.run()
    assert detector.seen == [0, 3]
    assert totals.frames.dropped == {"superseded": 2}
    assert [result["frames"][0]["frame_id"] for result in flow.results()] == [0, 3]
    assert sum(result["dropped_before"].get("superseded", 0) for result in flow.results()) == 2
    assert totals.parts.seen == 0
    assert_accounts_hold(flow, totals)


def test_a_stale_frame_is_dropped_with_that_cause_and_without_an_alarm() -> None:
    steps = [belt_frame(0, age_ms=10_000), belt_frame(1)]
    flow = line(ScriptedSource(steps), staleness_ms=5_000)
    totals = flow.run()
    assert flow.detector.seen == [1]
    assert totals.frames.dropped == {"stale": 1}
    assert flow.results()[0]["dropped_before"] == {"stale": 1}
    assert flow.alarms() == []
    assert_accounts_hold(flow, totals)


def test_a_triggered_part_is_never_dropped_as_stale() -> None:
    flow = line(ScriptedSource([part(0, age_ms=10_000)]), staleness_ms=1)
    flow.run()
    assert [result["outcome"] for result in flow.results()] == ["accept"]


def test_damaged_frames_of_a_free_running_camera_raise_one_alarm_that_names_the_frame() -> None:
    flow = line(ScriptedSource([damaged_belt_frame(0), damaged_belt_frame(1), belt_frame(2)]))
    totals = flow.run()
    (alarm,) = flow.alarms()
    assert alarm.topic.endswith("/alarm/no-verdict-frame-damaged")
    assert json.loads(alarm.payload)["data"]["text"] == "frame 0 (fake): half a frame"
    assert totals.frames.dropped == {"frame_damaged": 2}


def test_the_rate_of_published_results_hides_no_defect() -> None:
    finds = {4: defect(0.9), 5: defect(0.9), 6: defect(0.9)}
    source = ScriptedSource(belt_frame(number) for number in range(10))
    flow = line(source, ScriptedDetector(finds), tracker=tracker_of(), max_results_hz=1e-9)
    totals = flow.run()
    assert [result["frames"][0]["frame_id"] for result in flow.results()] == [0]
    assert [event["data"]["phase"] for event in flow.documents(Channel.DEFECT)] == ["new", "end"]
    assert totals.frames.inspected == 10


def test_the_rate_of_published_results_never_hides_a_part() -> None:
    flow = line(ScriptedSource(part(number) for number in range(10)), max_results_hz=1e-9)
    flow.run()
    assert len(flow.results()) == 10


def test_the_ledgers_add_up_at_any_moment_under_load_and_faults() -> None:
    chance = random.Random(7)
    finds = {number: ModelError("no") for number in range(1, 400, 4)} | {3: defect(0.9), 4: defect(0.5)}
    steps = [damaged_part(number) if number % 13 == 0 else part(number) for number in range(400)]
    paced = [step for item in steps for step in (item, lambda: time.sleep(chance.choice((0, 0, 0.001))))]
    detector = ScriptedDetector(finds, work=lambda number: time.sleep(0.001 if number % 3 else 0))
    flow = line(ScriptedSource(paced), detector, size=3, when_full=WhenFull.REFUSE)
    samples: list[Totals] = []
    ended = threading.Event()

    def sample(take: Callable[[], Totals]) -> None:
        while not ended.wait(0.0002):
            samples.append(take())

    sampler = threading.Thread(target=sample, args=(flow.pipeline.totals,), daemon=True)
    sampler.start()
    totals = flow.run()
    ended.set()
    sampler.join()
    assert len(samples) > 20
    assert all(moment.frames.adds_up and moment.parts.adds_up for moment in samples)
    assert [moment.frames.captured for moment in samples] == sorted(moment.frames.captured for moment in samples)
    assert set(totals.frames.dropped) == {"frame_damaged", "inspection_failed", "queue_overflow"}
    assert_accounts_hold(flow, totals)


def test_an_alarm_is_raised_once_however_often_its_reason_comes_back() -> None:
    flow = line(ScriptedSource([damaged_part(0), damaged_part(1), part(2), damaged_part(3)]))
    flow.run()
    (alarm,) = flow.alarms()
    event = json.loads(alarm.payload)
    assert event["type"] == "com.edgeinspector.alarm.raised.v1"
    assert event["data"]["text"] == "part part-0 (fake): half a frame"
    assert event["data"]["severity"] == "critical"


def test_an_alarm_is_cleared_after_quiet_and_taken_off_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "QUIET_S", 0.05)
    flow = line(ScriptedSource([damaged_part(0)], ends=False))
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b"alarm.cleared" in message.payload)
        running.stop.set()
        running.totals()
    raised, cleared, empty = flow.alarms()
    assert [json.loads(message.payload)["type"].split(".")[3] for message in (raised, cleared)] == ["raised", "cleared"]
    assert empty.payload == b""
    assert empty.delivery.retain
    assert len({message.topic for message in flow.alarms()}) == 1


def test_alarms_that_an_earlier_session_left_on_the_broker_are_taken_away_first() -> None:
    flow = line(ScriptedSource([damaged_part(0)]))
    flow.run()
    messages = [message for message in flow.sink.messages if "/alarm/" in message.topic]
    left, now = messages[: len(ALARM_NAMES)], messages[len(ALARM_NAMES) :]
    assert {message.topic.rpartition("/")[2] for message in left} == set(ALARM_NAMES)
    assert all(message.payload == b"" and message.delivery.retain for message in left)
    assert [message.topic.rpartition("/")[2] for message in now] == ["no-verdict-frame-damaged"]


def test_an_alarm_known_before_the_start_stands_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "QUIET_S", 0.0)
    known = Alarm("threshold-override-lapsed", Severity.WARNING, "Lapsed.", "Bind it.")
    flow = line(ScriptedSource([part(0)]), standing_alarms=(known,))
    flow.run()
    assert [message.topic.rpartition("/")[2] for message in flow.alarms()] == ["threshold-override-lapsed"]
    assert flow.documents(Channel.STATS)[-1]["alarms"] == ["threshold-override-lapsed"]


def test_a_source_that_fails_ends_the_run_after_everything_captured_was_reported() -> None:
    detector = ScriptedDetector(work=lambda _: time.sleep(0.005))
    flow = line(ScriptedSource([*(part(number) for number in range(6)), SourceError("the camera is gone")]), detector)
    with pytest.raises(SourceError, match="the camera is gone"):
        flow.run()
    assert [result["outcome"] for result in flow.results()] == ["accept"] * 6
    assert_accounts_hold(flow, flow.pipeline.totals())
    assert flow.documents(Channel.STATE)[-1]["state"] == "Error"
    assert flow.documents(Channel.STATE)[-1]["reason"] == "the camera is gone"
    assert flow.documents(Channel.CAMERA_STATUS)[-1] | {"last_frame_at": None} == {
        "status": "offline", "last_frame_at": None, "reason": "the camera is gone",
    }  # fmt: skip


def test_an_unexpected_exception_in_a_source_is_a_failed_source_and_no_clean_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flow = line(ScriptedSource([part(0), ZeroDivisionError("in the driver")]))
    with pytest.raises(SourceError, match="ZeroDivisionError: in the driver"):
        flow.run()
    assert parts_of(flow.results()) == ["part-0"]
    assert "the source failed" in caplog.text


class BrokenInspector(Inspector):
    def without_verdict(self, captured: Frame | DamagedFrame, cause: NoVerdictCause, problem: str) -> FrameFinding:
        msg = f"no result for {captured.frame_id}: {cause}, {problem}"
        raise RuntimeError(msg)


@pytest.mark.parametrize("behind", [0, 50], ids=["silent", "held-up"])
def test_a_defect_in_the_inspect_thread_is_no_clean_end_either(behind: int) -> None:
    detector = ScriptedDetector()
    inspector = BrokenInspector(
        model_of(detector), station_path=TOPICS.station_path, camera="top", session=WRITER.session
    )
    source = ScriptedSource([belt_frame(0), damaged_part(1), *map(belt_frame, range(2, 2 + behind))], ends=False)
    flow = line(source, detector, inspector=inspector, size=1)
    with pytest.raises(InspectorError, match="RuntimeError: no result for"):
        flow.run()
    assert flow.documents(Channel.STATE)[-1]["state"] == "Error"
    assert flow.pipeline.totals().frames.adds_up
    assert "capture" not in {thread.name for thread in threading.enumerate()}


def test_a_failing_sink_neither_stops_the_line_nor_silences_the_others() -> None:
    broken, strange = FailingSink(SinkError("no room")), FailingSink(ZeroDivisionError("defect"))
    flow = line(
        ScriptedSource(part(number) for number in range(20)), other_sinks={"broken": broken, "strange": strange}
    )
    totals = flow.run()
    assert len(flow.results()) == 20
    assert totals.undelivered == {"broken": broken.offered, "strange": strange.offered}
    assert broken.offered == len(flow.sink.messages)
    assert_accounts_hold(flow, totals)


def test_a_run_is_announced_and_closed_on_the_retained_topics() -> None:
    flow = line(ScriptedSource([part(0), part(1)]))
    flow.run()
    assert [document["status"] for document in flow.documents(Channel.STATUS)] == ["online", "stopped"]
    assert {document["session_started_at"] for document in flow.documents(Channel.STATUS)} == {
        STARTED_AT.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    }
    assert [document["state"] for document in flow.documents(Channel.STATE)] == [
        "Initialized", "ContinuousExecution", "Halted",
    ]  # fmt: skip
    assert [document["status"] for document in flow.documents(Channel.CAMERA_STATUS)] == ["online", "offline"]
    assert flow.documents(Channel.CAMERA_STATUS)[-1]["last_frame_at"] == flow.results()[1]["captured_at"]
    assert flow.sink.messages[0].topic == TOPICS.topic(Channel.STATUS)
    assert flow.sink.messages[-1].topic == TOPICS.topic(Channel.STATUS)
    assert [event["data"]["model"]["name"] for event in flow.documents(Channel.MODEL)] == ["fake"]


def test_a_source_that_never_delivered_leaves_the_station_initialized_then_halted() -> None:
    flow = line(ScriptedSource([]))
    flow.run()
    assert [document["state"] for document in flow.documents(Channel.STATE)] == ["Initialized", "Halted"]
    assert flow.documents(Channel.CAMERA_STATUS)[-1]["last_frame_at"] is None


def test_every_statistic_adds_up_and_the_last_one_agrees_with_source_and_sink() -> None:
    steps = [damaged_part(number) if number % 5 == 0 else part(number) for number in range(40)]
    detector = ScriptedDetector({7: ModelError("no")}, work=lambda _: time.sleep(0.01))
    flow = line(ScriptedSource(steps), detector, stats_interval_s=0.01)
    flow.run()
    documents = flow.documents(Channel.STATS)
    assert len(documents) > 2
    for document in documents:
        frames, parts = document["frames"], document["parts"]
        assert frames["captured"] == frames["inspected"] + sum(frames["dropped"].values()) + frames["in_flight"]
        assert parts["seen"] == sum(parts["outcomes"].values()) + parts["in_flight"]
        assert parts["outcomes"].get("no_verdict", 0) == sum(parts["no_verdict"].values())
        assert document["session"] == WRITER.session
    last = documents[-1]
    assert last["frames"]["captured"] == len(flow.source.delivered) == 40
    assert last["frames"]["inspected"] == len(flow.detector.seen) - 1
    assert last["parts"]["outcomes"] == count(result["outcome"] for result in flow.results())
    assert set(last["latency_ms"]) == {"queue", "preprocess", "inference", "postprocess", "decide", "total"}
    assert last["alarms"] == ["no-verdict-frame-damaged", "no-verdict-inspection-failed"]


def test_the_final_counts_are_readable(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    flow = line(ScriptedSource([damaged_part(0)]))
    assert str(flow.run().frames.dropped) == "{'frame_damaged': 1}"


def test_latencies_of_a_result_are_in_order_and_not_negative() -> None:
    flow = line(ScriptedSource([part(0, age_ms=50)]))
    flow.run()
    latency_ms = flow.results()[0]["latency_ms"]
    assert latency_ms["queue"] >= 50
    assert latency_ms["total"] >= latency_ms["queue"]
    assert all(value >= 0 for value in latency_ms.values())


def test_ids_are_unique_in_a_run_and_the_same_in_a_replay() -> None:
    frames = [part(number) for number in range(5)]
    first, second = line(ScriptedSource(frames)), line(ScriptedSource(frames))
    first.run()
    second.run()

    def ids(flow: Line) -> list[str]:
        return [result["inspection_id"] for result in flow.results()]

    assert ids(first) == ids(second)
    assert len(set(ids(first))) == 5


def test_a_stop_before_the_first_frame_ends_at_once() -> None:
    flow = line(ScriptedSource([part(0)], ends=False))
    stop = threading.Event()
    stop.set()
    totals = flow.pipeline.run(stop)
    assert totals.frames.captured == 0
    assert [document["status"] for document in flow.documents(Channel.STATUS)] == ["online", "stopped"]


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    line(ScriptedSource(part(number) for number in range(10)), inspector=inspector_of(ScriptedDetector())).run()
    assert set(threading.enumerate()) <= before
