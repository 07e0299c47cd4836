"""What a station says while its camera comes and goes."""

import json
from datetime import UTC, datetime
from typing import Any

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped, SourceTrouble
from edge_inspector.frame import DropCause
from edge_inspector.topics import Channel
from tests.fakes import ScriptedSource, belt_frame
from tests.pipeline.line import Line, line

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOST = CameraReport(CameraStatus.OFFLINE, AT, "rtsp://camera: connection refused", CameraFault.LOST)
FROZEN = CameraReport(CameraStatus.DEGRADED, AT, "the same picture for 5 s", CameraFault.FROZEN)
BACK = CameraReport(CameraStatus.ONLINE, AT, "back after 4.2 s", away_s=4.2)
WAITS = CameraReport(CameraStatus.ONLINE, AT, "waiting for a trigger", is_waiting=True)


def states(flow: Line) -> list[tuple[str, str | None]]:
    return [(document["state"], document["reason"]) for document in flow.documents(Channel.STATE)]


def cameras(flow: Line) -> list[tuple[str, str | None]]:
    return [(document["status"], document["reason"]) for document in flow.documents(Channel.CAMERA_STATUS)]


def alarm_events(flow: Line) -> list[tuple[str, str, str]]:
    events: list[dict[str, Any]] = [json.loads(message.payload) for message in flow.alarms() if message.payload]
    return [(event["type"].split(".")[3], event["data"]["name"], event["data"]["text"]) for event in events]


def test_a_camera_that_is_missing_at_the_start_leaves_a_station_that_says_so_and_starts_with_its_first_frame() -> None:
    flow = line(ScriptedSource([LOST, BACK, belt_frame(0)]))
    totals = flow.run()
    assert states(flow) == [
        ("Initialized", "waiting for the first frame"),
        ("Error", "camera lost: rtsp://camera: connection refused"),
        ("ContinuousExecution", None),
        ("Halted", None),
    ]
    assert cameras(flow) == [
        ("offline", "rtsp://camera: connection refused"), ("online", "back after 4.2 s"), ("offline", None),
    ]  # fmt: skip
    assert totals.frames.inspected == 1


def test_an_outage_is_an_alarm_that_is_cleared_with_its_length() -> None:
    flow = line(ScriptedSource([belt_frame(0), LOST, BACK, belt_frame(1)]))
    flow.run()
    assert alarm_events(flow) == [
        ("raised", "camera-lost", "rtsp://camera: connection refused"),
        ("cleared", "camera-lost", "back after 4.2 s"),
    ]
    assert flow.alarms()[-1].payload == b""
    last = flow.documents(Channel.STATS)[-1]
    assert last["camera"] == {"status": "online", "outages": 1, "away_s": 4.2}
    assert last["alarms"] == []


def test_the_alarm_of_an_outage_stands_however_long_it_lasts_and_says_it_anew_when_its_reason_changes() -> None:
    other = CameraReport(CameraStatus.OFFLINE, AT, "401 unauthorized", CameraFault.LOST)
    flow = line(ScriptedSource([LOST, LOST, other]))
    flow.run()
    assert [text for _, _, text in alarm_events(flow)] == ["rtsp://camera: connection refused", "401 unauthorized"]
    assert flow.documents(Channel.STATS)[-1]["alarms"] == ["camera-lost"]


def test_a_frozen_camera_that_is_lost_then_is_no_longer_frozen() -> None:
    flow = line(ScriptedSource([belt_frame(0), FROZEN, LOST, BACK]))
    flow.run()
    assert [event[:2] for event in alarm_events(flow)] == [
        ("raised", "camera-frozen"),
        ("cleared", "camera-frozen"),
        ("raised", "camera-lost"),
        ("cleared", "camera-lost"),
    ]
    assert flow.documents(Channel.STATS)[-1]["camera"]["outages"] == 1


def test_frames_that_the_source_passed_over_are_in_the_ledger() -> None:
    flow = line(ScriptedSource([Skipped(DropCause.STALE, 28), belt_frame(0), Skipped(DropCause.FROZEN, 3)]))
    totals = flow.run()
    assert totals.frames.captured == 32
    assert totals.frames.dropped == {"stale": 28, "frozen": 3}
    assert totals.frames.adds_up
    assert flow.results()[0]["dropped_before"]["stale"] == 28


def test_a_source_that_ends_while_its_camera_is_away_leaves_the_reason_on_the_broker() -> None:
    flow = line(ScriptedSource([belt_frame(0), LOST]))
    flow.run()
    assert cameras(flow)[-1] == ("offline", "rtsp://camera: connection refused")


def test_a_frame_shows_that_the_camera_is_back_even_if_the_source_did_not_say_so() -> None:
    flow = line(ScriptedSource([belt_frame(0), LOST, belt_frame(1)]))
    flow.run()
    assert [event[:2] for event in alarm_events(flow)] == [("raised", "camera-lost"), ("cleared", "camera-lost")]
    assert states(flow)[-2:] == [("ContinuousExecution", None), ("Halted", None)]


def test_a_camera_that_waits_for_its_trigger_makes_a_station_that_is_ready_and_not_one_in_error() -> None:
    flow = line(ScriptedSource([WAITS, belt_frame(0), LOST, WAITS, belt_frame(1)]))
    flow.run()
    assert states(flow) == [
        ("Initialized", "waiting for the first frame"),
        ("Ready", "waiting for a trigger"),
        ("ContinuousExecution", None),
        ("Error", "camera lost: rtsp://camera: connection refused"),
        ("Ready", "waiting for a trigger"),
        ("ContinuousExecution", None),
        ("Halted", None),
    ]
    assert cameras(flow)[:2] == [("online", "waiting for a trigger"), ("online", None)]
    assert [event[:2] for event in alarm_events(flow)] == [("raised", "camera-lost"), ("cleared", "camera-lost")]
    assert flow.documents(Channel.STATS)[-1]["camera"]["status"] == "online"


def test_a_trouble_of_the_trigger_is_an_alarm_until_it_is_over() -> None:
    trouble = SourceTrouble("plc-unreachable", AT, "PLC 10.0.0.1:502: no connection")
    over = SourceTrouble("plc-unreachable", AT, "the PLC answers", is_over=True)
    flow = line(ScriptedSource([over, trouble, belt_frame(0), over]))
    flow.run()
    assert alarm_events(flow) == [
        ("raised", "plc-unreachable", "PLC 10.0.0.1:502: no connection"),
        ("cleared", "plc-unreachable", "the PLC answers"),
    ]


def test_triggers_that_were_lost_are_an_alarm_that_is_over_when_it_is_quiet() -> None:
    lost = SourceTrouble("trigger-lost", AT, "8 triggers were waiting already", lasts=False)
    flow = line(ScriptedSource([lost, lost, belt_frame(0)]))
    flow.run()
    assert [event[:2] for event in alarm_events(flow)] == [("raised", "trigger-lost")]
