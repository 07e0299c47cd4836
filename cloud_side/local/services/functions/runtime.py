"""The process of a function: imports its handler once, then answers one event after another.

Events and answers travel over a socket of their own, so that whatever the handler prints is its log and never an
answer. The process ends with the one that started it, however that one ends.
"""

import fcntl
import io
import logging
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from cloud_side.local.calling import Caller, act_for
from cloud_side.local.services.functions.channel import Channel, Frame
from cloud_side.local.services.functions.context import Context
from cloud_side.local.services.functions.handler import Handler, load, marshaled, told

_DATA_FACTOR, _DATA_MORE = 2, 1 << 30
_LINE = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(message)s"


def main(arguments: Sequence[str]) -> int:
    """Serve until the other end is closed, and return the exit status.

    Args:
        arguments: The descriptors of the socket and of the leash: a pipe that ends when the engine does.
    """
    end, leash = map(int, arguments)
    _die_with(leash)
    _bound_memory()
    channel, process = Channel(socket.socket(fileno=end)), os.getpid()
    for descriptor in (end, leash):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the library takes no keyword
    _log_to_output()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything; it is told to who called
        _print_error(failed := told(error))
        _send(channel, {"failed": failed}, process)
        return 1
    _send(channel, {"ready": True}, process)
    while (frame := channel.receive()) is not None:
        _send(channel, _handled(handler, frame), process)
    return 0


def _send(channel: Channel, frame: Frame, process: int) -> None:
    """Send a frame; a child that a handler forked, and that came out of it like its parent, answers for nobody."""
    if os.getpid() != process:
        os._exit(0)
    channel.send(frame)


def _handled(handler: Handler, frame: Frame) -> Frame:
    request_id, caller = frame["request_id"], frame["caller"]
    context = Context(request_id, frame["arn"], _ends_at=time.monotonic() + frame["timeout_s"])
    act_for(Caller(*caller) if caller else None)
    try:
        answer: Frame = {"result": marshaled(handler(frame["event"], context))}
    except Exception as error:  # noqa: BLE001 - a stranger's handler may raise anything; it is told to who called
        _print_error(failed := told(error, request_id))
        answer = {"failed": failed}
    _flush()
    return answer


def _die_with(leash: int) -> None:
    """Have the kernel kill this process, and all that it started, once the other end of a pipe is closed.

    A thread that waits for that would not get its turn while a handler is inside a library, and the signal that
    Linux sends at a parent's death comes when the thread ends that has started this process.
    """
    fcntl.fcntl(leash, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(leash, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([leash], [], [], 0)[0]:  # it was closed before
        os.kill(os.getpid(), signal.SIGKILL)


def _bound_memory() -> None:
    """Refuse what is beyond reason at once: what libraries reserve and never touch is not held against a function."""
    limit = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) * (1 << 20) * _DATA_FACTOR + _DATA_MORE
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _log_to_output() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # whoever is killed has told what it was at
    root = logging.StreamHandler(sys.stdout)
    root.setFormatter(logging.Formatter(_LINE, "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(root)


def _print_error(failed: Frame) -> None:
    lines = [f"[ERROR] {failed['errorType']}: {failed['errorMessage']}", "Traceback (most recent call last):"]
    with suppress(AttributeError, OSError, ValueError):
        print("\n".join([*lines, *failed["stackTrace"]]))  # noqa: T201 - a function's output is its log


def _flush() -> None:
    """Bring out what was printed before the answer goes; the handler may have done anything to its output."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
