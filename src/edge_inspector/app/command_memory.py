"""Which commands have run and how they were answered, over restarts and until they expire: none runs a second time."""

import json
import logging
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from edge_inspector.commands import Command
from edge_inspector.durable import write_lasting
from edge_inspector.topics import Message

MOST_REMEMBERED = 256
_LARGEST_FILE = 4 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A command that was begun, and how it was answered; all of it text, as in the file.

    Attributes:
        command: Its name.
        request_id: Of the request.
        expires_at: Aware time until which it is remembered, in ISO 8601.
        event_id: Id of the event that answered it.
        payload: The whole event; empty while it runs, and where the daemon ended meanwhile.
    """

    command: str
    request_id: str
    expires_at: str
    event_id: str = ""
    payload: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether it came to its end."""
        return bool(self.payload)


class CommandMemory:
    """The runs that have not expired, in a file that is written whole.

    One thread begins and completes runs; every thread may look.
    """

    def __init__(self, path: Path | None) -> None:
        """Read what is remembered.

        A file that cannot be read is begun anew: better a command that runs twice than none any more.

        Args:
            path: The file; its folder exists. None remembers as long as the process lives.
        """
        self._path = path
        self._lock = threading.Lock()
        self._runs = {run.request_id: run for run in _read(path)}  # oldest first

    def find(self, request_id: str) -> Run | None:
        """Return what is remembered of a request."""
        with self._lock:
            return self._runs.get(request_id)

    def unanswered(self) -> list[Run]:
        """Return the runs that were begun and not completed."""
        with self._lock:
            return [run for run in self._runs.values() if not run.is_answered]

    def begin(self, command: Command, now: datetime) -> bool:
        """Remember that a command runs, on the disk when this returns; False where there is no room for one more.

        Raises:
            OSError: If the disk does not take it; it is not remembered then.
        """
        with self._lock:
            known = self._runs.items()
            self._runs = {key: run for key, run in known if datetime.fromisoformat(run.expires_at) > now}
            if len(self._runs) >= MOST_REMEMBERED:
                return False
            self._runs[command.request_id] = Run(command.name, command.request_id, command.expires_at.isoformat())
        try:
            self._write()
        except OSError:
            with self._lock:
                del self._runs[command.request_id]
            raise
        return True

    def complete(self, request_id: str, answer: Message) -> None:
        """Remember the event that answers a command which was begun.

        Raises:
            OSError: If the disk does not take it; it is remembered as long as the process lives.
        """
        with self._lock:
            run = self._runs[request_id]
            self._runs[request_id] = replace(run, event_id=answer.id, payload=answer.payload.decode())
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        with self._lock:
            runs = [asdict(run) for run in self._runs.values()]
        write_lasting(self._path, json.dumps({"runs": runs}, ensure_ascii=False).encode())


def _read(path: Path | None) -> list[Run]:
    if path is None:
        return []
    try:
        with path.open("rb") as file:
            return _parse(file.read(_LARGEST_FILE))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _log.error("%s: which commands have run already is not known: %s", path, error)
        return []


def _parse(content: bytes) -> list[Run]:
    """Return the runs in a file.

    Raises:
        ValueError: If it holds anything else.
    """
    msg = f"expected the runs of commands, found {content[:80]!r}"
    try:
        runs = [Run(**entry) for entry in json.loads(content)["runs"]]
        times = [datetime.fromisoformat(run.expires_at) for run in runs]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(msg) from error
    are_texts = all(isinstance(text, str) for run in runs for text in asdict(run).values())
    if not are_texts or any(time.tzinfo is None for time in times):
        raise ValueError(msg)
    return runs
