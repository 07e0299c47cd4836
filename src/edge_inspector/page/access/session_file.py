"""The private file in which sessions outlive restarts; it holds no token, and nothing from which one could be made."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.durable import write_lasting

_log = logging.getLogger(__name__)
SECRET_BYTES = 32
_VERSION = 1
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in.

    Attributes:
        user: Name of the person.
        bound_to: A word for the role and the password with which they did.
        since_s: When, in seconds of the Unix epoch.
    """

    user: str
    bound_to: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the file.

    Attributes:
        secret: Of this installation.
        sessions: By the SHA-256 of their tokens, the oldest first.
    """

    secret: bytes
    sessions: Mapping[str, Session]

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            msg = f"expected {SECRET_BYTES} bytes of secret, found {len(self.secret)}"
            raise ValueError(msg)


def read(file: Path) -> Kept | None:
    """Return what a file holds; None when there is none, or it cannot be used, which is logged."""
    try:
        with file.open("rb") as opened:
            return _kept(opened.read(_LARGEST_FILE))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        _log.warning("page: %s: cannot be read: %r; everybody must sign in again", file, error)
        return None


def write(file: Path, kept: Kept) -> None:
    """Write a file; where that fails none is left, so that no session comes back that has ended."""
    document = {
        "version": _VERSION,
        "secret": kept.secret.hex(),
        "sessions": {key: (one.user, one.bound_to, one.since_s) for key, one in kept.sessions.items()},
    }
    try:
        write_lasting(file, json.dumps(document).encode())
    except OSError as error:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        _log.warning("page: %s: cannot be written: %s; after a restart people must sign in again", file, error)


def _kept(content: bytes) -> Kept:
    document = json.loads(content)
    if document["version"] != _VERSION:
        msg = f"expected version {_VERSION}, found {document['version']!r}"
        raise ValueError(msg)
    sessions = {
        str(key): Session(str(user), str(bound_to), float(since_s))
        for key, (user, bound_to, since_s) in document["sessions"].items()
    }
    return Kept(bytes.fromhex(document["secret"]), sessions)
