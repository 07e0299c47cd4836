"""In each installation's account: what a delivery may do there, and the news that start one."""

from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cloud_side.deployment.asking import APPROVED, SOURCE, STATE_CHANGE
from cloud_side.deployment.building import PREFIX
from cloud_side.infrastructure.delivery.rights import account_of, project_role, push, receiver_name
from cloud_side.infrastructure.delivery.store import NAME
from cloud_side.infrastructure.delivery.units import COMPONENT, ENDPOINT, UNITS
from cloud_side.infrastructure.environments import Delivery, Environment
from cloud_side.infrastructure.grants import Grant, find, give, read, role, use_key, write
from cloud_side.infrastructure.unit import Unit

APPROVED_MODEL: Final[dict[str, Any]] = {
    "source": [SOURCE],
    "detail-type": [STATE_CHANGE],
    "detail": {"ModelApprovalStatus": [APPROVED]},
}
_INSPECTOR: Final = "com.edgeinspector.Inspector"


@dataclass(frozen=True)
class Artifacts:
    """Where the artifacts of components are.

    Attributes:
        bucket: Its name.
        key_parameter: That has the ARN of the key which encrypts it.
    """

    bucket: str
    key_parameter: str


class Receiving(Unit):
    """Roles that the projects of the account that delivers take, and a rule that sends it an installation's news."""

    def __init__(self, scope: Construct, environment: Environment, delivery: Delivery, artifacts: Artifacts) -> None:
        """Make it.

        Args:
            scope: The stage of the installation.
            environment: Whose it is.
            delivery: Who delivers.
            artifacts: Of components.
        """
        super().__init__(scope, "receiving", environment, "Edge Inspector: what a delivery may do")
        self._delivery = delivery
        images = [
            self.arn("ecr", f"repository/{self.named(unit.image.repository)}")
            for unit in UNITS
            if unit.image is not None and unit.is_in(environment) and unit.has_image_in(environment)
        ]
        self._role("images", f"deploy-{environment.name}", push(*images))
        self._role(COMPONENT, f"publish-{environment.name}", self._publishes(artifacts))
        if environment.endpoint is not None:
            serves = self._role(ENDPOINT, f"serve-{environment.name}", ())
            deployer = self.named("edge-inspector-endpoint-deployer")  # of the stack of the endpoint
            serves.add_managed_policy(iam.ManagedPolicy.from_managed_policy_name(self, "Deployer", deployer))
            self._news()

    def _publishes(self, artifacts: Artifacts) -> tuple[Grant, ...]:
        place = f"arn:{self.partition}:s3:::{artifacts.bucket}"
        keys = f"{PREFIX}{_INSPECTOR}/*"
        component = self.arn("greengrass", f"components:{_INSPECTOR}")
        why = "the number of the version is that of the day"
        return (
            read(place, keys),
            write(place, keys),
            find(place, keys),
            use_key(ssm.StringParameter.value_for_string_parameter(self, artifacts.key_parameter)),
            Grant(
                ("greengrass:CreateComponentVersion", "greengrass:DescribeComponent"),
                (component, f"{component}:versions:*"),
                why,
            ),
            Grant(
                ("ssm:PutParameter",),
                (self.arn("ssm", f"parameter/{self.environment_.installation}/inspector-version"),),
            ),
        )

    def _role(self, what: str, project: str, grants: tuple[Grant, ...]) -> iam.Role:
        number = account_of(self, self._delivery.account)
        made = iam.Role(
            self,
            f"{what}-role",
            role_name=receiver_name(self.environment_, what),
            description=f"What a delivery may do with {what}",
            assumed_by=iam.PrincipalWithConditions(
                iam.AccountPrincipal(number),
                {"ArnEquals": {"aws:PrincipalArn": f"arn:{self.partition}:iam::{number}:role/{project_role(project)}"}},
            ),
        )
        give(made, grants)
        return made

    def _news(self) -> None:
        """Tell the account that delivers of each model that was approved: the endpoint's pipeline begins with it."""
        number = account_of(self, self._delivery.account)
        bus = f"arn:{self.partition}:events:{self._delivery.region}:{number}:event-bus/{NAME}"
        sends = role(
            self,
            "news-role",
            "events",
            (Grant(("events:PutEvents",), (bus,)),),
            description="Sends news to the delivery",
        )
        events.CfnRule(
            self,
            "News",
            name=self.named("edge-inspector-delivery-news"),
            event_pattern={
                **APPROVED_MODEL,
                "detail": {**APPROVED_MODEL["detail"], "ModelPackageGroupName": [self.environment_.installation]},
            },
            targets=[events.CfnRule.TargetProperty(id="delivery", arn=bus, role_arn=sends.role_arn)],
        )
