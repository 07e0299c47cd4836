"""Steps of a pipeline's definition, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.services.sagemaker.pipelines.conditions import Condition
from cloud_side.local.services.sagemaker.pipelines.expressions import ExpressionError, at_path

_MOST_ATTEMPTS, _LONGEST_PAUSE_S = 20, 864_000


class StepKind(StrEnum):
    """The types of steps that this engine knows; named as in a definition."""

    PROCESSING = "Processing"
    TRAINING = "Training"
    CONDITION = "Condition"
    FAIL = "Fail"

    @property
    def job(self) -> JobKind | None:
        """What kind of job does its work; None where none does."""
        return {StepKind.PROCESSING: JobKind.PROCESSING, StepKind.TRAINING: JobKind.TRAINING}.get(self)


class ExceptionType(StrEnum):
    """For which failures a step is tried again."""

    SERVICE_FAULT = "Step.SERVICE_FAULT"
    THROTTLING = "Step.THROTTLING"
    JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
    CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
    RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"


@dataclass(frozen=True)
class RetryPolicy:
    """When a step whose job failed is tried again.

    Attributes:
        interval_s: Before the second attempt.
        backoff: By which each pause is longer than the one before.
        attempts: Further ones, at most; None without end.
        expires_s: Since the step began, after which it is not tried again; None without end.

    Source:
        SageMaker AI Developer Guide, "Retry Policy for Pipeline Steps".
    """

    exceptions: tuple[ExceptionType, ...]
    interval_s: float
    backoff: float
    attempts: int | None
    expires_s: float | None

    def pause_s(self, attempt: int) -> float:
        """Return how long to wait after an attempt, counted from 1; those that a person asked for are counted too."""
        longer = self.backoff ** min(attempt - 1, _MOST_ATTEMPTS)
        return float(min(self.interval_s * longer, _LONGEST_PAUSE_S))


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file that a processing step writes and others read values of.

    Attributes:
        output: The name of the output of the job in which it lies.
        path: Below that output.
    """

    name: str
    output: str
    path: str


@dataclass(frozen=True)
class Branch:
    """What a step is in: the steps of a Condition step for one of its outcomes."""

    step: str
    outcome: bool


@dataclass(frozen=True)
class Step:
    """A step, wherever in the definition it is.

    Attributes:
        arguments: Of the job's Create operation, with expressions; of a Fail step its message.
        depends_on: The steps that have to succeed before it begins: those it names and those it has values of.
        branch: None outside all branches.
        conditions: Of a Condition step.
    """

    name: str
    kind: StepKind
    arguments: Mapping[str, Any] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    branch: Branch | None = None
    conditions: tuple[Condition, ...] = ()
    property_files: tuple[PropertyFile, ...] = ()
    retries: tuple[RetryPolicy, ...] = ()
    display_name: str | None = None
    description: str | None = None

    def property_file(self, name: str) -> PropertyFile | None:
        """Return the property file of a name; None if it has none."""
        return next((file for file in self.property_files if file.name == name), None)

    def output_uri(self, arguments: Mapping[str, Any], output: str) -> str | None:
        """Return where an output of its job lies; None if it has none of that name.

        Args:
            arguments: Its own, or with their values in place of expressions.
            output: Its name.
        """
        try:
            found = at_path(arguments, ("ProcessingOutputConfig", "Outputs", output, "S3Output", "S3Uri"))
        except ExpressionError:
            return None
        return str(found)
