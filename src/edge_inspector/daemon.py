"""The daemon: reads the configuration, runs the pipeline until a signal, and ends with an exit code that says why."""

import ctypes
import json
import logging
import math
import signal
import threading
import time
import tomllib
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from types import FrameType

from edge_inspector.app import build
from edge_inspector.errors import ConfigError, FrameError, InspectorError, ModelError, SourceError
from edge_inspector.logs import set_up_logging
from edge_inspector.pipeline.flow import Totals
from edge_inspector.ports import EventSink
from edge_inspector.settings import Settings, parse

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
        case _:
            return Exit.INTERNAL


def read_settings(path: Path) -> Settings:
    """Read a configuration file, TOML or JSON by its suffix.

    Raises:
        ConfigError: If it cannot be read, or with every problem in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise ConfigError(msg) from error
    try:
        document: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside the parsers' own: thousands of digits, or of brackets
        msg = f"{path}: expected {'JSON' if path.suffix == '.json' else 'TOML'}, found: {error}"
        raise ConfigError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path}: expected sections by name, found {type(document).__name__}"
        raise ConfigError(msg)
    return parse(document, name=str(path))


def run(
    settings: Settings, *, stop: threading.Event | None = None, sinks: Mapping[str, EventSink] | None = None
) -> Totals:
    """Run until the source ends or SIGTERM or SIGINT comes; a clean stop takes less than 2 seconds.

    Args:
        settings: The whole configuration.
        stop: Set to stop from another thread; signals set it too.
        sinks: Further sinks, by name.

    Returns:
        The accounts of the run.

    Raises:
        InspectorError: If something needed could not be opened, or the source failed.
    """
    stop = stop_on_signals(threading.Event() if stop is None else stop)
    set_up_logging(settings.log)
    with build(settings, stop, sinks=sinks) as pipeline:
        _give_memory_back()
        _log.info("inspecting: %s", settings.source.type)
        try:
            totals = pipeline.run(stop)
        finally:
            _log_totals(pipeline.totals())
    return totals


def _give_memory_back() -> None:
    """Return to the system what loading the model has freed: the C library would keep several MB for good."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


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


def _log_totals(totals: Totals) -> None:
    frames, parts = totals.frames, totals.parts
    _log.info(
        "stopped: %d frames = %d inspected + %d dropped %s + %d in flight; %d parts: %s",
        frames.captured, frames.inspected, sum(frames.dropped.values()), frames.dropped, frames.in_flight,
        parts.seen, parts.outcomes,
    )  # fmt: skip
    if totals.undelivered:
        _log.warning("not delivered: %s", totals.undelivered)
