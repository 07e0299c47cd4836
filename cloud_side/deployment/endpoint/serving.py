"""Serves a model package by HTTP until the process is told to end: the part that SageMaker and one machine share."""

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from cloud_side.deployment.endpoint.application import application
from cloud_side.deployment.endpoint.looking import Looker, leave_processors_alone
from cloud_side.deployment.endpoint.pool import Pool
from edge_inspector.errors import ConfigError

WAITING: Final = 8  # requests for each model that is open: what it does in less than a second
_BACKLOG: Final = 256
_CONNECTIONS: Final = 512
_KEEP_ALIVE_S: Final = 75  # longer than what stands before it, which must be the one to end a connection
_GRACE_S: Final = 20  # for answers under way; SageMaker kills after 30


@dataclass(frozen=True, slots=True)
class Serving:
    """How a package is served.

    Attributes:
        folder: Of the package.
        host, port: Where it listens; port 0: any free one.
        sessions: Models that are open, each with a thread and its own memory; None: one a processor.
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

    Args:
        how: The package and where it is served.
        tell: Gets the line that a person reads, once requests are taken.

    Raises:
        ModelError: If the package cannot be used.
        ConfigError: If it cannot be served so.
    """
    sessions = len(os.sched_getaffinity(0)) if how.sessions is None else how.sessions
    waiting = WAITING * sessions if how.waiting is None else how.waiting
    if sessions < 1 or waiting < 0:
        msg = f"expected at least 1 session and 0 requests that wait, found {sessions} and {waiting}"
        raise ConfigError(msg)
    leave_processors_alone()
    listening = _listening(how.host, how.port)
    with listening:
        first = Looker.tested(how.folder, precision=how.precision)
        with Pool([first, *(first.again() for _ in range(sessions - 1))], waiting=waiting) as pool:
            server = uvicorn.Server(_configuration(pool))

            def end(*_: object) -> None:
                server.should_exit = True

            for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn gives back to these what it has taken
                signal.signal(number, end)
            listening.listen(_BACKLOG)  # who asks before that is refused, as by a process that is not there yet
            port = listening.getsockname()[1]
            model = f"{pool.identity.name} {pool.identity.version} ({pool.identity.sha256[:12]})"
            where = f"http://{f'[{how.host}]' if ':' in how.host else how.host}:{port}/invocations"
            tell(f"{model} is served at {where}: {sessions} at once, {waiting} more wait")
            server.run(sockets=[listening])


def _configuration(pool: Pool) -> uvicorn.Config:
    return uvicorn.Config(
        application(pool),
        log_config=None,
        log_level="error",  # what a client does wrong is no news
        access_log=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that has the port; it does not listen yet.

    Raises:
        ConfigError: If the address or the port cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError, OverflowError) as error:  # the latter two for what is no name and no port
        msg = f"{host}:{port}: expected an address of this machine and a free port, found: {error}"
        raise ConfigError(msg) from error
    return listening
