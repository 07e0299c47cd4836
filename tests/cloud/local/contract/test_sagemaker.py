"""SageMaker's jobs, registry and feature groups, here and as moto knows them.

moto has no StopTrainingJob, DeleteModelPackage, ListFeatureGroups, labeling jobs or feature store runtime. Where it has
the operation, it differs from AWS in this: a training job has ended when it is created and has metrics of its own, a
job's name can be used twice, jobs are not sorted, a package is not pending when nothing is said of that, and new
properties of a package replace those it has. Where a test is of the local engine alone, that is why.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cloud_side.local.home import REGION
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.shapes import LOADER


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("home") / "engine", SERVICES) as opened:
        yield opened


@pytest.fixture
def local(opened_once: Kept) -> Any:
    opened_once.empty()
    return opened_once.client("sagemaker")


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


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_training_job_is_described_as_it_was_asked_for(sagemaker: Any) -> None:
    request = asked.training(
        HyperParameters={"epochs": "3"},
        InputDataConfig=[asked.channel("train", "s3://bench/data/")],
        Tags=[{"Key": "product", "Value": "tags"}],
    )
    made = sagemaker.create_training_job(**request)
    assert made["TrainingJobArn"].endswith(":training-job/train-1")
    found = sagemaker.describe_training_job(TrainingJobName="train-1")
    same = ("HyperParameters", "RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "InputDataConfig")
    assert {name: found[name] for name in same} == {name: request[name] for name in same}
    assert found["TrainingJobArn"] == made["TrainingJobArn"]
    assert found["AlgorithmSpecification"]["TrainingImage"] == asked.IMAGE
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": "s3://bench/models/train-1/output/model.tar.gz"}
    assert found["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    assert found["CreationTime"].tzinfo is not None


def test_a_processing_job_is_described_as_it_was_asked_for(sagemaker: Any) -> None:
    request = asked.processing(
        ProcessingInputs=[asked.input_("data", "s3://bench/data/")],
        ProcessingOutputConfig={"Outputs": [asked.output()]},
    )
    made = sagemaker.create_processing_job(**request)
    assert made["ProcessingJobArn"].endswith(":processing-job/prepare-1")
    found = sagemaker.describe_processing_job(ProcessingJobName="prepare-1")
    same = ("ProcessingInputs", "ProcessingOutputConfig", "AppSpecification", "RoleArn", "StoppingCondition")
    assert {name: found[name] for name in same} == {name: request[name] for name in same}


@pytest.mark.parametrize("kind", ["training", "processing"])
def test_what_is_not_there_is_refused(sagemaker: Any, kind: str) -> None:
    call = getattr(sagemaker, f"describe_{kind}_job")
    code, message = refused(lambda: call(**{f"{kind.title()}JobName": "none"}))
    assert code == "ValidationException"
    assert f":{kind}-job/none" in message


@pytest.mark.parametrize("kind", ["training", "processing"])
def test_lists_of_jobs_come_in_pages_and_can_be_filtered(sagemaker: Any, kind: str) -> None:
    for number in range(5):
        getattr(sagemaker, f"create_{kind}_job")(**getattr(asked, kind)(f"{'ab'[number % 2]}-{number}"))
    pages = sagemaker.get_paginator(f"list_{kind}_jobs")
    word = f"{kind.title()}Job"

    def names(**filters: Any) -> list[str]:
        found = pages.paginate(PaginationConfig={"PageSize": 2}, SortBy="Name", SortOrder="Ascending", **filters)
        return [each[f"{word}Name"] for page in found for each in page[f"{word}Summaries"]]

    assert sorted(names()) == ["a-0", "a-2", "a-4", "b-1", "b-3"]
    assert sorted(names(NameContains="b-")) == ["b-1", "b-3"]
    assert names(CreationTimeAfter=datetime.now(UTC) + timedelta(hours=1)) == []


def test_versions_of_a_group_count_up(sagemaker: Any) -> None:
    made = sagemaker.create_model_package_group(ModelPackageGroupName="scratches", ModelPackageGroupDescription="Tags")
    assert made["ModelPackageGroupArn"].endswith(":model-package-group/scratches")
    request = asked.package(ModelApprovalStatus="Rejected")
    arns = [sagemaker.create_model_package(**request)["ModelPackageArn"] for _ in range(2)]
    assert [arn.rpartition("model-package/")[2] for arn in arns] == ["scratches/1", "scratches/2"]
    found = sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert found["ModelPackageGroupName"] == "scratches"
    assert found["ModelPackageVersion"] == 2
    assert found["ModelPackageStatus"] == "Completed"
    assert found["ModelApprovalStatus"] == "Rejected"
    assert found["InferenceSpecification"] == asked.package()["InferenceSpecification"]


def test_a_person_approves_a_version_and_says_why(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="scratches")
    arn = sagemaker.create_model_package(**asked.package())["ModelPackageArn"]
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="No escapes in 400 parts",
        CustomerMetadataProperties={"approved_by": "kim"},
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "No escapes in 400 parts")
    assert found["CustomerMetadataProperties"] == {"approved_by": "kim"}
    assert found["LastModifiedTime"] >= found["CreationTime"]


def test_packages_are_listed_by_group_and_approval(sagemaker: Any) -> None:
    for group in ("scratches", "dents"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arns = [sagemaker.create_model_package(**asked.package())["ModelPackageArn"] for _ in range(3)]
    sagemaker.create_model_package(**asked.package("dents"))
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    def found(**filters: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_model_packages").paginate(PaginationConfig={"PageSize": 2}, **filters)
        return [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]

    newest_first = {"SortBy": "CreationTime", "SortOrder": "Descending"}
    assert found(ModelPackageGroupName="scratches", **newest_first) == arns[::-1]
    assert found(ModelPackageGroupName="scratches", ModelApprovalStatus="Approved") == [arns[1]]
    groups = sagemaker.list_model_package_groups(SortBy="Name", SortOrder="Ascending")["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == ["dents", "scratches"]


def test_a_group_is_described_and_one_that_is_not_there_refused(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="scratches", ModelPackageGroupDescription="Tags")
    found = sagemaker.describe_model_package_group(ModelPackageGroupName="scratches")
    assert (found["ModelPackageGroupDescription"], found["ModelPackageGroupStatus"]) == ("Tags", "Completed")
    code, _ = refused(lambda: sagemaker.describe_model_package_group(ModelPackageGroupName="none"))
    assert code == "ValidationException"
    code, _ = refused(lambda: sagemaker.create_model_package(**asked.package("none")))
    assert code == "ValidationException"


def test_a_feature_group_is_described_and_its_name_is_taken(sagemaker: Any) -> None:
    request = asked.feature_group()
    made = sagemaker.create_feature_group(**request)
    assert made["FeatureGroupArn"].endswith(":feature-group/labels")
    found = sagemaker.describe_feature_group(FeatureGroupName="labels")
    same = ("FeatureDefinitions", "RecordIdentifierFeatureName", "EventTimeFeatureName", "RoleArn")
    assert {name: found[name] for name in same} == {name: request[name] for name in same}
    assert found["FeatureGroupStatus"] == "Created"
    catalog = found["OfflineStoreConfig"]["DataCatalogConfig"]
    assert (catalog["Catalog"], catalog["Database"]) == ("AwsDataCatalog", "sagemaker_featurestore")
    assert catalog["TableName"].startswith("labels_")
    code, message = refused(lambda: sagemaker.create_feature_group(**request))
    assert code == "ResourceInUse"
    assert "labels" in message


@pytest.mark.parametrize("kind", ["training", "processing"])
def test_jobs_are_listed_in_the_order_that_is_asked_for(local: Any, kind: str) -> None:
    for name in ("b", "c", "a"):
        getattr(local, f"create_{kind}_job")(**getattr(asked, kind)(name))
    word = f"{kind.title()}Job"

    def names(**order: Any) -> str:
        pages = local.get_paginator(f"list_{kind}_jobs").paginate(PaginationConfig={"PageSize": 2}, **order)
        return "".join(each[f"{word}Name"] for page in pages for each in page[f"{word}Summaries"])

    assert names() == "bca"
    assert names(SortOrder="Descending") == "acb"
    assert names(SortBy="Name") == "abc"
    assert names(SortBy="Status", SortOrder="Descending", StatusEquals="InProgress") == "cba"


def test_a_package_waits_for_approval_and_keeps_the_properties_it_has(local: Any) -> None:
    local.create_model_package_group(ModelPackageGroupName="scratches")
    request = asked.package(CustomerMetadataProperties={"dataset": "7", "git": "abc"})
    arn = local.create_model_package(**request)["ModelPackageArn"]
    assert local.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    local.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"gate": "passed"},
        CustomerMetadataPropertiesToRemove=["git"],
    )
    found = local.describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == {"dataset": "7", "gate": "passed"}
    assert found["LastModifiedBy"]["IamIdentity"]["Arn"]  # who it was


def test_a_name_is_used_for_one_job_only(local: Any) -> None:
    local.create_training_job(**asked.training())
    local.create_processing_job(**asked.processing("train-1"))  # another kind of job
    code, message = refused(lambda: local.create_training_job(**asked.training()))
    assert code == "ResourceInUse"
    assert ":training-job/train-1" in message


def test_a_version_that_was_deleted_is_gone_and_its_number_is_not_used_again(local: Any) -> None:
    local.create_model_package_group(ModelPackageGroupName="scratches")
    for _ in range(2):
        local.create_model_package(**asked.package())
    local.delete_model_package(ModelPackageName="scratches/2")
    assert refused(lambda: local.describe_model_package(ModelPackageName="scratches/2"))[0] == "ValidationException"
    assert local.create_model_package(**asked.package())["ModelPackageArn"].endswith("scratches/3")


def test_the_same_client_token_makes_one_version(local: Any) -> None:
    local.create_model_package_group(ModelPackageGroupName="scratches")
    arns = {local.create_model_package(**asked.package(), ClientToken="run-7")["ModelPackageArn"] for _ in range(2)}
    assert len(arns) == 1
    assert len(local.list_model_packages(ModelPackageGroupName="scratches")["ModelPackageSummaryList"]) == 1


def test_feature_groups_are_listed_and_deleted(local: Any) -> None:
    for name in ("labels", "samples"):
        local.create_feature_group(**asked.feature_group(name))
    found = local.list_feature_groups(SortBy="Name")["FeatureGroupSummaries"]
    assert [group["FeatureGroupName"] for group in found] == ["labels", "samples"]
    local.delete_feature_group(FeatureGroupName="labels")
    with pytest.raises(local.exceptions.ResourceNotFound):
        local.describe_feature_group(FeatureGroupName="labels")
    local.create_feature_group(**asked.feature_group())  # the name is free again
