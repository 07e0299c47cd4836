"""Lambda: the same asked of the local service and of moto, but for invoking, for which moto needs containers."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.home import Home
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.service import lambda_service
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.functions.lambdas import zipped

TOLD = ("FunctionName", "Runtime", "Role", "Handler", "CodeSha256", "CodeSize", "Description", "Timeout", "MemorySize")
TOLD_TOO = ("Version", "State", "PackageType", "Environment")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("lambda")
    with kept(folder, [lambda_service(Pool(Home(folder / "engine")))]) as made:  # no function runs
        yield made


@pytest.fixture(params=["local", "moto"])
def clients(request: pytest.FixtureRequest, local: Kept) -> tuple[Any, str]:
    """Return a client of Lambda, and a role that may be given to a function."""
    local.empty()
    if request.param == "local":
        return local.client("lambda"), "arn:aws:iam::000000000000:role/r"
    session = request.getfixturevalue("moto_session")
    role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    return session.client("lambda"), role


def create(client: Any, role: str, name: str = "f", **more: Any) -> Any:
    code = {"ZipFile": zipped("")}
    return client.create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="handler.handle", Code=code, **more
    )


def test_a_function_is_told_as_it_was_made(clients: tuple[Any, str]) -> None:
    client, role = clients
    made = create(client, role, Timeout=30, MemorySize=256, Environment={"Variables": {"A": "1"}}, Description="d")
    assert made["FunctionArn"].endswith(":function:f")
    assert made["Environment"] == {"Variables": {"A": "1"}}
    for name in ("f", made["FunctionArn"]):
        found = client.get_function(FunctionName=name)["Configuration"]
        assert {key: found[key] for key in (*TOLD, *TOLD_TOO)} == {key: made[key] for key in (*TOLD, *TOLD_TOO)}
    assert client.get_function_configuration(FunctionName="f")["Timeout"] == 30
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    client.get_waiter("function_updated_v2").wait(FunctionName="f")


def test_what_is_left_out_has_the_values_that_aws_takes_until_it_is_changed(clients: tuple[Any, str]) -> None:
    client, role = clients
    made = create(client, role)
    assert (made["Timeout"], made["MemorySize"], made["Description"], made["Version"]) == (3, 128, "", "$LATEST")
    changed = client.update_function_configuration(FunctionName="f", Timeout=60, Handler="handler.other")
    assert (changed["Timeout"], changed["Handler"], changed["MemorySize"]) == (60, "handler.other", 128)
    recoded = client.update_function_code(FunctionName="f", ZipFile=zipped("x = 1"))
    assert recoded["CodeSha256"] != made["CodeSha256"]
    assert client.get_function(FunctionName="f")["Configuration"]["CodeSha256"] == recoded["CodeSha256"]


def test_a_name_is_taken_once_and_free_after_it_is_deleted(clients: tuple[Any, str]) -> None:
    client, role = clients
    create(client, role)
    with pytest.raises(client.exceptions.ResourceConflictException):
        create(client, role)
    client.delete_function(FunctionName="f")
    for call in (client.get_function, client.get_function_configuration, client.delete_function, client.invoke):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call(FunctionName="f")
    create(client, role)


def test_functions_are_listed(clients: tuple[Any, str]) -> None:
    client, role = clients
    names = {f"f{number}" for number in range(5)}
    for name in names:
        create(client, role, name)
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    assert {function["FunctionName"] for page in pages for function in page["Functions"]} == names
