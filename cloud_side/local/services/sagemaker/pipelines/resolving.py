"""The values of expressions in one execution: parameters, what jobs tell, and what is in the files that they wrote."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_side.local.jobs.describe import described
from cloud_side.local.jobs.kinds import arn
from cloud_side.local.jobs.rows import Job
from cloud_side.local.services.sagemaker.pipelines.definition import PipelineDefinition
from cloud_side.local.services.sagemaker.pipelines.documents import read_json
from cloud_side.local.services.sagemaker.pipelines.expressions import (
    ExpressionError,
    OfExecution,
    OfFile,
    OfParameter,
    OfStep,
    Path,
    Reference,
    at_path,
    evaluated,
)
from cloud_side.local.services.sagemaker.pipelines.rows import KIND, Execution, StepState


@dataclass(frozen=True)
class Resolver:
    """Knows what an execution has come to so far.

    Attributes:
        job_of: Returns the job of a step.
        read: Returns the bytes of an object, by its URI; raises ExpressionError where it cannot be read.
        now: Aware UTC.
    """

    execution: Execution
    definition: PipelineDefinition
    states: Mapping[str, StepState]
    job_of: Callable[[StepState], Job | None]
    read: Callable[[str], bytes]
    now: datetime

    def value(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return a value of the definition with the value of each expression in its place.

        Raises:
            ExpressionError: If one has none.
        """
        return evaluated(value, self._value)

    def _value(self, expression: Reference) -> Any:  # noqa: ANN401 - any JSON
        match expression:
            case OfParameter(name):
                return self.execution.given[name]
            case OfExecution(variable):
                return self._variables()[variable]
            case OfStep(step, path):
                found = at_path(self._told(step), path)
                return found.isoformat() if isinstance(found, datetime) else found
            case OfFile(step, file, path):
                return self._in_file(step, file, path)

    def _variables(self) -> dict[str, str]:
        return {
            "CurrentDateTime": self.now.isoformat(),
            "PipelineArn": arn(KIND, self.execution.pipeline),
            "PipelineExecutionArn": self.execution.arn,
            "PipelineExecutionId": self.execution.name,
            "PipelineName": self.execution.pipeline,
            "StartDateTime": self.execution.created.isoformat(),
        }

    def _told(self, step: str) -> Mapping[str, Any]:
        state = self.states[step]
        if state.outcome is not None:
            return {"Outcome": str(state.outcome)}
        if (job := self.job_of(state)) is None:
            msg = f"the job of step {step} is not there any more: {state.job}"
            raise ExpressionError(msg)
        return described(job)

    def _in_file(self, step: str, name: str, path: Path) -> Any:  # noqa: ANN401 - any JSON
        owner = self.definition.steps[step]
        file = owner.property_file(name)
        assert file is not None  # noqa: S101 - for the type checker: a definition without it is refused
        uri = f"{str(owner.output_uri(self._told(step), file.output)).rstrip('/')}/{file.path}"
        try:
            return at_path(read_json(self.read(uri)), path)
        except ValueError as error:  # ExpressionError is one
            msg = f"{uri}: {error}"
            raise ExpressionError(msg) from error
