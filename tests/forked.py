"""`edge-inspector` started at once: forked off a process that has loaded everything already.

What a test sees of it is the real process, with its id, output, signals and exit code; only the time in which Python
loads the libraries is spent once for all tests of a process. Where the start itself, its command or its environment is
what a test is about, `tests.daemons` starts it as a person does.
"""

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.daemons import EDGE_INSPECTOR, PATIENCE_S, Daemon

_REQUEST_BYTES = 1 << 17


class Forked:
    """One run of the command line; like `subprocess.Popen` as far as the tests use it."""

    def __init__(self, arguments: Sequence[str], *, module: str = "edge_inspector") -> None:
        self._keeper, theirs = socket.socketpair()
        out, out_written = os.pipe()
        err, err_written = os.pipe()
        asked = {"module": module, "arguments": list(arguments), "folder": str(Path.cwd())}
        request = json.dumps({**asked, "environment": dict(os.environ)})
        _send(request.encode(), [out_written, err_written, theirs.fileno()])
        theirs.close()
        os.close(out_written)
        os.close(err_written)
        self.stdout, self.stderr = open(out), open(err)  # noqa: PTH123, SIM115 - as a pipe of Popen
        self._told = self._keeper.makefile("r")
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._keeper], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(EDGE_INSPECTOR, timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._keeper.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedDaemon(Daemon):
    """`edge-inspector run`, its log read while it runs."""

    def __init__(self, configuration: Path) -> None:
        self._process = Forked(("run", "-c", str(configuration)))  # type: ignore[assignment]
        self._watch()


def run_forked(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    process = Forked([str(each) for each in arguments])
    outputs = ["", ""]

    def read_errors() -> None:
        outputs[1] = process.stderr.read()

    with process.stdout, process.stderr:
        reader = threading.Thread(target=read_errors)
        reader.start()
        outputs[0] = process.stdout.read()
        reader.join(PATIENCE_S)
        code = process.wait(PATIENCE_S)
    return subprocess.CompletedProcess(arguments, code, *outputs)


_server: socket.socket | None = None


def _send(request: bytes, descriptors: list[int]) -> None:
    global _server
    if _server is None:
        _server, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=Path(__file__).parent.parent,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        atexit.register(_end, _server, process)
    socket.send_fds(_server, [request], descriptors)


def _end(server: socket.socket, process: subprocess.Popen[bytes]) -> None:
    server.close()
    process.wait(PATIENCE_S)


def _load(module: str) -> None:
    """Load what a program loads, once."""
    if module != "edge_inspector":
        importlib.import_module(module)
        if "boto3" in sys.modules:
            importlib.import_module("tests.cloud.loaded").load()
        return
    for name in ("cli.commands", "daemon", "detectors.onnx", "sinks.mqtt", "sources.simulated"):
        with suppress(ModuleNotFoundError):
            importlib.import_module(f"edge_inspector.{name}")


def _serve(requests: socket.socket) -> None:
    """Fork for every request, until nobody is there to make one: a keeper, and by it the process that is asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 3)
        if not request:
            return
        asked = json.loads(request)
        _load(asked["module"])
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep(asked, *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(request: dict[str, Any], out: int, err: int, told: int) -> None:
    """Start the process, tell its id and then its exit code."""
    if (pid := os.fork()) == 0:
        os.close(told)
        _become(request, out, err)
    os.close(out)
    os.close(err)
    os.write(told, b"%d\n" % pid)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):  # nobody waits for it any more
        os.write(told, b"%d\n" % code)
    os._exit(0)


def _become(request: dict[str, Any], out: int, err: int) -> None:
    for number, descriptor in ((1, out), (2, err)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["edge-inspector", *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
