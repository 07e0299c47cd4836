"""Rollouts as a person asks for them: started, looked at, paused and taken back."""

from datetime import UTC, datetime
from typing import Final, Literal

from cloud_side import executions
from cloud_side.deployment.asking import Asked
from cloud_side.deployment.keeping import read_record, read_wish, records, write_wish
from cloud_side.deployment.records import Outcome, Record, Wish
from cloud_side.deployment.telling import lines_of
from cloud_side.objects import Bucket, Client
from cloud_side.training.registry.packages import find
from cloud_side.training.registry.requests import Approval
from edge_inspector.errors import ConfigError

MACHINE: Final = "edge-inspector-rollout"
_LATEST: Final = 10  # rollouts that are told of
_SHOWN: Final = 5


def start(states: Client, asked: Asked) -> str:
    """Start a rollout, or what takes one back, and return the ARN of the workflow's execution.

    Raises:
        ConfigError: If the workflow is not there.
    """
    kind = "rollout" if asked.rollback is None else "rollback"
    return executions.start(states, MACHINE, executions.named(kind), asked.model_dump_json(exclude_none=True))


def package_of(registry: Client, group: str, said: str) -> str:
    """Return the ARN of the approved model package that a person means.

    Raises:
        RegistryError: If none is meant, or several.
        ConfigError: If it is not approved.
    """
    package = find(registry, group, said)
    if package.approval is not Approval.APPROVED:
        msg = f"{package.title}: expected an approved model, found {package.approval.value}; see `model approve`"
        raise ConfigError(msg)
    return package.arn


def wish(bucket: Bucket, rollout: str, said: Literal["pause", "go_on", "abort"], *, by: str, why: str) -> None:
    """Have a rollout pause, go on, or end and go back; it heeds this with its next look.

    Raises:
        ConfigError: If there is none of that name that goes on.
    """
    record = one(bucket, rollout)
    if record.outcome not in {Outcome.WAITING, Outcome.RUNNING}:
        msg = f"{rollout}: expected a rollout that goes on, found it {record.outcome.value}"
        raise ConfigError(msg)
    write_wish(bucket, rollout, Wish(wish=said, by=by, why=why, at=datetime.now(UTC)))


def one(bucket: Bucket, rollout: str) -> Record:
    """Return the record of a rollout.

    Raises:
        ConfigError: If there is none.
    """
    kept = read_record(bucket, rollout)
    if kept is None:
        shown = ", ".join(each.id for each in records(bucket)[:_SHOWN]) or "none"
        msg = f"ID: expected one of {shown}, found {rollout!r:.100}"
        raise ConfigError(msg)
    return kept.record


def status(bucket: Bucket, rollout: str | None, unreadable: list[str]) -> list[Record]:
    """Return the last rollouts, the newest first, or one of them.

    Args:
        bucket: Of the product.
        rollout: Which one; None: the last ones.
        unreadable: Gets a text for each of all that cannot be read.

    Raises:
        ConfigError: If there is no such rollout.
    """
    return records(bucket, unreadable)[:_LATEST] if rollout is None else [one(bucket, rollout)]


def told(bucket: Bucket, found: list[Record]) -> list[str]:
    """Return rollouts for people."""
    if not found:
        return ["no rollouts; `edge-inspector-cloud rollout start latest` begins one"]
    return [line for record in found for line in lines_of(record, read_wish(bucket, record.id))]
