"""AWS IoT's registry, here and as moto knows it.

Where moto differs from AWS' documentation: it makes a thing anew instead of comparing it, refuses to delete a thing
that is not there, and has neither versions nor rules for names and attributes.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.iot import IOT
from tests.cloud.local.fleet import forget, open_cloud


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Any]]:
    home = Home(tmp_path_factory.mktemp("cloud"))
    home.make()
    database, session = open_cloud(home, [IOT])
    yield database, session.client("iot")
    database.close()


@pytest.fixture
def local(opened: tuple[Database, Any]) -> Any:
    database, client = opened
    forget(database)
    return client


@pytest.fixture(params=["local", pytest.param("moto", marks=pytest.mark.nightly)])
def iot(request: pytest.FixtureRequest) -> Any:
    if request.param == "moto":
        return request.getfixturevalue("moto_session").client("iot")
    return request.getfixturevalue("local")


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_thing_is_made_described_listed_and_deleted(iot: Any) -> None:
    made = iot.create_thing(thingName="press-7", attributePayload={"attributes": {"line": "3"}})
    assert made["thingName"] == "press-7"
    assert made["thingArn"].endswith(":thing/press-7")
    found = iot.describe_thing(thingName="press-7")
    assert {key: found[key] for key in ("thingName", "thingArn", "attributes", "version", "defaultClientId")} == {
        "thingName": "press-7",
        "thingArn": made["thingArn"],
        "attributes": {"line": "3"},
        "version": 1,
        "defaultClientId": "press-7",
    }
    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["press-7"]
    iot.delete_thing(thingName="press-7")
    assert iot.list_things()["things"] == []
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="press-7")


def test_things_are_found_by_an_attribute(iot: Any) -> None:
    for number, line in enumerate("343"):
        iot.create_thing(thingName=f"press-{number}", attributePayload={"attributes": {"line": line}})
    found = iot.list_things(attributeName="line", attributeValue="3")["things"]
    assert [thing["thingName"] for thing in found] == ["press-0", "press-2"]


def test_attributes_are_replaced_or_merged_and_an_empty_one_goes(iot: Any) -> None:
    iot.create_thing(thingName="press-7", attributePayload={"attributes": {"line": "3", "site": "north"}})
    payload = {"attributes": {"line": "4", "site": ""}, "merge": True}
    iot.update_thing(thingName="press-7", attributePayload=payload)
    assert iot.describe_thing(thingName="press-7")["attributes"] == {"line": "4"}
    iot.update_thing(thingName="press-7", attributePayload={"attributes": {"hall": "a"}})
    assert iot.describe_thing(thingName="press-7")["attributes"] == {"hall": "a"}
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.update_thing(thingName="gone", attributePayload=payload)


def test_a_group_made_again_is_the_same_one_and_another_of_its_name_is_refused(iot: Any) -> None:
    properties = {"thingGroupDescription": "first", "attributePayload": {"attributes": {"a": "1"}}}
    made = iot.create_thing_group(thingGroupName="canary", thingGroupProperties=properties)
    again = iot.create_thing_group(thingGroupName="canary", thingGroupProperties=properties)
    assert (again["thingGroupId"], again["thingGroupArn"]) == (made["thingGroupId"], made["thingGroupArn"])
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_thing_group(thingGroupName="canary", thingGroupProperties={"thingGroupDescription": "second"})
    found = iot.describe_thing_group(thingGroupName="canary")
    assert found["thingGroupProperties"] == properties
    assert found["version"] == 1


def test_groups_lie_in_groups(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="all")
    iot.create_thing_group(thingGroupName="north", parentGroupName="all")
    iot.create_thing_group(thingGroupName="north-1", parentGroupName="north")
    metadata = iot.describe_thing_group(thingGroupName="north-1")["thingGroupMetadata"]
    assert metadata["parentGroupName"] == "north"
    assert [group["groupName"] for group in metadata["rootToParentThingGroups"]] == ["all", "north"]

    def names(**arguments: Any) -> set[str]:
        return {group["groupName"] for group in iot.list_thing_groups(**arguments)["thingGroups"]}

    assert names() == {"all", "north", "north-1"}
    assert names(recursive=False) == {"all"}
    assert names(parentGroup="all") == {"north", "north-1"}
    assert names(parentGroup="all", recursive=False) == {"north"}
    assert names(namePrefixFilter="north") == {"north", "north-1"}
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.delete_thing_group(thingGroupName="all")
    iot.delete_thing_group(thingGroupName="north-1")
    iot.delete_thing_group(thingGroupName="never there")
    assert names() == {"all", "north"}


def test_a_thing_is_in_groups_by_name_or_arn_and_once(iot: Any) -> None:
    thing = iot.create_thing(thingName="press-7")["thingArn"]
    group = iot.create_thing_group(thingGroupName="canary")["thingGroupArn"]
    iot.add_thing_to_thing_group(thingGroupName="canary", thingName="press-7")
    iot.add_thing_to_thing_group(thingGroupArn=group, thingArn=thing)
    assert iot.list_things_in_thing_group(thingGroupName="canary")["things"] == ["press-7"]
    groups = [{"groupName": "canary", "groupArn": group}]
    assert iot.list_thing_groups_for_thing(thingName="press-7")["thingGroups"] == groups
    for _ in range(2):
        iot.remove_thing_from_thing_group(thingGroupName="canary", thingName="press-7")
    assert iot.list_things_in_thing_group(thingGroupName="canary")["things"] == []
    for wrong in (
        {"thingGroupName": "gone", "thingName": "press-7"},
        {"thingGroupName": "canary", "thingName": "gone"},
    ):
        with pytest.raises(iot.exceptions.ResourceNotFoundException):
            iot.add_thing_to_thing_group(**wrong)


def test_lists_come_in_pages(iot: Any) -> None:
    names = [f"press-{number:02}" for number in range(7)]
    for name in names:
        iot.create_thing(thingName=name)
    pages = list(iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 3}))
    assert [[thing["thingName"] for thing in page["things"]] for page in pages] == [names[:3], names[3:6], names[6:]]


def test_a_thing_made_again_with_other_attributes_is_refused(local: Any) -> None:
    made = local.create_thing(thingName="press-7", attributePayload={"attributes": {"line": "3"}})
    again = local.create_thing(thingName="press-7", attributePayload={"attributes": {"line": "3"}})
    assert again["thingId"] == made["thingId"]
    with pytest.raises(local.exceptions.ResourceAlreadyExistsException) as error:
        local.create_thing(thingName="press-7")
    assert error.value.response["resourceArn"] == made["thingArn"]


def test_a_thing_that_is_not_there_is_deleted_and_one_that_is_leaves_its_groups(local: Any) -> None:
    local.delete_thing(thingName="gone")
    local.create_thing(thingName="press-7")
    local.create_thing_group(thingGroupName="canary")
    local.add_thing_to_thing_group(thingGroupName="canary", thingName="press-7")
    local.delete_thing(thingName="press-7")
    assert local.list_things_in_thing_group(thingGroupName="canary")["things"] == []


def test_only_the_version_that_is_there_is_changed(local: Any) -> None:
    local.create_thing(thingName="press-7")
    local.update_thing(thingName="press-7", attributePayload={"attributes": {"a": "1"}}, expectedVersion=1)
    for change in (local.update_thing, local.delete_thing):
        with pytest.raises(local.exceptions.VersionConflictException, match="found version 2, expected 1"):
            change(thingName="press-7", expectedVersion=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"thingName": "press 7"}, "found 'press 7', expected 1 to 128 letters"),
        ({"thingName": "p", "attributePayload": {"attributes": {"a b": "1"}}}, "attribute 'a b'"),
        ({"thingName": "p", "attributePayload": {"attributes": {"a": "1 2"}}}, "found '1 2'"),
        ({"thingName": "p", "attributePayload": {"attributes": dict.fromkeys("abcd", "1")}}, "at most 3"),
    ],
)
def test_what_a_thing_cannot_be_is_said(local: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(local.exceptions.InvalidRequestException, match=said):
        local.create_thing(**arguments)


def test_members_that_are_not_there_here_and_foreign_tokens_are_refused(local: Any) -> None:
    with pytest.raises(ClientError) as error:
        local.create_thing(thingName="press-7", thingTypeName="press")
    assert refused(error) == "NotOnLocalEngine"
    for token in ("?", "bm8"):
        with pytest.raises(local.exceptions.InvalidRequestException, match="expected one that an earlier answer"):
            local.list_things(nextToken=token)
    with pytest.raises(local.exceptions.InvalidRequestException, match="expected one of them"):
        local.add_thing_to_thing_group(thingName="press-7")


def test_things_below_a_group_are_listed_if_asked_for(local: Any) -> None:
    local.create_thing_group(thingGroupName="all")
    local.create_thing_group(thingGroupName="north", parentGroupName="all")
    local.create_thing(thingName="press-7")
    local.add_thing_to_thing_group(thingGroupName="north", thingName="press-7")
    assert local.list_things_in_thing_group(thingGroupName="all")["things"] == []
    assert local.list_things_in_thing_group(thingGroupName="all", recursive=True)["things"] == ["press-7"]
