"""Looks at a new configuration on a thread of its own: a slow disk or a large model must hold up no stop."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_inspector.configuration.difference import Change, difference
from edge_inspector.configuration.effects import Effect, strongest
from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.configuration.reading import settings_in
from edge_inspector.configuration.starting import refuse_empty
from edge_inspector.configuration.watching import FileWatch
from edge_inspector.errors import InspectorError
from edge_inspector.settings import Settings

_log = logging.getLogger(__name__)

Check: TypeAlias = Callable[[Settings], object]


@dataclass(frozen=True, slots=True)
class Known:
    """What a new configuration is held against.

    Attributes:
        running: The configuration that runs.
        good: The last good one; None when none has proved itself yet.
    """

    running: Settings
    good: Settings | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration that may come into force, and what it changes; its trial is marked if it changes anything."""

    settings: Settings
    digest: str
    store: LastGood
    changes: tuple[Change, ...]

    @property
    def effect(self) -> Effect:
        """What it takes to bring it into force."""
        return strongest(change.effect for change in self.changes)


@dataclass(frozen=True, slots=True)
class Refused:
    """A configuration that cannot come into force, and everything that is wrong with it."""

    problem: str


class Examination:
    """One look at the configuration file, begun at once.

    Attributes:
        known: What the file is held against.
        found: What came of it; None when the content is not new, and until it has ended.
    """

    def __init__(self, watch: FileWatch, known: Known, check: Check, *, asked: bool) -> None:
        """Begin.

        Args:
            watch: Reads the file.
            known: What is held against it.
            check: Opens what the settings name and closes it again; raises what is wrong.
            asked: A person asked for it: the content needs not be new, and what it did before is forgiven.
        """
        self.known = known
        self._watch = watch
        self._check = check
        self._asked = asked
        self.found: Candidate | Refused | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="configuration", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether `found` is final."""
        return self._ended.is_set()

    def _run(self) -> None:
        try:
            self.found = self._examine()
        except Exception as error:  # noqa: BLE001 - thread boundary: whatever is wrong with it, what runs goes on
            self.found = Refused(problem_of(error))
        finally:
            self._ended.set()

    def _examine(self) -> Candidate | None:
        file, running, good = self._watch.path, self.known.running, self.known.good
        content, is_new = self._watch.take()
        if not (is_new or self._asked):
            return None
        settings = settings_in(content, file)
        refuse_empty(content, file, good or running)
        store = LastGood(settings.home, file)
        candidate = Candidate(settings, digest_of(content), store, difference(running, settings))
        if not candidate.changes:
            return candidate
        mark_trial(store, candidate.digest, good, again=self._asked)
        if candidate.effect is not Effect.LIVE:
            try:
                self._check(settings)
            except Exception:
                store.end_trial(candidate.digest)
                raise
        return candidate


def mark_trial(store: LastGood, digest: str, good: Settings | None, *, again: bool = False) -> None:
    """Mark a configuration that is about to be tried, with the last good one where the next start looks for it."""
    if good is not None and store.load() != good:
        store.keep(good)
    store.begin_trial(digest, again=again)


def problem_of(error: Exception) -> str:
    """Return an error in words for a person; one that is not ours goes to the log with its traceback."""
    if isinstance(error, InspectorError):
        return str(error)
    _log.error("a new configuration failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
