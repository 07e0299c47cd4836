"""Notices that a configuration file has changed: written in place, renamed over, or behind a link that was turned."""

import hashlib
from pathlib import Path

from edge_inspector.configuration.reading import read_content
from edge_inspector.durable import RestWatch, signature_of
from edge_inspector.errors import ConfigError


class FileWatch(RestWatch):
    """Looks at the file; that it is away, as between the two renames of an editor, is no change."""

    def __init__(self, path: Path) -> None:
        """Watch from now on."""
        super().__init__(path, signature_of(path))
        self._digest: bytes | None = None

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
