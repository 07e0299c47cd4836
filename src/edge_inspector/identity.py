"""Inspection ids: unique, sortable by capture time, and the same in a replay.

An id is a ULID (https://github.com/ulid/spec): 48 bits of Unix milliseconds, then 80 bits that here are not random but
a hash of who captured what.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENTROPY_BYTES = 10


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the daemon.

    Attributes:
        id: See `session_id`.
        started_at: When it began, aware UTC.
    """

    id: str
    started_at: datetime


def inspection_id(captured_at: datetime, *, station: str, camera: str, session: str, number: str) -> str:
    """Return the 26-character id of one inspection.

    Args:
        captured_at: Aware time at which the frame, or the first frame of the part, was captured.
        station: Path of the station, unique in the company: `site/line/station`.
        camera: Camera name within the station.
        session: Id of the run of the daemon that captured it.
        number: Frame or part number within the session.
    """
    milliseconds = int(captured_at.timestamp() * 1000)
    name = f"{station}\x1f{camera}\x1f{session}\x1f{number}".encode("utf-8", "surrogatepass")
    return _encode(milliseconds, hashlib.blake2b(name, digest_size=_ENTROPY_BYTES).digest())


def session_id(started_at: datetime, entropy: bytes) -> str:
    """Return the 26-character id of one run of the daemon.

    Args:
        started_at: Aware time of the start.
        entropy: 10 random bytes.
    """
    return _encode(int(started_at.timestamp() * 1000), entropy)


def _encode(milliseconds: int, entropy: bytes) -> str:
    if len(entropy) != _ENTROPY_BYTES:
        msg = f"entropy: expected {_ENTROPY_BYTES} bytes, found {len(entropy)}"
        raise ValueError(msg)
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(entropy, "big")
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
