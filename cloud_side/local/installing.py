"""Puts the product's workflows into a home: what CloudFormation does in an account, with the same definitions."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.catalog.store import feature_group_request
from cloud_side.catalog.tables import DATABASE, LABEL_STORE, SAMPLES, TAKEN
from cloud_side.installation import PRODUCT
from cloud_side.local import installing_rules, installing_topic_rules
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.functions.configuration import arn_of
from cloud_side.local.services.functions.service import register
from cloud_side.local.wiring import RefusedRequest
from cloud_side.workflows import Workflow
from edge_inspector.errors import ConfigError

BUCKET = MODEL_PACKAGE_GROUP = TOPIC = TOPIC_PREFIX = PRODUCT
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{PRODUCT}"
WORK_TEAM = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:workteam/private-crowd/{PRODUCT}"
_log = logging.getLogger(__name__)


def install(cloud: LocalCloud, workflows: Iterable[Workflow]) -> dict[str, str]:
    """Make or update what the workflows need, and them; what is there and the same stays. Return their ARNs by name.

    Raises:
        ConfigError: If a definition cannot be read, has a placeholder that nothing is known for, or is refused; what
            was installed before runs on.
        ClientError: If a rule is refused.
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
    _make_tables(cloud)
    _make_label_store(cloud)
    return {
        "Bucket": BUCKET,
        "CatalogDatabase": DATABASE,
        "Installation": PRODUCT,
        "LabelStore": LABEL_STORE,
        "LabelingRole": ROLE,
        "ModelPackageGroup": MODEL_PACKAGE_GROUP,
        "Topic": str(cloud.session.client("sns").create_topic(Name=TOPIC)["TopicArn"]),
        "TopicPrefix": TOPIC_PREFIX,
        "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/edge-inspector-training:local",
        "TrainingInstance": "ml.m5.xlarge",
        "TrainingRole": ROLE,
        "WorkGroup": "primary",
        "Workteam": WORK_TEAM,
        **{workflow.name: _arn(workflow.name) for workflow in WORKFLOWS},
    }


def _install(cloud: LocalCloud, workflow: Workflow, values: Mapping[str, str]) -> str:
    """Make nothing of a workflow before all of it is judged, as far as that can be done without making it."""
    values = {**values, **{function.name: arn_of(function.name) for function in workflow.functions}}
    definition = workflow.filled(values)
    arn, machines = _arn(workflow.name), cloud.session.client("stepfunctions")
    before = _definition(machines, arn)
    if before != definition:
        _judge(machines, workflow.name, definition)
    events = cloud.session.client("events")
    patterns = installing_rules.patterns_of(workflow, values)
    for pattern in patterns.values():
        events.test_event_pattern(EventPattern=pattern, Event="{}")
    topic_rules = installing_topic_rules.payloads_of(workflow, values, bucket=BUCKET, role=ROLE)
    pipelines = {each.name: each.filled(values) for each in workflow.pipelines}
    _register_functions(cloud, workflow)
    for name, text in pipelines.items():
        _make_pipeline(cloud.session.client("sagemaker"), name, text)
    if before is None:
        machines.create_state_machine(name=workflow.name, definition=definition, roleArn=ROLE)
    elif before != definition:
        machines.update_state_machine(stateMachineArn=arn, definition=definition)
    installing_rules.install(events, workflow, patterns, machine=arn, role=ROLE)
    installing_topic_rules.install(cloud.session.client("iot"), workflow, topic_rules)
    return arn


def _arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def _definition(machines: Any, arn: str) -> str | None:  # noqa: ANN401 - boto3 has no types
    try:
        return str(machines.describe_state_machine(stateMachineArn=arn)["definition"])
    except machines.exceptions.StateMachineDoesNotExist:
        return None


def _judge(machines: Any, name: str, definition: str) -> None:  # noqa: ANN401 - boto3 has no types
    found = machines.validate_state_machine_definition(definition=definition)
    if found["result"] != "OK":
        told = "; ".join(each["message"] for each in found["diagnostics"])
        msg = f"InvalidDefinition: {name}: {told}"
        raise ConfigError(msg)


def _make_pipeline(client: Any, name: str, definition: str) -> None:  # noqa: ANN401 - boto3 has no types
    """Make or update a pipeline, which stays as it is where it is the same.

    Raises:
        ConfigError: If its definition is refused.
    """
    try:
        try:
            found = client.describe_pipeline(PipelineName=name)
        except client.exceptions.ResourceNotFound:
            token = hashlib.sha256(definition.encode()).hexdigest()
            client.create_pipeline(
                PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken=token
            )
        else:
            if found["PipelineDefinition"] != definition:
                client.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE)
    except ClientError as error:
        msg = f"pipeline {name}: {error.response['Error'].get('Message', error)}"
        raise ConfigError(msg) from error


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


def _make_tables(cloud: LocalCloud) -> None:
    glue = cloud.session.client("glue")
    try:
        glue.get_database(Name=DATABASE)
    except glue.exceptions.EntityNotFoundException:
        glue.create_database(DatabaseInput={"Name": DATABASE})
    for table in (SAMPLES, TAKEN):
        wanted = table.input(BUCKET)
        try:
            found = glue.get_table(DatabaseName=DATABASE, Name=table.name)["Table"]
        except glue.exceptions.EntityNotFoundException:
            glue.create_table(DatabaseName=DATABASE, TableInput=wanted)
        else:
            if any(found.get(name) != value for name, value in wanted.items()):
                glue.update_table(DatabaseName=DATABASE, TableInput=wanted)


def _make_label_store(cloud: LocalCloud) -> None:
    client = cloud.session.client("sagemaker")
    try:
        client.describe_feature_group(FeatureGroupName=LABEL_STORE)
    except client.exceptions.ResourceNotFound:
        client.create_feature_group(**feature_group_request(LABEL_STORE, BUCKET, ROLE))


def _register_functions(cloud: LocalCloud, workflow: Workflow) -> None:
    with cloud.database.transaction() as connection:
        for function in workflow.functions:
            register(
                connection,
                name=function.name,
                handler=function.handler,
                now=datetime.now(UTC),
                timeout_s=function.timeout_s,
                memory_mb=function.memory_mb,
                environment=function.environment,
            )
