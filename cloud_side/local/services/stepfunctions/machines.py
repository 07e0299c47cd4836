"""State machines: a name, and the definition that executions begin with."""

import json
import sqlite3
import uuid

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.stepfunctions.rows import PAGE, at, check_name, execution_row, machine_row, page, window
from cloud_side.local.states import store
from cloud_side.local.states.definition import problems_of
from cloud_side.local.states.resources import resource_problems
from cloud_side.local.wiring import Answer, RefusedRequest, Request


def create_state_machine(request: Request, connection: sqlite3.Connection) -> Answer:
    """Create a machine; the same once more is the same machine."""
    name, definition = request.parameters["name"], request.parameters["definition"]
    check_name(name)
    if request.parameters.get("type", "STANDARD") != "STANDARD":
        msg = f"{name}: the type is {request.parameters['type']}, expected STANDARD: the local engine has no other"
        raise RefusedRequest("StateMachineTypeNotSupported", msg)
    _check_definition(name, definition)
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    digest = store.keep_definition(connection, definition)
    found = connection.execute("SELECT * FROM machines WHERE arn = ?", (arn,)).fetchone()
    if found is None:
        made_at = request.now.timestamp()
        connection.execute(
            "INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?)",
            (arn, name, request.parameters["roleArn"], digest, str(uuid.uuid4()), made_at, made_at),
        )
        return {"stateMachineArn": arn, "creationDate": request.now}
    if (found["definition"], found["role"]) != (digest, request.parameters["roleArn"]):
        msg = f"State Machine Already Exists: '{arn}'"
        raise RefusedRequest("StateMachineAlreadyExists", msg)
    return {"stateMachineArn": arn, "creationDate": at(found["created_at"])}


def update_state_machine(request: Request, connection: sqlite3.Connection) -> Answer:
    """Give a machine another definition; executions that run keep theirs."""
    machine = machine_row(connection, request.parameters["stateMachineArn"])
    digest, role = machine["definition"], request.parameters.get("roleArn", machine["role"])
    if (definition := request.parameters.get("definition")) is not None:
        _check_definition(machine["name"], definition)
        digest = store.keep_definition(connection, definition)
    revision = str(uuid.uuid4())
    connection.execute(
        "UPDATE machines SET definition = ?, role = ?, revision = ?, updated_at = ? WHERE arn = ?",
        (digest, role, revision, request.now.timestamp(), machine["arn"]),
    )
    return {"updateDate": request.now, "revisionId": revision}


def delete_state_machine(request: Request, connection: sqlite3.Connection) -> Answer:
    """Delete a machine, or one that is none; executions that run go on."""
    connection.execute("DELETE FROM machines WHERE arn = ?", (request.parameters["stateMachineArn"],))
    return {}


def describe_state_machine(request: Request) -> Answer:
    """Return a machine with its definition."""
    connection = request.database.connection()
    machine = machine_row(connection, request.parameters["stateMachineArn"])
    return {
        "stateMachineArn": machine["arn"],
        "name": machine["name"],
        "status": "ACTIVE",
        "definition": store.definition_text(connection, machine["definition"]),
        "roleArn": machine["role"],
        "type": "STANDARD",
        "creationDate": at(machine["created_at"]),
        "revisionId": machine["revision"],
    }


def describe_state_machine_for_execution(request: Request) -> Answer:
    """Return the machine as it was when an execution began."""
    connection = request.database.connection()
    execution = execution_row(connection, request.parameters["executionArn"])
    machine = connection.execute("SELECT * FROM machines WHERE arn = ?", (execution["machine"],)).fetchone()
    answer = {
        "stateMachineArn": execution["machine"],
        "name": execution["machine"].rpartition(":")[2],
        "definition": store.definition_text(connection, execution["definition"]),
        "roleArn": "" if machine is None else machine["role"],
        "updateDate": at(execution["started_at"] if machine is None else machine["updated_at"]),
    }
    if execution["map_run"] is not None:
        answer |= {"mapRunArn": execution["map_run"], "label": execution["arn"].split("/")[1].partition(":")[0]}
    return answer


def list_state_machines(request: Request) -> Answer:
    """List the machines by name."""
    rows = request.database.connection().execute(
        "SELECT * FROM machines ORDER BY name LIMIT ? OFFSET ?", window(request, PAGE)
    )
    machines = [
        {
            "stateMachineArn": row["arn"],
            "name": row["name"],
            "type": "STANDARD",
            "creationDate": at(row["created_at"]),
        }
        for row in rows
    ]
    return page(request, "stateMachines", machines, PAGE)


def validate_state_machine_definition(request: Request) -> Answer:
    """Say what is wrong with a definition."""
    problems = _problems(request.parameters["definition"])
    diagnostics = [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": problem} for problem in problems
    ]
    return {"result": "FAIL" if problems else "OK", "diagnostics": diagnostics}


def _problems(definition: str) -> list[str]:
    return problems_of(definition) or resource_problems(json.loads(definition))


def _check_definition(name: str, definition: str) -> None:
    if problems := _problems(definition):
        raise RefusedRequest("InvalidDefinition", f"{name}: {'; '.join(problems)}")
