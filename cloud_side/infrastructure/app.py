"""All installations as one app: its stacks, tags, and the rules that judge them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aws_cdk as cdk
import cdk_nag
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.deployment import Deployment
from cloud_side.infrastructure.endpoint import EndpointUnit
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.ingest import Ingest
from cloud_side.infrastructure.labeling import Labeling
from cloud_side.infrastructure.monitoring import Monitoring
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.simulated_device import SimulatedStation
from cloud_side.infrastructure.training import Training

AS_NEW_APPS_DO: Final = {  # `cdk init` writes these into cdk.json
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:target-partitions": ["aws"],
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/aws-kms:aliasNameRef": True,
    "@aws-cdk/aws-ec2:restrictDefaultSecurityGroup": True,
}


class Installation(cdk.Stage):
    """All stacks of one installation."""

    def __init__(self, scope: Construct, environment: Environment, packages: Packages) -> None:
        """Make them."""
        super().__init__(scope, environment.name)
        catalog = Catalog(self, environment)
        for make in (Ingest, Labeling, Training, Deployment, Monitoring):
            make(self, environment, catalog, packages)
        if environment.endpoint is not None:
            EndpointUnit(self, environment, catalog, packages)
        if environment.simulated_device is not None:
            SimulatedStation(self, environment, catalog, packages)


def build(environments: Iterable[Environment], packages: Packages, out: Path) -> cdk.App:
    """Return the app, to be synthesized; cdk-nag judges it then.

    Args:
        environments: All installations.
        packages: What is uploaded with the templates.
        out: Folder for the templates.
    """
    app = cdk.App(outdir=str(out), analytics_reporting=False, context=AS_NEW_APPS_DO)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    for environment in environments:
        Installation(app, environment, packages)
    return app
