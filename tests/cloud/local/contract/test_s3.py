"""S3: the same asked of the local service and of moto.

Where moto differs from AWS' documentation, and the local service is tested alone: it takes any bucket name, parts in
any order, and an upload that has ended; lists buckets as they were made and without pages; asks for no condition of a
copy's source; tells also of what it deleted quietly; and forgets that a bucket tells EventBridge.
"""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, WaiterError

from cloud_side.local.home import REGION
from cloud_side.local.services.s3 import S3
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.s3.buckets import BUCKET, REGION_SAID, Cloud, code_of

PART = b"p" * (5 << 20)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("s3"), [S3]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def s3(request: pytest.FixtureRequest, local: Kept) -> Any:
    if request.param == "moto":
        client = request.getfixturevalue("moto_session").client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=REGION_SAID)
        return client
    local.empty()
    Cloud(local).empty()
    return local.client("s3")


def refused(call: Any, **asked: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**asked)
    return code_of(error.value)


def put(s3: Any, key: str, body: bytes = b"content", **more: Any) -> str:
    return str(s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)["ETag"])


def read(s3: Any, key: str, **more: Any) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read())


def test_a_bucket_is_made_found_listed_and_removed(s3: Any) -> None:
    assert refused(s3.create_bucket, Bucket="other")[0] == "IllegalLocationConstraintException"
    assert refused(s3.create_bucket, Bucket=BUCKET, CreateBucketConfiguration=REGION_SAID) == (
        "BucketAlreadyOwnedByYou",
        409,
    )
    s3.create_bucket(Bucket="other", CreateBucketConfiguration=REGION_SAID)
    s3.get_waiter("bucket_exists").wait(Bucket="other")
    assert s3.head_bucket(Bucket="other")["BucketRegion"] == REGION
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == {"other", BUCKET}
    put(s3, "a")
    assert refused(s3.delete_bucket, Bucket=BUCKET) == ("BucketNotEmpty", 409)
    s3.delete_bucket(Bucket="other")
    assert refused(s3.head_bucket, Bucket="other") == ("404", 404)
    s3.get_waiter("bucket_not_exists").wait(Bucket="other")
    assert refused(s3.delete_bucket, Bucket="other") == ("NoSuchBucket", 404)


def test_an_object_is_put_described_read_and_deleted(s3: Any) -> None:
    etag = put(s3, "a/b c.txt", b"text", ContentType="text/plain", CacheControl="no-cache", Metadata={"Part": "7"})
    assert etag == '"1cb251ec0d568de6a929b520c4aed8d1"'
    head = s3.head_object(Bucket=BUCKET, Key="a/b c.txt")
    found = s3.get_object(Bucket=BUCKET, Key="a/b c.txt")
    for each in (head, found):
        assert (each["ETag"], each["ContentLength"], each["AcceptRanges"]) == (etag, 4, "bytes")
        assert (each["ContentType"], each["CacheControl"], each["Metadata"]) == (
            "text/plain",
            "no-cache",
            {"part": "7"},
        )
        assert each["LastModified"].microsecond == 0
    assert found["Body"].read() == b"text"
    put(s3, "plain", b"")
    assert s3.head_object(Bucket=BUCKET, Key="plain")["ContentType"] == "binary/octet-stream"
    assert read(s3, "plain") == b""
    s3.delete_object(Bucket=BUCKET, Key="plain")
    s3.delete_object(Bucket=BUCKET, Key="plain")
    assert refused(s3.head_object, Bucket=BUCKET, Key="plain") == ("404", 404)
    with pytest.raises(s3.exceptions.NoSuchKey):
        read(s3, "plain")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="nowhere", Key="a", Body=b"")


def test_waiters_wait_for_an_object(s3: Any) -> None:
    soon = {"Delay": 0, "MaxAttempts": 2}
    with pytest.raises(WaiterError):
        s3.get_waiter("object_exists").wait(Bucket=BUCKET, Key="a", WaiterConfig=soon)
    put(s3, "a")
    s3.get_waiter("object_exists").wait(Bucket=BUCKET, Key="a", WaiterConfig=soon)
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.get_waiter("object_not_exists").wait(Bucket=BUCKET, Key="a", WaiterConfig=soon)


@pytest.mark.parametrize(
    ("asked", "bytes_", "told"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_part_of_an_object_is_read(s3: Any, asked: str, bytes_: bytes, told: str) -> None:
    put(s3, "a", b"0123456789")
    found = s3.get_object(Bucket=BUCKET, Key="a", Range=asked)
    assert (found["Body"].read(), found["ContentRange"], found["ContentLength"]) == (bytes_, told, len(bytes_))


def test_bytes_that_are_not_there_are_refused(s3: Any) -> None:
    put(s3, "a", b"0123456789")
    assert refused(s3.get_object, Bucket=BUCKET, Key="a", Range="bytes=10-") == ("InvalidRange", 416)


def test_reads_hold_to_their_conditions(s3: Any) -> None:
    etag = put(s3, "a")
    assert read(s3, "a", IfMatch=etag) == read(s3, "a", IfNoneMatch='"other"') == b"content"
    assert refused(s3.get_object, Bucket=BUCKET, Key="a", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.get_object, Bucket=BUCKET, Key="a", IfNoneMatch=etag) == ("304", 304)
    assert refused(s3.head_object, Bucket=BUCKET, Key="a", IfMatch='"other"') == ("412", 412)
    assert refused(s3.head_object, Bucket=BUCKET, Key="a", IfNoneMatch=etag) == ("304", 304)


def test_writes_hold_to_their_conditions(s3: Any) -> None:
    etag = put(s3, "a", b"one", IfNoneMatch="*")
    asked = {"Bucket": BUCKET, "Key": "a", "Body": b"two"}
    assert refused(s3.put_object, **asked, IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **asked, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **asked | {"Key": "none"}, IfMatch=etag) == ("NoSuchKey", 404)
    assert read(s3, "a") == b"one"
    put(s3, "a", b"two", IfMatch=etag)
    assert read(s3, "a") == b"two"


def test_deletes_hold_to_their_conditions(s3: Any) -> None:
    etag = put(s3, "a")
    asked = {"Bucket": BUCKET, "Key": "a"}
    assert refused(s3.delete_object, **asked, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.delete_object, **asked | {"Key": "none"}, IfMatch=etag) == ("NoSuchKey", 404)
    assert read(s3, "a") == b"content"
    s3.delete_object(**asked, IfMatch=etag)
    assert refused(s3.get_object, **asked) == ("NoSuchKey", 404)


def test_an_object_is_copied_with_or_without_what_was_said_of_it(s3: Any) -> None:
    etag = put(s3, "a/ü b+c%41", b"text", ContentType="text/plain", Metadata={"part": "7"})
    source = {"Bucket": BUCKET, "Key": "a/ü b+c%41"}
    copied = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == etag
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"part": "7"})
    s3.copy_object(
        Bucket=BUCKET, Key="copy", CopySource=source, MetadataDirective="REPLACE", ContentType="text/css", Metadata={}
    )
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    assert (head["ContentType"], head["Metadata"], read(s3, "copy")) == ("text/css", {}, b"text")
    itself = {"Bucket": BUCKET, "Key": "copy", "CopySource": f"{BUCKET}/copy"}
    assert refused(s3.copy_object, **itself) == ("InvalidRequest", 400)
    s3.copy_object(**itself, MetadataDirective="REPLACE", Metadata={"now": "said"})
    assert s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"now": "said"}
    missing = {"Bucket": BUCKET, "Key": "none"}
    assert refused(s3.copy_object, Bucket=BUCKET, Key="b", CopySource=missing) == ("NoSuchKey", 404)


def test_many_objects_are_deleted_at_once(s3: Any) -> None:
    for key in "abc":
        put(s3, key)
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}, {"Key": "none"}]})
    assert sorted(each["Key"] for each in answer["Deleted"]) == ["a", "none"]
    assert "Errors" not in answer
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["c"]


def test_keys_are_listed_in_the_order_of_their_bytes(s3: Any) -> None:
    keys = ["a-b", "a/b", "B/1", "a.b/1", "é", "z/😀", "z/ﬁ"]
    for key in keys:
        put(s3, key, key.encode())
    listed = s3.list_objects_v2(Bucket=BUCKET)
    assert [each["Key"] for each in listed["Contents"]] == sorted(keys, key=str.encode)
    assert (listed["KeyCount"], listed["MaxKeys"], listed["IsTruncated"], listed["Name"]) == (7, 1000, False, BUCKET)
    first = listed["Contents"][0]
    head = s3.head_object(Bucket=BUCKET, Key=first["Key"])
    assert (first["ETag"], first["Size"], first["LastModified"]) == (
        head["ETag"],
        head["ContentLength"],
        head["LastModified"],
    )
    assert first["StorageClass"] == "STANDARD"


def test_keys_are_listed_in_pages_by_prefix_and_by_folder(s3: Any) -> None:
    for key in ("a/1", "a/2", "a/b/1", "b/1", "c"):
        put(s3, key)
    folders = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")
    assert [each["Prefix"] for each in folders["CommonPrefixes"]] == ["a/", "b/"]
    assert [each["Key"] for each in folders["Contents"]] == ["c"]
    assert folders["KeyCount"] == 3
    inside = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/", Prefix="a/")
    assert [each["Prefix"] for each in inside["CommonPrefixes"]] == ["a/b/"]
    assert [each["Key"] for each in inside["Contents"]] == ["a/1", "a/2"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 2})
    counts = [[each["Key"] for each in page["Contents"]] for page in pages]
    assert counts == [["a/1", "a/2"], ["a/b/1", "b/1"], ["c"]]
    after = s3.list_objects_v2(Bucket=BUCKET, StartAfter="a/2", MaxKeys=1)
    assert ([each["Key"] for each in after["Contents"]], after["IsTruncated"]) == (["a/b/1"], True)
    nothing = s3.list_objects_v2(Bucket=BUCKET, Prefix="none")
    assert ("Contents" in nothing, nothing["KeyCount"], nothing["IsTruncated"]) == (False, 0, False)
    assert s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)["IsTruncated"] is False
    assert refused(s3.list_objects_v2, Bucket="nowhere") == ("NoSuchBucket", 404)


def test_an_object_is_made_of_parts(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a", ContentType="text/plain", Metadata={"part": "7"})
    which = {"Bucket": BUCKET, "Key": "a", "UploadId": upload["UploadId"]}
    put(s3, "source", b"0123456789")
    one = s3.upload_part(**which, PartNumber=1, Body=PART)["ETag"]
    two = s3.upload_part_copy(**which, PartNumber=2, CopySource=f"{BUCKET}/source", CopySourceRange="bytes=2-4")
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["a"]
    listed = s3.list_parts(**which)["Parts"]
    assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in listed] == [
        (1, len(PART), one),
        (2, 3, two["CopyPartResult"]["ETag"]),
    ]
    parts = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two["CopyPartResult"]["ETag"]}]
    assert refused(s3.head_object, Bucket=BUCKET, Key="a") == ("404", 404)
    completed = s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
    assert (completed["Bucket"], completed["Key"]) == (BUCKET, "a")
    assert completed["ETag"].endswith('-2"')
    head = s3.head_object(Bucket=BUCKET, Key="a")
    assert (head["ETag"], head["ContentType"], head["Metadata"]) == (completed["ETag"], "text/plain", {"part": "7"})
    assert read(s3, "a") == PART + b"234"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_parts_that_do_not_fit_are_refused(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
    which = {"Bucket": BUCKET, "Key": "a", "UploadId": upload}
    etags = [s3.upload_part(**which, PartNumber=number, Body=b"small")["ETag"] for number in (1, 2)]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    complete = s3.complete_multipart_upload
    assert refused(complete, **which, MultipartUpload={"Parts": parts}) == ("EntityTooSmall", 400)
    unknown = [{"PartNumber": 3, "ETag": etags[0]}]
    assert refused(complete, **which, MultipartUpload={"Parts": unknown}) == ("InvalidPart", 400)
    s3.abort_multipart_upload(**which)
    assert refused(s3.abort_multipart_upload, **which) == ("NoSuchUpload", 404)
    assert refused(s3.list_parts, **which) == ("NoSuchUpload", 404)


def test_transfers_go_both_ways(s3: Any) -> None:
    config = TransferConfig(multipart_threshold=len(PART), multipart_chunksize=len(PART), use_threads=False)
    s3.upload_fileobj(io.BytesIO(PART + b"rest"), BUCKET, "a", ExtraArgs={"Metadata": {"part": "7"}}, Config=config)
    s3.copy({"Bucket": BUCKET, "Key": "a"}, BUCKET, "b", Config=config)
    down = io.BytesIO()
    s3.download_fileobj(BUCKET, "b", down, Config=config)
    assert down.getvalue() == PART + b"rest"
    head = s3.head_object(Bucket=BUCKET, Key="b")
    assert (head["Metadata"], head["ETag"][-3:]) == ({"part": "7"}, '-2"')
