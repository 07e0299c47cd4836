"""What the feature store keeps, hands out and refuses; no other cloud has a runtime to hold it against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.database import Database
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.sagemaker import asked

MORNING, NOON, EVENING = "2026-03-01T08:00:00Z", "2026-03-01T12:00:00.500Z", "2026-03-01T18:00:00Z"


@dataclass
class Store:
    """The label store of the tests: one feature group with one record to talk about."""

    runtime: Any
    sagemaker: Any
    database: Database

    def put(self, at: str, image: str = "a.png", group: str = "labels", **more: str) -> None:
        record = {"image": image, "verified_at": at, "boxes": "[]", **more}
        values = [{"FeatureName": name, "ValueAsString": value} for name, value in record.items()]
        self.runtime.put_record(FeatureGroupName=group, Record=values)

    def get(self, image: str = "a.png", **more: Any) -> dict[str, str] | None:
        found = self.runtime.get_record(FeatureGroupName="labels", RecordIdentifierValueAsString=image, **more)
        if "Record" not in found:
            return None
        return {each["FeatureName"]: each["ValueAsString"] for each in found["Record"]}

    def delete(self, at: str, mode: str = "SoftDelete") -> None:
        self.runtime.delete_record(
            FeatureGroupName="labels", RecordIdentifierValueAsString="a.png", EventTime=at, DeletionMode=mode
        )

    def versions(self) -> list[tuple[Any, ...]]:
        table = self.sagemaker.describe_feature_group(FeatureGroupName="labels")["OfflineStoreConfig"]
        name = table["DataCatalogConfig"]["TableName"]
        rows = self.database.connection().execute(f'SELECT image, verified_at, width, is_deleted FROM "{name}"')
        return [tuple(row) for row in rows]


@pytest.fixture
def store(opened: Kept) -> Store:
    opened.client("sagemaker").create_feature_group(**asked.feature_group())
    return Store(opened.client("sagemaker-featurestore-runtime"), opened.client("sagemaker"), opened.database)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    return str(caught.value.response["Error"]["Message"])


def test_a_record_is_got_as_it_was_put(store: Store) -> None:
    store.put(NOON, width="640", score="0.5")
    assert store.get() == {"image": "a.png", "verified_at": NOON, "boxes": "[]", "width": "640", "score": "0.5"}
    assert store.get(FeatureNames=["score", "width"]) == {"width": "640", "score": "0.5"}


def test_the_newest_event_time_wins_however_late_the_others_come(store: Store) -> None:
    store.put(NOON, width="2")
    store.put(EVENING, width="3")
    store.put(MORNING, width="1")
    assert (store.get() or {})["width"] == "3"
    store.put(EVENING, width="4")  # of two of the same time the last one
    assert (store.get() or {})["width"] == "4"


def test_every_version_is_in_the_table_of_the_offline_store(store: Store) -> None:
    store.put(NOON, width="2")
    store.put(MORNING, width="1")
    store.delete(EVENING)
    assert sorted(store.versions(), key=lambda row: row[1]) == [
        ("a.png", MORNING, 1, 0),
        ("a.png", NOON, 2, 0),
        ("a.png", EVENING, None, 1),
    ]


def test_a_record_that_is_not_there_is_no_error(store: Store) -> None:
    assert store.get("none.png") is None


def test_a_deleted_record_is_not_got_and_what_is_older_does_not_bring_it_back(store: Store) -> None:
    store.put(MORNING)
    store.delete(NOON)
    assert store.get() is None
    store.put(MORNING)
    assert store.get() is None
    store.put(EVENING)
    assert store.get() is not None


def test_a_deletion_that_is_not_later_than_the_record_does_nothing(store: Store) -> None:
    store.put(NOON)
    store.delete(NOON)
    assert store.get() is not None
    assert "later" in refused(lambda: store.delete(MORNING, "HardDelete"))
    store.delete(EVENING, "HardDelete")
    assert store.get() is None
    store.put(MORNING)  # nothing is left that would be newer
    assert store.get() is not None


def test_many_records_are_got_at_once_and_what_is_missing_is_told_apart(store: Store) -> None:
    store.put(NOON, "a.png")
    store.put(NOON, "b.png")
    answer = store.runtime.batch_get_record(
        Identifiers=[
            {"FeatureGroupName": "labels", "RecordIdentifiersValueAsString": ["b.png", "none.png", "a.png"]},
            {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["a.png"]},
        ]
    )
    assert [each["RecordIdentifierValueAsString"] for each in answer["Records"]] == ["b.png", "a.png"]
    assert [(each["FeatureGroupName"], each["ErrorCode"]) for each in answer["Errors"]] == [
        ("none", "ResourceNotFound")
    ]
    assert answer["UnprocessedIdentifiers"] == []


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"color": "red"}, "color"),
        ({"image": ""}, "record identifier"),
        ({"verified_at": ""}, "event time"),
        ({"width": "12.5"}, "Integral"),
        ({"width": str(2**63)}, "Integral"),
        ({"width": "1_000"}, "Integral"),
        ({"score": "\u0661"}, "Fractional"),
        ({"score": "high"}, "Fractional"),
        ({"score": "nan"}, "Fractional"),
        ({"verified_at": "yesterday"}, "yyyy-MM-dd"),
        ({"verified_at": "2026-02-30T08:00:00Z"}, "yyyy-MM-dd"),
        ({"verified_at": "2026-03-01T08:00:00+01:00"}, "yyyy-MM-dd"),
    ],
)
def test_a_record_that_the_definitions_do_not_allow_is_refused(store: Store, record: dict[str, str], said: str) -> None:
    whole = {"image": "a.png", "verified_at": NOON} | record
    values = [{"FeatureName": name, "ValueAsString": value} for name, value in whole.items()]
    put = store.runtime.put_record
    assert said in refused(lambda: put(FeatureGroupName="labels", Record=values))
    assert store.get() is None
    assert store.versions() == []


def test_a_feature_is_given_once_and_as_one_value(store: Store) -> None:
    put = store.runtime.put_record
    base = [{"FeatureName": "image", "ValueAsString": "a"}, {"FeatureName": "verified_at", "ValueAsString": NOON}]
    assert "twice" in refused(lambda: put(FeatureGroupName="labels", Record=[*base, base[0]]))
    listed = {"FeatureName": "boxes", "ValueAsStringList": ["1"]}
    assert "ValueAsString" in refused(lambda: put(FeatureGroupName="labels", Record=[*base, listed]))
    ttl = {"Unit": "Days", "Value": 1}
    assert "Ttl" in refused(lambda: put(FeatureGroupName="labels", Record=base, TtlDuration=ttl))


def test_an_event_time_may_be_seconds_since_1970(store: Store) -> None:
    definitions = [
        {"FeatureName": "image", "FeatureType": "String"},
        {"FeatureName": "verified_at", "FeatureType": "Fractional"},
        {"FeatureName": "boxes", "FeatureType": "String"},
    ]
    store.sagemaker.create_feature_group(**asked.feature_group("timed", FeatureDefinitions=definitions))
    store.put("1772352000.25", group="timed")
    found = store.runtime.get_record(FeatureGroupName="timed", RecordIdentifierValueAsString="a.png")
    assert found["Record"][1] == {"FeatureName": "verified_at", "ValueAsString": "1772352000.25"}


def test_each_store_is_used_only_where_there_is_one(store: Store) -> None:
    offline = asked.feature_group("archive")
    del offline["OnlineStoreConfig"]
    store.sagemaker.create_feature_group(**offline)
    store.put(NOON, group="archive")
    get = store.runtime.get_record
    message = refused(lambda: get(FeatureGroupName="archive", RecordIdentifierValueAsString="a.png"))
    assert "online store" in message
    record = [{"FeatureName": "image", "ValueAsString": "a"}, {"FeatureName": "verified_at", "ValueAsString": NOON}]
    put = store.runtime.put_record
    refused(lambda: put(FeatureGroupName="archive", Record=record, TargetStores=["OnlineStore"]))
    store.runtime.put_record(FeatureGroupName="labels", Record=record, TargetStores=["OnlineStore"])
    assert store.versions() == []


def test_a_group_that_is_made_again_begins_empty(store: Store) -> None:
    store.put(NOON)
    store.sagemaker.delete_feature_group(FeatureGroupName="labels")
    with pytest.raises(store.runtime.exceptions.ResourceNotFound):
        store.get()
    store.sagemaker.create_feature_group(**asked.feature_group())
    assert store.get() is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"FeatureGroupName": "../labels"}, "featureGroupName"),
        ({"RecordIdentifierFeatureName": "none"}, "record identifier"),
        ({"EventTimeFeatureName": "width"}, "event time"),
        ({"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "https://bench"}}}, "s3://"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": False}, "OfflineStoreConfig": None}, "OnlineStoreConfig"),
    ],
)
def test_a_group_that_cannot_be_is_refused(store: Store, change: dict[str, Any], said: str) -> None:
    request = {name: value for name, value in asked.feature_group("new", **change).items() if value is not None}
    with pytest.raises(ClientError, match="ValidationException") as caught:
        store.sagemaker.create_feature_group(**request)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["write_time", "image", "a b"])
def test_a_feature_cannot_have_every_name(store: Store, name: str) -> None:
    definitions = [*asked.feature_group()["FeatureDefinitions"], {"FeatureName": name, "FeatureType": "String"}]
    with pytest.raises(ClientError, match="ValidationException"):
        store.sagemaker.create_feature_group(**asked.feature_group("new", FeatureDefinitions=definitions))
