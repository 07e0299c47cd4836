"""Statements: what they give, what they may not see, and why one fails."""

import sqlite3
import sys
import tracemalloc
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.services.athena import ingesting, running
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.athena.lake import BUCKET, COLUMNS, DATABASE, Lake, table

ROWS: list[dict[str, Any]] = [
    {"image": "a", "boxes": 2, "bytes": 2**40, "confidence": 0.5, "judged": True, "more": [1]},
    {"image": 'b "quoted", with a comma\nand two lines', "boxes": 0, "confidence": 1, "judged": False},
    {"image": "", "boxes": None},
]


def test_a_result_is_csv_with_everything_in_quotes_and_nothing_for_a_null(lake: Lake) -> None:
    lake.put("samples/1.jsonl", ROWS)
    identity = lake.start("SELECT image, boxes, bytes, confidence, judged, boxes + 1 FROM samples ORDER BY image DESC")
    told = lake.told(identity)
    assert told["Status"]["State"] == "SUCCEEDED"
    assert told["ResultConfiguration"]["OutputLocation"] == f"s3://{BUCKET}/results/{identity}.csv"
    assert (
        told["Statistics"]["DataScannedInBytes"]
        == lake.s3.head_object(Bucket=BUCKET, Key="samples/1.jsonl")["ContentLength"]
    )
    assert lake.text(identity) == (
        '"image","boxes","bytes","confidence","judged","_col5"\n'
        '"b ""quoted"", with a comma\nand two lines","0",,"1.0","false","1"\n'
        '"a","2","1099511627776","0.5","true","3"\n'
        '"",,,,,\n'
    )


def test_results_are_read_in_pages_with_the_types_of_their_columns(lake: Lake) -> None:
    lake.put("samples/1.jsonl", [*ROWS, *({"image": f"c{number}"} for number in range(5))])
    statement = "SELECT image, boxes, confidence, judged, NULL AS lacking FROM samples ORDER BY image NULLS FIRST"
    identity = lake.start(statement)
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match=r"not yet finished.*QUEUED"):
        lake.athena.get_query_results(QueryExecutionId=identity)
    assert lake.told(identity)["Status"]["State"] == "SUCCEEDED", lake.told(identity)
    pages = list(
        lake.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=identity, PaginationConfig={"PageSize": 4}
        )
    )
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [4, 4, 1]
    read = [[datum.get("VarCharValue") for datum in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    assert read[0] == ["image", "boxes", "confidence", "judged", "lacking"]
    assert read[1] == ["", None, None, None, None]
    assert read[3] == [ROWS[1]["image"], "0", "1.0", "false", None]
    columns = pages[1]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Type"] for column in columns] == ["varchar", "bigint", "double", "boolean", "varchar"]


def test_a_long_value_is_read_without_much_memory(lake: Lake) -> None:
    identity = lake.start(f"SELECT replace(printf('%.*c', {4 << 20}, 'x'), 'xxxxxxxx', 'xxxxxxx\"') AS long")
    assert lake.told(identity)["Status"]["State"] == "SUCCEEDED"
    tracemalloc.start()
    found = lake.athena.get_query_results(QueryExecutionId=identity)["ResultSet"]["Rows"]
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[1]["Data"][0]["VarCharValue"] == 'xxxxxxx"' * (1 << 19)
    assert peak_bytes < 60_000_000


def test_statements_join_rank_and_count_as_in_trino(lake: Lake) -> None:
    lake.put(
        "samples/1.jsonl", [{"image": image, "boxes": boxes} for image, boxes in zip("aabbc", range(5), strict=True)]
    )
    lake.create("taken", {"image": "string", "until": "string"})
    lake.put("taken/1.jsonl", [{"image": "b", "until": "2026-05-02"}, {"image": "c", "until": "2026-05-01"}])
    statement = f"""
        -- of each image the one with most boxes
        WITH ranked AS (
            SELECT image, boxes, ROW_NUMBER() OVER (PARTITION BY image ORDER BY boxes DESC) AS place
            FROM "{DATABASE}"."samples" AS s
            WHERE NOT EXISTS (SELECT 1 FROM taken AS t WHERE t.image = s.image AND t.until > ?)
        )
        SELECT image, COALESCE(boxes, 0), CASE WHEN image LIKE 'A%' THEN 'like' ELSE 'unlike' END
        FROM ranked WHERE place = 1 AND boxes > ? ORDER BY image LIMIT 10;
    """
    assert lake.ask(statement, ExecutionParameters=["'2026-05-01'", "-1"]) == [
        ["a", "1", "unlike"],
        ["c", "4", "unlike"],
    ]


@pytest.mark.parametrize(
    ("parameter", "shown"),
    [("'it''s'", ["it's", "text"]), ("7", ["7", "integer"]), ("-2.5e1", ["-25.0", "real"]), ("NULL", ["", "null"])],
)
def test_an_execution_parameter_is_a_literal(lake: Lake, parameter: str, shown: list[str]) -> None:
    assert lake.ask("SELECT ?, typeof(?)", ExecutionParameters=[parameter, parameter]) == [shown]


def test_the_feature_store_is_a_database(cloud: Kept, lake: Lake) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_feature_group(
        FeatureGroupName="labels",
        RecordIdentifierFeatureName="image",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": "String"} for name in ("image", "at")],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/store"}},
        RoleArn="arn:aws:iam::000000000000:role/store",
    )
    catalog = sagemaker.describe_feature_group(FeatureGroupName="labels")["OfflineStoreConfig"]["DataCatalogConfig"]
    record = [
        {"FeatureName": "image", "ValueAsString": "a"},
        {"FeatureName": "at", "ValueAsString": "2026-05-01T08:00:00Z"},
    ]
    cloud.client("sagemaker-featurestore-runtime").put_record(FeatureGroupName="labels", Record=record)
    statement = f'SELECT image FROM "{catalog["TableName"]}" WHERE NOT is_deleted'
    assert lake.ask(statement, catalog["Database"]) == [["a"]]
    for hidden in ("feature_offline", "athena_queries", "samples"):
        assert lake.fail(f"SELECT * FROM {hidden}", catalog["Database"]).startswith("TABLE_NOT_FOUND: ")


UNSEEN = [
    ("SELECT * FROM elsewhere", "TABLE_NOT_FOUND: elsewhere: expected a table of the database catalog"),
    ("SELECT * FROM other.hidden", "TABLE_NOT_FOUND: other.hidden: expected"),
    ("SELECT * FROM hidden", "TABLE_NOT_FOUND: hidden: expected"),
    ("SELECT * FROM sqlite_master", "TABLE_NOT_FOUND: "),
    ('SELECT * FROM catalog."known objects"', "TABLE_NOT_FOUND: "),
    ('SELECT "of object" FROM "rows of samples"', "TABLE_NOT_FOUND: "),
    ("SELECT * FROM pragma_table_info('samples')", "NOT_SUPPORTED: this engine only reads"),
    ("SELECT load_extension('x')", "FUNCTION_NOT_FOUND: load_extension: "),
    ("SELECT fts3_tokenizer('simple')", "FUNCTION_NOT_FOUND: fts3_tokenizer: "),
    ("WITH a AS (SELECT 1) DELETE FROM samples", "SYNTAX_ERROR: "),
    ("SELECT 1; SELECT 2", "SYNTAX_ERROR: "),
    ("SELECT wrong FROM samples", "COLUMN_NOT_FOUND: Column 'wrong' cannot be resolved"),
    ("SELECT from_iso8601_timestamp('x')", "FUNCTION_NOT_FOUND: from_iso8601_timestamp: "),
    ("SELECT ?", "SYNTAX_ERROR: "),
    ("SELECT 1 FROM", "SYNTAX_ERROR: "),
]


def test_a_statement_sees_the_tables_of_its_database_and_nothing_else(lake: Lake) -> None:
    lake.glue.create_database(DatabaseInput={"Name": "other"})
    lake.create("hidden", database="other")
    for statement, why in UNSEEN:
        assert lake.fail(statement).startswith(why), statement


def test_a_database_that_is_not_there_fails_the_query(lake: Lake) -> None:
    assert lake.fail("SELECT 1", "../nowhere") == "SCHEMA_NOT_FOUND: Schema '../nowhere' does not exist"


def test_a_quoted_name_is_never_a_text_where_sqlite_can_be_told_so(lake: Lake) -> None:
    statement = 'SELECT "wrong" FROM samples'
    if sys.version_info >= (3, 12):
        assert lake.fail(statement).startswith("COLUMN_NOT_FOUND")
    else:
        lake.ask(statement)  # that all columns of our statements are there is tested by a parser of the dialect


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"QueryString": "DROP TABLE samples"},
        "expected a statement that begins with SELECT or WITH, found 'DROP TABLE",
    ),
    ({"QueryString": "/* SELECT */ -- WITH\nINSERT INTO samples SELECT 1"}, "this engine only reads"),
    ({"QueryString": "SELECT 1 " + " " * 262_144}, "QueryString has 262153 bytes, expected at most 262144"),
    ({"WorkGroup": "other"}, "WorkGroup other is not found"),
    ({"ResultConfiguration": {}}, "No output location provided"),
    ({"ResultConfiguration": {"OutputLocation": "/results"}}, "'/results' is no address in S3"),
    ({"QueryExecutionContext": {"Catalog": "mysql"}}, "Catalog mysql: expected AwsDataCatalog"),
    ({"ExecutionParameters": ["a b"]}, "execution parameter 'a b': expected a number, or a text in single quotes"),
    ({"ResultReuseConfiguration": {}}, "ResultReuseConfiguration: not there on the local engine"),
]


def test_what_cannot_be_is_refused_at_once(lake: Lake) -> None:
    for change, why in REFUSED:
        with pytest.raises(ClientError) as refusal:
            lake.start(**{"statement": change.get("QueryString", "SELECT 1"), **change})
        assert why in str(refusal.value)


def test_a_query_that_is_not_known_is_refused(lake: Lake) -> None:
    for operation in ("get_query_execution", "get_query_results", "stop_query_execution"):
        with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="none was not found"):
            getattr(lake.athena, operation)(QueryExecutionId="none")


def test_the_same_token_is_the_same_query(lake: Lake) -> None:
    token = "t" * 32
    first = lake.start("SELECT 1", ClientRequestToken=token)
    assert lake.start("SELECT 1", ClientRequestToken=token) == first
    assert lake.start("SELECT 1") != first
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="Idempotent parameters do not match"):
        lake.start("SELECT 2", ClientRequestToken=token)


def test_queries_are_listed_in_pages_the_latest_first(lake: Lake) -> None:
    made = [lake.start("SELECT 1") for _ in range(5)]
    pages = lake.athena.get_paginator("list_query_executions").paginate(PaginationConfig={"PageSize": 2})
    assert [identity for page in pages for identity in page["QueryExecutionIds"]] == made[::-1]


def test_a_result_that_cannot_be_written_fails_the_query(lake: Lake) -> None:
    location = {"OutputLocation": "s3://nowhere/results"}
    assert "nowhere: there is no such bucket" in lake.fail("SELECT 1", ResultConfiguration=location)
    identity = lake.start("SELECT 1", ResultConfiguration=location)
    lake.told(identity)
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match=r"did not finish successfully.*FAILED"):
        lake.athena.get_query_results(QueryExecutionId=identity)


def test_a_query_has_only_so_much_time(cloud: Kept, lake: Lake) -> None:
    identity = lake.start("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")
    running.run(cloud.home, cloud.database, identity, limit_s=0.2)
    status = lake.told(identity)["Status"]
    assert (status["State"], status["StateChangeReason"]) == (
        "FAILED",
        "Query exhausted resources at this scale factor: Query timeout",
    )


def test_a_full_disk_fails_the_query_and_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put("samples/1.jsonl", ROWS)

    def full(*_: object) -> None:
        message = "database or disk is full"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(ingesting, "bring_in", full)
    assert lake.fail("SELECT * FROM samples") == "GENERIC_INTERNAL_ERROR: database or disk is full"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}}, "expected JSON lines"),
        ({"Columns": [{"Name": "a", "Type": "array<int>"}]}, "samples.a: expected a type among string, int,"),
        ({"Location": "/data"}, "HIVE_METASTORE_ERROR: table samples: '/data' is no address in S3"),
        ({"Location": "s3://nowhere/a/"}, "nowhere: there is no such bucket"),
    ],
)
def test_a_table_that_cannot_be_read_fails_the_query(lake: Lake, change: dict[str, Any], why: str) -> None:
    lake.glue.update_table(DatabaseName=DATABASE, TableInput=table("samples", COLUMNS, **change))
    assert why in lake.fail("SELECT count(*) FROM samples")
    assert lake.ask("SELECT 1") == [["1"]]
