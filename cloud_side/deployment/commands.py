"""What the commands `rollout …` do; each says its lines, and returns its exit code."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cloud_side.commands import user
from cloud_side.deployment.asking import Asked
from cloud_side.deployment.keeping import read_plan, write_plan
from cloud_side.deployment.planning import changed, lines_of
from cloud_side.deployment.runtime import by_hand
from cloud_side.objects import Bucket
from cloud_side.session import session

Say: TypeAlias = Callable[[str], None]
Options: TypeAlias = argparse.Namespace


@dataclass(frozen=True, slots=True)
class _There:
    client: Callable[[str], Any]
    bucket: Bucket


def run(name: str, options: Options, say: Say) -> int:
    """Do a command.

    Raises:
        InspectorError: With one line, or one a problem.
    """
    client = session().client
    return _COMMANDS[name](options, _There(client, Bucket(client("s3"), options.bucket)), say)


def _start(options: Options, there: _There, say: Say) -> int:
    package = by_hand.package_of(there.client("sagemaker"), options.group, options.package)
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
    told = by_hand.wait(states, arn)
    say(f"{told['subject']}\n{told['message']}")
    return 65 if told["outcome"] == "failed" else 0


def _status(options: Options, there: _There, say: Say) -> int:
    found = by_hand.status(there.bucket, options.id)
    if options.json:
        say("[" + ",\n".join(record.model_dump_json(by_alias=True) for record in found) + "]")
    else:
        say("\n".join(by_hand.told(there.bucket, found)))
    return 0


def _pause(options: Options, there: _There, say: Say) -> int:
    by_hand.wish(there.bucket, options.id, "pause", by=user(), why=options.why)
    return _heeded(options, say)


def _go_on(options: Options, there: _There, say: Say) -> int:
    by_hand.wish(there.bucket, options.id, "go_on", by=user(), why=options.why)
    return _heeded(options, say)


def _abort(options: Options, there: _There, say: Say) -> int:
    by_hand.wish(there.bucket, options.id, "abort", by=user(), why=options.why)
    return _heeded(options, say)


def _heeded(options: Options, say: Say) -> int:
    say(f"{options.id}: heeded with its next look, see `rollout status {options.id}`")
    return 0


def _plan(options: Options, there: _There, say: Say) -> int:
    plan = read_plan(there.bucket)
    if options.said:
        plan = changed(plan, dict(options.said))
        write_plan(there.bucket, plan)
    say("\n".join(lines_of(plan)))
    return 0


_COMMANDS: Final[Mapping[str, Callable[[Options, _There, Say], int]]] = MappingProxyType(
    {
        "start": _start,
        "status": _status,
        "pause": _pause,
        "go-on": _go_on,
        "abort": _abort,
        "rollback": _rollback,
        "plan": _plan,
    }
)
