"""The guard: who asks, and whether a change is asked for by this page itself."""

from collections.abc import Collection
from typing import Final, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request

CSRF_HEADER: Final = "X-Edge-Inspector"  # no form and no simple request of another site can have it
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = frozenset({"GET", "HEAD"})


class Turned(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The answer to a request that is not granted.

    Attributes:
        status: HTTP status.
        text: What was found and what was expected, for people.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Access(Protocol):
    """How people are known."""

    def person(self, request: Request) -> str:
        """Return who asks.

        Raises:
            Turned: 401 where nobody can tell.
        """


class Guard:
    """Stands before everything that is somebody's."""

    def __init__(self, access: Access, hosts: Collection[str] | None) -> None:
        """Take how people are known.

        Args:
            access: Knows them.
            hosts: Names and addresses under which the page may be asked, lower case, without ports: or any site could
                have its own name lead here (DNS rebinding). None: a load balancer has looked at that.
        """
        self._access, self._hosts = access, None if hosts is None else frozenset(hosts)

    def check_host(self, request: Request) -> None:
        """Turn away who asks for another host.

        Raises:
            Turned: 421.
        """
        host = request.headers.get("host", "")
        if self._hosts is not None and _name_of(host) not in self._hosts:
            text = f"Host: expected {' or '.join(sorted(self._hosts))}, found {host!r:.200}; --hosts adds names"
            raise Turned(421, text)

    def admit(self, request: Request) -> str:
        """Return who asks, if they may.

        Raises:
            Turned: 401, 403 where another site has a browser ask, 421.
        """
        self.check_host(request)
        if request.method not in _SAFE:
            _check_site(request)
        return self._access.person(request)


def _check_site(request: Request) -> None:
    if request.headers.get(CSRF_HEADER) != "1":
        raise Turned(403, f"{CSRF_HEADER}: expected 1 with every change, found {_found(request, CSRF_HEADER)}")
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_other = origin is not None and not _is_same(origin, request.headers.get("host", ""))
    if is_other or (site is not None and site not in _OWN_SITES):
        raise Turned(403, f"expected a change from a page of this very host, found Origin {origin!r:.200}")


def _found(request: Request, name: str) -> str:
    value = request.headers.get(name)
    return "none" if value is None else f"{value!r:.100}"


def _is_same(origin: str, host: str) -> bool:
    """Return whether a page of `origin` is one of `host`; which scheme it was, only a load balancer knows."""
    try:
        from_, to = urlsplit(origin), urlsplit(f"//{host}")
        default = _DEFAULT_PORTS.get(from_.scheme)
        return bool(from_.hostname) and (from_.hostname, from_.port or default) == (to.hostname, to.port or default)
    except ValueError:
        return False


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
