"""Parts of three frames through the whole flow."""

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.topics import Channel
from tests.fakes import ScriptedDetector, ScriptedSource, damaged_part, defect, part
from tests.pipeline.line import Running, assert_accounts_hold, causes, count, line

Captured = Frame | DamagedFrame
FRAMES = 3


def frame_of(number: int, part_frame: int) -> Frame:
    return replace(part(number), frame_id=number * FRAMES + part_frame, part_frame=part_frame)


def whole_part(number: int) -> list[Frame]:
    return [frame_of(number, part_frame) for part_frame in range(FRAMES)]


def test_a_part_gets_one_result_that_names_all_of_its_frames() -> None:
    detector = ScriptedDetector({4: defect(0.9), 5: defect(0.5)})
    flow = line(ScriptedSource([*whole_part(0), *whole_part(1)]), detector, frames_per_part=FRAMES)
    totals = flow.run()
    assert [(result["part_id"], result["outcome"]) for result in flow.results()] == [
        ("part-0", "accept"), ("part-1", "reject"),
    ]  # fmt: skip
    assert [frame["outcome"] for frame in flow.results()[1]["frames"]] == ["accept", "reject", "review"]
    assert [box["part_frame"] for box in flow.results()[1]["detections"]] == [1, 2]
    assert len(flow.documents(Channel.DEFECT)) == 1
    assert (totals.frames.inspected, totals.parts.seen) == (6, 2)
    assert_accounts_hold(flow, totals)


def test_a_part_whose_last_frame_never_comes_closes_at_its_deadline_while_the_line_stands_still() -> None:
    source = ScriptedSource([frame_of(0, 0), frame_of(0, 1)], ends=False)
    flow = line(source, frames_per_part=FRAMES, deadline_ms=1000, when_full=WhenFull.REFUSE)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b"deadline_missed" in message.payload)
        running.stop.set()
        totals = running.totals()
    assert causes(flow.results()) == {"deadline_missed": 1}
    assert flow.results()[0]["frames_total"] == 2
    assert totals.parts.in_flight == 0
    assert flow.results()[0]["latency_ms"]["total"] >= 900, "from the last capture to the outcome"


def test_a_stop_closes_the_part_that_waits() -> None:
    all_captured = threading.Event()
    flow = line(ScriptedSource([frame_of(0, 0), all_captured.set], ends=False), frames_per_part=FRAMES)
    with Running(flow) as running:
        assert all_captured.wait(30)
        running.stop.set()
        totals = running.totals()
    assert causes(flow.results()) == {"stopped": 1}
    assert_accounts_hold(flow, totals)


def test_a_source_that_ends_leaves_its_last_part_without_the_missing_frame() -> None:
    flow = line(ScriptedSource([frame_of(0, 0), frame_of(0, 2)]), frames_per_part=FRAMES)
    totals = flow.run()
    assert causes(flow.results()) == {"frame_missing": 1}
    assert [message.topic.rpartition("/")[2] for message in flow.alarms()] == ["no-verdict-frame-missing"]
    assert_accounts_hold(flow, totals)


def test_a_frame_that_overflows_the_queue_costs_its_part_the_verdict_and_no_other_its_order() -> None:
    detector = ScriptedDetector(held_up=True)
    steps = [frame_of(0, 0), detector.busy, *whole_part(0)[1:], *whole_part(1), detector.gate.set]
    flow = line(ScriptedSource(steps), detector, size=3, when_full=WhenFull.REFUSE, frames_per_part=FRAMES)
    totals = flow.run()
    assert [(result["part_id"], result["outcome"]) for result in flow.results()] == [
        ("part-0", "accept"), ("part-1", "no_verdict"),
    ]  # fmt: skip
    assert causes(flow.results()) == {"queue_overflow": 1}
    assert [frame.get("cause") for frame in flow.results()[1]["frames"]] == [None, "queue_overflow", "queue_overflow"]
    assert_accounts_hold(flow, totals)


@pytest.mark.parametrize("parts", [1_000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_parts_with_lost_late_damaged_and_double_frames_get_one_outcome_each_in_order(parts: int) -> None:
    captured = list(faulty_line(parts, random.Random(11)))
    finds = {item.frame_id: defect(0.9) for item in captured if item.frame_id % 200 == 0}
    flow = line(ScriptedSource(captured), ScriptedDetector(finds), size=64, frames_per_part=FRAMES)
    totals = flow.run()
    results = [(result["part_id"], verdict_of(result)) for result in flow.results()]
    assert len(results) == parts
    assert results == expected(captured, rejected=set(finds))
    fates = count(fate for _, fate in results)
    assert min(fates[fate] for fate in ("accept", "reject", "frame_missing", "frame_damaged")) > parts // 100
    dropped = totals.frames.dropped
    assert min(dropped[cause] for cause in ("frame_late", "frame_duplicate", "frame_damaged")) > parts // 50
    assert_accounts_hold(flow, totals)


def verdict_of(result: dict[str, object]) -> object:
    no_verdict = result.get("no_verdict")
    return no_verdict["cause"] if isinstance(no_verdict, dict) else result["outcome"]


def faulty_line(parts: int, chance: random.Random) -> Iterator[Captured]:
    """Play a camera of which frames get lost, come twice, damaged, or only while the next part is there."""
    late: list[Captured] = []
    for number in range(parts):
        came = [frame for frame in whole_part(number) if chance.random() > 0.02]
        in_time: list[Captured] = []
        for frame in came:
            luck = chance.random()
            if luck < 0.02 and in_time:
                late.append(frame)
            elif luck < 0.04:
                in_time.extend([frame, frame])
            elif luck < 0.06:
                broken = damaged_part(number)
                in_time.append(replace(broken, frame_id=frame.frame_id, part_frame=frame.part_frame))
            else:
                in_time.append(frame)
        # A trigger that brings no frame at all is known to the source that gave it.
        first, *others = in_time or [replace(damaged_part(number), frame_id=number * FRAMES)]
        yield first
        if late and late[0].part_id != first.part_id:
            yield late.pop(0)
        yield from others


def expected(captured: Sequence[Captured], *, rejected: set[int]) -> list[tuple[str, str]]:
    """Return parts and their fate by another way: a part has the frames of its first run without another part's."""
    done: set[str] = set()
    runs = []
    in_order = [item for item in captured if item.part_id is not None]
    # A late frame interrupts the run of the part that is open, but does not end it.
    for item in in_order:
        if item.part_id in done:
            continue
        if runs and runs[-1][0] == item.part_id:
            runs[-1][1].append(item)
        else:
            done.update(part_id for part_id, _ in runs)
            runs.append((item.part_id, [item]))
    return [(part_id, fate(frames, rejected)) for part_id, frames in runs]


def fate(frames: Sequence[Captured], rejected: set[int]) -> str:
    first_of_each = {frame.part_frame: frame for frame in reversed(frames)}
    whole = [frame for frame in first_of_each.values() if isinstance(frame, Frame)]
    if any(frame.frame_id in rejected for frame in whole):
        return "reject"
    if len(whole) < len(first_of_each):
        return "frame_damaged"
    return "accept" if len(whole) == FRAMES else "frame_missing"
