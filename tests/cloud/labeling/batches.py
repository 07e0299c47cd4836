"""A batch without its workflow: real pictures that were taken, and steps that are called one after another."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from PIL import Image

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item, read_items, write_items
from cloud_side.labeling.places import WorkKind, batch_key, input_key, output_key
from cloud_side.labeling.runtime.collecting import labels, verdicts
from cloud_side.labeling.runtime.preparing import gather, prepare
from tests.cloud.labeling.stations import Bucket, Cut, Made, make_sample

BATCH = "first"
AT = datetime(2026, 3, 3, 9, 10, 11, tzinfo=UTC)
SIZE = (64, 48)  # as the sidecars of `make_sample` say
CLASSES = {"0": "scratch", "1": "dent"}


def encoded(number: int, *, kind: str = "JPEG", size: tuple[int, int] = SIZE, **more: Any) -> bytes:
    """Return a picture whose content is its own."""
    file = io.BytesIO()
    image = Image.new("RGB", size, (number * 16 % 256, number // 16 % 256, 90))
    image.putpixel((0, 0), (255, 255, number % 7))
    image.save(file, kind, **more)
    return file.getvalue()


def sample(number: int, content: bytes | None = None, **more: Any) -> Made:
    """Return a sample whose picture is one."""
    return make_sample(number, content=encoded(number) if content is None else content, **more)


def with_sidecar(made: Made, change: Callable[[dict[str, Any]], object]) -> Made:
    """Return a sample whose sidecar says something else."""
    document = json.loads(made.line)
    change(document)
    return Made(made.image, made.sidecar, made.content, json.dumps(document).encode() + b"\n")


def row(made: Made, **more: Any) -> dict[str, Any]:
    """Return the line of `taken.jsonl`."""
    sha256 = hashlib.sha256(made.content).hexdigest()
    return {"sha256": sha256, "image": made.image, "part_group": "part-1", "reason": "defect", **more}


def take(bucket: Bucket, rows: Sequence[Mapping[str, Any]], number: int = 1) -> None:
    """Write what the batch took, and its claim."""
    bucket.put_object(batch_key(BATCH, "settings.json"), b"{}")
    bucket.put_object(batch_key(BATCH, "taken.jsonl"), lines(rows))
    claim = [{"sha256": each["sha256"], "batch": BATCH, "until": "2026-04-01T00:00:00Z"} for each in rows]
    bucket.put_object(f"catalog/taken/{number:08}.jsonl", lines(claim))


def prepared(bucket: Bucket, *samples: Made, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Take samples that lie in the bucket, prepare them in children of two, and return what gathering answers."""
    rows = [row(each) for each in samples]
    take(bucket, rows)
    for start in range(0, len(rows), 2):
        prepare(bucket.event(settings=settings, items=rows[start : start + 2]), None)
    return gather(bucket.event(settings=settings), None)


def items(bucket: Bucket, number: int = 1, kind: WorkKind = WorkKind.LABEL) -> list[Item]:
    """Return the items of an input manifest."""
    return list(read_items(bucket.read(input_key(BATCH, number, kind)).splitlines()))


def ask(bucket: Bucket, *asked: Item, number: int = 1, kind: WorkKind = WorkKind.LABEL) -> None:
    """Write an input manifest."""
    bucket.put_object(input_key(BATCH, number, kind), "".join(write_items(asked)).encode())


def item(number: int, *boxes: Box, **more: Any) -> Item:
    """Return an item; with a box of the model unless others are given."""
    proposal = boxes or (Box("scratch", 3, 5, 20, 30),)
    return Item(
        f"s3://edge-inspector/samples/{number}.jpg", f"{number:064x}", *SIZE, f"part-{number}", ("scratch", "dent"),
        proposal, (0.9,) * len(proposal), Origin(site="berlin", model="metal-tags/1.2.0"), **more,
    )  # fmt: skip


def lines(documents: Sequence[Any]) -> bytes:
    """Return JSON lines; bytes stay as they are."""
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in documents)


def annotation(left: float, top: float, width: float, height: float, class_id: int | str = 0) -> dict[str, Any]:
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}


def drawn(
    item: Item,
    *annotations: Mapping[str, Any],
    by: Sequence[str] = ("ana",),
    name: str = "label",
    metadata: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return an item's output line with boxes."""
    return {
        **item.document(),
        name: {"image_size": [{"width": item.width, "height": item.height, "depth": 3}], "annotations": annotations},
        f"{name}-metadata": {
            "objects": [{"confidence": 1.0}] * len(annotations),
            "class-map": CLASSES,
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-03-03T09:10:11.500000",
            "job-name": "labeling-job/first.1.label",
            "edge-inspector": {"workers": list(by), "seconds": [4.0] * len(by)},
            **metadata,
        },
    }


def said(  # noqa: PLR0913 - all that a verdict can say
    item: Item,
    value: object,
    word: str | None = None,
    *,
    by: str = "ben",
    reason: str | None = None,
    metadata: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return an item's output line with a verdict."""
    named = {} if word is None else {"class-name": word}
    why = {} if reason is None else {"reason": reason}
    return {
        **item.document(),
        "verification": value,
        "verification-metadata": {
            **named,
            "confidence": 1.0,
            "type": "groundtruth/label-verification",
            "human-annotated": "yes",
            "creation-date": "2026-03-04T09:10:11",
            "job-name": "labeling-job/first.1.verify",
            "edge-inspector": {"workers": [by], "seconds": [2.0], **why},
            **metadata,
        },
    }


def collect_labels(bucket: Bucket, *written: Any, number: int = 1, **settings: Any) -> dict[str, Any]:
    """Write an output manifest of a labeling, and return what collecting answers."""
    return labels(_output(bucket, written, number, WorkKind.LABEL, settings), None)


def collect_verdicts(bucket: Bucket, *written: Any, number: int = 1, **settings: Any) -> dict[str, Any]:
    """Write an output manifest of a verification, and return what collecting answers."""
    return verdicts(_output(bucket, written, number, WorkKind.VERIFY, settings), None)


def _output(
    bucket: Bucket, written: Sequence[Any], number: int, kind: WorkKind, settings: Mapping[str, Any]
) -> dict[str, Any]:
    key = output_key(BATCH, number, kind)
    bucket.put_object(key, lines(written))
    return bucket.event(settings=settings, round=number, output=f"s3://{bucket.name}/{key}")


def check_cuts(bucket: Bucket, step: Callable[[], dict[str, Any]], prefix: str) -> int:
    """Check that a step that is cut after each change that it makes, and run again, leaves the same.

    Returns:
        How many changes it makes. A cut after a request that only reads is one after the change before.
    """
    answer, undisturbed = step(), bucket.objects(prefix)
    for changes in range(1000):
        try:
            with bucket.cut_after(changes, begin=("Put", "Delete")):
                step()
        except Cut:
            assert step() == answer
            assert bucket.objects(prefix) == undisturbed, f"cut after {changes} changes"
        else:
            return changes - 1
    raise AssertionError
