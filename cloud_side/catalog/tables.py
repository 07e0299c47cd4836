"""Tables of the catalog: what the index of samples and the claims of batches have for columns, for Athena and Glue.

Both are JSON lines in S3; a row is never changed, an object of rows is replaced as a whole.
"""

from dataclasses import dataclass
from typing import Any, Final

# The defaults; an installation may have others.
DATABASE: Final = "edge_inspector"
LABEL_STORE: Final = "edge-inspector-labels"  # a feature group


@dataclass(frozen=True)
class Column:
    """A column; `type` is Glue's: string, int, bigint, double or boolean."""

    name: str
    type: str = "string"


@dataclass(frozen=True)
class Table:
    """A table over the JSON lines under a prefix.

    Attributes:
        prefix: Of the objects' keys, with a slash at its end.
    """

    name: str
    prefix: str
    columns: tuple[Column, ...]

    def input(self, bucket: str) -> dict[str, Any]:
        """Return the `TableInput` of Glue's CreateTable and UpdateTable."""
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "json", "EXTERNAL": "TRUE"},
            "StorageDescriptor": {
                "Columns": [{"Name": each.name, "Type": each.type} for each in self.columns],
                "Location": f"s3://{bucket}/{self.prefix}",
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
            },
        }


# One row a picture, in one object a station and day, in the order of keys.
SAMPLES: Final = Table(
    "samples",
    "catalog/index/",
    (
        Column("image"),  # its key
        Column("sha256"),  # of the picture, as its sidecar says
        Column("etag"),  # of the sidecar: a judged sample has another one
        Column("site"),
        Column("line"),
        Column("station"),
        Column("camera"),
        Column("day"),  # YYYY-MM-DD
        Column("captured_at"),
        Column("inspection_id"),
        Column("part_id"),
        Column("lot"),
        Column("product"),
        Column("part_group"),  # as the sidecar has it: part, else lot, else the inspection; `group` is a word of SQL
        Column("reason"),  # why it was kept; `operator` once a person has judged it
        Column("found_reason"),  # why the station had kept it by itself; null where it had not
        Column("disposition"),  # what an operator said; null where nobody did
        Column("outcome"),
        Column("boxes", "int"),
        Column("confidence", "double"),  # of the most confident box; null without one
        Column("model"),  # name/version
        Column("model_sha256"),
    ),
)

# One row an image that a batch has taken, in one object a batch, numbered without a gap.
TAKEN: Final = Table(
    "taken",
    "catalog/taken/",
    (
        Column("sha256"),
        Column("batch"),
        Column("until"),  # ISO 8601, UTC: from then on another batch may take it; SETTLED for what is done with
    ),
)

SETTLED: Final = "9999-12-31T00:00:00Z"
