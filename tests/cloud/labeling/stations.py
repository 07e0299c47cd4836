"""What stations have put into the bucket: sidecars that the edge's own code writes, pictures that are only bytes."""

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cloud_side import clients
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.labeling.settings import parse_settings
from cloud_side.local.home import REGION
from cloud_side.local.opening import LocalCloud, open_local
from edge_inspector.samples.pictures import Picture, encode
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.sampling import SampleReason
from tests.samples.made import WRITER, frame, identity_of, key_of, result

BUCKET = "edge-inspector"
STARTED = "2026-03-02T08:00:00.250Z"  # the day after that of the samples
DAY = "site=berlin/line=line-1/station=press-3/dt=2026-03-01"


@cache
def _picture() -> Picture:
    return encode(frame(1), suffix="jpg", jpeg_quality=95)


@cache
def _template(boxes: int, reason: SampleReason) -> str:
    found = result(1, boxes=[(3, 5, 20, 30)] * boxes)
    line = sidecar(
        found, _picture(), key=key_of(1), source_ref=f"s3://{BUCKET}/{key_of(1)}", reason=reason,
        document=WRITER.result_document(found),
    )  # fmt: skip
    return line.decode()


@dataclass(frozen=True)
class Made:
    """A sample as it lies in the bucket.

    Attributes:
        image, sidecar: Keys.
        content: Of the picture.
        line: Of the sidecar.
    """

    image: str
    sidecar: str
    content: bytes
    line: bytes


def make_sample(  # noqa: PLR0913 - all that samples differ in
    number: int,
    *,
    reason: str = "defect",
    folder: str = f"samples/{DAY}",
    suffix: str = "jpg",
    boxes: int = 1,
    content: bytes = b"",
    part: str = "",
    lot: str | None = "lot-7",
    product: str = "tag",
    disposition: str | None = None,
) -> Made:
    """Return the `number`-th sample; its picture's content is its own unless another one is given."""
    content = content or f"picture {number}".encode()
    identity, part = identity_of(number), part or f"part-{number}"
    document = json.loads(_template(boxes, SampleReason(reason)).replace(identity_of(1), identity))
    ours = document["edge-inspector"]
    ours |= {"sha256": hashlib.sha256(content).hexdigest(), "group": part}
    ours["result"] |= {"part_id": part, "lot": lot, "product": product}
    if disposition is not None:
        ours |= {"disposition": {"disposition": disposition, "by": "ann", "at": "2026-03-01T13:05:07.250Z"}}
    stem = f"{folder}/{identity}-0"
    ours["key"] = document["source-ref"] = f"{stem}.jpg"
    line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return Made(f"{stem}.{suffix}", f"{stem}.json", content, line)


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """Hold a block against a bound on the memory that Python takes in it."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 1e6, f"{peak / 1e6:.1f} MB"


class Cut(Exception):  # noqa: N818 - what a kill looks like from inside
    """The step ends here: what it asked for last is done, and it does not hear of it."""


@dataclass
class Bucket:
    """A bucket of a home in which no engine runs.

    Attributes:
        s3: A client of its own; what it asks for is neither counted nor cut.
    """

    cloud: LocalCloud
    s3: Any
    name: str
    _hooks: list[tuple[str, Callable[..., Any]]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where its objects are files."""
        return self.cloud.home.buckets / self.name

    def put(self, *samples: Made) -> None:
        """Put samples there, as a station's upload does."""
        for sample in samples:
            for key, content in ((sample.image, sample.content), (sample.sidecar, sample.line)):
                self.put_object(key, content)

    def put_object(self, key: str, content: bytes = b"") -> None:
        """Put an object there."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, *keys: str) -> None:
        """Delete objects."""
        self.s3.delete_objects(Bucket=self.name, Delete={"Objects": [{"Key": key} for key in keys]})

    def read(self, key: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def rows(self, key: str) -> list[dict[str, Any]]:
        """Return the lines of an object as JSON."""
        return [json.loads(line) for line in self.read(key).splitlines()]

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Return all objects below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return {each["Key"]: self.read(each["Key"]) for page in pages for each in page.get("Contents", ())}

    def event(self, batch: str = "first", settings: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return what a step of a batch is given."""
        document = parse_settings({} if settings is None else dict(settings)).model_dump(mode="json")
        return {"bucket": self.name, "batch": batch, "started": STARTED, "settings": document, **more}

    def hook(self, moment: str, call: Callable[..., Any]) -> None:
        """Call something at a moment of each request of a step, as botocore names it: `before-call` and the like."""
        clients.client("s3").meta.events.register_first(f"{moment}.s3", call)
        self._hooks.append((f"{moment}.s3", call))

    def unhook(self) -> None:
        """Call nothing any more."""
        for moment, call in self._hooks:
            clients.client("s3").meta.events.unregister(moment, call)
        self._hooks.clear()

    def asked(self) -> list[str]:
        """Return a list to which the names of the requests come that steps make from now on."""
        names: list[str] = []
        self.hook("before-call", lambda model, **_: names.append(model.name))
        return names

    @contextmanager
    def cut_after(self, requests: int, *, begin: tuple[str, ...] = ("",)) -> Iterator[None]:
        """Raise `Cut` once so many requests of a step have been done; 0: before the first.

        Args:
            requests: How many.
            begin: Only those whose name begins so count.
        """
        left = [requests]

        def before(model: Any, **_: Any) -> None:
            if model.name.startswith(begin) and left[0] <= 0:
                raise Cut

        def after(model: Any, **_: Any) -> None:
            left[0] -= model.name.startswith(begin)
            if model.name.startswith(begin) and left[0] <= 0:
                raise Cut

        self.hook("before-call", before)
        self.hook("after-call", after)
        try:
            yield
        finally:
            self.unhook()


class Home:
    """One home for all tests of a module, and a bucket for each."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.cloud = open_local(folder)
        patch.setattr(self.cloud.session, "client", cache(self.cloud.session.client))  # each takes its time to make
        self._s3 = self.cloud.session.client("s3")
        self._count = 0
        patch.setenv(ENGINE_VARIABLE, local_engine(folder))
        patch.setattr(clients, "_session", lambda _engine: self.cloud.session)

    def bucket(self) -> Bucket:
        """Return a new bucket."""
        self._count += 1
        name = f"{BUCKET}-{self._count}"
        self._s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return Bucket(self.cloud, self._s3, name)

    def close(self) -> None:
        """Close it."""
        clients._client.cache_clear()
        self.cloud.close()


@contextmanager
def opened_home(folder: Path) -> Iterator[Home]:
    """Open a home for this process, and for the steps that it runs."""
    with pytest.MonkeyPatch.context() as patch:
        home = Home(folder, patch)
        try:
            yield home
        finally:
            home.close()
