"""Moves executions of pipelines: jobs that have ended, steps that begin, and the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.local import wiring
from cloud_side.local.database import Database
from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.jobs.report import JobStatus
from cloud_side.local.services.sagemaker.pipelines import rows
from cloud_side.local.services.sagemaker.pipelines.conditions import ConditionError, holds
from cloud_side.local.services.sagemaker.pipelines.definition import (
    DefinitionError,
    PipelineDefinition,
    read_definition,
)
from cloud_side.local.services.sagemaker.pipelines.expressions import ExpressionError
from cloud_side.local.services.sagemaker.pipelines.jobs import begin_job, job_name, job_of, job_problem, stop_job
from cloud_side.local.services.sagemaker.pipelines.moves import (
    Ending,
    after_failure,
    ending,
    has_come_to_fail,
    next_steps,
)
from cloud_side.local.services.sagemaker.pipelines.resolving import Resolver
from cloud_side.local.services.sagemaker.pipelines.rows import MOVING, Execution, Status, StepState
from cloud_side.local.services.sagemaker.pipelines.steps import Step, StepKind
from cloud_side.local.services.sagemaker.pipelines.telling import emit_execution, emit_step

_BUSY_S, _IDLE_S = 0.2, 0.5
_definition = lru_cache(maxsize=64)(read_definition)

States: TypeAlias = Mapping[str, StepState]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Change:
    """A step has come further.

    Attributes:
        before: Its status until now.
        arguments: Of the job that begins; None where none does.
    """

    state: StepState
    before: Status
    arguments: Mapping[str, Any] | None = None


@dataclass
class PipelineExecutions:
    """The engine's chore for executions of pipelines.

    What it decides is kept in one transaction with the rows of the jobs that begin, and only where nobody has changed
    the execution meanwhile.

    Attributes:
        s3: A client, which reads property files.
        clock: Aware UTC.
    """

    database: Database
    s3: Any
    clock: Callable[[], datetime] = _now
    name: str = "pipelines"

    def turn(self) -> float:
        """Move each execution as far as it comes, and return when to look again, in seconds."""
        moving = rows.moving_executions(self.database.connection())
        for execution in moving:
            at: Execution | None = execution
            while at is not None:
                at = self._moved(at)
        return _BUSY_S if moving else _IDLE_S

    def close(self) -> None:
        """Hold nothing."""

    def _moved(self, execution: Execution) -> Execution | None:
        """Move an execution, and return it as it is then; None where nothing is to be done now."""
        connection, now = self.database.connection(), self.clock()
        try:
            definition = _definition(execution.definition)
        except DefinitionError as error:  # of an engine that knew more
            return self._keep(execution, (), Ending(Status.FAILED, f"ClientError: {error}"), now)
        states = rows.steps_of(connection, execution.name)
        changes = list(self._followed(definition, states, now))
        states = _with(states, changes)
        if execution.status is Status.STOPPING:
            changes += _stopping(states, now)
            end = _stopped(_with(states, changes))
        else:
            changes += self._begun(execution, definition, states, now)
            if has_come_to_fail(definition, _with(states, changes)):
                changes += _given_up(_with(states, changes), now)
            end = ending(definition, _with(states, changes))
        return self._keep(execution, changes, end, now) if changes or end is not None else None

    def _followed(self, definition: PipelineDefinition, states: States, now: datetime) -> Iterator[Change]:
        """Yield the steps whose jobs have ended."""
        for state in states.values():
            if state.status not in MOVING:
                continue
            job = job_of(self.database.connection(), state)
            match None if job is None else job.status:
                case JobStatus.IN_PROGRESS | JobStatus.STOPPING:
                    continue
                case JobStatus.COMPLETED:
                    after = replace(state, status=Status.SUCCEEDED, failure=None, ended=now)
                case JobStatus.STOPPED:
                    after = replace(state, status=Status.STOPPED, ended=now)
                case _:
                    told = None if job is None or job.report.ending is None else job.report.ending.failure_reason
                    reason = told or "InternalServerError: its job is not there any more"
                    after = after_failure(definition.steps[state.name], state, reason, now)
            yield Change(after, state.status)

    def _begun(
        self, execution: Execution, definition: PipelineDefinition, states: States, now: datetime
    ) -> Iterator[Change]:
        """Yield the steps that begin, some of which end at once."""
        connection = self.database.connection()
        resolver = Resolver(execution, definition, states, lambda state: job_of(connection, state), self._read, now)
        for step in next_steps(definition, states, now, execution.most_at_once):
            before = states.get(step.name) or StepState(step.name, Status.STARTING, now)
            begins = StepState(step.name, Status.EXECUTING, before.created, attempt=before.attempt)
            try:
                yield self._begin(execution, step, begins, resolver)
            except (ExpressionError, ConditionError) as error:
                yield _failed(begins, f"ClientError: {error}", now)

    def _begin(self, execution: Execution, step: Step, begins: StepState, resolver: Resolver) -> Change:
        now = resolver.now
        if step.kind is StepKind.CONDITION:
            outcome = holds(step.conditions, resolver.value)
            decided = replace(begins, status=Status.SUCCEEDED, outcome=outcome, ended=now)
            return Change(decided, Status.EXECUTING)
        arguments = resolver.value(step.arguments)
        if (kind := step.kind.job) is None:
            return _failed(begins, str(arguments["ErrorMessage"]), now)
        name = job_name(execution.name, step.name, begins.attempt)
        problem = job_problem(self.database.connection(), kind, name, arguments)
        if problem is not None:
            return _failed(begins, problem, now)
        return Change(replace(begins, job_kind=kind, job=name), Status.STARTING, arguments)

    def _keep(
        self, execution: Execution, changes: Sequence[Change], end: Ending | None, now: datetime
    ) -> Execution | None:
        """Keep what was decided, and return the execution after that; as it is now where somebody was faster."""
        with self.database.transaction() as connection:
            status, failure = (execution.status, None) if end is None else (end.status, end.failure)
            kept = rows.update_execution(connection, execution, status, failure=failure, now=now)
            if kept is None:
                found = rows.find_execution(connection, execution.name)
                return found if found is not None and found.status in MOVING else None
            for change in changes:
                rows.keep_step(connection, execution.name, change.state)
                if change.arguments is not None:
                    begin_job(connection, kept, change.state, change.arguments, now)
                if change.state.status is Status.STOPPING:
                    stop_job(connection, change.state, now)
                step = _definition(execution.definition).steps[change.state.name]
                emit_step(connection, kept, step, change.state, before=change.before, now=now)
            if end is None:
                return kept
            wiring.forget_answers(connection, kept.arn)
            emit_execution(connection, kept, execution.status, now)
            return None

    def _read(self, uri: str) -> bytes:
        try:
            place = Address.parse(uri)
            return bytes(self.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
        except (PlanError, ClientError, BotoCoreError) as error:
            raise ExpressionError(str(error)) from error


def _with(states: States, changes: Sequence[Change]) -> dict[str, StepState]:
    return {**states, **{change.state.name: change.state for change in changes}}


def _failed(begins: StepState, reason: str, now: datetime) -> Change:
    return Change(replace(begins, status=Status.FAILED, failure=reason, ended=now), Status.EXECUTING)


def _stopping(states: States, now: datetime) -> list[Change]:
    """Return the steps that are to be stopped, and those that will not begin again."""
    running = [state for state in states.values() if state.status is Status.EXECUTING]
    return [
        *(Change(replace(state, status=Status.STOPPING), state.status) for state in running),
        *_given_up(states, now),
    ]


def _given_up(states: States, now: datetime) -> list[Change]:
    """Return the steps that wait for another attempt, and will not get it."""
    waiting = [state for state in states.values() if state.status is Status.STARTING]
    return [Change(replace(state, status=Status.STOPPED, ended=now, due=None), state.status) for state in waiting]


def _stopped(states: States) -> Ending | None:
    is_left = any(state.status in MOVING for state in states.values())
    return None if is_left else Ending(Status.STOPPED)
