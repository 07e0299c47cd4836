import os
import shutil
import time
from pathlib import Path

import pytest

from cloud_side.local.services.s3 import FolderWatch
from cloud_side.local.services.s3.noticing import look_into
from cloud_side.local.services.s3.rounds import take_note
from edge_inspector.samples.folder import SampleFolder
from tests.cloud.local.services.s3.buckets import BUCKET, OLD_NS, REGION_SAID, Cloud

CREATED, DELETED = "Object Created", "Object Deleted"


@pytest.fixture
def telling(cloud: Cloud) -> Cloud:
    cloud.tell()
    return cloud


def test_what_a_daemon_writes_is_told_once_the_picture_before_its_sidecar(telling: Cloud, tmp_path: Path) -> None:
    key = "samples/site=a/line=1/station=s/dt=2026-03-01/01ARZ3NDEKTSV4RRFFQ69G5FAV-0"
    target = SampleFolder(telling.folder)
    for suffix, content in (("jpg", b"picture"), ("json", b"{}")):
        (tmp_path / suffix).write_bytes(content)
        target.put(f"{key}.{suffix}", tmp_path / suffix, "image/jpeg")
    telling.watch.turn()
    assert telling.told() == [], "it may be being written still"
    after = FolderWatch(telling.home, telling.database, now_ns=lambda: time.time_ns() + 2 * 10**9)
    for _ in range(3):
        after.turn()
    assert telling.told() == [(CREATED, f"{key}.jpg"), (CREATED, f"{key}.json")]
    detail = telling.events()[0]["detail"]
    head = telling.head(f"{key}.jpg")
    assert (detail["object"]["size"], f'"{detail["object"]["etag"]}"') == (7, head["ETag"])
    assert detail["reason"] == "PutObject"


def test_files_that_come_change_and_go_are_told_once_each(telling: Cloud) -> None:
    telling.drop("a/b/picture.jpg")
    telling.drop("top")
    telling.watch.turn()
    assert sorted(telling.told()) == [(CREATED, "a/b/picture.jpg"), (CREATED, "top")]
    telling.drop("top", b"changed")
    telling.watch.turn()
    shutil.rmtree(telling.folder / "a")
    (telling.folder / "top").unlink()
    telling.watch.turn()
    telling.watch.turn()
    assert telling.told()[2:] == [(CREATED, "top"), (DELETED, "top"), (DELETED, "a/b/picture.jpg")]


def test_what_happened_while_no_engine_ran_is_told_by_the_next_one_and_not_again(telling: Cloud) -> None:
    for name in ("stays", "changes", "goes", "folder/goes too"):
        telling.drop(name)
    telling.watch.turn()
    told = len(telling.told())
    telling.drop("changes", b"changed")
    telling.drop("came")
    (telling.folder / "goes").unlink()
    shutil.rmtree(telling.folder / "folder")
    for _ in range(3):
        FolderWatch(telling.home, telling.database).turn()
    assert sorted(telling.told()[told:]) == [
        (CREATED, "came"),
        (CREATED, "changes"),
        (DELETED, "folder/goes too"),
        (DELETED, "goes"),
    ]


def test_what_went_through_the_api_is_told_by_the_api_alone(telling: Cloud) -> None:
    telling.put("a/put")
    telling.watch.turn()
    telling.s3.copy_object(Bucket=BUCKET, Key="a/copied", CopySource={"Bucket": BUCKET, "Key": "a/put"})
    telling.put("a/put", b"anew")
    telling.watch.turn()
    telling.delete("a/put")
    telling.delete("a/never was")
    FolderWatch(telling.home, telling.database).turn()
    assert telling.told() == [(CREATED, "a/put"), (CREATED, "a/copied"), (CREATED, "a/put"), (DELETED, "a/put")]


def test_a_file_that_came_by_itself_and_goes_through_the_api_is_told_by_the_api(telling: Cloud) -> None:
    telling.drop("a")
    telling.watch.turn()
    telling.delete("a")
    telling.watch.turn()
    assert telling.told() == [(CREATED, "a"), (DELETED, "a")]


def test_a_file_that_is_written_where_it_lies_is_told_when_it_rests(telling: Cloud) -> None:
    with (telling.folder / "slow").open("wb", buffering=0) as file:
        for _ in range(3):
            file.write(b"more")
            telling.watch.turn()
            assert telling.told() == []
    os.utime(telling.folder / "slow", ns=(OLD_NS, OLD_NS))
    telling.watch.turn()
    telling.watch.turn()
    assert telling.told() == [(CREATED, "slow")]
    assert telling.events()[0]["detail"]["object"]["size"] == 12


def test_a_file_of_a_clock_that_is_far_ahead_is_told_all_the_same(telling: Cloud) -> None:
    telling.drop("a", at_ns=time.time_ns() + 3600 * 10**9)
    telling.watch.turn()
    assert telling.told() == [(CREATED, "a")]


def test_what_is_being_written_or_is_no_file_is_not_told(telling: Cloud) -> None:
    telling.drop("a/real")
    (telling.folder / "a" / ".next.jpg.part").write_bytes(b"half")
    os.utime(telling.folder / "a" / ".next.jpg.part", ns=(OLD_NS, OLD_NS))
    (telling.folder / "a" / "link").symlink_to("real")
    (telling.folder / "linked").symlink_to("a")
    os.mkfifo(telling.folder / "a" / "pipe")
    (telling.folder / os.fsdecode(b"no \xff text")).write_bytes(b"")
    telling.watch.turn()
    assert telling.told() == [(CREATED, "a/real")]
    assert telling.keys() == ["a/real"]


def test_what_lay_there_when_a_bucket_begins_to_tell_is_not_told(cloud: Cloud) -> None:
    cloud.drop("folder/before")
    cloud.put("put before")
    cloud.tell()
    cloud.drop("after")
    cloud.tell()  # again: what came meanwhile is still to be told
    cloud.watch.turn()
    assert cloud.told() == [(CREATED, "after")]
    cloud.tell(on=False)
    cloud.drop("unnoticed")
    (cloud.folder / "folder" / "before").unlink()
    cloud.watch.turn()
    cloud.tell()
    cloud.watch.turn()
    assert cloud.told() == [(CREATED, "after")]


def test_who_makes_a_bucket_tell_that_tells_already_hides_nothing(telling: Cloud) -> None:
    telling.drop("came")
    take_note(telling.database, telling.folder)  # as of a second one who began at the same time
    telling.watch.turn()
    assert telling.told() == [(CREATED, "came")]


def test_only_buckets_that_tell_are_looked_at(cloud: Cloud) -> None:
    cloud.drop("a")
    cloud.watch.turn()
    cloud.s3.create_bucket(Bucket="telling", CreateBucketConfiguration=REGION_SAID)
    cloud.s3.put_bucket_notification_configuration(
        Bucket="telling", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    (cloud.home.buckets / "telling" / "b").write_bytes(b"")
    os.utime(cloud.home.buckets / "telling" / "b", ns=(OLD_NS, OLD_NS))
    cloud.watch.turn()
    assert cloud.told() == [(CREATED, "b")]
    assert cloud.events()[0]["resources"] == ["arn:aws:s3:::telling"]


def test_a_folder_that_has_not_changed_is_not_listed_again(telling: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []

    def counted(*args: object) -> object:
        listed.append(str(args[2]))
        return look_into(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("cloud_side.local.services.s3.rounds.look_into", counted)
    for name in ("a/1", "a/2", "b/1", "b/c/1"):
        telling.drop(name)
    for folder in ("a", "b", "b/c", "."):
        os.utime(telling.folder / folder, ns=(OLD_NS, OLD_NS))
    telling.watch.turn()
    assert sorted(listed) == ["", "a/", "b/", "b/c/"]
    listed.clear()
    telling.drop("b/c/2")
    telling.watch.turn()
    telling.watch.turn()
    assert listed == ["b/c/", "b/c/"], "once more, for what came within the same tick"
    assert len(telling.told()) == 5


def test_a_folder_that_is_away_is_no_bucket_that_was_emptied(telling: Cloud) -> None:
    telling.drop("a")
    telling.watch.turn()
    telling.folder.rename(telling.home.buckets / "away")
    telling.watch.turn()
    (telling.home.buckets / "away").rename(telling.folder)
    telling.watch.turn()
    assert telling.told() == [(CREATED, "a")]


def test_a_long_round_is_gone_in_short_turns(telling: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.local.services.s3.chores._TURN_S", 0.0)
    for number in range(10):
        telling.drop(f"{number}/file")
    turns = 0
    while len(telling.told()) < 10:
        assert telling.watch.turn() < 1
        turns += 1
    assert turns >= 10, "one folder a turn"
    telling.drop("0/file", b"changed")
    for _ in range(30):
        telling.watch.turn()
    assert telling.told()[10:] == [(CREATED, "0/file")]


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_hundred_thousand_files_are_told_once_each_over_restarts(telling: Cloud) -> None:
    for day in range(100):
        folder = telling.folder / f"dt={day:03d}"
        folder.mkdir()
        for number in range(1000):
            (folder / f"{number:04d}.jpg").write_bytes(b"x")
    later = time.time_ns() + 10**10
    count, pause = telling.database.connection().execute, 0.0
    while count("SELECT count(*) FROM emitted").fetchone()[0] < 100_000 or pause < 1.0:
        watch = FolderWatch(telling.home, telling.database, now_ns=lambda: later)
        for _ in range(20):
            pause = watch.turn()
    for _ in range(3):
        watch.turn()
    assert len(set(telling.told())) == len(telling.told()) == 100_000
