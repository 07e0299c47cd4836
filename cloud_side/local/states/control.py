"""What others may say to executions: an answer to a token, a heartbeat, stop, go on from where it failed."""

import json
import sqlite3

from cloud_side.local.states import ending
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.store import Event, Json, Phase, Status, definition_text, dumps, record

_WAITS = (  # whoever is too late is told so, also when the strand has not seen it yet
    "token = :token AND status = 'RUNNING' AND phase IN ('CALL', 'TOKEN') AND answer IS NULL"
    " AND (deadline IS NULL OR deadline > :now) AND (heartbeat_at IS NULL OR heartbeat_at > :now)"
)


def answer(connection: sqlite3.Connection, token: str, said: Json, *, now: float) -> bool:
    """Answer a task that waits for its token by `{"output": …}`, or `{"error": …, "cause": …}`.

    The first answer counts. Return whether it was this one.
    """
    heard = connection.execute(
        f"UPDATE strands SET answer = :said, due = iif(phase = 'TOKEN', :now, due) WHERE {_WAITS}",  # noqa: S608 - ours
        {"said": dumps(said), "now": now, "token": token},
    )
    return heard.rowcount > 0


def beat(connection: sqlite3.Connection, token: str, *, now: float) -> bool:
    """Note that a task is still being done; return whether anybody waits for it."""
    heard = connection.execute(
        f"UPDATE strands SET heartbeat_at = :now + heartbeat_s WHERE {_WAITS}",  # noqa: S608 - text of ours
        {"now": now, "token": token},
    )
    return heard.rowcount > 0


def stop(connection: sqlite3.Connection, execution: str, error: str, cause: str, *, now: float) -> None:
    """Abort an execution with all that it does."""
    ending.cut_off(connection, execution, Status.ABORTED, StateFailure(error, cause), now=now)


def redrive(connection: sqlite3.Connection, execution: str, *, now: float) -> None:
    """Let an execution that did not succeed go on from the states that failed or were cut off; what is done stays done.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    row = connection.execute("SELECT * FROM executions WHERE arn = ?", (execution,)).fetchone()
    allowed_s = json.loads(definition_text(connection, row["definition"])).get("TimeoutSeconds")
    is_child = row["map_run"] is not None
    connection.execute(
        "UPDATE executions SET status = 'RUNNING', stopped_at = NULL, error = NULL, cause = NULL, deadline = ?,"
        " redrives = redrives + 1, redriven_at = ? WHERE arn = ?",
        (None if allowed_s is None or is_child else now + allowed_s, now, execution),
    )
    told = Event("ExecutionRedriven", {"redriveCount": row["redrives"] + 1})
    record(connection, execution, [told], previous=row["last_event"], now=now)
    strands = connection.execute("SELECT * FROM strands WHERE execution = ? AND status != 'SUCCEEDED'", (execution,))
    for strand in strands.fetchall():
        if strand["phase"] == Phase.FEED:
            _redrive_children(connection, json.loads(strand["work"])["run"], now=now)
        _revive(connection, strand, now=now)
    again = connection.execute("SELECT * FROM executions WHERE arn = ?", (execution,)).fetchone()
    if not is_child:
        ending.announce(connection, again, now=now)


def _revive(connection: sqlite3.Connection, strand: sqlite3.Row, *, now: float) -> None:
    """Let a strand go on; it begins its state again, but for what is done in it."""
    (missing,) = connection.execute(
        "SELECT COUNT(*) FROM strands WHERE parent = ? AND status != 'SUCCEEDED'", (strand["id"],)
    ).fetchone()
    due: float | None = now
    work: str = "null"
    match strand["phase"]:
        case _ if missing:
            phase, due = Phase.CHILDREN, None
        case Phase.FEED:
            phase, work = Phase.FEED, strand["work"]
        case Phase.JOIN if strand["work"] == "null":
            phase = Phase.JOIN
        case Phase.ENTER if strand["status"] == Status.ABORTED:  # it was not entered
            phase, due = Phase.ENTER, None if strand["due"] is None else now
        case _:
            phase = Phase.AGAIN
    connection.execute(
        "UPDATE strands SET status = 'RUNNING', phase = ?, due = ?, work = ?, pending = ?, version = version + 1,"
        " retries = '[]', token = NULL, deadline = NULL, heartbeat_s = NULL, heartbeat_at = NULL, answer = NULL,"
        " output = NULL WHERE id = ?",
        (phase, due, work, missing, strand["id"]),
    )


def _redrive_children(connection: sqlite3.Connection, run: str, *, now: float) -> None:
    """Let the children of a map run go on that did not succeed; one that succeeded has tolerated them."""
    (status,) = connection.execute("SELECT status FROM map_runs WHERE arn = ?", (run,)).fetchone()
    if status == Status.SUCCEEDED:
        return
    lost = connection.execute(
        "SELECT arn FROM executions WHERE map_run = ? AND status NOT IN ('SUCCEEDED', 'RUNNING')", (run,)
    ).fetchall()
    connection.execute(
        "UPDATE map_runs SET status = 'RUNNING', stopped_at = NULL, failed_items = 0, running = running + ?,"
        " failed = 0, timed_out = 0, aborted = 0, items_failed = 0, items_timed_out = 0, items_aborted = 0,"
        " redrives = redrives + 1, redriven_at = ? WHERE arn = ?",
        (len(lost), now, run),
    )
    for child in lost:
        redrive(connection, child["arn"], now=now)
