"""Step Functions' optimized integrations that the product may use: which there are, and what they do beside the call.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html, and per service `connect-lambda`,
    `connect-stepfunctions`, `connect-sns`, `connect-eventbridge`, `connect-sagemaker`, `connect-athena` there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import as_text, compact
from cloud_side.local.states.store import Json


class Pattern(StrEnum):
    """When a task is at its end."""

    CALL = ""
    JOB = ".sync"
    JOB_2 = ".sync:2"
    TOKEN = ".waitForTaskToken"  # noqa: S105 - no password


@dataclass(frozen=True)
class Job:
    """What `.sync` waits for.

    Attributes:
        describe: Tells how it stands.
        stop: Ends it.
        key: Parameter of both that names it; its handle has it in PascalCase.
        status: Member of the description; one that is inside others has their names before it, with dots.
        running: Values of `status` while it is not at its end.
        done: The one value of `status` that is a success.
    """

    describe: str
    stop: str
    key: str
    status: str
    running: frozenset[str]
    done: str

    @property
    def handle_key(self) -> str:
        """Where the handle names it."""
        return self.key[0].upper() + self.key[1:]

    def status_in(self, description: Mapping[str, Any]) -> str:
        """Return how it stands."""
        found: Any = description
        for member in self.status.split("."):
            found = found[member]
        return str(found)


@dataclass(frozen=True)
class OptimizedService:
    """How one service is integrated.

    Attributes:
        client: boto3's name.
        prefix: Of the names of its errors.
        own_error: Name of errors that its model does not name: that of the AWS SDK for Java 1.
        told_as: The service's name in causes.
        actions: Which there are, with their patterns.
        jobs: What their `.sync` waits for.
        tells_response: Whether results have the metadata of the HTTP response.
    """

    client: str
    prefix: str
    own_error: str
    told_as: str
    actions: Mapping[str, tuple[Pattern, ...]]
    jobs: Mapping[str, Job] = field(default_factory=dict)
    tells_response: bool = True


def optimized_services() -> dict[str, OptimizedService]:
    """Return the services by their names in resources."""
    call, job, job_2, token = Pattern
    execution = Job(
        describe="DescribeExecution",
        stop="StopExecution",
        key="executionArn",
        status="status",
        running=frozenset({"RUNNING", "PENDING_REDRIVE"}),
        done="SUCCEEDED",
    )
    query = Job(
        describe="GetQueryExecution",
        stop="StopQueryExecution",
        key="QueryExecutionId",
        status="QueryExecution.Status.State",
        running=frozenset({"QUEUED", "RUNNING"}),
        done="SUCCEEDED",
    )
    jobs = {f"create{kind}Job": _sagemaker_job(kind) for kind in ("Training", "Processing", "Labeling")}
    plain = ("createModel", "createEndpointConfig", "createEndpoint", "updateEndpoint")
    return {
        "lambda": OptimizedService(
            client="lambda",
            prefix="Lambda",
            own_error="AWSLambdaException",
            told_as="AWSLambda",
            actions={"invoke": (call, token)},
        ),
        "states": OptimizedService(
            client="stepfunctions",
            prefix="StepFunctions",
            own_error="AWSStepFunctionsException",
            told_as="AWSStepFunctions",
            actions={"startExecution": (call, job, job_2, token)},
            jobs={"startExecution": execution},
        ),
        "sns": OptimizedService(
            client="sns",
            prefix="SNS",
            own_error="AmazonSNSException",
            told_as="AmazonSNS",
            actions={"publish": (call, token)},
        ),
        "events": OptimizedService(
            client="events",
            prefix="EventBridge",
            own_error="AmazonEventBridgeException",
            told_as="AmazonEventBridge",
            actions={"putEvents": (call, token)},
            tells_response=False,
        ),
        "sagemaker": OptimizedService(
            client="sagemaker",
            prefix="SageMaker",
            own_error="AmazonSageMakerException",
            told_as="AmazonSageMaker",
            actions={**dict.fromkeys(jobs, (call, job)), **dict.fromkeys(plain, (call,))},
            jobs=jobs,
        ),
        "athena": OptimizedService(
            client="athena",
            prefix="Athena",
            own_error="AmazonAthenaException",
            told_as="AmazonAthena",
            actions={
                "startQueryExecution": (call, job),
                "stopQueryExecution": (call,),
                "getQueryExecution": (call,),
                "getQueryResults": (call,),
            },
            jobs={"startQueryExecution": query},
        ),
    }


def _sagemaker_job(kind: str) -> Job:
    return Job(
        describe=f"Describe{kind}Job",
        stop=f"Stop{kind}Job",
        key=f"{kind}JobName",
        status=f"{kind}JobStatus",
        running=frozenset({"Initializing", "InProgress", "Stopping"}),
        done="Completed",
    )


def prepared(service: str, arguments: Json, started_by: Sequence[str]) -> Json:
    """Return the arguments as the call takes them: JSON as text where an API has JSON in a text.

    Args:
        service: As in the resource.
        arguments: As evaluated.
        started_by: ARNs of the state machine and the execution; an event has them among its resources.
    """
    if not isinstance(arguments, dict):
        return arguments
    match service:
        case "lambda" if (payload := arguments.get("Payload")) is not None:
            return {**arguments, "Payload": payload if _is_json_text(payload) else compact(payload)}
        case "states":
            given = arguments.get("Input")
            return {**arguments, "Input": as_text({} if given is None else given)}
        case "sns" if "Message" in arguments:
            return {**arguments, "Message": as_text(arguments["Message"])}
        case "events" if isinstance(arguments.get("Entries"), list):
            return {**arguments, "Entries": [_entry(entry, started_by) for entry in arguments["Entries"]]}
    return arguments


def concluded(service: str, answer: Mapping[str, Any], result: dict[str, Json]) -> Json:
    """Return the result that the state has of a call's result.

    Raises:
        StateFailure: If the call was answered, and what it did failed.
    """
    match service:
        case "lambda":
            return {**result, "Payload": payload_of(answer, str(result.get("Payload", "")))}
        case "events" if result.get("FailedEntryCount", 0) > 0:
            raise StateFailure(error="EventBridge.FailedEntry", cause=compact(result))
    return result


def payload_of(answer: Mapping[str, Any], text: str) -> Json:
    """Return what a function returned.

    Raises:
        StateFailure: With the type of the function's error, if it failed; Lambda.Unknown, if it told no type.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html ("Unhandled errors in Lambda
        are reported as Lambda.Unknown"), https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    try:
        payload = json.loads(text) if text else None
    except ValueError as error:
        msg = f"the function returned what is no JSON: {error}"
        raise StateFailure(error="States.Runtime", cause=msg) from error
    if "FunctionError" not in answer:
        return payload
    kind = payload.get("errorType") if isinstance(payload, dict) else None
    if isinstance(kind, str) and kind:
        raise StateFailure(kind, compact(payload))
    msg = (
        "The cause could not be determined because Lambda did not return an error type. "
        f"Returned payload: {compact(payload)}"
    )
    raise StateFailure(error="Lambda.Unknown", cause=msg)


def _is_json_text(value: Json) -> bool:
    try:
        json.loads(value)
    except (TypeError, ValueError):
        return False
    return True


def _entry(entry: Json, started_by: Sequence[str]) -> Json:
    if not isinstance(entry, dict):
        return entry
    told = {**entry, "Detail": as_text(entry["Detail"])} if isinstance(entry.get("Detail"), dict) else dict(entry)
    return {**told, "Resources": [*(entry.get("Resources") or []), *started_by]}
