import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.local.services.s3.walking import Position, Walk
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.s3.buckets import BUCKET, Cloud, code_of

NAMES = ["a", "a-", "a.b", "a0", "b", "é", "￿", "😀", "Z", "~", " ", "ab"]
KEYS = [*NAMES, *(f"{name}/" for name in NAMES), *(f"a/{name}" for name in NAMES)]


@st.composite
def key_sets(draw: st.DrawFn) -> list[str]:
    """Return keys of which none is in the way of another, in S3's order."""
    paths = draw(st.sets(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join), max_size=12))
    folders = {path[:end] for path in paths for end in range(len(path)) if path[end] == "/"}
    return sorted(paths - folders, key=str.encode)


def expected(keys: list[str], prefix: str, delimiter: str, after: str) -> list[str]:
    """Return keys and common prefixes as the API's reference says."""
    found: list[str] = []
    for key in keys:
        if key.startswith(prefix) and key.encode() > after.encode():
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            each = key if end < 0 else key[: end + len(delimiter)]
            if each not in found:
                found.append(each)
    return found


def listed(cloud: Cloud, **asked: Any) -> list[str]:
    """Return what all pages list, each in order and none longer than asked."""
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = cloud.s3.list_objects_v2(Bucket=BUCKET, **asked, **token)
        keys = [each["Key"] for each in page.get("Contents", [])]
        prefixes = [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        assert page["KeyCount"] == len(keys) + len(prefixes) <= asked["MaxKeys"]
        found += sorted([*keys, *prefixes], key=str.encode)
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            return found
        assert page["KeyCount"] == asked["MaxKeys"]
        token = {"ContinuationToken": page["NextContinuationToken"]}


@pytest.fixture(scope="module")
def small_batches() -> Iterator[None]:
    """Hold few names of a folder at once, so that few files make a large folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloud_side.local.services.s3.walking._BATCH", 3)
        yield


@pytest.fixture(scope="module")
def spacious(opened: Kept, small_batches: None) -> Cloud:
    """Return a cloud whose bucket each example fills anew."""
    assert small_batches is None
    return Cloud(opened)


@given(
    keys=key_sets(),
    asked=st.fixed_dictionaries(
        {
            "Prefix": st.sampled_from(["", "a", "a/", "a/a", "b/", "none", "a//", "../"]),
            "Delimiter": st.sampled_from(["", "/", "-", "a"]),
            "StartAfter": st.sampled_from(["", *KEYS]),
            "MaxKeys": st.integers(1, 4),
        }
    ),
)
def test_pages_list_what_the_reference_says(spacious: Cloud, keys: list[str], asked: dict[str, Any]) -> None:
    spacious.database.connection().execute("DELETE FROM s3_buckets")
    spacious.empty()
    for key in keys:
        spacious.drop(key)
    (spacious.folder / "empty" / "folder").mkdir(parents=True)
    assert listed(spacious, **asked) == expected(keys, asked["Prefix"], asked["Delimiter"], asked["StartAfter"])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 12, 100])
@pytest.mark.usefixtures("small_batches")
def test_a_folder_of_any_size_is_walked_in_order(tmp_path: Path, count: int) -> None:
    names = [f"{number:05d}" for number in range(count)]
    for name in random.Random(count).sample(names, count):
        (tmp_path / name).touch()
    assert list(Walk(tmp_path, "", Position())) == names
    assert list(Walk(tmp_path, "0000", Position("00004"))) == names[5:10]


def test_a_key_that_is_replaced_or_goes_between_two_pages_is_listed_as_it_is_then(cloud: Cloud) -> None:
    for name in "abcd":
        cloud.put(name)
    first = cloud.s3.list_objects_v2(Bucket=BUCKET, MaxKeys=2)
    cloud.delete("c")
    etag = cloud.put("d", b"new")["ETag"]
    cloud.put("a0", b"too late")
    second = cloud.s3.list_objects_v2(Bucket=BUCKET, MaxKeys=2, ContinuationToken=first["NextContinuationToken"])
    assert [(each["Key"], each["ETag"]) for each in second["Contents"]] == [("d", etag)]
    assert not second["IsTruncated"]


def test_a_token_of_somebody_else_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="ContinuationToken") as refused:
        cloud.s3.list_objects_v2(Bucket=BUCKET, ContinuationToken="made up")
    assert code_of(refused.value) == ("InvalidArgument", 400)


def test_a_page_takes_no_more_memory_for_a_larger_folder(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.local.services.s3.walking._BATCH", 20)
    peaks = []
    for numbers in (range(200), range(200, 800)):
        for number in numbers:
            (cloud.folder / f"{number:06d}").touch()
        cloud.s3.list_objects_v2(Bucket=BUCKET, MaxKeys=10)
        tracemalloc.start()
        cloud.s3.list_objects_v2(Bucket=BUCKET, MaxKeys=10)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.nightly
def test_a_hundred_thousand_keys_are_listed_once_each_and_in_order(cloud: Cloud) -> None:
    for day in range(100):
        folder = cloud.folder / f"dt={day:03d}"
        folder.mkdir()
        for number in range(1000):
            (folder / f"{number:04d}.jpg").touch()
    keys = cloud.keys()
    assert len(keys) == 100_000
    assert keys == sorted(set(keys))
    pages = cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Delimiter="/")
    assert sum(len(page.get("CommonPrefixes", [])) for page in pages) == 100
