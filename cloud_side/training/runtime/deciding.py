"""The first step: who asks, what is new, and whether that is worth a training."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.store import read_labels
from cloud_side.clients import boto_session, open_bucket
from cloud_side.objects import Bucket
from cloud_side.training.runtime.reading import last_known, read_settings
from cloud_side.training.triggers.asking import NEW, Asked, asked_for
from cloud_side.training.triggers.deciding import count_new, decide, wanted_labels
from cloud_side.training.triggers.settings import TrainingSettings, Trigger
from cloud_side.training.triggers.telling import nothing_to_do

_RECEIPTS: Final = "labeling/batches/{batch}/stored/"  # a contract with labeling, which training does not know


def decide_step(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Decide whether a model is trained.

    Args:
        event: `bucket`, `store`: the label store, and `input` of the execution.
        context: Of the function.

    Returns:
        `go`, `why`, `asked` and `settings` for the steps that follow, and `told` where there is nothing to do.

    Raises:
        ConfigError: If a person must change the input or the settings.
        LateRowsError: If labels that were stored are not to be read yet: the step is to run again.
    """
    bucket, asked = open_bucket(event["bucket"]), asked_for(event["input"])
    settings = asked.over(read_settings(bucket))
    asked = _with_version(bucket, asked, settings)
    new_labels = None
    if asked.kind is not Trigger.HAND and asked.kind in settings.triggers:
        new_labels = _count(bucket, event["store"], asked, settings)
    decision = decide(asked, settings, new_labels)
    return {
        "go": decision.go,
        "why": decision.why,
        "new_labels": new_labels,
        "asked": asked.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "told": None if decision.go else nothing_to_do(decision.why).document(),
    }


def _with_version(bucket: Bucket, asked: Asked, settings: TrainingSettings) -> Asked:
    """Return it with the version that is meant, by its hash; `new` where one is to be made."""
    version, shelf = asked.version, Shelf(bucket)
    if version is None:
        latest = shelf.versions(settings.dataset)[:1] if asked.kind is Trigger.HAND else []
        version = latest[0].version if latest else NEW
    elif version != NEW:
        version = shelf.find(settings.dataset, version).version
    return asked.model_copy(update={"version": version})


def _count(bucket: Bucket, store: str, asked: Asked, settings: TrainingSettings) -> int:
    awaited = {} if asked.batch is None else _stored(bucket, asked.batch)
    labels = read_labels(boto_session(), store, wait_for=awaited, timeout_s=0)
    return count_new(labels, last_known(bucket, settings), wanted_labels(settings))


def _stored(bucket: Bucket, batch: str) -> dict[str, str]:
    """Return the event time of each label that a batch has stored, by the address of its image."""
    keys = (each.key for each in bucket.listed(_RECEIPTS.format(batch=batch)))
    stored: dict[str, str] = {}
    for receipt in side_by_side(bucket.read, keys):
        stored |= {} if receipt is None else json.loads(receipt.content)["images"]
    return stored
