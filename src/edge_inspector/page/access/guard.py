"""The guard: says who asks, and turns away who may not, or who was sent by another site."""

import hmac
from typing import Final

from starlette.requests import Request

from edge_inspector.page.access.cookies import token_in
from edge_inspector.page.access.hosts import OwnHosts, is_same_origin
from edge_inspector.page.access.peer import Peer, peer_of
from edge_inspector.page.access.roles import Role, Visitor
from edge_inspector.page.access.sessions import Sessions
from edge_inspector.page.doors import Door, Turned
from edge_inspector.settings import PageSettings

CSRF_HEADER: Final = "X-CSRF-Token"
_OWN_SITES = frozenset({"same-origin", "none"})


class Guard:
    """Stands at every door; for all threads.

    Attributes:
        can_sign_in: There are people who sign in here.
    """

    def __init__(self, settings: PageSettings, sessions: Sessions) -> None:
        """Take what the settings allow.

        Args:
            settings: Of the page.
            sessions: Who has signed in.
        """
        self._settings, self._sessions = settings, sessions
        self._hosts = OwnHosts(settings)
        self.can_sign_in = any(user.password is not None for user in settings.users.values())
        self._stranger = Visitor(None, Role.NOTHING if settings.has_people and not settings.open_view else Role.VIEWER)

    def peer(self, request: Request) -> Peer:
        """Return who is at the other end.

        Raises:
            Turned: As `peer_of`.
        """
        return peer_of(request, self._settings.proxy, is_secure=self._settings.tls is not None)

    def visitor(self, request: Request) -> Visitor:
        """Return who asks.

        Raises:
            Turned: As `peer`.
        """
        return self._visitor(request, self.peer(request))

    def signed_in(self, user: str, token: str) -> Visitor:
        """Return who has signed in here.

        Args:
            user: One of the users.
            token: Of their session.
        """
        role = Role.named(self._settings.users[user].role)
        return Visitor(user, role, self._sessions.csrf_of(token), "page")

    def admit(self, request: Request, door: Door) -> Visitor:
        """Return who asks, if they may pass this door.

        Raises:
            Turned: 400 or 421 where the request is for another host, 401 where somebody must sign in first, 403 where
                the visitor may not, another site asks, or the token is not the visitor's.
        """
        self._check_host(request)
        peer = self.peer(request)
        is_change = door.method != "GET"
        if is_change:
            _check_site(request, peer)
        visitor = self._visitor(request, peer)
        if visitor.role < door.role or (is_change and door.needs_csrf and visitor.csrf is None):
            raise self._refusal(visitor, door)
        if is_change and door.needs_csrf:
            _check_csrf(request, visitor)
        return visitor

    def _visitor(self, request: Request, peer: Peer) -> Visitor:
        if peer.user is not None and self._settings.proxy is not None:
            known = self._settings.users.get(peer.user)
            role = Role.named(self._settings.proxy.unknown_users if known is None else known.role)
            role = max(role, self._stranger.role)  # who gives a name may not see less than who gives none
            return Visitor(peer.user, role, self._sessions.csrf_of_proxied(peer.user), "proxy")
        token = token_in(request, self._sessions.installation, is_secure=peer.is_secure)
        user = None if token is None else self._sessions.user_of(token)
        if token is None or user is None:
            return self._stranger
        return self.signed_in(user, token)

    def _check_host(self, request: Request) -> None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1:
            raise Turned(400, "bad_host", f"Host: expected this header once, found {len(hosts)} times")
        if not self._hosts.have(hosts[0]):
            text = f"Host: {hosts[0]!r:.200} is no name of this page; expected its address or one of page.names"
            raise Turned(421, "wrong_host", text)

    def _refusal(self, visitor: Visitor, door: Door) -> Turned:
        needed = max(door.role, Role.VIEWER).label
        if visitor.user is not None:
            return Turned(403, "not_allowed", f"expected the role {needed}, found {visitor.role.label}")
        if not self._settings.has_people:
            return Turned(403, "not_allowed", "this page only shows: expected people in page.users, found none")
        return Turned(401, "sign_in", f"expected somebody with the role {needed}; nobody has signed in")


def _check_site(request: Request, peer: Peer) -> None:
    """Turn away what another site has a browser ask; what is no browser says nothing of sites."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    scheme = "https" if peer.is_secure else "http"
    if (site is not None and site not in _OWN_SITES) or (
        origin is not None and not is_same_origin(origin, peer.host, scheme)
    ):
        found = f"Origin {origin!r:.200}, Sec-Fetch-Site {site!r:.50}"
        raise Turned(403, "other_site", f"expected a change from a page of this very host, found {found}")


def _check_csrf(request: Request, visitor: Visitor) -> None:
    found = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(found.encode(), (visitor.csrf or "").encode()):
        what = "another one" if found else "none"
        raise Turned(403, "csrf", f"{CSRF_HEADER}: expected the token that GET /api/v1/session gives, found {what}")
