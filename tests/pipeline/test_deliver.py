import json
import math
import threading
import time

import pytest

from edge_inspector.errors import SinkError
from edge_inspector.inspection import InspectionResult
from edge_inspector.parts import ClosedPart
from edge_inspector.pipeline.deliver import Deliverer, Losses
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.fakes import FailingSink, RecordingSink, ScriptedDetector, StuckSink, defect, part
from tests.logged import warnings_in
from tests.pipeline.line import TOPICS, WRITER, inspector_of

LONG_S = 30.0


def message(number: int) -> Message:
    return Message(TOPICS.topic(Channel.MODEL), str(number).encode(), CATALOGUE[Channel.MODEL])


def result(number: int, confidence: float | None = None) -> InspectionResult:
    finds = {} if confidence is None else {number: defect(confidence)}
    frame = part(number)
    inspector = inspector_of(ScriptedDetector(finds))
    finding = inspector.inspect(frame, taken_ns=frame.captured_monotonic_ns)
    part_id = f"part-{number}"
    return inspector.result_of_part(
        ClosedPart(part_id, frame.captured_monotonic_ns, time.monotonic_ns(), (finding,), finding.record.outcome)
    )


def test_messages_reach_every_sink_in_order() -> None:
    sinks = {"first": RecordingSink(), "second": RecordingSink()}
    deliverer = Deliverer(WRITER, sinks, queue_size=100)
    deliverer.start()
    for number in range(50):
        deliverer.put(message(number))
    deliverer.close(LONG_S)
    for sink in sinks.values():
        assert [m.payload for m in sink.messages] == [str(number).encode() for number in range(50)]
    assert deliverer.undelivered() == {}


def test_a_result_becomes_its_events_on_the_deliver_thread() -> None:
    sink = RecordingSink()
    deliverer = Deliverer(WRITER, {"sink": sink}, queue_size=10)
    deliverer.put(result(0))
    deliverer.put(result(1, 0.9))
    deliverer.start()
    deliverer.close(LONG_S)
    kinds = [json.loads(m.payload)["type"].removeprefix("com.edgeinspector.") for m in sink.messages]
    assert kinds == ["inspection.completed.v1", "defect.detected.v1", "inspection.completed.v1"]


@pytest.mark.parametrize("error", [SinkError("not now"), ZeroDivisionError("a defect of the sink")])
def test_a_failing_sink_does_not_silence_the_others(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    failing, after = FailingSink(error), RecordingSink()
    deliverer = Deliverer(WRITER, {"failing": failing, "after": after}, queue_size=100)
    deliverer.start()
    for number in range(20):
        deliverer.put(message(number))
    deliverer.close(LONG_S)
    assert len(after.messages) == 20
    assert deliverer.undelivered() == {"failing": 20}
    (line,) = warnings_in(caplog)  # one, not twenty
    assert "not delivered: failing" in line
    assert str(error) in line


def test_a_full_queue_never_blocks_and_what_does_not_fit_is_counted() -> None:
    sink = StuckSink()
    deliverer = Deliverer(WRITER, {"stuck": sink}, queue_size=3)
    deliverer.start()
    deliverer.put(message(0))
    assert sink.busy.wait(LONG_S)
    for number in range(1, 11):
        deliverer.put(result(number))
    assert deliverer.undelivered() == {"deliver_queue_full": 7}
    sink.gate.set()
    deliverer.close(LONG_S)
    assert deliverer.undelivered() == {"deliver_queue_full": 7}


def test_results_leave_room_for_what_the_station_says_of_itself_but_not_without_end() -> None:
    sink = StuckSink()
    deliverer = Deliverer(WRITER, {"stuck": sink}, queue_size=3)
    for number in range(5):
        deliverer.put(result(number))
    for number in range(150):
        deliverer.put(message(number))
    assert deliverer.undelivered() == {"deliver_queue_full": 2 + 50}
    sink.gate.set()
    deliverer.start()
    deliverer.close(LONG_S)


def test_a_result_that_cannot_be_written_is_counted_and_costs_no_other() -> None:
    sink = RecordingSink()
    broken = result(0)
    broken = InspectionResult(
        broken.inspection_id, broken.part_id, broken.frames, broken.detections, broken.class_names, broken.outcome,
        broken.model, {"total": math.nan},
    )  # fmt: skip
    deliverer = Deliverer(WRITER, {"sink": sink}, queue_size=10)
    deliverer.start()
    deliverer.put(broken)
    deliverer.put(result(1))
    deliverer.close(LONG_S)
    assert [json.loads(m.payload)["subject"] for m in sink.messages] == ["part-1"]
    assert deliverer.undelivered() == {"unwritable": 1}


def test_close_does_not_wait_for_a_stuck_sink_and_counts_what_is_left() -> None:
    sink = StuckSink()
    deliverer = Deliverer(WRITER, {"stuck": sink}, queue_size=10)
    deliverer.start()
    deliverer.put(message(0))
    assert sink.busy.wait(LONG_S)
    for number in range(1, 5):
        deliverer.put(message(number))
    deliverer.close(0.05)
    assert deliverer.undelivered() == {"stopped": 4}
    sink.gate.set()


def test_close_does_not_wait_for_room_in_a_full_queue_either() -> None:
    sink = StuckSink()
    deliverer = Deliverer(WRITER, {"stuck": sink}, queue_size=2)
    deliverer.start()
    deliverer.put(message(0))
    assert sink.busy.wait(LONG_S)
    for number in range(1, 3):
        deliverer.put(message(number))
    deliverer.close(0.05)
    assert deliverer.undelivered() == {"stopped": 2}
    sink.gate.set()


def test_what_comes_after_close_is_counted_and_not_kept() -> None:
    sink = RecordingSink()
    deliverer = Deliverer(WRITER, {"sink": sink}, queue_size=10)
    deliverer.start()
    deliverer.close(LONG_S)
    deliverer.put(message(0))
    assert sink.messages == []
    assert deliverer.undelivered() == {"stopped": 1}


def test_every_message_is_delivered_or_counted_when_threads_put_during_close() -> None:
    sink = RecordingSink()
    deliverer = Deliverer(WRITER, {"sink": sink}, queue_size=100)
    deliverer.start()
    go = threading.Event()

    def put() -> None:
        go.wait()
        for number in range(300):
            deliverer.put(message(number))

    threads = [threading.Thread(target=put) for _ in range(3)]
    for thread in threads:
        thread.start()
    go.set()
    deliverer.close(LONG_S)
    for thread in threads:
        thread.join()
    assert len(sink.messages) + sum(deliverer.undelivered().values()) == 900


def test_sinks_that_find_out_later_count_in_the_same_book() -> None:
    losses = Losses()
    deliverer = Deliverer(WRITER, {}, queue_size=10, losses=losses)
    losses.add("mqtt_queue_full", "a newer one came", 3)
    assert deliverer.undelivered() == {"mqtt_queue_full": 3}
