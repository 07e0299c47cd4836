"""What the commands `rollout …` do; each says its lines, and returns its exit code."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from cloud_side import executions
from cloud_side.commands import bucket_of, group_of, user
from cloud_side.deployment.asking import Asked
from cloud_side.deployment.building import check_name
from cloud_side.deployment.keeping import read_plan, write_plan
from cloud_side.deployment.planning import changed, lines_of
from cloud_side.deployment.records import OPEN, Outcome, Record
from cloud_side.deployment.runtime import by_hand
from cloud_side.deployment.runtime.opening import has_ended
from cloud_side.deployment.telling import ended_on_the_way
from cloud_side.objects import Bucket
from cloud_side.session import session
from edge_inspector.errors import ConfigError

Say: TypeAlias = Callable[[str], None]
Options: TypeAlias = argparse.Namespace


@dataclass(frozen=True)
class _There:
    client: Callable[[str], Any]
    options: Options

    @cached_property
    def bucket(self) -> Bucket:
        return Bucket(self.client("s3"), bucket_of(self.options))


def run(name: str, options: Options, say: Say) -> int:
    """Do a command.

    Raises:
        InspectorError: With one line, or one a problem.
    """
    return _COMMANDS[name](options, _There(session().client, options), say)


def _start(options: Options, there: _There, say: Say) -> int:
    package = by_hand.package_of(there.client("sagemaker"), group_of(options), options.package)
    return _begin(options, there, say, Asked(package=package, by=user(), why=options.why))


def _rollback(options: Options, there: _There, say: Say) -> int:
    rollout = by_hand.one(there.bucket, options.id).id
    return _begin(options, there, say, Asked(rollback=rollout, by=user(), why=options.why))


def _begin(options: Options, there: _There, say: Say, asked: Asked) -> int:
    states = there.client("stepfunctions")
    arn = by_hand.start(states, asked)
    say(arn.rpartition(":")[2])
    if not options.wait:
        return 0
    told = executions.wait(states, arn, failed="The rollout failed")
    say(f"{told['subject']}\n{told['message']}")
    return 65 if told["outcome"] == "failed" else 0


def _status(options: Options, there: _There, say: Say) -> int:
    unreadable: list[str] = []
    found = [_true(there, each) for each in by_hand.status(there.bucket, options.id, unreadable)]
    if options.json:
        say("[" + ",\n".join(record.model_dump_json(by_alias=True) for record in found) + "]")
    else:
        say("\n".join([*by_hand.told(there.bucket, found), *unreadable]))
    return 0


def _true(there: _There, record: Record) -> Record:
    """Return a record as it is: one that goes on, and whose execution is gone, has failed."""
    if record.outcome not in OPEN or not has_ended(there.client("stepfunctions"), record.execution):
        return record
    last = by_hand.one(there.bucket, record.id)  # it may have ended well since
    if last.outcome not in OPEN:
        return last
    return last.model_copy(update={"outcome": Outcome.FAILED, "reason": ended_on_the_way(last)})


def _wish(said: Literal["pause", "go_on", "abort"], options: Options, there: _There, say: Say) -> int:
    record = _true(there, by_hand.one(there.bucket, options.id))
    if record.outcome is Outcome.FAILED:
        msg = f"{record.id}: expected a rollout that goes on, found it failed: {record.reason}"
        raise ConfigError(msg)
    if record.rollback_of is not None and record.outcome is Outcome.RUNNING:
        msg = f"{record.id}: expected a rollout that brings a model, found one that takes it back, which nobody stops"
        raise ConfigError(msg)
    by_hand.wish(there.bucket, options.id, said, by=user(), why=options.why)
    say(f"{options.id}: heeded with its next look, see `rollout status {options.id}`")
    return 0


def _plan(options: Options, there: _There, say: Say) -> int:
    plan = read_plan(there.bucket)
    if options.said:
        plan = changed(plan, dict(options.said))
        check_name(plan.component)
        write_plan(there.bucket, plan)
    say("\n".join(lines_of(plan)))
    return 0


_COMMANDS: Final[Mapping[str, Callable[[Options, _There, Say], int]]] = MappingProxyType(
    {
        "start": _start,
        "status": _status,
        "pause": partial(_wish, "pause"),
        "go-on": partial(_wish, "go_on"),
        "abort": partial(_wish, "abort"),
        "rollback": _rollback,
        "plan": _plan,
    }
)
