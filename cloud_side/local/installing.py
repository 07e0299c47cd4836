"""Puts the product's workflows into a home: what CloudFormation does in an account, with the same definitions."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.functions.service import register
from cloud_side.local.wiring import RefusedRequest
from cloud_side.workflows import Workflow
from edge_inspector.errors import ConfigError

BUCKET = "edge-inspector"
MODEL_PACKAGE_GROUP = "edge-inspector"
TOPIC = "edge-inspector"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge-inspector"
_log = logging.getLogger(__name__)


def install(cloud: LocalCloud, workflows: Iterable[Workflow]) -> dict[str, str]:
    """Make or update what the workflows need, and them; what is there and the same stays. Return their ARNs by name.

    Raises:
        ConfigError: If a definition cannot be read, or has a placeholder that nothing is known for.
        ClientError: If a definition is refused; what was installed before runs on.
        RefusedRequest: If a function is refused.
    """
    values = _make_what_they_need(cloud)
    return {workflow.name: _install(cloud, workflow, values) for workflow in workflows}


def install_each(cloud: LocalCloud, workflows: Iterable[Workflow]) -> list[str]:
    """Install those that can be: one that is wrong stops neither the others nor what runs. Return what is wrong."""
    values = _make_what_they_need(cloud)
    problems = []
    for workflow in workflows:
        try:
            _install(cloud, workflow, values)
        except (ConfigError, ClientError, RefusedRequest) as error:
            problem = f"{workflow.name}: was not installed, what was there before stays: {error}"
            _log.error("%s", problem)
            problems.append(problem)
    return problems


def _make_what_they_need(cloud: LocalCloud) -> dict[str, str]:
    """Return what is filled in for the placeholders that all workflows may have."""
    _make_bucket(cloud)
    _make_model_package_group(cloud)
    return {
        "Bucket": BUCKET,
        "ModelPackageGroup": MODEL_PACKAGE_GROUP,
        "Topic": str(cloud.session.client("sns").create_topic(Name=TOPIC)["TopicArn"]),
        "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/edge-inspector-training:local",
        "TrainingInstance": "ml.m5.xlarge",
        "TrainingRole": ROLE,
    }


def _install(cloud: LocalCloud, workflow: Workflow, values: Mapping[str, str]) -> str:
    functions = _register_functions(cloud, workflow)
    return _make_machine(cloud, workflow.name, workflow.filled({**values, **functions}))


def _make_bucket(cloud: LocalCloud) -> None:
    s3 = cloud.session.client("s3")
    if BUCKET not in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(  # each time: whoever made the bucket may have been killed before this
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def _make_model_package_group(cloud: LocalCloud) -> None:
    registry = cloud.session.client("sagemaker")
    groups = registry.list_model_package_groups(NameContains=MODEL_PACKAGE_GROUP)["ModelPackageGroupSummaryList"]
    if MODEL_PACKAGE_GROUP not in (group["ModelPackageGroupName"] for group in groups):
        registry.create_model_package_group(ModelPackageGroupName=MODEL_PACKAGE_GROUP)


def _register_functions(cloud: LocalCloud, workflow: Workflow) -> Mapping[str, str]:
    with cloud.database.transaction() as connection:
        return {
            function.name: register(
                connection,
                name=function.name,
                handler=function.handler,
                now=datetime.now(UTC),
                timeout_s=function.timeout_s,
                memory_mb=function.memory_mb,
                environment=function.environment,
            )
            for function in workflow.functions
        }


def _make_machine(cloud: LocalCloud, name: str, definition: str) -> str:
    client = cloud.session.client("stepfunctions")
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    try:
        there = client.describe_state_machine(stateMachineArn=arn)
    except client.exceptions.StateMachineDoesNotExist:
        made = client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
        return str(made["stateMachineArn"])
    if there["definition"] != definition:
        client.update_state_machine(stateMachineArn=arn, definition=definition)
    return arn
