"""What the roles in templates may do, read back from them, and asked as IAM would be."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.cloud.infrastructure.conftest import Template

ACCOUNT, REGION = "111122223333", "eu-central-1"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


@dataclass(frozen=True)
class Statement:
    """One statement, its references as `<LogicalId.Arn>`.

    Attributes:
        conditions: By operator, then by key, lists of values.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    """A role of a stack.

    Attributes:
        described: What it is for.
        taken_by: Services or ARNs that may take it.
        managed: ARNs of managed policies.
        statements: Of all its policies.
    """

    stack: str
    name: str
    described: str
    taken_by: tuple[str, ...]
    managed: tuple[str, ...]
    statements: tuple[Statement, ...]

    def may(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Whether IAM would let it: something allows it, and nothing denies it.

        Source:
            IAM User Guide, "Policy evaluation logic", for the policies of a role alone; conditions StringEquals,
            StringLike, ArnLike, ArnEquals and Bool.
        """
        met = [
            each
            for each in self.statements
            if any(_like(action.lower(), each_action.lower()) for each_action in each.actions)
            and any(_like(resource, each_resource) for each_resource in each.resources)
            and _holds(each.conditions, context or {})
        ]
        return bool(met) and all(each.allows for each in met)


def roles(stack: str, template: Template) -> Iterator[Role]:
    """Return all roles of a template, by their logical ids."""
    resources: Mapping[str, Any] = template["Resources"]
    for name, each in sorted(resources.items()):
        if each["Type"] != "AWS::IAM::Role":
            continue
        properties = each["Properties"]
        documents = [inline["PolicyDocument"] for inline in properties.get("Policies", [])]
        documents += [
            other["Properties"]["PolicyDocument"]
            for other in resources.values()
            if other["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
            and {"Ref": name} in other["Properties"].get("Roles", [])
        ]
        statements = tuple(_statement(one) for document in documents for one in _list(document["Statement"]))
        yield Role(
            stack,
            name,
            text(properties.get("Description", "")),
            tuple(_takers(properties["AssumeRolePolicyDocument"])),
            tuple(text(arn) for arn in properties.get("ManagedPolicyArns", [])),
            statements,
        )


def policies(stack: str, template: Template) -> Iterator[Role]:
    """Return the policies of a template that no role of it has: people and pipelines take them."""
    for name, each in sorted(template["Resources"].items()):
        properties = each.get("Properties", {})
        if each["Type"] == "AWS::IAM::ManagedPolicy" and not properties.get("Roles"):
            statements = tuple(_statement(one) for one in _list(properties["PolicyDocument"]["Statement"]))
            described = text(properties.get("Description", ""))
            yield Role(stack, name, described, ("whoever it is given to",), (), statements)


def text(value: Any) -> str:  # noqa: PLR0911 - one for each form of a value
    """Return a template's value as text, with references as `<LogicalId.Arn>`."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(text(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": imported}:
            return f"<{text(imported)}>"
        case {"Ref": str(name)}:
            return PSEUDO.get(name, f"<{name}>")
        case {"Fn::Sub": str(pattern)}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: PSEUDO.get(found[1], f"<{found[1]}>"), pattern)
        case _:
            return json.dumps(value, sort_keys=True)


def _statement(found: Mapping[str, Any]) -> Statement:
    conditions = {
        operator: {key: tuple(text(value) for value in _list(values)) for key, values in keys.items()}
        for operator, keys in found.get("Condition", {}).items()
    }
    assert not found.keys() & {"NotAction", "NotResource", "NotPrincipal"}, found  # this could not judge them
    return Statement(
        found["Effect"] == "Allow",
        tuple(_list(found["Action"])),
        tuple(text(each) for each in _list(found.get("Resource", []))),
        conditions,
    )


def _takers(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        for values in statement["Principal"].values():
            yield from (text(each) for each in _list(values))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(found: str, pattern: str) -> bool:
    return fnmatchcase(found, pattern.replace("[", "[[]"))


def _holds(conditions: Mapping[str, Mapping[str, tuple[str, ...]]], context: Mapping[str, str]) -> bool:
    return all(
        _meets(operator, context.get(key), patterns)
        for operator, keys in conditions.items()
        for key, patterns in keys.items()
    )


def _meets(operator: str, found: str | None, patterns: tuple[str, ...]) -> bool:
    if found is None:
        return operator.endswith("IfExists")
    match operator.removesuffix("IfExists"):
        case "StringEquals" | "Bool":
            return found in patterns
        case "StringLike" | "ArnLike" | "ArnEquals":
            return any(_like(found, pattern) for pattern in patterns)
        case _:
            msg = f"condition {operator}: expected one that this knows"
            raise ValueError(msg)
