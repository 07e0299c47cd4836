"""One process of a function, from this side: starts it, hands it an event, takes its answer and output, ends it."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_side.local.calling import Caller
from cloud_side.local.home import ACCOUNT, REGION, Home
from cloud_side.local.services.functions.channel import Channel, Frame
from cloud_side.local.services.functions.configuration import LATEST, Function
from cloud_side.local.services.functions.function_log import InvocationLog

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_LEAST_START_S = 10.0  # AWS lets a function's modules load so long before its own time counts
_LOOK_S = 0.2  # how often the memory is looked at
_PIPE_BYTES = 1 << 16
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Ended(Exception):  # noqa: N818 - tells how it ended
    """The process gave no answer and is gone, or was killed for it.

    Attributes:
        kind: e.g. `Runtime.ExitError`.
        message: As AWS words it, without the request's id.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Keep the parts."""
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class GivenUp(Exception):  # noqa: N818 - nobody waits any more
    """The caller's deadline came first; the process was killed."""


@dataclass(frozen=True)
class Event:
    """What a function is invoked with.

    Attributes:
        value: Any JSON.
        caller: On whose behalf the function acts; None for nobody whose calls are remembered.
        deadline: `time.monotonic()` after which nobody waits for the answer; None without one.
    """

    request_id: str
    value: Any
    caller: Caller | None = None
    deadline: float | None = None

    def framed(self, function: Function) -> Frame:
        """Return what is sent to the process."""
        caller = None if self.caller is None else [self.caller.scope, self.caller.token]
        return {
            "request_id": self.request_id,
            "event": self.value,
            "caller": caller,
            "arn": function.arn,
            "timeout_s": function.timeout_s,
        }


class WarmProcess:
    """A process that has loaded, or is about to load, a function's handler; used by one thread at a time."""

    def __init__(self, home: Home, function: Function) -> None:
        """Start it, without waiting for its handler to load.

        Raises:
            OSError: If no process can be started.
        """
        self.function = function
        self.idle_since = time.monotonic()
        self.init_s: float | None = None  # from its start until its handler was loaded
        self.handled_s = 0.0  # how long the handler has had its last event
        self._peak_mb = 0  # when it was killed
        ours, theirs = socket.socketpair()
        leash, self._leash = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", __name__.replace("warm", "runtime"), str(theirs.fileno()), str(leash)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(home, function),
                cwd=_folder(home, function),
                pass_fds=(theirs.fileno(), leash),
                start_new_session=True,  # what it starts is killed with it
            )
        except BaseException:
            ours.close()
            os.close(self._leash)
            raise
        finally:
            theirs.close()
            os.close(leash)
        ours.settimeout(_LEAST_START_S)
        self._channel = Channel(ours)
        self._about = Path("/proc", str(self._process.pid))
        self._watch = self._watched()

    def _watched(self) -> selectors.BaseSelector:
        self._gone = os.pidfd_open(self._process.pid)  # what it has started may hold its socket open
        self._output = self._process.stdout.fileno() if self._process.stdout is not None else -1
        os.set_blocking(self._output, False)
        watch = selectors.DefaultSelector()
        for source in (self._channel.socket, self._output, self._gone):
            watch.register(source, selectors.EVENT_READ)
        return watch

    def invoke(self, event: Event, log: InvocationLog) -> Frame:
        """Hand it an event and return its answer: a frame with `result` or `failed`.

        Raises:
            Ended: If it gave none.
            GivenUp: If the caller's deadline came first.
        """
        if self.init_s is None:
            loaded = self._await(event, log, max(_LEAST_START_S, self.function.timeout_s))
            if "failed" in loaded:
                return loaded
            self.init_s = time.monotonic() - self.idle_since
        handed_at = time.monotonic()
        with suppress(OSError):  # it is gone; waiting for its answer tells how
            self._channel.send(event.framed(self.function))
        try:
            return self._await(event, log, self.function.timeout_s)
        finally:
            self.handled_s = time.monotonic() - handed_at

    @property
    def peak_mb(self) -> int:
        """The most memory that it has had; 0 where that cannot be told."""
        with suppress(OSError, ValueError, IndexError):  # it is gone, or this is no Linux
            return int(self._about.joinpath("status").read_text("ascii").split("VmHWM:")[1].split()[0]) >> 10
        return self._peak_mb

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return all(key.fd != self._gone for key, _ in self._watch.select(0))

    def close(self) -> None:
        """End it, with all that it started."""
        self.kill()
        self._watch.close()
        self._channel.close()
        os.close(self._gone)
        os.close(self._leash)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def kill(self) -> None:
        """Kill it, from any thread; its invocation then ends."""
        if self._process.returncode is not None:
            return  # its number may be another's by now
        self._peak_mb = self.peak_mb  # of what is gone the kernel tells nothing
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _await(self, event: Event, log: InvocationLog, limit_s: float) -> Frame:
        ends_at = time.monotonic() + limit_s
        while True:
            if (frame := self._channel.taken()) is not None:
                self._drain(log)
                return frame
            now = time.monotonic()
            if event.deadline is not None and now >= event.deadline:
                raise GivenUp
            if now >= ends_at:
                self._drain(log)
                raise Ended("Sandbox.Timedout", f"Task timed out after {limit_s:.2f} seconds")
            self._look(log, min(_LOOK_S, ends_at - now, (event.deadline or ends_at) - now))

    def _look(self, log: InvocationLog, wait_s: float) -> None:
        ready = {key.fileobj for key, _ in self._watch.select(max(0.0, wait_s))}
        if self._output in ready and not self._drain(log):
            self._watch.unregister(self._output)
        if self._channel.socket in ready and self._channel.read():
            return
        if self._channel.socket in ready or self._gone in ready:
            self._drain(log)
            raise Ended("Runtime.ExitError", _how_it_ended(self._status()))
        if self._memory_mb() > self.function.memory_mb:
            self._drain(log)
            raise Ended("Runtime.ExitError", "Runtime exited with error: signal: killed")

    def _status(self) -> int:
        """Return the exit status of what closes its socket, which may not mean that it ends; end what it started."""
        with selectors.DefaultSelector() as watch:
            watch.register(self._gone, selectors.EVENT_READ)
            watch.select(_LOOK_S)
        self.kill()
        return self._process.wait()

    def _drain(self, log: InvocationLog) -> bool:
        """Log what was printed before this call; False once nothing more can be.

        No more than a pipe holds, since a thread that the handler left behind may go on printing.
        """
        left = _PIPE_BYTES
        with suppress(BlockingIOError):
            while left > 0:
                if not (output := os.read(self._output, left)):
                    return False
                log.feed(output)
                left -= len(output)
        return True

    def _memory_mb(self) -> int:
        with suppress(OSError, ValueError, IndexError):
            return int(self._about.joinpath("statm").read_text("ascii").split()[1]) * _PAGE_BYTES >> 20
        return 0


def _how_it_ended(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        name = "killed" if -status == signal.SIGKILL else signal.Signals(-status).name
        return f"Runtime exited with error: signal: {name}"
    return f"Runtime exited with error: exit status {status}"


def _folder(home: Home, function: Function) -> str:
    folder = function.folder(home)
    return str(folder if folder.is_dir() else home.functions)


def _environment(home: Home, function: Function) -> Mapping[str, str]:
    """Return the variables of the process: none of this one's, but what any program needs.

    Credentials for nowhere keep a handler that opens a client of its own from reaching a real account.
    """
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "PYTHONIOENCODING": "utf-8",
        "TZ": "UTC",
        **(function.environment or {}),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ACCOUNT_ID": ACCOUNT,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": LATEST,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": LATEST,
        "EDGE_INSPECTOR_ENGINE": f"local:{home.folder.resolve()}",
        "LAMBDA_TASK_ROOT": _folder(home, function),
        "_HANDLER": function.handler,
    }
