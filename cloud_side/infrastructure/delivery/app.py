"""The delivery as a CDK app: a stack in the account that delivers, and one in each installation's."""

from pathlib import Path
from typing import Final

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from cloud_side.infrastructure.app import AS_NEW_APPS_DO
from cloud_side.infrastructure.delivery.pipelines import DeliveryPipeline
from cloud_side.infrastructure.delivery.projects import Projects, component_bucket, owner_of_components
from cloud_side.infrastructure.delivery.receiving import APPROVED_MODEL, Artifacts, Receiving
from cloud_side.infrastructure.delivery.rights import account_of
from cloud_side.infrastructure.delivery.stages import infrastructure_stages, ordered, unit_stages
from cloud_side.infrastructure.delivery.store import NAME, Store
from cloud_side.infrastructure.delivery.units import ENDPOINT, UNITS, infrastructure_patterns
from cloud_side.infrastructure.environments import Delivery, Environments
from cloud_side.infrastructure.grants import Grant, role
from cloud_side.installation import PRODUCT
from edge_inspector.errors import ConfigError

INFRASTRUCTURE: Final = "infrastructure"


class DeliveryStack(cdk.Stack):
    """The pipelines, in the account that delivers."""

    def __init__(self, scope: Construct, environments: Environments, delivery: Delivery) -> None:
        """Make it."""
        super().__init__(
            scope,
            "delivery",
            stack_name=NAME,
            description="Edge Inspector: the pipelines that deliver it",
            env=cdk.Environment(account=delivery.account, region=delivery.region),
            termination_protection=True,
            tags={f"{PRODUCT}:unit": "delivery"},
        )
        if delivery.permissions_boundary is not None:
            boundary = iam.ManagedPolicy.from_managed_policy_name(self, "Boundary", delivery.permissions_boundary)
            iam.PermissionsBoundary.of(self).apply(boundary)
        store = Store(self, delivery)
        projects = Projects(self, delivery, environments, store)
        installations = ordered(environments.environments)
        stages = infrastructure_stages(installations)
        self.pipelines = {
            INFRASTRUCTURE: DeliveryPipeline(self, INFRASTRUCTURE, projects, stages, infrastructure_patterns())
        }
        for unit in UNITS:
            having = [each for each in installations if unit.is_in(each)]
            if having:
                self.pipelines[unit.name] = DeliveryPipeline(
                    self, unit.name, projects, unit_stages(unit, having), unit.patterns()
                )
        self._tell_failures(store)
        if ENDPOINT in self.pipelines:
            self._begin_by_news(environments, store, self.pipelines[ENDPOINT])

    def _tell_failures(self, store: Store) -> None:
        events.CfnRule(
            self,
            "Failures",
            name=f"{NAME}-failures",
            event_pattern={
                "source": ["aws.codepipeline"],
                "detail-type": ["CodePipeline Pipeline Execution State Change"],
                "detail": {"state": ["FAILED"], "pipeline": [{"prefix": f"{NAME}-"}]},
            },
            targets=[events.CfnRule.TargetProperty(id="people", arn=store.topic.topic_arn)],
        )
        store.topic.add_to_resource_policy(  # without a condition, which EventBridge does not meet; see the catalog's
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[store.topic.topic_arn],
            )
        )

    def _begin_by_news(self, environments: Environments, store: Store, pipeline: DeliveryPipeline) -> None:
        accounts = sorted({each.account for each in environments.environments if each.account} - {self.account})
        for account in accounts:
            events.CfnEventBusPolicy(
                self,
                f"News-{account}",
                event_bus_name=store.bus.event_bus_name,
                statement_id=f"installations-{account}",
                statement={
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{self.partition}:iam::{account_of(self, account)}:root"},
                    "Action": "events:PutEvents",
                    "Resource": store.bus.event_bus_arn,
                },
            )
        begins = Grant(("codepipeline:StartPipelineExecution",), (pipeline.arn,))
        starter = role(self, "news-role", "events", (begins,), description="Begins the pipeline of the endpoint")
        events.CfnRule(
            self,
            "ApprovedModels",
            name=f"{NAME}-approved-models",
            event_bus_name=store.bus.event_bus_name,
            event_pattern=APPROVED_MODEL,
            targets=[events.CfnRule.TargetProperty(id="endpoint", arn=pipeline.arn, role_arn=starter.role_arn)],
        )


def build_delivery(environments: Environments, out: Path) -> cdk.App:
    """Return the app, to be synthesized; cdk-nag judges it then.

    Args:
        environments: All installations, with the section `delivery`.
        out: Folder for the templates.

    Raises:
        ConfigError: If there is no section `delivery`, or a pipeline has more patterns than CodePipeline takes.
    """
    delivery = environments.delivery
    if delivery is None:
        msg = "delivery: expected the section `delivery` in the installations' file, found none"
        raise ConfigError(msg)
    app = cdk.App(outdir=str(out), analytics_reporting=False, context=AS_NEW_APPS_DO)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    stack = DeliveryStack(app, environments, delivery)
    installations = ordered(environments.environments)
    for each in installations:
        owner = owner_of_components(each, installations)
        bucket = component_bucket(stack, each, installations)
        Receiving(cdk.Stage(app, each.name), each, delivery, Artifacts(bucket, f"/{owner.installation}/key"))
    return app
