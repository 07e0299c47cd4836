"""Models -> stations: the workflow with its functions, the groups that stations are in, and what a station may do."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iot as iot
from constructs import Construct

from cloud_side.deployment.workflow import NAME, ROLLOUT
from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.deployment_rights import Asked, of_functions
from cloud_side.infrastructure.deployment_station import make_publisher, make_station
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.grants import tell
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.unit import Unit
from cloud_side.infrastructure.workflows import InstalledWorkflow, Rights

CANARY: Final = "edge-inspector-canary"
ALL: Final = "edge-inspector-all"
_SCRATCH_MB: Final = {f"{NAME}-build": 2048}  # a package is there three times: fetched, unpacked, and built
_LOOKED_AT_MINUTES: Final = 5


class Deployment(Unit):
    """The workflow that brings models to stations, and takes them back.

    Attributes:
        workflow: As it is installed.
    """

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it."""
        super().__init__(
            scope, "deployment", environment, "Edge Inspector: approved models go to stations, and back where they fail"
        )
        group = catalog.values(self)["ModelPackageGroup"]
        asked = Asked(self, catalog.bucket_arn(self), self.arn("sagemaker", f"model-package/{group}/*"))
        self.workflow = InstalledWorkflow(
            self,
            ROLLOUT,
            catalog=catalog,
            packages=packages,
            values={},
            rights=Rights(of_functions(asked), (tell(catalog.topic.topic_arn),), _SCRATCH_MB),
        )
        self.publish("topic-prefix", environment.topics)
        self.publish("rollout", self.workflow.machine.state_machine_arn)
        for name, described in ((CANARY, "Stations that try models out"), (ALL, "Stations, or groups of them")):
            self._group(name, described)
        make_station(self, catalog)
        make_publisher(self, catalog)
        self._alarms(catalog)

    def _group(self, name: str, described: str) -> None:
        made = iot.CfnThingGroup(
            self,
            name,
            thing_group_name=self.named(name),
            thing_group_properties=iot.CfnThingGroup.ThingGroupPropertiesProperty(
                thing_group_description=f"{described} ({self.environment_.installation})"
            ),
        )
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)  # who is in it is written nowhere else
        self.publish(f"group-{name.rpartition('-')[2]}", self.named(name))

    def _alarms(self, catalog: Catalog) -> None:
        machine = self.workflow.machine
        period = cdk.Duration.minutes(_LOOKED_AT_MINUTES)
        ended = {
            "failed": machine.metric_failed(period=period),
            "aborted": machine.metric_aborted(period=period),
            "timed-out": machine.metric_timed_out(period=period),
        }
        names = []
        for how, metric in ended.items():
            name = self.named(f"{NAME}-{how}")
            alarm = cloudwatch.Alarm(
                self,
                f"alarm-{how}",
                alarm_name=name,
                alarm_description=f"A rollout {how}: `rollout status` says which model, and what is left of it",
                metric=metric,
                threshold=0,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(catalog.topic))
            names.append(name)
        self.publish("rollout-alarms", ",".join(names))
