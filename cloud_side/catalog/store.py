"""The label store: a feature group in which an image is a record, and its newest accepted label the record's value.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-feature-group.html, and "Query examples" of
    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-athena-glue-integration.html.
"""

import csv
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any, Final

import boto3
from botocore.exceptions import ClientError

from cloud_side.catalog.label_rows import EVENT_TIME, FEATURES, RECORD_ID, label_from
from cloud_side.catalog.labels import Label
from cloud_side.objects import Bucket, Client, parse_address
from edge_inspector.errors import InspectorError

PREFIX: Final = "label-store"  # of the objects in the bucket that are the offline store
QUERIES: Final = "catalog/queries/labels/"  # of results, in the same bucket
_TABLE = re.compile(r"[A-Za-z0-9_-]+")
_CHUNK_BYTES: Final = 1 << 16
_LONGEST_FIELD: Final = 400_000  # characters; a record has 350 KB at most
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.25, 5.0
_LATE_LOOK_S: Final = 30.0
_LATEST_S: Final = 1200.0  # rows come up to 15 minutes late
_SHOWN: Final = 5


class StoreError(InspectorError):
    """The label store cannot be read; says why."""


class LateRowsError(StoreError):
    """Labels that were stored are not to be read yet.

    Attributes:
        missing: Addresses of their images.
    """

    def __init__(self, feature_group: str, missing: Mapping[str, str], waited_s: float) -> None:
        """Name some of them."""
        self.missing = tuple(sorted(missing))
        named = ", ".join(self.missing[:_SHOWN]) + (", ..." if len(self.missing) > _SHOWN else "")
        super().__init__(
            f"{feature_group}: {len(self.missing)} stored labels are not in the offline store after {waited_s:.0f} s of"
            f" waiting, expected them 15 minutes after they were stored: {named}. Try again later."
        )


def feature_group_request(name: str, bucket: str, role: str) -> dict[str, Any]:
    """Return the parameters of CreateFeatureGroup, with an online and an offline store.

    Args:
        name: Of the group.
        bucket: In which the offline store is.
        role: ARN of the role that writes there.
    """
    return {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": RECORD_ID,
        "EventTimeFeatureName": EVENT_TIME,
        "FeatureDefinitions": [{"FeatureName": feature, "FeatureType": kind} for feature, kind in FEATURES.items()],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{bucket}/{PREFIX}"}},
        "RoleArn": role,
        "Description": "Labels of images that a person accepted: the newest record of an image is its label",
    }


def labels_query(table: str) -> str:
    """Return the statement that selects the newest row of each image, without those that were deleted.

    It is in the part of SQL that SQLite and Athena have in common.

    Args:
        table: Name of the offline store's table: letters, digits, underscores and dashes.

    Raises:
        ValueError: If it is no such name.
    """
    if not _TABLE.fullmatch(table):
        msg = f"table: expected letters, digits, underscores and dashes, found {table!r}"
        raise ValueError(msg)
    columns = ", ".join(FEATURES)
    return (
        f"SELECT {columns} FROM (SELECT {columns}, is_deleted, ROW_NUMBER() OVER (PARTITION BY {RECORD_ID}"  # noqa: S608
        f" ORDER BY {EVENT_TIME} DESC, api_invocation_time DESC, write_time DESC) AS age"
        f' FROM "{table}") AS versions WHERE age = 1 AND NOT is_deleted ORDER BY {RECORD_ID}'
    )


def read_labels(  # noqa: PLR0913 - each has its default
    session: boto3.Session,
    feature_group: str,
    *,
    wait_for: Mapping[str, str] | None = None,
    timeout_s: float = _LATEST_S,
    sleep: Callable[[float], None] = time.sleep,
    output: str | None = None,
    work_group: str | None = None,
) -> Iterator[Label]:
    """Yield the labels of a store, one an image, in the order of the images' addresses.

    Args:
        session: Of either engine.
        feature_group: Name of the store.
        wait_for: Event time by address of the image, of labels that must be there: rows come up to 15 minutes late.
        timeout_s: Seconds to wait for these at most.
        sleep: Waits.
        output: Where Athena writes its result, `s3://bucket/prefix/`; None: in the bucket of the store.
        work_group: Of Athena; None: its default.

    Raises:
        StoreError: If the store is not there, or cannot be queried.
        LateRowsError: If labels of `wait_for` are not there in time.
        LabelError: If a row is no label; names it.
    """
    query = _Query(session, sleep, _table_of(session.client("sagemaker"), feature_group), output, work_group)
    missing, waited_s = dict(wait_for or {}), 0.0
    while True:
        result = query.run()
        missing = _absent(query.rows(result), missing) if missing else {}
        if not missing:
            break
        if waited_s >= timeout_s:
            raise LateRowsError(feature_group, missing, waited_s)
        sleep(_LATE_LOOK_S)
        waited_s += _LATE_LOOK_S
    yield from map(label_from, query.rows(result))


def _absent(rows: Iterator[Mapping[str, str]], awaited: Mapping[str, str]) -> dict[str, str]:
    """Return those of which there is no row, or an older one."""
    absent = dict(awaited)
    for row in rows:
        if row[EVENT_TIME] >= absent.get(row[RECORD_ID], "~"):  # of one length and zone: texts are in the order of time
            del absent[row[RECORD_ID]]
    return absent


@dataclass(frozen=True)
class _Offline:
    """The offline store of a feature group, as Athena finds it."""

    catalog: str
    database: str
    table: str
    bucket: str


def _table_of(sagemaker: Client, feature_group: str) -> _Offline:
    try:
        described = sagemaker.describe_feature_group(FeatureGroupName=feature_group)
    except ClientError as error:
        msg = f"label store: expected a feature group {feature_group!r}: {error}"
        raise StoreError(msg) from error
    try:
        config = described["OfflineStoreConfig"]
        found = config["DataCatalogConfig"]
        bucket = config["S3StorageConfig"]["S3Uri"].removeprefix("s3://").partition("/")[0]  # a prefix it need not have
    except KeyError as error:
        status = described.get("FeatureGroupStatus")
        msg = f"{feature_group}: expected an offline store with a table, found none; its status is {status}"
        raise StoreError(msg) from error
    return _Offline(found["Catalog"], found["Database"], found["TableName"], bucket)


class _Query:
    """Selects all labels, as often as is asked for."""

    def __init__(
        self,
        session: boto3.Session,
        sleep: Callable[[float], None],
        offline: _Offline,
        output: str | None,
        work_group: str | None,
    ) -> None:
        self._athena, self._s3, self._sleep = session.client("athena"), session.client("s3"), sleep
        self._request = {
            "QueryString": labels_query(offline.table),
            "QueryExecutionContext": {"Catalog": offline.catalog, "Database": offline.database},
            "ResultConfiguration": {"OutputLocation": output or f"s3://{offline.bucket}/{QUERIES}"},
            **({} if work_group is None else {"WorkGroup": work_group}),
        }

    def run(self) -> str:
        """Return the address of the result, once it is there."""
        try:
            identity = self._athena.start_query_execution(**self._request)["QueryExecutionId"]
        except ClientError as error:
            msg = f"label store: cannot be queried: {error}"
            raise StoreError(msg) from error
        pause_s = _FIRST_LOOK_S
        while True:
            execution = self._athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"]
            match execution["Status"]["State"]:
                case "SUCCEEDED":
                    return str(execution["ResultConfiguration"]["OutputLocation"])
                case "FAILED" | "CANCELLED" as state:
                    reason = execution["Status"].get("StateChangeReason", "no reason was given")
                    msg = f"label store: query {identity} has {state.lower()}: {reason}"
                    raise StoreError(msg)
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_LOOK_S)

    def rows(self, result: str) -> Iterator[dict[str, str]]:
        """Yield the rows of a result; what is not known is an empty text."""
        bucket, key = parse_address(result)
        answer = Bucket(self._s3, bucket).open(key)
        if answer is None:
            msg = f"label store: expected the answer of a query, found nothing at {result}"
            raise StoreError(msg)
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
        with closing(answer["Body"]) as body:
            yield from csv.DictReader(_text_lines(body), strict=True)


def _text_lines(body: IO[bytes]) -> Iterator[str]:
    """Yield lines with what ends them: a value in quotes may go on in the next one."""
    rest = b""
    while chunk := body.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (f"{line.decode()}\n" for line in lines)
    if rest:
        yield rest.decode()
