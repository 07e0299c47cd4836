"""What a strand sees around it: its state, the context object, and the variables of the scopes outside."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cloud_side.local.states.machine import State, View
from cloud_side.local.states.store import Json, Strand, definition_text

_DEFINITIONS_IN_MEMORY = 64
_TOKENED = (".waitForTaskToken", ".sync", ".sync:2")


@dataclass(frozen=True)
class Scene:
    """Where a strand is.

    Attributes:
        definition: The whole definition.
        path: From it to the strand's state.
        state: That state.
        strand: The strand's id.
        outer: Variables of the scopes outside; they do not change while the strand lives.
        about: `Execution` and `StateMachine` of the context object.
    """

    definition: Json
    path: tuple[str | int, ...]
    state: State
    strand: int
    outer: dict[str, Json]
    about: dict[str, Json]

    def view(self, strand: Strand) -> View:
        """Return what the state's expressions see."""
        entered: dict[str, Json] = {"EnteredTime": iso(strand.entered_at), "Name": strand.state}
        if self.state["Type"] in ("Task", "Parallel", "Map"):
            entered["RetryCount"] = sum(strand.retries)
        context = {**self.about, "State": entered}
        if str(self.state.get("Resource", "")).endswith(_TOKENED):
            context["Task"] = {"Token": strand.token}
        return View(strand.input, {**self.outer, **strand.variables}, context)

    def inside(self, below: tuple[str | int, ...]) -> Json:
        """Return what lies below the state in the definition."""
        return resolve(self.state, below)


class Definitions:
    """Finds scenes; keeps the definitions that it parsed."""

    def __init__(self) -> None:
        """Have parsed none."""
        self._parsed: dict[str, Json] = {}

    def scene(self, connection: sqlite3.Connection, strand: Strand, *, before: Scene | None) -> Scene:
        """Return where a strand is; `before` is where the same strand was, if it was looked at before."""
        if before is None:
            execution = connection.execute(
                "SELECT e.*, m.role FROM executions e LEFT JOIN machines m ON m.arn = e.machine WHERE e.arn = ?",
                (strand.execution,),
            ).fetchone()
            definition = self._definition(connection, execution["definition"])
            about, outer = _about(execution), _outer_variables(connection, strand.parent)
        else:
            definition, about, outer = before.definition, before.about, before.outer
        path = (*strand.scope, "States", strand.state)
        return Scene(definition, path, resolve(definition, path), strand.id, outer, about)

    def _definition(self, connection: sqlite3.Connection, digest: str) -> Json:
        if digest not in self._parsed:
            if len(self._parsed) >= _DEFINITIONS_IN_MEMORY:
                self._parsed = {}
            self._parsed[digest] = json.loads(definition_text(connection, digest))
        return self._parsed[digest]


def resolve(definition: Json, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - any part of a definition
    """Return the part of a definition to which a path leads."""
    for step in path:
        definition = definition[step]
    return definition


@lru_cache(maxsize=1024)
def iso(at: float) -> str:
    """Return an instant as the context object tells it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _about(execution: sqlite3.Row) -> dict[str, Json]:
    about: dict[str, Json] = {
        "Execution": {
            "Id": execution["arn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "RoleArn": execution["role"] or "",  # its machine may be deleted
            "StartTime": iso(execution["started_at"]),
            "RedriveCount": execution["redrives"],
        },
        "StateMachine": {"Id": execution["machine"], "Name": execution["machine"].rpartition(":")[2]},
    }
    if execution["redriven_at"] is not None:
        about["Execution"]["RedriveTime"] = iso(execution["redriven_at"])
    return about


def _outer_variables(connection: sqlite3.Connection, parent: int | None) -> dict[str, Json]:
    layers: list[dict[str, Json]] = []
    while parent is not None:
        row = connection.execute("SELECT parent, variables FROM strands WHERE id = ?", (parent,)).fetchone()
        if row is None:
            break  # uprooted meanwhile; whoever did so has superseded the strand
        layers.append(json.loads(row["variables"]))
        parent = row["parent"]
    return {name: value for layer in reversed(layers) for name, value in layer.items()}
