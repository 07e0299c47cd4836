"""Deployments: which components the devices of a target shall have; a newer one of a target replaces the older."""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.greengrass.components import deployable_recipes
from cloud_side.local.services.greengrass.executions import DeploymentStatus, advance, end
from cloud_side.local.services.greengrass.refusals import conflicting, invalid, missing
from cloud_side.local.services.greengrass.rollout import FAILURES
from cloud_side.local.services.iot.pages import page_of
from cloud_side.local.services.iot.refusals import refuse_others
from cloud_side.local.services.iot.registry import find_group, find_thing, name_in
from cloud_side.local.wiring import Answer, Request

_KIND = "Deployment"
_PAGE = 50
_TIMEOUT_MINUTES = range(1, 10_081)
_DEFAULT_POLICIES = {
    "failureHandlingPolicy": "ROLLBACK",
    "componentUpdatePolicy": {"timeoutInSeconds": 60, "action": "NOTIFY_COMPONENTS"},
    "configurationValidationPolicy": {"timeoutInSeconds": 60},
}
_ON_FAILURE = {"ROLLBACK", "DO_NOTHING"}
BUILT_IN = "aws.greengrass."  # the beginning of the names of components that every device has


def create_deployment(request: Request, connection: sqlite3.Connection) -> Answer:
    """Deploy components to a thing or a group, in place of what was deployed to it before."""
    refuse_others(
        request.parameters,
        "targetArn deploymentName components iotJobConfiguration deploymentPolicies tags clientToken",
    )
    token, target = request.parameters.get("clientToken"), request.parameters["targetArn"]
    before = connection.execute("SELECT * FROM greengrass_deployments WHERE token = ?", (token,)).fetchone()
    if before is not None:
        return _made(before)
    _check_target(connection, target)
    if problems := list(_problems_of(connection, request.parameters)):
        raise invalid("; ".join(problems))
    revision = _replace_former(connection, target, request.now) + 1
    identity = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO greengrass_deployments (id, target, revision, name, document, tags, job, status, is_latest,"
        " created_at, token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
        (identity, target, revision, request.parameters.get("deploymentName"),
         json.dumps(_document(request.parameters)), json.dumps(request.parameters.get("tags", {})),
         str(uuid.uuid4()), DeploymentStatus.ACTIVE, request.now.isoformat(), token),
    )  # fmt: skip
    made = _find(connection, identity)
    advance(connection, made, request.now)
    return _made(made)


def get_deployment(request: Request) -> Answer:
    """Return a deployment; how far single devices are is asked by device."""
    row = _find(request.database.connection(), request.parameters["deploymentId"])
    return {**_listed(row), **_made(row), **json.loads(row["document"]), "tags": json.loads(row["tags"])}


def list_deployments(request: Request) -> Answer:
    """Return deployments, the newest first: the latest of each target, or all."""
    refuse_others(request.parameters, "targetArn historyFilter maxResults nextToken")
    target = request.parameters.get("targetArn")
    is_all = request.parameters.get("historyFilter", "LATEST_ONLY") == "ALL"
    rows = request.database.connection().execute("SELECT * FROM greengrass_deployments").fetchall()
    return page_of(
        [row for row in rows if (is_all or row["is_latest"]) and target in {None, row["target"]}],
        request.parameters,
        key=lambda row: -row["seq"],
        shown=_listed,
        into="deployments",
        at_most=_PAGE,
        refusal="ValidationException",
    )


def cancel_deployment(request: Request, connection: sqlite3.Connection) -> Answer:
    """Cancel a deployment for the devices that have not begun it."""
    row = _find(connection, request.parameters["deploymentId"])
    if row["status"] != DeploymentStatus.ACTIVE:
        msg = f"{_KIND} {row['id']}: found status {row['status']}, expected ACTIVE"
        raise conflicting(msg, _KIND, row["id"])
    end(connection, row, DeploymentStatus.CANCELED, request.now)
    return {"message": "SUCCESS"}


def job_arn(job: str) -> str:
    """Return the ARN of the job by which a deployment goes to its devices."""
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:job/{job}"


def _check_target(connection: sqlite3.Connection, target: str) -> None:
    if (thing := name_in(target, "thing")) is not None:
        find_thing(connection, thing)
    elif (group := name_in(target, "thinggroup")) is not None:
        find_group(connection, group)
    else:
        raise missing("Target", target, "the ARN of a thing or thing group of this account")


def _problems_of(connection: sqlite3.Connection, parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, component in parameters.get("components", {}).items():
        version = component["componentVersion"]
        known = {recipe.version for recipe in deployable_recipes(connection, name)}
        if not name.startswith(BUILT_IN) and version not in known:
            there = ", ".join(sorted(known)) or "none"
            yield f"components.{name}: found version {version}, expected one that is DEPLOYABLE: {there}"
        yield from _update_problems(f"components.{name}.configurationUpdate", component.get("configurationUpdate", {}))
    on_failure = parameters.get("deploymentPolicies", {}).get("failureHandlingPolicy", "ROLLBACK")
    if on_failure not in _ON_FAILURE:
        yield f"failureHandlingPolicy: found {on_failure!r}, expected one of {', '.join(sorted(_ON_FAILURE))}"
    yield from _job_problems(parameters.get("iotJobConfiguration", {}))


def _job_problems(configuration: Mapping[str, Any]) -> Iterator[str]:
    timeout = configuration.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes", 1)
    if timeout not in _TIMEOUT_MINUTES:
        yield f"inProgressTimeoutInMinutes: found {timeout}, expected 1 to 10080"
    for criterion in configuration.get("abortConfig", {}).get("criteriaList", []):
        if (kind := criterion["failureType"]) not in FAILURES:
            yield f"failureType: found {kind!r}, expected one of {', '.join(sorted(FAILURES))}"


def _update_problems(where: str, update: Mapping[str, Any]) -> Iterator[str]:
    try:
        is_object = isinstance(json.loads(update.get("merge", "{}")), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        yield f"{where}.merge: found {update['merge']!r}, expected a JSON object"
    for pointer in update.get("reset", []):
        if pointer and not pointer.startswith("/"):
            yield f"{where}.reset: found {pointer!r}, expected a JSON pointer such as '/a/b', or '' for all"


def _replace_former(connection: sqlite3.Connection, target: str, now: datetime) -> int:
    """Take the former deployment of a target out of force; return its revision, 0 where there was none."""
    row = connection.execute(
        "SELECT * FROM greengrass_deployments WHERE target = ? AND is_latest", (target,)
    ).fetchone()
    if row is None:
        return 0
    connection.execute("UPDATE greengrass_deployments SET is_latest = 0 WHERE id = ?", (row["id"],))
    if row["status"] == DeploymentStatus.ACTIVE:
        end(connection, row, DeploymentStatus.INACTIVE, now)
    return int(row["revision"])


def _document(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "components": parameters.get("components", {}),
        "deploymentPolicies": {**_DEFAULT_POLICIES, **parameters.get("deploymentPolicies", {})},
        "iotJobConfiguration": parameters.get("iotJobConfiguration", {}),
    }


def _find(connection: sqlite3.Connection, identity: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM greengrass_deployments WHERE id = ?", (identity,)
    ).fetchone()
    if row is None:
        raise missing(_KIND, identity, "one that CreateDeployment made")
    return row


def _made(row: sqlite3.Row) -> dict[str, Any]:
    return {"deploymentId": row["id"], "iotJobId": row["job"], "iotJobArn": job_arn(row["job"])}


def _listed(row: sqlite3.Row) -> dict[str, Any]:
    shown = {
        "targetArn": row["target"],
        "revisionId": str(row["revision"]),
        "deploymentId": row["id"],
        "deploymentName": row["name"],
        "creationTimestamp": datetime.fromisoformat(row["created_at"]),
        "deploymentStatus": row["status"],
        "isLatestForTarget": bool(row["is_latest"]),
    }
    return {key: value for key, value in shown.items() if value is not None}
