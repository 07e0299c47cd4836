"""How strands and executions end, and what that does to those above, beside and below: in one transaction each time."""

import sqlite3
from datetime import UTC, datetime

from cloud_side.local import outbox, wiring
from cloud_side.local.states import history
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.store import (
    Event,
    Json,
    Phase,
    Status,
    Strand,
    dumps,
    record,
    release,
    running_below,
)

_ENDED_EVENTS = {
    Status.SUCCEEDED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.TIMED_OUT: "ExecutionTimedOut",
    Status.ABORTED: "ExecutionAborted",
}


def succeeded(connection: sqlite3.Connection, strand: Strand, *, now: float) -> None:
    """Hand a strand's output to the one above, or end the execution with it."""
    if strand.parent is None:
        end_execution(connection, strand.execution, Status.SUCCEEDED, output=strand.output, strand=strand, now=now)
        return
    _tell(connection, strand, "Succeeded", now)
    above = connection.execute(
        "UPDATE strands SET pending = pending - 1 WHERE id = ? AND status = 'RUNNING' AND phase = 'CHILDREN'"
        " RETURNING pending",
        (strand.parent,),
    ).fetchone()
    if above is None:
        return
    if above["pending"] == 0:
        _join(connection, strand.parent, None, strand.last_event, now)
    else:
        release(connection, strand.parent, now)


def failed(connection: sqlite3.Connection, strand: Strand, failure: StateFailure, *, now: float) -> None:
    """Abort what runs beside a strand that failed, and fail the one above, or the execution."""
    if strand.parent is None:
        end_execution(connection, strand.execution, Status.FAILED, failure=failure, strand=strand, now=now)
        return
    _tell(connection, strand, "Failed", now)
    abort_below(connection, strand.parent, now=now)
    _join(connection, strand.parent, {"error": failure.error, "cause": failure.cause}, strand.last_event, now)


def abort_below(connection: sqlite3.Connection, strand: int, *, now: float) -> None:
    """Abort all below a strand that still runs."""
    for row in running_below(connection, strand):
        _abort(connection, row, now)


def abort_map_run(connection: sqlite3.Connection, run: str, *, now: float, status: Status = Status.ABORTED) -> None:
    """End a map run with the children that still run."""
    connection.execute(
        "UPDATE map_runs SET status = ?, stopped_at = ? WHERE arn = ? AND status = 'RUNNING'", (status, now, run)
    )
    children = connection.execute("SELECT arn FROM executions WHERE map_run = ? AND status = 'RUNNING'", (run,))
    for child in children.fetchall():
        cut_off(connection, child["arn"], Status.ABORTED, StateFailure("", ""), now=now)


def cut_off(
    connection: sqlite3.Connection, execution: str, status: Status, failure: StateFailure, *, now: float
) -> None:
    """End an execution from outside: stopped, or out of time."""
    rows = connection.execute("SELECT * FROM strands WHERE execution = ? AND status = 'RUNNING'", (execution,))
    for row in rows.fetchall():
        _abort(connection, row, now)
    end_execution(connection, execution, status, failure=failure, now=now)


def end_execution(  # noqa: PLR0913 - what is known of an end
    connection: sqlite3.Connection,
    execution: str,
    status: Status,
    *,
    now: float,
    output: Json = None,
    failure: StateFailure | None = None,
    strand: Strand | None = None,
) -> None:
    """Write how an execution ended, tell it, and wake the map run that it belongs to.

    One that succeeded leaves no strands. Those of others stay, so that it can go on from where it failed.
    """
    error, cause = (None, None) if failure is None else (failure.error, failure.cause)
    text = None if failure is not None else dumps(output)
    ended = connection.execute(
        "UPDATE executions SET status = ?, stopped_at = ?, output = ?, error = ?, cause = ?, deadline = NULL"
        " WHERE arn = ? AND status = 'RUNNING' RETURNING *",
        (status, now, text, error, cause, execution),
    ).fetchone()
    if ended is None:
        return
    details = {"output": text} if text is not None else {"error": error, "cause": cause}
    previous = ended["last_event"] if strand is None else strand.last_event
    record(connection, execution, [Event(_ENDED_EVENTS[status], details)], previous=previous, now=now)
    if status is Status.SUCCEEDED:
        connection.execute("DELETE FROM strands WHERE execution = ?", (execution,))
    wiring.forget_answers(connection, execution)
    if ended["map_run"] is None:
        announce(connection, ended, now=now)
    else:
        _count(connection, ended, status, now)


def announce(connection: sqlite3.Connection, execution: sqlite3.Row, *, now: float) -> None:
    """Emit how an execution stands.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    detail = {
        "executionArn": execution["arn"],
        "stateMachineArn": execution["machine"],
        "name": execution["name"],
        "status": execution["status"],
        "startDate": int(execution["started_at"] * 1000),
        "stopDate": None if execution["stopped_at"] is None else int(execution["stopped_at"] * 1000),
        "input": execution["input"],
        "output": execution["output"],
        "error": execution["error"],
        "cause": execution["cause"],
    }
    outbox.emit(
        connection,
        source="aws.states",
        detail_type="Step Functions Execution Status Change",
        detail=detail,
        resources=[execution["arn"]],
        now=datetime.fromtimestamp(now, UTC),
    )


def stop_later(connection: sqlite3.Connection, resource: str, handle: Json) -> None:
    """Note that what a task began is to be stopped, as nobody waits for it."""
    connection.execute("INSERT INTO stops (resource, handle) VALUES (?, ?)", (resource, dumps(handle)))


def _join(connection: sqlite3.Connection, parent: int, failure: Json, last_event: int, now: float) -> None:
    """Let the strand above take what its children came to; the first failure counts."""
    connection.execute(
        "UPDATE strands SET phase = 'JOIN', due = ?, work = ?, version = version + 1, last_event = ?"
        " WHERE id = ? AND status = 'RUNNING' AND phase = 'CHILDREN'",
        (now, dumps(failure), last_event, parent),
    )


def _abort(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> None:
    connection.execute(  # when it was due stays: what had to wait for its turn does so again
        "UPDATE strands SET status = 'ABORTED', version = version + 1 WHERE id = ?", (row["id"],)
    )
    strand = Strand.of(row)
    _tell(connection, strand, "Aborted", now)
    if strand.phase is Phase.CHECK:
        stop_later(connection, strand.work["resource"], strand.work["handle"])
    if strand.phase is Phase.FEED:
        abort_map_run(connection, strand.work["run"], now=now)


def _count(connection: sqlite3.Connection, child: sqlite3.Row, status: Status, now: float) -> None:
    """Count a child of a map run, and wake the map once that pays: to plant a good number, or as it is at its end."""
    column = status.lower()
    failed_items = 0 if status is Status.SUCCEEDED else child["items"]
    connection.execute(
        f"UPDATE map_runs SET running = running - 1, {column} = {column} + 1, items_{column} = items_{column} + ?,"  # noqa: S608 - a column's name
        " failed_items = failed_items + ? WHERE arn = ?",
        (child["items"], failed_items, child["map_run"]),
    )
    connection.execute(
        "UPDATE strands SET due = ? WHERE id = (SELECT strand FROM map_runs WHERE arn = ?"
        " AND (running <= wake_at OR failed_items > tolerated)) AND status = 'RUNNING' AND phase = 'FEED'",
        (now, child["map_run"]),
    )


def _tell(connection: sqlite3.Connection, strand: Strand, how: str, now: float) -> None:
    events = history.iteration(strand, how)
    record(connection, strand.execution, events, previous=strand.last_event, now=now)
