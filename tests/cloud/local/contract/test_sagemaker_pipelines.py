"""SageMaker's pipelines, here and as moto knows them.

moto has no StopPipelineExecution, RetryPipelineExecution or ListPipelineExecutionSteps. It takes any JSON for a
definition, executes nothing, starts another execution for the same token, and says ValidationException where AWS says
ResourceNotFound.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cloud_side.local.home import REGION
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.services.sagemaker.piped import definition, fail
from tests.cloud.local.shapes import LOADER

TEXT = definition(fail("Bad", "no"), parameters=[{"Name": "word", "Type": "String", "DefaultValue": "a"}])


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("home") / "engine", SERVICES) as made:
        yield made


@pytest.fixture
def local(opened: Kept) -> Any:
    opened.empty()
    return opened.client("sagemaker")


@pytest.fixture(scope="module")
def moto_client() -> Any:
    session = boto3.Session("testing", "testing", region_name=REGION)
    session._session.register_component("data_loader", LOADER)
    return session.client("sagemaker")


@pytest.fixture(params=["local", "moto"])
def sagemaker(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "local":
        yield request.getfixturevalue("local")
    else:
        with mock_aws():  # which forgets everything
            yield request.getfixturevalue("moto_client")


def create(sagemaker: Any, name: str = "retrain", **more: Any) -> str:
    made = sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=TEXT, RoleArn=asked.ROLE, **more)
    return str(made["PipelineArn"])


def test_a_pipeline_is_described_as_it_was_made_and_changed(sagemaker: Any) -> None:
    parallel = {"MaxParallelExecutionSteps": 2}
    arn = create(sagemaker, PipelineDescription="Nightly", ParallelismConfiguration=parallel)
    assert arn.endswith(":pipeline/retrain")
    found = sagemaker.describe_pipeline(PipelineName="retrain")
    assert (found["PipelineArn"], found["PipelineName"], found["PipelineStatus"]) == (arn, "retrain", "Active")
    assert (found["PipelineDefinition"], found["RoleArn"]) == (TEXT, asked.ROLE)
    assert (found["PipelineDescription"], found["ParallelismConfiguration"]) == ("Nightly", parallel)
    assert found["LastModifiedTime"] >= found["CreationTime"]
    other = definition(fail("Worse", "never"))
    changed = sagemaker.update_pipeline(PipelineName="retrain", PipelineDefinition=other)
    assert changed["PipelineArn"] == arn
    found = sagemaker.describe_pipeline(PipelineName="retrain")
    assert (found["PipelineDefinition"], found["PipelineDescription"]) == (other, "Nightly")


def test_the_name_of_a_pipeline_is_taken_and_free_after_it_is_deleted(sagemaker: Any) -> None:
    arn = create(sagemaker)
    with pytest.raises(ClientError, match="Pipeline names must be unique within an AWS account and region") as caught:
        create(sagemaker)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert sagemaker.delete_pipeline(PipelineName="retrain")["PipelineArn"] == arn
    for call in (sagemaker.describe_pipeline, sagemaker.delete_pipeline, sagemaker.start_pipeline_execution):
        with pytest.raises(ClientError, match="retrain"):
            call(PipelineName="retrain")
    create(sagemaker)


def test_pipelines_are_listed(sagemaker: Any) -> None:
    for name in ("retrain-b", "retrain-a", "other"):
        create(sagemaker, name)
    found = sagemaker.list_pipelines(PipelineNamePrefix="retrain", SortBy="Name", SortOrder="Ascending")
    assert [each["PipelineName"] for each in found["PipelineSummaries"]] == ["retrain-a", "retrain-b"]
    assert found["PipelineSummaries"][0]["PipelineArn"].endswith(":pipeline/retrain-a")


def test_an_execution_is_described_with_its_parameters_and_definition(sagemaker: Any) -> None:
    pipeline = create(sagemaker)
    given = [{"Name": "word", "Value": "b"}]
    names = {"PipelineExecutionDisplayName": "by-hand", "PipelineExecutionDescription": "After a recipe change"}
    started = sagemaker.start_pipeline_execution(PipelineName="retrain", PipelineParameters=given, **names)
    arn = started["PipelineExecutionArn"]
    assert arn.startswith(f"{pipeline}/execution/")
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert {name: found[name] for name in names} == names
    assert (found["PipelineArn"], found["PipelineExecutionArn"]) == (pipeline, arn)
    told = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert told["PipelineParameters"] == given
    told = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert told["PipelineDefinition"] == TEXT
    (summary,) = sagemaker.list_pipeline_executions(PipelineName="retrain")["PipelineExecutionSummaries"]
    assert (summary["PipelineExecutionArn"], summary["PipelineExecutionDisplayName"]) == (arn, "by-hand")


def test_an_execution_that_is_not_there_is_refused(sagemaker: Any) -> None:
    arn = f"{create(sagemaker)}/execution/abcdefghijkl"
    for operation in (
        sagemaker.describe_pipeline_execution,
        sagemaker.describe_pipeline_definition_for_execution,
        sagemaker.list_pipeline_parameters_for_execution,
    ):
        with pytest.raises(ClientError, match="abcdefghijkl"):
            operation(PipelineExecutionArn=arn)


def test_executions_are_listed_in_pages_the_latest_first(local: Any) -> None:
    create(local)
    arns = [local.start_pipeline_execution(PipelineName="retrain")["PipelineExecutionArn"] for _ in range(5)]

    def found(**order: Any) -> list[str]:
        pages = local.get_paginator("list_pipeline_executions").paginate(
            PipelineName="retrain", PaginationConfig={"PageSize": 2}, **order
        )
        return [each["PipelineExecutionArn"] for page in pages for each in page["PipelineExecutionSummaries"]]

    assert found() == arns[::-1]
    assert found(SortOrder="Ascending") == arns


def test_parameters_are_told_in_pages(local: Any) -> None:
    declared = [{"Name": name, "Type": "Integer", "DefaultValue": 1} for name in "abc"]
    text = definition(fail("Bad", "no"), parameters=declared)
    local.create_pipeline(PipelineName="retrain", PipelineDefinition=text, RoleArn=asked.ROLE)
    arn = local.start_pipeline_execution(PipelineName="retrain")["PipelineExecutionArn"]
    first = local.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn, MaxResults=2)
    rest = local.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn, NextToken=first["NextToken"])
    assert [each["Name"] for each in (*first["PipelineParameters"], *rest["PipelineParameters"])] == ["a", "b", "c"]
    assert "NextToken" not in rest


def test_the_same_token_makes_a_pipeline_once(local: Any) -> None:
    token = "0123456789" * 4
    assert create(local, ClientRequestToken=token) == create(local, ClientRequestToken=token)


def test_what_this_engine_has_not_says_so(local: Any) -> None:
    create(local)
    with pytest.raises(ClientError, match="SelectiveExecutionConfig is not there on the local engine"):
        local.start_pipeline_execution(
            PipelineName="retrain", SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Bad"}]}
        )
