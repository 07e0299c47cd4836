"""The uploader: takes pairs from the spool to the target, on its own thread "upload", until the target has them all."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from edge_inspector import backoff
from edge_inspector.samples.given_up import NotStoredError
from edge_inspector.samples.pacing import Bandwidth, QuietHours
from edge_inspector.samples.shelf import Pair
from edge_inspector.samples.sidecar import readdressed
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import RefusedError, Target, UnavailableError, UnusableError
from edge_inspector.settings.keeping import UploadSettings

CLOSE_S = 0.5
_QUIET_LOOK_S = 20.0  # the local clock may be set, or change for the summer
_IDLE_LOOK_S = 60.0
_TRIES = 5  # then another pair is tried: it may be that one alone on which the server fails
_LET_OTHERS_TRY = 1.9  # pauses that a refused pair is passed over, so the next try is another: it may be that one alone
_CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadState:
    """How uploads go.

    Attributes:
        uploaded: Pairs that the target has confirmed since the start.
        uploaded_bytes: What they took on the disk.
        failures: Attempts that failed.
        failing_s: Seconds since uploads began to fail; None while they succeed, or nothing waits.
        problem: Why they fail, in words.
        unusable: Pairs that cannot be uploaded while others can; each is tried again after a long pause.
        is_quiet: Whether quiet hours keep uploads waiting.
    """

    uploaded: int
    uploaded_bytes: int
    failures: int
    failing_s: float | None
    problem: str | None
    unusable: int
    is_quiet: bool


class Uploader:
    """Uploads pairs in order of their value, then age; entering starts its thread, leaving ends it.

    A pair is deleted only when the target has confirmed picture and sidecar. What was under way when the process ended
    is uploaded again, under the same key.
    """

    def __init__(
        self,
        spool: Spool,
        target: Target,
        settings: UploadSettings,
        *,
        address: Callable[[str], str],
        local_now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Start nothing yet.

        Args:
            spool: Where pairs wait.
            target: Where they go.
            settings: When, how fast, and how often after a failure.
            address: Returns the final address of a key; a sidecar written for another target is corrected.
            local_now: Tells the local time, for quiet hours.
        """
        self._spool, self._target, self._settings, self._address = spool, target, settings, address
        self._local_now = local_now
        self._quiet = None if settings.quiet_hours is None else QuietHours.parse(settings.quiet_hours)
        self._bandwidth = Bandwidth(settings.bandwidth_kb_s)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)
        # What follows belongs to that thread; others only read it.
        self._passed_over: dict[str, float] = {}  # keys that are passed over for a while
        self._failures_in_a_row = 0
        self._uploaded = self._uploaded_bytes = self._failures = 0
        self._failing_since_s: float | None = None
        self._problem: str | None = None
        self._is_quiet = False

    def state(self) -> UploadState:
        """Return how uploads go; for all threads."""
        since_s = self._failing_since_s
        return UploadState(
            self._uploaded,
            self._uploaded_bytes,
            self._failures,
            None if since_s is None else time.monotonic() - since_s,
            self._problem,
            len(self._passed_over),
            self._is_quiet,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End after the file that is under way, or leave that one behind after `CLOSE_S`; the spool keeps the rest."""
        self._stop.set()
        self._spool.arrived.set()
        self._thread.join(CLOSE_S)
        if waiting := sum(self._spool.state().waiting.values()):
            _log.info("samples: %d wait for their upload after the next start", waiting)

    # On the thread "upload".

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause_s = self._turn()
            except Exception as error:  # noqa: BLE001 - thread boundary: a fault of ours must not end all uploads
                pause_s = self._settings.retry_max_s
                self._failed(f"uploads failed: {error!r}")
                _log.exception("samples: uploads failed; next attempt in %.0f s", pause_s)
            if pause_s:
                self._stop.wait(pause_s)

    def _turn(self) -> float:
        """Upload the next pair, or wait for one; return how many seconds to pause then."""
        self._is_quiet = self._quiet is not None and self._quiet.hold(self._local_now().time())
        if self._is_quiet:
            return _QUIET_LOOK_S
        try:
            self._spool.open()
        except NotStoredError as error:
            return self._try_later(f"{error}")
        self._spool.arrived.clear()
        now_s = time.monotonic()
        self._passed_over = {key: until_s for key, until_s in self._passed_over.items() if until_s > now_s}
        pair = self._spool.hold(self._passed_over)
        if pair is None:
            self._wait_for_work(now_s)
            return 0.0
        return self._attempt(pair)

    def _attempt(self, pair: Pair) -> float:
        began_s = time.monotonic()
        try:
            self._upload(pair)
        except UnavailableError as error:
            if self._failures_in_a_row % _TRIES == _TRIES - 1:
                self._pass_over(pair, for_s=self._settings.retry_max_s)
            return self._try_later(f"{error}")
        except RefusedError as error:
            self._pass_over(pair, for_s=_LET_OTHERS_TRY * self._settings.retry_max_s)
            self._failed(f"{error}")
            return self._settings.retry_max_s
        except (UnusableError, OSError) as error:
            self._set_aside(pair, error)
            return 0.0
        self._succeeded(pair)
        return self._bandwidth.pause_s(pair.bytes, time.monotonic() - began_s)

    def _wait_for_work(self, now_s: float) -> None:
        if not self._passed_over:
            self._failing_since_s = self._problem = None
        wakes_s = min(self._passed_over.values(), default=now_s + _IDLE_LOOK_S)
        if not self._stop.is_set():
            self._spool.arrived.wait(min(wakes_s - now_s, _IDLE_LOOK_S))

    def _upload(self, pair: Pair) -> None:
        picture, companion = self._spool.paths(pair)
        try:
            corrected = readdressed(companion.read_bytes(), self._address(pair.key))
        except ValueError as error:
            msg = f"{error}"
            raise UnusableError(msg) from error
        if corrected is not None:
            self._spool.rewrite_sidecar(pair, corrected)
        self._target.put(pair.key, picture, _CONTENT_TYPES[pair.name.rpartition(".")[2]])
        self._target.put(pair.sidecar_key, companion, "application/json")
        self._spool.remove(pair)

    def _succeeded(self, pair: Pair) -> None:
        self._uploaded += 1
        self._uploaded_bytes += pair.bytes
        self._failures_in_a_row = 0
        if self._failing_since_s is not None and not self._passed_over:
            _log.info("samples: uploads succeed again after %.0f s", time.monotonic() - self._failing_since_s)
            self._failing_since_s = self._problem = None

    def _try_later(self, problem: str) -> float:
        """Note a failure and return the pause after it."""
        self._failures_in_a_row += 1
        self._failed(problem)
        limits, jitter = self._settings, random.random()  # noqa: S311 - no secret
        return backoff.pause_s(self._failures_in_a_row - 1, limits.retry_min_s, limits.retry_max_s, jitter=jitter)

    def _set_aside(self, pair: Pair, error: Exception) -> None:
        """Pass over a pair that cannot be uploaded, or forget one whose files are gone."""
        if any(path.exists() for path in self._spool.paths(pair)):
            self._pass_over(pair, for_s=self._settings.retry_max_s)
            self._failed(f"{pair.key}: {error}")
            return
        self._spool.remove(pair)
        self._failures += 1
        _log.warning("samples: %s is gone; somebody else deleted it", pair.key)

    def _pass_over(self, pair: Pair, *, for_s: float) -> None:
        self._passed_over[pair.key] = time.monotonic() + for_s

    def _failed(self, problem: str) -> None:
        self._failures += 1
        is_new, self._problem = problem != self._problem, problem
        if self._failing_since_s is None:
            self._failing_since_s = time.monotonic()
        _log.log(logging.WARNING if is_new else logging.DEBUG, "samples: %s; they wait in the spool", problem)
