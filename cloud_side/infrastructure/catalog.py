"""The catalog: the bucket with all that is known, its key, its tables, and the topic by which people are told."""

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.catalog.tables import DATABASE, LABEL_STORE, SAMPLES, TAKEN
from cloud_side.infrastructure.access_log import access_log
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.unit import Unit
from cloud_side.installation import PRODUCT

_EVENTS: Final = "events/"


class Catalog(Unit):
    """Nothing here is ever deleted with the stack.

    Attributes:
        key: Encrypts the bucket, the topic and what is derived from them.
        topic: By which workflows and alarms tell people.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        """Make it."""
        super().__init__(
            scope, "catalog", environment, "Edge Inspector: images, labels, models, and what stations said"
        )
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{environment.installation}",
            description=f"All that {environment.installation} keeps",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        own = {"StringEquals": {"aws:SourceAccount": self.account}}
        # EventBridge does not say for which account: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        topics = self.arn("sns", f"{environment.installation}*")
        said = {"StringLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}}
        for service in ("events", "cloudwatch", "budgets"):  # they publish to topics that are encrypted
            self.key.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],
                    conditions=said if service == "events" else own,
                )
            )
        self.bucket = self._bucket()
        self.topic = self._topic()
        self._tables()
        self.publish("bucket", self.bucket.bucket_name)
        self.publish("key", self.key.key_arn)
        self.publish("topic", self.topic.topic_arn)

    def bucket_name(self, unit: Unit) -> str:
        """Return the bucket's name as a unit says it, without a reference from stack to stack."""
        return f"{self.environment_.installation}-{unit.account}-{unit.region}"

    def bucket_arn(self, unit: Unit) -> str:
        """Return its ARN, likewise."""
        return f"arn:{unit.partition}:s3:::{self.bucket_name(unit)}"

    def values(self, unit: Unit) -> Mapping[str, str]:
        """Return what is filled in for the placeholders that all workflows may have."""
        return {
            "Bucket": self.bucket_name(unit),
            "CatalogDatabase": database_of(self.environment_),
            "Installation": self.environment_.installation,
            "LabelStore": unit.named(LABEL_STORE),
            "ModelPackageGroup": self.environment_.installation,
            "Topic": self.topic.topic_arn,
            "TopicPrefix": self.environment_.topics,
            **{each.name: unit.arn("states", f"stateMachine:{unit.named(each.name)}") for each in WORKFLOWS},
        }

    def _bucket(self) -> s3.Bucket:
        log = access_log(self, f"{self.environment_.installation}-log-{self.account}-{self.region}")
        bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=self.bucket_name(self),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=log,
            lifecycle_rules=[
                s3.LifecycleRule(id="uploads", abort_incomplete_multipart_upload_after=cdk.Duration.days(7)),
                s3.LifecycleRule(
                    id="replaced",
                    noncurrent_version_expiration=cdk.Duration.days(90),
                    expired_object_delete_marker=True,  # each announced sample leaves one
                ),
                s3.LifecycleRule(
                    id="said", prefix=_EVENTS, expiration=cdk.Duration.days(self.environment_.expire_events_days)
                ),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        made = bucket.node.default_child
        assert isinstance(made, s3.CfnBucket)  # noqa: S101 - for the types
        # CDK's own option is of the time before CloudFormation knew this: a function that calls S3.
        made.add_property_override("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True)
        return bucket

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(
            self, "Topic", topic_name=self.environment_.installation, master_key=self.key, enforce_ssl=True
        )
        for address in self.environment_.notify:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        own = {"StringEquals": {"aws:SourceAccount": self.account}}
        for service in ("cloudwatch", "events", "budgets"):
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                    actions=["sns:Publish"],
                    resources=[topic.topic_arn],
                    # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge":
                    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
                    conditions=None if service == "events" else own,
                )
            )
        return topic

    def _tables(self) -> None:
        name = database_of(self.environment_)
        database = glue.CfnDatabase(
            self, "Database", catalog_id=self.account, database_input={"name": name}, database_name=name
        )
        database.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        for table in (SAMPLES, TAKEN):
            made = glue.CfnTable(
                self,
                f"Table-{table.name}",
                catalog_id=self.account,
                database_name=name,
                table_input={},
            )
            # CDK would drop the names as Glue and CloudFormation write them.
            made.add_property_override("TableInput", table.input(self.bucket_name(self)))
            made.add_resource_dependency(database)
            made.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


def database_of(environment: Environment) -> str:
    """Return the name of an installation's database; Glue's have no dashes."""
    return environment.installation.replace(PRODUCT, DATABASE).replace("-", "_")
