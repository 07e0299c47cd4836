"""Labels -> models: the workflow with its functions, the pipeline and its jobs, their container, and the registry."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cloud_side.catalog.tables import LABEL_STORE
from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.containers import Container
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.grants import role
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.training_rights import Asked, of_functions, of_jobs, of_machine, of_pipeline
from cloud_side.infrastructure.unit import Unit
from cloud_side.infrastructure.workflows import InstalledWorkflow, Rights
from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.workflow import NAME, RETRAIN

REPOSITORY: Final = "edge-inspector-training"
_SCRATCH_MB: Final = {
    f"{NAME}-decide": 2048,  # a manifest has about a kilobyte for each image, and is there once
    f"{NAME}-version": 8192,  # there it is five times: of the version before and of the new one, with its candidates
}


class Training(Unit):
    """The workflow that trains.

    Its jobs run in SageMaker's own network, not in one of the account: what they read and write is bounded by their
    role, and a VPC would need endpoints that cost by the hour where nothing is trained.

    Attributes:
        workflow: As it is installed.
    """

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it."""
        super().__init__(
            scope, "training", environment, "Edge Inspector: models are trained, judged and registered for approval"
        )
        asked = Asked(self, catalog.bucket_arn(self), self.named(LABEL_STORE))
        key, group = catalog.key.key_arn, self._group(catalog)
        container = Container(self, REPOSITORY, environment.training_image_tag)
        jobs_role = role(
            self,
            "jobs-role",
            "sagemaker",
            of_jobs(asked, key, group, container),
            description=f"What the jobs of {self.named(PIPELINE)} may do",
        )
        self.workflow = InstalledWorkflow(
            self,
            RETRAIN,
            catalog=catalog,
            packages=packages,
            values={
                "TrainingImage": container.image,
                "TrainingInstance": environment.training_instance,
                "TrainingRole": jobs_role.role_arn,
            },
            rights=Rights(of_functions(asked), of_machine(self, catalog.topic.topic_arn), _SCRATCH_MB),
            pipeline_role=self._pipeline_role(asked, key, jobs_role),
        )
        self.publish("retrain", self.workflow.machine.state_machine_arn)
        self.publish("training-pipeline", self.named(PIPELINE))

    def _group(self, catalog: Catalog) -> str:
        """Make the model package group, and return its name."""
        name = catalog.values(self)["ModelPackageGroup"]
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=name,
            model_package_group_description=f"Models of {name}: registered by training, approved by people",
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.publish("model-package-group", name)
        return name

    def _pipeline_role(self, asked: Asked, key: str, jobs_role: iam.Role) -> iam.Role:
        return role(
            self,
            "pipeline-role",
            "sagemaker",
            of_pipeline(self, asked.bucket, key, jobs_role.role_arn),
            description=f"What the pipeline {self.named(PIPELINE)} may do",
        )
