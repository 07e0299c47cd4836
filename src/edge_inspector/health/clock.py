"""Whether the machine's clock can be trusted: set at all, kept in step by someone, and not jumping.

A machine without a battery starts in the past; nothing that was stamped then is evidence. Where nobody can tell, all
is well.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime

_FIRST_YEAR = 2025  # this program is not older
_STA_UNSYNC = 0x40
_UNSYNCHRONIZED_AFTER_S = 600.0  # a time service needs its time after a start
_JUMP_S = 2.0
_JUMP_STANDS_S = 60.0


class _Timex(ctypes.Structure):
    """The first fields of the kernel's struct timex, and room for the others; see adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("others", ctypes.c_long * 32),
    )


def is_synchronized() -> bool | None:
    """Return whether the kernel says that a time service keeps its clock in step; None where it does not say."""
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        return None
    timex = _Timex()  # modes 0: only look
    if adjtimex(ctypes.byref(timex)) < 0:
        return None
    return not timex.status & _STA_UNSYNC


class ClockWatch:
    """Asks about the clock once a second and remembers what was."""

    def __init__(
        self,
        *,
        wants_synchronized: bool = True,
        wall_s: Callable[[], float] = time.time,
        elapsed_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        synchronized: Callable[[], bool | None] = is_synchronized,
    ) -> None:
        """Look for the first time.

        Args:
            wants_synchronized: False where nobody keeps the clock in step and that is known.
            wall_s: Seconds since 1970.
            elapsed_s: Seconds on a clock that nobody sets and that runs while the machine sleeps.
            synchronized: What the kernel says.
        """
        self._wants_synchronized = wants_synchronized
        self._wall_s, self._elapsed_s, self._synchronized = wall_s, elapsed_s, synchronized
        self._offset_s = wall_s() - elapsed_s()
        self._unsynchronized_since_s: float | None = None
        self._jump: tuple[float, str] | None = None

    def not_set(self) -> str | None:
        """Return why times of this machine mean nothing, or None."""
        wall_s = self._wall_s()
        try:
            today = datetime.fromtimestamp(wall_s, UTC)
        except (OverflowError, ValueError, OSError):
            return f"the clock stands {wall_s:g} s from 1970; expected a time of this century"
        if today.year < _FIRST_YEAR:
            return f"the clock says {today:%Y-%m-%d}; expected {_FIRST_YEAR} or later"
        now_s = self._elapsed_s()
        if not self._wants_synchronized or self._synchronized() is not False:
            self._unsynchronized_since_s = None
            return None
        if self._unsynchronized_since_s is None:
            self._unsynchronized_since_s = now_s
        if now_s - self._unsynchronized_since_s < _UNSYNCHRONIZED_AFTER_S:
            return None
        return "no time service keeps the clock in step, says the kernel"

    def jumped(self) -> str | None:
        """Return by how much the clock was set within the last minute, or None."""
        now_s, wall_s = self._elapsed_s(), self._wall_s()
        step_s, self._offset_s = wall_s - now_s - self._offset_s, wall_s - now_s
        if abs(step_s) > _JUMP_S:
            way = "forward" if step_s > 0 else "back"
            self._jump = (
                now_s,
                f"the clock was set {way} by {_in_words(abs(step_s))}; times before and after do not fit",
            )
        if self._jump is not None and now_s - self._jump[0] > _JUMP_STANDS_S:
            self._jump = None
        return None if self._jump is None else self._jump[1]


def _in_words(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
