import pytest

from cloud_side.local.states.integrations import Integration, Kind, Pattern, ResourceError
from cloud_side.local.states.integrations.spelling import Spelling

STATES = "arn:aws:states:::"


@pytest.mark.parametrize(
    ("resource", "kind", "client", "operation", "pattern", "task"),
    [
        (f"{STATES}lambda:invoke", Kind.OPTIMIZED, "lambda", "Invoke", Pattern.CALL, "lambda"),
        (f"{STATES}lambda:invoke.waitForTaskToken", Kind.OPTIMIZED, "lambda", "Invoke", Pattern.TOKEN, "lambda"),
        (
            "arn:aws:lambda:eu-central-1:000000000000:function:label",
            Kind.FUNCTION,
            "lambda",
            "Invoke",
            Pattern.CALL,
            "lambda",
        ),
        (
            "arn:aws:lambda:eu-central-1:000000000000:function:label:$LATEST",
            Kind.FUNCTION,
            "lambda",
            "Invoke",
            Pattern.CALL,
            "lambda",
        ),
        (
            f"{STATES}sagemaker:createTrainingJob.sync",
            Kind.OPTIMIZED,
            "sagemaker",
            "CreateTrainingJob",
            Pattern.JOB,
            "sagemaker",
        ),
        (
            f"{STATES}sagemaker:createLabelingJob.sync",
            Kind.OPTIMIZED,
            "sagemaker",
            "CreateLabelingJob",
            Pattern.JOB,
            "sagemaker",
        ),
        (
            f"{STATES}states:startExecution.sync:2",
            Kind.OPTIMIZED,
            "stepfunctions",
            "StartExecution",
            Pattern.JOB_2,
            "states",
        ),
        (f"{STATES}sns:publish", Kind.OPTIMIZED, "sns", "Publish", Pattern.CALL, "sns"),
        (f"{STATES}events:putEvents", Kind.OPTIMIZED, "events", "PutEvents", Pattern.CALL, "events"),
        (
            f"{STATES}aws-sdk:greengrassv2:createDeployment",
            Kind.SDK,
            "greengrassv2",
            "CreateDeployment",
            Pattern.CALL,
            "aws-sdk:greengrassv2",
        ),
        (
            f"{STATES}aws-sdk:sagemakerfeaturestoreruntime:putRecord",
            Kind.SDK,
            "sagemaker-featurestore-runtime",
            "PutRecord",
            Pattern.CALL,
            "aws-sdk:sagemakerfeaturestoreruntime",
        ),
        (
            f"{STATES}aws-sdk:sfn:startExecution.waitForTaskToken",
            Kind.SDK,
            "stepfunctions",
            "StartExecution",
            Pattern.TOKEN,
            "aws-sdk:sfn",
        ),
        (
            "arn:aws-us-gov:states:::aws-sdk:s3:getObject",
            Kind.SDK,
            "s3",
            "GetObject",
            Pattern.CALL,
            "aws-sdk:s3",
        ),
    ],
)
def test_a_resource_names_an_operation_and_when_it_is_at_its_end(  # noqa: PLR0913, PLR0917 - what a resource says
    resource: str, kind: Kind, client: str, operation: str, pattern: Pattern, task: str
) -> None:
    integration = Integration.parse(resource)
    assert (integration.kind, integration.client, integration.operation) == (kind, client, operation)
    assert (integration.pattern, integration.task, integration.resource) == (pattern, task, resource)
    assert integration.spelling is (Spelling.SDK if kind is Kind.SDK else Spelling.OPTIMIZED)
    assert (integration.job is not None) == (pattern in (Pattern.JOB, Pattern.JOB_2))


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        (f"{STATES}aws-sdk:events:putEvents", "the service events is named eventbridge there"),
        (f"{STATES}aws-sdk:iot-data:publish", "the service iot-data is named iotdataplane there"),
        (f"{STATES}aws-sdk:greengrass2:createDeployment", "did you mean greengrassv2"),
        (f"{STATES}aws-sdk:s3:GetObject", "did you mean getObject"),
        (f"{STATES}aws-sdk:s3:selectObjectContent", "s3 has no action 'selectObjectContent'"),
        (f"{STATES}aws-sdk:lambda:invokeAsync", "lambda has no action 'invokeAsync'"),
        (f"{STATES}aws-sdk:iot:attachPrincipalPolicy", "iot has no action 'attachPrincipalPolicy'"),
        (f"{STATES}aws-sdk:sagemaker:createTrainingJob.sync", "the AWS SDK integrations have no .sync"),
        (f"{STATES}sagemaker:createTransformJob", "no optimized integration sagemaker:createTransformJob"),
        (f"{STATES}sagemaker:createModel.sync", "sagemaker:createModel has no .sync"),
        (f"{STATES}lambda:invoke.sync", "expected one of lambda:invoke, lambda:invoke.waitForTaskToken"),
        (f"{STATES}s3:getObject", "no optimized integration s3:getObject"),
        (f"{STATES}http:invoke", "no optimized integration http:invoke"),
        ("arn:aws:states:eu-central-1:000000000000:activity:label", "none that a task can have"),
        (f"{STATES}lambda:invoke.waitForToken", "none that a task can have"),
        ("", "none that a task can have"),
    ],
)
def test_a_resource_that_names_nothing_is_refused_with_what_there_is(resource: str, told: str) -> None:
    with pytest.raises(ResourceError) as refused:
        Integration.parse(resource)
    assert told in str(refused.value)
