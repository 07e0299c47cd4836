"""The stream by which all events of stations come to the bucket: many in an object, compressed, a folder a day."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_kinesisfirehose import CfnDeliveryStream as Stream

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.functions import LOGS_KEPT
from cloud_side.infrastructure.grants import Grant, read, role, use_key, write
from cloud_side.infrastructure.unit import Unit
from cloud_side.monitoring.events_table import DAY, EVENTS, FAILED

STREAM: Final = "edge-inspector-events"
_LOG_STREAM: Final = "delivery"
_TODAY: Final = f"{DAY}=!{{timestamp:yyyy-MM-dd}}/"
_BUFFER_S: Final = 900  # the longest there is: the fewest objects
_BUFFER_MB: Final = 64


def event_stream(unit: Unit, catalog: Catalog) -> Stream:
    """Return the stream, which may write to its own prefixes alone.

    Args:
        unit: The stack.
        catalog: Whose bucket it writes to.

    Source:
        https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
    """
    name = unit.named(STREAM)
    log = logs.LogGroup(
        unit,
        "StreamLog",
        log_group_name=f"/aws/kinesisfirehose/{name}",
        retention=LOGS_KEPT,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    says = logs.CfnLogStream(unit, "StreamLogStream", log_group_name=log.log_group_name, log_stream_name=_LOG_STREAM)
    writer = _writer(unit, catalog, unit.arn("logs", f"log-group:/aws/kinesisfirehose/{name}:log-stream:{_LOG_STREAM}"))
    made = Stream(
        unit,
        "Stream",
        delivery_stream_name=name,
        delivery_stream_type="DirectPut",
        delivery_stream_encryption_configuration_input=Stream.DeliveryStreamEncryptionConfigurationInputProperty(
            key_type="AWS_OWNED_CMK"  # while they wait; in the bucket it is the installation's key
        ),
        extended_s3_destination_configuration=Stream.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=catalog.bucket_arn(unit),
            role_arn=writer.role_arn,
            prefix=f"{EVENTS.prefix}{_TODAY}",
            error_output_prefix=f"{FAILED}!{{firehose:error-output-type}}/{_TODAY}",
            compression_format="GZIP",
            buffering_hints=Stream.BufferingHintsProperty(interval_in_seconds=_BUFFER_S, size_in_m_bs=_BUFFER_MB),
            encryption_configuration=Stream.EncryptionConfigurationProperty(
                kms_encryption_config=Stream.KMSEncryptionConfigProperty(awskms_key_arn=catalog.key.key_arn)
            ),
            cloud_watch_logging_options=Stream.CloudWatchLoggingOptionsProperty(
                enabled=True, log_group_name=log.log_group_name, log_stream_name=says.ref
            ),
        ),
    )
    made.node.add_dependency(writer.node.find_child("DefaultPolicy"))  # it is tried when the stream is made
    return made


def _writer(unit: Unit, catalog: Catalog, log_stream_arn: str) -> iam.Role:
    """Return what the stream writes with: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html."""
    bucket, under = catalog.bucket_arn(unit), (f"{EVENTS.prefix}*", f"{FAILED}*")
    grants = (
        read(bucket, *under),
        write(bucket, *under),
        Grant(("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"), (bucket,)),
        use_key(catalog.key.key_arn),
        Grant(("logs:PutLogEvents",), (log_stream_arn,)),
    )
    return role(unit, "stream-role", "firehose", grants, description="Writes events to the bucket")
