"""Glue's data catalog: the same asked of the local service and of moto."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.catalog.tables import SAMPLES
from cloud_side.local.services.glue import GLUE
from tests.cloud.local.kept import Kept, kept

TABLE = SAMPLES.input("bucket")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("glue"), [GLUE]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def glue(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    client = (local if request.param == "local" else request.getfixturevalue("moto_session")).client("glue")
    client.create_database(DatabaseInput={"Name": "catalog", "Description": "d"})
    return client


def test_a_database_is_made_once_and_told(glue: Any) -> None:
    told = glue.get_database(Name="catalog")["Database"]
    assert (told["Name"], told["Description"]) == ("catalog", "d")
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": "catalog"})
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_database(Name="other")
    assert [each["Name"] for each in glue.get_databases()["DatabaseList"]] == ["catalog"]


def test_a_table_is_told_as_it_was_made_and_changed(glue: Any) -> None:
    glue.create_table(DatabaseName="catalog", TableInput=TABLE)
    told = glue.get_table(DatabaseName="catalog", Name="samples")["Table"]
    assert {name: told[name] for name in TABLE} == TABLE
    assert told["DatabaseName"] == "catalog"
    glue.update_table(DatabaseName="catalog", TableInput={**TABLE, "Description": "changed"})
    assert glue.get_table(DatabaseName="catalog", Name="samples")["Table"]["Description"] == "changed"
    glue.delete_table(DatabaseName="catalog", Name="samples")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table(DatabaseName="catalog", Name="samples")


def test_a_table_is_made_once_and_in_a_database_that_is_there(glue: Any) -> None:
    glue.create_table(DatabaseName="catalog", TableInput=TABLE)
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table(DatabaseName="catalog", TableInput=TABLE)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.create_table(DatabaseName="other", TableInput=TABLE)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_table(DatabaseName="catalog", TableInput={**TABLE, "Name": "none"})
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_table(DatabaseName="catalog", Name="none")


def test_tables_are_listed(glue: Any) -> None:
    names = ["a", "b", "c"]
    for name in names:
        glue.create_table(DatabaseName="catalog", TableInput={**TABLE, "Name": name})
    assert [each["Name"] for each in glue.get_tables(DatabaseName="catalog")["TableList"]] == names


@pytest.mark.parametrize("glue", ["local"], indirect=True)  # moto has no pages
def test_lists_come_in_pages(glue: Any) -> None:
    for name in ("a", "b", "c"):
        glue.create_database(DatabaseInput={"Name": name})
        glue.create_table(DatabaseName="catalog", TableInput={**TABLE, "Name": name})
    first = glue.get_tables(DatabaseName="catalog", MaxResults=2)
    second = glue.get_tables(DatabaseName="catalog", MaxResults=2, NextToken=first["NextToken"])
    assert [each["Name"] for page in (first, second) for each in page["TableList"]] == ["a", "b", "c"]
    first = glue.get_databases(MaxResults=3)
    second = glue.get_databases(MaxResults=3, NextToken=first["NextToken"])
    assert [each["Name"] for page in (first, second) for each in page["DatabaseList"]] == ["a", "b", "c", "catalog"]


@pytest.mark.parametrize("glue", ["local"], indirect=True)  # moto takes any name
def test_a_name_that_no_statement_could_spell_is_refused(glue: Any) -> None:
    with pytest.raises(glue.exceptions.InvalidInputException, match="letters, digits, underscores and hyphens"):
        glue.create_database(DatabaseInput={"Name": "../x"})
    glue.create_table(DatabaseName="CATALOG", TableInput={**TABLE, "Name": "Samples"})
    assert glue.get_table(DatabaseName="catalog", Name="SAMPLES")["Table"]["Name"] == "samples"
    columns = {"StorageDescriptor": {"Columns": [{"Name": 'a"', "Type": "string"}]}}
    with pytest.raises(glue.exceptions.InvalidInputException, match=r'a\\?"'):
        glue.create_table(DatabaseName="catalog", TableInput={"Name": "t", **columns})
