"""The events of all stations as a table for Athena: one partition a day, the day on which AWS got them."""

from typing import Any, Final

from cloud_side.catalog.tables import Column, Table

EVENTS: Final = Table(
    "events",
    "events/all/",
    (
        Column("id"),
        Column("source"),
        Column("type"),
        Column("subject"),
        Column("time"),  # by the station's clock
        Column("data"),  # as JSON: `json_extract_scalar(data, '$.outcome')`
    ),
)
DAY: Final = "dt"
FAILED: Final = "events/failed/"  # what could not be delivered


def table_input(bucket: str) -> dict[str, Any]:
    """Return the `TableInput` of Glue, whose partitions Athena works out by itself.

    Args:
        bucket: Of the product.

    Source:
        https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html
    """
    plain = EVENTS.input(bucket)
    projection = {
        "projection.enabled": "true",
        f"projection.{DAY}.type": "date",
        f"projection.{DAY}.format": "yyyy-MM-dd",
        f"projection.{DAY}.range": "2025-01-01,NOW",
        "storage.location.template": f"s3://{bucket}/{EVENTS.prefix}{DAY}=${{{DAY}}}/",
    }
    return {
        **plain,
        "PartitionKeys": [{"Name": DAY, "Type": "string"}],
        "Parameters": {**plain["Parameters"], **projection},
    }
