"""One fake for each port, scripted by the test and able to tell what it saw; and frames to feed them."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from edge_inspector.camera import CameraReport, Skipped, SourceTrouble
from edge_inspector.detections import Detections
from edge_inspector.errors import EndOfSource
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.ports import Delivered, Inference
from edge_inspector.topics import Message

PATIENCE_S = 30.0
IMAGE_WH = (64, 48)

Step: TypeAlias = Delivered | Exception | threading.Event | Callable[[], object]


def part(number: int, *, age_ms: float = 0.0) -> Frame:
    """Return the frame of a triggered part; `age_ms` ago its exposure began."""
    return _frame(number, f"part-{number}", age_ms)


def belt_frame(number: int, *, age_ms: float = 0.0) -> Frame:
    """Return a frame of a free-running source."""
    return _frame(number, None, age_ms)


def damaged_part(number: int) -> DamagedFrame:
    return DamagedFrame(number, datetime.now(UTC), time.monotonic_ns(), "fake", f"part-{number}", "half a frame")


def damaged_belt_frame(number: int) -> DamagedFrame:
    return DamagedFrame(number, datetime.now(UTC), time.monotonic_ns(), "fake", None, "half a frame")


def _frame(number: int, part_id: str | None, age_ms: float) -> Frame:
    image = np.zeros((IMAGE_WH[1], IMAGE_WH[0]), np.uint8)
    captured_monotonic_ns = time.monotonic_ns() - int(age_ms * 1e6)
    return Frame(image, number, datetime.now(UTC), captured_monotonic_ns, "fake", part_id)


def defect(confidence: float) -> Detections:
    """Return one detection of class 0."""
    return Detections(np.array([[8, 8, 24, 24]], np.float32), np.array([confidence], np.float32), np.zeros(1, np.int64))


class Clock:
    """Seconds that a test sets."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class ScriptedSource:
    """Plays its steps: delivers, raises errors, waits for events, calls what can be called; then it ends.

    Attributes:
        delivered: The frames that the flow was given, in order: an account that owes nothing to the flow's ledger.
    """

    def __init__(self, steps: Iterable[Step], *, ends: bool = True) -> None:
        """Start at the first step; a source that never `ends` stays silent after the last."""
        self.delivered: list[Frame | DamagedFrame] = []
        self._steps = iter(steps)
        self._waits_for: threading.Event | None = None
        self._ends = ends

    def read(self, timeout_s: float) -> Delivered | None:
        while True:
            if self._waits_for is not None and not self._waits_for.wait(timeout_s):
                return None
            step = next(self._steps, None)
            self._waits_for = step if isinstance(step, threading.Event) else None
            match step:
                case None if self._ends:
                    raise EndOfSource
                case None:
                    self._waits_for = threading.Event()
                case Exception():
                    raise step
                case Frame() | DamagedFrame():
                    self.delivered.append(step)
                    return step
                case CameraReport() | Skipped() | SourceTrouble():
                    return step
                case threading.Event():
                    pass
                case _:
                    step()


class ScriptedDetector:
    """Finds what the script says for a frame number, nothing otherwise.

    Attributes:
        seen: Numbers of the frames that it was given.
        busy: Set while it is held up, or was.
        gate: It is held up at every frame while this is not set.
    """

    def __init__(
        self,
        finds: Mapping[int, Detections | Exception] | None = None,
        *,
        held_up: bool = False,
        work: Callable[[int], object] | None = None,
    ) -> None:
        """Prepare the script.

        Args:
            finds: Detections, or the error to raise, by frame number.
            held_up: Start with the gate shut.
            work: Called with the frame number before the answer.
        """
        self._finds = finds or {}
        self._work = work
        self.seen: list[int] = []
        self.busy = threading.Event()
        self.gate = threading.Event()
        if not held_up:
            self.gate.set()

    def detect(self, frame: Frame) -> Inference:
        self.seen.append(frame.frame_id)
        if not self.gate.is_set():
            self.busy.set()
            assert self.gate.wait(PATIENCE_S), "the test never opened the gate"
        if self._work is not None:
            self._work(frame.frame_id)
        found = self._finds.get(frame.frame_id, Detections.empty())
        if isinstance(found, Exception):
            raise found
        return Inference(found, preprocess_ms=1.0, inference_ms=2.0, postprocess_ms=0.5)


class RecordingSink:
    """Keeps every message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._came = threading.Condition()

    def send(self, message: Message) -> None:
        with self._came:
            self.messages.append(message)
            self._came.notify_all()

    def wait_for(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message that is `wanted`, waiting for it."""

        def find() -> Message | None:
            return next((message for message in self.messages if wanted(message)), None)

        with self._came:
            found = self._came.wait_for(find, PATIENCE_S)
        assert found is not None, f"never came; {len(self.messages)} others did"
        return found


class FailingSink:
    """Takes nothing and raises.

    Attributes:
        offered: Messages that it was offered.
    """

    def __init__(self, error: Exception) -> None:
        self.offered = 0
        self._error = error

    def send(self, message: Message) -> None:  # noqa: ARG002 - the port's signature
        self.offered += 1
        raise self._error


class StuckSink:
    """Breaks the port's promise: `send` does not return until `gate` is set."""

    def __init__(self) -> None:
        self.busy, self.gate = threading.Event(), threading.Event()

    def send(self, message: Message) -> None:  # noqa: ARG002 - the port's signature
        self.busy.set()
        self.gate.wait(PATIENCE_S)
