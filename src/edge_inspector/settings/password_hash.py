"""Password hashes as the configuration holds them: scrypt with its parameters, so that none costs much memory."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

LEAST_WORK = 2**17  # n * r * p: what `edge-inspector page hash-password` spends
MOST_WORK = 2**20
MOST_MEMORY = 32 << 20  # bytes while one password is verified
_SALT_BYTES = range(16, 65)
_DIGEST_BYTES = range(32, 65)
_FORM = re.compile(
    r"scrypt\$([1-9]\d{0,7})\$([1-9]\d{0,2})\$([1-9]\d{0,2})\$([A-Za-z0-9+/=]{1,96})\$([A-Za-z0-9+/=]{1,96})"
)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password after scrypt (RFC 7914), in text `scrypt$n$r$p$salt$digest`, the last two in base64.

    Attributes:
        n: Cost, a power of two; memory is 128 * n * r bytes.
        r: Block size.
        p: How often, one after another.
        salt: Random bytes of this hash.
        digest: What the password gives.
    """

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def __post_init__(self) -> None:
        if self.n < 2 or self.n & (self.n - 1):
            msg = f"expected n as a power of two, found {self.n}"
            raise ValueError(msg)
        if 128 * self.n * self.r > MOST_MEMORY:
            msg = f"expected at most {MOST_MEMORY >> 20} MB to verify it, found {128 * self.n * self.r >> 20} MB"
            raise ValueError(msg)
        if not LEAST_WORK <= self.n * self.r * self.p <= MOST_WORK:
            msg = f"expected n * r * p from {LEAST_WORK} to {MOST_WORK}, found {self.n * self.r * self.p}"
            raise ValueError(msg)
        if len(self.salt) not in _SALT_BYTES or len(self.digest) not in _DIGEST_BYTES:
            msg = f"expected 16 to 64 bytes of salt and 32 to 64 of hash, found {len(self.salt)} and {len(self.digest)}"
            raise ValueError(msg)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the hash that a text holds.

        Raises:
            ValueError: If it holds none, or one that is too weak or costs too much. The text is not repeated: it may be
                a password.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            msg = "expected what `edge-inspector page hash-password` prints, scrypt$..., found something else"
            raise ValueError(msg)
        n, r, p, salt, digest = found.groups()
        try:
            return cls(int(n), int(r), int(p), b64decode(salt, validate=True), b64decode(digest, validate=True))
        except ValueError as error:
            msg = f"scrypt$...: {error}; take what `edge-inspector page hash-password` prints"
            raise ValueError(msg) from error

    def __str__(self) -> str:
        salt, digest = b64encode(self.salt).decode(), b64encode(self.digest).decode()
        return f"scrypt${self.n}${self.r}${self.p}${salt}${digest}"
