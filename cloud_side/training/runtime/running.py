"""The steps around the pipeline: a run is taken once, and what became of it is read, kept and told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.clients import client, open_bucket
from cloud_side.objects import Bucket, code_of
from cloud_side.training import places
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.runtime.reading import read_json, read_record
from cloud_side.training.triggers.asking import Asked
from cloud_side.training.triggers.records import Record, may_replace
from cloud_side.training.triggers.requests import start_request
from cloud_side.training.triggers.settings import TrainingSettings, parse_settings
from cloud_side.training.triggers.telling import Found, Told, nothing_to_do, told_of
from edge_inspector.errors import ConfigError, InspectorError

_GOING_ON: Final = frozenset({"Executing", "Stopping"})
_GONE: Final = "ResourceNotFound"
_LONGEST: Final = 500  # letters of a failure


class RecordLostError(InspectorError):
    """Somebody else has written the record of a run at this moment: the step is to run again."""


def take(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Take a run, unless the same was trained before.

    Args:
        event: `bucket`, `execution`: its name, `started` as ISO 8601, `version`, and `asked` and `settings`.
        context: Of the function.

    Returns:
        `go`, `key` of the record, `request` for StartPipelineExecution where it goes on, and `told` where it does not;
        always all of them, as the workflow takes what is missing for an error.

    Raises:
        ConfigError: If the pipeline does not take something of it.
        RecordLostError: If the step is to run again.
    """
    bucket, asked, settings = _opened(event)
    record = Record(
        execution=event["execution"],
        dataset=settings.dataset,
        version=event["version"],
        model=settings.model or settings.dataset,
        hyperparameters=Hyperparameters.parse(settings.hyperparameters).texts(),
        kind=asked.kind.value,
        said=asked.said or event.get("why", ""),
        started_at=event["started"],
    )
    request = start_request(record, settings)  # what cannot be asked for is said before anything is taken
    if reason := _keep(bucket, record, again=asked.again):
        return {"go": False, "key": record.key, "request": None, "told": nothing_to_do(reason).document()}
    return {"go": True, "key": record.key, "request": request, "told": None}


def note(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Note in the record which pipeline execution is the run, unless a later run has taken it.

    Args:
        event: `bucket`, `key` of the record, `execution`, and `pipeline_execution`: its ARN.
        context: Of the function.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    bucket, arn = open_bucket(event["bucket"]), event["pipeline_execution"]
    record, etag = _read(bucket, event["key"])
    if record.execution == event["execution"]:
        _write(bucket, event["key"], replace(record, pipeline_execution=arn), etag)
    return {"run": arn.rpartition("/")[2]}


def result(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Read what became of a run, keep it in its record, and answer with what people are told.

    Args:
        event: `bucket`, `key`, `execution`, `pipeline_execution`: ARN or null, `failure` of the workflow or null.
        context: Of the function.

    Returns:
        `outcome`, `subject`, `message` and `package`.

    Raises:
        ClientError: If it cannot be asked what became of it.
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    bucket, arn = open_bucket(event["bucket"]), event.get("pipeline_execution")
    record, etag = _read(bucket, event["key"])  # a later run that has taken it is of the same data and model
    status, failures = _described(arn)
    if failure := event.get("failure"):
        failures = [f"{failure.get('Error', '')}: {failure.get('Cause', '')}"[:_LONGEST], *failures]
    told = _told(bucket, record, arn, status, failures)
    if record.execution == event["execution"] and told.outcome is not None and status not in _GOING_ON:
        known = replace(record, outcome=told.outcome, told=told.subject, package=told.package, pipeline_execution=arn)
        _write(bucket, event["key"], known, etag)
    return told.document()


def _opened(event: Mapping[str, Any]) -> tuple[Bucket, Asked, TrainingSettings]:
    return open_bucket(event["bucket"]), Asked.model_validate(event["asked"]), parse_settings(event["settings"])


def _keep(bucket: Bucket, record: Record, *, again: bool) -> str | None:
    """Write the record of a run; return why it was not, where another one was first."""
    if bucket.write(record.key, record.content(), is_new=True) is not None:
        return None
    found = read_record(bucket, record.key)
    if found is None:
        raise RecordLostError(record.key)
    before, etag = found
    if reason := may_replace(before, record, again=again):
        return reason
    if before.execution != record.execution:
        _write(bucket, record.key, record, etag)
    return None


def _read(bucket: Bucket, key: str) -> tuple[Record, str]:
    found = read_record(bucket, key)
    if found is None:
        msg = f"{bucket.address(key)}: expected the record of this run, found nothing"
        raise ConfigError(msg)
    return found


def _write(bucket: Bucket, key: str, record: Record, etag: str) -> None:
    if bucket.write(key, record.content(), over=etag) is None:
        raise RecordLostError(key)


def _described(arn: str | None) -> tuple[str, list[str]]:
    """Return the status of a pipeline's execution, and why steps of it failed."""
    if arn is None:
        return "", []
    sagemaker = client("sagemaker")
    try:
        status = str(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
    except ClientError as error:
        if code_of(error) != _GONE:
            raise
        return "", [str(error)]
    failed = (step for step in steps if step["StepStatus"] == "Failed")
    return status, [f"{step['StepName']}: {step.get('FailureReason', 'no reason was given')}" for step in failed]


def _told(bucket: Bucket, record: Record, arn: str | None, status: str, failures: list[str]) -> Told:
    prefix = "" if arn is None else places.run_prefix(arn.rpartition("/")[2])
    found = {
        name: read_json(bucket, f"{prefix}{name}/{file}") if prefix else None
        for name, file in ((places.GATE, places.GATE_FILE), (places.REGISTERED, places.REGISTERED_FILE))
    }
    report = bucket.address(f"{prefix}{places.GATE}/gate.html")
    return told_of(record, Found(status, found[places.GATE], found[places.REGISTERED], failures, report))
