"""Logging: text for a terminal, one JSON object a line for everything else; and the last of it in a file."""

import contextlib
import io
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from edge_inspector.settings import LogSettings

LOG_FILE = Path("log/edge-inspector.log")  # in the home folder
_FILE_BYTES, _OLDER_FILES = 2_000_000, 1
_PAUSE_S = 60.0  # a file that cannot be written is tried again after this
_log = logging.getLogger(__name__)
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record, with the fields given as `extra`, as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        document |= {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


class LogFile(RotatingFileHandler):
    """The last few megabytes of the log, for the support bundle; a disk that takes nothing hurts nobody."""

    def __init__(self, path: Path) -> None:
        """Prepare; the file is opened with the first record.

        Args:
            path: The file; the one before it has the suffix `.1`.
        """
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True)
        self.setFormatter(JsonFormatter())
        self._path = path
        self._tried_again_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the disk took nothing a moment ago."""
        if time.monotonic() >= self._tried_again_s:
            super().emit(record)

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: ARG002, N802 - of the base class
        """Return whether the file is full, without formatting the record once more for that."""
        self.stream = self.stream or self._open()
        return int(self.stream.tell() >= self.maxBytes)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - of the base class
        """Let the file go for a while, and say so once in the log that goes elsewhere."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            return  # a record that cannot be formatted: the other handler says so
        self._tried_again_s = time.monotonic() + _PAUSE_S
        self._let_go()
        _log.warning("%s: cannot be written: %s; tried again in %g s", self._path, error.strerror, _PAUSE_S)

    def close(self) -> None:
        """Close the file, whatever the disk says."""
        self._let_go()
        super().close()

    def _open(self) -> io.TextIOWrapper:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123 - closes the descriptor

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # what a full disk has not taken is lost
                stream.close()


def set_up_logging(settings: LogSettings, stream: TextIO | None = None, *, folder: Path | None = None) -> None:
    """Send this process's log to `stream`, standard error by default.

    Args:
        settings: Level and format.
        stream: Where to.
        folder: Home folder, in which the last of the log is kept as well.
    """
    target = sys.stderr if stream is None else stream
    as_json = settings.format == "json" or (settings.format == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        JsonFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    handlers: list[logging.Handler] = [handler] if folder is None else [handler, LogFile(folder / LOG_FILE)]
    logging.basicConfig(level=settings.level.upper(), handlers=handlers, force=True)
