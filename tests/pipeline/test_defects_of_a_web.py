"""Defects of a continuous web, through the whole flow, and the stretches that nobody looked at."""

import threading
from dataclasses import replace
from typing import Any

from edge_inspector.detections import Detections
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.geometry import as_boxes
from edge_inspector.inspection import InspectionResult
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.pipeline.options import Surroundings
from edge_inspector.topics import Channel
from edge_inspector.tracks import TrackOptions, WebTracker
from edge_inspector.web import WebPlace
from tests.fakes import IMAGE_WH, ScriptedDetector, ScriptedSource, Step, belt_frame, defect
from tests.pipeline.line import POLICY, TOPICS, Line, Running, assert_accounts_hold, line

HEIGHT = IMAGE_WH[1]
STEP = HEIGHT - 16


def web_frame(number: int, *, ends: bool = False, roll: str = "roll-1") -> Frame:
    first = number * STEP
    return replace(belt_frame(number), web=WebPlace(roll, first, HEIGHT, first * 0.5, 0.5, ends_roll=ends))


def lost(number: int, *, ends: bool = False) -> DamagedFrame:
    return DamagedFrame.of(web_frame(number, ends=ends), "3 packets are missing", DropCause.FRAME_DAMAGED)


def web_line(steps: list[Step], detector: ScriptedDetector, **more: Any) -> Line:
    tracker = WebTracker(("scratch",), POLICY, TrackOptions(), overlap_lines=16)
    return line(ScriptedSource(steps), detector, tracker=tracker, size=2, **more)


def in_the_overlap(y: float, confidence: float = 0.9) -> Detections:
    found = defect(confidence)
    return replace(found, xyxy=as_boxes([[8, y, 24, y + 8]]))


def test_a_defect_on_a_seam_is_one_event_with_its_place_on_the_frame_that_shows_it() -> None:
    finds = {1: in_the_overlap(36), 2: in_the_overlap(4, 0.8)}
    flow = web_line([web_frame(number) for number in range(5)], ScriptedDetector(finds))
    totals = flow.run()
    (event,) = [event["data"] for event in flow.documents(Channel.DEFECT)]
    assert (event["phase"], event["outcome"], event["track"]["frames"]) == ("new", "reject", 2)
    place = {"roll": "roll-1", "lines": [STEP + 36, STEP + 44], "mm": [34.0, 38.0], "uncounted": 0}
    assert event["web"] == {**place, "across_px": [8.0, 24.0], "goes_on": False}
    assert (event["frames"][0]["frame_id"], event["track"]["xyxy"]) == (1, [8.0, 36.0, 24.0, 44.0])
    assert [result["web"]["lines"] for result in flow.results()] == [[n * STEP, n * STEP + HEIGHT] for n in range(5)]
    assert_accounts_hold(flow, totals)
    assert not any("web-not-inspected" in message.topic for message in flow.alarms())


def test_the_end_of_a_roll_holds_nothing_back() -> None:
    told = threading.Event()
    steps: list[Step] = [web_frame(0), web_frame(1, ends=True), told, web_frame(0, roll="roll-2")]
    flow = web_line(steps, ScriptedDetector({1: in_the_overlap(36)}))
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: message.topic == TOPICS.topic(Channel.DEFECT))  # before the next roll begins
        told.set()
        running.totals()
    (event,) = [event["data"] for event in flow.documents(Channel.DEFECT)]
    assert event["web"]["roll"] == "roll-1"


def test_lines_that_nobody_looked_at_are_a_result_without_a_verdict_and_an_alarm_that_names_them() -> None:
    flow = web_line([web_frame(0), lost(1), web_frame(2), lost(3, ends=True)], ScriptedDetector())
    totals = flow.run()
    outcomes = [(result["outcome"], result["web"]["lines"]) for result in flow.results()]
    assert [outcome for outcome, _ in outcomes] == ["accept", "no_verdict", "accept", "no_verdict"]
    assert outcomes[1][1] == [STEP, STEP + HEIGHT]
    (alarm,) = [message for message in flow.alarms() if message.topic.endswith("/web-not-inspected")]
    # The frames beside it have seen its overlaps.
    assert f"lines {HEIGHT} to {2 * STEP} (24.0 to 32.0 mm) of roll roll-1" in alarm.payload.decode()
    assert totals.frames.dropped == {"frame_damaged": 2}
    assert_accounts_hold(flow, totals)


class Gate:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.captured_ns: list[int] = []

    def take(self, result: InspectionResult, *, captured_monotonic_ns: int) -> None:
        self.outcomes.append(result.outcome_name)
        self.captured_ns.append(captured_monotonic_ns)


def test_a_lost_frame_at_the_end_of_a_roll_holds_no_defect_back_from_people_and_gate() -> None:
    gate = Gate()
    steps: list[Step] = [web_frame(0), lost(1, ends=True)]
    flow = web_line(steps, ScriptedDetector({0: in_the_overlap(36)}), surroundings=Surroundings(gate=gate))
    flow.run()
    (event,) = [event["data"] for event in flow.documents(Channel.DEFECT)]
    assert event["frames"][0]["frame_id"] == 0
    assert gate.outcomes == ["reject"]


def test_the_gate_goes_by_the_frame_that_shows_a_defect_though_it_is_told_with_the_next_or_at_the_end() -> None:
    gate, frames = Gate(), [web_frame(number) for number in range(4)]
    finds = {1: in_the_overlap(36), 3: in_the_overlap(40)}
    flow = web_line([*frames], ScriptedDetector(finds), surroundings=Surroundings(gate=gate))
    flow.run()
    assert gate.captured_ns == [frames[number].captured_monotonic_ns for number in (1, 3)]


def test_what_overflows_is_told_with_its_lines() -> None:
    detector = ScriptedDetector(held_up=True)
    steps: list[Step] = [web_frame(0), detector.busy, *(web_frame(number) for number in range(1, 6)), detector.gate.set]
    flow = web_line(steps, detector, when_full=WhenFull.REFUSE)
    totals = flow.run()
    causes = [result.get("no_verdict", {}).get("cause") for result in flow.results()]
    assert causes == [None, None, None, *["queue_overflow"] * 3]
    (alarm,) = [message for message in flow.alarms() if message.topic.endswith("/web-not-inspected")]
    assert f"lines {2 * STEP + HEIGHT} to {5 * STEP + HEIGHT}" in alarm.payload.decode()
    assert totals.frames.dropped == {"queue_overflow": 3}
    assert_accounts_hold(flow, totals)
