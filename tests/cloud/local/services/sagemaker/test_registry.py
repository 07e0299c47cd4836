"""What the model registry tells others, and what it refuses."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.sagemaker import asked


@pytest.fixture
def registry(opened: Kept) -> tuple[Any, Database]:
    opened.client("sagemaker").create_model_package_group(ModelPackageGroupName="scratches")
    return opened.client("sagemaker"), opened.database


def events(database: Database) -> list[dict[str, Any]]:
    return [json.loads(row["event"]) for row in database.connection().execute("SELECT event FROM emitted ORDER BY seq")]


def test_a_new_version_and_its_approval_are_told_as_events(registry: tuple[Any, Database]) -> None:
    sagemaker, database = registry
    arn = sagemaker.create_model_package(**asked.package())["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="Good")
    made, approved = events(database)
    assert made["detail-type"] == approved["detail-type"] == "SageMaker Model Package State Change"
    assert (made["source"], made["resources"]) == ("aws.sagemaker", [arn])
    assert made["detail"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert approved["detail"]["ModelApprovalStatus"] == "Approved"
    assert approved["detail"]["ModelPackageGroupName"] == "scratches"
    assert approved["detail"]["ModelPackageVersion"] == 1
    assert approved["detail"]["ModelPackageArn"] == arn
    assert approved["detail"]["InferenceSpecification"] == asked.package()["InferenceSpecification"]
    assert set(approved["detail"]["UpdatedModelPackageFields"]) == {"ModelApprovalStatus", "ApprovalDescription"}
    assert approved["detail"]["CreationTime"].endswith("Z")


def test_a_property_that_is_taken_away_is_told_as_a_change(registry: tuple[Any, Database]) -> None:
    sagemaker, database = registry
    arn = sagemaker.create_model_package(**asked.package(CustomerMetadataProperties={"gate": "open"}))[
        "ModelPackageArn"
    ]
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["gate"])
    assert events(database)[-1]["detail"]["UpdatedModelPackageFields"] == ["CustomerMetadataProperties"]


def test_a_task_that_was_cut_off_registers_its_model_once(registry: tuple[Any, Database]) -> None:
    sagemaker, database = registry
    arns = set()
    for _ in range(2):
        with calling(Caller("execution", "attempt-1")):
            arns.add(sagemaker.create_model_package(**asked.package())["ModelPackageArn"])
    assert len(arns) == 1
    assert len(events(database)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"ModelPackageName": "alone"},
        {"CustomerMetadataProperties": {"why": "x" * 257}},
        {"CustomerMetadataProperties": {"x" * 129: "why"}},
        {"CustomerMetadataProperties": {str(number): "1" for number in range(51)}},
    ],
)
def test_a_package_that_cannot_be_is_refused(registry: tuple[Any, Database], change: dict[str, Any]) -> None:
    sagemaker, database = registry
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.create_model_package(**asked.package(**change))
    assert events(database) == []


def test_a_group_has_a_name_of_its_own(registry: tuple[Any, Database]) -> None:
    sagemaker, _ = registry
    for name in ("scratches", "a/b", "-a"):
        with pytest.raises(ClientError, match="ValidationException"):
            sagemaker.create_model_package_group(ModelPackageGroupName=name)


def test_a_page_that_nobody_gave_is_refused(registry: tuple[Any, Database]) -> None:
    sagemaker, _ = registry
    with pytest.raises(ClientError, match="NextToken"):
        sagemaker.list_model_package_groups(NextToken="12")


def test_packages_without_a_group_are_none(registry: tuple[Any, Database]) -> None:
    sagemaker, _ = registry
    sagemaker.create_model_package(**asked.package())
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"] == []
    assert len(sagemaker.list_model_packages(ModelPackageType="Versioned")["ModelPackageSummaryList"]) == 1
