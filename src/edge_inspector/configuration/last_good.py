"""The last good configuration on disk, and the mark of one that has still to prove itself.

Both lie in the folder `configuration` of the station's home, readable for the daemon's user only: the last good
configuration holds the passwords that the file holds. A disk that takes nothing costs this protection and no more.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from edge_inspector import __version__
from edge_inspector.configuration.plain import plain
from edge_inspector.durable import write_lasting
from edge_inspector.settings import Settings

_log = logging.getLogger(__name__)
_LAST_GOOD, _TRIAL = "last-good.json", "trial.json"


def digest_of(content: bytes) -> str:
    """Return what a configuration is known by in a trial: its content, read by this version of the program."""
    return hashlib.sha256(b"%s\n%s" % (__version__.encode(), content)).hexdigest()


class LastGood:
    """The last good configuration of one home, and the trial of the next; for all threads."""

    def __init__(self, home: Path, file: Path) -> None:
        """Touch nothing yet.

        Args:
            home: The folder of all that must survive the daemon.
            file: The configuration file that it is the last good one of.
        """
        self.home = home
        self._file = file
        self._folder = home / "configuration"
        self._lock = threading.Lock()

    def load(self) -> Settings | None:
        """Return the last good configuration; None when there is none that can be used, and why is logged."""
        document = self._read(_LAST_GOOD)
        if document is None:
            return None
        try:
            return _settings_of(document.get("settings"))
        except ValidationError as error:
            _log.warning("%s cannot be used: %d errors", self._folder / _LAST_GOOD, error.error_count())
            return None

    def is_of_file(self) -> bool:
        """Return whether the last good configuration came from the same file."""
        document = self._read(_LAST_GOOD)
        return document is not None and document.get("file") == str(self._file.absolute())

    def keep(self, settings: Settings) -> None:
        """Make a configuration the last good one."""
        self._write(_LAST_GOOD, {"file": str(self._file.absolute()), "settings": plain(settings)})

    def tries(self, digest: str) -> int:
        """Return how often a configuration was started and did not live to prove itself."""
        trial = self._read(_TRIAL)
        starts = None if trial is None or trial.get("digest") != digest else trial.get("starts")
        return starts if isinstance(starts, int) else 0

    def begin_trial(self, digest: str, *, again: bool = False) -> None:
        """Mark a configuration before its first step: the mark is found if it takes the process down.

        Args:
            digest: See `digest_of`.
            again: A person asked for it: what it did before is forgiven.
        """
        with self._lock:
            starts = 1 if again else self.tries(digest) + 1
            self._write(_TRIAL, {"digest": digest, "starts": starts})

    def end_trial(self, digest: str) -> None:
        """Take the mark away, if it is still that of this configuration."""
        with self._lock:
            if self.tries(digest):
                try:
                    (self._folder / _TRIAL).unlink(missing_ok=True)
                except OSError as error:
                    _log.warning("%s cannot be removed: %s", self._folder / _TRIAL, error)

    def _read(self, name: str) -> dict[str, object] | None:
        path = self._folder / name
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("%s cannot be read: %s", path, error)
            return None
        return document if isinstance(document, dict) else None

    def _write(self, name: str, document: Mapping[str, object]) -> None:
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_lasting(path, json.dumps(document, indent=1).encode("ascii"))
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be written: %s", path, error)


def _settings_of(document: object) -> Settings:
    """Return the settings that an earlier version may have kept: keys that this one does not know are left out.

    Raises:
        ValidationError: If they cannot be used for another reason.
    """
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
        if len(unknown) < error.error_count():
            raise
    for location in unknown:
        _log.warning("the last good configuration has a key that is unknown now: %s", ".".join(map(str, location)))
        _leave_out(document, location)
    return Settings.model_validate(document)


def _leave_out(document: object, location: tuple[int | str, ...]) -> None:
    *above, name = location
    for level in above:
        # The tag of a union is a level of the error, and none of the document.
        if isinstance(document, dict) and isinstance(document.get(level), dict | list):
            document = document[level]
    if isinstance(document, dict):
        document.pop(name, None)
