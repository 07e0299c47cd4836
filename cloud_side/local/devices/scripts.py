"""A script as a process of its own, whose end is on disk: it outlives the engine, and is not run again if it ended.

In the folder of a run lie `output`, what the script says, `pid`, its process group, and last `outcome`, its exit
code. `lock` is held as long as it lives: so a new engine can tell a script that still runs from one that was killed
with its engine. It is nobody's child, since the engine that started it may be gone before it is.
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.durable import PRIVATE_FILE, PRIVATE_FOLDER, write_whole

KILLED = 128 + signal.SIGKILL  # what a shell says of it
UNSTARTABLE = 126  # as a shell says of a command that cannot be run
OVER_TIME = "over time"
_SHELL = "/bin/sh"
_WRAPPER = """
echo $$ >"$0/pid"
{
  /bin/sh -c "$1" >"$0/output" 2>&1
  echo $? >"$0/.outcome" && mv "$0/.outcome" "$0/outcome"
} &
"""
_TOLD_BYTES = 400


@dataclass(frozen=True)
class Script:
    """What is to be run.

    Attributes:
        text: For the shell.
        environment: All of it.
        folder: In which it runs; it is there.
    """

    text: str
    environment: Mapping[str, str]
    folder: Path


class Run:
    """One run of a script, known by its folder."""

    def __init__(self, folder: Path) -> None:
        """Look at nothing yet."""
        self._folder = folder
        self._is_ours = False

    def start(self, script: Script) -> None:
        """Start it anew; one that no process can be given has ended with that.

        Raises:
            OSError: If it cannot be started now.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(PRIVATE_FOLDER, parents=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._spawn(script, lock)
        except ValueError as error:  # e.g. a null byte in it
            self._note_unstartable(error)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            self._note_unstartable(error)
        finally:
            os.close(lock)
        self._is_ours = True

    def _spawn(self, script: Script, lock: int) -> None:
        subprocess.run(  # noqa: S603 - the recipe's own script is what is to be run
            [_SHELL, "-c", _WRAPPER, str(self._folder), script.text],
            cwd=script.folder,
            env=dict(script.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            check=False,
        )

    def _note_unstartable(self, error: Exception) -> None:
        write_whole(self._folder / "output", f"cannot be started: {error}".encode())
        write_whole(self._folder / "outcome", str(UNSTARTABLE).encode())

    def outcome(self) -> int | str | None:
        """Return the exit code, or OVER_TIME; None while there is none."""
        is_over = self._is_ours and not self.is_running()
        try:
            text = (self._folder / "outcome").read_text().strip()
        except FileNotFoundError:
            return KILLED if is_over else None
        return int(text) if text.isdigit() else text

    def is_running(self) -> bool:
        """Return whether its process lives, also that of an engine before."""
        try:
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def kill_if_running(self) -> None:
        """Kill it with all that it started and that stayed with it; another process may have its number by now."""
        if self.outcome() is None and self.is_running():
            self._kill()

    def _kill(self) -> None:
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.killpg(int((self._folder / "pid").read_text()), signal.SIGKILL)

    def end_over_time(self) -> None:
        """Kill it, and note that it took too long."""
        self._kill()
        if not (self._folder / "outcome").exists():  # else it ended at the last moment
            write_whole(self._folder / "outcome", OVER_TIME.encode())

    def told(self) -> str:
        """Return the last line that it said; empty where it said nothing."""
        try:
            with (self._folder / "output").open("rb") as output:
                output.seek(max(0, output.seek(0, os.SEEK_END) - _TOLD_BYTES))
                lines = output.read().decode("utf-8", "replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return lines[-1] if lines else ""
