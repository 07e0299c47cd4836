"""Puts the product's workflows into a home: what CloudFormation does in an account, with the same definitions."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.functions.service import register
from cloud_side.workflows import Workflow

BUCKET = "edge-inspector"
MODEL_PACKAGE_GROUP = "edge-inspector"
TOPIC = "edge-inspector"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge-inspector"


def install(cloud: LocalCloud, workflows: Iterable[Workflow]) -> dict[str, str]:
    """Make or update what the workflows need, and them; what is there and the same stays. Return their ARNs by name.

    Raises:
        ConfigError: If a definition has a placeholder that nothing is known for.
        ClientError: If a definition is refused; what was installed before runs on.
    """
    _make_bucket(cloud)
    topic = cloud.session.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    _make_model_package_group(cloud)
    arns = {}
    for workflow in workflows:
        functions = _register_functions(cloud, workflow)
        values = {
            "Bucket": BUCKET,
            "ModelPackageGroup": MODEL_PACKAGE_GROUP,
            "Topic": topic,
            "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/edge-inspector-training:local",
            "TrainingInstance": "ml.m5.xlarge",
            "TrainingRole": ROLE,
            **functions,
        }
        arns[workflow.name] = _make_machine(cloud, workflow.name, workflow.filled(values))
    return arns


def _make_bucket(cloud: LocalCloud) -> None:
    s3 = cloud.session.client("s3")
    if BUCKET not in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_notification_configuration(
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
