"""One candidate on its way to take over: copied, opened, checked, and in shadow where that is wanted.

On a thread of its own: a slow disk, a large model, or one that never comes back, must hold up nobody.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge_inspector.errors import InspectorError
from edge_inspector.events import Json
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.checking import check
from edge_inspector.models.memory import Memory, Rejection
from edge_inspector.models.packages import Opened, Packages
from edge_inspector.models.shadow import shadow
from edge_inspector.models.store import Store, StoreError
from edge_inspector.models.watched import Watched
from edge_inspector.settings import UpdateSettings

_log = logging.getLogger(__name__)
_HANGS_S = 120.0  # a large model takes seconds to load, on a slow device


class _CancelledError(Exception):
    """Nobody waits for the candidate any more."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A candidate that may take over; whoever takes this must close what is open.

    Attributes:
        opened: The candidate.
        remark: What was found good about it, in words.
        comparison: What its shadow has told; None where it was in none.
    """

    opened: Opened
    remark: str
    comparison: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A candidate that will not run, why, and what its shadow has told where it was in one."""

    model: ModelIdentity
    reason: str
    comparison: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Known:
    """A package that changes nothing: it runs already, or was refused before as `rejection` says."""

    model: ModelIdentity
    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The package or the store cannot be used for a reason that is not the candidate's; try again later."""

    problem: str


Found: TypeAlias = Ready | Refused | Known | Unavailable


class Examination:
    """The examination of one package, begun at once.

    Attributes:
        package: Its folder.
        stage: What is done with it now, in words.
    """

    def __init__(  # noqa: PLR0913 - what a candidate is held against
        self,
        package: Path,
        packages: Packages,
        store: Store,
        watched: Watched,
        settings: UpdateSettings,
        *,
        memory: Memory,
        running: ModelIdentity,
    ) -> None:
        """Begin.

        Args:
            package: The folder of the candidate.
            packages: Knows what is in it.
            store: Takes it in.
            watched: The line.
            settings: What is asked of it.
            memory: What is known of models.
            running: The model that runs.
        """
        self.package = package
        self.stage = "identified"
        self._model: ModelIdentity | None = None
        self._comparison: Mapping[str, Json] | None = None
        self._packages, self._store, self._watched, self._settings = packages, store, watched, settings
        self._memory, self._running = memory, running
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._is_cancelled = False
        self._alive_s = time.monotonic()
        threading.Thread(target=self._run, name="candidate", daemon=True).start()

    def take(self) -> Found | None:
        """Return what came of it, once; None until it has ended. One that hangs has ended: it is left behind."""
        with self._lock:
            found, self._found = self._found, None
            hangs = found is None and not self._is_cancelled and time.monotonic() - self._alive_s > _HANGS_S
            self._is_cancelled |= hangs
        if hangs:
            problem = f"it hangs while it is {self.stage}: no answer for {_HANGS_S:g} s"
            return Unavailable(f"{self.package}: {problem}") if self.stage == "copied" else self._refused(problem)
        return found

    @property
    def name(self) -> str:
        """The package, as the folder of updates names it."""
        return "/".join(self.package.parts[-2:])

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it; for any thread."""
        return {"package": self.name, "stage": self.stage, "shadow": self._comparison}

    def cancel(self) -> None:
        """End it as soon as it can; what is open is closed."""
        with self._lock:
            self._is_cancelled = True
            found, self._found = self._found, None
        _close(found)

    def _go_on(self) -> None:
        self._alive_s = time.monotonic()
        if self._is_cancelled:
            raise _CancelledError

    def _run(self) -> None:
        try:
            found = self._examine()
        except _CancelledError:
            return
        except (OSError, MemoryError, StoreError) as error:
            found = Unavailable(f"{self.package}: {error or type(error).__name__}")
        except InspectorError as error:
            found = self._refused(str(error))
        except Exception as error:  # noqa: BLE001 - thread boundary: whatever a candidate does, what runs goes on
            _log.exception("the examination of %s failed", self.package)
            found = self._refused(f"{type(error).__name__}: {error}")
        with self._lock:
            if not self._is_cancelled:
                self._found = found
                return
        _close(found)

    def _examine(self) -> Found:
        self._model = model = self._packages.identify(self.package)
        self._go_on()
        rejection = self._memory.rejection_of(model)
        if model == self._running or rejection is not None:
            return Known(model, rejection)
        self.stage = "copied"
        place = self._store.take_in(self.package, model, go_on=self._go_on)
        self.stage = "checked"
        opened = self._packages.open(place)
        try:
            self._go_on()
            remark = check(opened, self._watched, self._settings.max_latency_ms, go_on=self._go_on)
            if self._settings.shadow_parts and model != self._memory.previous:  # that one has proved itself here
                self.stage = "in shadow"
                shadow(opened, self._watched, self._settings, tell=self._compare, go_on=self._go_on)
        except BaseException:
            opened.close()
            raise
        return Ready(opened, remark, self._comparison)

    def _refused(self, reason: str) -> Found:
        if self._model is None:
            return Unavailable(f"{self.package}: {reason}")
        return Refused(self._model, reason, self._comparison)

    def _compare(self, comparison: Mapping[str, Json]) -> None:
        self._comparison = comparison


def _close(found: Found | None) -> None:
    if isinstance(found, Ready):
        found.opened.close()
