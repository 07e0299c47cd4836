"""Rounds through the folders of a bucket, which list only what has changed since the last one."""

import logging
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.services.s3.noticing import Moment, look_into, notice

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Seen:
    mtime_ns: int
    folders: Sequence[str]
    is_done: bool  # nothing in it has been left for the next round


class Rounds:
    """Goes through one bucket again and again.

    A folder's time changes when a name in it comes, goes or is given to another file. It is listed again then, and as
    long as it or a file in it is being written: two changes within one tick of the clock have the same time.
    """

    def __init__(self, database: Database, root: Path) -> None:
        """Look at nothing yet; the first round lists all folders."""
        self._database, self._root = database, root
        self._seen: dict[str, _Seen] = {}

    def go(self, moments: Callable[[], Moment]) -> Iterator[None]:
        """Notice what has changed, one folder a step; the caller may leave the rest for later."""
        if not self._root.is_dir():
            return  # a disk that is away is no bucket that was emptied
        known = self._seen.keys() | (self._known_folders() if not self._seen else set())
        visited, waiting = set(), [""]
        while waiting:
            folder = waiting.pop()
            seen = self._visited(folder, moments())
            if seen is not None:
                self._seen[folder] = seen
                visited.add(folder)
                waiting.extend(seen.folders)
            yield
        for folder in known - visited:
            self._seen.pop(folder, None)
            try:
                self._notice_gone(folder, moments())
            except OSError as error:  # it may be there, and nobody may look
                _log.warning("bucket %s: %s cannot be looked into: %s", self._root.name, folder, error)
            yield

    def _visited(self, folder: str, moment: Moment) -> _Seen | None:
        try:
            status = (self._root / folder).lstat() if folder else self._root.stat()
            if not stat.S_ISDIR(status.st_mode):
                return None
            seen = self._seen.get(folder)
            if seen is not None and seen.is_done and seen.mtime_ns == status.st_mtime_ns:
                return seen
            look = look_into(self._database.connection(), self._root, folder, moment)
        except (FileNotFoundError, NotADirectoryError):
            return None  # it went
        except OSError as error:
            _log.warning("bucket %s: %s cannot be looked into: %s", self._root.name, folder or "its folder", error)
            return self._seen.get(folder) or _Seen(0, (), is_done=False)
        notice(self._database, self._root, look.changed, moment)
        is_done = look.is_at_rest and moment.finds_at_rest(status.st_mtime_ns)
        return _Seen(status.st_mtime_ns, look.folders, is_done)

    def _known_folders(self) -> set[str]:
        rows = self._database.connection().execute(
            "SELECT DISTINCT folder FROM s3_objects WHERE bucket = ?", (self._root.name,)
        )
        return {row["folder"] for row in rows}

    def _notice_gone(self, folder: str, moment: Moment) -> None:
        rows = self._database.connection().execute(
            "SELECT name FROM s3_objects WHERE (bucket, folder) = (?, ?)", (self._root.name, folder)
        )
        notice(self._database, self._root, [f"{folder}{row['name']}" for row in rows], moment)


def take_note(database: Database, root: Path) -> None:
    """Take note of all that lies in a bucket, and tell nothing of it."""
    for _ in Rounds(database, root).go(lambda: Moment(time.time_ns(), is_told=False)):
        pass
