"""Component versions: made once, looked at later, deployable or not."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.local.fleet import BUCKET, Fleet, key_of, recipe_of

PREFIX = "arn:aws:greengrass:eu-central-1:000000000000:components:"


def state(fleet: Fleet, arn: str) -> dict[str, Any]:
    status: dict[str, Any] = fleet.greengrass.describe_component(arn=arn)["status"]
    return status


def test_a_version_is_requested_and_then_deployable_with_the_digests_of_its_artifacts(fleet: Fleet) -> None:
    recipe = recipe_of(artifacts=["a.txt"])
    fleet.s3.put_object(Bucket=BUCKET, Key=key_of(recipe, "a.txt"), Body=b"content")
    answer = fleet.greengrass.create_component_version(inlineRecipe=json.dumps(recipe).encode(), tags={"a": "b"})
    assert answer["arn"] == f"{PREFIX}com.example.Part:versions:1.0.0"
    assert answer["status"] == {"componentState": "REQUESTED", "message": "NONE", "errors": {}}
    fleet.settle()
    found = fleet.greengrass.describe_component(arn=answer["arn"])
    assert found["status"] == {"componentState": "DEPLOYABLE", "message": "NONE", "errors": {}}
    assert (found["publisher"], found["description"], found["tags"]) == ("Example", "A part.", {"a": "b"})
    assert found["platforms"] == [{"attributes": {"os": "linux", "runtime": "*"}}]
    published = json.loads(fleet.greengrass.get_component(arn=answer["arn"])["recipe"])
    (artifact,) = published["Manifests"][0]["Artifacts"]
    assert artifact["Digest"] == "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
    assert artifact["Algorithm"] == "SHA-256"


def test_artifacts_that_are_not_there_are_refused_at_once_each_by_name(fleet: Fleet) -> None:
    with pytest.raises(fleet.greengrass.exceptions.ValidationException) as error:
        fleet.publish(recipe_of(artifacts=["a.txt", "b.txt"]), a_txt=b"a")
    uri = f"s3://{BUCKET}/com.example.Part/1.0.0/b.txt"
    assert error.value.response["Error"]["Message"] == (
        "Invalid Input: Encountered following errors in Artifacts: "
        f"{{{uri} = Specified artifact resource cannot be accessed}}"
    )


def test_artifacts_that_go_before_they_were_looked_at_make_the_version_fail(fleet: Fleet) -> None:
    recipe = recipe_of(artifacts=["a.txt", "b.txt"])
    arn = fleet.publish(recipe, a_txt=b"a", b_txt=b"b")
    fleet.s3.delete_object(Bucket=BUCKET, Key=key_of(recipe, "b.txt"))
    fleet.settle()
    uri = f"s3://{BUCKET}/com.example.Part/1.0.0/b.txt"
    assert state(fleet, arn) == {
        "componentState": "FAILED",
        "message": "Encountered errors in 1 artifacts",
        "errors": {uri: "Specified artifact resource cannot be accessed"},
    }
    with pytest.raises(fleet.greengrass.exceptions.ConflictException):
        fleet.publish(recipe, b_txt=b"b")
    fleet.greengrass.delete_component(arn=arn)
    fleet.publish(recipe, b_txt=b"b")
    fleet.settle()
    assert state(fleet, arn)["componentState"] == "DEPLOYABLE"


def test_a_recipe_with_half_a_character_holds_up_nothing(fleet: Fleet) -> None:
    arn = fleet.publish(recipe_of(artifacts=["a.txt"], defaults={"text": "\ud83d"}), a_txt=b"a")
    fleet.settle()
    assert state(fleet, arn)["componentState"] == "DEPLOYABLE"


def test_a_version_is_never_replaced_but_the_same_request_is_answered_again(fleet: Fleet) -> None:
    recipe = json.dumps(recipe_of())
    first = fleet.greengrass.create_component_version(inlineRecipe=recipe, clientToken="once")
    fleet.settle()
    again = fleet.greengrass.create_component_version(inlineRecipe=recipe, clientToken="once")
    assert {key: first[key] for key in ("arn", "creationTimestamp", "status")} == {
        key: again[key] for key in ("arn", "creationTimestamp", "status")
    }
    with pytest.raises(fleet.greengrass.exceptions.ConflictException, match="already exists") as error:
        fleet.greengrass.create_component_version(inlineRecipe=recipe)
    assert error.value.response["resourceId"] == first["arn"]


def test_what_is_no_recipe_is_refused_with_every_reason(fleet: Fleet) -> None:
    with pytest.raises(fleet.greengrass.exceptions.ValidationException, match=r"ComponentName.*; .*Manifests"):
        fleet.greengrass.create_component_version(inlineRecipe="{}")
    with pytest.raises(fleet.greengrass.exceptions.ValidationException, match="no UTF-8"):
        fleet.greengrass.create_component_version(inlineRecipe=b"\xff")
    with pytest.raises(ClientError, match="not there on the local engine"):
        fleet.greengrass.create_component_version(lambdaFunction={"lambdaArn": "arn:aws:lambda:x"})


def test_components_and_their_versions_are_listed_in_pages_the_newest_version_first(fleet: Fleet) -> None:
    for name, version in (("b.B", "1.9.0"), ("b.B", "1.10.0"), ("b.B", "1.2.0"), ("a.A", "1.0.0")):
        fleet.publish(recipe_of(name, version))
    fleet.settle()
    fleet.publish(recipe_of("b.B", "2.0.0"))
    pages = list(fleet.greengrass.get_paginator("list_components").paginate(PaginationConfig={"PageSize": 1}))
    listed = [component for page in pages for component in page["components"]]
    assert [(each["componentName"], each["latestVersion"]["componentVersion"]) for each in listed] == [
        ("a.A", "1.0.0"),
        ("b.B", "1.10.0"),
    ]
    pages = fleet.greengrass.get_paginator("list_component_versions").paginate(
        arn=f"{PREFIX}b.B", PaginationConfig={"PageSize": 3}
    )
    versions = [version["componentVersion"] for page in pages for version in page["componentVersions"]]
    assert versions == ["2.0.0", "1.10.0", "1.9.0", "1.2.0"]
    assert fleet.greengrass.list_components(scope="PUBLIC")["components"] == []


def test_what_is_not_there_is_said(fleet: Fleet) -> None:
    arn = f"{PREFIX}com.example.Part:versions:1.0.0"
    for ask in (fleet.greengrass.describe_component, fleet.greengrass.get_component, fleet.greengrass.delete_component):
        with pytest.raises(fleet.greengrass.exceptions.ResourceNotFoundException, match="expected a version"):
            ask(arn=arn)
    with pytest.raises(fleet.greengrass.exceptions.ResourceNotFoundException):
        fleet.greengrass.list_component_versions(arn=f"{PREFIX}com.example.Part")
    fleet.publish(recipe_of())
    with pytest.raises(fleet.greengrass.exceptions.ConflictException, match="expected it to be looked at first"):
        fleet.greengrass.delete_component(arn=arn)
    with pytest.raises(fleet.greengrass.exceptions.ValidationException, match="expected JSON"):
        fleet.greengrass.get_component(arn=arn, recipeOutputFormat="YAML")
