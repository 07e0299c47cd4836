"""Does the work of a Task state through boto3: starts it, looks whether it is at its end, and stops it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import UnfitArgumentsError, compact, parameters_of
from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.integrations.failures import as_state_failure
from cloud_side.local.states.integrations.optimized import Job, Pattern, concluded, payload_of, prepared
from cloud_side.local.states.integrations.resource import Integration, Kind
from cloud_side.local.states.integrations.results import response_metadata, result_of, within_limit
from cloud_side.local.states.store import Json

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_PAUSES_PER_AGE = 10


def start(integration: Integration, arguments: Json, clients: Clients, *, started_by: Sequence[str] = ()) -> Json:
    """Make a task's call.

    Args:
        integration: What the state's Resource names.
        arguments: Evaluated; for a function's ARN its input.
        clients: Of the session in which it happens.
        started_by: ARNs of the state machine and of the execution, told with events.

    Returns:
        The call's result; for `.sync` the handle of what began, which is the call's result and its name, to be given to
        `check` and `stop`.

    Raises:
        StateFailure: With the name that definitions catch.
    """
    if integration.kind is Kind.FUNCTION:
        return _invoke(integration, arguments, clients)
    operation = clients.operation(integration.client, integration.operation)
    is_optimized = integration.kind is Kind.OPTIMIZED
    given = prepared(integration.service, arguments, started_by) if is_optimized else arguments
    try:
        parameters = parameters_of(given, operation.input_shape, integration.spelling)
        answer = _call(integration, integration.operation, parameters, clients)
    except (UnfitArgumentsError, ParamValidationError) as error:
        raise _unfit(arguments, str(error)) from error
    result = result_of(answer, operation.output_shape, integration.spelling, integration.task)
    if not is_optimized:
        return result
    if integration.optimized.tells_response:
        result |= response_metadata(answer)
    result = concluded(integration.service, answer, result)
    job = integration.job
    return result if job is None else {job.handle_key: parameters.get(job.key), **result}


def check(integration: Integration, handle: Json, clients: Clients) -> Json | None:
    """Return what a `.sync` task came to: its description; None while it runs.

    Raises:
        StateFailure: States.TaskFailed with the description as the cause, if it failed or was stopped.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync,
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html (`.sync:2` has the child's
        Output as JSON, `.sync` as a text)
    """
    job = _job(integration)
    answer = _call(integration, job.describe, {job.key: handle[job.handle_key]}, clients)
    status = job.status_in(answer)
    if status in job.running:
        return None
    operation = clients.operation(integration.client, job.describe)
    description = result_of(answer, operation.output_shape, integration.spelling, integration.task)
    if integration.pattern is Pattern.JOB_2:
        description = _with_json(description)
    if status != job.done:
        raise StateFailure(error="States.TaskFailed", cause=compact(description))
    return within_limit(description, integration.task)


def stop(integration: Integration, handle: Json, clients: Clients) -> None:
    """End what a `.sync` task began, when nobody waits for it any more; nothing when it ends or has ended already.

    Raises:
        StateFailure: If it runs on.
        botocore.exceptions.BotoCoreError: If it cannot be said whether it does.
    """
    job = _job(integration)
    client = clients.of(integration.client)
    name = {job.key: handle[job.handle_key]}
    try:
        getattr(client, xform_name(job.stop))(**name)
    except (ClientError, BotoCoreError) as error:
        try:
            status = job.status_in(getattr(client, xform_name(job.describe))(**name))
        except ClientError:
            return  # nobody knows it any more
        if status in job.running and status != "Stopping":
            msg = f"{integration.resource} could not be stopped: {error}"
            raise StateFailure(error="States.TaskFailed", cause=msg) from error


def pause_s(age_s: float) -> float:
    """Return how long to wait before the next `check` of something that began so long ago."""
    return min(max(age_s / _PAUSES_PER_AGE, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)


def _call(
    integration: Integration, operation: str, parameters: Mapping[str, Any], clients: Clients
) -> Mapping[str, Any]:
    with as_state_failure(integration, clients.operation(integration.client, operation)):
        answer: Mapping[str, Any] = getattr(clients.of(integration.client), xform_name(operation))(**parameters)
        return answer


def _invoke(integration: Integration, payload: Json, clients: Clients) -> Json:
    """Call a function that is named by its ARN; its result is the state's."""
    parameters = {"FunctionName": integration.resource, "Payload": compact(payload).encode()}
    answer = _call(integration, "Invoke", parameters, clients)
    operation = clients.operation("lambda", "Invoke")
    result = result_of(answer, operation.output_shape, integration.spelling, integration.task)
    return payload_of(answer, result.get("Payload", ""))


def _job(integration: Integration) -> Job:
    job = integration.job
    if job is None:
        msg = f"{integration.resource} waits for no job; expected a resource with .sync"
        raise ValueError(msg)
    return job


def _with_json(description: dict[str, Json]) -> Json:
    return {
        name: json.loads(value) if name in ("Input", "Output") and isinstance(value, str) else value
        for name, value in description.items()
    }


def _unfit(arguments: Json, problems: str) -> StateFailure:
    shown = compact(arguments)
    return StateFailure("States.Runtime", f"The Arguments '{shown}' could not be used to start the Task: [{problems}]")
