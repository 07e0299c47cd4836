"""What DescribeTrainingJob and DescribeProcessingJob answer, and what an event says of a job."""

import sqlite3
from datetime import datetime
from typing import Any

from cloud_side.local import outbox
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.plan import Limits
from cloud_side.local.jobs.report import JobStatus, Stage
from cloud_side.local.jobs.rows import Job
from cloud_side.local.jobs.training import model_address

_TRAINING = (
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "CheckpointConfig",
    "ExperimentConfig",
    "Environment",
    "RetryStrategy",
)
_PROCESSING = (
    "ProcessingJobName",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
)


def described(job: Job) -> dict[str, Any]:
    """Return the job as its Describe operation does."""
    match job.kind:
        case JobKind.TRAINING:
            return _training(job)
        case JobKind.PROCESSING:
            return _processing(job)


def emit(connection: sqlite3.Connection, job: Job, now: datetime) -> None:
    """Tell that the state of a job has changed, in the caller's transaction.

    Source:
        SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    tags = {tag["Key"]: tag["Value"] for tag in job.request.get("Tags", ())}
    detail = _in_event(described(job)) | {"Tags": tags}
    outbox.emit(
        connection, source="aws.sagemaker", detail_type=job.kind.event, detail=detail, now=now, resources=[job.arn]
    )


def began(job: Job) -> datetime | None:
    """Return when work on it began."""
    return job.report.first(Stage.DOWNLOADING)


def ended(job: Job) -> datetime | None:
    """Return when it ended."""
    return job.report.transitions[-1].began if job.report.is_final else None


def _training(job: Job) -> dict[str, Any]:
    return {
        **{name: job.request[name] for name in _TRAINING if name in job.request},
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
        "ModelArtifacts": {"S3ModelArtifacts": str(model_address(job.request))},
        "StoppingCondition": {"MaxRuntimeInSeconds": Limits.runtime_s} | job.request.get("StoppingCondition", {}),
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "SecondaryStatusTransitions": _transitions(job),
        "EnableNetworkIsolation": job.request.get("EnableNetworkIsolation", False),
        "EnableInterContainerTrafficEncryption": job.request.get("EnableInterContainerTrafficEncryption", False),
        "EnableManagedSpotTraining": job.request.get("EnableManagedSpotTraining", False),
        **_times(job, "TrainingStartTime", "TrainingEndTime"),
        **_billed(job),
        **_failure(job),
        **_metrics(job),
    }


def _processing(job: Job) -> dict[str, Any]:
    ending = job.report.ending if job.report.is_final else None
    message = {"ExitMessage": ending.exit_message} if ending is not None and ending.exit_message else {}
    return {
        **{name: job.request[name] for name in _PROCESSING if name in job.request},
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status,
        "StoppingCondition": {"MaxRuntimeInSeconds": Limits.runtime_s} | job.request.get("StoppingCondition", {}),
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        **_times(job, "ProcessingStartTime", "ProcessingEndTime"),
        **_failure(job),
        **message,
    }


def _times(job: Job, start: str, end: str) -> dict[str, datetime]:
    found = {start: began(job), end: ended(job)}
    return {name: value for name, value in found.items() if value is not None}


def _billed(job: Job) -> dict[str, int]:
    if (start := began(job)) is None or (end := ended(job)) is None:
        return {}
    seconds = max(1, round((end - start).total_seconds()))
    return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def _failure(job: Job) -> dict[str, str]:
    if job.status is not JobStatus.FAILED or job.report.ending is None:
        return {}
    return {"FailureReason": job.report.ending.failure_reason}


def _metrics(job: Job) -> dict[str, Any]:
    if not job.report.metrics:
        return {}
    found = [{"MetricName": each.name, "Value": each.value, "Timestamp": each.at} for each in job.report.metrics]
    return {"FinalMetricDataList": found}


def _transitions(job: Job) -> list[dict[str, Any]]:
    steps = job.report.transitions
    ends = [*(step.began for step in steps[1:]), steps[-1].began if job.report.is_final else None]
    return [
        {"Status": step.stage, "StartTime": step.began, "StatusMessage": step.message}
        | ({} if end is None else {"EndTime": end})
        for step, end in zip(steps, ends, strict=True)
    ]


def _in_event(value: Any) -> Any:  # noqa: ANN401 - any JSON, with times
    match value:
        case datetime():
            return round(value.timestamp() * 1000)
        case dict():
            return {key: _in_event(each) for key, each in value.items()}
        case list():
            return [_in_event(each) for each in value]
        case _:
            return value
