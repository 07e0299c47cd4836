"""Logging: text for a terminal, one JSON object a line for everything else."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from edge_inspector.settings import LogSettings

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


def set_up_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send this process's log to `stream`, standard error by default."""
    target = sys.stderr if stream is None else stream
    as_json = settings.format == "json" or (settings.format == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        JsonFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
