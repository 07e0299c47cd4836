"""Hosts: under which names browsers may reach the page, and whether a change is asked for by the page itself.

A name that is not its own is refused, or any site could have its own name lead to this machine and read what is here
(DNS rebinding). An address is no name: nobody else can make it lead elsewhere.
"""

import re
import socket
from urllib.parse import urlsplit

from edge_inspector.settings import PageSettings
from edge_inspector.settings.page import address_of, is_loopback

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/?#@\\\s]+)(?::\d{1,5})?")
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OwnHosts:
    """The names and addresses under which this page may be asked."""

    def __init__(self, settings: PageSettings) -> None:
        """Collect them; asks no name server."""
        bound = _spelled(settings.host)
        self._is_any = bound in _ANY
        self._is_loopback = is_loopback(bound)
        own = set() if self._is_loopback else {socket.gethostname().lower()}
        own |= {f"{name}.local" for name in own if "." not in name}
        self._names = frozenset({"localhost", *own, *map(_spelled, settings.names)})
        self._bound = bound

    def have(self, host: str) -> bool:
        """Return whether the page may be asked under this host, as the header `Host` spells it."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = _spelled(found[1].strip("[]"))
        if name in self._names or name == self._bound:
            return True
        address = address_of(name)
        return address is not None and (self._is_any or (self._is_loopback and address.is_loopback))


def _spelled(host: str) -> str:
    """Return a name or an address as all of its spellings are compared."""
    address = address_of(host)
    return host.lower().removesuffix(".") if address is None else f"{address}"


def is_same_origin(origin: str, host: str, scheme: str) -> bool:
    """Return whether a page from `origin` is the one that is served under `host`.

    Args:
        origin: As the header `Origin` spells it.
        host: Name or address, and the port where it is not the scheme's own.
        scheme: `http` or `https`, with which the browser reached us.
    """
    try:
        from_, to = urlsplit(origin), urlsplit(f"//{host}")
        ports = from_.port or _DEFAULT_PORTS.get(from_.scheme), to.port or _DEFAULT_PORTS.get(scheme)
    except ValueError:
        return False
    return from_.scheme == scheme and bool(from_.hostname) and from_.hostname == to.hostname and ports[0] == ports[1]
