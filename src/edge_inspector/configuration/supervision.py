"""Runs the flow of one configuration after another in one process: whatever a new one does, the last good one runs on.

The flow has a thread of its own. The supervisor's looks at it, at the stop and at the configuration file in turn, so
that there is never more than one change at a time.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from edge_inspector.configuration.effects import Effect
from edge_inspector.configuration.examining import Candidate, Check, Examination, Known, Refused, mark_trial, problem_of
from edge_inspector.configuration.flows import Build, Flow, Reloadable, RunningFlow, T
from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.configuration.standing import Standing
from edge_inspector.configuration.starting import begin
from edge_inspector.configuration.trial import Proof
from edge_inspector.configuration.watching import FileWatch
from edge_inspector.errors import StuckError
from edge_inspector.settings import Settings

_log = logging.getLogger(__name__)
_TICK_S = 0.05  # a stop is noticed within this
_END_S = 5.0  # longer than a flow takes to end


@dataclass(slots=True)
class ReloadWish:
    """A wish that the file is looked at again, made in a signal handler or by a command; several are one."""

    is_made: bool = False

    def make(self) -> None:
        """Wish; from any thread, and in a signal handler."""
        self.is_made = True

    def take(self) -> bool:
        """Return whether it was made, and forget it."""
        was_made, self.is_made = self.is_made, False
        return was_made


@dataclass(frozen=True, slots=True)
class _Turn:
    """What runs next; on trial under `digest` unless that is None."""

    settings: Settings
    store: LastGood
    digest: str | None
    since_s: float


class Supervisor(Generic[T]):
    """The life of one configuration file's flows."""

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        file: Path,
        *,
        build: Build[T],
        check: Check,
        prepare: Callable[[Settings], None],
        stop: threading.Event,
        wish: ReloadWish,
    ) -> None:
        """Read the file, or what stands in for it.

        Args:
            file: The configuration file.
            build: Opens a flow: settings, what ends it, alarms that stand from its start.
            check: Opens what the settings name and closes it again while another flow runs; raises what is wrong.
            prepare: Called with the settings before they come into force.
            stop: Ends everything.
            wish: Asks for another look at the file.

        Raises:
            ConfigError: If the file cannot be used, and there is no last good configuration.
        """
        self._build = build
        self._check = check
        self._prepare = prepare
        self._stop = stop
        self._wish = wish
        self._watch = FileWatch(file)
        start = begin(file)
        self._watch.note(start.content)
        choice, digest = start.choice, digest_of(start.content)
        self._now = Standing(file, choice.settings, start.store, start.good)
        self._next: _Turn | None = None
        self._examination: Examination | None = None
        prepare(choice.settings)
        if choice.refusal is not None:
            self._now.refuse(choice.refusal)
        if choice.on_trial:
            mark_trial(start.store, digest, start.good)
            self._now.switch(choice.settings, start.store, digest)

    def run(self) -> T:
        """Run until the source ends or the stop, and return the accounts of the last flow.

        Raises:
            StuckError: If only a new process helps.
            Exception: What ended a flow, where there is nothing to run instead.
        """
        turned_since_s: float | None = None
        while True:
            try:
                totals = self._run_flow(turned_since_s)
            except Exception as error:
                if not self._outlives(error):
                    raise
            else:
                if self._next is None or self._stop.is_set():
                    self._forget_news()
                    return totals
            if (turn := self._next) is not None:
                self._next, turned_since_s = None, turn.since_s
                self._now.switch(turn.settings, turn.store, turn.digest)
                self._prepare(turn.settings)

    def _run_flow(self, turned_since_s: float | None) -> T:
        stop = threading.Event()
        with self._build(self._now.running, stop, self._now.alarms) as flow:
            if turned_since_s is not None:
                _log.info("the flow was built anew, in %.2f s", time.monotonic() - turned_since_s)
            self._now.begin(flow)
            running = RunningFlow(flow, stop)
            try:
                while not running.ended.wait(_TICK_S):
                    if self._stop.is_set() or self._next is not None:
                        stop.set()
                    else:
                        self._look_at(flow)
            finally:
                stop.set()
                running.ended.wait(_END_S)
            totals = running.result()
            self._now.end_trial(flow)
            return totals

    def _look_at(self, flow: Flow[T]) -> None:
        match self._now.proof(flow):
            case Proof.GOOD:
                self._now.promote(flow)
            case Proof.FAILED:
                self._now.forget_trial()
                if self._now.good is not None:
                    self._now.refuse("no frame could be inspected with it; the log says why", flow)
                    self._turn_to(self._now.good)
            case Proof.PENDING | None:
                self._look_for_news(flow)

    def _look_for_news(self, flow: Flow[T]) -> None:
        if (examination := self._examination) is None:
            asked = self._wish.take()
            if self._watch.is_due(time.monotonic()) or asked:
                known = Known(self._now.running, self._now.good)
                self._examination = Examination(self._watch, known, self._check, asked=asked)
        elif examination.has_ended:
            self._examination = None
            found = examination.found
            if examination.known.running is self._now.running:
                self._consider(found, flow)
            else:  # what it was held against has failed since
                _forget(found)
                self._wish.make()

    def _consider(self, found: Candidate | Refused | None, flow: Flow[T]) -> None:
        match found:
            case None:
                pass
            case Refused(problem):
                self._now.refuse(problem, flow)
            case Candidate() if not found.changes:
                _log.info("%s says what runs already", self._now.file)
                self._now.accept(flow)
            case Candidate():
                for change in found.changes:
                    _log.info("configuration: %s", change)
                if found.effect is Effect.RESTART or not isinstance(flow, Reloadable):
                    self._now.refusal = None
                    self._turn_to(found.settings, store=found.store, digest=found.digest)
                else:
                    self._apply(found, flow, flow)

    def _apply(self, found: Candidate, flow: Flow[T], reloadable: Reloadable) -> None:
        is_reopened = False
        try:
            if found.effect is Effect.SOURCE:
                reloadable.reopen_source(found.settings)
                is_reopened = True
            reloadable.apply(found.settings)
        except Exception as error:  # noqa: BLE001 - whatever a new configuration breaks, the last good one runs
            _forget(found)
            self._now.refuse(problem_of(error), flow)
            if is_reopened:
                trial = self._now.trial
                self._turn_to(self._now.running, digest=None if trial is None else trial.digest)
            return
        self._prepare(found.settings)
        self._now.switch(found.settings, found.store, found.digest)
        self._now.begin(flow, in_hand=1)
        _log.info("the configuration is in force")

    def _turn_to(self, settings: Settings, *, store: LastGood | None = None, digest: str | None = None) -> None:
        self._next = _Turn(settings, store or self._now.store, digest, time.monotonic())

    def _outlives(self, error: Exception) -> bool:
        """Return whether something else runs, now that a flow has ended with an error."""
        if isinstance(error, StuckError):
            return False  # the mark of a trial stays: for the next start it is a crash
        was_on_trial = self._now.trial is not None
        self._now.forget_trial()
        if self._stop.is_set():
            self._forget_news()
            return False
        if self._next is not None:
            _log.error("the flow ended with an error: %s", problem_of(error))
            return True
        if not was_on_trial or self._now.good is None:
            return False
        self._now.refuse(problem_of(error))
        self._turn_to(self._now.good)
        return True

    def _forget_news(self) -> None:
        """Take back the marks of what the stop came before."""
        if self._next is not None and self._next.digest is not None:
            self._next.store.end_trial(self._next.digest)
        if self._examination is not None:
            _forget(self._examination.found)


def _forget(found: Candidate | Refused | None) -> None:
    if isinstance(found, Candidate):
        found.store.end_trial(found.digest)
