"""Carries a change-over out on a line that runs: the source first, between two frames, then what looks at them.

Every wait is bounded, and until the first frame of the new product is looked at everything can stay as it was.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from edge_inspector.app.models import StationModel
from edge_inspector.app.source import OpenSource
from edge_inspector.errors import InspectorError, RefusedError, SourceError
from edge_inspector.events import EventWriter
from edge_inspector.pipeline.change_over import ChangeOver
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.settings import Settings
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)

_SET_UP_S = 8.0  # within which the source must come to it
_DRIVER_S = 10.0  # and within which the driver must have done it
_SWITCH_S = 10.0  # within which what was captured before must be inspected
_TURN_S = 0.05  # a stop is noticed within this


@dataclass(frozen=True, slots=True)
class Line:
    """What a change-over changes.

    Attributes:
        pipeline: The flow.
        looks: The model that looks at its frames.
        source: Delivers them.
        writer: Writes the events.
        publish: Takes them; must not wait.
        relearn: Called when other pictures and other rates are usual.
    """

    pipeline: Pipeline
    looks: StationModel
    source: OpenSource
    writer: EventWriter
    publish: Callable[[Message], None]
    relearn: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Product:
    """A product, and the configuration as it is for it."""

    code: str
    settings: Settings


def carry_out(change: ChangeOver, line: Line, *, wanted: Product, before: Product, stop: threading.Event) -> None:
    """Set the source up and wait until its frames are looked at as what they are, or leave all as it was.

    Args:
        change: What is to be looked with.
        line: Where.
        wanted: The next product.
        before: The one in force.
        stop: Ends the waits.

    Raises:
        ConfigError: If the camera refuses a feature, or the policy no longer fits the model.
        SourceError: If the source, or what was captured before, takes too long.
        RefusedError: If the station stops.
    """
    check_stop(stop)
    line.pipeline.expect(change)
    try:
        _set_up(line.source, wanted, before, stop)
    except InspectorError:
        line.pipeline.withdraw(change)
        raise
    failure = _switched(change, stop)
    if failure is not None and not line.pipeline.withdraw(change):  # it has begun in the last moment
        failure = change.failure if change.wait(_SWITCH_S) else failure
    if failure is not None:
        # Frames of the new product that have come meanwhile get no verdict.
        line.source.change_over(before.settings, before.code)
        raise failure


def check_stop(stop: threading.Event) -> None:
    """Raise RefusedError if the station stops."""
    if stop.is_set():
        msg = "the station stops"
        raise RefusedError(msg)


def _set_up(source: OpenSource, wanted: Product, before: Product, stop: threading.Event) -> None:
    done = source.change_over(wanted.settings, wanted.code)
    if not _is_done(done, _SET_UP_S, stop) and done.cancel():
        check_stop(stop)
        msg = f"the source has not come to its set-up within {_SET_UP_S:g} s: nothing comes from it"
        raise SourceError(msg)
    if _is_done(done, _DRIVER_S, stop):
        return

    def take_back(done: Future[None]) -> None:
        if not done.cancelled() and done.exception() is None:
            _log.warning("the camera has changed its features too late: it is set up as before")
            source.change_over(before.settings, before.code)

    done.add_done_callback(take_back)
    msg = f"the camera's driver has not changed its features within {_DRIVER_S:g} s"
    raise SourceError(msg)


def _is_done(done: Future[None], patience_s: float, stop: threading.Event) -> bool:
    """Return whether a future is done before the patience ends, or the station; raise what it has failed with."""
    until_s = time.monotonic() + patience_s
    while True:
        try:
            done.result(_TURN_S)
        except TimeoutError:
            if stop.is_set() or time.monotonic() > until_s:
                return False
        else:
            return True


def _switched(change: ChangeOver, stop: threading.Event) -> InspectorError | None:
    """Return None once a change-over has taken place, else why not."""
    until_s = time.monotonic() + _SWITCH_S
    while not change.wait(_TURN_S):
        if stop.is_set():
            return RefusedError("the station stops")
        if time.monotonic() > until_s:
            return SourceError(f"what was captured before has not been inspected within {_SWITCH_S:g} s")
    return change.failure
