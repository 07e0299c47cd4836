"""Checks: what a station asks itself every second, and the alarms that follow, raised and cleared with hysteresis.

A probe returns the problem in words, or None. Problems that come and go raise nothing; an alarm that stands is cleared
only when all has been well for a while. `after` is that rule; `Checks` is the thread around it.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.ports import AlarmPanel

_log = logging.getLogger(__name__)
_PATIENCE_S = 1.0  # a stop waits so long for a probe that hangs


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and the alarm that its answer raises.

    Attributes:
        name: Of the alarm.
        severity: Of the alarm.
        what_to_do: What helps.
        probe: Returns the problem in words, None where there is none; must not wait.
        raise_after_s: The problem must have stood for so many seconds, without a good answer between.
        clear_after_s: All must have been well for so many seconds, without a bad answer between.
    """

    name: str
    severity: Severity
    what_to_do: str
    probe: Callable[[], str | None]
    raise_after_s: float = 0.0
    clear_after_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an alarm stands, and since when on the monotonic clock the answers contradict that."""

    stands: bool = False
    contradicted_s: float | None = None


def after(standing: Standing, *, is_bad: bool, now_s: float, raise_after_s: float, clear_after_s: float) -> Standing:
    """Return how an alarm stands after one more answer.

    Args:
        standing: How it stood before.
        is_bad: Whether the answer is a problem.
        now_s: When, on the monotonic clock.
        raise_after_s: Seconds of bad answers that raise it.
        clear_after_s: Seconds of good answers that clear it.
    """
    if is_bad == standing.stands:
        return Standing(standing.stands)
    since_s = now_s if standing.contradicted_s is None else standing.contradicted_s
    if now_s - since_s >= (raise_after_s if is_bad else clear_after_s):
        return Standing(is_bad)
    return Standing(standing.stands, since_s)


class Checks:
    """Runs its checks every second on the thread "health", from entering to leaving.

    Attributes:
        failures: How often each check, or each of `first` by its name, raised an exception; the first is logged.
    """

    def __init__(
        self,
        panel: AlarmPanel,
        checks: Sequence[Check],
        *,
        first: Sequence[Callable[[], object]] = (),
        period_s: float = 1.0,
    ) -> None:
        """Start nothing yet.

        Args:
            panel: Where alarms are raised and cleared.
            checks: What is asked, each with an alarm of its own.
            first: Called in every round before the checks; must not wait.
            period_s: Seconds between two rounds.
        """
        self._panel = panel
        self._checks = tuple(checks)
        self._first = tuple(first)
        self._period_s = period_s
        self._standing = {check.name: Standing() for check in self._checks}
        if len(self._standing) < len(self._checks):
            msg = f"checks: expected each with an alarm of its own, found {[check.name for check in self._checks]}"
            raise ValueError(msg)
        self.failures: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_PATIENCE_S)

    def round(self, now_s: float) -> None:
        """Ask everything once; `now_s` is on the monotonic clock. Nothing that is asked can end it."""
        for call in self._first:
            self._guarded(getattr(call, "__qualname__", repr(call)), call)
        for check in self._checks:
            self._guarded(check.name, lambda check=check: self._ask(check, now_s))  # type: ignore[misc]

    def _guarded(self, name: str, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001 - thread boundary: one broken probe must not blind the others
            self.failures[name] += 1
            if self.failures[name] == 1:
                _log.exception("health: %s failed; further failures are only counted", name)

    def _ask(self, check: Check, now_s: float) -> None:
        problem, before = check.probe(), self._standing[check.name]
        now = after(
            before,
            is_bad=problem is not None,
            now_s=now_s,
            raise_after_s=check.raise_after_s,
            clear_after_s=check.clear_after_s,
        )
        if problem is not None and now.stands and not before.stands:
            self._panel.raise_(Alarm(check.name, check.severity, problem, check.what_to_do), lasting=True)
        elif before.stands and not now.stands:
            self._panel.clear(check.name)
        self._standing[check.name] = now

    def _run(self) -> None:
        while not self._stop.is_set():
            self.round(time.monotonic())
            self._stop.wait(self._period_s)
