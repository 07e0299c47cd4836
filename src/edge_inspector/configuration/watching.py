"""Notices that a configuration file has changed: written in place, renamed over, or behind a link that was turned."""

import hashlib
from pathlib import Path

from edge_inspector.configuration.reading import read_content
from edge_inspector.durable import signature_of
from edge_inspector.errors import ConfigError

_POLL_S = 1.0


class FileWatch:
    """Looks at one file about every second.

    A change is due once the file has stayed as it is for a poll, so that what is still being written is not read, and
    never while the file is away, as between the two renames of an editor. Only a regular file is watched.
    """

    def __init__(self, path: Path) -> None:
        """Watch from now on."""
        self.path = path
        self._polled_s = -_POLL_S
        self._seen = self._taken = signature_of(path)
        self._digest: bytes | None = None

    def is_due(self, monotonic_s: float) -> bool:
        """Return whether the file differs from what was taken last, and has come to rest."""
        if monotonic_s - self._polled_s < _POLL_S:
            return False
        self._polled_s = monotonic_s
        before, self._seen = self._seen, signature_of(self.path)
        return self._seen is not None and self._seen == before and self._seen != self._taken

    def take(self) -> tuple[bytes, bool]:
        """Return what the file holds, and whether that is new.

        Raises:
            ConfigError: If it cannot be read.
        """
        self._taken = signature_of(self.path)
        if self._taken is None and self.path.exists():
            msg = f"{self.path}: cannot be read again: expected a file, found something else"
            raise ConfigError(msg)
        content = read_content(self.path)
        return content, self.note(content)

    def note(self, content: bytes) -> bool:
        """Remember the content that is known, and return whether it is new."""
        digest = hashlib.sha256(content).digest()
        is_new, self._digest = digest != self._digest, digest
        return is_new
