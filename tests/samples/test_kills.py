"""SIGKILL at random moments: nothing is lost, and nothing is half."""

import multiprocessing
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.samples.shelf import Pair
from edge_inspector.samples.spool import Spool
from edge_inspector.settings.keeping import S3Target
from tests.samples.made import ROOMY, content_of, files_below, key_of, pairs_of, store, wait_until_empty
from tests.samples.s3_server import BUCKET, CREDENTIALS, REGION, S3Server, uploading
from tests.samples.workloads import store_for_ever, upload_for_ever

PATIENCE_S = 30.0
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.samples.workloads"])


def run_and_kill(work: Callable[..., None], *arguments: Any, after_s: float) -> None:
    """Run `work` in a process of its own and kill that `after_s` seconds after it began."""
    listens, begins = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=work, args=(*arguments, begins), daemon=True)
    process.start()
    begins.close()
    with listens:
        assert listens.poll(PATIENCE_S), "it never began"
        listens.recv()
        threading.Event().wait(after_s)
        process.kill()
        process.join(PATIENCE_S)
    process.close()


def all_pairs(spool: Spool) -> list[Pair]:
    keys: list[str] = []
    pairs: list[Pair] = []
    while (pair := spool.hold(keys)) is not None:
        keys.append(pair.key)
        pairs.append(pair)
    return pairs


def kill_while_storing(folder: Path, *, kills: int) -> None:
    dice, root = random.Random(kills), folder / "spool"
    for life in range(kills):
        run_and_kill(store_for_ever, root, life * 10_000, after_s=dice.uniform(0, 0.05))
        spool = Spool(root, quota_bytes=ROOMY)
        spool.open()
        on_disk = pairs_of(files_below(root))
        assert {f"{pair.reason}/{pair.key}" for pair in all_pairs(spool)} == set(on_disk)
        numbers = {str(key_of(number)): number for number in range(life * 10_000, life * 10_000 + 2000)}
        for path, (picture, _) in on_disk.items():
            number = numbers.get(path.partition("/")[2])
            assert number is None or picture == content_of(number, 1000 + number % 7 * 20_000)


def kill_while_uploading(folder: Path, *, kills: int) -> None:
    dice, root = random.Random(kills), folder / "spool"
    spool = Spool(root, quota_bytes=ROOMY)
    pictures = {str(store(spool, number)): content_of(number) for number in range(6 * kills)}
    with S3Server(folder) as server:
        target = S3Target(type="s3", bucket=BUCKET, region=REGION, endpoint=server.endpoint)
        for _ in range(kills):
            run_and_kill(upload_for_ever, root, target, after_s=dice.uniform(0, 0.06))
            waits = {path.partition("/")[2]: content for path, content in files_below(root).items()}
            arrived = server.objects()
            for key, picture in pictures.items():
                companion = key.replace(".jpg", ".json")
                is_in_spool = waits.get(key) == picture and companion in waits
                assert is_in_spool or (arrived.get(key) == picture and companion in arrived), f"{key} is lost"
        after = Spool(root, quota_bytes=ROOMY)
        after.open()
        for pair in all_pairs(after):
            assert pair.key in pictures
        with pytest.MonkeyPatch.context() as patch:
            for name, value in CREDENTIALS.items():
                patch.setenv(name, value)
            with uploading(after, server.endpoint):
                wait_until_empty(after)
        assert {key: picture for key, (picture, _) in pairs_of(server.objects()).items()} == pictures
    assert files_below(root) == {}


def test_a_spool_that_is_killed_has_no_halves(tmp_path: Path) -> None:
    kill_while_storing(tmp_path, kills=8)


@pytest.mark.thorough
def test_an_uploader_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    kill_while_uploading(tmp_path, kills=8)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_spool_that_is_killed_two_hundred_times_has_no_halves(tmp_path: Path) -> None:
    kill_while_storing(tmp_path, kills=200)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_an_uploader_that_is_killed_two_hundred_times_loses_nothing(tmp_path: Path) -> None:
    kill_while_uploading(tmp_path, kills=200)
