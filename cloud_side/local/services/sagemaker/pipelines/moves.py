"""What comes next in an execution of a pipeline: decided by its definition and by how far its steps have come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud_side.local.services.sagemaker.pipelines.definition import PipelineDefinition, waits_for
from cloud_side.local.services.sagemaker.pipelines.rows import MOVING, Status, StepState
from cloud_side.local.services.sagemaker.pipelines.steps import ExceptionType, RetryPolicy, Step, StepKind

_TYPES: Mapping[str, ExceptionType] = {
    "InternalServerError": ExceptionType.JOB_INTERNAL_ERROR,
    "CapacityError": ExceptionType.CAPACITY_ERROR,
}


@dataclass(frozen=True)
class Ending:
    """How an execution ends.

    Attributes:
        failure: Why; None unless it failed.
    """

    status: Status
    failure: str | None = None


def next_steps(
    definition: PipelineDefinition, states: Mapping[str, StepState], now: datetime, most_at_once: int | None = None
) -> list[Step]:
    """Return the steps that begin now.

    Args:
        definition: Of the execution.
        states: By name; a step that has not begun has none.
        now: Aware UTC.
        most_at_once: So many steps run at the same time; None without end.

    Source:
        SageMaker AI Developer Guide, "Fail step": where other steps run, the execution ends when they have ended.
    """
    if has_come_to_fail(definition, states):
        return []
    ready = [step for step in definition.steps.values() if _may_begin(step, states) and _is_due(step, states, now)]
    if most_at_once is None:
        return ready
    running = sum(state.status in MOVING for state in states.values())
    return ready[: max(0, most_at_once - running)]


def ending(definition: PipelineDefinition, states: Mapping[str, StepState]) -> Ending | None:
    """Return how an execution ends in which nothing begins any more; None while something runs, or will."""
    if any(state.status in MOVING for state in states.values()):
        return None
    if not has_come_to_fail(definition, states) and any(_may_begin(step, states) for step in definition.steps.values()):
        return None
    reasons = list(_reasons(definition, states))
    return Ending(Status.FAILED, "; ".join(reasons)) if reasons else Ending(Status.SUCCEEDED)


def after_failure(step: Step, state: StepState, reason: str, now: datetime) -> StepState:
    """Return the state of a step whose job has failed: it has failed too, or will be tried again."""
    policy = _policy(step, reason)
    if policy is None or not _is_left(policy, state, now):
        return replace(state, status=Status.FAILED, failure=reason, ended=now)
    due = now + timedelta(seconds=policy.pause_s(state.attempt))
    return replace(state, status=Status.STARTING, attempt=state.attempt + 1, failure=reason, due=due)


def _may_begin(step: Step, states: Mapping[str, StepState]) -> bool:
    """Return whether a step has not begun, and all that it waits for has come true."""
    state = states.get(step.name)
    if state is not None and state.status is not Status.STARTING:
        return False
    before = [states.get(name) for name in waits_for(step)]
    if any(each is None or each.status is not Status.SUCCEEDED for each in before):
        return False
    return step.branch is None or states[step.branch.step].outcome is step.branch.outcome


def _is_due(step: Step, states: Mapping[str, StepState], now: datetime) -> bool:
    state = states.get(step.name)
    return state is None or state.due is None or state.due <= now


def has_come_to_fail(definition: PipelineDefinition, states: Mapping[str, StepState]) -> bool:
    """Return whether a Fail step was reached, after which no other one begins."""
    return any(
        state.status is Status.FAILED and definition.steps[state.name].kind is StepKind.FAIL
        for state in states.values()
    )


def _reasons(definition: PipelineDefinition, states: Mapping[str, StepState]) -> Iterator[str]:
    """Yield why an execution failed: what a Fail step says, before all else."""
    failed = [state for state in states.values() if state.status in {Status.FAILED, Status.STOPPED}]
    said = [state for state in failed if definition.steps[state.name].kind is StepKind.FAIL]
    yield from (state.failure or "" for state in said)
    others = [state for state in failed if state not in said]
    if others:
        yield "Step failure: One or multiple steps failed."
    yield from (f"{state.name}: {state.failure or 'its job was stopped'}" for state in others)


def _policy(step: Step, reason: str) -> RetryPolicy | None:
    kind = _TYPES.get(reason.partition(":")[0])
    return next((policy for policy in step.retries if kind in policy.exceptions), None)


def _is_left(policy: RetryPolicy, state: StepState, now: datetime) -> bool:
    is_over = policy.expires_s is not None and (now - state.created).total_seconds() > policy.expires_s
    return not is_over and (policy.attempts is None or state.attempt <= policy.attempts)
