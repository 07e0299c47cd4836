"""Tells of executions of pipelines and their steps: what is described and listed, and the events of their changes."""

import sqlite3
from datetime import datetime
from typing import Any

from cloud_side.local import outbox
from cloud_side.local.jobs.kinds import JobKind, arn
from cloud_side.local.services.sagemaker.pipelines.rows import KIND, MOVING, Execution, Status, StepState
from cloud_side.local.services.sagemaker.pipelines.steps import Step, StepKind

_LONGEST_REASON = 1024
_JOBS = {JobKind.PROCESSING: "ProcessingJob", JobKind.TRAINING: "TrainingJob"}


def emit_execution(connection: sqlite3.Connection, execution: Execution, before: Status | None, now: datetime) -> None:
    """Tell that the status of an execution has changed, in the caller's transaction.

    Source:
        SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    request = execution.request
    detail: dict[str, Any] = {
        "pipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName"),
        "pipelineExecutionDescription": request.get("PipelineExecutionDescription"),
        "currentPipelineExecutionStatus": execution.status,
        "previousPipelineExecutionStatus": before,
        "executionStartTime": _told(execution.created),
        "executionEndTime": None if execution.status in MOVING else _told(now),
    }
    _emit(connection, "SageMaker Model Building Pipeline Execution Status Change", execution, detail, now)


def emit_step(  # noqa: PLR0913 - what an event is about
    connection: sqlite3.Connection,
    execution: Execution,
    step: Step,
    state: StepState,
    *,
    before: Status,
    now: datetime,
) -> None:
    """Tell that the status of a step has changed, in the caller's transaction.

    Source:
        SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    metadata = {_lower(name): {_lower(key): value for key, value in each.items()} for name, each in _of(step, state)}
    detail: dict[str, Any] = {
        "metadata": metadata,
        "stepStartTime": _told(state.created),
        "stepEndTime": None if state.ended is None else _told(state.ended),
        "stepName": step.name,
        "stepType": step.kind,
        "previousStepStatus": before,
        "currentStepStatus": state.status,
        "failureReason": state.failure if state.status is Status.FAILED else None,
    }
    _emit(connection, "SageMaker Model Building Pipeline Execution Step Status Change", execution, detail, now)


def step_told(step: Step, state: StepState) -> dict[str, Any]:
    """Return a step as ListPipelineExecutionSteps does."""
    has_failed = state.status is Status.FAILED and state.failure is not None
    told = {
        "StepName": step.name,
        "StepDisplayName": step.display_name,
        "StepDescription": step.description,
        "StartTime": state.created,
        "EndTime": state.ended,
        "StepStatus": state.status,
        "FailureReason": (state.failure or "")[:_LONGEST_REASON] if has_failed else None,
        "Metadata": dict(_of(step, state)),
        "AttemptCount": state.attempt,
    }
    return {name: value for name, value in told.items() if value is not None}


def _of(step: Step, state: StepState) -> list[tuple[str, dict[str, str]]]:
    """Return the Metadata of a step."""
    if state.job_kind is not None and state.job is not None:
        return [(_JOBS[state.job_kind], {"Arn": state.job_kind.arn(state.job)})]
    if state.outcome is not None:
        return [("Condition", {"Outcome": str(state.outcome)})]
    if step.kind is StepKind.FAIL:
        return [("Fail", {"ErrorMessage": state.failure or ""})]
    return []


def _emit(
    connection: sqlite3.Connection, detail_type: str, execution: Execution, detail: dict[str, Any], now: datetime
) -> None:
    pipeline = arn(KIND, execution.pipeline)
    detail = {name: value for name, value in detail.items() if value is not None}
    detail |= {"pipelineArn": pipeline, "pipelineExecutionArn": execution.arn}
    outbox.emit(
        connection,
        source="aws.sagemaker",
        detail_type=detail_type,
        detail=detail,
        now=now,
        resources=[pipeline, execution.arn],
    )


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
