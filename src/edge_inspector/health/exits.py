"""How often the daemon may end itself so that a supervisor starts it again: counted on disk, over restarts.

A supervisor gives up on a component that ends too often, and then nothing runs at all. So ending is a budget:
`per_hour` exits, after which the daemon stays and says that it cannot judge.

Which hour? Within one boot of the machine the time since the boot decides, which nobody can set. Across a boot, an exit
is as old as the wall clock says, and at least as old as the boot: a clock that jumps forward allows at most one more
budget a reboot, one that jumps back blocks for at most an hour of operation.

What cannot be counted is not allowed: no exit without its record on disk. A damaged record is taken for a budget that
was spent just now, so that it heals within the hour. The folder must survive a restart, or every start is the first.
"""

import json
import logging
import math
import threading
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from edge_inspector.durable import write_lasting

_log = logging.getLogger(__name__)
HOUR_S = 3600.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LARGEST_FILE = 1 << 16
_ASK_AGAIN_S = 30.0  # a budget that is spent stays so for a while: no need to read the disk every second


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the clocks that survive a process.

    Attributes:
        wall_s: Seconds since 1970, as the machine believes.
        boot: Names the boot of the machine; empty where it has no name.
        uptime_s: Seconds since that boot.
    """

    wall_s: float
    boot: str
    uptime_s: float


def this_moment() -> Moment:
    """Return the present."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        boot = ""
    return Moment(time.time(), boot, time.clock_gettime(time.CLOCK_BOOTTIME))


def age_s(then: Moment, now: Moment) -> float:
    """Return how many seconds ago `then` was, at least; never negative."""
    if then.boot == now.boot and now.uptime_s >= then.uptime_s:
        return now.uptime_s - then.uptime_s
    return max(now.uptime_s, now.wall_s - then.wall_s, 0.0)


def recent(exits: list[Moment], now: Moment) -> list[Moment]:
    """Return the exits of the last hour."""
    return [then for then in exits if age_s(then, now) < HOUR_S]


class ExitBudget:
    """The exits of the last hour, in a file."""

    def __init__(self, path: Path, per_hour: int) -> None:
        """Touch nothing yet.

        Args:
            path: The file; its folder exists.
            per_hour: Exits allowed in an hour; 0: never.
        """
        self._path = path
        self._per_hour = per_hour

    def allowed(self, now: Moment | None = None) -> bool:
        """Return whether one more exit fits; takes nothing. False where the record cannot be read."""
        now = now or this_moment()
        try:
            return len(recent(self._read(now), now)) < self._per_hour
        except OSError as error:
            _log.error("%s: cannot be read, so no exit is allowed: %s", self._path, error)
            return False

    def take(self, now: Moment | None = None) -> bool:
        """Take one exit; True only when it fits and is on disk, so that it counts after the restart."""
        now = now or this_moment()
        try:
            exits = recent(self._read(now), now)
            if len(exits) >= self._per_hour:
                return False
            self._write([*exits, now])
        except OSError as error:
            _log.error("%s: cannot be kept, so no exit is allowed: %s", self._path, error)
            return False
        return True

    def _read(self, now: Moment) -> list[Moment]:
        try:
            with self._path.open("rb") as file:
                content = file.read(_LARGEST_FILE + 1)
        except FileNotFoundError:
            return []
        try:
            return _parse(content)
        except ValueError as error:
            _log.error("%s: damaged (%s); no exit is allowed for an hour", self._path, error)
            spent = [now] * max(1, self._per_hour)
            self._write(spent)
            return spent

    def _write(self, exits: list[Moment]) -> None:
        content = json.dumps({"exits": [asdict(moment) for moment in exits]}).encode()
        write_lasting(self._path, content)


def _parse(content: bytes) -> list[Moment]:
    """Return the exits in a file.

    Raises:
        ValueError: If it holds anything else.
    """
    if len(content) > _LARGEST_FILE:
        msg = f"expected at most {_LARGEST_FILE} bytes, found more"
        raise ValueError(msg)
    try:
        document = json.loads(content)
        exits = [
            Moment(float(entry["wall_s"]), str(entry["boot"]), float(entry["uptime_s"])) for entry in document["exits"]
        ]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        msg = f"expected exits with wall_s, boot and uptime_s, found {content[:80]!r}"
        raise ValueError(msg) from error
    if not all(math.isfinite(moment.wall_s) and math.isfinite(moment.uptime_s) for moment in exits):
        msg = f"expected finite times, found {content[:80]!r}"
        raise ValueError(msg)
    return exits


class Remedy(StrEnum):
    """What becomes of a daemon that has a part that is stuck."""

    EXIT = "exit"  # end, so that a supervisor starts it again
    DEGRADE = "degrade"  # stay, give every part no verdict, and say so


class Guard:
    """Decides what becomes of the daemon when a part of it is stuck; for all threads."""

    def __init__(self, budget: ExitBudget) -> None:
        """Let the daemon run.

        Args:
            budget: Counts the exits.
        """
        self._budget = budget
        self._lock = threading.Lock()
        self._leaving = False
        self._ask_again_s = -math.inf

    def verdict_on(self, stuck: str, *, monotonic_s: float | None = None) -> Remedy:
        """Return what to do about a part that is stuck; may be asked again and again, and takes one exit at most.

        A daemon that was told to stay is told to end once the budget allows it again.

        Args:
            stuck: Who, for the log.
            monotonic_s: When, on the monotonic clock; now when None.
        """
        now_s = time.monotonic() if monotonic_s is None else monotonic_s
        with self._lock:
            if self._leaving:
                return Remedy.EXIT
            if now_s < self._ask_again_s:
                return Remedy.DEGRADE
            self._ask_again_s = now_s + _ASK_AGAIN_S
            self._leaving = self._budget.take()
            remedy = Remedy.EXIT if self._leaving else Remedy.DEGRADE
        _log.error("stuck: %s: %s", stuck, remedy)
        return remedy

    def may_exit(self) -> bool:
        """Return whether the daemon shall end because an inspection hangs, and take that exit."""
        return self.verdict_on("an inspection does not end") is Remedy.EXIT

    def is_content(self) -> bool:
        """Return False once the daemon shall end: if it then hangs, whoever watches it from outside may kill it."""
        return not self._leaving
