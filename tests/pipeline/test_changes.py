"""What may change while a flow runs: model and policy between two parts, and the source."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace

from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, InspectionResult, ModelIdentity
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.options import FlowOptions, Surroundings
from edge_inspector.topics import Channel
from edge_inspector.tracks import TrackOptions
from tests.fakes import (
    ScriptedDetector,
    ScriptedSource,
    Step,
    belt_frame,
    damaged_belt_frame,
    damaged_part,
    defect,
    part,
)
from tests.pipeline.line import TOPICS, WRITER, Running, assert_accounts_hold, line, model_of, tracker_of

OPTIONS = FlowOptions(HandoverOptions(4, WhenFull.WAIT), staleness_ms=60_000)


class Keeper:
    """Keeps what it is offered."""

    def __init__(self, key: str | None = "samples/one.jpg") -> None:
        self.offers: list[tuple[InspectionResult, tuple[Frame, ...]]] = []
        self._key = key

    def consider(self, result: InspectionResult, frames: Sequence[Frame], *, is_news: bool = True) -> str | None:
        if not is_news:
            return None
        self.offers.append((result, tuple(frames)))
        return self._key

    def frame_ids(self) -> list[list[int]]:
        return [[frame.frame_id for frame in frames] for _, frames in self.offers]


def judging_by(detector: ScriptedDetector, policy: Policy) -> Model:
    """Return the model of the line, and another policy."""
    return replace(model_of(detector), policy=policy)


def test_another_policy_judges_from_the_next_part_on_and_it_is_still_the_same_model() -> None:
    go = threading.Event()
    detector = ScriptedDetector({0: defect(0.5), 1: defect(0.5)})
    flow = line(ScriptedSource([part(0), go, part(1)]), detector)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b'"part-0"' in message.payload)
        policy = Policy({"scratch": ClassPolicy(0.1, 0.2)}, fail_safe=Verdict.REVIEW)
        flow.pipeline.swap_model(judging_by(detector, policy), lambda: None)
        go.set()
        running.totals()
    assert [result["outcome"] for result in flow.results()] == ["review", "reject"]
    states = [state["state"] for state in flow.documents(Channel.STATE)]
    assert len(states) == len(set(states)), "nobody is told of another model"


def test_a_part_without_a_verdict_is_treated_as_the_new_policy_says() -> None:
    go = threading.Event()
    detector = ScriptedDetector()
    flow = line(ScriptedSource([part(0), go, damaged_part(1)]), detector)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b'"part-0"' in message.payload)
        policy = Policy({"scratch": ClassPolicy(0.1, 0.2)}, fail_safe=Verdict.ACCEPT)
        flow.pipeline.swap_model(judging_by(detector, policy), lambda: None)
        go.set()
        running.totals()
    assert flow.results()[1]["no_verdict"]["treated_as"] == "accept"


def test_a_part_of_several_frames_is_never_judged_by_two_policies() -> None:
    frames = [replace(part(number // 3), frame_id=number, part_frame=number % 3) for number in range(9)]
    lower = Policy({"scratch": ClassPolicy(0.1, 0.2)})

    def swap_in_the_middle(frame_id: int) -> None:
        if frame_id == 4:
            flow.pipeline.swap_model(judging_by(detector, lower), lambda: None)

    detector = ScriptedDetector({number: defect(0.5) for number in range(9)}, work=swap_in_the_middle)
    flow = line(ScriptedSource(frames), detector, frames_per_part=3)
    assert_accounts_hold(flow, flow.run())
    told = [[reason["threshold"] for reason in result["reasons"]] for result in flow.results()]
    assert told == [[0.4] * 3, [0.4] * 3, [0.2] * 3]


def other_model(detector: ScriptedDetector, *class_names: str) -> Model:
    policy = Policy({name: ClassPolicy(0.1, 0.2) for name in class_names})
    return Model(detector, ModelIdentity("other", "2.0.0", "cd" * 32), class_names, policy)


def test_another_model_takes_over_between_two_parts_and_every_result_names_the_one_that_judged() -> None:
    went: list[str] = []
    detector, other = ScriptedDetector({1: defect(0.5)}), ScriptedDetector({2: defect(0.5)})
    flow_steps: list[Step] = [part(0), part(1), lambda: flow.pipeline.swap_model(model, lambda: went.append("first"))]
    model = other_model(other, "scratch")
    flow = line(ScriptedSource([*flow_steps, part(2), part(3)]), detector, size=1)
    assert_accounts_hold(flow, flow.run())
    names = [result["model"]["name"] for result in flow.results()]
    assert names == sorted(names)  # "fake" until the switch, "other" from then on
    assert names[0] == "fake"
    assert names[-1] == "other"
    judged = {"fake": detector.seen, "other": other.seen}
    for result in flow.results():
        assert result["frames"][0]["frame_id"] in judged[result["model"]["name"]]
    assert went == ["first"]
    assert flow.documents(Channel.STATE)[-1]["model"]["name"] == "other"


def test_a_part_of_several_frames_is_never_judged_by_two_models() -> None:
    frames = [replace(part(number // 3), frame_id=number, part_frame=number % 3) for number in range(9)]
    model = other_model(ScriptedDetector(), "scratch")
    detector = ScriptedDetector(work=lambda frame_id: frame_id == 4 and flow.pipeline.swap_model(model, lambda: None))
    flow = line(ScriptedSource(frames), detector, frames_per_part=3)
    assert_accounts_hold(flow, flow.run())
    assert [result["model"]["name"] for result in flow.results()] == ["fake", "fake", "other"]
    assert detector.seen == [0, 1, 2, 3, 4, 5]


def test_of_two_models_that_wait_the_last_takes_over() -> None:
    went: list[int] = []
    first, second = ScriptedDetector(), ScriptedDetector()

    def swap_twice() -> None:
        flow.pipeline.swap_model(other_model(first, "scratch"), lambda: went.append(1))
        flow.pipeline.swap_model(other_model(second, "scratch"), lambda: went.append(2))

    flow = line(ScriptedSource([swap_twice, part(0)]))
    flow.run()
    assert (first.seen, second.seen, went) == ([], [0], [2])


def test_a_model_with_other_classes_ends_the_tracks_of_the_one_before_and_numbers_go_on() -> None:
    options = TrackOptions(confirm_frames=1)
    frames: list[Step] = [belt_frame(number) for number in range(4)]
    model = other_model(ScriptedDetector({2: defect(0.9), 3: defect(0.9)}), "dent")
    detector = ScriptedDetector(
        {0: defect(0.9), 1: defect(0.9)},
        work=lambda frame_id: frame_id == 1 and flow.pipeline.swap_model(model, lambda: None),
    )
    flow = line(ScriptedSource(frames), detector, tracker=tracker_of(options))
    flow.run()
    changes = [document["data"] for document in flow.documents(Channel.DEFECT)]
    told = [(change["phase"], change["track"]["label"], change["model"]["name"]) for change in changes]
    assert told == [
        ("new", "scratch", "fake"),
        ("end", "scratch", "fake"),
        ("new", "dent", "other"),
        ("end", "dent", "other"),
    ]
    assert len({change["track_id"] for change in changes}) == 2


def test_who_watches_findings_sees_every_frame_that_was_inspected_and_no_other() -> None:
    seen: list[tuple[int, str]] = []
    around = Surroundings(watch_finding=lambda frame, found: seen.append((frame.frame_id, found.record.source)))
    detector = ScriptedDetector({1: ValueError("broken")})
    flow = line(ScriptedSource([part(0), part(1), damaged_part(2), part(3)]), detector, surroundings=around)
    assert_accounts_hold(flow, flow.run())
    assert seen == [(0, "fake"), (3, "fake")]


def test_who_watches_results_sees_each_that_was_inspected_with_what_is_too_weak_to_be_told() -> None:
    seen: list[tuple[str, int, list[int], float]] = []

    def watch(result: InspectionResult, findings: Sequence[FrameFinding], model: Model) -> None:
        found = [len(finding.detections) for finding in findings]
        seen.append((result.inspection_id, len(result.detections), found, model.floor))

    detector = ScriptedDetector({0: defect(0.2), 1: defect(0.5), 2: defect(0.9), 3: defect(0.3)})
    model = replace(model_of(detector), report_at=0.4, floor=0.2)
    inspector = Inspector(model, station_path="s", camera="c", session="1")
    frames = [replace(part(number // 2), frame_id=number, part_frame=number % 2) for number in range(4)]
    around = Surroundings(watch_result=watch)
    flow = line(ScriptedSource(frames), detector, inspector=inspector, frames_per_part=2, surroundings=around)
    assert_accounts_hold(flow, flow.run())
    ids = [json.loads(message.payload)["id"].partition("/")[0] for message in flow.on(Channel.RESULT)]
    assert seen == [(ids[0], 1, [1, 1], 0.2), (ids[1], 1, [1, 1], 0.2)]
    assert [[each["part_frame"] for each in result["detections"]] for result in flow.results()] == [[1], [0]]


def test_of_a_belt_who_watches_results_sees_those_that_are_published() -> None:
    seen: list[int] = []
    around = Surroundings(watch_result=lambda result, _findings, _model: seen.append(result.frames[0].frame_id))
    frames: list[Step] = [belt_frame(0), damaged_belt_frame(1), belt_frame(2), belt_frame(3)]
    flow = line(ScriptedSource(frames), surroundings=around)
    flow.run()
    assert seen == [0, 2, 3]
    seen.clear()
    flow = line(ScriptedSource(frames), max_results_hz=1e-6, surroundings=around)
    flow.run()
    assert seen == [result["frames"][0]["frame_id"] for result in flow.results()]
    assert len(seen) < 3


def test_a_source_is_swapped_and_the_old_one_closed_before_the_new_one_is_read() -> None:
    order: list[str] = []
    first = ScriptedSource([part(0)], ends=False)
    second = ScriptedSource([lambda: order.append("read"), part(1), part(2)])
    flow = line(first)
    with Running(flow) as running:
        flow.sink.wait_for(lambda message: b'"part-0"' in message.payload)
        flow.pipeline.swap_source(second, close_old=lambda: order.append("closed"))
        totals = running.totals()
    assert order == ["closed", "read"]
    assert [result["part_id"] for result in flow.results()] == ["part-0", "part-1", "part-2"]
    assert totals.frames.adds_up
    assert totals.frames.captured == 3


def test_the_keeper_is_offered_all_frames_of_a_part_with_its_result_and_the_event_names_the_key() -> None:
    keeper = Keeper()
    frames = [replace(part(number // 3), frame_id=number, part_frame=number % 3) for number in range(6)]
    flow = line(ScriptedSource(frames), frames_per_part=3, surroundings=Surroundings(keeper=keeper))
    assert_accounts_hold(flow, flow.run())
    assert keeper.frame_ids() == [[0, 1, 2], [3, 4, 5]]
    assert [result["sample_key"] for result in flow.results()] == ["samples/one.jpg"] * 2


def test_frames_of_a_part_that_closes_early_are_offered_and_never_mixed_with_the_next() -> None:
    keeper = Keeper(None)
    numbers = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    frames = [replace(part(which), frame_id=10 * which + n, part_frame=n) for which, n in numbers]
    flow = line(ScriptedSource(frames), frames_per_part=3, surroundings=Surroundings(keeper=keeper))
    flow.run()
    assert keeper.frame_ids() == [[0, 1], [10, 11, 12]]
    assert [result["sample_key"] for result in flow.results()] == [None, None]


def test_a_damaged_frame_has_no_picture_to_keep() -> None:
    keeper = Keeper()
    flow = line(ScriptedSource([damaged_part(0), part(1)]), surroundings=Surroundings(keeper=keeper))
    flow.run()
    assert keeper.frame_ids() == [[1]]


def test_on_a_belt_a_defect_is_offered_when_its_track_tells_something_and_not_with_every_frame() -> None:
    keeper = Keeper()
    finds = {number: defect(0.9) for number in range(2, 12)}
    flow = line(
        ScriptedSource(belt_frame(number) for number in range(12)),
        ScriptedDetector(finds),
        tracker=tracker_of(),
        surroundings=Surroundings(keeper=keeper),
    )
    flow.run()
    outcomes = [result.outcome_name for result, _ in keeper.offers]
    assert outcomes.count("accept") == 2
    assert 1 <= outcomes.count("reject") <= 2


def test_without_a_model_every_part_is_offered_and_has_no_verdict_but_no_alarm_of_its_own() -> None:
    keeper, detector = Keeper(), ScriptedDetector()
    inspector = Inspector(
        replace(model_of(detector), judges=False),
        station_path=TOPICS.station_path,
        camera=TOPICS.camera,
        session=WRITER.session,
    )
    flow = line(
        ScriptedSource([part(0), part(1)]), detector, inspector=inspector, surroundings=Surroundings(keeper=keeper)
    )
    totals = flow.run()
    assert detector.seen == []
    assert totals.parts.no_verdict == {"no_model": 2}
    assert keeper.frame_ids() == [[0], [1]]
    assert flow.alarms() == []
    assert_accounts_hold(flow, totals)
