"""The last step: what the batch came to is written down, what is done with is settled, and the rest is free again."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from cloud_side.catalog.label_rows import label_from
from cloud_side.catalog.labels import Box, Label, LabelError, json_lines, strict_json
from cloud_side.catalog.tables import SETTLED
from cloud_side.clients import open_bucket
from cloud_side.labeling.items import Item, read_items
from cloud_side.labeling.places import (
    GATHERED,
    QUARANTINE,
    REPORT,
    REPORT_PAGE,
    SETTINGS,
    TAKEN,
    WorkKind,
    accepted_key,
    batch_key,
    collected_key,
    input_key,
)
from cloud_side.labeling.report import Batch, failure_of, report_of, timed
from cloud_side.labeling.report_page import page_of
from cloud_side.labeling.runtime.collecting import read_outcomes
from cloud_side.labeling.runtime.storing import Receipt, read_receipts, store
from cloud_side.labeling.selection import claim_key
from cloud_side.labeling.settings import LabelingSettings, parse_settings
from cloud_side.labeling.tally import End, Tally
from cloud_side.labeling.work.agreement import Comparison
from cloud_side.objects import Bucket
from edge_inspector.errors import ConfigError

_AT_ONCE: Final = 25  # labels a receipt
_TIMES = ("opened_at", "closed_at", "duration_s")


def close(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Write the report of a batch, and settle its claim; after a failure too.

    Args:
        event: `bucket`, `batch`, `settings`, `number` of the claim or null, and `failure` or null.
        context: Of the function.

    Returns:
        How many images ended how, and the address of the `report`.
    """
    bucket, name = open_bucket(event["bucket"]), event["batch"]
    settings = parse_settings(event["settings"])
    receipts = list(read_receipts(bucket, name))
    tally, pre_labels = _told(bucket, name, settings, receipts)
    if event.get("number") is not None:
        _settle(bucket, claim_key(event["number"]), name, tally)
    batch = Batch(
        name,
        event.get("number"),
        settings.model_dump(mode="json"),
        failure_of(event.get("failure")),
        _json(bucket, batch_key(name, GATHERED)),
        {**pre_labels.document(), "least_iou": settings.agreement_iou},
        [found for number in _rounds(settings) if (found := _collected(bucket, name, number))],
        {sha256: reason for receipt in receipts for sha256, reason in receipt.refused.items()},
    )
    report = _with_times(bucket, name, report_of(batch, tally))
    page_key = batch_key(name, REPORT_PAGE)
    bucket.write(page_key, page_of(report), media="text/html; charset=utf-8")
    bucket.write(batch_key(name, REPORT), f"{strict_json(report)}\n".encode())
    return {**{end.value: tally.count(end) for end in End}, "report": bucket.address(page_key)}


def store_rest(bucket_name: str, batch: str, feature_group: str) -> dict[str, Any]:
    """Store what a closed batch could not, close it once more, and return how many images ended how.

    Args:
        bucket_name: The bucket.
        batch: A batch whose labels were accepted, and did not come into the store.
        feature_group: The label store.

    Raises:
        ConfigError: If there is no such batch, or it was not closed.
        ClientError: If the store still does not take them; what it took is kept.
    """
    bucket = open_bucket(bucket_name)
    report = _json(bucket, batch_key(batch, REPORT))
    if not report:
        msg = f"{batch}: expected a batch that was closed, found no report of it"
        raise ConfigError(msg)
    settings = parse_settings(report["settings"])
    stored = {sha256 for receipt in read_receipts(bucket, batch) for sha256 in receipt.sha256}
    event = {"bucket": bucket_name, "batch": batch, "settings": report["settings"], "feature_group": feature_group}
    for number in _rounds(settings):
        rows = (json.loads(line) for line in bucket.lines(accepted_key(batch, number)))
        missing = (row for row in rows if row["sha256"] not in stored)
        while some := list(islice(missing, _AT_ONCE)):
            store({**event, "round": number, "items": some}, None)
    failure = report["failure"] and {"Error": report["failure"]["error"], "Cause": report["failure"]["cause"]}
    return close({**event, "number": report["number"], "failure": failure}, None)


def _told(
    bucket: Bucket, batch: str, settings: LabelingSettings, receipts: Iterable[Receipt]
) -> tuple[Tally, Comparison]:
    """Return what became of the images, and how the model's boxes compare with the labels."""
    tally, pre_labels = Tally(settings.rounds), Comparison()
    tally.take(json.loads(line)["sha256"] for line in bucket.lines(batch_key(batch, TAKEN)))
    tally.quarantine(json.loads(line) for line in bucket.lines(batch_key(batch, QUARANTINE)))
    proposed: dict[str, Sequence[Box]] = {}
    for item in read_items(bucket.lines(input_key(batch, 1, WorkKind.LABEL))):
        tally.prepare([item.sha256])
        if item.origin.model is not None:
            proposed[item.sha256] = _of_model(item)
    stored = frozenset(sha256 for receipt in receipts for sha256 in receipt.sha256)
    for number in _rounds(settings):
        labeled, verified = (read_outcomes(bucket, batch, number, kind) for kind in WorkKind)
        tally.work(number, labeled, verified)
        for label in tally.store(stored, _accepted(bucket, batch, number)):
            if label.sha256 in proposed:
                pre_labels.add(proposed[label.sha256], label.boxes, settings.agreement_iou)
    return tally, pre_labels


def _of_model(item: Item) -> Sequence[Box]:
    """Return the pre-labels that no operator drew."""
    pairs = zip(item.proposal, item.confidences, strict=True)
    return tuple(box for box, confidence in pairs if confidence is not None)


def _rounds(settings: LabelingSettings) -> range:
    return range(1, settings.rounds + 1)


def _accepted(bucket: Bucket, batch: str, number: int) -> Iterator[Label]:
    for line in bucket.lines(accepted_key(batch, number)):
        with suppress(LabelError):  # such a row the store has not got, and its receipt says why
            yield label_from(json.loads(line))


def _collected(bucket: Bucket, batch: str, number: int) -> dict[str, Any]:
    """Return the counts of one round; nothing of one that did not begin."""
    found = {kind.value: _json(bucket, collected_key(batch, number, kind)) for kind in WorkKind}
    return {"round": number, **found} if any(found.values()) else {}


def _json(bucket: Bucket, key: str) -> dict[str, Any]:
    """Return what an object says; nothing where there is none."""
    kept = bucket.read(key)
    document: dict[str, Any] = {} if kept is None else json.loads(kept.content)
    return document


def _settle(bucket: Bucket, key: str, batch: str, tally: Tally) -> None:
    """Settle for ever what is done with, and free the rest but what is held; another batch's claim stays as it is."""
    rows = [json.loads(line) for line in bucket.lines(key)]
    if all(row["batch"] != batch for row in rows):
        return
    settled, held = tally.settled(), tally.held()
    kept = [row for row in rows if row["batch"] != batch or row["sha256"] in settled | held]
    settling = ({**row, "until": SETTLED} if row["sha256"] in settled else row for row in kept)
    bucket.write_lines(key, json_lines(settling))


def _with_times(bucket: Bucket, batch: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report with its times; those of before where it says nothing new, so that it is the same once more."""
    before = _json(bucket, batch_key(batch, REPORT))
    if {name: value for name, value in before.items() if name not in _TIMES} == report:
        return before
    opened_at = bucket.written_at(batch_key(batch, SETTINGS))
    return timed(report, opened_at=opened_at, closed_at=datetime.now(UTC).replace(microsecond=0))
