"""Serves a model package by HTTP until the process is told to end: the part that SageMaker and one machine share."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from cloud_side.deployment.endpoint.application import application
from cloud_side.deployment.endpoint.looking import Looker, leave_processors_alone
from cloud_side.deployment.endpoint.pool import Pool
from cloud_side.listening import BACKLOG, bound, configuration
from edge_inspector.bench.machine import describe_machine
from edge_inspector.errors import ConfigError

WAITING: Final = 8  # requests for each model that is open: what it does in less than a second
_CONNECTIONS: Final = 512
_GRACE_S: Final = 20  # for answers under way; SageMaker kills after 30


@dataclass(frozen=True, slots=True)
class Serving:
    """How a package is served.

    Attributes:
        folder: Of the package.
        host, port: Where it listens; port 0: any free one.
        sessions: Models that are open, each with a thread and its own memory; None: one for each processor that
            the process may use, as its affinity and its cgroup's quota have it.
        waiting: Requests that wait for them at most; None: `WAITING` for each session.
        precision: Of the package's file.
    """

    folder: Path
    host: str
    port: int
    sessions: int | None = None
    waiting: int | None = None
    precision: str = "float32"


def serve(how: Serving, tell: Callable[[str], None]) -> None:
    """Test the model, then serve it until SIGTERM or SIGINT; answers under way are given. On the main thread only.

    While there is nothing to answer yet, these end the process at once, with code 0.

    Args:
        how: The package and where it is served.
        tell: Gets the line that a person reads, once requests are taken.

    Raises:
        ModelError: If the package cannot be used.
        ConfigError: If it cannot be served so.
    """
    sessions = describe_machine().whole_cores if how.sessions is None else how.sessions
    waiting = WAITING * sessions if how.waiting is None else how.waiting
    if sessions < 1 or waiting < 0:
        msg = f"expected at least 1 session and 0 requests that wait, found {sessions} and {waiting}"
        raise ConfigError(msg)
    leave_processors_alone()
    server: uvicorn.Server | None = None

    def end(*_: object) -> None:
        if server is None:
            os._exit(0)  # an exception could be lost in whatever loads, and there is nothing to tidy
        server.should_exit = True

    with _told_to_end(end), bound(how.host, how.port) as listening:
        first = Looker.tested(how.folder, precision=how.precision)
        with Pool([first, *(first.again() for _ in range(sessions - 1))], waiting=waiting) as pool:
            server = uvicorn.Server(configuration(application(pool), grace_s=_GRACE_S, most_connections=_CONNECTIONS))
            listening.listen(BACKLOG)  # who asks before that is refused, as by a process that is not there yet
            port = listening.getsockname()[1]
            model = f"{pool.identity.name} {pool.identity.version} ({pool.identity.sha256[:12]})"
            where = f"http://{f'[{how.host}]' if ':' in how.host else how.host}:{port}/invocations"
            tell(f"{model} is served at {where}: {sessions} at once, {waiting} more wait")
            server.run(sockets=[listening])


@contextmanager
def _told_to_end(do: Callable[..., None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT do something; uvicorn gives them back once it has ended, and so does this."""
    before = {number: signal.signal(number, do) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
