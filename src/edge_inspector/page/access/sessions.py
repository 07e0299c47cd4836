"""Sessions: who has signed in, by random tokens of which only hashes are kept.

A session is bound to what the configuration said of its user: with another password or role, or without the user, it is
over. It does not grow older than `session_hours`, nor does one that begins in the future count: the clock was wrong.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_inspector.page.access import session_file
from edge_inspector.page.access.session_file import SECRET_BYTES, Kept, Session
from edge_inspector.settings import PageUser

FILE = "page-sessions.json"  # in the home folder
MOST_OF_A_USER = 20  # the oldest goes
MOST = 500
_CLOCK_STEP_S = 300.0  # so far a clock may go back without ending what has just begun


class Sessions:
    """Everybody who has signed in; looked up in memory, for all threads.

    Attributes:
        installation: Eight letters that tell this installation from others on the same machine.
    """

    def __init__(
        self, users: Mapping[str, PageUser], *, hours: float, home: Path | None, now_s: Callable[[], float] = time.time
    ) -> None:
        """Take up what was left by the last run.

        Args:
            users: By name.
            hours: How long a session lasts.
            home: Folder that outlives restarts; None: kept in memory alone.
            now_s: Returns the time, in seconds of the Unix epoch.
        """
        self._longest_s, self._now_s = hours * 3600, now_s
        self._file = None if home is None else home / FILE
        self._lock = threading.Lock()  # for what is in memory; never held while the disk is waited for
        self._writing = threading.Lock()
        kept = None if self._file is None else session_file.read(self._file)
        self._secret = secrets.token_bytes(SECRET_BYTES) if kept is None else kept.secret
        self.installation = self._signed("installation", "")[:8]
        self._bound_to = {name: self._signed("user", f"{user.role}\0{user.password}") for name, user in users.items()}
        self._sessions = {} if kept is None else dict(kept.sessions)  # the oldest first, by the hash of the token
        self._forget_those_over()
        if kept is None or len(self._sessions) < len(kept.sessions):
            self._write()

    def begin(self, user: str) -> str:
        """Begin a session and return its token; writes to the disk.

        Args:
            user: One of the users.
        """
        token = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._forget_those_over()
            of_user = [key for key, session in self._sessions.items() if session.user == user]
            if len(of_user) >= MOST_OF_A_USER:
                del self._sessions[of_user[0]]
            elif len(self._sessions) >= MOST:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_hash(token)] = Session(user, self._bound_to[user], self._now_s())
        self._write()
        return token

    def user_of(self, token: str) -> str | None:
        """Return who has signed in with a token; None when nobody has, or the session is over."""
        with self._lock:
            session = self._sessions.get(_hash(token))
            return session.user if session is not None and self._counts(session) else None

    def end(self, token: str) -> None:
        """End a session; writes to the disk."""
        with self._lock:
            was_there = self._sessions.pop(_hash(token), None) is not None
        if was_there:
            self._write()

    def csrf_of(self, token: str) -> str:
        """Return what a change must repeat that is asked for with this token; no other page can know it."""
        return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()

    def csrf_of_proxied(self, user: str) -> str:
        """Return the same for a person whom the proxy has signed in."""
        return self._signed("csrf", user)

    def _signed(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}\0{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _counts(self, session: Session) -> bool:
        age_s = self._now_s() - session.since_s
        return self._bound_to.get(session.user) == session.bound_to and -_CLOCK_STEP_S <= age_s < self._longest_s

    def _forget_those_over(self) -> None:
        self._sessions = {key: session for key, session in self._sessions.items() if self._counts(session)}

    def _write(self) -> None:
        if self._file is None:
            return
        with self._writing:
            with self._lock:
                kept = Kept(self._secret, dict(self._sessions))
            session_file.write(self._file, kept)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
