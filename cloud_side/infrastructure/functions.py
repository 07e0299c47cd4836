"""Lambda functions, each with a role and a log of its own: those of workflows, and those that none has."""

from collections.abc import Iterable
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.grants import Grant, on_all, role, use_key
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.unit import Unit, acknowledge
from cloud_side.installation import INSTALLATION_VARIABLE, PRODUCT
from cloud_side.workflows import Function

RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE: Final = lambda_.Architecture.ARM_64
LOGS_KEPT: Final = logs.RetentionDays.THREE_MONTHS
X_RAY: Final = on_all(
    "traces have no resource: Service Authorization Reference, AWS X-Ray",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)
_SCRATCH_MB: Final = 512


class Functions:
    """Makes functions of a unit, which share their code and a layer of libraries."""

    def __init__(self, scope: Construct, unit: Unit, catalog: Catalog, packages: Packages) -> None:
        """Make the layer.

        Args:
            scope: Under which all is made but the roles; the unit, or a construct in it.
            unit: The stack.
            catalog: Whose key they may use.
            packages: Code and libraries.
        """
        self._scope, self._unit, self._catalog = scope, unit, catalog
        self._code = lambda_.Code.from_asset(str(packages.code))
        self._libraries = lambda_.LayerVersion(
            scope,
            "Libraries",
            code=lambda_.Code.from_asset(
                str(packages.libraries), asset_hash_type=cdk.AssetHashType.CUSTOM, asset_hash=packages.libraries_hash
            ),
            compatible_architectures=[ARCHITECTURE],
            compatible_runtimes=[RUNTIME],
            description="What the functions of Edge Inspector import",
        )

    def make(self, function: Function, grants: Iterable[Grant], scratch_mb: int | None = None) -> lambda_.Function:
        """Return a function, with a role that takes these rights beside those that all need.

        Args:
            function: What it runs.
            grants: What it may do.
            scratch_mb: Disk in `/tmp`; 512 when None.
        """
        name, step = self._unit.named(function.name), function.name.removeprefix(f"{PRODUCT}-")
        log = logs.LogGroup(
            self._scope,
            f"{step}-log",
            log_group_name=f"/aws/lambda/{name}",
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        all_grants = (*grants, log_to(log), use_key(self._catalog.key.key_arn), X_RAY)
        made = lambda_.Function(
            self._scope,
            step,
            function_name=name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=self._code,
            layers=[self._libraries],
            handler=function.handler,
            timeout=cdk.Duration.seconds(function.timeout_s),
            memory_size=function.memory_mb,
            ephemeral_storage_size=cdk.Size.mebibytes(scratch_mb or _SCRATCH_MB),
            environment={INSTALLATION_VARIABLE: self._unit.environment_.installation, **function.environment},
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
            role=role(self._unit, f"{step}-role", "lambda", all_grants, description=f"What {name} may do"),
        )
        acknowledge(made, "AwsSolutions::AwsSolutions-L1", "the product is tested with Python 3.11 to 3.13")
        return made


def log_to(group: logs.LogGroup) -> Grant:
    """Let something write to a log of its own."""
    return Grant(
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        (group.log_group_arn,),  # it ends with :*
        "streams of a log have names that nobody knows before",
    )
