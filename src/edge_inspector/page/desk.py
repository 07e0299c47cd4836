"""The desk: what the operator page asks of the station. Everything on it is for all threads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_inspector.alarms import Alarm
from edge_inspector.decision import Verdict
from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.events import Json
from edge_inspector.inspection import ModelIdentity
from edge_inspector.journal import Journal
from edge_inspector.ports import StoredPicture
from edge_inspector.settings import PageSettings
from edge_inspector.topics import TopicTree


class Pictures(Protocol):
    """The pictures of results that are still on this device."""

    def frames_of(self, inspection_id: str) -> Sequence[int]:
        """Return of which frames of a part there is a picture, in order; none where there is none."""

    def read(self, inspection_id: str, part_frame: int) -> StoredPicture | None:
        """Return a picture, or None where it is gone; reads the disk."""


@dataclass(frozen=True, slots=True)
class ClassLimits:
    """Thresholds of one class in [0, 1], with `review_at` at most `reject_at`."""

    review_at: float
    reject_at: float


@dataclass(frozen=True, slots=True)
class ThresholdsInForce:
    """What decides now.

    Attributes:
        model: The model that it belongs to.
        product: What the line is set up for; None where nothing changes over.
        classes: In force, by class.
        of_model: Those of the model itself, by class.
        floor: Weaker detections are not found: no preview can tell what lower thresholds would let in.
        set_by: Who set them on the page; None where they are the model's or the configuration's.
        set_at: When, aware UTC.
        parts: Parts, or frames of a free-running source, on which others can be tried.
    """

    model: ModelIdentity
    product: str | None
    classes: Mapping[str, ClassLimits]
    of_model: Mapping[str, ClassLimits]
    floor: float
    set_by: str | None
    set_at: datetime | None
    parts: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What other thresholds would have made of one part.

    Attributes:
        inspection_id: Of its result.
        part_id: The part; None for a frame of a free-running source.
        captured_at: Aware UTC.
        before, after: Verdicts.
    """

    inspection_id: str
    part_id: str | None
    captured_at: datetime
    before: Verdict
    after: Verdict


class ThresholdDesk(Protocol):
    """Thresholds: looked at, tried, changed."""

    def in_force(self) -> ThresholdsInForce | None:
        """Return what decides now; None while no model judges."""

    def preview(self, classes: Mapping[str, ClassLimits], parts: int) -> Sequence[Tried]:
        """Return what these thresholds would have made of the last parts, the newest first; decides nothing.

        Args:
            classes: Every class of the model.
            parts: So many at most.

        Raises:
            RefusedError: If the classes are not those of the model.
        """

    def change(
        self, classes: Mapping[str, ClassLimits], *, model_sha256: str, product: str | None = None, by: str
    ) -> None:
        """Let these thresholds decide from the next part on, also after a restart, while this model runs.

        Args:
            classes: Every class of the model.
            model_sha256: The model that they are for.
            product: The product that they are for; the one in force when None.
            by: Who wants it.

        Raises:
            RefusedError: If another model runs, the line is set up for another product, or the classes are not those of
                the model.
            InspectorError: If they could not be written down; those until now stay in force.
        """

    def reset(self, *, product: str | None = None, by: str) -> None:
        """Let the configured thresholds, or the model's, decide again; else as `change`.

        Raises:
            RefusedError, InspectorError: As `change`.
        """


class Judge(Protocol):
    """Takes a person's word on a result."""

    def record(self, judged: JudgedResult, judgement: Judgement) -> JudgedResult:
        """Keep the pictures of the result as a sample, then put the event on record, and wait until that is on disk.

        Returns:
            The same with the key of the sample that has the word; None where no picture was left, or it found no room.

        Raises:
            InspectorError: If it is not on disk after a few seconds; nothing is promised then.
        """


@dataclass(frozen=True, slots=True)
class StationNow:
    """What the station says of itself.

    Attributes:
        state: As in OPC 40100.
        reason: Why, where there is something to say.
        since: When it began, aware UTC; None before the start.
        camera: `online`, `degraded`, `offline`; None before the first word of it.
        camera_reason: Why.
        model: The model that looks at frames.
        product: What the line is set up for.
        alarms: Those that stand, with when they were raised (aware UTC).
    """

    state: str
    reason: str | None
    since: datetime | None
    camera: str | None
    camera_reason: str | None
    model: ModelIdentity
    product: str | None
    alarms: Sequence[tuple[Alarm, datetime]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page asks of the station.

    Attributes:
        settings: Of the page.
        topics: Where the station stands.
        session: Id of this run of the daemon.
        lot: The configured batch.
        is_triggered: There are parts; else the source is free-running.
        random_share: Share of the accepted parts that is audited.
        journal: Every event.
        now: Returns what the station says of itself.
        inspected: Returns how many frames were inspected since the start.
        values: Returns the values of the `stats` message.
        class_names: Returns the classes of the model that runs.
        pictures: Of results; None where no samples, and so no pictures, are kept.
        judge: Takes a person's word.
        thresholds: Looked at, tried, changed.
        command: Has a command run as if it came by MQTT: its name and arguments; returns the request id that the event
            `command.answered` will have.
    """

    settings: PageSettings
    topics: TopicTree
    session: str
    lot: str | None
    is_triggered: bool
    random_share: float
    journal: Journal
    now: Callable[[], StationNow]
    inspected: Callable[[], int]
    values: Callable[[], Mapping[str, Json]]
    class_names: Callable[[], Sequence[str]]
    pictures: Pictures | None
    judge: Judge
    thresholds: ThresholdDesk
    command: Callable[[str, Mapping[str, Json]], str]
