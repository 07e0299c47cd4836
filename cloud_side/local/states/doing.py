"""Does the work of Task states through boto3 clients, in the name of the strand that asks for it."""

import json
import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError

from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations import Clients, Integration, check, pause_s, start, stop
from cloud_side.local.states.integrations.readers import read
from cloud_side.local.states.integrations.writers import write
from cloud_side.local.states.interpreter import Task
from cloud_side.local.states.store import Json

_log = logging.getLogger(__name__)
_SHORTEST_PAUSE_S = 5.0
_integration = lru_cache(maxsize=256)(Integration.parse)


class ServiceTasks:
    """Tasks whose resources are operations of AWS' services."""

    def __init__(self, clients: Clients) -> None:
        """Call by these clients."""
        self._clients = clients

    def start(self, task: Task, caller: Caller) -> Json:
        """Make the call; what it does, it does once for one caller."""
        with calling(caller):
            return start(
                _integration(task.resource), task.arguments, self._clients, started_by=_started_by(caller.scope)
            )

    def check(self, task: Task, handle: Json) -> Json | None:
        """Return the result of what was begun; None while it runs."""
        return check(_integration(task.resource), handle, self._clients)

    def pause_s(self, age_s: float) -> float:
        """Return how long to wait before the next check."""
        return pause_s(age_s)


class ServiceCarrier:
    """Items and results of distributed maps, in S3."""

    def __init__(self, clients: Clients) -> None:
        """Read and write by these clients."""
        self._clients = clients

    def read(self, reader: Json, cursor: Json, limit: int) -> tuple[list[Json], Json | None]:
        """Return further items."""
        return read(reader, cursor, self._clients, limit)

    def write(self, writer: Json, run: str, records: Iterator[dict[str, Any]]) -> Json:
        """Write the results."""
        return write(writer, run, records, self._clients)


class Stops:
    """Stops what aborted and timed-out tasks had begun."""

    name = "stops"

    def __init__(self, database: Database, clients: Clients) -> None:
        """Take what is noted in a database."""
        self._database = database
        self._clients = clients

    def turn(self) -> float:
        """Stop what is noted; what cannot be stopped has ended by itself, or will."""
        for row in self._database.connection().execute("SELECT * FROM stops ORDER BY id LIMIT 100").fetchall():
            try:
                stop(_integration(row["resource"]), json.loads(row["handle"]), self._clients)
            except (StateFailure, BotoCoreError) as error:
                _log.warning("%s: cannot be stopped: %s", row["resource"], error)
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM stops WHERE id = ?", (row["id"],))
        return _SHORTEST_PAUSE_S

    def close(self) -> None:
        """Hold nothing."""


def _started_by(execution: str) -> tuple[str, str]:
    """Return the ARNs of the machine and of the execution in whose name a task is done."""
    machine = execution.rpartition(":")[0].replace(":execution:", ":stateMachine:").partition("/")[0]
    return machine, execution
