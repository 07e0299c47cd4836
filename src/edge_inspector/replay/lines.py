"""A file of lines that only grows, and never holds half of one."""

import errno
import hashlib
import os
from pathlib import Path


class LineFile:
    """Appends lines; one that cannot be written whole is taken back.

    Attributes:
        count: Lines written.
    """

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            OSError: If it cannot be made.
        """
        self._file = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._length = 0
        self.count = 0

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._hash.hexdigest()

    def add(self, line: str) -> None:
        """Append a line.

        Raises:
            OSError: If it cannot be written; the file is as before then.
        """
        content = line.encode() + b"\n"
        try:
            self._write(content)
        except OSError:
            self._file.truncate(self._length)
            self._file.seek(self._length)
            raise
        self._hash.update(content)
        self._length += len(content)
        self.count += 1

    def _write(self, content: bytes) -> None:
        if self._file.write(content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
