"""The keys of a bucket in S3's order, read from its folders as they are asked for.

S3 orders keys by their UTF-8 bytes, which is the order of code points. A folder stands in that order as its name with a
slash, so that "a-b" comes before all that is in "a/".
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.services.s3.names import can_begin_keys, is_key, is_passed_over
from cloud_side.local.services.s3.places import is_inside

_BATCH = 1024  # names of one folder that are held at once: about a page


@dataclass(frozen=True)
class Position:
    """Where a listing goes on.

    Attributes:
        text: Every key up to this one has been listed.
        is_whole: Every key that begins with it, too.
    """

    text: str = ""
    is_whole: bool = False

    def is_before(self, key: str) -> bool:
        """Return whether a key is still to be listed."""
        return key > self.text and not (self.is_whole and key.startswith(self.text))

    def is_before_some_in(self, folder: str) -> bool:
        """Return whether a key that begins with `folder` could still be to be listed."""
        if self.is_whole and folder.startswith(self.text):
            return False
        return folder > self.text or self.text.startswith(folder)


class Walk:
    """Goes over keys in order; what begins with a common prefix can be passed over on the way."""

    def __init__(self, root: Path, prefix: str, position: Position) -> None:
        """Read nothing yet.

        Args:
            root: The bucket's folder.
            prefix: Of the keys that are wanted.
            position: Behind which to begin.
        """
        self._root, self._prefix, self.position = root, prefix, position

    def pass_over(self, prefix: str) -> None:
        """List no more keys that begin so."""
        self.position = Position(prefix, is_whole=True)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of regular files."""
        folder = self._prefix[: self._prefix.rfind("/") + 1]
        if can_begin_keys(folder) and is_inside(self._root, folder):
            yield from self._keys_in(folder)

    def _keys_in(self, folder: str) -> Iterator[str]:
        last = ""
        while self.position.is_before_some_in(folder) and (batch := self._batch(folder, last)):
            for name in batch:
                text = folder + name
                if not is_key(text) or is_passed_over(name.removesuffix("/")):
                    continue
                if not name.endswith("/"):
                    if self.position.is_before(text):
                        yield text
                elif self.position.is_before_some_in(text):
                    yield from self._keys_in(text)
            last = batch[-1]
            if len(batch) < _BATCH:
                return

    def _batch(self, folder: str, last: str) -> list[str]:
        """Return the next names after `last` in one folder, in order; folders have their slash.

        Here all names of a folder pass by for each page, so that little is asked of each.
        """
        begin = self._prefix[len(folder) :]  # the walk began in the folder in which a prefix ends
        listed = self.position.text
        floor, ceiling = max(last, listed[len(folder) :] if listed.startswith(folder) else ""), ""
        batch: list[str] = []
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._root / folder) as entries:
            for entry in entries:
                name = entry.name
                if (name < floor and not floor.startswith(name)) or (ceiling and name > ceiling):
                    continue
                if not name.startswith(begin):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    name += "/"
                elif not entry.is_file(follow_symlinks=False):
                    continue
                if name > last:
                    batch.append(name)
                if len(batch) == 2 * _BATCH:
                    batch.sort()
                    del batch[_BATCH:]
                    ceiling = batch[-1]
        return sorted(batch)[:_BATCH]
