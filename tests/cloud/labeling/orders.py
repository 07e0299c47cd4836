"""Work orders without the workflow: a local cloud with pictures and an order in it, and a page that serves it."""

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import boto3
from PIL import Image, ImageDraw

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item, write_items
from cloud_side.labeling.page.running import PageOptions, serve
from cloud_side.labeling.places import OPEN_WORK, WorkKind, input_key
from cloud_side.labeling.work.opening import open_work
from cloud_side.labeling.work.orders import Order
from cloud_side.local.opening import open_local
from cloud_side.objects import Bucket

BUCKET = "edge-inspector"
CLASSES = ("dent", "scratch")
SIZE = (320, 240)
OPENED_AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PATIENCE_S = 30


@dataclass(frozen=True)
class Proposed:
    """A box that a model, or a person (`confidence` None), drew before."""

    label: str
    x: float
    y: float
    width: float
    height: float
    confidence: float | None = 0.8

    @property
    def box(self) -> Box:
        return Box(self.label, self.x, self.y, self.width, self.height)


SCRATCH = Proposed("scratch", 40, 60, 120, 30)


@lru_cache(maxsize=4)
def sparing(session: boto3.Session) -> Any:
    """Return a session that makes each client once: to make one takes longer than ten requests."""
    return SimpleNamespace(client=lru_cache(session.client))


def s3_of(session: boto3.Session) -> Any:
    """Return the client of S3 that all tests of a cloud share."""
    return sparing(session).client("s3")


@contextmanager
def cloud(folder: Path) -> Iterator[boto3.Session]:
    """Have a local cloud with the product's bucket during the block; yields its session."""
    opened = open_local(folder)
    try:
        s3 = opened.session.client("s3")
        if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield opened.session
    finally:
        opened.close()


def picture(number: int, size: tuple[int, int] = SIZE) -> bytes:
    """Return a PNG of its own: a plate with a stripe, and its number."""
    image = Image.new("RGB", size, (70 + number % 50, 80, 90))
    draw = ImageDraw.Draw(image)
    draw.line((40, 75, 160, 75), fill=(220, 220, 220), width=6)
    draw.text((size[0] // 2, 10), f"{number}", fill=(255, 255, 255))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def put_items(
    session: boto3.Session,
    count: int,
    *,
    proposal: Sequence[Proposed] = (SCRATCH,),
    size: tuple[int, int] = SIZE,
    bucket: str = BUCKET,
    **more: Any,
) -> list[Item]:
    """Put pictures into the bucket and return the items that they are.

    Args:
        session: Of the cloud.
        count: How many.
        proposal: Boxes to start from, on each.
        size: Width and height of the pictures.
        bucket: Where they lie.
        more: Other fields of the items.
    """
    s3 = s3_of(session)
    items = []
    for number in range(count):
        content = picture(number, size)
        key = f"samples/site=plant/line=1/station=press-7/dt=2026-03-02/{number:04}.png"
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        about = {
            "class_names": CLASSES,
            "origin": Origin(site="plant", line="1", station="press-7", model="metal-tags/1.0.0"),
            **more,
        }
        items.append(
            Item(
                source_ref=f"s3://{bucket}/{key}",
                sha256=hashlib.sha256(content).hexdigest(),
                width=size[0],
                height=size[1],
                group=f"part-{number}",
                proposal=tuple(each.box for each in proposal),
                confidences=tuple(each.confidence for each in proposal),
                **about,
            )
        )
    return items


def put_order(
    session: boto3.Session, items: Sequence[Item], *, kind: str = "label", token: str = "token", **more: Any
) -> Order:
    """Put the manifest of these items, open an order for them, and return it.

    Args:
        session: Of the cloud.
        items: In their order.
        kind: `label` or `verify`.
        token: Of the task that waits; any.
        more: Other fields of the order: batch, round, workers and so on.
    """
    about: dict[str, Any] = {
        "batch": "batch-1",
        "round": 1,
        "opened_at": OPENED_AT,
        "closes_at": datetime.now(UTC) + timedelta(days=7),
        "workers": 1,
        "agreement_iou": 0.5,
        "second_person": True,
        "class_names": CLASSES,
        **more,
    }
    key = input_key(about["batch"], about["round"], WorkKind(kind))
    bucket = Bucket(s3_of(session), BUCKET)
    bucket.write(key, "".join(write_items(items)).encode())
    order = Order(kind=WorkKind(kind), token=token, input=key, **about)
    open_work(bucket, order)
    return order


def close_orders(session: boto3.Session, batch: str) -> None:
    """Have no page look at a batch any more."""
    bucket = Bucket(s3_of(session), BUCKET)
    for listed in bucket.listed(f"{OPEN_WORK}{batch}."):
        bucket.remove(listed.key)


def output_of(session: boto3.Session, order: Order, bucket: str = BUCKET) -> list[dict[str, Any]] | None:
    """Return the lines of an order's output manifest; None while there is none."""
    kept = Bucket(s3_of(session), bucket).read(order.output)
    return None if kept is None else [json.loads(line) for line in kept.content.splitlines()]


@dataclass
class Served:
    """A page that is served.

    Attributes:
        links: Secret link of each person.
    """

    links: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return next(iter(self.links.values())).partition("/?")[0]


@contextmanager
def served(
    session: boto3.Session, folder: Path, people: Sequence[str] = ("ana", "ben"), **more: Any
) -> Iterator[Served]:
    """Have a page served to these people during the block, by the very function of the command line.

    Args:
        session: Of the cloud.
        folder: For the file with their secrets.
        people: Names.
        more: Other options of the page.
    """
    with told_by_page(session, folder, people=people, **more) as told:
        page = Served()
        while len(page.links) < len(people):
            line = told()
            page.links |= {name: line[line.index("http") :] for name in people if line.split()[0] == name}
        yield page


@contextmanager
def served_behind(session: boto3.Session, folder: Path, **more: Any) -> Iterator[str]:
    """Have a page served behind a load balancer during the block; yields its host and port."""
    with told_by_page(session, folder, **more) as told:
        line = told()
        yield line[line.index("//") + 2 :].partition(",")[0]


@contextmanager
def told_by_page(session: boto3.Session, folder: Path, **more: Any) -> Iterator[Callable[[], str]]:
    """Have a page served during the block; yields what returns the next line that it tells."""
    options = PageOptions(
        **{
            "bucket": BUCKET,
            "people": (),
            "secrets": folder / "labeling-people.json",
            "alb_arn": None,
            "alb_keys": None,
            "alb_client": None,
            "host": "127.0.0.1",
            "port": 0,
            "hosts": (),
            **more,
        }
    )
    lines: SimpleQueue[str | Exception] = SimpleQueue()
    until = threading.Event()

    def run() -> None:
        try:
            serve(sparing(session), options, lines.put, until)
        except Exception as error:  # noqa: BLE001 - told to the test
            lines.put(error)

    def told() -> str:
        line = lines.get(timeout=PATIENCE_S)
        if isinstance(line, Exception):
            raise line
        return line

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told
    finally:
        until.set()
        thread.join(PATIENCE_S)
