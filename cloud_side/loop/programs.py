"""The programs that a user would run: commands to their end, and those that go on until they are told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from cloud_side.commands import CommandError

CLOUD: Final = ("-m", "cloud_side.cli")
EDGE: Final = ("-m", "edge_inspector")
_SHOWN: Final = 1500  # letters of what a program said last
_END_S: Final = 20.0
Found = TypeVar("Found")


class LoopError(CommandError):
    """A step of the loop did not come true; says which, and where to look."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs programs of this installation.

    Attributes:
        logs: Folder of what they say, a file each.
        environment: Set for each of them, beside this process'.
    """

    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def cloud(self, *words: str, patience_s: float = 120.0) -> str:
        """Run a command `edge-inspector-cloud …` to its end and return what it prints.

        Raises:
            LoopError: If it fails, or takes too long.
        """
        return self._run(CLOUD, words, patience_s)

    def edge(self, *words: str, given: str = "", patience_s: float = 60.0) -> str:
        """Run a command `edge-inspector …` likewise; `given` is its standard input.

        Raises:
            LoopError: If it fails, or takes too long.
        """
        return self._run(EDGE, words, patience_s, given)

    def start(self, name: str, program: tuple[str, ...], *words: str) -> "Running":
        """Start a program that goes on; what it says goes to a log of that name."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *program, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for whoever started it to pass on, in order
            )
        return Running(name, log, process)

    def _run(self, program: tuple[str, ...], words: tuple[str, ...], patience_s: float, given: str = "") -> str:
        shown = " ".join(words[:3])
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                [sys.executable, *program, *words],
                input=given,
                capture_output=True,
                text=True,
                timeout=patience_s,
                check=False,
                env=self._environment(),
            )
        except subprocess.TimeoutExpired as error:
            msg = f"{shown}: expected its end within {patience_s:g} s"
            raise LoopError(msg) from error
        if done.returncode:
            why = done.stderr[-_SHOWN:].strip().removeprefix("edge-inspector-cloud: error: ")
            msg = f"{shown}: ended with {done.returncode}: {why}"
            raise LoopError(msg)
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self.environment}


@dataclass
class Running:
    """A program that goes on.

    Attributes:
        name: For people.
        log: What it says.
    """

    name: str
    log: Path
    _process: "subprocess.Popen[bytes]"

    def check(self) -> None:
        """Let it pass that it runs.

        Raises:
            LoopError: If it has ended.
        """
        if (code := self._process.poll()) is not None:
            msg = f"{self.name}: ended with {code}; the end of {self.log}: {last_words(self.log)}"
            raise LoopError(msg)

    def end(self) -> int:
        """Have it end, by force where it does not, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


def last_words(log: Path) -> str:
    """Return the end of a log."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-_SHOWN:].strip()
    except FileNotFoundError:
        return "there is none"


def until(look: Callable[[], Found | None], patience_s: float, what: str, *, every_s: float = 1.0) -> Found:
    """Look again and again, and return what is found.

    Args:
        look: Returns what is waited for; None as long as it is not there.
        patience_s: How long at most.
        what: For people.
        every_s: Pause between two looks.

    Raises:
        LoopError: If it does not come.
    """
    ends_s = time.monotonic() + patience_s
    while (found := look()) is None:
        if time.monotonic() > ends_s:
            msg = f"expected {what} within {patience_s:g} s"
            raise LoopError(msg)
        threading.Event().wait(every_s)
    return found
