import threading
from typing import Any

import pytest

from edge_inspector.alarms import RUNNING_DEGRADED, Alarm
from edge_inspector.errors import StuckError
from edge_inspector.pipeline import hanging
from edge_inspector.pipeline.options import Surroundings
from tests.fakes import PATIENCE_S, ScriptedDetector, ScriptedSource, defect, part
from tests.pipeline.line import Running, assert_accounts_hold, causes, line, model_of


def hangs_at(number: int) -> tuple[ScriptedDetector, threading.Event]:
    """Return a detector that does not come back from a frame until the event is set."""
    gate = threading.Event()

    def work(frame_id: int) -> None:
        if frame_id == number:
            assert gate.wait(PATIENCE_S)

    return ScriptedDetector({7: defect(0.9)}, work=work), gate


def test_an_inspection_that_hangs_ends_the_flow_where_a_supervisor_may_start_it_again() -> None:
    detector, gate = hangs_at(1)
    source = ScriptedSource([part(0), part(1), part(2)], ends=False)
    flow = line(source, detector, hangs_after_s=0.1, surroundings=Surroundings(may_exit=lambda: True))
    try:
        with pytest.raises(StuckError, match="does not end"):
            flow.pipeline.run(threading.Event())
    finally:
        gate.set()
    assert causes(flow.results()) == {"stopped": 2}
    assert_accounts_hold(flow, flow.pipeline.totals())


def test_where_it_may_not_end_it_runs_on_without_verdicts_and_with_them_once_the_inspection_is_through() -> None:
    detector, gate = hangs_at(1)
    more, last = threading.Event(), threading.Event()
    source = ScriptedSource([part(0), part(1), part(2), more, part(3), last, part(7)], ends=False)
    flow = line(source, detector, hangs_after_s=0.1)
    with Running(flow) as running:
        raised = flow.sink.wait_for(lambda message: b"running-degraded" in message.payload)
        assert b"without verdicts" in raised.payload
        flow.pipeline.swap_model(model_of(detector), lambda: None)  # the same one judges otherwise: it still hangs
        more.set()
        flow.sink.wait_for(lambda message: b'"part-3"' in message.payload)
        gate.set()
        flow.sink.wait_for(lambda m: b"running-degraded" in m.payload and b"alarm.cleared" in m.payload)
        last.set()
        flow.sink.wait_for(lambda message: b'"part-7"' in message.payload)
        running.stop.set()
        totals = running.totals()
    outcomes = {result["part_id"]: result["outcome"] for result in flow.results()}
    assert outcomes == {
        "part-0": "accept",
        "part-1": "no_verdict",
        "part-2": "no_verdict",
        "part-3": "no_verdict",
        "part-7": "reject",
    }
    assert causes(flow.results()) == {"inspection_failed": 3}
    assert 3 not in detector.seen
    assert_accounts_hold(flow, totals)


def test_an_inspection_that_comes_back_in_the_moment_it_is_replaced_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    hanging: list[threading.Thread] = []

    def work(frame_id: int) -> None:
        if frame_id == 1:
            hanging.append(threading.current_thread())
            assert gate.wait(PATIENCE_S)

    detector = ScriptedDetector({7: defect(0.9)}, work=work)
    flow = line(ScriptedSource([part(0), part(1), part(2), part(7)], ends=False), detector, hangs_after_s=0.1)
    alarms = flow.pipeline.alarms
    raise_ = alarms.raise_

    def come_back_first(alarm: Alarm, **more: Any) -> None:
        if alarm.name == RUNNING_DEGRADED:  # it hangs no more, and its frame has been taken from it
            gate.set()
            hanging[0].join(PATIENCE_S)
        raise_(alarm, **more)

    monkeypatch.setattr(alarms, "raise_", come_back_first)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b'"part-7"' in message.payload)
        flow.sink.wait_for(lambda m: b"running-degraded" in m.payload and b"alarm.cleared" in m.payload)
        running.stop.set()
        totals = running.totals()
    assert [result["outcome"] for result in flow.results()] == ["accept", "no_verdict", "accept", "reject"]
    assert_accounts_hold(flow, totals)


def test_a_degraded_station_ends_as_soon_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hanging, "_PERSIST_S", 0.2)
    answers = iter([False, False, True])
    detector, gate = hangs_at(0)
    flow = line(
        ScriptedSource([part(0)], ends=False),
        detector,
        hangs_after_s=0.1,
        surroundings=Surroundings(may_exit=lambda: next(answers)),
    )
    try:
        with pytest.raises(StuckError):
            flow.pipeline.run(threading.Event())
    finally:
        gate.set()
    assert next(answers, None) is None


def test_another_room_can_end_the_flow_and_what_was_captured_is_reported() -> None:
    flow = line(ScriptedSource([part(0)], ends=False))
    threads: list[threading.Thread] = []

    def give_up() -> None:
        flow.sink.wait_for(lambda message: b'"part-0"' in message.payload)
        flow.pipeline.give_up(StuckError("the journal does no work"))

    threads.append(threading.Thread(target=give_up))
    threads[0].start()
    with pytest.raises(StuckError, match="the journal does no work"):
        flow.pipeline.run(threading.Event())
    threads[0].join()
    assert_accounts_hold(flow, flow.pipeline.totals())
