"""What all stacks have in common: a name, tags, protection, and the parameters that the command line reads."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cloud_side import __version__
from cloud_side.infrastructure.environments import Environment
from cloud_side.installation import PRODUCT, installed

OWNER_TAG: Final = f"{PRODUCT}:installation"


class Unit(cdk.Stack):
    """A logical unit of an installation.

    Attributes:
        environment_: Whose it is; `environment` is CDK's own.
    """

    def __init__(self, scope: Construct, name: str, environment: Environment, description: str) -> None:
        """Make the stack `edge-inspector-dev-NAME`."""
        super().__init__(
            scope,
            name,
            stack_name=f"{environment.installation}-{name}",
            description=description,
            env=cdk.Environment(account=environment.account, region=environment.region),
            termination_protection=environment.is_production,
            tags={OWNER_TAG: environment.installation, f"{PRODUCT}:unit": name, **environment.tags},
        )
        self.environment_ = environment
        cdk.CfnOutput(self, "Version", value=__version__, description="Of the product that this is deployed from")
        if environment.permissions_boundary is not None:
            boundary = iam.ManagedPolicy.from_managed_policy_name(self, "Boundary", environment.permissions_boundary)
            iam.PermissionsBoundary.of(self).apply(boundary)

    @property
    def availability_zones(self) -> list[str]:
        """The zones of the region as CloudFormation knows them: CDK would ask the account for them."""
        return [cdk.Fn.select(number, cdk.Fn.get_azs()) for number in range(2)]

    def named(self, name: str) -> str:
        """Return what something of the product is called here; see `installed`."""
        return installed(name, self.environment_.installation)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region by its name: `arn("states", "stateMachine:NAME")`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def publish(self, name: str, value: str) -> None:
        """Put a name or an ARN out as the parameter `/edge-inspector-dev/NAME`, which the command line reads."""
        ssm.StringParameter(
            self,
            f"Parameter-{name}",
            parameter_name=f"/{self.environment_.installation}/{name}",
            string_value=value,
        )


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Say why a finding of cdk-nag is right as it is.

    Args:
        construct: With all below it.
        rule: `AwsSolutions-IAM5`, or with what was found, `AwsSolutions-IAM5[Resource::*]`.
        reason: In a sentence.
    """
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
