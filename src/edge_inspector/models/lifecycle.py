"""The life of a station's models: a new one is noticed, examined, takes over, proves itself or is taken back.

All of it happens on the thread "models", for which nobody waits; a candidate is examined on another one, and a switch
takes effect on the inspect thread, between two parts. What is written down comes before what takes effect: a crash at
any instant finds a station that starts, with the old model or with the new one.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

from edge_inspector.errors import InspectorError, ModelError, RefusedError
from edge_inspector.events import Json, ModelChange, model_document
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.examining import Examination, Found, Known, Ready, Refused, Unavailable
from edge_inspector.models.memory import Probation, Rejection
from edge_inspector.models.packages import Opened, Packages
from edge_inspector.models.probation import Counts, Proof
from edge_inspector.models.proving import Proving
from edge_inspector.models.recall import Recall
from edge_inspector.models.starting import Started, open_first
from edge_inspector.models.store import Store
from edge_inspector.models.switching import Line, Switching
from edge_inspector.models.telling import Teller, name_of
from edge_inspector.models.watched import Watched
from edge_inspector.models.wishes import Wishes
from edge_inspector.settings import UpdateSettings

_log = logging.getLogger(__name__)
_TICK_S = 0.2  # a stop is noticed within this
_PAUSE_S = 1.0  # after a look that failed
_ANSWER_S = 10.0  # to load the model that is gone back to
_TOLD_AGAIN_S = 86_400.0  # who waits for the word that a model is trusted may not have heard it


@dataclass(frozen=True, slots=True)
class _Request:
    """A person's wish to go back, to the model with this sha256 unless None."""

    to_sha256: str | None
    by: str | None
    answer: Future[dict[str, Json]] = field(default_factory=Future)


class Models:
    """The models of one station, from entering to leaving."""

    def __init__(  # noqa: PLR0913 - the rooms that it joins
        self,
        settings: UpdateSettings,
        store: Store,
        packages: Packages,
        started: Started,
        line: Line,
        *,
        folder: Path,
        watched: Watched,
        teller: Teller,
        is_comparable: bool = True,
    ) -> None:
        """Begin with the model that runs.

        Args:
            settings: How a model comes into force.
            store: The models of this home.
            packages: Knows what is in a package.
            started: With which model the station has started.
            line: The flow.
            folder: The folder of updates.
            watched: What the inspect thread tells of its inspections.
            teller: Tells of what happens.
            is_comparable: What the model of the start has rejected means something on this line.
        """
        self._settings, self._store, self._packages, self._line = settings, store, packages, line
        self._started, self._watched, self._teller = started, watched, teller
        self._is_comparable = is_comparable
        self._stop, self._wake = threading.Event(), threading.Event()
        self._recall = Recall(store, started.memory, self._unavailable, is_behind=started.is_behind)
        self._switching = Switching(started.opened, line, watched, teller, wake=self._wake)
        self._wishes = Wishes(folder, self._examine, teller)
        self._proving = Proving(settings, watched)
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._is_changed = self._is_unusual = False
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(2 * _TICK_S)
        self._wishes.end()
        self._switching.close()

    def reconsider(self) -> None:
        """Begin an examination that goes on anew: what the candidate is held against has changed; for any thread."""
        self._is_changed = True

    def learn_anew(self) -> None:
        """Learn anew what usually comes of parts: another product is made, or other thresholds decide; any thread."""
        self._is_unusual = True
        self.reconsider()

    def rollback(self, to_sha256: str | None = None, *, by: str | None = None) -> dict[str, Json]:
        """Go back to the last good model with the next part, and remember what ran as refused; for any thread.

        Args:
            to_sha256: The model that is expected there; whichever is there when None.
            by: Who wants it, for the reason that is told.

        Returns:
            `model` that runs with the next part, and `rolled_back`, each with name, version and sha256.

        Raises:
            InspectorError: If there is no such model, it cannot be opened, or another switch waits for the next part.
        """
        request = _Request(to_sha256, by)
        self._requests.put(request)
        self._wake.set()
        try:
            return request.answer.result(_ANSWER_S)
        except TimeoutError as error:
            request.answer.cancel()
            msg = f"no rollback within {_ANSWER_S:g} s: {self.busy() or 'the disk is slow'}"
            raise ModelError(msg) from error

    def busy(self) -> str | None:
        """Return in words what a restart would disturb now, or None; for any thread."""
        if (coming := self._switching.coming) is not None:
            return f"model {name_of(coming.identity)} takes over with the next part"
        if (examination := self._wishes.examination) is not None:
            return f"model {examination.name} is {examination.stage}"
        if self._proving.is_going_on:
            return f"model {name_of(self._switching.running.identity)} is on probation"
        return None

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it; for any thread."""
        memory, examination = self._recall.memory, self._wishes.examination
        return {
            "running": model_document(self._switching.running.identity),
            "previous": None if memory.previous is None else model_document(memory.previous),
            "candidate": None if examination is None else examination.document(),
            "probation": self._proving.document(),
            "rejected": len(memory.rejected),
        }

    def _run(self) -> None:
        self._guarded(self._begin)
        while not self._stop.is_set():
            self._guarded(self._round)
            self._wake.wait(_TICK_S)
            self._wake.clear()

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - thread boundary: whatever fails, the model that runs goes on
            _log.exception("models: a look failed")
            self._unavailable(f"{type(error).__name__}: {error}")
            self._stop.wait(_PAUSE_S)

    def _begin(self) -> None:
        if self._started.problems:
            self._unavailable(*self._started.problems)
        if self._started.rejection is not None:
            self._teller.rejected(self._started.rejection, self._switching.running.identity)
        self._proving.begin(self._line.counts(), self._recall.memory.probation)

    def _round(self) -> None:
        self._proving.learn(self._line.counts())
        if self._is_unusual:
            self._is_unusual = False
            self._proving.begin_anew()
        if (counts := self._switching.taken_effect()) is not None:
            self._take_effect(counts)
        if self._switching.coming is None:
            self._serve()
        if self._switching.coming is None:
            self._prove()
        if self._switching.coming is None:
            self._look_at_wishes(time.monotonic())

    def _take_effect(self, counts: Counts) -> None:
        self._proving.begin(counts, self._recall.memory.probation)
        cause = self._switching.finish()
        self._recall.tidy()
        if cause is ModelChange.UPDATE:
            self._tell_if_trusted()

    def _serve(self) -> None:
        if self._requests.empty():
            return
        request = self._requests.get()
        if not request.answer.set_running_or_notify_cancel():
            return
        try:
            reason = f"it was rolled back by {request.by or 'hand'}"
            answer = self._take_back(reason, cause=ModelChange.COMMAND, to_sha256=request.to_sha256)
            request.answer.set_result(answer)
        except InspectorError as error:
            request.answer.set_exception(error)

    def _prove(self) -> None:
        if not self._proving.is_going_on:
            return
        running = self._switching.running.identity
        match self._proving.judge():
            case Proof.PENDING, _:
                return
            case Proof.TRUSTED, _:
                proof = self._proving.proof()
                self._recall.change_in_any_case(lambda memory: memory.trusted(proof))
                self._proving.is_going_on = False
                self._tell_if_trusted()
            case Proof.FAILED, reason:
                try:
                    self._take_back(reason)
                except InspectorError as error:  # there is nothing better: it runs on
                    self._proving.is_going_on = False
                    self._unavailable(f"model {name_of(running)}: {reason}", str(error))

    def _look_at_wishes(self, now_s: float) -> None:
        is_changed, self._is_changed = self._is_changed, False
        if self._recall.is_news() or (is_changed and self._wishes.examination is not None):
            self._wishes.look_again()
        if (found := self._wishes.look(now_s)) is not None:
            self._consider(found)

    def _examine(self, package: Path) -> Examination:
        memory, running = self._recall.memory, self._switching.running.identity
        return Examination(
            package, self._packages, self._store, self._watched, self._settings, memory=memory, running=running
        )

    def _consider(self, found: Found) -> None:
        running = self._switching.running.identity
        if isinstance(found, Unavailable):
            self._unavailable(found.problem)
            return
        if self._recall.catch_up():
            self._teller.available()
        match found:
            case Ready():
                self._take_over(found)
            case Refused(model, reason, comparison):
                refusal = Rejection(model, reason, datetime.now(UTC))
                self._recall.change_in_any_case(lambda memory: memory.refused(refusal))
                self._recall.tidy()
                self._teller.rejected(refusal, running, comparison)
            case Known(model, rejection):
                if rejection is None:
                    _log.info("model %s runs already", name_of(model))
                    self._teller.as_wished()
                    self._tell_if_trusted()
                else:
                    _log.info("model %s stays refused: %s", name_of(model), rejection.reason)
                    self._teller.stays_rejected(rejection, running)
            case _:
                assert_never(found)

    def _take_over(self, ready: Ready) -> None:
        was_good = ready.opened.identity == self._recall.memory.previous
        probation = None if was_good else Probation(datetime.now(UTC), before=self._before())
        if not self._recall.change(lambda memory: memory.switched(ready.opened.identity, probation)):
            ready.opened.close()
            return
        self._teller.as_wished()
        self._proving.is_going_on = False
        self._switching.switch(ready.opened, cause=ModelChange.UPDATE, reason=ready.remark, comparison=ready.comparison)

    def _tell_if_trusted(self) -> None:
        """Say that the model that runs is trusted, and again whenever it is found as wished: with each start, too."""
        memory = self._recall.memory
        if memory.probation is None:
            self._teller.proved(self._switching.running.identity, memory.proof)
            self._wishes.look_again_at(time.monotonic() + _TOLD_AGAIN_S)

    def _before(self) -> Counts:
        """Return what came of parts under the last good model; nothing where that means nothing on this line."""
        memory = self._recall.memory
        if memory.probation is not None:
            return memory.probation.before
        return self._proving.usual if self._is_comparable or memory.running is not None else Counts()

    def _take_back(
        self, reason: str, *, cause: ModelChange = ModelChange.ROLLBACK, to_sha256: str | None = None
    ) -> dict[str, Json]:
        """Go back to the last good model with the next part.

        Raises:
            RefusedError: If a person asks for it, and there is none but a stand-in that was made for another line.
            ModelError: If there is none, or it cannot be opened.
            ConfigError: If the policy contradicts it.
        """
        bad = self._switching.running.identity
        if cause is ModelChange.COMMAND and self._recall.memory.previous is None and not self._is_comparable:
            msg = f"{name_of(bad)} runs; expected a good model before it, found none that was made for this line"
            raise RefusedError(msg)
        opened, previous = self._open_good()
        good = opened.identity
        if good == bad or (to_sha256 is not None and to_sha256 != good.sha256):
            opened.close()
            msg = f"{name_of(bad)} runs; expected {to_sha256 or 'a good model before it'}, found {name_of(good)}"
            raise ModelError(msg)
        if self._stop.is_set():  # loading took longer than the end waits: what is remembered is the next flow's
            opened.close()
            msg = f"{name_of(bad)} runs; the station ends"
            raise ModelError(msg)
        rejection = Rejection(bad, reason, datetime.now(UTC), ran=True)
        self._recall.change_in_any_case(lambda memory: memory.taken_back(rejection).fallen_back(previous))
        self._teller.rejected(rejection, good)
        self._wishes.look_again()  # what is examined was held against the model that goes
        self._proving.is_going_on = False
        self._switching.switch(opened, cause=cause, reason=reason)
        return {"model": model_document(good), "rolled_back": model_document(bad)}

    def _open_good(self) -> tuple[Opened, ModelIdentity | None]:
        """Open the last good model, the configured one where that is damaged; with what it is remembered as."""
        previous = self._recall.memory.previous
        models = () if previous is None else (previous,)
        return open_first(models, self._store, self._packages, self._unavailable)

    def _unavailable(self, *problems: str) -> None:
        self._teller.unavailable(*problems)
        self._wishes.try_later(time.monotonic())
