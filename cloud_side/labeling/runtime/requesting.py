"""The steps around a labeling job of Ground Truth: what it reads, its request, and its end before its time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.catalog.labels import LabelError, strict_json
from cloud_side.clients import client, open_bucket
from cloud_side.labeling.ground_truth import LabelingJob, categories, template
from cloud_side.labeling.items import read_class_names
from cloud_side.labeling.places import WorkKind, input_key
from cloud_side.labeling.settings import parse_settings
from cloud_side.objects import code_of
from edge_inspector.errors import ConfigError, InspectorError

_MOST_ATTEMPTS: Final = 10
_NONE_RUNS: Final = frozenset({"ValidationException", "ResourceNotFound"})  # it has ended, or there is none
_ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})


class JobRunsError(InspectorError):
    """A labeling job has not come to its end yet: the step is to run again."""


def request(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with the request for CreateLabelingJob; template and classes are in the bucket then, the same each time.

    Of an attempt before, whose name turned out to be in use, nobody waits for the answer: people should not work on it.

    Args:
        event: `bucket`, `batch`, `round`, `kind`, `settings`, `attempt`, `role` and `workteam`.
        context: Of the function.

    Raises:
        ConfigError: If there is no work team, no Ground Truth in the region, no class to label, or no name is free.
    """
    bucket = open_bucket(event["bucket"])
    job = LabelingJob(
        bucket=bucket.name,
        batch=event["batch"],
        round=event["round"],
        kind=WorkKind(event["kind"]),
        attempt=event["attempt"],
        settings=parse_settings(event["settings"]),
        region=bucket.s3.meta.region_name,
        role=event["role"],
        workteam=event["workteam"],
    )
    class_names = read_class_names(bucket.lines(input_key(job.batch, job.round, job.kind)))
    said = strict_json(categories(job.kind, class_names))
    bucket.write(job.categories_key, f"{said}\n".encode())
    bucket.write(job.template_key, template(job.kind).encode(), media="text/html; charset=utf-8")
    if job.attempt > 1:
        _stop(replace(job, attempt=job.attempt - 1).name)
    if job.attempt > _MOST_ATTEMPTS:
        msg = f"batch: expected a name under which labeling jobs can be made, found {job.batch!r}: all are in use"
        raise ConfigError(msg)
    return {"request": job.request()}


def end(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Stop a labeling job for which nobody waits any more, and answer with the output manifest of what was answered.

    Args:
        event: `job`: its name.
        context: Of the function.

    Raises:
        JobRunsError: Until it has ended.
        LabelError: If it has no output, as a job that failed.
    """
    name = event["job"]
    found = client("sagemaker").describe_labeling_job(LabelingJobName=name)
    status, output = found["LabelingJobStatus"], found.get("LabelingJobOutput", {}).get("OutputDatasetS3Uri")
    if status not in _ENDED:
        _stop(name)
        msg = f"{name}: expected a labeling job that has ended, found it {status}"
        raise JobRunsError(msg)
    if status == "Failed" or not output:
        msg = f"{name}: expected answers, found a labeling job {status}: {found.get('FailureReason', 'without output')}"
        raise LabelError(msg)
    return {"output": output}


def _stop(name: str) -> None:
    try:
        client("sagemaker").stop_labeling_job(LabelingJobName=name)
    except ClientError as error:
        if code_of(error) not in _NONE_RUNS:
            raise
