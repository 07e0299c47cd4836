"""A whole flow between fakes, and what a test asks of it."""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from edge_inspector.alarms import ALARM_NAMES, Alarm
from edge_inspector.decision import ClassPolicy, Policy
from edge_inspector.events import EventWriter
from edge_inspector.inspection import ModelIdentity
from edge_inspector.pipeline.deliver import Deliverer
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.options import FlowOptions, Surroundings, Totals
from edge_inspector.ports import EventRecord, EventSink
from edge_inspector.topics import Channel, Message, TopicTree
from edge_inspector.tracks import Follower, Tracker, TrackOptions
from tests.fakes import PATIENCE_S, RecordingSink, ScriptedDetector, ScriptedSource

TOPICS = TopicTree("edge-inspector", "hall", "line-1", "station-2", "top")
WRITER = EventWriter(TOPICS, "01TESTSESSION", "tag", "lot-7")
IDENTITY = ModelIdentity("fake", "1.0.0", "ab" * 32)
POLICY = Policy({"scratch": ClassPolicy(review_at=0.4, reject_at=0.7)})
STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def model_of(detector: ScriptedDetector) -> Model:
    return Model(detector, IDENTITY, ("scratch",), POLICY)


def inspector_of(detector: ScriptedDetector) -> Inspector:
    return Inspector(model_of(detector), station_path=TOPICS.station_path, camera=TOPICS.camera, session=WRITER.session)


def tracker_of(options: TrackOptions | None = None) -> Tracker:
    return Tracker(("scratch",), POLICY, options or TrackOptions())


@dataclass(frozen=True, slots=True)
class Line:
    """The flow under test between its fakes."""

    source: ScriptedSource
    detector: ScriptedDetector
    sink: RecordingSink
    pipeline: Pipeline

    def run(self) -> Totals:
        """Run until the source ends."""
        return self.pipeline.run(threading.Event())

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload)["data"] for message in self.on(Channel.RESULT)]

    def documents(self, channel: Channel) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.on(channel)]

    def on(self, channel: Channel) -> list[Message]:
        return [message for message in self.sink.messages if message.topic == TOPICS.topic(channel)]

    def alarms(self) -> list[Message]:
        """Return the messages of the alarm topics, without the ones that take away what an earlier session left."""
        messages = [message for message in self.sink.messages if "/alarm/" in message.topic]
        return messages[len(ALARM_NAMES) :]


def line(  # noqa: PLR0913 - every fake may be replaced
    source: ScriptedSource,
    detector: ScriptedDetector | None = None,
    *,
    inspector: Inspector | None = None,
    size: int = 4,
    when_full: WhenFull = WhenFull.WAIT,
    frames_per_part: int = 1,
    deadline_ms: float | None = None,
    tracker: Follower | None = None,
    staleness_ms: float = 60_000.0,
    max_results_hz: float | None = None,
    stats_interval_s: float = 3600.0,
    other_sinks: Mapping[str, EventSink] | None = None,
    standing_alarms: tuple[Alarm, ...] = (),
    surroundings: Surroundings | None = None,
    record: EventRecord | None = None,
    hangs_after_s: float = 30.0,
) -> Line:
    detector = detector or ScriptedDetector()
    sink = RecordingSink()
    around = surroundings or Surroundings(standing_alarms=standing_alarms)
    pipeline = Pipeline(
        source,
        inspector or inspector_of(detector),
        WRITER,
        Deliverer(
            WRITER,
            {**(other_sinks or {}), "recorder": sink},
            queue_size=100_000,
            record=record,
            ledger=around.ledger,
        ),
        options=FlowOptions(
            HandoverOptions(size, when_full),
            frames_per_part=frames_per_part,
            deadline_ms=deadline_ms,
            staleness_ms=staleness_ms,
            max_results_hz=max_results_hz,
            stats_interval_s=stats_interval_s,
            hangs_after_s=hangs_after_s,
        ),
        session_started_at=STARTED_AT,
        tracker=tracker,
        surroundings=around,
    )
    return Line(source, detector, sink, pipeline)


class Running:
    """A line that runs on a thread of its own until it is stopped, or the test fails."""

    def __init__(self, line: Line) -> None:
        self.stop = threading.Event()
        self._totals: list[Totals] = []
        run = line.pipeline.run
        self._thread = threading.Thread(target=lambda: self._totals.append(run(self.stop)), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(PATIENCE_S)

    def totals(self) -> Totals:
        """Wait for the end and return the accounts."""
        self._thread.join(PATIENCE_S)
        assert self._totals, "the line has not ended, or not well"
        return self._totals[0]


def assert_accounts_hold(line: Line, totals: Totals) -> None:
    """Hold the ledger against what source and sink counted themselves."""
    captured = line.source.delivered
    parts = {item.part_id for item in captured if item.part_id is not None}
    results = line.results()
    assert totals.frames.adds_up
    assert totals.parts.adds_up
    assert (totals.frames.in_flight, totals.parts.in_flight) == (0, 0)
    assert totals.frames.captured == len(captured)
    assert totals.parts.seen == len(parts)
    if parts:
        assert sorted(result["part_id"] for result in results) == sorted(parts)
        assert totals.parts.outcomes == count(result["outcome"] for result in results)
        assert totals.parts.no_verdict == causes(results)
    assert len({message.id for message in line.on(Channel.RESULT)}) == len(results)
    dropped: Counter[str] = Counter()
    for result in results:
        dropped.update(result["dropped_before"])
    if parts:
        assert dict(dropped) == totals.frames.dropped


def causes(results: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return count(result["no_verdict"]["cause"] for result in results if result["outcome"] == "no_verdict")


def count(values: Any) -> dict[Any, int]:
    return dict(Counter(values))
