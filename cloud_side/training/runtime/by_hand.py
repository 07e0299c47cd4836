"""Training as a person asks for it: started, waited for, and looked at; by boto3 alone, so in AWS as on one machine."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.catalog.labels import strict_json
from cloud_side.objects import Bucket, Client, code_of
from cloud_side.training.runtime.reading import read_settings, records
from cloud_side.training.triggers.asking import Asked
from cloud_side.training.triggers.records import Record
from edge_inspector.errors import ConfigError

MACHINE: Final = "edge-inspector-retrain"
_LATEST: Final = 10  # runs that are told of
_PAUSE_S: Final = 5.0


def start(states: Client, bucket: Bucket, asked: Asked) -> str:
    """Start a run, and return the ARN of the workflow's execution.

    Args:
        states: Client of Step Functions.
        bucket: Of the product.
        asked: What is wanted; checked before anything begins.

    Raises:
        ConfigError: If that cannot be, or the workflow is not there.
    """
    asked.over(read_settings(bucket))
    machine = _machine(states)
    if machine is None:
        msg = f"{MACHINE}: no such state machine is here; `edge-inspector-cloud local up` installs it on this machine"
        raise ConfigError(msg)
    name = f"train-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    said = strict_json(asked.model_dump(mode="json", exclude_none=True))
    return str(states.start_execution(stateMachineArn=machine, name=name, input=said)["executionArn"])


def wait(states: Client, arn: str, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Wait until an execution ends, and return what it came to: `outcome`, `subject`, `message`, `package`."""
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        sleep(_PAUSE_S)
    if found["status"] == "SUCCEEDED":
        told: dict[str, Any] = json.loads(found["output"])
        return told
    message = f"{found.get('error', found['status'])}: {found.get('cause', 'no reason was given')}"
    return {"outcome": "failed", "subject": "Training failed", "message": message, "package": None}


def status(sagemaker: Client, bucket: Bucket, run: str | None) -> list[dict[str, Any]]:
    """Return the last runs, the newest first, or one of them, each with its steps as far as they are known.

    Args:
        sagemaker: Its client.
        bucket: Of the product.
        run: Id of a run, or the name of the execution that began it; None: the last ones.

    Raises:
        ConfigError: If there is no such run.
    """
    known = records(bucket)
    chosen = known[:_LATEST] if run is None else [each for each in known if run in (each.run, each.execution)]
    if run is not None and not chosen:
        shown = ", ".join(each.run or each.execution for each in known[:5]) or "none"
        msg = f"RUN: expected one of {shown}, found {run!r:.100}"
        raise ConfigError(msg)
    return [_document(sagemaker, each) for each in chosen]


def lines_of(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what `status` found, for people."""
    if not runs:
        yield "no runs; `edge-inspector-cloud train --dataset NAME` begins one"
    for run in runs:
        yield f"{run['run']}  {run['outcome']}  {run['model']} on {run['dataset']}@{run['version'][:12]}"
        yield f"  begun {run['started_at']}, {run['kind']}{': ' if run['said'] else ''}{run['said']}"
        for step in run["steps"]:
            yield f"  {step['name']:<10} {step['status']}{'  ' if step['reason'] else ''}{step['reason']}"
        if run["package"]:
            yield f"  {run['package']}"


def _document(sagemaker: Client, record: Record) -> dict[str, Any]:
    return {
        "run": record.run or record.execution,
        "outcome": record.outcome.value,
        "told": record.told,
        "model": record.model,
        "dataset": record.dataset,
        "version": record.version,
        "kind": record.kind,
        "said": record.said,
        "started_at": record.started_at,
        "package": record.package,
        "steps": _steps(sagemaker, record.pipeline_execution),
    }


def _steps(sagemaker: Client, arn: str | None) -> list[dict[str, str]]:
    if arn is None:
        return []
    try:
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        found = [step for page in pages for step in page["PipelineExecutionSteps"]]
    except ClientError as error:
        if code_of(error) != "ResourceNotFound":  # what ran is forgotten after a while, its record is not
            raise
        return []
    return [
        {"name": each["StepName"], "status": each["StepStatus"], "reason": each.get("FailureReason", "")}
        for each in found
    ]


def _machine(states: Client) -> str | None:
    for page in states.get_paginator("list_state_machines").paginate():
        for each in page["stateMachines"]:
            if each["name"] == MACHINE:
                return str(each["stateMachineArn"])
    return None
