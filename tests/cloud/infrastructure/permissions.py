"""The permission list that a person can read: every role with what it may do, every finding with why it is right."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cloud.infrastructure.conftest import Synthesized
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, Statement

GOLDEN: Final = Path(__file__).parents[3] / "docs" / "permissions.md"
_HEAD: Final = """# What each role may do

Made of the templates of the built-in environments and held against them by the tests; `make golden` writes it again.
Roles of `prod`, and of `dev` where `prod` has no such stack. NAME is an installation (`edge-inspector-prod`); BUCKET,
KEY and TOPIC are its own; `<…>` is of the same stack. No action has a wildcard; no role has a policy that AWS manages.

Every function may also write its own log and traces, and use KEY.
"""
_OF_EVERY_FUNCTION: Final = frozenset(
    {
        *("logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt", "kms:GenerateDataKey"),
        *("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
    }
)
_SHORTER: Final = (  # in this order
    (r"<AWS::AccountId>|" + ACCOUNT, "ACCOUNT"),
    (r"<AWS::Region>|" + REGION, "REGION"),
    (r"<AWS::Partition>", "aws"),
    (r"<edge-inspector-(dev|prod)-catalog:ExportsOutputFnGetAttKey\w+>", "KEY"),
    (r"<edge-inspector-(dev|prod)-catalog:ExportsOutputRefTopic\w+>", "TOPIC"),
    (r"arn:aws:s3:::edge-inspector-(dev|prod)-ACCOUNT-REGION", "BUCKET"),
    (r"edge-inspector-(dev|prod)\b", "NAME"),
    (r"arn:aws:(\w[\w-]*):REGION:ACCOUNT:", r"\1 "),
    (r"arn:aws:iam::ACCOUNT:", "iam "),
    (r"(?<=[A-Za-z])[0-9A-F]{8}(?![0-9a-z])", ""),  # hashes in logical ids, which follow the path alone
)


@dataclass(frozen=True)
class Acknowledged:
    """A finding of cdk-nag that is right as it is.

    Attributes:
        where: Path of the construct.
    """

    where: str
    rule: str
    reason: str


def permission_list(roles: Sequence[Role], acknowledged: Sequence[Acknowledged]) -> str:
    """Return the list as Markdown."""
    units: dict[str, list[Role]] = {}
    for role in roles:
        units.setdefault(role.stack, []).append(role)
    lines = [_HEAD]
    for stack, theirs in sorted(units.items()):
        if "-dev-" in stack and stack.replace("-dev-", "-prod-") in units:
            continue
        lines.append(f"## {_short(stack).removeprefix('NAME-').removeprefix('edge-inspector-')}\n")
        for role in sorted(theirs, key=lambda each: each.described):
            lines.append(f"**{_short(role.described)}** ({', '.join(_short(each) for each in role.taken_by)}):\n")
            lines += [f"- {row}" for row in sorted({_row(each, role) for each in role.statements} - {""})]
            lines.append("")
    lines.append("## Wildcards and other findings, and why they are right\n")
    lines.append("| what | why |\n|---|---|")
    lines += [f"| {what} | {why} |" for what, why in sorted({(_finding(each), each.reason) for each in acknowledged})]
    return "\n".join(lines) + "\n"


def acknowledged_in(everything: Synthesized) -> Iterator[Acknowledged]:
    """Return what was acknowledged in all stacks."""
    for path in sorted(
        {path.with_name(path.name.replace(".template.", ".metadata.")) for path in everything.paths.values()}
    ):
        if not path.is_file():
            continue
        for where, entries in json.loads(path.read_text()).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    found: Mapping[str, str] = entry["data"]
                    yield from (Acknowledged(where.removeprefix("/"), rule, why) for rule, why in found.items())


def _row(statement: Statement, role: Role) -> str:
    actions = set(statement.actions)
    if role.taken_by == ("lambda.amazonaws.com",):
        actions -= _OF_EVERY_FUNCTION
    if not actions:
        return ""
    on = ", ".join(f"`{_short(each)}`" for each in sorted(statement.resources))
    conditions = [
        f"{_short(key)} {operator} {' or '.join(_short(value) for value in values)}"
        for operator, keys in sorted(statement.conditions.items())
        for key, values in sorted(keys.items())
    ]
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"{'' if statement.allows else 'NOT '}{', '.join(sorted(actions))}: {on}{where}"


def _finding(found: Acknowledged) -> str:
    """Return a finding without its place: a wildcard by its resource, anything else by rule and construct."""
    rule = found.rule.rpartition("::AwsSolutions-")[2] if "[" not in found.rule else found.rule
    wildcard = re.search(r"IAM5\[(?:Resource|Action)::(.*)\]$", rule)
    if wildcard:
        return f"`{_short(wildcard[1])}`"
    return f"{_short(rule).rpartition('AwsSolutions-')[2]} at {found.where.rpartition('/')[2]}"


def _short(text: str) -> str:
    for pattern, shorter in _SHORTER:
        text = re.sub(pattern, shorter, text)
    return text
