import hashlib
import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from cloud_side.local.services.s3 import Tidying
from tests.cloud.local.services.s3.buckets import BUCKET, Cloud, code_of

MB = 1 << 20
IN_PARTS = TransferConfig(multipart_threshold=5 * MB, multipart_chunksize=5 * MB)
PART = b"p" * (5 * MB)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "file"
    path.write_bytes(os.urandom(12 * MB))
    return path


def parts_etag(content: bytes) -> str:
    digests = [hashlib.md5(content[at : at + 5 * MB]).digest() for at in range(0, len(content), 5 * MB)]
    return f'"{hashlib.md5(b"".join(digests)).hexdigest()}-{len(digests)}"'


def test_a_file_goes_up_in_parts_and_comes_down_whole(cloud: Cloud, large: Path, tmp_path: Path) -> None:
    progress: list[int] = []
    extra = {"ContentType": "model/onnx", "Metadata": {"version": "1.2.3"}}
    cloud.s3.upload_file(
        str(large), BUCKET, "models/a.onnx", ExtraArgs=extra, Config=IN_PARTS, Callback=progress.append
    )
    assert sum(progress) == 12 * MB
    head = cloud.head("models/a.onnx")
    assert (head["ETag"], head["ContentLength"]) == (parts_etag(large.read_bytes()), 12 * MB)
    assert (head["ContentType"], head["Metadata"]) == ("model/onnx", {"version": "1.2.3"})
    progress.clear()
    cloud.s3.download_file(BUCKET, "models/a.onnx", str(tmp_path / "down"), Config=IN_PARTS, Callback=progress.append)
    assert (tmp_path / "down").read_bytes() == large.read_bytes()
    assert sum(progress) == 12 * MB
    assert cloud.leftovers() == []


def test_a_large_object_is_copied_in_parts_and_keeps_what_was_said_of_it(cloud: Cloud, large: Path) -> None:
    cloud.put("source ü", large.read_bytes(), Metadata={"part": "7"}, ContentType="image/jpeg")
    cloud.s3.copy({"Bucket": BUCKET, "Key": "source ü"}, BUCKET, "copy", Config=IN_PARTS)
    head = cloud.head("copy")
    assert (head["ETag"], head["Metadata"]) == (parts_etag(large.read_bytes()), {"part": "7"})
    assert head["ContentType"] == "image/jpeg"
    assert cloud.get("copy") == large.read_bytes()


def test_small_files_and_streams_go_in_one_piece(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"small")
    cloud.s3.upload_file(str(tmp_path / "small"), BUCKET, "a")
    assert cloud.head("a")["ETag"] == f'"{hashlib.md5(b"small").hexdigest()}"'
    cloud.s3.upload_fileobj(io.BytesIO(b"stream"), BUCKET, "b")
    down = io.BytesIO()
    cloud.s3.download_fileobj(BUCKET, "b", down)
    assert down.getvalue() == b"stream"
    cloud.session.resource("s3").Bucket(BUCKET).Object("c").put(Body="text")
    assert cloud.get("c") == b"text"


def test_no_object_is_ever_held_in_memory(cloud: Cloud, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(24 * MB)
    tracemalloc.start()
    with (tmp_path / "sparse").open("rb") as file:
        cloud.put("a", file)
    cloud.s3.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a"})
    pieces = cloud.s3.get_object(Bucket=BUCKET, Key="b")["Body"].iter_chunks(MB)
    assert sum(len(piece) for piece in pieces) == 24 * MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * MB


def test_a_body_is_read_from_where_it_stands(cloud: Cloud) -> None:
    body = io.BytesIO(b"0123456789")
    body.seek(4)
    cloud.put("a", body)
    assert cloud.get("a") == b"456789"


def begin(cloud: Cloud, key: str = "a") -> Any:
    return cloud.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]


def upload(cloud: Cloud, identity: str, number: int, body: bytes, key: str = "a") -> Any:
    etag = cloud.s3.upload_part(Bucket=BUCKET, Key=key, UploadId=identity, PartNumber=number, Body=body)["ETag"]
    return {"PartNumber": number, "ETag": etag}


def complete(cloud: Cloud, identity: str, parts: list[Any], **more: Any) -> Any:
    return cloud.s3.complete_multipart_upload(
        Bucket=BUCKET, Key="a", UploadId=identity, MultipartUpload={"Parts": parts}, **more
    )


def test_a_part_that_comes_again_replaces_the_one_before(cloud: Cloud) -> None:
    identity = begin(cloud)
    old = upload(cloud, identity, 2, b"old")
    first, new = upload(cloud, identity, 1, PART), upload(cloud, identity, 2, b"new")
    unused = upload(cloud, identity, 3, b"unused")
    assert len(cloud.leftovers()) == 3
    with pytest.raises(ClientError) as refused:
        complete(cloud, identity, [first, old])
    assert code_of(refused.value) == ("InvalidPart", 400)
    assert unused
    complete(cloud, identity, [first, new])
    assert cloud.get("a") == PART + b"new"
    assert cloud.leftovers() == []


def test_an_upload_that_is_under_way_is_no_object_and_is_not_swept(cloud: Cloud) -> None:
    cloud.put("a", b"old")
    identity = begin(cloud)
    part = upload(cloud, identity, 1, b"new")
    Tidying(cloud.home, cloud.database).turn()
    assert (cloud.get("a"), cloud.keys()) == (b"old", ["a"])
    complete(cloud, identity, [part])
    assert cloud.get("a") == b"new"
    with pytest.raises(cloud.s3.exceptions.NoSuchUpload):
        complete(cloud, identity, [part])


def test_conditions_hold_when_an_upload_is_completed(cloud: Cloud) -> None:
    cloud.put("a")
    identity = begin(cloud)
    part = upload(cloud, identity, 1, b"new")
    with pytest.raises(ClientError) as refused:
        complete(cloud, identity, [part], IfNoneMatch="*")
    assert code_of(refused.value) == ("PreconditionFailed", 412)
    cloud.delete("a")
    complete(cloud, identity, [part], IfNoneMatch="*")
    assert cloud.get("a") == b"new"


def test_an_aborted_upload_leaves_nothing(cloud: Cloud) -> None:
    identity = begin(cloud)
    upload(cloud, identity, 1, b"part")
    cloud.s3.abort_multipart_upload(Bucket=BUCKET, Key="a", UploadId=identity)
    assert cloud.leftovers() == cloud.keys() == []
    assert "Uploads" not in cloud.s3.list_multipart_uploads(Bucket=BUCKET)
    for late in (lambda: upload(cloud, identity, 2, b"late"), lambda: complete(cloud, identity, [])):
        with pytest.raises(ClientError):
            late()
    assert cloud.leftovers() == []


def test_uploads_and_parts_are_listed_in_pages(cloud: Cloud) -> None:
    begun = {(key, begin(cloud, key)) for key in ("a/1", "a/1", "a/2", "b")}
    pages = cloud.s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=BUCKET, Prefix="a/", PaginationConfig={"PageSize": 1}
    )
    found = [(each["Key"], each["UploadId"]) for page in pages for each in page.get("Uploads", [])]
    assert found == sorted(each for each in begun if each[0] != "b")
    identity = found[0][1]
    for number in (3, 1, 2):
        upload(cloud, identity, number, b"part", "a/1")
    parts = cloud.s3.get_paginator("list_parts").paginate(
        Bucket=BUCKET, Key="a/1", UploadId=identity, PaginationConfig={"PageSize": 2}
    )
    assert [part["PartNumber"] for page in parts for part in page["Parts"]] == [1, 2, 3]


@pytest.mark.nightly
def test_a_large_file_goes_through_little_memory(cloud: Cloud, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(400 * MB)
    tracemalloc.start()
    cloud.s3.upload_file(str(tmp_path / "sparse"), BUCKET, "a", Config=TransferConfig(max_concurrency=2))
    cloud.s3.download_file(BUCKET, "a", str(tmp_path / "down"), Config=TransferConfig(max_concurrency=2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "down").stat().st_size == 400 * MB
    assert peak < 64 * MB, "of which 25 MB are what a download of boto3 may hold"
