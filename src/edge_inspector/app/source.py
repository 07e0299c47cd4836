"""Which source frames come from, what takes its place, and how they flow."""

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeAlias, assert_never

from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Model
from edge_inspector.pipeline.options import FlowOptions
from edge_inspector.ports import FrameSource
from edge_inspector.settings import (
    DEFAULT_DEADLINE_MS,
    DirectorySource,
    LiveSettings,
    NetworkSource,
    PiCameraSource,
    Settings,
    SimulatedSource,
    SourceSettings,
    UsbSource,
    VideoSource,
)
from edge_inspector.sources.address import read_address
from edge_inspector.sources.directory import DirectorySource as Directory
from edge_inspector.sources.freshness import ByArrival, ByStreamClock
from edge_inspector.sources.live import LiveOptions, LiveSource
from edge_inspector.sources.opencv import NetworkCamera, UsbCamera, prepare_ffmpeg
from edge_inspector.sources.picamera import PiCamera
from edge_inspector.sources.simulated import SimulatedLine
from edge_inspector.sources.video import VideoSource as Video

_PATIENCE = 3  # a camera is trusted from its third picture, each of which may take the read time-out
_SLACK_S = 10.0  # of a driver over its own time-outs, and to find out why a camera could not be opened


SourceWrapper: TypeAlias = Callable[[FrameSource], FrameSource]


def open_source(
    settings: SourceSettings,
    stop: threading.Event,
    *,
    gray: bool = False,
    smallest_wh: tuple[int, int] | None = None,
    staleness_ms: float = math.inf,
) -> FrameSource:
    """Open the configured source; a live camera is opened only when its first frame is asked for.

    Args:
        settings: Which one.
        stop: Ends its waits.
        gray: The model needs no colors.
        smallest_wh: Width and height beyond which the model makes no use of a picture; every pixel counts when None.
        staleness_ms: Pictures of a live camera that may be older are passed over.

    Raises:
        SourceError: If it cannot be opened.
        ConfigError: If a file that it names cannot be used.
    """
    match settings:
        case SimulatedSource():
            return SimulatedLine(settings, stop)
        case DirectorySource():
            return Directory(
                settings.path,
                loop=settings.loop,
                rate_hz=settings.rate_hz,
                frames_per_part=settings.frames_per_part,
                stop=stop,
                gray=gray,
                smallest_wh=smallest_wh,
            )
        case VideoSource():
            return Video(settings.path, loop=settings.loop, rate_hz=settings.rate_hz, stop=stop, gray=gray)
        case UsbSource() | NetworkSource() | PiCameraSource():
            return _live_source(settings, gray=gray, staleness_s=staleness_ms / 1000)
    assert_never(settings)


def _live_source(settings: LiveSettings, *, gray: bool, staleness_s: float) -> LiveSource:
    options = LiveOptions(
        staleness_s,
        patience_s=_PATIENCE * settings.read_timeout_s,
        stuck_after_s=settings.open_timeout_s + settings.read_timeout_s + _SLACK_S,
        reopen_min_s=settings.reopen_min_s,
        reopen_max_s=settings.reopen_max_s,
        frozen_after_s=settings.frozen_after_s or None,
        gray=gray,
    )
    by_arrival = ByArrival(staleness_s)
    match settings:
        case UsbSource():
            return LiveSource(str(settings.device), partial(UsbCamera, settings), by_arrival, options)
        case NetworkSource():
            prepare_ffmpeg(settings.transport)
            address = read_address(settings)
            freshness = ByStreamClock() if address.has_clock else by_arrival
            # The password file is read at every attempt: it may have been renewed.
            return LiveSource(
                address.public, lambda: NetworkCamera(settings, read_address(settings)), freshness, options
            )
        case PiCameraSource():
            return LiveSource(f"Pi camera {settings.camera}", partial(PiCamera, settings), by_arrival, options)
    assert_never(settings)


class OpenSource:
    """The source that is read, and the one that takes its place."""

    def __init__(
        self,
        settings: Settings,
        stop: threading.Event,
        model: Model,
        *,
        wrap: SourceWrapper | None = None,
        given: FrameSource | None = None,
    ) -> None:
        """Open the source.

        Args:
            settings: Which one.
            stop: Ends its waits.
            model: Looks at its frames.
            wrap: Wraps every source that is opened.
            given: Read instead of the configured one.
        """
        self._stop, self._model, self._wrap = stop, model, wrap
        self._stack = ExitStack()
        bare = given or self._open(settings)
        self.source = self._wrapped(bare)
        self._enter(bare)

    def close(self) -> None:
        """Close what is open."""
        self._stack.close()

    def instead(self, settings: Settings) -> tuple[FrameSource, Callable[[], None]]:
        """Return another source, and what closes the one until now: call it before the first read.

        Raises:
            SourceError, ConfigError: As `open_source`; the one until now is left alone.
        """
        bare = self._open(settings)

        def close_old() -> None:
            self._stack.close()
            self._enter(bare)

        return self._wrapped(bare), close_old

    def _open(self, settings: Settings) -> FrameSource:
        # A sample has every pixel and color, and the next model may want what this one makes no use of.
        wants_all = settings.samples.mode != "off" or settings.model.updates.folder is not None
        return open_source(
            settings.source,
            self._stop,
            gray=self._model.is_gray and not wants_all,
            smallest_wh=None if wants_all else self._model.smallest_wh,
            staleness_ms=settings.flow.staleness_ms,
        )

    def _wrapped(self, source: FrameSource) -> FrameSource:
        return source if self._wrap is None else self._wrap(source)

    def _enter(self, source: FrameSource) -> None:
        if isinstance(source, LiveSource):
            self._stack.enter_context(source)


def flow_options(settings: Settings) -> FlowOptions:
    """Return how the frames of a source flow: what can wait waits, and what cannot makes room or keeps its turn."""
    flow, source = settings.flow, settings.source
    match source:
        case SimulatedSource():
            newest_wins = HandoverOptions(1, WhenFull.REPLACE)
            handover = HandoverOptions(flow.queue_size, WhenFull.REFUSE) if source.is_triggered else newest_wins
        case DirectorySource():
            # Images on disk can wait; a paced folder still plays a camera that cannot.
            handover = HandoverOptions(flow.queue_size, WhenFull.WAIT if source.rate_hz is None else WhenFull.REFUSE)
        case VideoSource():
            handover = HandoverOptions(1, WhenFull.WAIT if source.rate_hz is None else WhenFull.REPLACE)
        case UsbSource() | NetworkSource() | PiCameraSource():
            handover = HandoverOptions(1, WhenFull.REPLACE)
        case _:
            assert_never(source)
    frames_per_part = source.frames_per_part if isinstance(source, SimulatedSource | DirectorySource) else 1
    return FlowOptions(
        handover,
        frames_per_part=frames_per_part,
        deadline_ms=flow.deadline_ms or (DEFAULT_DEADLINE_MS if frames_per_part > 1 else None),
        # A frame that the line waits for is never too old.
        staleness_ms=math.inf if handover.when_full is WhenFull.WAIT else flow.staleness_ms,
        max_results_hz=flow.max_results_hz,
        stats_interval_s=flow.stats_interval_s,
        hangs_after_s=settings.health.watchdog.inspection_s,
    )
