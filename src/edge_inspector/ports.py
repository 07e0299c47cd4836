"""Ports: what the flow needs from the outside world, one verb each.

Sources, detectors and sinks are context managers where they hold something open; `app` enters and leaves them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from edge_inspector.alarms import Alarm
from edge_inspector.camera import CameraReport, SetUpFor, Skipped, SourceTrouble
from edge_inspector.detections import Detections
from edge_inspector.events import Json
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.inspection import InspectionResult
from edge_inspector.topics import Message


@dataclass(frozen=True, slots=True)
class Inference:
    """What a detector found on one frame, and how long each stage took in milliseconds."""

    detections: Detections
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


Delivered: TypeAlias = Frame | DamagedFrame | CameraReport | Skipped | SetUpFor | SourceTrouble


class FrameSource(Protocol):
    """Where frames come from."""

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, or what a live source has to say beside its frames; None when nothing came in time.

        Raises:
            SourceError: If the source as a whole cannot deliver.
            EndOfSource: If there will be no more frames.
        """


@runtime_checkable
class OwingSource(FrameSource, Protocol):
    """A source that may owe parts a frame when it is no longer read."""

    def leave(self, cause: DropCause, problem: str) -> Sequence[Delivered]:
        """Return what has come and was not read, and what is owed to parts; nothing comes after that.

        Returns within 0.3 s.

        Args:
            cause: Of a frame that a trigger waited for, and that does not come any more.
            problem: The same in words.
        """


class Detector(Protocol):
    """What finds defects."""

    def detect(self, frame: Frame) -> Inference:
        """Return what is on the frame.

        Raises:
            ModelError: If the model returned something that contradicts its contract.
        """


class EventSink(Protocol):
    """Where messages go."""

    def send(self, message: Message) -> None:
        """Hand one message over; returns at once, whatever the network does.

        Raises:
            SinkError: If the message was not taken.
        """


class EventRecord(Protocol):
    """Where what leaves the station is written down before it leaves."""

    def append(self, messages: Sequence[Message], *, accounts: Mapping[str, Json] | None = None) -> None:
        """Take messages, and the accounts as they are with them; never waits for a disk."""


class RejectGate(Protocol):
    """What throws parts out."""

    def take(self, result: InspectionResult, *, captured_monotonic_ns: int) -> None:
        """Take the outcome of a part, or of a defect of a web; returns at once, and before anything is written down.

        Args:
            result: What was found, and what it leads to.
            captured_monotonic_ns: When the exposure of its first frame began, on this machine's monotonic clock.
        """


class SampleKeeper(Protocol):
    """Who chooses the frames that a person shall label."""

    def consider(self, result: InspectionResult, frames: Sequence[Frame], *, is_news: bool = True) -> str | None:
        """Take the pictures behind one result, in the order of the part; never waits, and encodes nothing yet.

        Args:
            result: What was found.
            frames: Its frames that have a picture; kept by reference until they are encoded on another thread.
            is_news: They show something that an earlier result has not; else only a person's wish keeps them.

        Returns:
            The key of the sample that will be stored, the first one where there are several; None when none is.
        """


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """An encoded picture of a result.

    Attributes:
        content: The whole file.
        suffix: `jpg` or `png`.
    """

    content: bytes
    suffix: str


class AlarmPanel(Protocol):
    """Where the rooms of the outside world raise and clear alarms; for all threads."""

    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:
        """Raise an alarm, or note that its reason came back; one that is not lasting clears by itself when quiet."""

    def clear(self, name: str, *, text: str | None = None) -> None:
        """Clear an alarm if it stands; `text` says what ended it."""
