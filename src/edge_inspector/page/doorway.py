"""The doorway: where connections come in. So many at a time and no more, for the line needs file descriptors too."""

import socket
import weakref
from collections.abc import Callable
from typing import Any, Final

MOST_CONNECTIONS: Final = 200
MOST_OF_ONE_ADDRESS: Final = 120  # of twenty browsers behind one address, six each; then others still come in
_BACKLOG: Final = 64
_UNSENT_BYTES: Final = 64 << 10
_UNHEARD_MS: Final = 30_000  # a tablet that does not acknowledge for so long has gone


class Doorway(socket.socket):
    """A listening socket that lets in only so many connections at once, and closes those beyond at once.

    It counts before TLS begins: a client that connects and says nothing is a connection as well.
    """

    _accepted: weakref.WeakSet[socket.socket]
    _is_limited: Callable[[str], bool]

    @classmethod
    def listen_on(cls, host: str, port: int, *, is_limited: Callable[[str], bool]) -> "Doorway":
        """Return a socket that listens.

        Args:
            host: An address of this machine.
            port: 0: any free port.
            is_limited: Whether an address may have `MOST_OF_ONE_ADDRESS` alone; not so a proxy, behind which all are.

        Raises:
            OSError: If the address or the port cannot be had.
        """
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        doorway = cls(family, kind, protocol)
        try:
            doorway._accepted, doorway._is_limited = weakref.WeakSet(), is_limited
            doorway.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # those that are accepted inherit it
                doorway.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # a slow viewer gets the newest picture, not those in a long queue
                doorway.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
            doorway.bind(address)
            doorway.listen(_BACKLOG)
        except OSError:
            doorway.close()
            raise
        return doorway

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection.

        Raises:
            ConnectionAbortedError: If there are too many; it is closed then.
        """
        connection, peer = super().accept()
        others = [other for other in self._accepted if other.fileno() >= 0]
        if len(others) >= MOST_CONNECTIONS or (
            self._is_limited(peer[0]) and sum(_address(other) == peer[0] for other in others) >= MOST_OF_ONE_ADDRESS
        ):
            connection.close()
            msg = f"expected at most {MOST_CONNECTIONS} connections, {MOST_OF_ONE_ADDRESS} from one address"
            raise ConnectionAbortedError(msg)
        self._accepted.add(connection)
        return connection, peer


def _address(connection: socket.socket) -> str | None:
    try:
        return str(connection.getpeername()[0])
    except OSError:
        return None
