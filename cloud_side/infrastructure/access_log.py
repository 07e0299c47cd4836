"""The bucket in which S3 writes down who asked for what in another one."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cloud_side.infrastructure.unit import acknowledge


def access_log(scope: Construct, bucket_name: str) -> s3.Bucket:
    """Return the bucket, made as `AccessLog`; what it has is kept for 90 days.

    Args:
        scope: Where it is made.
        bucket_name: Its name.
    """
    made = s3.Bucket(
        scope,
        "AccessLog",
        bucket_name=bucket_name,
        encryption=s3.BucketEncryption.S3_MANAGED,  # S3 writes access logs to no bucket that a key of KMS encrypts
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[s3.LifecycleRule(id="old", expiration=cdk.Duration.days(90))],
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
    acknowledge(made, "AwsSolutions::AwsSolutions-S1", "it is where access is logged to")
    return made
