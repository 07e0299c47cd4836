"""The steps that make items of what a batch took: a child for some images each, and one that joins what they wrote."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cloud_side.catalog.labels import json_lines, strict_json
from cloud_side.catalog.sidecars import LARGEST_SIDECAR_BYTES
from cloud_side.labeling.items import read_item, write_items
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
from cloud_side.labeling.runtime.clients import open_bucket
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
    counts, known = _counted(bucket, batch)
    class_names = asked or known
    if counts["items"] and not class_names:
        msg = "class_names: expected the classes to look for, found none, and the pre-labels name none either"
        raise ConfigError(msg)
    flawed = (line["quarantined"] for line in _all_prepared(bucket, batch) if "quarantined" in line)
    bucket.write_lines(batch_key(batch, QUARANTINE), json_lines(flawed))
    found = (read_item(line["item"]) for line in _all_prepared(bucket, batch) if "item" in line)
    items = (replace(item, class_names=class_names) for item in found)
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


def _counted(bucket: Bucket, batch: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the counts of what was prepared, and the classes that pre-labels name."""
    counts: Counter[str] = Counter()
    known: set[str] = set()
    for line in _all_prepared(bucket, batch):
        counts["quarantined"] += "quarantined" in line
        if "item" in line:
            counts["items"] += 1
            counts["without_pre_labels"] += line["problem"] is not None
            counts.update({name: line[name] for name in ("boxes_cut", "boxes_dropped")})
            known.update(read_item(line["item"]).class_names)
    taken = sum(1 for _ in bucket.lines(batch_key(batch, TAKEN)))
    counts["failed"] = taken - counts["items"] - counts["quarantined"]
    return {name: counts[name] for name in _COUNTS}, tuple(sorted(known))


def _all_prepared(bucket: Bucket, batch: str) -> Iterator[dict[str, Any]]:
    """Yield what the children wrote, each image once, in the order in which they were taken.

    An object is named after the first of its images, so that their order is that of `taken.jsonl`.
    """
    prefix = prepared_prefix(batch)
    keys = {each.key for each in bucket.listed(prefix)}
    seen: set[str] = set()
    for taken in bucket.lines(batch_key(batch, TAKEN)):
        if (key := f"{prefix}{json.loads(taken)['sha256']}.jsonl") in keys:
            for line in map(json.loads, bucket.lines(key)):
                sha256 = line["item"]["edge-inspector"]["sha256"] if "item" in line else line["quarantined"]["sha256"]
                if sha256 not in seen:
                    seen.add(sha256)
                    yield line
