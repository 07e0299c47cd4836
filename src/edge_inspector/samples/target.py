"""Where samples go: the port, how it fails sorted by what the uploader does next, and the addresses behind it."""

from pathlib import Path
from typing import Protocol

from edge_inspector.errors import InspectorError
from edge_inspector.settings.keeping import FolderTarget, S3Target


class Target(Protocol):
    """A place to which files are copied."""

    def put(self, key: str, path: Path, content_type: str) -> None:
        """Store a file under a key; returns once the place has confirmed that it has all of it.

        The same key again replaces the file. May wait, though not for ever.

        Raises:
            UnavailableError: If it cannot be reached, or asks for time.
            RefusedError: If it takes nothing until a person has changed something.
            UnusableError: If it is this file that it cannot take.
        """


class UnavailableError(InspectorError):
    """The target cannot be reached at the moment: try again soon, then less and less often."""


class RefusedError(InspectorError):
    """The target refuses: only a person can help; ask again after a long pause."""


class UnusableError(InspectorError):
    """This one file cannot be uploaded; the others may."""


def address(target: FolderTarget | S3Target, key: str) -> str:
    """Return the final address of a key, as sidecars name it.

    In a bucket that is `s3://bucket/key`. In a folder it is the key, a path relative to that folder: it stays true when
    the folder is copied to a stick or a laptop.
    """
    return key if isinstance(target, FolderTarget) else f"s3://{target.bucket}/{key}"
