"""Grabs frames as the daemon would, and measures meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.commissioning.measured import FrameCounts, Measured, NetworkPath, PacketCounts, UsbPath
from edge_inspector.commissioning.opening import CountingCamera, open_live
from edge_inspector.commissioning.path import Drops, drops_of, path_to, usb_path, with_drops
from edge_inspector.errors import SourceError
from edge_inspector.settings import (
    HardwareTrigger,
    IndustrialSettings,
    LiveSettings,
    PartSensorTrigger,
    TimerTrigger,
    TriggerSettings,
)
from edge_inspector.sources.genicam.nodes import Kind, Nodes
from edge_inspector.sources.grabbing import Camera, Incomplete, IndustrialCamera, Picture, Waiting

_ANSWER_S = 1.0  # beside the exposure, from a software trigger to its frame


@dataclass(frozen=True, slots=True)
class GrabbedFrame:
    """One frame, or what came in its place.

    Attributes:
        number: From 0.
        state: `whole`, `incomplete` or `missing`.
        captured_at: When its exposure began, aware UTC, as far as known.
        captured_at_source: Who said so.
        image_wh: Width and height in pixels; None unless it is whole.
        pixel_format: As the camera sent it; None where nobody knows.
        mean_gray: In [0, 255]; None unless it is whole.
        problem: What is wrong with it.
    """

    number: int
    state: str
    captured_at: datetime
    captured_at_source: str
    image_wh: tuple[int, int] | None = None
    pixel_format: str | None = None
    mean_gray: float | None = None
    problem: str | None = None

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self) | {"captured_at": self.captured_at.isoformat(timespec="microseconds")}


TakeFrame = Callable[[GrabbedFrame, NDArray[np.uint8] | None], None]


def grab(settings: LiveSettings, take: TakeFrame, *, count: int, seconds: float) -> Measured:
    """Open a camera, grab frames, and return what was measured.

    A software trigger is fired for each frame, whatever else would fire it in the station. Ctrl-C ends it early.

    Args:
        settings: Which camera, and how.
        take: Called with each frame and its image; None for one that is not whole.
        count: Frames at most.
        seconds: Longest time, from when the camera is open.

    Raises:
        SourceError, ConfigError: If it cannot be opened, or not so. What happens later is in what is returned.
    """
    with closing(open_live(settings)) as camera:
        way = Way.of(camera)
        tally = _Tally(take, way.pixel_format)
        began_s, cpu_s = time.monotonic(), time.process_time()
        try:
            for grabbed in _frames(camera, settings, began_s + seconds):
                tally.add(grabbed)
                if tally.number >= count:
                    break
        except SourceError as error:
            tally.problem = str(error)
        except KeyboardInterrupt:
            pass  # enough was seen; what came so far is told
        busy = (time.process_time() - cpu_s) / max(time.monotonic() - began_s, 1e-3)
        return way.joined(tally.measured(settings, count, cpu_percent=100 * busy))


def _frames(camera: Camera, settings: LiveSettings, end_s: float) -> Iterator[Picture | Incomplete]:
    """Yield what the camera delivers until the time is over; fire it where nothing else does."""
    trigger = _trigger_of(settings)
    is_fired = trigger is not None and not isinstance(trigger, HardwareTrigger)
    fired = camera if is_fired and isinstance(camera, IndustrialCamera) else None
    pause_s = 1 / trigger.rate_hz if isinstance(trigger, TimerTrigger) else 0.0
    while (now_s := time.monotonic()) < end_s:
        if fired is None:
            if not isinstance(grabbed := camera.grab(), Waiting):
                yield grabbed
            continue
        fired.fire()
        yield from _answer(camera, settings)
        time.sleep(max(0.0, min(now_s + pause_s, end_s) - time.monotonic()))


def _answer(camera: Camera, settings: LiveSettings) -> Iterator[Picture | Incomplete]:
    """Yield the frame of a trigger, after those that are missing before it."""
    exposure_us = settings.exposure_us if isinstance(settings, IndustrialSettings) else None
    wait_s = _ANSWER_S + (exposure_us or 0) / 1e6
    late_s = time.monotonic() + wait_s
    while time.monotonic() < late_s:
        grabbed = camera.grab()
        if isinstance(grabbed, Waiting):
            continue
        yield grabbed
        if not (isinstance(grabbed, Incomplete) and grabbed.is_missing):
            return
    yield Incomplete(f"no frame came in {wait_s:g} s after the software trigger", is_missing=True)


class _Tally:
    """Counts frames, and passes them on."""

    def __init__(self, take: TakeFrame, pixel_format: str | None) -> None:
        self._take = take
        self._pixel_format = pixel_format
        self._counts = dict.fromkeys(("whole", "incomplete", "missing"), 0)
        self._first_s: float | None = None
        self._last_s = 0.0
        self._image_bytes = 0
        self._mean_grays: list[float] = []
        self.problem: str | None = None

    @property
    def number(self) -> int:
        """Frames so far."""
        return sum(self._counts.values())

    def add(self, grabbed: Picture | Incomplete) -> None:
        """Count what came."""
        now_ns = time.monotonic_ns()
        self._last_s = now_ns / 1e9
        self._first_s = self._first_s or self._last_s
        frame = self._frame(grabbed, now_ns)
        self._counts[frame.state] += 1
        self._take(frame, grabbed.image if isinstance(grabbed, Picture) else None)

    def measured(self, settings: LiveSettings, asked: int, *, cpu_percent: float) -> Measured:
        """Return what was found, without the way that the frames came."""
        trigger = _trigger_of(settings)
        rate_hz = getattr(trigger or settings, "rate_hz", None)
        return Measured(
            FrameCounts(**self._counts),
            asked,
            self._last_s - (self._first_s or self._last_s),
            frame_bytes=self._image_bytes,
            buffers=settings.buffers if isinstance(settings, IndustrialSettings) else 1,
            asked_hz=rate_hz,
            waits_for=f"a pulse on {trigger.source}" if isinstance(trigger, HardwareTrigger) else None,
            mean_grays=tuple(self._mean_grays),
            cpu_percent=cpu_percent,
            problem=self.problem,
        )

    def _frame(self, grabbed: Picture | Incomplete, now_ns: int) -> GrabbedFrame:
        captured_ns = now_ns if grabbed.captured_monotonic_ns is None else grabbed.captured_monotonic_ns
        captured_at = datetime.now(UTC) - timedelta(microseconds=(now_ns - captured_ns) / 1000)
        if isinstance(grabbed, Incomplete):
            state = "missing" if grabbed.is_missing else "incomplete"
            who = "host" if grabbed.captured_monotonic_ns is None else "camera"
            return GrabbedFrame(self.number, state, captured_at, who, problem=grabbed.problem)
        image = grabbed.image
        self._image_bytes = image.nbytes
        mean_gray = float(np.mean(cv2.mean(image)[: image.shape[2] if image.ndim == 3 else 1]))
        self._mean_grays.append(mean_gray)
        image_wh = (image.shape[1], image.shape[0])
        who, kind = grabbed.captured_at_source, self._pixel_format
        return GrabbedFrame(self.number, "whole", captured_at, who, image_wh, kind, mean_gray)


@dataclass(slots=True)
class Way:
    """How the frames of an industrial camera come here; of others nothing is known."""

    camera: CountingCamera | None
    network: NetworkPath | None = None
    usb: UsbPath | None = None
    drops: Drops = field(default_factory=Drops)

    @property
    def pixel_format(self) -> str | None:
        """What the camera calls its pixels."""
        return None if self.camera is None else str(self.camera.nodes.read("PixelFormat"))

    @classmethod
    def of(cls, camera: Camera) -> Self:
        """Look at the way of an open camera."""
        if not isinstance(camera, CountingCamera):
            return cls(None)
        found = camera.nodes.found
        match found.protocol:
            case "GigEVision":
                packet_size = _number(camera.nodes, "GevSCPSPacketSize")
                network = replace(path_to(found.address), packet_size=packet_size)
                # What the camera tried in order to find the largest packet that arrives is no loss.
                return cls(camera, network, drops=drops_of(network))
            case "USB3Vision":
                return cls(camera, usb=usb_path(found.serial))
        return cls(camera)

    def joined(self, measured: Measured) -> Measured:
        """Return what was measured with what the way counted meanwhile; the camera is still open."""
        if self.camera is None:
            return measured
        network = self.network and with_drops(self.network, self.drops, drops_of(self.network))
        measured = replace(measured, network=network, usb=self.usb)
        with suppress(SourceError):
            counts = self.camera.counts()
            packets = PacketCounts(counts.missing_packets, counts.resent_packets, counts.underruns)
            measured = replace(measured, packets=packets)
            if measured.problem is None:  # a camera that went away would be waited for
                payload_bytes = _number(self.camera.nodes, "PayloadSize")
                return replace(measured, frame_bytes=payload_bytes or measured.frame_bytes)
        return measured


def _number(nodes: Nodes, name: str) -> int | None:
    return int(nodes.read(name)) if nodes.kind(name) is Kind.INTEGER else None


def _trigger_of(settings: LiveSettings) -> TriggerSettings | None:
    """Return what brings frames; None where the camera does by itself."""
    trigger = settings.trigger if isinstance(settings, IndustrialSettings) else None
    return None if isinstance(trigger, PartSensorTrigger) else trigger
