"""Passwords: hashed by scrypt, verified one at a time and with the same work whether there is such a user or not."""

import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from edge_inspector.settings import PageUser
from edge_inspector.settings.password_hash import PasswordHash

SHORTEST, LONGEST = 8, 256  # characters
_N, _R, _P = 2**14, 8, 1  # 16 MB, some 50 ms on a small computer
_SALT_BYTES, _DIGEST_BYTES = 16, 32
_OVERHEAD = 1 << 20  # bytes of OpenSSL's own beside 128 * n * r


def password_problem(password: str) -> str | None:
    """Return why a text cannot be a password, or None."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"expected a password of {SHORTEST} to {LONGEST} characters, found {len(password)}"
    if not password.isprintable():
        return "expected a password of printable characters, found others"
    return None


def hash_password(password: str) -> PasswordHash:
    """Return a new hash of a password."""
    blank = _blank()
    return replace(blank, digest=_digest(password, blank))


def verify(password: str, expected: PasswordHash) -> bool:
    """Return whether a password gives this hash, in a time that does not depend on where they differ."""
    return hmac.compare_digest(_digest(password, expected), expected.digest)


class Passwords:
    """The passwords of all users; for all threads."""

    def __init__(self, users: Mapping[str, PageUser]) -> None:
        """Take the hashes of those that have one.

        Args:
            users: By name.
        """
        self._hashes = {
            name: PasswordHash.parse(user.password) for name, user in users.items() if user.password is not None
        }
        # Verified for a name that nobody has, so that the time of an answer does not tell who is a user.
        self._nobody = max(self._hashes.values(), key=lambda known: known.n * known.r * known.p, default=_blank())
        self._one_at_a_time = threading.Lock()

    def are_right(self, user: str, password: str) -> bool:
        """Return whether this is the password of this user; waits while another one is verified."""
        known = self._hashes.get(user)
        with self._one_at_a_time:
            is_right = verify(password, self._nobody if known is None else known)
        return is_right and known is not None


def _blank() -> PasswordHash:
    return PasswordHash(_N, _R, _P, secrets.token_bytes(_SALT_BYTES), bytes(_DIGEST_BYTES))


def _digest(password: str, hashed: PasswordHash) -> bytes:
    # Composed: keyboards differ in how they spell an umlaut. A lone surrogate is no password, and no reason to fail.
    content = unicodedata.normalize("NFC", password).encode("utf-8", "replace")
    memory = 128 * hashed.r * (hashed.n + hashed.p) + _OVERHEAD
    return hashlib.scrypt(
        content, salt=hashed.salt, n=hashed.n, r=hashed.r, p=hashed.p, maxmem=memory, dklen=len(hashed.digest)
    )
