"""A line whose camera is memory: frames made beforehand, and the running pipeline that they are fed to."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.decision import Decision
from edge_inspector.errors import EndOfSource, ModelError
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.imaging import decode_for
from edge_inspector.inspection import InspectionResult
from edge_inspector.pipeline.deliver import Deliverer
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.options import FlowOptions, Surroundings, Totals
from edge_inspector.ports import EventRecord, EventSink, SampleKeeper
from edge_inspector.simulation import plan_tag, render_tag
from edge_inspector.sources.pacing import Pace
from edge_inspector.topics import Message, TopicTree

_SEED = 9
_MEMORY_BYTES = 32e6  # for frames: the measurement must not look larger than the daemon
_FEWEST, _MOST = 2, 64  # frames that are made
_FEWEST_PARTS = 4  # however slow the model is: two intervals without the first
_WARM_UP = 0.1  # share of a run that does not count
_WAITING = 4  # frames, where the camera can be held up
_NEVER_FULL = 100_000  # a line does not wait: what queues there must be seen as queued


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the camera shows, again and again.

    Attributes:
        pixels: (h, w) or (h, w, 3) uint8 images, or none where every frame is decoded anew.
        jpegs: The same as JPEG files.
        gray: Decode without colors.
        smallest_wh: The model's input, where no more is decoded than it makes use of.
    """

    pixels: tuple[NDArray[np.uint8], ...]
    jpegs: tuple[bytes, ...] = ()
    gray: bool = False
    smallest_wh: tuple[int, int] | None = None

    @classmethod
    def tags(
        cls,
        image_wh: tuple[int, int],
        *,
        gray: bool,
        decoded: bool = False,
        smallest_wh: tuple[int, int] | None = None,
        count: int | None = None,
    ) -> "Pictures":
        """Render simulated tags.

        Args:
            image_wh: Width and height in pixels.
            gray: (h, w) images, else (h, w, 3).
            decoded: Keep them as JPEGs, which are decoded at every use.
            smallest_wh: As for `decode_for`.
            count: How many; by default as many as fit into 32 MB, from 2 to 64.
        """
        bytes_each = image_wh[0] * image_wh[1] * (1 if gray else 3)
        if count is None:
            count = int(min(max(_MEMORY_BYTES // bytes_each, _FEWEST), _MOST))
        tags = [render_tag(plan_tag(_SEED, number, image_wh=image_wh)) for number in range(count)]
        if gray and not decoded:
            return cls(tuple(tags))
        colored = [np.asarray(cv2.cvtColor(tag, cv2.COLOR_GRAY2BGR), np.uint8) for tag in tags]
        if decoded:  # files have colors, also where the model needs none
            return cls((), tuple(cv2.imencode(".jpg", image)[1].tobytes() for image in colored), gray, smallest_wh)
        return cls(tuple(colored))

    @property
    def memory_mb(self) -> float:
        """What they take, in units of 10^6 bytes."""
        return (sum(image.nbytes for image in self.pixels) + sum(map(len, self.jpegs))) / 1e6

    def __len__(self) -> int:
        return len(self.pixels) or len(self.jpegs)

    def frame(self, number: int, *, frames_per_part: int = 1) -> Frame:
        """Return a frame captured now; decoding comes after the capture."""
        at, at_ns = datetime.now(UTC), time.monotonic_ns()
        part, part_frame = divmod(number, frames_per_part)
        index, full_wh = number % len(self), None
        if self.pixels:
            image = self.pixels[index]
        else:
            found = decode_for(self.jpegs[index], "bench", smallest_wh=self.smallest_wh, gray=self.gray)
            image, full_wh = found.pixels, found.full_wh
        return Frame(image, number, at, at_ns, "bench", f"part-{part:06d}", part_frame=part_frame, full_wh=full_wh)


class MemoryCamera:
    """Delivers frames for some seconds, as fast as they are taken or at a rate; then it ends with a whole part.

    Attributes:
        frames_per_part: Frames of a part; they follow each other at once.
        is_paced: It has a rate of its own.
        read_ms: Milliseconds that each frame took to make.
    """

    def __init__(
        self, pictures: Pictures, *, seconds: float, rate_hz: float | None = None, frames_per_part: int = 1
    ) -> None:
        """Begin with the first read.

        Args:
            pictures: What it shows.
            seconds: How long it delivers, and at least a few parts.
            rate_hz: Parts a second; as fast as they are taken when None.
            frames_per_part: Frames of a part.
        """
        self.frames_per_part = frames_per_part
        self.is_paced = rate_hz is not None
        self._pictures = pictures
        self._seconds = seconds
        self._pace = None if rate_hz is None else Pace(rate_hz, threading.Event())
        self._until_s: float | None = None
        self.read_ms: list[float] = []

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None when its time has not come within `timeout_s` seconds.

        Raises:
            EndOfSource: When the seconds are over.
        """
        now_s = time.monotonic()
        if self._until_s is None:
            self._until_s = now_s + self._seconds
        parts, part_frame = divmod(len(self.read_ms), self.frames_per_part)
        if part_frame == 0 and now_s >= self._until_s and parts >= _FEWEST_PARTS:
            raise EndOfSource
        if part_frame == 0 and self._pace is not None and not self._pace.wait(timeout_s):
            return None
        began_ns = time.perf_counter_ns()
        frame = self._pictures.frame(len(self.read_ms), frames_per_part=self.frames_per_part)
        self.read_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
        return frame


class DroppingSink:
    """Takes every message and forgets it."""

    def send(self, message: Message) -> None:
        """Forget a message."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One part, seen when its event was written.

    Attributes:
        written_ns, cpu_ns: Monotonic time and the process's CPU time at that instant.
        latency_ms: Milliseconds by stage, as the pipeline tells them.
        event_ms: Milliseconds that writing the event took.
    """

    written_ns: int
    cpu_ns: int
    latency_ms: Mapping[str, float]
    event_ms: float


@dataclass(frozen=True)
class RecordingWriter(EventWriter):
    """Writes events as any other, and keeps a sample of each part that got its verdict."""

    samples: list[Sample] = field(default_factory=list)

    def of_result(self, result: InspectionResult) -> list[Message]:
        """Return the messages of a result."""
        began_ns = time.perf_counter_ns()
        messages = super().of_result(result)
        event_ms = (time.perf_counter_ns() - began_ns) / 1e6
        if isinstance(result.outcome, Decision):
            now_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
            self.samples.append(Sample(now_ns, cpu_ns, result.latency_ms, event_ms))
        return messages


@dataclass(frozen=True, slots=True)
class LineRun:
    """A run of the pipeline, without its warm-up.

    Attributes:
        samples: In the order in which the events were written, at least two.
        read_ms: Milliseconds that each frame took to make, those of the warm-up too.
        lost: Frames not inspected, and messages not delivered.
    """

    samples: Sequence[Sample]
    read_ms: Sequence[float]
    lost: int

    @property
    def rate_hz(self) -> float:
        """Events written a second."""
        return (len(self.samples) - 1) / self._seconds

    @property
    def cores_used(self) -> float:
        """CPU time of the process over wall time."""
        cpu_s = (self.samples[-1].cpu_ns - self.samples[0].cpu_ns) / 1e9
        return cpu_s / self._seconds

    @property
    def _seconds(self) -> float:
        return (self.samples[-1].written_ns - self.samples[0].written_ns) / 1e9


def run_line(  # noqa: PLR0913 - what may be around a line
    model: Model,
    writer: RecordingWriter,
    camera: MemoryCamera,
    sinks: Mapping[str, EventSink] | None = None,
    *,
    record: EventRecord | None = None,
    keeper: SampleKeeper | None = None,
) -> LineRun:
    """Run the real pipeline with all its threads until the camera ends.

    Args:
        model: Looks at the frames.
        writer: Keeps the samples.
        camera: Delivers the frames; without a rate of its own it is held up while the pipeline is behind.
        sinks: Where events go; forgotten by default.
        record: Takes every event before the sinks do.
        keeper: Chooses frames that a person shall label.

    Raises:
        ModelError: If fewer than two frames got a verdict.
    """
    handover = HandoverOptions(_NEVER_FULL if camera.is_paced else _WAITING, WhenFull.WAIT)
    pipeline = Pipeline(
        camera,
        inspector_of(model, writer.topics, writer.session),
        writer,
        Deliverer(writer, {"none": DroppingSink()} if sinks is None else sinks, queue_size=1000, record=record),
        options=FlowOptions(handover, frames_per_part=camera.frames_per_part),
        session_started_at=datetime.now(UTC),
        surroundings=Surroundings(keeper=keeper),
    )
    totals = _run_until_end(pipeline)
    lost = sum(totals.frames.dropped.values()) + sum(totals.undelivered.values())
    if len(writer.samples) < 2:
        msg = f"{model.identity.name}: expected verdicts on {len(camera.read_ms)} frames, found {len(writer.samples)}"
        raise ModelError(msg)
    samples = steady(writer.samples)
    return LineRun(samples, camera.read_ms, lost)


def _run_until_end(pipeline: Pipeline) -> Totals:
    """Run a pipeline; Ctrl-C ends it in order, because a process that leaves in the middle of an inference aborts."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "pipeline") as pool:
        try:
            return pool.submit(pipeline.run, stop).result()
        finally:
            stop.set()


def inspector_of(model: Model, topics: TopicTree, session: str) -> Inspector:
    """Return an inspector of a station."""
    return Inspector(model, station_path=topics.station_path, camera=topics.camera, session=session)


def judge(inspector: Inspector, frame: Frame) -> InspectionResult:
    """Return the result of a frame without a pipeline: the same work on one thread."""
    return inspector.result_of_frame(inspector.inspect(frame, taken_ns=time.monotonic_ns()))


def steady(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples after the first tenth of the time; the last two always count."""
    warm_ns = samples[0].written_ns + _WARM_UP * (samples[-1].written_ns - samples[0].written_ns)
    skipped = sum(sample.written_ns < warm_ns for sample in samples)
    return samples[min(max(skipped, 1), len(samples) - 2) :]
