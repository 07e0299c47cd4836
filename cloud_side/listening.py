"""Where a server of the cloud side listens, and how uvicorn serves there, whatever else is installed."""

import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from edge_inspector.errors import ConfigError

BACKLOG: Final = 256
_KEEP_ALIVE_S: Final = 75  # longer than a load balancer's 60, which must be the one to end a connection
_LAST_PORT: Final = 65_535


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has the port; it does not listen yet.

    Args:
        host: An address of this machine, or a name of it.
        port: 0: any free one.

    Raises:
        ConfigError: If the address or the port cannot be had.
    """
    where = f"{host}:{port}"
    if not 0 <= port <= _LAST_PORT:  # the system would take what is left of it modulo 65,536
        msg = f"{where}: expected a port from 0 to {_LAST_PORT}, found {port}"
        raise ConfigError(msg)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
        msg = f"{where}: expected an address of this machine and a free port, found: {error}"
        raise ConfigError(msg) from error
    return made


def configuration(app: ASGIApp, *, grace_s: int, most_connections: int | None = None) -> uvicorn.Config:
    """Return how uvicorn serves an application: it says nothing, and trusts no header that a proxy might have set.

    Args:
        app: Answers.
        grace_s: Answers under way get so long at the end, in seconds.
        most_connections: More than that are told that it is busy; None: no limit.
    """
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="error",  # what a client does wrong is no news
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=most_connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,
    )
