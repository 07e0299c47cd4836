"""The daemon: runs the pipeline of a configuration until a signal, and ends with an exit code that says why."""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from edge_inspector.alarms import Alarm
from edge_inspector.app import Station, build, check
from edge_inspector.app.freeing import give_memory_back
from edge_inspector.app.source import SourceWrapper
from edge_inspector.configuration.supervision import ReloadWish, Supervisor
from edge_inspector.errors import ConfigError, FrameError, InspectorError, ModelError, SourceError, StuckError
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.health.notify import Notifier
from edge_inspector.identity import Session
from edge_inspector.logs import set_up_logging
from edge_inspector.pipeline.options import Totals
from edge_inspector.ports import EventSink
from edge_inspector.settings import LogSettings, Settings

if TYPE_CHECKING:
    from edge_inspector.greengrass.nucleus import Nucleus

_log = logging.getLogger(__name__)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ONE_WISH_S = 0.5  # signals that come within this belong together


class Exit(IntEnum):
    """Exit codes, as in BSD's sysexits.h where it has one."""

    OK = 0
    USAGE = 2
    UNUSABLE_INPUT = 65  # model package or image
    SOURCE_FAILED = 69
    INTERNAL = 70  # a defect of ours in the flow
    STUCK = 75  # the supervisor should start it again
    CONFIGURATION = 78


def exit_code(error: InspectorError) -> Exit:
    """Return the exit code for an error that ends the program."""
    match error:
        case ConfigError():
            return Exit.CONFIGURATION
        case SourceError():
            return Exit.SOURCE_FAILED
        case ModelError() | FrameError():
            return Exit.UNUSABLE_INPUT
        case StuckError():
            return Exit.STUCK
        case _:
            return Exit.INTERNAL


def run_file(file: Path, *, stop: threading.Event | None = None, nucleus: "Nucleus | None" = None) -> Totals:
    """Run the station of a configuration file, and follow its changes, until the source ends or a signal comes.

    SIGTERM and SIGINT stop it in less than 2 seconds; SIGHUP has the file read again.

    Args:
        file: TOML, or JSON by its suffix.
        stop: Set to stop from another thread; signals set it too.
        nucleus: The connection to the Greengrass nucleus that started this process.

    Returns:
        The accounts of the last flow.

    Raises:
        ConfigError: If the file cannot be used, and no last good configuration is known.
        InspectorError: If something needed could not be opened, or the source failed.
    """

    def open_flow(
        settings: Settings, end: threading.Event, alarms: tuple[Alarm, ...]
    ) -> AbstractContextManager[Station]:
        opening = build(settings, end, standing_alarms=alarms, nucleus=nucleus, reload=wish.make)
        return _accounted(opening, settings)

    stop = stop_on_signals(threading.Event() if stop is None else stop)
    wish = reload_on_signal(ReloadWish())
    set_up_logging(LogSettings())
    supervisor = Supervisor[Totals](file, build=open_flow, check=check, prepare=_log_as, stop=stop, wish=wish)
    try:
        return supervisor.run()
    finally:
        Notifier.of_environment(is_content=lambda: True).stopping()


def run(  # noqa: PLR0913 - what a recording or a demo adds
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    sinks: Mapping[str, EventSink] | None = None,
    around_source: SourceWrapper | None = None,
    around_writer: Callable[[EventWriter], EventWriter] | None = None,
    watch_frame: Callable[[Frame], None] | None = None,
    session: Session | None = None,
) -> Totals:
    """Run settings that follow no file until the source ends or SIGTERM or SIGINT comes; SIGHUP changes nothing.

    Args:
        settings: The whole configuration.
        stop: Set to stop from another thread; signals set it too.
        sinks: Further sinks, by name.
        around_source: Wraps the source, for example to record what it delivers.
        around_writer: Wraps the writer of events, for example to record what they are written of.
        watch_frame: Called on the inspect thread with every frame that is inspected; must take no time.
        session: Identity of this run; a new one when None.

    Returns:
        The accounts of the run.

    Raises:
        InspectorError: If something needed could not be opened, or the source failed.
    """
    stop = stop_on_signals(threading.Event() if stop is None else stop)
    _ignore_reload_signal()
    _log_as(settings)
    opening = build(
        settings,
        stop,
        sinks=sinks,
        around_source=around_source,
        around_writer=around_writer,
        watch_frame=watch_frame,
        session=session,
    )
    with _accounted(opening, settings) as station:
        return station.run(stop)


@contextmanager
def _accounted(opening: AbstractContextManager[Station], settings: Settings) -> Iterator[Station]:
    """Open a station, say what it inspects, and when all is closed what became of its frames."""
    station: Station | None = None
    try:
        with opening as station:
            give_memory_back()
            _log.info("inspecting: %s", settings.source.type)
            yield station
    finally:
        if station is not None:
            _log_totals(station.totals())


def _log_as(settings: Settings) -> None:
    set_up_logging(settings.log, folder=settings.home if settings.keeps_on_disk else None)


def stop_on_signals(stop: threading.Event) -> threading.Event:
    """Set `stop` on SIGTERM and SIGINT; one that comes later ends the program at once, as without us.

    Who stops a process often signals its group too: the same wish twice within moments is still one wish.
    """
    stopped_s = math.inf

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped_s
        if time.monotonic() - stopped_s > _ONE_WISH_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stopped_s = min(stopped_s, time.monotonic())
        stop.set()

    for number in _STOP_SIGNALS:
        signal.signal(number, on_signal)
    return stop


def reload_on_signal(wish: ReloadWish) -> ReloadWish:
    """Make the wish on SIGHUP."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        wish.make()

    signal.signal(signal.SIGHUP, on_signal)
    return wish


def _ignore_reload_signal() -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        _log.warning("SIGHUP changes nothing here: this run does not follow its configuration file")

    signal.signal(signal.SIGHUP, on_signal)


def _log_totals(totals: Totals) -> None:
    frames, parts = totals.frames, totals.parts
    _log.info(
        "stopped: %d frames = %d inspected + %d dropped %s + %d in flight; %d parts: %s",
        frames.captured, frames.inspected, sum(frames.dropped.values()), frames.dropped, frames.in_flight,
        parts.seen, parts.outcomes,
    )  # fmt: skip
    if totals.undelivered:
        _log.warning("not delivered: %s", totals.undelivered)
