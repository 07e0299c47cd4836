"""The step that puts accepted labels into the label store: a child for some labels each."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_side.catalog.label_rows import EVENT_TIME, RECORD_ID, label_from, record_of
from cloud_side.catalog.labels import LabelError, strict_json
from cloud_side.clients import client, open_bucket
from cloud_side.labeling.places import stored_prefix
from cloud_side.objects import Bucket, Client

_log = logging.getLogger(__name__)


@dataclass
class Receipt:
    """What became of some labels.

    Attributes:
        sha256: Of the images whose labels are in the store.
        images: Event time of each label, by the address of its image.
        refused: Why, by the image's hash: these labels no store would take.
    """

    sha256: set[str] = field(default_factory=set)
    images: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON; what was stored once is not refused."""
        refused = {sha256: reason for sha256, reason in self.refused.items() if sha256 not in self.sha256}
        return {"sha256": sorted(self.sha256), "images": self.images, "refused": refused}

    @classmethod
    def parse(cls, content: bytes) -> "Receipt":
        """Read it."""
        document = json.loads(content)
        return cls(set(document["sha256"]), document["images"], document["refused"])


def store(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Put some labels into the store, and leave a receipt; a label that is refused loses itself alone.

    One that is put again is the same record of the same event time. Where the store cannot be reached the receipt says
    what it has until then, and the step fails, to be tried again.

    Args:
        event: `bucket`, `batch`, `round`, `feature_group`, and `items`: lines of `accepted.jsonl`.
        context: Of the function.

    Returns:
        How many were `stored`, and how many were `refused`.
    """
    bucket, rows = open_bucket(event["bucket"]), event["items"]
    key = f"{stored_prefix(event['batch'])}{event['round']}-{rows[0]['sha256']}.json"
    before = bucket.read(key)
    receipt = Receipt() if before is None else Receipt.parse(before.content)
    try:
        for row in rows:
            _store(client("sagemaker-featurestore-runtime"), event["feature_group"], row, receipt)
    finally:
        bucket.write(key, f"{strict_json(receipt.document())}\n".encode())
    return {"stored": len(receipt.sha256), "refused": len(rows) - len(receipt.sha256)}


def read_receipts(bucket: Bucket, batch: str) -> Iterator[Receipt]:
    """Yield the receipts of a batch."""
    for each in bucket.listed(stored_prefix(batch)):
        if (kept := bucket.read(each.key)) is not None:
            yield Receipt.parse(kept.content)


def _store(runtime: Client, feature_group: str, row: Mapping[str, str], receipt: Receipt) -> None:
    try:
        record = record_of(label_from(row))
        runtime.put_record(FeatureGroupName=feature_group, Record=record)
    except runtime.exceptions.ValidationError as error:
        _refuse(row, f"{error}", receipt)
    except LabelError as error:
        _refuse(row, f"{error}", receipt)
    else:
        receipt.sha256.add(row["sha256"])
        receipt.images[row[RECORD_ID]] = row[EVENT_TIME]


def _refuse(row: Mapping[str, str], reason: str, receipt: Receipt) -> None:
    _log.warning("label of %s: not stored: %s", row.get(RECORD_ID), reason)
    receipt.refused[str(row.get("sha256"))] = reason
