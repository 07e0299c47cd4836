import hashlib
import os
import stat
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.cloud.local.services.s3.buckets import BUCKET, OLD_NS, REGION_SAID, Cloud, code_of


def test_an_object_is_the_file_under_its_key(cloud: Cloud) -> None:
    cloud.put("site=a/dt=2026-03-01/picture.jpg", b"bytes")
    path = cloud.folder / "site=a/dt=2026-03-01/picture.jpg"
    assert path.read_bytes() == b"bytes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cloud.delete("site=a/dt=2026-03-01/picture.jpg")
    assert list(cloud.folder.iterdir()) == [cloud.folder / ".staging"], "no empty folder is left"


def test_a_file_in_the_folder_is_an_object(cloud: Cloud) -> None:
    cloud.drop("site=a/01.json", b"{}")
    found = cloud.s3.get_object(Bucket=BUCKET, Key="site=a/01.json")
    assert found["Body"].read() == b"{}"
    assert (found["ContentType"], found["Metadata"], found["ContentLength"]) == ("application/json", {}, 2)
    assert found["LastModified"].timestamp() == OLD_NS / 1e9
    assert cloud.keys() == ["site=a/01.json"]
    cloud.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "site=a/01.json"})
    assert cloud.head("copy")["ContentType"] == "application/json"
    cloud.delete("site=a/01.json")
    assert cloud.keys() == ["copy"]


def test_what_was_said_of_an_object_holds_for_that_very_file(cloud: Cloud) -> None:
    etag = cloud.put("a", b"one", ContentType="text/plain", Metadata={"Part": "7"})["ETag"]
    assert etag == f'"{hashlib.md5(b"one").hexdigest()}"'
    assert (cloud.head("a")["ContentType"], cloud.head("a")["Metadata"]) == ("text/plain", {"part": "7"})
    assert cloud.head("a", IfMatch=etag)["ETag"] == etag

    cloud.drop("a", b"two")  # the same size
    found = cloud.head("a")
    assert (found["ContentType"], found["Metadata"]) == ("binary/octet-stream", {})
    assert found["ETag"] != etag
    with pytest.raises(ClientError):
        cloud.get("a", IfMatch=etag)


def test_the_etag_of_a_file_that_came_by_itself_is_the_same_wherever_it_is_told_and_another_for_another_file(
    cloud: Cloud,
) -> None:
    cloud.drop("a", b"one")
    etag = cloud.head("a")["ETag"]
    assert etag.endswith('-0"'), "as of an object that has no MD5, e.g. one that is encrypted"
    (listed,) = cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert listed["ETag"] == etag == cloud.s3.get_object(Bucket=BUCKET, Key="a")["ETag"]
    assert cloud.get("a", IfMatch=etag) == b"one"
    cloud.drop("a", b"one")
    assert cloud.head("a")["ETag"] != etag


def test_no_file_is_read_to_list_or_describe_it(cloud: Cloud) -> None:
    path = cloud.drop("a")
    os.utime(path, ns=(0, OLD_NS))  # read at last in 1970
    cloud.keys()
    cloud.head("a")
    cloud.tell()
    assert path.stat().st_atime_ns == 0
    cloud.get("a")
    assert path.stat().st_atime_ns != 0


@pytest.mark.parametrize(
    "key",
    [
        "../outside",
        "a/../../outside",
        "/rooted",
        "a//b",
        "a/",
        ".",
        "a/./b",
        ".staging/b",
        "a/.b.part",
        "a\0b",
        "n" * 256,
        "ä" * 128,
        "k/" * 512 + "k",
    ],
)
def test_a_key_that_no_file_can_have_is_refused_and_leads_nowhere(cloud: Cloud, key: str) -> None:
    outside = sorted(cloud.home.folder.rglob("*"))
    for operation in ("put_object", "get_object", "delete_object", "create_multipart_upload"):
        with pytest.raises(ClientError) as refused:
            getattr(cloud.s3, operation)(Bucket=BUCKET, Key=key)
        assert code_of(refused.value) == ("InvalidArgument", 400)
    with pytest.raises(ClientError):
        cloud.s3.copy_object(Bucket=BUCKET, Key="a", CopySource={"Bucket": BUCKET, "Key": key})
    answer = cloud.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})
    assert [error["Code"] for error in answer["Errors"]] == ["InvalidArgument"]
    assert cloud.keys(Prefix=key) == []
    assert sorted(cloud.home.folder.rglob("*")) == outside


@pytest.mark.parametrize(
    "key", ["a b+c%20d&e=f?g#h.jpg", "ä/日本/🙂", "...", "n" * 255, "'\"\\$(rm)", "line\nend", ".hidden", "a.part"]
)
def test_any_other_key_is_kept_as_it_is(cloud: Cloud, key: str) -> None:
    cloud.put(key)
    assert (cloud.folder / key).read_bytes() == b"content"
    cloud.s3.copy_object(Bucket=BUCKET, Key=f"copies/{key}", CopySource={"Bucket": BUCKET, "Key": key})
    assert sorted(cloud.keys()) == sorted([key, f"copies/{key}"])
    assert cloud.get(f"copies/{key}") == b"content"


def test_a_key_in_the_way_of_another_is_refused(cloud: Cloud) -> None:
    cloud.put("a", b"file")
    with pytest.raises(ClientError, match="a is an object itself") as refused:
        cloud.put("a/b/c")
    assert code_of(refused.value) == ("InvalidRequest", 409)
    cloud.put("d/e", b"file")
    with pytest.raises(ClientError, match="holds other objects"):
        cloud.put("d")
    for nothing in ("a/b", "d"):
        with pytest.raises(cloud.s3.exceptions.NoSuchKey):
            cloud.get(nothing)
        cloud.delete(nothing)
    assert cloud.keys() == ["a", "d/e"]
    cloud.delete("d/e")
    cloud.put("d")
    (cloud.folder / "empty").mkdir()
    cloud.put("empty")


def test_a_link_is_no_object_and_leads_nowhere(cloud: Cloud, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("private")
    (cloud.folder / "file").symlink_to(secret / "key")
    (cloud.folder / "folder").symlink_to(secret)
    assert cloud.keys() == cloud.keys(Prefix="folder/") == []
    for key in ("file", "folder/key"):
        with pytest.raises(cloud.s3.exceptions.NoSuchKey):
            cloud.get(key)
    with pytest.raises(ClientError, match="a link leads out"):
        cloud.put("folder/new")
    cloud.delete("folder/key")
    assert (secret / "key").read_text() == "private"
    assert len(list(secret.iterdir())) == 1
    cloud.put("file", b"public")
    assert cloud.get("file") == b"public", "the link's name is given to the object"
    assert (secret / "key").read_text() == "private"


def test_the_folder_of_a_bucket_may_be_a_link_itself(cloud: Cloud, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "a").write_text("there before")
    (cloud.home.buckets / "shared").symlink_to(share)
    cloud.s3.create_bucket(Bucket="shared", CreateBucketConfiguration=REGION_SAID)
    cloud.s3.put_object(Bucket="shared", Key="b/c", Body=b"new")
    assert (share / "b" / "c").read_bytes() == b"new"
    listed = cloud.s3.list_objects_v2(Bucket="shared")["Contents"]
    assert [each["Key"] for each in listed] == ["a", "b/c"]
    (share / "a").unlink()
    cloud.s3.delete_object(Bucket="shared", Key="b/c")
    cloud.s3.delete_bucket(Bucket="shared")
    assert list(share.iterdir()) == []
    assert not (cloud.home.buckets / "shared").is_symlink()


def test_bytes_are_read_while_they_are_wanted_and_the_file_is_closed_then(cloud: Cloud) -> None:
    before = open_files()
    cloud.put("a", b"0123456789")
    body = cloud.s3.get_object(Bucket=BUCKET, Key="a")["Body"]
    assert [body.read(4), body.read(4), body.read(4), body.read(4)] == [b"0123", b"4567", b"89", b""]
    assert open_files() == before
    body = cloud.s3.get_object(Bucket=BUCKET, Key="a", Range="bytes=2-5")["Body"]
    buffer = bytearray(3)
    assert (body.readinto(buffer), bytes(buffer), body.tell(), body.read()) == (3, b"234", 3, b"5")
    body = cloud.s3.get_object(Bucket=BUCKET, Key="a")["Body"]
    del body
    with cloud.s3.get_object(Bucket=BUCKET, Key="a")["Body"] as body:
        assert body.read(1) == b"0"
    with pytest.raises(ClientError):
        cloud.get("a", IfNoneMatch="*")
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_who_reads_goes_on_reading_the_object_that_was_there(cloud: Cloud) -> None:
    cloud.put("a", b"old" * 1000)
    body = cloud.s3.get_object(Bucket=BUCKET, Key="a")["Body"]
    assert body.read(3) == b"old"
    cloud.put("a", b"new")
    assert body.read() == b"old" * 999
    cloud.delete("a")


def test_a_member_that_the_local_engine_lacks_is_refused(cloud: Cloud) -> None:
    cloud.put("a")
    with pytest.raises(ClientError, match="VersionId: not there on the local engine") as refused:
        cloud.get("a", VersionId="1")
    assert code_of(refused.value) == ("NotOnLocalEngine", 501)
    with pytest.raises(ClientError, match="keeps no versions"):
        cloud.s3.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a", "VersionId": "1"})
    cloud.put("b", ServerSideEncryption="aws:kms", StorageClass="STANDARD_IA")


def test_content_that_is_no_bytes_or_not_what_was_announced_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with (
        (tmp_path / "text").open() as file,
        pytest.raises(ClientError, match="expected bytes; open the file with 'rb'"),
    ):
        cloud.put("a", file)
    with pytest.raises(ClientError) as refused:
        cloud.put("a", b"text", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert code_of(refused.value) == ("BadDigest", 400)
    assert cloud.keys() == cloud.leftovers() == []


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "-ab", "ab-", "Abc", "a_b", "a..b", "192.168.1.1", "xn--a", "a-s3alias"]
)
def test_a_bucket_is_named_as_in_s3(cloud: Cloud, name: str) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.s3.create_bucket(Bucket=name, CreateBucketConfiguration=REGION_SAID)
    assert code_of(refused.value) == ("InvalidBucketName", 400)


def test_a_bucket_that_holds_any_file_is_not_removed(cloud: Cloud) -> None:
    (cloud.folder / "empty" / "folder").mkdir(parents=True)
    partial = cloud.folder / "empty" / ".picture.jpg.part"
    partial.write_bytes(b"being written")
    with pytest.raises(ClientError, match=r"it holds empty/\.picture\.jpg\.part") as refused:
        cloud.s3.delete_bucket(Bucket=BUCKET)
    assert code_of(refused.value) == ("BucketNotEmpty", 409)
    partial.unlink()
    upload = cloud.s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
    cloud.s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=1, Body=b"part")
    cloud.s3.delete_bucket(Bucket=BUCKET)
    assert not cloud.folder.exists()
    with pytest.raises(cloud.s3.exceptions.NoSuchBucket):
        cloud.put("a")
    assert not cloud.folder.exists() or not cloud.leftovers()


def test_buckets_are_listed_in_pages_by_name_and_prefix(cloud: Cloud) -> None:
    for name in ("c-1", "a-2", "a-1"):
        cloud.s3.create_bucket(Bucket=name, CreateBucketConfiguration=REGION_SAID)
    pages = cloud.s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 3})
    assert [[each["Name"] for each in page["Buckets"]] for page in pages] == [["a-1", "a-2", "c-1"], [BUCKET]]
    assert [each["Name"] for each in cloud.s3.list_buckets(Prefix="a-")["Buckets"]] == ["a-1", "a-2"]


def test_a_copy_holds_to_the_conditions_of_its_source(cloud: Cloud) -> None:
    etag = cloud.put("a")["ETag"]
    asked = {"Bucket": BUCKET, "Key": "b", "CopySource": f"{BUCKET}/a"}
    for refusing in ({"CopySourceIfMatch": '"other"'}, {"CopySourceIfNoneMatch": etag}):
        with pytest.raises(ClientError) as refused:
            cloud.s3.copy_object(**asked, **refusing)
        assert code_of(refused.value) == ("PreconditionFailed", 412)
    cloud.s3.copy_object(**asked, CopySourceIfMatch=etag, CopySourceIfNoneMatch='"other"')


def test_up_to_a_thousand_objects_are_deleted_at_once(cloud: Cloud) -> None:
    for number in range(30):
        cloud.drop(f"{number % 3}/{number}")
    keys = [{"Key": key} for key in cloud.keys(Prefix="")]
    quiet = cloud.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys, "Quiet": True})
    assert "Deleted" not in quiet
    assert list(cloud.folder.iterdir()) == []
    with pytest.raises(ClientError, match="at most 1000 keys"):
        cloud.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"{number}"} for number in range(1001)]})


def test_files_that_lie_in_a_folder_are_the_first_objects_of_its_bucket(cloud: Cloud) -> None:
    folder = cloud.home.buckets / "daemons"
    folder.mkdir()
    (folder / "first").write_text("there before")
    with pytest.raises(cloud.s3.exceptions.NoSuchBucket):
        cloud.s3.list_objects_v2(Bucket="daemons")
    cloud.s3.create_bucket(Bucket="daemons", CreateBucketConfiguration=REGION_SAID)
    assert cloud.s3.list_objects_v2(Bucket="daemons")["KeyCount"] == 1
