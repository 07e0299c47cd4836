"""Ports: what the flow needs from the outside world, one verb each.

Sources, detectors and sinks are context managers where they hold something open; `app` enters and leaves them.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from edge_inspector.camera import CameraReport, Skipped
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


Delivered: TypeAlias = Frame | DamagedFrame | CameraReport | Skipped


class FrameSource(Protocol):
    """Where frames come from."""

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, or what a live source has to say beside its frames; None when nothing came in time.

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
