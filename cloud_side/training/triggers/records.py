"""The record of a run: one object for what decides how a model comes out, so that it is trained once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cloud_side.catalog.labels import strict_json
from cloud_side.training.hyperparameters import Hyperparameters
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/training-run/1"
PREFIX: Final = "training/runs/"


class Outcome(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    WAITING = "waiting"  # a model waits for somebody's approval
    REFUSED = "refused"  # by the gate
    FAILED = "failed"  # the same may be tried again


@dataclass(frozen=True, slots=True)
class Record:
    """A run.

    Attributes:
        execution: Name of the workflow's execution that trains.
        dataset, version: What is trained on.
        model: Name of the model.
        hyperparameters: All of them, as texts.
        kind: Why it was begun.
        said: More of that, for people.
        started_at: ISO 8601, UTC.
        outcome: What became of it.
        told: In one sentence, for people.
        pipeline_execution: ARN; None until it has begun.
        package: ARN of the registered model package, where there is one.
    """

    execution: str
    dataset: str
    version: str
    model: str
    hyperparameters: Mapping[str, str]
    kind: str
    said: str
    started_at: str
    outcome: Outcome = Outcome.RUNNING
    told: str = ""
    pipeline_execution: str | None = None
    package: str | None = None

    @property
    def key(self) -> str:
        """Of its object."""
        return record_key(self.dataset, self.version, self.model, Hyperparameters.parse(self.hyperparameters))

    @property
    def run(self) -> str | None:
        """Name of the run: the pipeline execution's id."""
        return None if self.pipeline_execution is None else self.pipeline_execution.rpartition("/")[2]

    def content(self) -> bytes:
        """Return it as a file."""
        known = {name: getattr(self, name) for name in self.__slots__}
        return f"{strict_json({'schema': SCHEMA, **known, 'hyperparameters': dict(self.hyperparameters)})}\n".encode()


def record_key(dataset: str, version: str, model: str, hyperparameters: Hyperparameters) -> str:
    """Return the key of the record for what decides how a model comes out."""
    seen = strict_json([dataset, version, model, hyperparameters.sha256()])
    return f"{PREFIX}{hashlib.sha256(seen.encode()).hexdigest()}.json"


def parse_record(document: Any, origin: str) -> Record:  # noqa: ANN401 - any JSON
    """Return the record that a document is.

    Raises:
        ConfigError: If it is none.
    """
    problem = "another schema"
    try:
        if document["schema"] == SCHEMA:
            said = {name: document[name] for name in Record.__slots__}
            return Record(**{**said, "outcome": Outcome(said["outcome"])})
    except (KeyError, TypeError, ValueError) as error:
        problem = repr(error)
    msg = f"{origin}: expected a record of {SCHEMA}, found {document!s:.120}: {problem}"
    raise ConfigError(msg)


def may_replace(before: Record, mine: Record, *, again: bool) -> str | None:
    """Return why a run may not take the place of the one before; None where it may.

    A step that runs again finds its own record; what failed was not trained; a person may ask again.
    """
    if before.execution == mine.execution or before.outcome is Outcome.FAILED or again:
        return None
    state = {
        Outcome.RUNNING: "is being trained",
        Outcome.WAITING: "was trained, and the model waits for approval or has had it",
        Outcome.REFUSED: "was trained, and the gate refused the model",
    }[before.outcome]
    return (
        f"{before.dataset}@{before.version[:12]} with these hyperparameters {state}: "
        f"{before.run or before.execution}, begun {before.started_at}; `train --again` trains it once more"
    )
