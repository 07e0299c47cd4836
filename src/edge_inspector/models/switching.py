"""The model that runs, and the switch to another one: it takes effect with the next part, on the inspect thread."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from edge_inspector.events import Json, ModelChange
from edge_inspector.models.packages import Opened
from edge_inspector.models.probation import Counts
from edge_inspector.models.telling import Teller, name_of
from edge_inspector.models.watched import Watched

_log = logging.getLogger(__name__)


class Line(Protocol):
    """The flow whose model is changed."""

    def switch(self, opened: Opened, on_switched: Callable[[], None]) -> None:
        """Let a model inspect from the next part on, and call `on_switched` on the inspect thread at once after."""

    def counts(self) -> Counts:
        """Return what came of parts since the start, or of frames where there are no parts; for any thread."""


class _Due:
    """A switch that was asked for.

    Attributes:
        done: Set once it has taken effect.
        counts: What had come of parts by then.
    """

    def __init__(self, opened: Opened, cause: ModelChange) -> None:
        self.opened, self.cause = opened, cause
        self.done = threading.Event()
        self.counts = Counts()


class Switching:
    """Which model runs; for one thread.

    Attributes:
        running: It, until the next switch is finished.
    """

    def __init__(self, running: Opened, line: Line, watched: Watched, teller: Teller, *, wake: threading.Event) -> None:
        """Start with a model that runs.

        Args:
            running: It; whoever opened it closes it, or its successor, at the end.
            line: The flow.
            watched: Its inspections, counted for each model from zero.
            teller: Says that another model runs.
            wake: Set when a switch has taken effect.
        """
        self.running = running
        self._line, self._watched, self._teller, self._wake = line, watched, teller, wake
        self._due: _Due | None = None

    @property
    def coming(self) -> Opened | None:
        """The model that takes over with the next part."""
        due = self._due
        return None if due is None else due.opened

    def switch(
        self, opened: Opened, *, cause: ModelChange, reason: str, comparison: Mapping[str, Json] | None = None
    ) -> None:
        """Let another model take over with the next part; call it when none is coming.

        Args:
            opened: The model, now ours.
            cause: Why, in one word.
            reason: The same for people.
            comparison: What its shadow has told.
        """
        due, previous = _Due(opened, cause), self.running.identity

        def on_switched() -> None:
            self._watched.begin_anew()
            due.counts = self._line.counts()
            self._teller.changed(opened.identity, previous, cause=cause, reason=reason, comparison=comparison)
            due.done.set()
            self._wake.set()

        self._due = due
        self._line.switch(opened, on_switched)

    def taken_effect(self) -> Counts | None:
        """Return the counts of the instant at which a switch has taken effect that is not finished yet; else None."""
        due = self._due
        return due.counts if due is not None and due.done.is_set() else None

    def finish(self) -> ModelChange | None:
        """Free the model until now, once a switch has taken effect; return why another one took over."""
        if (due := self._due) is None:
            return None
        before, self.running, self._due = self.running, due.opened, None
        before.close()
        _log.info("model %s runs, %s has gone", name_of(due.opened.identity), name_of(before.identity))
        return due.cause

    def close(self) -> None:
        """Free every model but the one that inspects: there is no next part."""
        if self.taken_effect() is not None:
            self.finish()
        elif (due := self._due) is not None:
            due.opened.close()
