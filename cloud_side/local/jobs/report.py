"""What a supervisor says of its job: how far it has come, and how it ended."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class ReportError(Exception):
    """A report that cannot be read."""


class JobStatus(StrEnum):
    """TrainingJobStatus and ProcessingJobStatus."""

    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


class Stage(StrEnum):
    """SecondaryStatus of a training job; a processing job goes through the same, and does not show them."""

    STARTING = "Starting"
    DOWNLOADING = "Downloading"
    RUNNING = "Training"
    STOPPING = "Stopping"
    UPLOADING = "Uploading"
    INTERRUPTED = "Interrupted"
    RESTARTING = "Restarting"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME = "MaxRuntimeExceeded"
    MAX_WAIT = "MaxWaitTimeExceeded"


@dataclass(frozen=True)
class Transition:
    """The job reached a stage."""

    stage: Stage
    began: datetime
    message: str = ""


@dataclass(frozen=True)
class Ending:
    """How the job ends, decided when its programs have ended; what it made is uploaded before that is told.

    Attributes:
        status: Completed, Failed or Stopped.
        stage: The last one.
        failure_reason: Empty unless it failed.
        exit_message: What the program of a processing job left in /opt/ml/output/message.
    """

    status: JobStatus
    stage: Stage
    failure_reason: str = ""
    exit_message: str = ""


@dataclass(frozen=True)
class Metric:
    """The last value of a metric in the log."""

    name: str
    value: float
    at: datetime


@dataclass(frozen=True)
class Report:
    """Everything that a supervisor says of its job.

    Attributes:
        transitions: The stages in the order in which they were reached, at least one.
        attempt: How many times the programs were started, or are about to be; from 1.
        ending: None until it is decided.
    """

    transitions: tuple[Transition, ...]
    attempt: int = 1
    ending: Ending | None = None
    metrics: tuple[Metric, ...] = ()

    @property
    def stage(self) -> Stage:
        """The present stage."""
        return self.transitions[-1].stage

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.ending is not None and self.stage is self.ending.stage

    @property
    def status(self) -> JobStatus:
        """The status without regard to a wish to stop."""
        return self.ending.status if self.ending is not None and self.is_final else JobStatus.IN_PROGRESS

    def reached(self, stage: Stage, now: datetime, message: str = "") -> "Report":
        """Return the report of a job that has come one stage further."""
        return replace(self, transitions=(*self.transitions, Transition(stage, now, message)))

    def first(self, *stages: Stage) -> datetime | None:
        """Return when the first of these stages began; None if it has not."""
        return next((each.began for each in self.transitions if each.stage in stages), None)

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self), default=lambda value: value.isoformat())

    @classmethod
    def from_json(cls, text: str | bytes) -> "Report":
        """Return what `to_json` made a text of.

        Raises:
            ReportError: If the text is none of those.
        """
        try:
            return cls._parsed(json.loads(text))
        except (ValueError, KeyError, TypeError) as error:
            msg = f"found {text[:80]!r}, expected what a supervisor writes: {error!r}"
            raise ReportError(msg) from error

    @classmethod
    def _parsed(cls, fields: dict[str, Any]) -> "Report":
        transitions = tuple(
            Transition(Stage(each["stage"]), datetime.fromisoformat(each["began"]), each["message"])
            for each in fields["transitions"]
        )
        metrics = tuple(
            Metric(each["name"], each["value"], datetime.fromisoformat(each["at"])) for each in fields["metrics"]
        )
        return cls(transitions, fields["attempt"], _ending(fields["ending"]), metrics)


def _ending(fields: dict[str, Any] | None) -> Ending | None:
    if fields is None:
        return None
    return Ending(JobStatus(fields["status"]), Stage(fields["stage"]), fields["failure_reason"], fields["exit_message"])
