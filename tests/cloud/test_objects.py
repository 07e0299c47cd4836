"""Objects of a bucket: read, written under conditions, and listed, whoever else is at it."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.home import REGION
from cloud_side.local.opening import open_local
from cloud_side.objects import Bucket, Unchanged, code_of, parse_address


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    cloud = open_local(tmp_path_factory.mktemp("home"))
    s3 = cloud.session.client("s3")
    s3.create_bucket(Bucket="objects", CreateBucketConfiguration={"LocationConstraint": REGION})
    yield Bucket(s3, "objects")
    cloud.close()


def test_what_is_not_there_is_none(bucket: Bucket) -> None:
    assert bucket.read("absent") is None
    assert bucket.open("absent") is None
    assert bucket.written_at("absent") is None
    assert list(bucket.lines("absent")) == []
    bucket.remove("absent")


def test_a_bucket_that_is_not_there_is_an_error(bucket: Bucket) -> None:
    nowhere = Bucket(bucket.s3, "nowhere")
    for ask in (
        lambda: next(nowhere.listed("")),
        partial(nowhere.read, "a"),
        partial(nowhere.write, "a", b"", is_new=True),
    ):
        with pytest.raises(ClientError):
            ask()


def test_an_object_is_read_as_it_was_written(bucket: Bucket) -> None:
    etag = bucket.write("whole", b"content", media="text/plain")
    kept = bucket.read("whole", most_bytes=7)
    assert kept is not None
    assert (kept.content, kept.etag) == (b"content", etag)
    answer = bucket.open("whole")
    assert answer is not None
    assert answer["ContentType"] == "text/plain"
    answer["Body"].close()
    written = bucket.written_at("whole")
    assert written is not None
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=5)


def test_who_has_it_already_is_told_so(bucket: Bucket) -> None:
    etag = bucket.write("known", b"1")
    with pytest.raises(Unchanged):
        bucket.read("known", unless=etag)
    bucket.write("known", b"2")
    kept = bucket.read("known", unless=etag)
    assert kept is not None
    assert kept.content == b"2"


def test_what_is_too_large_is_not_read(bucket: Bucket) -> None:
    bucket.write("large", b"12345")
    with pytest.raises(ValueError, match="expected at most 4 bytes, found 5"):
        bucket.read("large", most_bytes=4)


def test_only_the_first_writes_what_is_new(bucket: Bucket) -> None:
    assert bucket.write("new", b"1", is_new=True) is not None
    assert bucket.write("new", io.BytesIO(b"2"), is_new=True) is None
    kept = bucket.read("new")
    assert kept is not None
    assert kept.content == b"1"


def test_only_what_was_looked_at_is_replaced(bucket: Bucket) -> None:
    first = bucket.write("replaced", b"1")
    second = bucket.write("replaced", io.BytesIO(b"2"), over=first)
    assert second is not None
    assert bucket.write("replaced", b"3", over=first) is None
    bucket.remove("replaced")
    assert bucket.write("replaced", b"3", over=second) is None
    assert bucket.read("replaced") is None


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "AccessDenied"])
def test_a_conflict_is_no_error_and_a_refusal_is_one(bucket: Bucket, code: str) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code}}, "PutObject")

    bucket.s3.meta.events.register_first("before-call.s3.PutObject", refuse)
    try:
        if code == "AccessDenied":
            with pytest.raises(ClientError) as caught:
                bucket.write("refused", b"", is_new=True)
            assert code_of(caught.value) == code
        else:
            assert bucket.write("refused", b"", is_new=True) is None
            with pytest.raises(ClientError):  # nobody said under which condition
                bucket.write("refused", b"")
    finally:
        bucket.s3.meta.events.unregister("before-call.s3.PutObject", refuse)


def test_lines_come_without_the_blank_ones_and_only_as_far_as_they_are_asked_for(bucket: Bucket) -> None:
    assert bucket.write_lines("lines", ["a\n", "\n", "b \n", "ä"]) == 4
    assert list(bucket.lines("lines")) == [b"a", b"b ", "ä".encode()]
    long = "x" * (1 << 20)
    assert bucket.write_lines("long", (f"{number}{long}\n" for number in range(6))) == 6  # more than is held in memory
    assert [line[:2] for line in islice(bucket.lines("long"), 2)] == [b"0x", b"1x"]


def test_what_lies_in_folders_is_listed_or_named(bucket: Bucket) -> None:
    for name in ("b/1", "a", "b/2", "c"):
        bucket.write(f"folder/{name}", name.encode())
    listed = list(bucket.listed("folder/"))
    assert [each.key for each in listed] == ["folder/a", "folder/b/1", "folder/b/2", "folder/c"]
    assert (listed[0].size, listed[1].size) == (1, 3)
    kept = bucket.read("folder/a")
    assert kept is not None
    assert listed[0].etag == kept.etag
    assert [each.key for each in bucket.listed("folder/", is_deep=False)] == ["folder/a", "folder/c"]
    assert sorted(bucket.names("folder/")) == ["folder/a", "folder/b/", "folder/c"]


def test_an_address_names_bucket_and_key(bucket: Bucket) -> None:
    assert parse_address(bucket.address("a/b")) == ("objects", "a/b")
    for wrong in ("", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "https://bucket/key", "bucket/key"):
        with pytest.raises(ValueError, match="expected an address as s3://bucket/key, found"):
            parse_address(wrong)
