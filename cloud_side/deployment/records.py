"""The record of a rollout: what was asked, what each wave had before, and what came of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from cloud_side.deployment.documents import Document, parsed
from cloud_side.deployment.planning import Plan

PREFIX: Final = "deployment/rollouts/"
LOCK_KEY: Final = "deployment/current.json"
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class Outcome(StrEnum):
    """What became of a rollout."""

    WAITING = "waiting"  # for another one to end
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    OVERTAKEN = "overtaken"
    ROLLED_BACK = "rolled-back"


class Stage(StrEnum):
    """How far a wave is."""

    PENDING = "pending"
    DEPLOYING = "deploying"  # what was there before is known
    DEVICES = "devices"  # devices install it
    EVIDENCE = "evidence"  # devices prove it
    DONE = "done"
    RESTORING = "restoring"
    RESTORED = "restored"
    UNRESTORED = "unrestored"  # it was tried, and what was there before is not back
    LEFT = "left"  # there was nothing to restore


BEGUN: Final = frozenset({Stage.DEPLOYING, Stage.DEVICES, Stage.EVIDENCE, Stage.DONE, Stage.UNRESTORED})
NOT_BACK: Final = BEGUN | {Stage.RESTORING}  # once the way back has ended
OPEN: Final = frozenset({Outcome.WAITING, Outcome.RUNNING})


class Model(Document):
    """The model that is rolled out.

    Attributes:
        sha256s: Of its files, of which a station runs one.
    """

    name: str
    version: str
    sha256s: tuple[str, ...] = ()


class Before(Document):
    """A deployment of a target, as GetDeployment tells it; as a rule the latest before it got the model."""

    deployment_id: str
    name: str | None = None
    components: Mapping[str, Mapping[str, Any]]
    policies: Mapping[str, Any] = {}
    created_at: AwareDatetime | None = None


class Counts(Document):
    """Devices of a wave, by what came of the deployment there."""

    ok: int = 0
    failed: int = 0
    offline: int = 0
    waiting: int = 0


class Seen(Document):
    """What the devices of a wave say of the model: how many trust it, refuse it, are silent; alarms that stand."""

    proved: int = 0
    bad: int = 0
    silent: int = 0
    alarms: int = 0


class Wave(Document):
    """A thing group's part of a rollout.

    Attributes:
        before: None where the target had no deployment, or as long as nothing has begun.
        deployment_id: Of the model's deployment; None before it.
        restoring_id: Of the deployment that brought back what was there.
        since: When its stage began.
        told: For people, why it is not further.
    """

    group: str
    target: str
    stage: Stage = Stage.PENDING
    before: Before | None = None
    deployment_id: str | None = None
    restoring_id: str | None = None
    deployed_at: AwareDatetime | None = None
    since: AwareDatetime | None = None
    counts: Counts = Counts()
    seen: Seen = Seen()
    told: str = ""


class Record(Document):
    """A rollout.

    Attributes:
        id: Name of its execution.
        execution: ARN.
        package: ARN of the model package.
        by, why: Who asked, and why.
        is_event: It began by itself.
        rollback_of: The rollout that it takes back; None for one that brings a model.
        content_sha256: Hash of what the component's version is made of.
        since: When what it does now began, outside of waves.
    """

    schema_: Literal["edge-inspector/rollout/1"] = Field("edge-inspector/rollout/1", alias="schema")
    id: _Id
    execution: str
    package: str
    by: str
    why: str
    is_event: bool = False
    rollback_of: _Id | None = None
    begun_at: AwareDatetime
    plan: Plan
    model: Model
    component_version: str | None = None
    component_arn: str | None = None
    content_sha256: str | None = None
    since: AwareDatetime
    waves: tuple[Wave, ...] = ()
    outcome: Outcome = Outcome.WAITING
    reason: str = ""
    ended_at: AwareDatetime | None = None

    @property
    def title(self) -> str:
        """The model for people."""
        return f"{self.model.name}@{self.model.version}"

    def with_wave(self, place: int, **changes: Any) -> "Record":  # noqa: ANN401 - fields of a wave
        """Return it with another wave at a place."""
        waves = list(self.waves)
        waves[place] = waves[place].model_copy(update=changes)
        return self.model_copy(update={"waves": tuple(waves)})

    def current(self) -> int | None:
        """Return the place of the first wave that is not done; None where all are."""
        return next((place for place, wave in enumerate(self.waves) if wave.stage is not Stage.DONE), None)


class Wish(Document):
    """What a person wants of a rollout that runs."""

    wish: Literal["pause", "go_on", "abort"]
    by: str
    why: str = ""
    at: AwareDatetime


class Lock(Document):
    """Whose turn it is."""

    rollout: str
    execution: str
    since: AwareDatetime


def record_key(rollout: str) -> str:
    """Return the key of a record."""
    return f"{PREFIX}{rollout}/record.json"


def wish_key(rollout: str) -> str:
    """Return the key of what people want of a rollout."""
    return f"{PREFIX}{rollout}/wish.json"


def devices_key(rollout: str, place: int | str) -> str:
    """Return the key of the names of a wave's devices that have the model."""
    return f"{PREFIX}{rollout}/devices-{place}.json"


def parse_record(content: bytes, origin: str) -> Record:
    """Return the record that a file is.

    Raises:
        ConfigError: With one line a problem.
    """
    return parsed(Record, content, origin)
