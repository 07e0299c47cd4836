"""What a role may do: values that a stack gives to a role, each wildcard with its reason. All of them on one screen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from cloud_side.infrastructure.unit import Unit, acknowledge

_PREFIX: Final = "objects have names that nobody knows before; the prefix is what it may touch"
_RULE: Final = "AwsSolutions::AwsSolutions-IAM5"


@dataclass(frozen=True)
class Grant:
    """Some actions on some resources.

    Attributes:
        actions: Each whole, `s3:GetObject`.
        resources: ARNs.
        why: Why a resource has a wildcard; empty where none has.
        conditions: As in a policy.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str = ""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read(bucket_arn: str, *prefixes: str) -> Grant:
    """Let objects under prefixes be read; `labeling/*`, or one whole key."""
    return Grant(("s3:GetObject",), _under(bucket_arn, prefixes), _PREFIX)


def write(bucket_arn: str, *prefixes: str) -> Grant:
    """Let objects under prefixes be written, and an upload in parts be given up."""
    return Grant(("s3:PutObject", "s3:AbortMultipartUpload"), _under(bucket_arn, prefixes), _PREFIX)


def delete(bucket_arn: str, *prefixes: str) -> Grant:
    """Let objects under prefixes be deleted; the bucket keeps a version of each."""
    return Grant(("s3:DeleteObject",), _under(bucket_arn, prefixes), _PREFIX)


def find(bucket_arn: str, *prefixes: str) -> Grant:
    """Let the names of objects under prefixes be listed; without it, what is not there is told as forbidden."""
    condition = {"StringLike": {"s3:prefix": list(prefixes)}}
    return Grant(("s3:ListBucket",), (bucket_arn,), conditions=condition)


def use_key(key_arn: str) -> Grant:
    """Let what the installation's key encrypts be read and written."""
    return Grant(("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,))


def pull(repository_arn: str) -> tuple[Grant, ...]:
    """Let the images of a repository be pulled."""
    return (
        on_all(
            "a token is for all repositories: Service Authorization Reference, Amazon ECR", "ecr:GetAuthorizationToken"
        ),
        Grant(
            ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"), (repository_arn,)
        ),
    )


def tell(topic_arn: str) -> Grant:
    """Let something be told to people."""
    return Grant(("sns:Publish",), (topic_arn,))


def on_all(why: str, *actions: str) -> Grant:
    """Let actions be called that know no resource, or whose resources cannot be named.

    Args:
        why: What in AWS forces it, with its source.
        actions: Each whole.
    """
    return Grant(actions, ("*",), why)


def give(role: iam.Role | iam.ManagedPolicy, grants: Iterable[Grant]) -> None:
    """Add to what a role may do, or who takes a policy, and say of each wildcard why.

    Args:
        role: Made in a `Unit`.
        grants: All of it.

    Raises:
        ValueError: If an action has a wildcard, or a resource has one without a reason.
    """
    for grant in grants:
        if wild := [action for action in grant.actions if "*" in action]:
            msg = f"{role.node.path}: expected whole actions, found {', '.join(wild)}"
            raise ValueError(msg)
        statement = iam.PolicyStatement(
            actions=list(grant.actions), resources=list(grant.resources), conditions=dict(grant.conditions)
        )
        if isinstance(role, iam.Role):
            role.add_to_policy(statement)
        else:
            role.add_statements(statement)
        for flat in (_flat(Unit.of(role).resolve(resource)) for resource in grant.resources):
            if "*" in flat:
                if not grant.why:
                    msg = f"{role.node.path}: expected a reason for {flat}, found none"
                    raise ValueError(msg)
                acknowledge(role, f"{_RULE}[Resource::{flat}]", grant.why)


def role(  # noqa: PLR0913 - what a role is
    scope: cdk.Stack,
    name: str,
    service: str,
    grants: Iterable[Grant],
    *,
    description: str,
    is_source_told: bool = True,
    fixed_name: str | None = None,
) -> iam.Role:
    """Return a role that a service of AWS takes for this account alone, with what it may do.

    Args:
        scope: The unit.
        name: Of the construct.
        service: `lambda`, of `lambda.amazonaws.com`.
        grants: All of it.
        description: What it is for.
        is_source_told: Whether AWS documents that the service says for which account it takes the role; where it does
            not, only who may pass the role decides, and nobody of another account may.
        fixed_name: Of a role that has to be the same when a stack is made anew; CloudFormation makes one up when None.
    """
    made = iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal(
            f"{service}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": scope.account}}
        )
        if is_source_told and service not in _WITHOUT_SOURCE
        else iam.ServicePrincipal(f"{service}.amazonaws.com"),
        description=description,
        role_name=fixed_name,
    )
    give(made, grants)
    return made


_WITHOUT_SOURCE: Final = frozenset({"lambda", "ec2", "firehose"})  # they say no source account when they take a role


def _under(bucket_arn: str, prefixes: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{bucket_arn}/{prefix}" for prefix in prefixes)


def _flat(resource: Any) -> str:  # noqa: ANN401 - a template's value
    """Return a resource as cdk-nag writes it in the names of its findings."""
    match resource:
        case str():
            return resource.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": value}:
            return _flat(value)
        case {"Ref": str(name)}:
            return f"<{name}>"
        case _:
            return str(resource)
