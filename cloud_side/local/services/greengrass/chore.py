"""What the Greengrass service does by itself: it looks at new components, and lets deployments go on."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass.artifacts import digest_of
from cloud_side.local.services.greengrass.components import NOTHING_WRONG, UNREADABLE, ComponentState
from cloud_side.local.services.greengrass.executions import DeploymentStatus, advance, due
from cloud_side.local.services.greengrass.recipe import read_recipe, with_digests

_IDLE_S = 0.25


class GreengrassCloud:
    """A chore; what it has not done when the process ends is done by the next one."""

    name = "greengrass"

    def __init__(self, home: Home, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        """Do nothing yet.

        Args:
            home: Where artifacts lie.
            database: Of the engine.
            clock: Tells the time, aware; the system's when None.
        """
        self._home, self._database = home, database
        self._clock = clock or (lambda: datetime.now(UTC))

    def turn(self) -> float:
        """Advance every deployment that is in force, and look at one new component."""
        self._advance_deployments()
        return 0.0 if self._check_component() else _IDLE_S

    def close(self) -> None:
        """Let go of nothing."""

    def _check_component(self) -> bool:
        connection = self._database.connection()
        row = connection.execute(
            "SELECT * FROM greengrass_components WHERE state = ? LIMIT 1", (ComponentState.REQUESTED,)
        ).fetchone()
        if row is None:
            return False
        digests = {
            artifact.uri: digest_of(self._database, self._home, artifact)
            for artifact in read_recipe(row["recipe"]).artifacts
        }
        with self._database.transaction() as writing:
            _conclude(writing, row, digests)
        return True

    def _advance_deployments(self) -> None:
        connection = self._database.connection()
        rows = connection.execute(
            "SELECT * FROM greengrass_deployments WHERE status = ?", (DeploymentStatus.ACTIVE,)
        ).fetchall()
        for row in rows:
            if due(connection, row, self._clock()):
                with self._database.transaction() as writing:
                    fresh = writing.execute(
                        "SELECT * FROM greengrass_deployments WHERE id = ?", (row["id"],)
                    ).fetchone()
                    advance(writing, fresh, self._clock())


def _conclude(connection: sqlite3.Connection, row: sqlite3.Row, digests: dict[str, str | None]) -> None:
    known = {uri: digest for uri, digest in digests.items() if digest is not None}
    errors = dict.fromkeys(digests.keys() - known.keys(), UNREADABLE)
    if errors:
        state, message, recipe = ComponentState.FAILED, f"Encountered errors in {len(errors)} artifacts", row["recipe"]
    else:
        state, message, recipe = ComponentState.DEPLOYABLE, NOTHING_WRONG, with_digests(row["recipe"], known)
    connection.execute(
        "UPDATE greengrass_components SET state = ?, message = ?, errors = ?, recipe = ? WHERE arn = ? AND state = ?",
        (state, message, json.dumps(errors), recipe, row["arn"], ComponentState.REQUESTED),
    )
