"""As many images as a line takes in a year: what a version needs in memory is hashes and groups."""

import hashlib
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog import creating
from cloud_side.catalog.labels import Label, strict_json
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, SplitRule
from cloud_side.catalog.versions import SCHEMA, Entry, Header, Identity, Tally
from cloud_side.objects import Bucket
from tests.cloud.catalog.datasets.conftest import AT, REGION, label_of, make_version

CLASSES = ("scratch",)


def labels(count: int) -> Iterator[Label]:
    """Yield labels, four of each part, in no order of their hashes."""
    pattern = label_of(1)
    for number in range(count):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        yield replace(pattern, sha256=sha256, image=f"s3://b/samples/{number}.png", group=f"part-{number // 4}")


def keep(shelf: Shelf, bucket: Path, count: int, tmp_path: Path) -> None:
    """Keep a version of that many images, which are files in the bucket's folder."""
    rule, identity, tally = SplitRule("tags", Shares()), Identity(CLASSES), Tally(CLASSES)
    with (tmp_path / "body").open("w") as body:
        for label in sorted(labels(count), key=lambda each: each.sha256):
            key = f"datasets/images/{label.sha256[:2]}/{label.sha256}.png"
            (bucket / key).parent.mkdir(parents=True, exist_ok=True)
            (bucket / key).touch()
            entry = Entry(key, rule.split_of(label.group), label, "any")
            identity.add(entry)
            tally.add(entry)
            body.write(f"{strict_json(entry.document())}\n")
    stated = {"schema": SCHEMA, "name": "tags", "version": identity.version(), "class_names": list(CLASSES)}
    counted = {"counts": tally.document(), "split": {**rule.document(), "joined": {}}, "created_at": AT.isoformat()}
    header = Header({**stated, **counted, "notes": {}})
    (tmp_path / "whole").write_text(f"{strict_json(header.document)}\n{(tmp_path / 'body').read_text()}")
    shelf.write(tmp_path / "whole", header)


@pytest.mark.nightly
def test_memory_grows_by_hashes_and_groups_alone(
    s3: Any, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        creating, "find_near_duplicates", lambda looks: (each for each in looks if not each)
    )  # it has a map an image
    peaks = []
    for count in (1_000, 4_000):
        shelf = Shelf(Bucket(s3, f"many-{count}"))
        s3.create_bucket(Bucket=shelf.bucket.name, CreateBucketConfiguration=REGION)
        keep(shelf, engine / "s3" / shelf.bucket.name, count, tmp_path)
        tracemalloc.start()
        made = make_version(shelf, labels(count), shares=Shares(), created_at=AT)  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (made.is_new, made.header.counts["images"]) == (False, count)
    assert (peaks[1] - peaks[0]) / 3_000 < 500  # bytes an image; a listing has pages of 1,000
