"""Carries a change-over out on a line that runs: the source first, between two frames, then what looks at them.

Every wait is bounded, and until the first frame of the new product is looked at everything can stay as it was.
"""

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
        relearn_rates: Called when only other rates are.
    """

    pipeline: Pipeline
    looks: StationModel
    source: OpenSource
    writer: EventWriter
    publish: Callable[[Message], None]
    relearn: Callable[[], object]
    relearn_rates: Callable[[], object]


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
    if stop.is_set():
        raise _stops()
    line.pipeline.expect(change)
    set_up = line.source.change_over(wanted.settings, wanted.code)
    failure = _not_set_up(set_up, stop) or _not_switched(change, stop)
    if failure is not None and not line.pipeline.withdraw(change):  # it has begun in the last moment
        failure = change.failure if change.wait(_SWITCH_S) else failure
    if failure is not None:
        # Frames of the new product that have come meanwhile get no verdict.
        line.source.put_back(set_up, before.settings, before.code)
        raise failure


def _not_set_up(set_up: Future[None], stop: threading.Event) -> InspectorError | None:
    """Return None once the source is set up, else why not."""
    try:
        if _is_done(set_up, _SET_UP_S, stop):
            return None
        if set_up.cancel():
            problem = f"the source has not come to its set-up within {_SET_UP_S:g} s: nothing comes from it"
        elif _is_done(set_up, _DRIVER_S, stop):
            return None
        else:
            problem = f"the camera's driver has not changed its features within {_DRIVER_S:g} s"
    except InspectorError as error:
        return error
    return _stops() if stop.is_set() else SourceError(problem)


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


def _not_switched(change: ChangeOver, stop: threading.Event) -> InspectorError | None:
    """Return None once a change-over has taken place, else why not."""
    until_s = time.monotonic() + _SWITCH_S
    while not change.wait(_TURN_S):
        if stop.is_set():
            return _stops()
        if time.monotonic() > until_s:
            return SourceError(f"what was captured before has not been inspected within {_SWITCH_S:g} s")
    return change.failure


def _stops() -> RefusedError:
    return RefusedError("the station stops")
