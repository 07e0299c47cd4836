"""Tables of JSON lines, and statements over them."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

BUCKET = "lake"
DATABASE = "catalog"
COLUMNS = {"image": "string", "boxes": "int", "bytes": "bigint", "confidence": "double", "judged": "boolean"}


class Lake:
    """A bucket, a database, and a client of Athena; the cloud has a `client` method."""

    def __init__(self, cloud: Any) -> None:
        self.s3, self.glue, self.athena = (cloud.client(name) for name in ("s3", "glue", "athena"))

    def make(self) -> None:
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.glue.create_database(DatabaseInput={"Name": DATABASE})
        self.create("samples")

    def create(self, name: str, columns: Mapping[str, str] = COLUMNS, *, database: str = DATABASE, **more: Any) -> None:
        self.glue.create_table(DatabaseName=database, TableInput=table(name, columns, **more))

    def put(self, key: str, rows: Iterable[Any]) -> None:
        """Make an object of rows, each of them JSON, or a line as it is."""
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body="".join(f"{line}\n" for line in lines).encode())

    def start(self, statement: str, database: str = DATABASE, **more: Any) -> str:
        asked = {
            "QueryString": statement,
            "QueryExecutionContext": {"Database": database},
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results"},
            **more,
        }
        return str(self.athena.start_query_execution(**asked)["QueryExecutionId"])

    def told(self, identity: str) -> Any:
        return self.athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"]

    def text(self, identity: str) -> str:
        return str(self.s3.get_object(Bucket=BUCKET, Key=f"results/{identity}.csv")["Body"].read().decode())

    def ask(self, statement: str, database: str = DATABASE, **more: Any) -> list[list[str]]:
        """Return the rows of a result, without its header."""
        identity = self.start(statement, database, **more)
        status = self.told(identity)["Status"]
        assert status["State"] == "SUCCEEDED", status
        return list(csv.reader(io.StringIO(self.text(identity))))[1:]

    def fail(self, statement: str, database: str = DATABASE, **more: Any) -> str:
        """Return why a statement failed."""
        status = self.told(self.start(statement, database, **more))["Status"]
        assert status["State"] == "FAILED", status
        assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]
        return str(status["StateChangeReason"])


def table(name: str, columns: Mapping[str, str], **more: Any) -> dict[str, Any]:
    storage = {
        "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
        "Location": f"s3://{BUCKET}/{name}",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        **more,
    }
    return {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
