"""A bucket on a local engine, and labeled pictures to fill it with."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from PIL import Image

from cloud_side.catalog.candidates import Source
from cloud_side.catalog.creating import Created, Wish, create
from cloud_side.catalog.labels import AnnotatorType, Box, Label, Origin, Verification
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares
from cloud_side.local.opening import open_local
from cloud_side.objects import Bucket

AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
REGION = {"LocationConstraint": "eu-central-1"}
ALL = Shares(100, 0, 0)  # for tests that are not about splits


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have one engine for all tests, each with a bucket of its own."""
    return tmp_path_factory.mktemp("datasets") / "engine"


@pytest.fixture(scope="session")
def session(engine: Path) -> Iterator[boto3.Session]:
    cloud = open_local(engine)
    yield cloud.session
    cloud.close()


@pytest.fixture(scope="session")
def s3(session: boto3.Session) -> Any:
    return session.client("s3")


@pytest.fixture
def shelf(s3: Any, request: pytest.FixtureRequest) -> Shelf:
    bucket = f"b{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=REGION)
    return Shelf(Bucket(s3, bucket))


def picture(seed: int, size: tuple[int, int] = (64, 48), form: str = "PNG") -> bytes:
    """Return a picture that no other seed comes near."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 12), np.uint8)
    written = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(written, form)
    return written.getvalue()


def content_of(shelf: Shelf, key: str) -> bytes:
    """Return an object of the bucket."""
    kept = shelf.bucket.read(key)
    assert kept is not None, key
    return kept.content


@pytest.fixture
def sample(shelf: Shelf) -> Callable[..., Label]:
    """Return a function that puts a picture among the samples, and returns a label of it."""

    def make(seed: int, group: str = "", boxes: Sequence[Box] | None = None, **more: Any) -> Label:
        content = more.pop("content", None) or picture(seed)
        label = label_of(seed, group, boxes, image=shelf.bucket.address(f"samples/{seed}.png"), content=content, **more)
        shelf.bucket.write(f"samples/{seed}.png", content)
        return label

    return make


def label_of(seed: int, group: str = "", boxes: Sequence[Box] | None = None, **more: Any) -> Label:
    """Return a label of the picture of a seed, verified an hour after that of the seed before."""
    content = more.pop("content", None) or picture(seed)
    fields = {
        "image": f"s3://bucket/samples/{seed}.png",
        "sha256": hashlib.sha256(content).hexdigest(),
        "width": 64,
        "height": 48,
        "group": group or f"part-{seed}",
        "class_names": ("scratch",),
        "boxes": (Box("scratch", 1, 2, 10, 12),) if boxes is None else tuple(boxes),
        "job": "batch-1",
        "annotator_type": AnnotatorType.HUMAN,
        "labeled_by": ("ana",),
        "verification": Verification.ACCEPTED,
        "verified_by": "ben",
        "reason": None,
        "event_time": AT + timedelta(hours=seed),
        "origin": Origin(site="ulm", line="press", station="7", model="tags/1.2.0", captured_at="2026-03-01T06:00:00Z"),
    }
    return Label(**{**fields, **more})


def make_version(shelf: Shelf, labels: Sequence[Label], name: str = "tags", **more: Any) -> Created:
    """Make a version of some labels; all of it for training where nothing else is said."""
    wish = {"created_at": AT, "created_by": "ana", "shares": ALL, **more}
    return create(shelf, [Source("tests", labels)], Wish(name, **wish))
