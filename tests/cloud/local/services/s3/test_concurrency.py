import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.calling import Caller, calling
from cloud_side.local.services.s3 import FolderWatch, Tidying, keeping, moving
from tests.cloud.local.services.s3.buckets import BUCKET, Cloud
from tests.cloud.local.services.s3.work import KEYS, body_of, open_home
from tests.forked import Forked


@contextmanager
def race(cloud: Cloud, what: str, *, count: int, processes: int) -> Iterator[Forked]:
    racing = Forked(
        [str(cloud.home.folder), what, str(count), str(processes)], module="tests.cloud.local.services.s3.racing"
    )
    with racing.stdout, racing.stderr:
        try:
            yield racing
            assert racing.wait(100) == 0, racing.stderr.read()
        finally:
            racing.kill()


def conditional(cloud: Cloud, *, count: int, processes: int) -> None:
    with race(cloud, "conditional", count=count, processes=processes) as racing:
        won = [line.split() for line in racing.stdout]
    assert Counter(key for _, _, key in won) == Counter({f"key-{number}": 1 for number in range(count)})
    for racer, _, key in won:
        assert cloud.head(key)["Metadata"] == {"by": racer}
        assert cloud.get(key) == body_of(int(racer))


def replacing(cloud: Cloud, *, count: int, processes: int) -> None:
    """Read while others write: what is found is always whole, and all that is said of it is true of it."""
    reads = 0
    with race(cloud, "replacing", count=count, processes=processes) as racing:
        while racing.poll() is None:
            for key in (*KEYS, *(f"copies/{key}" for key in KEYS)):
                try:
                    found = cloud.s3.get_object(Bucket=BUCKET, Key=key)
                except cloud.s3.exceptions.NoSuchKey:
                    continue
                content = found["Body"].read()
                assert content == body_of(int(found["Metadata"]["by"]))
                reads += 1
            for each in cloud.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
                assert not each["ETag"].endswith('-0"'), "it came through the API, and is never taken for another"
    assert reads > 0
    assert cloud.leftovers() == []
    assert set(KEYS) <= set(cloud.keys())


def test_of_many_who_make_a_key_at_once_exactly_one_wins(cloud: Cloud) -> None:
    conditional(cloud, count=5, processes=3)


def test_who_reads_while_others_write_finds_the_old_object_or_the_new_one(cloud: Cloud) -> None:
    replacing(cloud, count=8, processes=2)


@pytest.mark.nightly
def test_conditional_writes_of_many_processes_are_honest(cloud: Cloud) -> None:
    conditional(cloud, count=200, processes=8)
    cloud.put("counter", b"0")
    with race(cloud, "counting", count=25, processes=8):
        pass
    assert cloud.get("counter") == b"200", "no step was lost"


@pytest.mark.nightly
def test_many_processes_write_the_same_keys_for_long(cloud: Cloud) -> None:
    replacing(cloud, count=400, processes=6)


def end_when(cloud: Cloud, owner: Any, name: str, act: Callable[[Any], None]) -> None:
    """Let another process act, and end at once when it comes to call something."""
    child = os.fork()
    if child == 0:
        try:
            setattr(owner, name, lambda *_, **__: os._exit(9))
            _, _, s3 = open_home(cloud.home.folder)
            act(s3)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def put_new(s3: Any) -> None:
    with calling(Caller("execution", "task")):
        s3.put_object(Bucket=BUCKET, Key="a/b", Body=b"new", Metadata={"is": "new"})


def delete_it(s3: Any) -> None:
    with calling(Caller("execution", "task")):
        s3.delete_object(Bucket=BUCKET, Key="a/b")


def test_what_was_not_decided_has_not_happened_and_is_swept(cloud: Cloud) -> None:
    cloud.put("a/b", b"old", Metadata={"is": "old"})
    end_when(cloud, keeping, "decide", put_new)
    assert (cloud.get("a/b"), cloud.head("a/b")["Metadata"]) == (b"old", {"is": "old"})
    assert len(cloud.leftovers()) == 1
    Tidying(cloud.home, cloud.database).turn()
    assert cloud.leftovers() == []


@pytest.mark.parametrize("look", ["get", "head", "list", "tidy", "watch", "delete", "put", "none"])
def test_what_was_decided_has_happened_for_all_who_look(cloud: Cloud, look: str) -> None:
    cloud.put("a/b", b"old", Metadata={"is": "old"})
    cloud.tell()
    end_when(cloud, moving.Move, "carry_out", put_new)
    assert (cloud.folder / "a/b").read_bytes() == b"old"
    match look:
        case "get":
            assert cloud.get("a/b") == b"new"
        case "head":
            assert cloud.head("a/b")["Metadata"] == {"is": "new"}
        case "list":
            assert cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]["ETag"] == cloud.head("a/b")["ETag"]
        case "tidy":
            Tidying(cloud.home, cloud.database).turn()
        case "watch":
            later = time.time_ns() + 10**10
            FolderWatch(cloud.home, cloud.database, now_ns=lambda: later).turn()
            assert cloud.get("a/b") == b"new"
        case "delete":
            cloud.delete("a/b")
            assert cloud.keys() == []
        case "put":
            with pytest.raises(ClientError):
                cloud.put("a/b", b"newest", IfNoneMatch="*")
        case _:
            put_new(cloud.s3)  # the task is done once more, with its token
    cloud.watch.turn()
    created = [("Object Created", "a/b")]
    assert cloud.told() == created + ([("Object Deleted", "a/b")] if look == "delete" else [])
    if look != "delete":
        assert (cloud.folder / "a/b").read_bytes() == b"new"
        assert cloud.head("a/b")["Metadata"] == {"is": "new"}
    assert cloud.leftovers() == []


def test_what_was_deleted_is_gone_though_its_file_is_there_still(cloud: Cloud) -> None:
    cloud.put("a/b", b"old")
    cloud.tell()
    end_when(cloud, moving.Move, "carry_out", delete_it)
    assert (cloud.folder / "a/b").exists()
    cloud.watch.turn()
    with pytest.raises(cloud.s3.exceptions.NoSuchKey):
        cloud.get("a/b")
    assert not (cloud.folder / "a").exists()
    cloud.put("a/b", b"of another task")
    delete_it(cloud.s3)  # the task is done once more
    assert cloud.get("a/b") == b"of another task", "it deletes nothing a second time"
    assert cloud.told() == [("Object Deleted", "a/b"), ("Object Created", "a/b")]


def test_a_deletion_that_comes_late_spares_the_file_of_a_daemon(cloud: Cloud) -> None:
    cloud.put("a/b", b"old")
    end_when(cloud, moving.Move, "carry_out", delete_it)
    cloud.drop("a/b", b"a daemon's")
    assert cloud.get("a/b") == b"a daemon's"


def test_a_file_that_is_being_written_is_not_swept(cloud: Cloud) -> None:
    class Slow:
        def __init__(self) -> None:
            self._pieces = [b"one ", b"two", b""]

        def read(self, _: int = -1) -> bytes:
            Tidying(cloud.home, cloud.database).turn()
            assert len(cloud.leftovers()) == 1
            return self._pieces.pop(0)

    cloud.put("a", Slow())
    assert cloud.get("a") == b"one two"


def test_a_stream_that_fails_leaves_the_old_object_and_nothing_else(cloud: Cloud) -> None:
    class Broken:
        def read(self, _: int = -1) -> bytes:
            msg = "the line is cut"
            raise ConnectionError(msg)

    cloud.put("a", b"old")
    with pytest.raises(Exception, match="the line is cut"):
        cloud.put("a", Broken())
    assert (cloud.get("a"), cloud.leftovers()) == (b"old", [])


def test_each_attempt_of_a_task_has_its_own_effect_and_each_call_of_it_its_own_answer(cloud: Cloud) -> None:
    cloud.tell()
    for attempt in ("first", "second"):
        for _ in range(2):  # it is cut off and begins again
            with calling(Caller("execution", attempt)):
                one = cloud.s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
                two = cloud.s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
                assert one != two
                cloud.put("b")
                cloud.put("b")
                assert (
                    "LastModified"
                    in cloud.s3.copy_object(Bucket=BUCKET, Key="c", CopySource=f"{BUCKET}/b")["CopyObjectResult"]
                )
    assert len(cloud.told()) == 6
    assert len(cloud.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 4


def test_a_condition_that_held_still_holds_when_the_call_comes_again(cloud: Cloud) -> None:
    for _ in range(2):
        with calling(Caller("execution", "task")):
            cloud.put("lock", IfNoneMatch="*")
    with pytest.raises(ClientError), calling(Caller("execution", "another task")):
        cloud.put("lock", IfNoneMatch="*")


def test_the_folder_of_a_bucket_may_be_emptied_by_hand(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put("a/b")
    cloud.folder.rename(tmp_path / "away")
    assert cloud.keys() == []
    cloud.put("a/b", b"new")
    assert cloud.get("a/b") == b"new"
