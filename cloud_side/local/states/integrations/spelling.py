"""How Step Functions spells AWS' services, operations, members and errors: as the AWS SDK for Java does.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html (names of services and the
    prefix of their errors; "always include the Exception suffix"; "equals will be referred to as EqualsValue"), and
    https://github.com/aws/aws-sdk-java-v2, where such names are made: codegen's `DefaultNamingStrategy` and `Utils`.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

import botocore.session

# Names that are more than boto3's without hyphens; a test holds this against the models of all services.
_RENAMED = {
    "applicationdiscovery": "discovery",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "directoryservicedata": "ds-data",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models",
    "lexmodelsv2": "lexv2-models",
    "lexruntimev2": "lexv2-runtime",
    "marketplacemetering": "meteringmarketplace",
    "migrationhub": "mgh",
    "pinpointsmsvoice": "sms-voice",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
    "simpledb": "sdb",
}
_JAVA_WORD = re.compile(
    "abstract|assert|boolean|break|byte|case|catch|char|class|const|continue|default|do|double|else|enum|extends|false|"
    "final|finally|float|for|goto|if|implements|import|instanceof|int|interface|long|native|new|null|package|private|"
    "protected|public|return|short|static|strictfp|super|switch|synchronized|this|throw|throws|transient|true|try|void|"
    "volatile|while",
    re.IGNORECASE,
)
_JAVA_METHOD = re.compile(
    "equals|finalize|getClass|hashCode|notify|notifyAll|toString|wait|builder|sdkFields|toBuilder|"
    "overrideConfiguration|sdkHttpResponse"
)


class Spelling(StrEnum):
    """The two ways in which members of requests and answers are spelled."""

    SDK = "sdk"
    """As the AWS SDK for Java 2: `ACL` is `Acl`, `clientToken` is `ClientToken`."""
    OPTIMIZED = "optimized"
    """As the API does, with a capital letter: `ACL` is `ACL`, `executionArn` is `ExecutionArn`."""

    def member(self, name: str) -> str:
        """Return how a member of an API's structure is spelled in a definition."""
        if self is Spelling.OPTIMIZED:
            return name[0].upper() + name[1:]
        getter = uncapitalized(name)
        if _JAVA_WORD.fullmatch(getter) or _JAVA_METHOD.fullmatch(getter):
            getter = uncapitalized(f"{getter}Value")
        return getter[0].upper() + getter[1:]


def uncapitalized(name: str) -> str:
    """Return a name that begins in lower case: `DBInstance` becomes `dbInstance`, `ETag` `eTag`, `ACL` `acl`."""
    end = 1
    while end < len(name) and name[end].isupper() and not name[end + 1 : end + 2].islower():
        end += 1
    return name[:end].lower() + name[end:]


def service_prefix(service_id: str) -> str:
    """Return what a service's errors begin with: `GreengrassV2`, `DynamoDb`, `SageMakerFeatureStoreRuntime`.

    Args:
        service_id: `serviceId` of the service's model, e.g. `SageMaker FeatureStore Runtime`.
    """
    name = _pascal(service_id)
    return name.removeprefix("Amazon").removeprefix("Aws").removesuffix("Service")


def exception_name(shape: str) -> str:
    """Return the name of an error of a model: `NoSuchKey` becomes `NoSuchKeyException`."""
    return _pascal(shape.removesuffix("Fault").removesuffix("Exception")) + "Exception"


def boto3_service(name: str) -> str | None:
    """Return boto3's name of a service of the SDK for Java, e.g. `iot-data` for `iotdataplane`; None for none."""
    return services().get(name)


def sdk_service(boto3_name: str) -> str:
    """Return the SDK for Java's name of a boto3 service, e.g. `eventbridge` for `events`."""
    renamed = {of_boto3: name for name, of_boto3 in _RENAMED.items()}
    return renamed.get(boto3_name, boto3_name.replace("-", ""))


@cache
def services() -> Mapping[str, str]:
    """Return boto3's names of all services by those of the SDK for Java."""
    names = botocore.session.get_session().get_available_services()
    return {sdk_service(name): name for name in names}


def _pascal(text: str) -> str:
    return "".join(word.capitalize() for word in _words(text))


def _words(text: str) -> list[str]:
    """Split where the SDK for Java does: at capitals, before a version, after a number."""
    text = re.sub(r"[^A-Za-z0-9]+", " ", text)
    text = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    return re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text).split()
