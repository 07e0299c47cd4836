"""Whoever makes a version may be killed at any call: whoever comes next makes the same one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.importing import Arrival, import_set, imported
from cloud_side.catalog.interchange import LabelSet
from cloud_side.catalog.shelf import Shelf
from cloud_side.objects import Bucket
from tests.cloud.catalog.datasets.conftest import ALL, AT, REGION
from tests.cloud.catalog.datasets.test_importing import of_seed, write_set

CALLS = 40  # more than there are


class Cut(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Scissors:
    """Cuts the calls of a client off, before one of them; after one is before the next one."""

    def __init__(self, s3: Any) -> None:
        self._events = s3.meta.events
        self._left = 0

    def __call__(self, work: Callable[[], Any], at: int) -> bool:
        """Do some work, and return whether it was cut at one of its calls."""
        self._left = at
        self._events.register("before-call.s3", self._count)
        try:
            work()
        except Cut:
            return True
        finally:
            self._events.unregister("before-call.s3", self._count)
        return False

    def _count(self, **_: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cut


def work_on(shelf: Shelf, labels: LabelSet, folder: Path) -> str:
    done = import_set(shelf.bucket, labels, Arrival(folder, "coco", "ana", AT))
    source = imported(shelf.bucket, done.import_id)
    return create(shelf, [source], Wish("tags", AT, "ana", shares=ALL)).header.version


def test_cut_at_any_call_and_begun_anew_it_is_the_same_version(s3: Any, tmp_path: Path) -> None:
    labels = write_set(tmp_path, of_seed(1), of_seed(2, boxes=(), is_labeled=False))
    cut, versions, cuts = Scissors(s3), set(), 0
    for at in range(CALLS):
        shelf = Shelf(Bucket(s3, f"cut-{at}"))
        s3.create_bucket(Bucket=shelf.bucket.name, CreateBucketConfiguration=REGION)
        was_cut = cut(partial(work_on, shelf, labels, tmp_path), at)
        versions.add(work_on(shelf, labels, tmp_path))
        assert len(shelf.versions("tags")) == 1
        if not was_cut:
            break
        cuts += 1
    assert len(versions) == 1
    assert 8 < cuts < CALLS - 1
