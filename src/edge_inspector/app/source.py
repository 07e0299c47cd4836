"""Which source frames come from, what takes its place, and how they flow."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias, assert_never

from edge_inspector.app.live import LineSide, live_source, no_line
from edge_inspector.app.web import web_of, web_source
from edge_inspector.errors import SourceError
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Model
from edge_inspector.pipeline.options import FlowOptions
from edge_inspector.ports import FrameSource
from edge_inspector.settings import (
    DEFAULT_DEADLINE_MS,
    DirectorySource,
    LiveCamera,
    Settings,
    SimulatedSource,
    SimulatedWebSource,
    SourceSettings,
    VideoSource,
)
from edge_inspector.settings.for_product import product_camera
from edge_inspector.sources.directory import DirectorySource as Directory
from edge_inspector.sources.live import LiveSource, SetUp
from edge_inspector.sources.marked import MarkedSource
from edge_inspector.sources.recorded import RecordedFrames
from edge_inspector.sources.simulated import SimulatedLine
from edge_inspector.sources.simulated_web import SimulatedWeb
from edge_inspector.sources.video import VideoSource as Video
from edge_inspector.sources.web import WebSource
from edge_inspector.sources.web_speed import WebSpeed

SourceWrapper: TypeAlias = Callable[[FrameSource], FrameSource]


def open_source(  # noqa: PLR0913 - what its kinds make use of
    settings: SourceSettings,
    stop: threading.Event,
    *,
    gray: bool = False,
    smallest_wh: tuple[int, int] | None = None,
    staleness_ms: float = math.inf,
    line: LineSide | None = None,
) -> FrameSource:
    """Open the configured source; a live camera is opened only when its first frame is asked for.

    Args:
        settings: Which one.
        stop: Ends its waits.
        gray: The model needs no colors.
        smallest_wh: Width and height beyond which the model makes no use of a picture; every pixel counts when None.
        staleness_ms: Pictures of a live camera that may be older are passed over.
        line: What the parts of a live camera come with; nothing when None.

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
        case SimulatedWebSource():
            return web_source(SimulatedWeb(settings, stop), settings.web, (line or no_line()).rolls)
        case LiveCamera():
            line = line or no_line()
            web = web_of(settings)
            speed = None if web is None or web.speed is None or line.plc is None else WebSpeed(line.plc, web.speed)
            camera = live_source(settings, gray=gray, staleness_s=staleness_ms / 1000, line=line, speed=speed)
            mm_per_line = None if speed is None else speed.mm_per_line
            return camera if web is None else web_source(camera, web, line.rolls, mm_per_line)
    assert_never(settings)


class OpenSource:
    """The source that is read, and the one that takes its place."""

    def __init__(  # noqa: PLR0913 - what a replay or a test replaces
        self,
        settings: Settings,
        stop: threading.Event,
        model: Model,
        *,
        wrap: SourceWrapper | None = None,
        given: FrameSource | None = None,
        product: str | None = None,
        line: LineSide | None = None,
        replayed: Callable[[FrameSource], FrameSource] = lambda source: source,
    ) -> None:
        """Open the source.

        Args:
            settings: Which one.
            stop: Ends its waits.
            model: Looks at its frames.
            wrap: Wraps every source that is opened.
            given: Read instead of the configured one.
            product: What the line is set up for; None where nothing changes over.
            line: What the parts of a live camera come with.
            replayed: Wraps a recording that is given: its frames say themselves what they are of.
        """
        self._stop, self._model, self._wrap, self._line = stop, model, wrap, line
        self._stack = ExitStack()
        self._changes: LiveSource | MarkedSource | None = None
        self._given_up: Future[None] | None = None  # a set-up that may still come about
        bare = given or self._open(settings)
        if isinstance(given, RecordedFrames):
            self.source = self._wrapped(replayed(given))
        else:
            self.source = self._joined(bare, settings, product)
        self._enter(bare)

    def close(self) -> None:
        """Close what is open."""
        self._stack.close()

    def change_over(self, settings: Settings, product: str | None) -> Future[None]:
        """Set the source that is read up for another product; as `LiveSource.change_over`.

        Args:
            settings: The configuration as it is for that product.
            product: Its code.
        """
        if self._changes is None:
            return _failed("expected a source that changes over, found a recording")
        if self._given_up is not None and not self._given_up.done():
            return _failed("the camera's driver still changes its features for the change-over before")
        return self._changes.change_over(_set_up(settings, product))

    def put_back(self, given_up: Future[None], settings: Settings, product: str | None) -> None:
        """Set the source up as before in any case: now, or once a driver that hangs has come to what is given up.

        Args:
            given_up: What `change_over` has returned last.
            settings: The configuration as it is for the product in force.
            product: Its code.
        """
        changes, self._given_up = self._changes, given_up

        def back(given_up: Future[None]) -> None:
            if changes is not None and not given_up.cancelled() and given_up.exception() is None:
                changes.change_over(replace(_set_up(settings, product), in_any_case=True))

        given_up.add_done_callback(back)

    def instead(self, settings: Settings, product: str | None = None) -> tuple[FrameSource, Callable[[], None]]:
        """Return another source, and what closes the one until now: call it before the first read.

        Raises:
            SourceError, ConfigError: As `open_source`; the one until now is left alone.
        """
        bare = self._open(settings)
        self._given_up = None

        def close_old() -> None:
            self._stack.close()
            self._enter(bare)

        return self._joined(bare, settings, product), close_old

    def _open(self, settings: Settings) -> FrameSource:
        # A sample has every pixel and color, and the next model may want what this one makes no use of.
        others = any(product.model is not None for product in settings.products.values())
        wants_all = settings.samples.mode != "off" or settings.model.updates.folder is not None or others
        return open_source(
            settings.source,
            self._stop,
            gray=self._model.is_gray and not wants_all,
            smallest_wh=None if wants_all else self._model.smallest_wh,
            staleness_ms=settings.flow.staleness_ms,
            line=self._line,
        )

    def _joined(self, bare: FrameSource, settings: Settings, product: str | None) -> FrameSource:
        """Return a source that marks its frames with the product, where there are products."""
        if product is None:
            return self._wrapped(bare)
        live = bare.source if isinstance(bare, WebSource) else bare
        if isinstance(live, LiveSource):
            self._changes = live
            live.begin_with(_set_up(settings, product))
            return self._wrapped(bare)
        self._changes = marked = MarkedSource(bare, product, frames_per_part=flow_options(settings).frames_per_part)
        return self._wrapped(marked)

    def _wrapped(self, source: FrameSource) -> FrameSource:
        return source if self._wrap is None else self._wrap(source)

    def _enter(self, source: FrameSource) -> None:
        if isinstance(source, LiveSource | WebSource):
            self._stack.enter_context(source)


def _failed(problem: str) -> Future[None]:
    done: Future[None] = Future()
    done.set_exception(SourceError(problem))
    return done


def _set_up(settings: Settings, product: str | None) -> SetUp:
    return SetUp(product, None if product is None else product_camera(settings, product))


def flow_options(settings: Settings) -> FlowOptions:
    """Return how the frames of a source flow: what can wait waits, and what cannot makes room or keeps its turn."""
    flow, source = settings.flow, settings.source
    newest_wins = HandoverOptions(1, WhenFull.REPLACE)
    match source:
        case SimulatedSource():
            handover = HandoverOptions(flow.queue_size, WhenFull.REFUSE) if source.is_triggered else newest_wins
        case DirectorySource():
            # Images on disk can wait; a paced folder still plays a camera that cannot.
            handover = HandoverOptions(flow.queue_size, WhenFull.WAIT if source.rate_hz is None else WhenFull.REFUSE)
        case VideoSource():
            handover = HandoverOptions(1, WhenFull.WAIT if source.rate_hz is None else WhenFull.REPLACE)
        case SimulatedWebSource():
            handover = HandoverOptions(flow.queue_size, WhenFull.WAIT if source.lines_hz is None else WhenFull.REFUSE)
        case LiveCamera():
            # Each part, and each line of a web, is there once; whatever else a camera sees, it will see again.
            is_refused = source.is_triggered or web_of(source) is not None
            handover = HandoverOptions(flow.queue_size, WhenFull.REFUSE) if is_refused else newest_wins
        case _:
            assert_never(source)
    may_have_parts = SimulatedSource | DirectorySource | LiveCamera
    frames_per_part = source.frames_per_part if isinstance(source, may_have_parts) else 1
    # A part without a verdict must still be thrown out in time.
    by_gate_ms = None if settings.gate is None else settings.gate.verdict_by_ms
    return FlowOptions(
        handover,
        frames_per_part=frames_per_part,
        deadline_ms=flow.deadline_ms or by_gate_ms or (DEFAULT_DEADLINE_MS if frames_per_part > 1 else None),
        # A frame that the line waits for is never too old, nor is one of lines that come only once.
        staleness_ms=math.inf if handover.when_full is WhenFull.WAIT or web_of(source) else flow.staleness_ms,
        max_results_hz=flow.max_results_hz,
        stats_interval_s=flow.stats_interval_s,
        hangs_after_s=settings.health.watchdog.inspection_s,
    )
