"""The steps that make items of what a batch took: a child for some images each, and one that joins what they wrote."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cloud_side.catalog.labels import json_lines, strict_json
from cloud_side.catalog.sidecars import LARGEST_SIDECAR_BYTES
from cloud_side.clients import open_bucket
from cloud_side.labeling.items import Item, read_item, write_items
from cloud_side.labeling.places import (
    GATHERED,
    QUARANTINE,
    TAKEN,
    WorkKind,
    batch_key,
    input_key,
    prepared_prefix,
)
from cloud_side.labeling.preparation import (
    MOST_BYTES,
    Flaw,
    FlawedError,
    Sample,
    make_item,
    picture_wh,
    read_pre_labels,
)
from cloud_side.labeling.settings import parse_settings
from cloud_side.objects import Bucket
from edge_inspector.errors import ConfigError

_COUNTS = ("items", "quarantined", "failed", "without_pre_labels", "boxes_cut", "boxes_dropped")


def prepare(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Read some images with their sidecars; broken ones are put aside with the reason.

    Args:
        event: `bucket`, `batch`, `settings`, and `items`: lines of `taken.jsonl`.
        context: Of the function.

    Returns:
        How many were `prepared` and `quarantined`.
    """
    bucket, settings = open_bucket(event["bucket"]), parse_settings(event["settings"])
    samples = [Sample.parse(row) for row in event["items"]]
    lines = [_prepared(bucket, sample, settings.class_names) for sample in samples]
    bucket.write_lines(f"{prepared_prefix(event['batch'])}{samples[0].sha256}.jsonl", json_lines(lines))
    prepared = sum("item" in line for line in lines)
    return {"prepared": prepared, "quarantined": len(lines) - prepared}


def gather(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Join what the children wrote to the first round's manifest, in the order in which the images were taken.

    Args:
        event: `bucket`, `batch`, `settings`.
        context: Of the function.

    Returns:
        How many `items` there are, how many were `quarantined`, and how many `failed` with their child.

    Raises:
        ConfigError: If there is an image, and no class to look for.
    """
    bucket, batch = open_bucket(event["bucket"]), event["batch"]
    asked = parse_settings(event["settings"]).class_names
    taken = [json.loads(line)["sha256"] for line in bucket.lines(batch_key(batch, TAKEN))]
    prepared = _Prepared(bucket, batch, taken)
    bucket.write_lines(batch_key(batch, QUARANTINE), json_lines(prepared.quarantined()))
    counts, class_names = prepared.counts, asked or tuple(sorted(prepared.class_names))
    if counts["items"] and not class_names:
        msg = "class_names: expected the classes to look for, found none, and the pre-labels name none either"
        raise ConfigError(msg)
    items = (replace(item, class_names=class_names) for item in prepared.items())
    bucket.write_lines(input_key(batch, 1, WorkKind.LABEL), write_items(items))
    bucket.write(batch_key(batch, GATHERED), f"{strict_json(counts)}\n".encode())
    return {name: counts[name] for name in ("items", "quarantined", "failed")}


def _prepared(bucket: Bucket, sample: Sample, class_names: Sequence[str]) -> dict[str, Any]:
    """Return what is told of one image: an item, or why it is none."""
    try:
        image_wh = picture_wh(_picture(bucket, sample.image), sample.sha256)
    except FlawedError as error:
        row = {"sha256": sample.sha256, "image": sample.image, "reason": error.flaw.value, "found": str(error)}
        return {"quarantined": row}
    pre_labels = read_pre_labels(_sidecar(bucket, sample.sidecar), sample, image_wh)
    if class_names:
        pre_labels = pre_labels.among(class_names)
    return {
        "item": make_item(sample, bucket.name, image_wh, pre_labels).document(),
        "boxes_cut": pre_labels.cut,
        "boxes_dropped": pre_labels.dropped,
        "problem": pre_labels.problem,
    }


def _picture(bucket: Bucket, key: str) -> bytes:
    try:
        kept = bucket.read(key, most_bytes=MOST_BYTES)
    except ValueError as error:
        raise FlawedError(Flaw.TOO_LARGE, str(error)) from error
    if kept is None:
        msg = f"expected an object, found none at {bucket.address(key)}"
        raise FlawedError(Flaw.MISSING, msg)
    return kept.content


def _sidecar(bucket: Bucket, key: str) -> bytes | None:
    try:
        kept = bucket.read(key, most_bytes=LARGEST_SIDECAR_BYTES)
    except ValueError:
        return None  # no station wrote that
    return None if kept is None else kept.content


class _Prepared:
    """What the children wrote, each image once, in the order in which the images were taken.

    An object is named after the first of its images.

    Attributes:
        counts: Of it, once the quarantined ones have been told.
        class_names: That pre-labels name, once they have been told.
    """

    def __init__(self, bucket: Bucket, batch: str, taken: Sequence[str]) -> None:
        prefix = prepared_prefix(batch)
        written = {each.key for each in bucket.listed(prefix)}
        self._bucket = bucket
        self._keys = [key for sha256 in taken if (key := f"{prefix}{sha256}.jsonl") in written]
        self.counts = dict.fromkeys(_COUNTS, 0) | {"failed": len(taken)}
        self.class_names: set[str] = set()

    def quarantined(self) -> Iterator[dict[str, Any]]:
        """Yield why images were put aside, and count all."""
        for line in self._lines():
            self.counts["failed"] -= 1
            if "item" in line:
                self._count(line)
            else:
                self.counts["quarantined"] += 1
                yield line["quarantined"]

    def items(self) -> Iterator[Item]:
        """Yield the items."""
        return (read_item(line["item"]) for line in self._lines() if "item" in line)

    def _count(self, line: Mapping[str, Any]) -> None:
        self.counts["items"] += 1
        self.counts["without_pre_labels"] += line["problem"] is not None
        for name in ("boxes_cut", "boxes_dropped"):
            self.counts[name] += line[name]
        self.class_names.update(read_item(line["item"]).class_names)

    def _lines(self) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        for key in self._keys:
            for line in map(json.loads, self._bucket.lines(key)):
                sha256 = line["item"]["edge-inspector"]["sha256"] if "item" in line else line["quarantined"]["sha256"]
                if sha256 not in seen:
                    seen.add(sha256)
                    yield line
