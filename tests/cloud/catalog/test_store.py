"""The label store: a label comes back as it was put, the newest of an image alone, and late rows are waited for."""

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.expressions import Select

from cloud_side.catalog import store
from cloud_side.catalog.label_rows import FEATURES, event_time_of, label_from, record_of, row_of
from cloud_side.catalog.labels import AnnotatorType, Box, Label, LabelError, Origin, Verification
from cloud_side.catalog.store import (
    LateRowsError,
    StoreError,
    feature_group_request,
    labels_query,
    read_labels,
)
from cloud_side.local.home import REGION
from cloud_side.local.opening import LocalCloud, open_local

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
ROLE = "arn:aws:iam::000000000000:role/store"
LABEL = Label(
    image="s3://edge-inspector/samples/a.jpg",
    sha256="5d" * 32,
    width=640,
    height=480,
    group="part-1",
    class_names=("dent", "scratch"),
    boxes=(Box("scratch", 10, 20.5, 30, 40), Box("dent", 0, 0, 5, 5)),
    job="week-9",
    annotator_type=AnnotatorType.HUMAN,
    labeled_by=("ana", "ben"),
    verification=Verification.ADJUSTED,
    verified_by="cleo",
    reason="too wide",
    event_time=AT,
    origin=Origin(site="north", model="metal-tags/1.0.0"),
)


class Stored:
    """A label store on a local engine."""

    def __init__(self, cloud: LocalCloud, name: str) -> None:
        self.session, self.name = cloud.session, name
        self._runtime = cloud.session.client("sagemaker-featurestore-runtime")
        bucket = f"bucket-of-{name}"
        cloud.session.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        cloud.session.client("sagemaker").create_feature_group(**feature_group_request(name, bucket, ROLE))

    def put(self, *labels: Label) -> None:
        for label in labels:
            self._runtime.put_record(FeatureGroupName=self.name, Record=record_of(label))

    def delete(self, image: str, at: datetime) -> None:
        self._runtime.delete_record(
            FeatureGroupName=self.name, RecordIdentifierValueAsString=image, EventTime=event_time_of(at)
        )

    def read(self, **more: Any) -> list[Label]:
        return list(read_labels(self.session, self.name, **more))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    made = open_local(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made.session, "client", cache(made.session.client))  # each takes its time to make
        yield made
    made.close()


@pytest.fixture
def stored(cloud: LocalCloud, request: pytest.FixtureRequest) -> Stored:
    return Stored(cloud, f"labels-{request.node.name.replace('_', '-')[-40:].strip('-')}")


def image(number: int) -> str:
    return f"s3://edge-inspector/samples/{number:06}.jpg"


def test_a_label_comes_back_as_it_was_put(stored: Stored) -> None:
    plain = replace(
        LABEL, image=image(1), boxes=(), reason=None, verified_by=None, labeled_by=(), origin=Origin(),
        class_names=(), verification=Verification.UNVERIFIED, annotator_type=AnnotatorType.IMPORTED,
    )  # fmt: skip
    odd = "one \"quoted\", two\nlines,\r\nand: äöü \N{PILE OF POO} \N{LINE SEPARATOR} ; 'single'"
    texts = replace(LABEL, image=image(2), reason=odd, group=f"lot {odd}", labeled_by=(odd,))
    crowded = replace(LABEL, image=image(3), boxes=LABEL.boxes * 1500)
    stored.put(texts, LABEL, crowded, plain)
    assert stored.read() == [plain, texts, crowded, LABEL]


def test_nothing_comes_of_an_empty_store(stored: Stored) -> None:
    assert stored.read() == []


def test_the_newest_label_of_an_image_counts_however_late_it_is_written(stored: Stored) -> None:
    newest = replace(LABEL, event_time=AT + timedelta(milliseconds=1), boxes=())
    older = replace(LABEL, event_time=AT - timedelta(days=1), reason="older")
    stored.put(LABEL, newest, older)
    assert stored.read() == [newest]
    again = replace(newest, reason="the same time")  # of two of one time the one that was written last
    stored.put(again)
    assert stored.read() == [again]


def test_a_label_that_was_deleted_is_not_there_until_it_is_put_again(stored: Stored) -> None:
    other = replace(LABEL, image=image(2))
    stored.put(LABEL, other)
    stored.delete(LABEL.image, AT + timedelta(seconds=1))
    assert stored.read() == [other]
    later = replace(LABEL, event_time=AT + timedelta(seconds=2))
    stored.put(later)
    assert stored.read() == [other, later]


def test_the_query_is_one_for_athena_and_for_sqlite() -> None:
    query = labels_query("labels_1772353800")
    for dialect in ("athena", "sqlite"):
        statement = sqlglot.parse_one(query, dialect=dialect)
        assert isinstance(statement, Select)
        assert statement.named_selects == list(FEATURES)
    with pytest.raises(ValueError, match="expected letters, digits, underscores and dashes"):
        labels_query('labels" WHERE 1 = 1 --')


# Late rows.


def test_late_rows_are_waited_for(stored: Stored) -> None:
    newer = replace(LABEL, event_time=AT + timedelta(hours=1), reason=None)
    stored.put(LABEL)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        stored.put(replace(LABEL, image=image(len(waits))))
        if len(waits) == 3:
            stored.put(newer)

    wanted = {LABEL.image: event_time_of(newer.event_time), image(2): event_time_of(AT)}
    found = stored.read(wait_for=wanted, sleep=sleep)
    assert found[-1] == newer  # the older one of its image was there all the time
    assert len(found) == 4
    assert len(waits) == 3
    assert sum(waits) < 15 * 60


def test_who_waits_too_long_is_told_what_is_missing(stored: Stored) -> None:
    stored.put(LABEL)
    wanted = {image(number): event_time_of(AT) for number in range(9)} | {LABEL.image: event_time_of(AT)}
    waits: list[float] = []
    with pytest.raises(LateRowsError, match="9 stored labels are not in the offline store after 60 s") as caught:
        stored.read(wait_for=wanted, timeout_s=60, sleep=waits.append)
    assert sum(waits) == 60
    assert caught.value.missing == tuple(image(number) for number in range(9))
    assert image(4) in str(caught.value)
    assert image(5) not in str(caught.value)


# A store that cannot be read.


def test_a_store_that_is_not_there_is_told_of(cloud: LocalCloud) -> None:
    with pytest.raises(StoreError, match="expected a feature group 'labels-of-nobody'"):
        list(read_labels(cloud.session, "labels-of-nobody"))


def test_a_store_without_an_offline_store_is_told_of(cloud: LocalCloud) -> None:
    request = feature_group_request("online-alone", "bucket", ROLE)
    del request["OfflineStoreConfig"]
    cloud.session.client("sagemaker").create_feature_group(**request)
    with pytest.raises(StoreError, match="online-alone: expected an offline store with a table, found none"):
        list(read_labels(cloud.session, "online-alone"))


def test_a_query_that_fails_says_why(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "labels_query", lambda _table: "SELECT image FROM nowhere")
    with pytest.raises(StoreError, match=r"query .* has failed: .*nowhere"):
        stored.read()
    with pytest.raises(StoreError, match=r"cannot be queried: .*strangers"):
        stored.read(work_group="strangers")


def test_the_result_is_where_it_is_wanted(stored: Stored, cloud: LocalCloud) -> None:
    stored.put(LABEL)
    bucket = f"bucket-of-{stored.name}"
    for output, prefix in ((None, store.QUERIES), (f"s3://{bucket}/mine/", "mine/")):
        stored.read(output=output)
        listed = cloud.session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        assert listed["KeyCount"] > 0


# Rows, strictly.


def row(**more: str | None) -> dict[str, str | None]:
    return {**row_of(LABEL), **more}


def test_each_problem_of_a_row_is_named() -> None:
    wrong: Mapping[str, str | None] = {
        "sha256": "5D", "width": "0", "height": "1.5", "part_group": "", "class_names": '["dent", ""]',
        "boxes": '[{"label": "dent", "x": "1", "y": 1, "width": 1, "height": 1}]', "job": None,
        "annotator_type": "cat", "labeled_by": "ana", "verification": "maybe", "event_time": "2026-03-01T08:30:00",
        "origin": "[]", "label_sha256": "none",
    }  # fmt: skip
    with pytest.raises(LabelError) as caught:
        label_from(row(**wrong))
    told = str(caught.value).splitlines()
    assert all(line.startswith(f"{LABEL.image}: ") for line in told)
    assert sorted(line.split(": ")[1] for line in told) == sorted(wrong)


@pytest.mark.parametrize(
    "boxes",
    [
        "{}", "5", "[5]", '[{"label": "dent"}]', '[{"label": 1, "x": 1, "y": 1, "width": 1, "height": 1}]',
        '[{"label": "dent", "x": true, "y": 1, "width": 1, "height": 1}]', "[",
        '[{"label": "dent", "x": NaN, "y": 1, "width": 1, "height": 1}]',
        '[{"label": "dent", "x": 1, "y": 1, "width": 0, "height": 1}]',
        '[{"label": "dent", "x": -1, "y": 1, "width": 1, "height": 1}]',
        '[{"label": "dent", "x": 600, "y": 1, "width": 100, "height": 1}]',
        '[{"label": "hole", "x": 1, "y": 1, "width": 1, "height": 1}]',
    ],
)  # fmt: skip
def test_boxes_that_are_none_are_refused_with_the_image(boxes: str) -> None:
    with pytest.raises(LabelError, match=LABEL.image):
        label_from(row(boxes=boxes))


def test_a_row_whose_boxes_were_changed_is_refused() -> None:
    with pytest.raises(LabelError, match=r"label_sha256: expected .*, the hash of what the row says"):
        label_from(row(boxes="[]"))


def test_a_row_without_an_image_is_refused() -> None:
    with pytest.raises(LabelError, match="row without an image: image: expected a value, found none"):
        label_from(row(image=None))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SIDE = st.floats(0, 100, allow_nan=False) | st.integers(0, 100)
BOX = st.builds(Box, st.sampled_from(["dent", "a b"]), SIDE, SIDE, SIDE.filter(bool), SIDE.filter(bool))


@settings(max_examples=40)
@given(
    boxes=st.lists(BOX, max_size=4),
    group=TEXT,
    reason=st.none() | TEXT,
    workers=st.lists(TEXT, max_size=3),
    milliseconds=st.integers(0, 10**12),
)
def test_any_label_comes_back_from_its_row(
    boxes: list[Box], group: str, reason: str | None, workers: list[str], milliseconds: int
) -> None:
    label = replace(
        LABEL,
        boxes=tuple(boxes),
        class_names=("dent", "a b"),
        group=group,
        reason=reason,
        labeled_by=tuple(workers),
        event_time=datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds),
    )
    row = row_of(label)
    assert label_from(row) == label
    assert label_from(json.loads(json.dumps(row))) == label
    assert {each["FeatureName"]: each["ValueAsString"] for each in record_of(label)} == row


def test_event_times_have_the_order_of_their_texts() -> None:
    times = [AT, AT + timedelta(milliseconds=1), AT + timedelta(seconds=1), AT + timedelta(days=300)]
    assert sorted(map(event_time_of, times)) == [event_time_of(at) for at in times]
    assert event_time_of(AT) == "2026-03-01T08:30:00.000Z"


@pytest.mark.nightly
def test_a_large_store_is_read_in_little_memory(tmp_path: Path) -> None:
    cloud = open_local(tmp_path)
    try:
        stored = Stored(cloud, "labels-many")
        stored.put(*(replace(LABEL, image=image(number)) for number in range(20_000)))
        wanted = {image(19_999): event_time_of(AT)}
        tracemalloc.start()
        count = sum(1 for _ in read_labels(cloud.session, stored.name, wait_for=wanted))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    finally:
        cloud.close()
    assert count == 20_000
    assert peak < 8 << 20
