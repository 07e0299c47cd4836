"""A wall clock that a test sets for one process, while the clocks that nobody sets go on."""

from collections.abc import Sequence
from pathlib import Path

from tests.requirements import require_program


class ShiftedClock:
    """Stands between a process and its wall clock, by Debian's package faketime.

    Attributes:
        command: How to start the process under it.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        """Tell the truth for now; `command` is how to start the process without it."""
        require_program("faketime", package="faketime")
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self._shift = folder / "shift"
        self.shift("+0")
        environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": self._shift,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
            "FAKETIME_FORCE_MONOTONIC_FIX": 0,  # for a C library of before 2013; it makes waits spin
            "NO_FAKE_STAT": 1,
        }
        settings = [f"{name}={value}" for name, value in environment.items()]
        self.command = ("env", *settings, *command)

    def shift(self, offset: str) -> None:
        """Set the clock, for example "+10y" ahead; "+0" is the truth."""
        new = self._shift.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.replace(self._shift)
