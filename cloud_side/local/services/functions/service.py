"""AWS Lambda's operations on functions; those that the product uses."""

import sqlite3
import sys
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from cloud_side.local.services.functions import configuration, queued
from cloud_side.local.services.functions.configuration import Function, find, from_row, keep, name_in
from cloud_side.local.services.functions.invoking import invoke
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.unpacking import Code, unpacked
from cloud_side.local.wiring import Answer, RefusedRequest, Request, Service

_BOUNDS = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_ENVIRONMENT_BYTES = 4096
_PAGE = 50
_NOT_HERE = ("Layers", "FileSystemConfigs", "DeadLetterConfig", "ImageConfig", "DurableConfig", "Publish", "PublishTo")
_OURS = ("AWS_", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER", "EDGE_INSPECTOR_ENGINE")
_CHANGES = {
    "Handler": "handler",
    "Runtime": "runtime",
    "Role": "role",
    "Description": "description",
    "Timeout": "timeout_s",
    "MemorySize": "memory_mb",
}


def lambda_service(pool: Pool) -> Service:
    """Return the service `lambda`, whose functions run in the processes of a pool."""
    return Service(
        "lambda",
        reads={"GetFunction": _get, "GetFunctionConfiguration": _get_configuration, "ListFunctions": _list},
        writes={"UpdateFunctionConfiguration": _update_configuration, "DeleteFunction": _delete},
        slow={"CreateFunction": _create, "UpdateFunctionCode": _update_code, "Invoke": partial(invoke, pool=pool)},
        tables=f"{configuration.TABLES}; {queued.TABLES}",
    )


def register(  # noqa: PLR0913 - what a function is made of
    connection: sqlite3.Connection,
    *,
    name: str,
    handler: str,
    now: datetime,
    timeout_s: int = 3,
    memory_mb: int = 128,
    environment: Mapping[str, str] | None = None,
    description: str = "",
) -> str:
    """Have a handler of this installation as a function, with no zip, in place of one of that name; return its ARN.

    Nothing changes when it is registered as it was, so that an engine can do it at each start.

    Args:
        connection: In a transaction.
        name: Of the function.
        handler: `package.module.function`, importable by this interpreter.
        now: Aware UTC.
        timeout_s: How long an invocation may take, in seconds.
        memory_mb: How much memory its process may take, in MiB.
        environment: Its own variables.
        description: For people.

    Raises:
        RefusedRequest: If AWS would refuse such a function.
    """
    values = {"Timeout": timeout_s, "MemorySize": memory_mb, "Handler": handler, "Description": description}
    _require_allowed({**values, **({} if environment is None else {"Environment": {"Variables": environment}})})
    function = Function(
        name=name_in(name),
        handler=handler,
        runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        role="arn:aws:iam::000000000000:role/local",
        description=description,
        timeout_s=timeout_s,
        memory_mb=memory_mb,
        environment=environment,
        code="",
        code_sha256="",
        code_bytes=0,
        revision="",
        modified=now,
    )
    row = connection.execute("SELECT * FROM functions WHERE name = ?", (function.name,)).fetchone()
    before = None if row is None else from_row(row)
    if before is None or replace(before, revision="", modified=now) != function:
        keep(connection, replace(function, revision=str(uuid.uuid4())))
    return function.arn


def _create(request: Request) -> Answer:
    parameters = request.parameters
    _require_allowed(parameters)
    if "Handler" not in parameters or "Runtime" not in parameters:
        message = (
            f"Runtime and Handler are mandatory parameters for functions made of a zip, found {sorted(parameters)}"
        )
        raise RefusedRequest("InvalidParameterValueException", message)
    code = unpacked(request, parameters["Code"])
    function = Function(
        name=name_in(parameters["FunctionName"]),
        handler=parameters["Handler"],
        runtime=parameters["Runtime"],
        role=parameters["Role"],
        description=parameters.get("Description", ""),
        timeout_s=parameters.get("Timeout", 3),
        memory_mb=parameters.get("MemorySize", 128),
        environment=parameters.get("Environment", {}).get("Variables"),
        code=code.folder,
        code_sha256=code.sha256,
        code_bytes=code.size,
        revision=str(uuid.uuid4()),
        modified=request.now,
    )
    with request.database.transaction() as connection:
        if (before := request.remembered(connection)) is not None:
            return before
        if connection.execute("SELECT 1 FROM functions WHERE name = ?", (function.name,)).fetchone():
            message = f"Function already exist: {function.name}"
            raise RefusedRequest("ResourceConflictException", message, status=409, Type="User")
        keep(connection, function)
        request.remember(connection, answer := function.told())
        return answer


def _update_code(request: Request) -> Answer:
    given = {key: request.parameters[key] for key in ("ZipFile", "S3Bucket", "S3Key") if key in request.parameters}
    _require_allowed(request.parameters)
    find(request.database.connection(), request.parameters["FunctionName"])
    code = unpacked(request, given)
    with request.database.transaction() as connection:
        if (before := request.remembered(connection)) is not None:
            return before
        function = _with_code(find(connection, request.parameters["FunctionName"]), code, request)
        keep(connection, function)
        request.remember(connection, answer := function.told())
        return answer


def _with_code(function: Function, code: Code, request: Request) -> Function:
    _require_revision(request, function)
    return replace(
        function,
        code=code.folder,
        code_sha256=code.sha256,
        code_bytes=code.size,
        revision=str(uuid.uuid4()),
        modified=request.now,
    )


def _update_configuration(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_allowed(request.parameters)
    function = find(connection, request.parameters["FunctionName"])
    _require_revision(request, function)
    changes = {ours: request.parameters[aws] for aws, ours in _CHANGES.items() if aws in request.parameters}
    if "Environment" in request.parameters:
        changes["environment"] = request.parameters["Environment"].get("Variables")
    function = replace(function, **changes, revision=str(uuid.uuid4()), modified=request.now)
    keep(connection, function)
    return function.told()


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    function = find(connection, request.parameters["FunctionName"])
    connection.execute("DELETE FROM functions WHERE name = ?", (function.name,))
    return {"StatusCode": 204}


def _get(request: Request) -> Answer:
    function = find(request.database.connection(), request.parameters["FunctionName"])
    location = function.folder(request.home).resolve().as_uri()
    return {"Configuration": function.told(), "Code": {"RepositoryType": "S3", "Location": location}}


def _get_configuration(request: Request) -> Answer:
    return find(request.database.connection(), request.parameters["FunctionName"]).told()


def _list(request: Request) -> Answer:
    most = request.parameters.get("MaxItems", _PAGE)
    values = (request.parameters.get("Marker", ""), min(most, _PAGE) + 1)
    query = "SELECT * FROM functions WHERE name > ? ORDER BY name LIMIT ?"
    functions = [from_row(row) for row in request.database.connection().execute(query, values)]
    page = functions[: values[1] - 1]
    answer: dict[str, Any] = {"Functions": [function.told() for function in page]}
    return {**answer, "NextMarker": page[-1].name} if len(functions) > len(page) else answer


def _require_revision(request: Request, function: Function) -> None:
    if request.parameters.get("RevisionId", function.revision) != function.revision:
        message = (
            f"The RevisionId provided does not match the latest RevisionId of {function.name}, {function.revision}; "
            "get it again and retry"
        )
        raise RefusedRequest("PreconditionFailedException", message, status=412, Type="User")


def _require_allowed(parameters: Mapping[str, Any]) -> None:
    """Refuse what AWS would refuse, and what is not there on one machine."""
    if asked := [name for name in _NOT_HERE if parameters.get(name)]:
        message = f"{', '.join(asked)}: not there on the local engine, expected a function without"
        raise RefusedRequest("NotOnLocalEngine", message, status=501)
    if parameters.get("PackageType", "Zip") != "Zip" or "ImageUri" in parameters.get("Code", parameters):
        message = "container images are not there on the local engine, expected the code in a zip"
        raise RefusedRequest("NotOnLocalEngine", message, status=501)
    if not parameters.get("Runtime", "python3").startswith("python3"):
        message = f"Value {parameters['Runtime']} at 'runtime': the local engine runs python3.x only"
        raise RefusedRequest("InvalidParameterValueException", message)
    for name, (least, most) in _BOUNDS.items():
        if not least <= (value := parameters.get(name, least)) <= most:
            message = f"Value {value} at {name!r} failed to satisfy constraint: expected {least} to {most}"
            raise RefusedRequest("InvalidParameterValueException", message)
    _require_environment(parameters.get("Environment", {}).get("Variables", {}))


def _require_environment(variables: Mapping[str, str]) -> None:
    if taken := [name for name in variables if name.startswith(_OURS)]:
        message = f"Lambda was unable to configure your environment variables: {', '.join(taken)}: reserved keys"
        raise RefusedRequest("InvalidParameterValueException", message)
    if (size := sum(len(name) + len(value) for name, value in variables.items())) > _ENVIRONMENT_BYTES:
        message = (
            f"Lambda was unable to configure your environment variables: {size} bytes, expected {_ENVIRONMENT_BYTES}"
        )
        raise RefusedRequest("InvalidParameterValueException", message)
