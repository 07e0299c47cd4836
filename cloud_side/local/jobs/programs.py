"""The programs of a job: one for each host, tied to the supervisor's life, and nothing of them left behind."""

import ctypes
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT_VARIABLE = "EDGE_INSPECTOR_ML_ROOT"
_PR_SET_PDEATHSIG = 1
_SWEEP_S, _SWEEP_PAUSE_S = 10.0, 0.01


class EntryPointError(Exception):
    """The entry point cannot be run; the message says why."""


class Programs:
    """The programs that run; those that it leaves, however it is left, are killed with all that they started."""

    def __init__(self, folder: Path) -> None:
        """Start none yet.

        Args:
            folder: The job's; a process whose root variable names a folder below it belongs to the job.
        """
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._selector = selectors.DefaultSelector()
        self.codes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        sweep(self._folder)

    def start(
        self, host: str, command: Sequence[str], *, root: Path, log: Path, environment: Mapping[str, str]
    ) -> None:
        """Start the program of a host in its folder; what it prints goes to the end of the log.

        Raises:
            EntryPointError: If there is no such program, or it is none.
            OSError: If the log cannot be written.
        """
        found = [_program(command[0], environment), *command[1:]]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            try:
                process = subprocess.Popen(  # noqa: S603 - what the request names, as a container would run it
                    found,
                    cwd=root,
                    env={**environment, ROOT_VARIABLE: str(root)},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - this process has one thread
                )
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                msg = f"the entry point {command[0]!r} cannot be run: {error}"
                raise EntryPointError(msg) from error
        self._running[host] = process
        self._selector.register(os.pidfd_open(process.pid), selectors.EVENT_READ, host)

    @property
    def is_running(self) -> bool:
        """Whether a program has not ended."""
        return bool(self._running)

    @property
    def has_failed(self) -> bool:
        """Whether a program ended badly."""
        return any(self.codes.values())

    def wait(self, timeout_s: float) -> None:
        """Wait until a program ends, at most that long, and keep the codes of those that did."""
        for key, _ in self._selector.select(timeout_s):
            process = self._running.pop(key.data)
            self._selector.unregister(key.fd)
            os.close(key.fd)
            code = process.wait()
            self.codes[key.data] = code if code >= 0 else 128 - code  # as a container's runtime tells it

    def terminate(self) -> None:
        """Ask the programs to end, as SageMaker asks the first process of a container."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the programs that still run."""
        for process in self._running.values():
            process.kill()
        while self._running:
            self.wait(1.0)


def _program(name: str, environment: Mapping[str, str]) -> str:
    if name in ("python", "python3"):
        return sys.executable
    found = shutil.which(name, path=environment.get("PATH", os.defpath))
    if found is None:
        msg = f"the entry point {name!r} cannot be found; expected 'python', a path, or a program of the search path"
        raise EntryPointError(msg)
    return found


def _tie_to(parent: int) -> Callable[[], None]:
    """Return what makes a new process end with the one that starts it, also when that one is killed."""
    libc = ctypes.CDLL(None)

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed before it came to this
            os._exit(1)

    return tie


def sweep(folder: Path) -> None:
    """Kill every process of a job: also what left its parent, or what a supervisor that was killed has started."""
    end_s = time.monotonic() + _SWEEP_S
    while (left := _marked(folder)) and time.monotonic() < end_s:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(_SWEEP_PAUSE_S)


def _marked(folder: Path) -> list[int]:
    mark = f"\0{ROOT_VARIABLE}={folder}/".encode()
    own = os.getpid()
    return [each for each in _processes() if each != own and mark in b"\0" + _environment(each)]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - only names are needed


def _environment(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""
