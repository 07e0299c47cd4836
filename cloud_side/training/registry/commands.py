"""What the commands `model …` do; each says its lines, and returns its exit code."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cloud_side.commands import bucket_of, group_of, on_engine
from cloud_side.objects import Bucket, Client
from cloud_side.session import session
from cloud_side.training.registry import telling
from cloud_side.training.registry.comparing import compare
from cloud_side.training.registry.keeping import check_archive
from cloud_side.training.registry.packages import Registered, check_compared, find, read_package, registered
from cloud_side.training.registry.requests import Approval, judge_request
from cloud_side.training.registry.scores import gate_of, scores_of

Say: TypeAlias = Callable[[str], None]
Options: TypeAlias = argparse.Namespace


@dataclass(frozen=True)
class _There:
    client: Callable[[str], Client]
    options: Options

    @cached_property
    def registry(self) -> Client:
        return self.client("sagemaker")

    @cached_property
    def bucket(self) -> Bucket:
        return Bucket(self.client("s3"), bucket_of(self.options))

    @property
    def group(self) -> str:
        return group_of(self.options)


def run(name: str, options: Options, say: Say) -> int:
    """Do a command.

    Raises:
        InspectorError: With one line, or one a problem.
    """
    with on_engine(options):
        return _COMMANDS[name](options, _There(session().client, options), say)


def _list(options: Options, there: _There, say: Say) -> int:
    packages = [each for each in registered(there.registry, there.group) if options.name in {None, each.name}]
    if options.json:
        say(_json([telling.document(each) for each in packages]))
    elif packages:
        for line in telling.listed(packages, _champions(packages)):
            say(line)
    else:
        say(f"no models in group {there.group}; `edge-inspector-cloud train` makes one")
    return 0


def _champions(packages: list[Registered]) -> list[str]:
    """Return of each model the newest approved package; the newest come first."""
    newest: dict[str, str] = {}
    for each in packages:
        if each.approval is Approval.APPROVED and each.name:
            newest.setdefault(each.name, each.arn)
    return list(newest.values())


def _show(options: Options, there: _There, say: Say) -> int:
    package = find(there.registry, there.group, options.reference)
    scores, gate = scores_of(there.bucket, package), gate_of(there.bucket, package)
    if options.json:
        more = {
            "scores": None if scores is None else scores.model_dump(mode="json", by_alias=True),
            "gate": None if gate is None else gate.model_dump(mode="json", by_alias=True),
        }
        say(_json(telling.document(package) | more))
        return 0
    for line in telling.shown(package, scores, gate):
        say(line)
    return 0


def _approve(options: Options, there: _There, say: Say) -> int:
    return _judge(options, there, say, Approval.APPROVED)


def _reject(options: Options, there: _There, say: Say) -> int:
    return _judge(options, there, say, Approval.REJECTED)


def _judge(options: Options, there: _There, say: Say, approval: Approval) -> int:
    package = find(there.registry, there.group, options.reference)
    request = judge_request(package.arn, approval, who=options.who, why=options.why, at=datetime.now(UTC))
    if approval is Approval.APPROVED:
        check_archive(there.bucket, package)
        check_compared(there.registry, package)
    there.registry.update_model_package(**request)
    judged = read_package(there.registry, package.arn)
    say(
        _json(telling.document(judged)) if options.json else f"{judged.title}: {approval.name.lower()} by {options.who}"
    )
    return 0


def _compare(options: Options, there: _There, say: Say) -> int:
    first, second = (find(there.registry, there.group, each) for each in (options.first, options.second))
    found = compare(there.bucket, first, second)
    if options.json:
        say(_json(telling.comparison_document(first, second, found)))
        return 0
    for line in telling.compared(first, second, found):
        say(line)
    return 0


def _json(document: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(document, sort_keys=True, allow_nan=False)


_COMMANDS: Final[Mapping[str, Callable[[Options, _There, Say], int]]] = MappingProxyType(
    {"list": _list, "show": _show, "approve": _approve, "reject": _reject, "compare": _compare}
)
