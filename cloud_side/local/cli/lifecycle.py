"""`up` and `down`: the engine as a process of its own."""

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.cli.errors import CommandError
from cloud_side.local.cli.opened import home_of
from cloud_side.local.cli.standing import Standing, standing
from cloud_side.local.cli.tables import line
from cloud_side.local.home import Home, engine_in
from edge_inspector.errors import ConfigError

PATIENCE_S = 30.0
ENGINE_LOG = "engine.log"
_OUTPUT = "engine.out"  # what it says before it has its log, or outside of it
_LOCK = "lock"
_LOOK_S = 0.05
_MISCONFIGURED = 78


def up(options: argparse.Namespace) -> int:
    """Start the engine and wait until it serves; one that runs already is as good, but not in the foreground."""
    home = home_of(options)
    home.make()
    more = ["--workers", str(options.workers)] if options.workers else []
    more += ["--broker", options.broker] if options.broker else []
    arguments = ["--home", str(home.folder), *more]
    if options.foreground:
        from cloud_side.local.engine import main

        return main(arguments)
    if (pid := engine_in(home)) is not None:
        print(f"the engine runs already in {home.folder}, process id {pid}")
        if more:
            print(f"it runs as it was started; for {' '.join(more)} end it first by `local down`", file=sys.stderr)
        return 0
    pid = _start(home, arguments)
    print(f"the engine runs in {home.folder}, process id {pid}")
    print("next: `edge-inspector-cloud local status`; programs use it by")
    print(f"  export {ENGINE_VARIABLE}={local_engine(home.folder)}")
    return 0


def down(options: argparse.Namespace) -> int:
    """End the engine and tell what waits for the next one."""
    home = home_of(options)
    pid = engine_in(home) if (home.folder / _LOCK).exists() else None  # else it would make one, in any folder
    if pid is None:
        print(f"no engine runs in {home.folder}")
        return 0
    if pid == 0:
        msg = f"{home.folder}: an engine runs here, but not which process it is; look at {home.folder / _LOCK}"
        raise CommandError(msg)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + options.patience
    while engine_in(home) == pid:
        if time.monotonic() > until:
            msg = f"process {pid} has not ended in {options.patience} s: it waits for steps under way; see `local logs`"
            raise CommandError(msg)
        time.sleep(_LOOK_S)
    print(f"the engine in {home.folder} has ended")
    for text in _left(standing(home)):
        print(text)
    return 0


def _left(found: Standing) -> Iterator[str]:
    if running := found.executions.get("RUNNING", 0):
        yield f"executions that go on with the next `up`: {running}"
    for job in found.jobs:
        yield f"a job runs on: {job}"


def _start(home: Home, arguments: Sequence[str]) -> int:
    """Start the engine in a session of its own and return its process id once it serves."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as ready, (home.logs / _OUTPUT).open("ab") as output:
        began = output.tell()
        try:
            engine = _engine([*arguments, "--log", str(home.logs / ENGINE_LOG)], output, writer)
        finally:
            os.close(writer)
        if not select.select([ready], [], [], PATIENCE_S)[0]:
            engine.terminate()
            msg = (
                f"the engine does not serve after {PATIENCE_S:.0f} s, and was told to end; see {home.logs / ENGINE_LOG}"
            )
            raise CommandError(msg)
        if said := ready.read(select.PIPE_BUF):
            for problem in said.decode("utf-8", "replace").splitlines()[1:]:
                print(f"warning: {line(problem)}", file=sys.stderr)
            engine.returncode = 0  # it outlives this process, which shall not warn of that
            return engine.pid
        return _ended(home, engine, began)


def _engine(arguments: Sequence[str], output: IO[bytes], writer: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "cloud_side.local.engine", *arguments, "--ready-fd", str(writer)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(writer,),
        start_new_session=True,
    )


def _ended(home: Home, engine: "subprocess.Popen[bytes]", began: int) -> int:
    """Tell why an engine ended before it served; return another one's process id if that was why."""
    code = engine.wait()
    if (other := engine_in(home)) is not None:
        return other
    said = (home.logs / _OUTPUT).read_bytes()[began:].decode("utf-8", "replace").strip().splitlines()
    last = said[-1].removeprefix("edge-inspector-cloud: error: ") if said else f"see {home.logs / ENGINE_LOG}"
    if code == _MISCONFIGURED:
        raise ConfigError(last)
    msg = f"the engine ended with exit code {code}: {last}"
    raise CommandError(msg)
