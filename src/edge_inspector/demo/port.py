"""A port of the loopback interface that nobody else has."""

import socket
from contextlib import closing

HOST = "127.0.0.1"


def free_port(wanted: int = 0) -> int:
    """Return the port that is wanted, or another one where that is taken, or 0."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
