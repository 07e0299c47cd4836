"""Training as a person asks for it: started, and looked at; by boto3 alone, so in AWS as on one machine."""

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side import executions
from cloud_side.catalog.labels import strict_json
from cloud_side.objects import Bucket, Client, code_of
from cloud_side.training.runtime.reading import read_settings, records
from cloud_side.training.triggers.asking import Asked
from cloud_side.training.triggers.records import Record
from edge_inspector.errors import ConfigError

MACHINE: Final = "edge-inspector-retrain"
_LATEST: Final = 10  # runs that are told of


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
    said = strict_json(asked.model_dump(mode="json", exclude_none=True))
    return executions.start(states, MACHINE, executions.named("train"), said)


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
