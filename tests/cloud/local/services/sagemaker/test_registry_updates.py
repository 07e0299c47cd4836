"""What may change of a registered model, and what is told of it."""

from tests.cloud.local.kept import Kept
from tests.cloud.local.services.sagemaker import asked


def test_what_an_update_says_takes_the_place_of_what_was_there_and_the_rest_stays(opened: Kept) -> None:
    sagemaker = opened.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="scratches")
    request = asked.package(
        ModelPackageRegistrationType="Logged",
        SecurityConfig={"KmsKeyId": "key-1"},
        ModelLifeCycle={"Stage": "Development", "StageStatus": "Trained"},
    )
    arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
    (listed,) = sagemaker.list_model_packages(ModelPackageGroupName="scratches")["ModelPackageSummaryList"]
    assert listed["ModelPackageRegistrationType"] == "Logged"
    moved = {"Containers": [{"Image": asked.IMAGE, "ModelDataUrl": "s3://bench/models/moved.tar.gz"}]}
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelPackageRegistrationType="Registered",
        InferenceSpecification=moved,
        ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["ModelPackageRegistrationType"] == "Registered"
    assert found["InferenceSpecification"] == moved
    assert found["ModelCard"]["ModelCardStatus"] == "Draft"
    assert found["SecurityConfig"] == {"KmsKeyId": "key-1"}
    assert found["ModelLifeCycle"] == request["ModelLifeCycle"]


def test_further_specifications_are_added_to_those_that_are_there(opened: Kept) -> None:
    sagemaker = opened.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="scratches")
    first, second = (
        {"Name": name, "Containers": asked.package()["InferenceSpecification"]["Containers"]} for name in ("gpu", "cpu")
    )
    request = asked.package(AdditionalInferenceSpecifications=[first])
    arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[second])
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["AdditionalInferenceSpecifications"] == [first, second]
