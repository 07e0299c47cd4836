"""Where pipelines keep what they hand on, whom they tell, and where news of installations arrive."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cloud_side.infrastructure.access_log import access_log
from cloud_side.infrastructure.environments import Delivery

NAME: Final = "edge-inspector-delivery"
_KEPT: Final = cdk.Duration.days(30)


class Store(Construct):
    """What all pipelines share.

    Attributes:
        key: Encrypts all of it.
        bucket: Of the artifacts.
        topic: Tells people what waits for them, and what failed.
        bus: Of events, to which installations send their news.
    """

    def __init__(self, stack: cdk.Stack, delivery: Delivery) -> None:
        """Make it."""
        super().__init__(stack, "Store")
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{NAME}",
            description="What pipelines of Edge Inspector hand on",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(  # the failures of pipelines come by a rule of EventBridge
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                # EventBridge does not say for which account: docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
                conditions={
                    "StringEquals": {
                        "kms:EncryptionContext:aws:sns:topicArn": (
                            f"arn:{stack.partition}:sns:{stack.region}:{stack.account}:{NAME}"
                        )
                    }
                },
            )
        )
        self.bucket = self._bucket(stack)
        self.topic = self._topic(delivery)
        self.bus = events.EventBus(self, "News", event_bus_name=NAME, description="What installations tell")

    def _bucket(self, stack: cdk.Stack) -> s3.Bucket:
        log = access_log(self, f"{NAME}-log-{stack.account}-{stack.region}")
        return s3.Bucket(
            self,
            "Artifacts",
            bucket_name=f"{NAME}-{stack.account}-{stack.region}",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=log,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="old",
                    expiration=_KEPT,
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )

    def _topic(self, delivery: Delivery) -> sns.Topic:
        topic = sns.Topic(self, "Topic", topic_name=NAME, master_key=self.key, enforce_ssl=True)
        for address in delivery.notify:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic
