"""The folder of updates: its file `current` names the package that shall run, as `name/version`, and moves last."""

import re
from pathlib import Path

from edge_inspector.durable import RestWatch, signature_of
from edge_inspector.errors import ModelError

POINTER = "current"
_NAMES_A_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._+-]*")
_LONGEST_BYTES = 256


class PointerWatch(RestWatch):
    """Looks at the pointer about every second.

    A folder or a pointer that is not there is no error: no model has been deployed yet.
    """

    def __init__(self, folder: Path) -> None:
        """Look for the first time when asked."""
        super().__init__(folder / POINTER, None)

    def take(self) -> bytes:
        """Return what the pointer holds, the first of it where that is too much.

        Raises:
            OSError: If it cannot be read.
        """
        self._taken = signature_of(self.path)
        with self.path.open("rb") as file:
            return file.read(_LONGEST_BYTES + 1)

    def look_again(self) -> None:
        """Take what is there for new."""
        self._taken = None


def package_wished(folder: Path) -> Path | None:
    """Return the package folder that a folder of updates names now, if it names one."""
    try:
        return package_named(folder, PointerWatch(folder).take())
    except (OSError, ModelError):
        return None


def package_named(folder: Path, content: bytes) -> Path:
    """Return the package folder that the pointer's content names.

    Args:
        folder: The folder of updates.
        content: What its pointer holds.

    Raises:
        ModelError: If that is no `name/version`, or there is no such folder.
    """
    text = content.decode("utf-8", "backslashreplace").strip()
    if len(content) > _LONGEST_BYTES or not _NAMES_A_PACKAGE.fullmatch(text):
        msg = f"{folder / POINTER}: expected one line name/version, found {text[:100]!r}"
        raise ModelError(msg)
    package = folder / text
    if not package.is_dir():
        msg = f"{folder / POINTER}: expected a package folder {package}, found none"
        raise ModelError(msg)
    return package
