"""A distributed Map: items are read piece by piece, and each item or batch becomes an execution of its own.

However many items there are, only a window of them is in memory or under way. Results stay in the rows of the
children until all are there; then a writer takes them one by one.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from cloud_side.local.database import Database
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.machine import LARGEST_PAYLOAD_BYTES, Fanned, selected, within_limit
from cloud_side.local.states.scenes import Scene, iso
from cloud_side.local.states.starting import Beginning, begin_execution
from cloud_side.local.states.store import Json, Status, Strand, SupersededError, dumps

TABLES = """
CREATE TABLE IF NOT EXISTS map_runs (
    arn TEXT PRIMARY KEY, execution TEXT NOT NULL, strand INTEGER NOT NULL, status TEXT NOT NULL, plan TEXT NOT NULL,
    started_at REAL NOT NULL, stopped_at REAL, cursor TEXT, is_read INTEGER NOT NULL DEFAULT 0,
    children INTEGER NOT NULL DEFAULT 0, items INTEGER NOT NULL DEFAULT 0,
    window INTEGER NOT NULL, wake_at INTEGER NOT NULL, tolerated INTEGER NOT NULL,
    running INTEGER NOT NULL DEFAULT 0, failed_items INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    timed_out INTEGER NOT NULL DEFAULT 0, aborted INTEGER NOT NULL DEFAULT 0,
    items_succeeded INTEGER NOT NULL DEFAULT 0, items_failed INTEGER NOT NULL DEFAULT 0,
    items_timed_out INTEGER NOT NULL DEFAULT 0, items_aborted INTEGER NOT NULL DEFAULT 0,
    redrives INTEGER NOT NULL DEFAULT 0, redriven_at REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS map_runs_by_execution ON map_runs (execution)
"""
_LARGEST_WINDOW = 1000
_ITEMS_AT_ONCE = 1000
_CHILDREN_AT_ONCE = 100
_ALL = 2**53
_EXCEEDED = "The specified tolerated failure threshold was exceeded"


class Carrier(Protocol):
    """Brings the items of a distributed map, and takes its results away."""

    def read(self, reader: Json, cursor: Json, limit: int) -> tuple[list[Json], Json | None]:
        """Return at most `limit` further items, and where to go on; None at the end.

        Raises:
            StateFailure: States.ItemReaderFailed.
        """
        ...

    def write(self, writer: Json, run: str, records: Iterator[dict[str, Any]]) -> Json:
        """Write results, again the same when called again, and return `ResultWriterDetails`.

        Raises:
            StateFailure: States.ResultWriterFailed.
        """
        ...


def begin(connection: sqlite3.Connection, strand: Strand, scene: Scene, step: Fanned, *, now: float) -> str:
    """Begin a map run in the caller's transaction, and return its ARN."""
    machine = scene.about["StateMachine"]["Name"]
    label = scene.state.get("Label", scene.path[-1])
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:{machine}/{label}:{uuid.uuid4()}"
    window = min(step.limit or _LARGEST_WINDOW, _LARGEST_WINDOW)
    plan = {
        "items": step.items,
        "reader": step.reader,
        "writer": step.writer,
        "batcher": step.batcher,
        "limit": step.limit,
        "count": step.tolerated_count,
        "percentage": step.tolerated_percentage,
    }
    tolerated = step.tolerated_count or (_ALL if step.tolerated_percentage else 0)
    connection.execute(
        "INSERT INTO map_runs (arn, execution, strand, status, plan, started_at, cursor, window, wake_at, tolerated)"
        " VALUES (?, ?, ?, 'RUNNING', ?, ?, 'null', ?, ?, ?)",
        (arn, strand.execution, strand.id, dumps(plan), now, window, window - max(1, window // 5), tolerated),
    )
    return arn


def has_turn(connection: sqlite3.Connection, run: str) -> bool:
    """Return whether the map run has something to do: children to plant, or its end."""
    (has,) = connection.execute(
        "SELECT running <= wake_at OR failed_items > tolerated FROM map_runs WHERE arn = ?", (run,)
    ).fetchone()
    return bool(has)


class Feeding:
    """One turn of a map run."""

    def __init__(self, database: Database, carrier: Carrier, strand: Strand, scene: Scene, *, now: float) -> None:
        """Look after the map run of a strand."""
        self._database = database
        self._carrier = carrier
        self._strand = strand
        self._scene = scene
        self._now = now
        self._arn = str(strand.work["run"])

    def turn(self) -> Json | None:
        """Plant more children, or return what all came to; None while they run.

        Raises:
            StateFailure: If too many items failed, or they cannot be read, or the results not be written.
        """
        run = self._database.connection().execute("SELECT * FROM map_runs WHERE arn = ?", (self._arn,)).fetchone()
        if run["failed_items"] > run["tolerated"]:
            raise StateFailure("States.ExceedToleratedFailureThreshold", _EXCEEDED)
        plan = json.loads(run["plan"])
        if not run["is_read"] and run["running"] < run["window"]:
            self._plant(run, plan)
        elif run["is_read"] and run["running"] == 0:
            return self._result(run, plan)
        return None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write for the strand, where nobody has moved, ended or aborted it since it was read."""
        with self._database.transaction() as connection:
            current = connection.execute(
                "SELECT 1 FROM strands WHERE id = ? AND version = ? AND status = 'RUNNING'",
                (self._strand.id, self._strand.version),
            )
            if current.fetchone() is None:
                raise SupersededError
            yield connection

    def _plant(self, run: sqlite3.Row, plan: Json) -> None:
        size = int((plan["batcher"] or {}).get("MaxItemsPerBatch", 1 if plan["batcher"] is None else _ITEMS_AT_ONCE))
        room = run["window"] - run["running"]
        wanted = size * max(1, min(room, _ITEMS_AT_ONCE // size))
        entries, cursor = self._read(plan, json.loads(run["cursor"]), wanted)
        view = self._scene.view(self._strand)
        chosen = [selected(self._scene.state, view, entry, run["items"] + index) for index, entry in enumerate(entries)]
        inputs = [(item, 1) for item in chosen] if plan["batcher"] is None else list(_batches(chosen, plan["batcher"]))
        with self._transaction() as connection:
            for place, (given, items) in enumerate(inputs, start=run["children"]):
                begin_execution(connection, self._child(connection, place, given, items), now=self._now)
            self._note(connection, run, plan, cursor, children=len(inputs), items=len(entries))

    def _read(self, plan: Json, cursor: Json, wanted: int) -> tuple[Sequence[dict[str, Json]], Json | None]:
        if plan["items"] is None:
            items, after = self._carrier.read(plan["reader"], cursor, wanted)
            return [{"Value": item} for item in items], after
        begin_at = cursor or 0
        end = begin_at + wanted
        return plan["items"][begin_at:end], None if end >= len(plan["items"]) else end

    def _child(self, connection: sqlite3.Connection, place: int, given: Json, items: int) -> Beginning:
        parent = connection.execute(
            "SELECT machine, definition, has_history FROM executions WHERE arn = ?", (self._strand.execution,)
        ).fetchone()
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._arn}/{place}"))
        labeled = self._arn.split(":mapRun:")[1].rsplit(":", 1)[0]
        processor = self._scene.state["ItemProcessor"]
        kind = processor["ProcessorConfig"].get("ExecutionType", "STANDARD")
        return Beginning(
            arn=f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{labeled}:{name}",
            name=name,
            machine=parent["machine"],
            role=self._scene.about["Execution"]["RoleArn"],
            definition=parent["definition"],
            scope=(*self._scene.path, "ItemProcessor"),
            start_at=processor["StartAt"],
            input=given,
            map_run=self._arn,
            place=place,
            items=items,
            has_history=bool(parent["has_history"]) and kind == "STANDARD",
        )

    def _note(  # noqa: PLR0913 - what a turn changed
        self, connection: sqlite3.Connection, run: sqlite3.Row, plan: Json, cursor: Json, *, children: int, items: int
    ) -> None:
        is_read = cursor is None
        tolerated = run["tolerated"]
        if is_read and plan["percentage"]:
            tolerated = min(tolerated, int(plan["percentage"] * (run["items"] + items) / 100))
        connection.execute(
            "UPDATE map_runs SET cursor = ?, is_read = ?, wake_at = ?, tolerated = ?, children = children + ?,"
            " items = items + ?, running = running + ? WHERE arn = ?",
            (dumps(cursor), is_read, 0 if is_read else run["wake_at"], tolerated, children, items, children, self._arn),
        )

    def _result(self, run: sqlite3.Row, plan: Json) -> Json:
        if plan["writer"] is None:
            result: Json = self._outputs()
        else:
            details = self._carrier.write(plan["writer"], self._arn, self._records())
            result = {"MapRunArn": self._arn, "ResultWriterDetails": details}
        with self._transaction() as connection:
            connection.execute(
                "UPDATE map_runs SET status = 'SUCCEEDED', stopped_at = ?, written = ? WHERE arn = ?",
                (self._now, run["children"] if plan["writer"] is not None else 0, self._arn),
            )
        return result

    def _outputs(self) -> list[Json]:
        (size,) = (
            self._database.connection()
            .execute("SELECT SUM(LENGTH(output)) FROM executions WHERE map_run = ?", (self._arn,))
            .fetchone()
        )
        within_limit(size or 0)  # not even read: there may be a hundred thousand
        return [
            json.loads(row["output"])
            if row["status"] == Status.SUCCEEDED
            else {"Status": "FAILED", "Error": row["error"], "Cause": row["cause"]}
            for row in self._children()
        ]

    def _children(self) -> Iterator[sqlite3.Row]:
        """Yield the children, some at a time: a question that stays open would keep this thread from writing."""
        place = -1
        while rows := self._children_after(place):
            yield from rows
            place = rows[-1]["place"]

    def _children_after(self, place: int) -> list[sqlite3.Row]:
        return (
            self._database.connection()
            .execute(
                "SELECT * FROM executions WHERE map_run = ? AND place > ? ORDER BY place LIMIT ?",
                (self._arn, place, _CHILDREN_AT_ONCE),
            )
            .fetchall()
        )

    def _records(self) -> Iterator[dict[str, Any]]:
        for row in self._children():
            record = {
                "ExecutionArn": row["arn"],
                "Input": row["input"],
                "InputDetails": {"Included": True},
                "Name": row["name"],
                "RedriveCount": row["redrives"],
                "StartDate": iso(row["started_at"]),
                "StateMachineArn": f"{row['machine']}/{row['arn'].split('/')[1].partition(':')[0]}",
                "Status": row["status"],
                "StopDate": iso(row["stopped_at"]),
            }
            if row["status"] == Status.SUCCEEDED:
                record |= {"Output": row["output"], "OutputDetails": {"Included": True}}
            else:
                record |= {"Error": row["error"], "Cause": row["cause"]}
            yield record


def _batches(items: Sequence[Json], batcher: Json) -> Iterator[tuple[Json, int]]:
    """Gather items to what one child takes: at most so many, and at most so many bytes, but at least one."""
    most = batcher.get("MaxItemsPerBatch", len(items) or 1)
    largest = batcher.get("MaxInputBytesPerBatch", LARGEST_PAYLOAD_BYTES)
    around = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    empty_size = len(dumps({**around, "Items": []}).encode())
    batch: list[Json] = []
    size = empty_size
    for item in items:
        item_size = len(dumps(item).encode()) + 1
        if batch and (len(batch) >= most or size + item_size > largest):
            yield {**around, "Items": batch}, len(batch)
            batch, size = [], empty_size
        batch.append(item)
        size += item_size
    if batch:
        yield {**around, "Items": batch}, len(batch)
