"""When the results of a flow cannot be trusted, and why: what the reject gate goes by."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge_inspector.alarms import PLC_UNREACHABLE, TRIGGER_UNAVAILABLE
from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, SourceTrouble
from edge_inspector.frame import DropCause
from tests.fakes import PATIENCE_S, ScriptedDetector, ScriptedSource, Step, belt_frame, damaged_part, part
from tests.mosquitto import eventually
from tests.pipeline.line import Line, Running, line

NEVER_MS = 1e9


def becomes(running: Line, reason: str | None, *, longest_ms: float = NEVER_MS) -> None:
    eventually(lambda: running.pipeline.distrust(longest_ms) == reason, what=f"{reason}")


def test_a_station_that_starts_or_stops_is_not_trusted() -> None:
    go = threading.Event()
    running = line(ScriptedSource([go, part(0)], ends=False))
    assert running.pipeline.distrust(NEVER_MS) == "the station starts"
    with Running(running):
        becomes(running, "no frame has come yet")
        go.set()
        becomes(running, None)
    assert running.pipeline.distrust(NEVER_MS) == "the station stops"


def test_a_camera_that_is_away_is_not_trusted_until_it_is_back() -> None:
    gone, back, now = threading.Event(), threading.Event(), datetime.now(UTC)
    lost = CameraReport(CameraStatus.OFFLINE, now, "the cable", CameraFault.LOST)
    online = CameraReport(CameraStatus.ONLINE, now, "")
    running = line(ScriptedSource([part(0), gone, lost, back, online, part(1)], ends=False))
    with Running(running):
        becomes(running, None)
        gone.set()
        becomes(running, "the camera is offline: the cable")
        back.set()
        becomes(running, None)


@pytest.mark.parametrize("cause", [DropCause.FRAME_MISSING, DropCause.QUEUE_OVERFLOW])
def test_a_part_without_a_frame_does_not_bring_back_a_camera_that_is_away(cause: DropCause) -> None:
    gone = threading.Event()
    lost = CameraReport(CameraStatus.OFFLINE, datetime.now(UTC), "the cable", CameraFault.LOST)
    unseen = replace(damaged_part(1), cause=cause, problem="the camera is away")
    running = line(ScriptedSource([part(0), gone, lost, unseen], ends=False))
    with Running(running):
        becomes(running, None)
        gone.set()
        becomes(running, "the camera is offline: the cable")
        eventually(lambda: len(running.results()) == 2, what="the part's result")
        assert running.pipeline.distrust(NEVER_MS) == "the camera is offline: the cable"


def test_while_another_source_is_opened_parts_may_pass_unseen_until_its_camera_answers() -> None:
    there = threading.Event()
    waiting = CameraReport(CameraStatus.ONLINE, datetime.now(UTC), "waiting for a trigger", is_waiting=True)
    running = line(ScriptedSource([part(0)], ends=False))
    with Running(running):
        becomes(running, None)
        running.pipeline.swap_source(ScriptedSource([there, waiting], ends=False), close_old=lambda: None)
        becomes(running, "another source is opened")
        there.set()
        becomes(running, None)


def test_an_inspection_that_takes_too_long_is_not_trusted_while_it_lasts() -> None:
    detector = ScriptedDetector(held_up=True)
    running = line(ScriptedSource([part(0)], ends=False), detector)
    with Running(running):
        becomes(running, "an inspection is not done after 50 ms", longest_ms=50)
        assert running.pipeline.distrust(NEVER_MS) is None
        detector.gate.set()
        becomes(running, None, longest_ms=5000)


def test_a_part_that_has_waited_for_its_inspection_has_that_time_counted() -> None:
    detector = ScriptedDetector(held_up=True)
    running = line(ScriptedSource([part(0, age_ms=60_000)], ends=False), detector)
    with Running(running):
        becomes(running, "an inspection is not done after 50000 ms", longest_ms=50_000)
        detector.gate.set()
        becomes(running, None, longest_ms=50_000)


def test_a_frame_of_no_part_has_only_the_time_counted_that_it_is_looked_at() -> None:
    detector = ScriptedDetector(held_up=True)
    running = line(ScriptedSource([belt_frame(0, age_ms=30_000)], ends=False), detector)
    with Running(running):
        assert detector.busy.wait(PATIENCE_S)
        becomes(running, None, longest_ms=20_000)
        becomes(running, "an inspection is not done after 50 ms", longest_ms=50)
        detector.gate.set()


def test_of_a_part_of_several_frames_the_time_counts_from_the_first() -> None:
    detector = ScriptedDetector()
    second = replace(part(1), part_id="part-0", part_frame=1)
    block = threading.Event()
    running = line(ScriptedSource([part(0, age_ms=60_000), block, second], ends=False), detector, frames_per_part=2)
    with Running(running):
        eventually(lambda: running.pipeline.values()["frames"]["inspected"] == 1, what="the first frame")  # type: ignore[index,call-overload]
        detector.gate.clear()
        block.set()
        becomes(running, "an inspection is not done after 50000 ms", longest_ms=50_000)
        detector.gate.set()
        becomes(running, None, longest_ms=50_000)


def test_while_a_trigger_cannot_be_had_parts_may_pass_unseen_and_without_a_name_they_may_not() -> None:
    gone, back, now = threading.Event(), threading.Event(), datetime.now(UTC)
    trouble = SourceTrouble(TRIGGER_UNAVAILABLE, now, "no such line")
    nameless = SourceTrouble(PLC_UNREACHABLE, now, "no connection")
    steps: list[Step] = [part(0), nameless, gone, trouble, back, replace(trouble, is_over=True)]
    running = line(ScriptedSource(steps, ends=False))
    with Running(running):
        eventually(lambda: PLC_UNREACHABLE in str(running.pipeline.values()["alarms"]), what="the alarm")
        becomes(running, None)
        gone.set()
        becomes(running, "trigger-unavailable: no such line")
        back.set()
        becomes(running, None)
