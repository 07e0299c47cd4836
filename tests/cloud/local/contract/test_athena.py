"""Athena: what is said of a query, here and at moto, which runs none and needs no database."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.athena import ATHENA
from cloud_side.local.services.glue import GLUE
from cloud_side.local.services.s3 import S3
from tests.cloud.local.kept import Kept, kept

STATEMENT = "SELECT 1 AS one"
ASKED = {
    "QueryString": STATEMENT,
    "QueryExecutionContext": {"Database": "catalog"},
    "ResultConfiguration": {"OutputLocation": "s3://results/here/"},
    "WorkGroup": "primary",
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("athena"), [S3, GLUE, ATHENA]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def athena(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    return (local if request.param == "local" else request.getfixturevalue("moto_session")).client("athena")


def test_a_query_is_told_as_it_was_asked(athena: Any) -> None:
    identity = athena.start_query_execution(**ASKED, ExecutionParameters=["1"])["QueryExecutionId"]
    told = athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"]
    assert (told["QueryExecutionId"], told["Query"], told["StatementType"]) == (identity, STATEMENT, "DML")
    assert told["QueryExecutionContext"] == {"Database": "catalog"}
    assert told["ResultConfiguration"]["OutputLocation"] == f"s3://results/here/{identity}.csv"
    assert told["ExecutionParameters"] == ["1"]
    assert told["WorkGroup"] == "primary"
    assert told["Status"]["SubmissionDateTime"].tzinfo is not None
    assert told["Statistics"]["DataScannedInBytes"] == 0


def test_queries_are_listed_and_one_is_stopped(athena: Any) -> None:
    made = {athena.start_query_execution(**ASKED)["QueryExecutionId"] for _ in range(3)}
    assert set(athena.list_query_executions()["QueryExecutionIds"]) == made
    stopped = made.pop()
    athena.stop_query_execution(QueryExecutionId=stopped)
    told = athena.get_query_execution(QueryExecutionId=stopped)["QueryExecution"]
    assert told["Status"]["State"] == "CANCELLED"
