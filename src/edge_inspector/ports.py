"""Ports: what the flow needs from the outside world, one verb each.

Sources, detectors and sinks are context managers where they hold something open; `app` enters and leaves them.
"""

from dataclasses import dataclass
from typing import Protocol

from edge_inspector.detections import Detections
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.topics import Message


@dataclass(frozen=True, slots=True)
class Inference:
    """What a detector found on one frame, and how long each stage took in milliseconds."""

    detections: Detections
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class FrameSource(Protocol):
    """Where frames come from."""

    def read(self, timeout_s: float) -> Frame | DamagedFrame | None:
        """Return the next frame, or None when none came in time.

        Raises:
            SourceError: If the source as a whole cannot deliver.
            EndOfSource: If there will be no more frames.
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
