import botocore.session
import pytest

from cloud_side.local.states.integrations.spelling import (
    Spelling,
    boto3_service,
    exception_name,
    sdk_service,
    service_prefix,
    uncapitalized,
)


@pytest.mark.parametrize(
    ("name", "boto3_name", "service_id", "prefix"),
    [
        ("acmpca", "acm-pca", "ACM PCA", "AcmPca"),
        ("cloudwatchlogs", "logs", "CloudWatch Logs", "CloudWatchLogs"),
        ("dynamodb", "dynamodb", "DynamoDB", "DynamoDb"),
        ("eventbridge", "events", "EventBridge", "EventBridge"),
        ("greengrassv2", "greengrassv2", "GreengrassV2", "GreengrassV2"),
        ("iot", "iot", "IoT", "Iot"),
        ("iotjobsdataplane", "iot-jobs-data", "IoT Jobs Data Plane", "IotJobsDataPlane"),
        ("iotsecuretunneling", "iotsecuretunneling", "IoTSecureTunneling", "IoTSecureTunneling"),
        ("lambda", "lambda", "Lambda", "Lambda"),
        ("s3", "s3", "S3", "S3"),
        ("sagemaker", "sagemaker", "SageMaker", "SageMaker"),
        (
            "sagemakerfeaturestoreruntime",
            "sagemaker-featurestore-runtime",
            "SageMaker FeatureStore Runtime",
            "SageMakerFeatureStoreRuntime",
        ),
        ("scheduler", "scheduler", "Scheduler", "Scheduler"),
        ("sfn", "stepfunctions", "SFN", "Sfn"),
        ("sns", "sns", "SNS", "Sns"),
        ("wafv2", "wafv2", "WAFV2", "Wafv2"),
    ],
)
def test_a_service_and_its_errors_are_named_as_step_functions_lists_them(
    name: str, boto3_name: str, service_id: str, prefix: str
) -> None:
    """The list is https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html."""
    assert boto3_service(name) == boto3_name
    assert sdk_service(boto3_name) == name
    assert service_prefix(service_id) == prefix


@pytest.mark.nightly
def test_every_service_of_boto3_is_named_by_the_id_in_its_model() -> None:
    session = botocore.session.get_session()
    names = session.get_available_services()
    expected = {service_prefix(str(session.get_service_model(name).service_id)).lower(): name for name in names}
    assert len(names) > 400
    assert {sdk: boto3_service(sdk) for sdk in expected} == expected


@pytest.mark.parametrize(
    ("member", "of_sdk", "optimized"),
    [
        ("clientToken", "ClientToken", "ClientToken"),
        ("ETag", "ETag", "ETag"),
        ("ACL", "Acl", "ACL"),
        ("SSEKMSKeyId", "SsekmsKeyId", "SSEKMSKeyId"),
        ("MD5OfMessageBody", "Md5OfMessageBody", "MD5OfMessageBody"),
        ("DBInstanceIdentifier", "DbInstanceIdentifier", "DBInstanceIdentifier"),
        ("equals", "EqualsValue", "Equals"),
        ("Default", "DefaultValue", "Default"),
    ],
)
def test_a_member_is_spelled_as_the_sdk_for_java_does_or_as_the_api_does(
    member: str, of_sdk: str, optimized: str
) -> None:
    assert Spelling.SDK.member(member) == of_sdk
    assert Spelling.OPTIMIZED.member(member) == optimized


def test_an_error_ends_in_exception_also_where_the_api_does_not_say_so() -> None:
    assert [exception_name(shape) for shape in ("NoSuchKey", "ResourceNotFoundException", "InternalFault")] == [
        "NoSuchKeyException",
        "ResourceNotFoundException",
        "InternalException",
    ]


def test_a_name_begins_in_lower_case_up_to_its_second_word() -> None:
    assert [uncapitalized(name) for name in ("PutObject", "DBInstance", "URL", "x")] == [
        "putObject",
        "dbInstance",
        "url",
        "x",
    ]
