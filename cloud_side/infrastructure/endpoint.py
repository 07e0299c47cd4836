"""A model behind HTTP: what `edge-inspector-cloud endpoint deploy` needs to make it, and what it is rolled back by.

The endpoint itself is not here: it costs by the hour, and which model it serves is a person's choice.
"""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from cloud_side.deployment.endpoint.requests import VARIANT, owned
from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.containers import Container, pass_role, tell_how_it_goes
from cloud_side.infrastructure.environments import Endpoint, Environment
from cloud_side.infrastructure.grants import Grant, find, give, on_all, read, role
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.unit import Unit
from cloud_side.training.registry.keeping import ARCHIVE, folder_of

REPOSITORY: Final = "edge-inspector-endpoint"
_ARCHIVES: Final = folder_of("*", "*") + ARCHIVE
_MOST_FAILED: Final = 0.05  # share of the answers; what was told to come again for want of room is among them
_MINUTES: Final = 2
_HASHED: Final = "names of what is made for an endpoint end with a version and a hash"


class EndpointUnit(Unit):
    """What is there before the endpoint, which is called as the installation is."""

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it."""
        super().__init__(scope, "endpoint", environment, "Edge Inspector: what a model behind HTTP needs")
        del packages  # it has no function
        settings = environment.endpoint or Endpoint()
        container = Container(self, REPOSITORY, settings.image_tag)
        alarms = self._alarms(catalog, settings)
        runs_as = role(
            self,
            "runs-as",
            "sagemaker",
            self._of_endpoint(catalog, container, alarms),
            description="What the endpoint may do",
        )
        policy = iam.ManagedPolicy(
            self,
            "Deployer",
            managed_policy_name=self.named("edge-inspector-endpoint-deployer"),
            description="Brings models to the endpoint, and deletes it",
        )
        give(policy, self._of_deployer(catalog, runs_as, alarms))
        self.publish("endpoint-name", environment.installation)
        self.publish("endpoint-role", runs_as.role_arn)
        self.publish("endpoint-alarms", ",".join(alarm.alarm_name for alarm in alarms))
        self.publish("endpoint-deployer-policy", policy.managed_policy_arn)

    def _alarms(self, catalog: Catalog, settings: Endpoint) -> tuple[cloudwatch.Alarm, ...]:
        """Make what an update is rolled back by; it looks at old and new instances alike.

        Source:
            https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html, and for names and
            units https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
        """
        return (
            self._alarm(catalog, "5xx", ("Invocation5XXErrors", "Average"), _MOST_FAILED, "fails too often"),
            self._alarm(
                catalog,
                "latency",
                ("ModelLatency", "p95"),
                settings.most_latency_ms * 1000,  # told in microseconds
                f"takes longer than {settings.most_latency_ms:g} ms at the 95th percentile",
            ),
        )

    def _alarm(
        self, catalog: Catalog, name: str, measured: tuple[str, str], most: float, says: str
    ) -> cloudwatch.Alarm:
        metric, statistic = measured
        alarm = cloudwatch.Alarm(
            self,
            f"alarm-{name}",
            alarm_name=self.named(f"{REPOSITORY}-{name}"),
            alarm_description=f"The endpoint {says}: an update is rolled back",
            metric=cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions_map={"EndpointName": self.environment_.installation, "VariantName": VARIANT},
                statistic=statistic,
                period=cdk.Duration.minutes(1),
            ),
            threshold=most,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=_MINUTES,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # nobody asked it anything
        )
        alarm.add_alarm_action(actions.SnsAction(catalog.topic))
        return alarm

    def _of_endpoint(
        self, catalog: Catalog, container: Container, alarms: tuple[cloudwatch.Alarm, ...]
    ) -> tuple[Grant, ...]:
        """Return what SageMaker needs to run the container; the container itself reaches no network.

        Source:
            https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API", and for the alarms
            https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
        """
        bucket = catalog.bucket_arn(self)
        return (
            find(bucket, _ARCHIVES),
            read(bucket, _ARCHIVES),
            Grant(("kms:Decrypt",), (catalog.key.key_arn,)),
            *container.pull(),
            *tell_how_it_goes(self, f"Endpoints/{self.environment_.installation}"),
            _look_at(alarms),
        )

    def _of_deployer(
        self, catalog: Catalog, runs_as: iam.Role, alarms: tuple[cloudwatch.Alarm, ...]
    ) -> tuple[Grant, ...]:
        """Return what `endpoint deploy`, `status` and `delete` call, for the one endpoint of the installation."""
        installation = self.environment_.installation
        endpoint = self.arn("sagemaker", f"endpoint/{installation}")
        config, model = (
            self.arn("sagemaker", f"{kind}/{owned(installation)}*") for kind in ("endpoint-config", "model")
        )
        group = catalog.values(self)["ModelPackageGroup"]
        parameters = ("name", "image", "repository", "role", "alarms")
        return (
            Grant(_verbs("Endpoint", "Describe", "Delete"), (endpoint,)),
            Grant(_verbs("Endpoint", "Create", "Update"), (endpoint, config), _HASHED),
            Grant(_verbs("EndpointConfig", "Create", "Describe", "Delete"), (config,), _HASHED),
            Grant(_verbs("Model", "Create", "Describe", "Delete"), (model,), _HASHED),
            Grant(("sagemaker:AddTags",), (endpoint, config, model), _HASHED),
            on_all(
                "what lists them has no resource: Service Authorization Reference, Amazon SageMaker",
                "sagemaker:ListEndpointConfigs",
                "sagemaker:ListModels",
            ),
            Grant(
                ("sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"),
                (self.arn("sagemaker", f"model-package/{group}/*"),),
                "packages of the group are counted",
            ),
            pass_role(runs_as.role_arn),
            _look_at(alarms),
            Grant(
                ("ssm:GetParameter",),
                tuple(self.arn("ssm", f"parameter/{installation}/endpoint-{each}") for each in parameters),
            ),
        )


def _verbs(kind: str, *verbs: str) -> tuple[str, ...]:
    return tuple(f"sagemaker:{verb}{kind}" for verb in verbs)


def _look_at(alarms: tuple[cloudwatch.Alarm, ...]) -> Grant:
    return Grant(("cloudwatch:DescribeAlarms",), tuple(alarm.alarm_arn for alarm in alarms))
