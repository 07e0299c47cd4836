from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.services.s3 import S3
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.s3.buckets import BUCKET, REGION_SAID, Cloud, code_of
from tests.small_disk import fill, set_read_only, small_disk

KB = 1 << 10


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Cloud]:
    """Return a cloud on a disk of its own that holds one old object."""
    with small_disk(tmp_path / "disk", size="4m") as disk, kept(disk, [S3]) as made:
        cloud = Cloud(made)
        cloud.empty()
        cloud.tell()
        cloud.put("a/old", b"old" * KB, Metadata={"is": "old"})
        yield cloud


def refuses(call: Any) -> None:
    with pytest.raises(ClientError, match="make room on the disk") as refused:
        call()
    assert code_of(refused.value) == ("InternalError", 507)


def is_as_it_was(cloud: Cloud) -> bool:
    said = cloud.head("a/old")["Metadata"]
    return (
        cloud.get("a/old") == b"old" * KB
        and said == {"is": "old"}
        and cloud.keys() == ["a/old"]
        and cloud.leftovers() == []
        and len(cloud.told()) == 1
    )


def test_a_full_disk_says_so_and_leaves_what_was_there(small: Cloud) -> None:
    ballast = fill(small.home.folder, leave=64 * KB)
    large = bytes(256 * KB)
    refuses(lambda: small.put("a/old", large))
    refuses(lambda: small.put("new/folder/object", large))
    upload = small.s3.create_multipart_upload(Bucket=BUCKET, Key="a/old")["UploadId"]
    refuses(lambda: small.s3.upload_part(Bucket=BUCKET, Key="a/old", UploadId=upload, PartNumber=1, Body=large))
    assert is_as_it_was(small)
    ballast.unlink()
    small.put("a/old", large)
    assert small.get("a/old") == large


def test_an_upload_that_cannot_be_completed_now_can_be_later(small: Cloud) -> None:
    upload = small.s3.create_multipart_upload(Bucket=BUCKET, Key="a/old")["UploadId"]
    part = small.s3.upload_part(Bucket=BUCKET, Key="a/old", UploadId=upload, PartNumber=1, Body=bytes(256 * KB))
    ballast = fill(small.home.folder, leave=64 * KB)

    def complete() -> None:
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        small.s3.complete_multipart_upload(Bucket=BUCKET, Key="a/old", UploadId=upload, MultipartUpload=parts)

    refuses(complete)
    assert (small.get("a/old"), len(small.leftovers())) == (b"old" * KB, 1)
    ballast.unlink()
    complete()
    assert (small.head("a/old")["ContentLength"], small.leftovers()) == (256 * KB, [])


def test_a_disk_without_a_single_byte_left_takes_nothing_and_still_gives(small: Cloud) -> None:
    fill(small.home.folder, leave=0)
    for key in ("a/old", "b", "c/d"):
        refuses(partial(small.put, key, b"x"))
    refuses(lambda: small.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/a/old"))
    assert is_as_it_was(small)
    assert not (small.folder / "c").exists()


def test_a_disk_is_filled_to_the_brim_and_all_that_was_taken_is_there(small: Cloud) -> None:
    taken = 0
    while goes(partial(small.put, f"b/{taken:04d}", b"%d" % taken * 500)):
        taken += 1
    assert small.leftovers() == []
    assert small.keys(Prefix="b/") == [f"b/{number:04d}" for number in range(taken)]
    assert all(small.get(f"b/{number:04d}") == b"%d" % number * 500 for number in range(taken))
    assert len(small.told()) == taken + 1


def goes(call: Any) -> bool:
    """Return whether a call succeeds; if not, the disk is full."""
    try:
        call()
    except ClientError as error:
        assert code_of(error) == ("InternalError", 507)  # noqa: PT017 - it may also succeed
        return False
    return True


def test_what_is_deleted_on_a_full_disk_is_deleted_once_or_not_at_all(small: Cloud) -> None:
    keys = [f"b/{number:03d}" for number in range(60)]
    for key in keys:
        small.put(key, b"x")
    ballast = fill(small.home.folder, leave=0)
    deleted = [key for key in keys if goes(partial(small.delete, key))]
    assert small.keys(Prefix="b/") == [key for key in keys if key not in deleted]
    ballast.unlink()
    for key in keys:
        small.delete(key)
    assert small.keys() == ["a/old"]
    assert sorted(key for kind, key in small.told() if kind == "Object Deleted") == keys


def test_a_bucket_on_a_disk_that_must_not_be_written_says_so(tmp_path: Path, opened: Kept) -> None:
    cloud = Cloud(opened)
    with small_disk(tmp_path / "disk") as disk:
        (disk / "a").write_bytes(b"there")
        link = cloud.home.buckets / "other-disk"
        link.symlink_to(disk)
        cloud.s3.create_bucket(Bucket="other-disk", CreateBucketConfiguration=REGION_SAID)
        cloud.s3.put_object(Bucket="other-disk", Key="b", Body=b"written")
        set_read_only(disk, on=True)
        for call in (cloud.s3.put_object, cloud.s3.delete_object):
            with pytest.raises(ClientError, match=r"Read-only file system|Permission denied") as refused:
                call(Bucket="other-disk", Key="b")
            assert code_of(refused.value) == ("AccessDenied", 403)
        assert cloud.s3.get_object(Bucket="other-disk", Key="b")["Body"].read() == b"written"
        link.unlink()


def test_a_folder_on_another_disk_than_its_bucket_takes_no_object(tmp_path: Path, cloud: Cloud) -> None:
    with small_disk(cloud.folder / "mounted"):
        cloud.drop("mounted/a")
        assert cloud.get("mounted/a") == b"by itself"
        with pytest.raises(ClientError, match="another disk than its bucket"):
            cloud.put("mounted/b")
        assert (cloud.keys(), cloud.leftovers()) == (["mounted/a"], [])
    assert tmp_path
