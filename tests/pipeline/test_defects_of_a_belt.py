"""Defects that pass a free-running camera, through the whole flow."""

import threading
from typing import Any

from edge_inspector.topics import Channel
from tests.fakes import ScriptedDetector, ScriptedSource, belt_frame, damaged_belt_frame, defect
from tests.pipeline.line import Line, Running, assert_accounts_hold, line, tracker_of


def told(flow: Line) -> list[tuple[str, str, int]]:
    events: list[dict[str, Any]] = [event["data"] for event in flow.documents(Channel.DEFECT)]
    return [(event["phase"], event["outcome"], event["track"]["frames"]) for event in events]


def test_a_defect_that_passes_is_told_when_it_comes_gets_worse_and_goes() -> None:
    finds = {2: defect(0.5), 3: defect(0.5), 4: defect(0.9), 5: defect(0.9)}
    source = ScriptedSource(belt_frame(number) for number in range(20))
    flow = line(source, ScriptedDetector(finds), tracker=tracker_of())
    totals = flow.run()
    assert told(flow) == [("new", "review", 2), ("update", "reject", 3), ("end", "reject", 4)]
    assert len({event["data"]["track_id"] for event in flow.documents(Channel.DEFECT)}) == 1
    assert len({message.id for message in flow.on(Channel.DEFECT)}) == 3
    assert [result["outcome"] for result in flow.results()].count("accept") == 16
    assert_accounts_hold(flow, totals)


def test_a_glitch_on_one_frame_is_a_result_but_no_alert() -> None:
    source = ScriptedSource(belt_frame(number) for number in range(10))
    flow = line(source, ScriptedDetector({4: defect(0.9)}), tracker=tracker_of())
    flow.run()
    assert told(flow) == []
    assert flow.results()[4]["outcome"] == "reject"


def test_a_damaged_frame_does_not_end_a_track() -> None:
    steps = [belt_frame(0), belt_frame(1), damaged_belt_frame(2), belt_frame(3), *map(belt_frame, range(4, 14))]
    flow = line(ScriptedSource(steps), ScriptedDetector(dict.fromkeys((0, 1, 3), defect(0.9))), tracker=tracker_of())
    flow.run()
    assert told(flow) == [("new", "reject", 2), ("end", "reject", 3)]


def test_a_defect_in_sight_at_the_stop_ends_with_it() -> None:
    all_seen = threading.Event()
    detector = ScriptedDetector({0: defect(0.9), 1: defect(0.9)}, work=lambda number: number == 2 and all_seen.set())
    flow = line(ScriptedSource(map(belt_frame, range(3)), ends=False), detector, tracker=tracker_of())
    with Running(flow) as running:
        assert all_seen.wait(30)
        running.stop.set()
        running.totals()
    assert [phase for phase, _, _ in told(flow)] == ["new", "end"]


def test_without_a_tracker_the_results_stand_alone() -> None:
    flow = line(ScriptedSource(map(belt_frame, range(5))), ScriptedDetector(dict.fromkeys(range(5), defect(0.9))))
    flow.run()
    assert [result["outcome"] for result in flow.results()] == ["reject"] * 5
    assert flow.on(Channel.DEFECT) == []
