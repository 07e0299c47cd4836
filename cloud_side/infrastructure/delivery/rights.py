"""What the roles of a delivery may do, beside what all roles of the product share."""

from typing import Final

import aws_cdk as cdk

from cloud_side.infrastructure.environments import Delivery, Environment
from cloud_side.infrastructure.grants import Grant, on_all

_BOOTSTRAP: Final = (
    "hnb659fds"  # https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html, the qualifier
)
_ARTIFACTS: Final = "CodePipeline makes the names of the artifacts; the bucket has nothing else"
_PULL: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
)
_PUSH: Final = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
LOG_IN: Final = on_all(
    "a token is for a whole registry: Service Authorization Reference, Amazon Elastic Container Registry",
    "ecr:GetAuthorizationToken",
)


def artifacts(bucket_arn: str, *, gives: bool) -> tuple[Grant, ...]:
    """Let what actions hand on be read, and be written where `gives`."""
    actions = ("s3:GetObject", "s3:GetObjectVersion", *(("s3:PutObject",) if gives else ()))
    look = Grant(("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"), (bucket_arn,))
    return (Grant(actions, (f"{bucket_arn}/*",), _ARTIFACTS), look)


def connect(delivery: Delivery) -> Grant:
    """Let the repository be read; the action's name begins as the connection's ARN does."""
    return Grant((f"{delivery.connection_arn.split(':')[2]}:UseConnection",), (delivery.connection_arn,))


def take(*role_arns: str) -> Grant:
    """Let roles be taken."""
    return Grant(("sts:AssumeRole",), role_arns)


def pull(*repository_arns: str) -> tuple[Grant, ...]:
    """Let containers be read."""
    return (Grant(_PULL, repository_arns), LOG_IN)


def push(*repository_arns: str) -> tuple[Grant, ...]:
    """Let containers be read and added; a tag that is there is never moved."""
    return (Grant((*_PULL, *_PUSH), repository_arns), LOG_IN)


def account_of(stack: cdk.Stack, account: str | None) -> str:
    """Return an account's number as a stack says it, which is in the same one where none is named."""
    return account or stack.account


def bootstrap(stack: cdk.Stack, account: str | None, region: str, *kinds: str) -> Grant:
    """Let roles be taken that `cdk bootstrap` made in an account and region.

    Args:
        stack: Of the one who takes them.
        account: Its number; None: that of the stack.
        region: Of AWS.
        kinds: `deploy`, `file-publishing`, `lookup`.
    """
    number = account_of(stack, account)
    begin = f"arn:{stack.partition}:iam::{number}:role/cdk-{_BOOTSTRAP}"
    return take(*(f"{begin}-{kind}-role-{number}-{region}" for kind in kinds))


def receiver(stack: cdk.Stack, environment: Environment, what: str) -> str:
    """Return the ARN of the role by which a delivery brings something to an installation."""
    number = account_of(stack, environment.account)
    return f"arn:{stack.partition}:iam::{number}:role/{receiver_name(environment, what)}"


def receiver_name(environment: Environment, what: str) -> str:
    """Return the name of that role: `what` is `images`, `component` or `endpoint`."""
    return f"{environment.installation}-receiving-{what}"


def project_role(name: str) -> str:
    """Return the name of the role of a project; an installation's account trusts it by this name."""
    return f"edge-inspector-delivery-{name}"
