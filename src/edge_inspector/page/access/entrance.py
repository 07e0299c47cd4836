"""The entrance: where people sign in and out; with the guard all that keeps others out."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from edge_inspector.page.access import cookies
from edge_inspector.page.access.attempts import Attempts
from edge_inspector.page.access.guard import Guard
from edge_inspector.page.access.passwords import Passwords
from edge_inspector.page.access.roles import Visitor
from edge_inspector.page.access.sessions import Sessions
from edge_inspector.page.doors import Turned
from edge_inspector.settings import PageSettings

_log = logging.getLogger(__name__)
_AT_ONCE = 2  # one is verified, one waits; more would take the threads that answer others
_BUSY_S = 1


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has just signed in.

    Attributes:
        visitor: The person.
        token: Of the session, for the cookie.
    """

    visitor: Visitor
    token: str


class Entrance:
    """Lets people in and out; for all threads.

    Attributes:
        guard: Who stands at every door.
    """

    def __init__(self, settings: PageSettings, sessions: Sessions, attempts: Attempts | None = None) -> None:
        """Know the people of the settings.

        Args:
            settings: Of the page.
            sessions: Who has signed in.
            attempts: Who has tried.
        """
        self._settings, self._sessions = settings, sessions
        self._attempts = Attempts() if attempts is None else attempts
        self._passwords = Passwords(settings.users)
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self.guard = Guard(settings, sessions)

    @classmethod
    def of(cls, settings: PageSettings, home: Path | None) -> Self:
        """Return the entrance of a station.

        Args:
            settings: Of the page.
            home: Folder in which sessions outlive restarts; None: they do not.
        """
        return cls(settings, Sessions(settings.users, hours=settings.session_hours, home=home))

    def sign_in(self, request: Request, user: str, password: str) -> SignedIn:
        """Begin a session, and end the one that the browser has until now; takes a moment.

        Raises:
            Turned: 401 where user or password are wrong, 429 where there were too many attempts, 403 where nobody can
                sign in here.
        """
        if not self.guard.can_sign_in:
            raise Turned(403, "not_allowed", "nobody signs in here: no user of page.users has a password")
        address = self.guard.peer(request).address
        if not self._places.acquire(blocking=False):
            raise _too_many(_BUSY_S)
        try:
            if (wait_s := self._attempts.begin(address, user)) is not None:
                raise _too_many(wait_s)
            is_right = self._passwords.are_right(user, password)
        finally:
            self._places.release()
        if not is_right:
            # Other names stay out of the log: where a name is asked for some people type their password.
            known = user if user in self._settings.users else "a name that page.users does not have"
            _log.warning("page: %s: password wrong for %s", address, known)
            raise Turned(401, "wrong", "user or password wrong")
        self._attempts.succeeded(address, user)
        self.sign_out(request)
        token = self._sessions.begin(user)
        _log.info("page: %s signed in from %s", user, address)
        return SignedIn(self.guard.signed_in(user, token), token)

    def sign_out(self, request: Request) -> None:
        """End the session of the browser, if it has one."""
        is_secure = self.guard.peer(request).is_secure
        if (token := cookies.token_in(request, self._sessions.installation, is_secure=is_secure)) is not None:
            self._sessions.end(token)

    def give_cookie(self, request: Request, response: Response, token: str) -> None:
        """Have the browser keep the token of a session."""
        cookies.give(
            response,
            token,
            self._sessions.installation,
            is_secure=self.guard.peer(request).is_secure,
            longest_s=self._settings.session_hours * 3600,
        )

    def take_cookie(self, request: Request, response: Response) -> None:
        """Have the browser forget the token of its session."""
        cookies.take_back(response, self._sessions.installation, is_secure=self.guard.peer(request).is_secure)


def _too_many(wait_s: int) -> Turned:
    text = f"too many attempts to sign in: expected none for {wait_s} s"
    return Turned(429, "too_many", text, {"Retry-After": f"{wait_s}"})
