"""Containers of an installation: a repository of its own, which image of it is meant, and what runs it may do."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr

from cloud_side.infrastructure.grants import Grant, pull
from cloud_side.infrastructure.unit import Unit

_UNTAGGED_DAYS: Final = 14
_METRICS: Final = "/aws/sagemaker/*"


class Container:
    """A repository in ECR, kept with its images, and the tag that is used; a tag says one image for ever.

    Attributes:
        repository: Of the installation.
        image: Address with the tag.
    """

    def __init__(self, unit: Unit, name: str, tag: str) -> None:
        """Make the repository, and publish where it is.

        Args:
            unit: The stack, which has no other container.
            name: As the product calls it: `edge-inspector-training` is published as `training-repository`.
            tag: Of the image, until somebody deploys the stack with another one.
        """
        self.repository = ecr.Repository(
            unit,
            "Repository",
            repository_name=unit.named(name),
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="What no tag names",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=cdk.Duration.days(_UNTAGGED_DAYS),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        said = cdk.CfnParameter(unit, "ImageTag", default=tag, description="Of the container; a pipeline sets it")
        self.image = f"{self.repository.repository_uri}:{said.value_as_string}"
        unit.publish(f"{unit.node.id}-repository", self.repository.repository_uri)
        unit.publish(f"{unit.node.id}-image", self.image)

    def pull(self) -> tuple[Grant, ...]:
        """Let the image be pulled."""
        return pull(self.repository.repository_arn)


def tell_how_it_goes(unit: Unit, *groups: str) -> tuple[Grant, ...]:
    """Let SageMaker write logs and metrics of what it runs.

    Args:
        unit: The stack.
        groups: Of logs, below `/aws/sagemaker/`.

    Source:
        https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateTrainingJob API", "CreateModel API"
    """
    logs = tuple(unit.arn("logs", f"log-group:/aws/sagemaker/{group}") for group in groups)
    return (
        Grant(
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
            (*logs, *(f"{each}:*" for each in logs)),
            "streams have the names of what runs, which SageMaker makes up",
        ),
        Grant(
            ("cloudwatch:PutMetricData",),
            ("*",),
            "metrics of a namespace have no resource: Service Authorization Reference, Amazon CloudWatch",
            {"StringLike": {"cloudwatch:namespace": _METRICS}},
        ),
    )


def pass_role(role_arn: str) -> Grant:
    """Let one role be given to SageMaker, and to nobody else."""
    return Grant(
        ("iam:PassRole",), (role_arn,), conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    )
