"""The step that makes the dataset version that is trained on, of what the version before was made of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from cloud_side.catalog.candidates import Filter, Reason, Source
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.importing import find_import, imported
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.store import read_labels
from cloud_side.catalog.versions import Header
from cloud_side.clients import boto_session, open_bucket
from cloud_side.objects import Bucket
from cloud_side.training.triggers.asking import NEW, Asked
from cloud_side.training.triggers.deciding import wanted_labels
from cloud_side.training.triggers.settings import TrainingSettings, parse_settings

_BY: Final = "edge-inspector-retrain"
_STORE: Final = re.compile(r"label store (\S+)")
_IMPORT: Final = re.compile(r"import ([0-9a-f]+)")


def make_version(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Make the version, or find it.

    Args:
        event: `bucket`, `store`, `started` as ISO 8601, and `asked` and `settings` of the first step.
        context: Of the function.

    Returns:
        `version`: its hash; `is_new`: false where the same content was a version already.

    Raises:
        ConfigError: If a split would have too few groups.
        DatasetError: If something leaks, or there is nothing to make a version of.
    """
    asked, settings = Asked.model_validate(event["asked"]), parse_settings(event["settings"])
    if asked.version is not None and asked.version != NEW:
        return {"version": asked.version, "is_new": False}
    shelf = Shelf(open_bucket(event["bucket"]))
    parent = next(iter(shelf.versions(settings.dataset)), None)
    wanted = replace(wanted_labels(settings), named={} if parent is None else _left_out(shelf, parent))
    made = create(shelf, _sources(shelf.bucket, parent, event["store"]), _wish(event, settings, parent, wanted))
    return {"version": made.header.version, "is_new": made.is_new}


def _wish(event: Mapping[str, Any], settings: TrainingSettings, parent: Header | None, wanted: Filter) -> Wish:
    return Wish(
        name=settings.dataset,
        created_at=datetime.fromisoformat(event["started"]),
        created_by=_BY,
        least_groups=1 if parent is None else int(parent.document.get("least_groups", 1)),
        class_names=settings.class_names or (() if parent is None else parent.class_names),
        wanted=wanted,
        near_duplicates=settings.near_duplicates,
    )


def _left_out(shelf: Shelf, parent: Header) -> dict[str, str]:
    """Return the images that a person left out of the version before, with why: they stay out."""
    with shelf.open(parent) as manifest:
        notes = [note for note in manifest.notes("excluded") if note["reason"] == Reason.NAMED]
    return {note.get("sha256") or note["image"]: note.get("detail", "") for note in notes}


def _sources(bucket: Bucket, parent: Header | None, store: str) -> Iterator[Source]:
    """Yield what the version before was made of, and the label store in any case."""
    named = [] if parent is None else list(parent.document.get("sources", ()))
    for name in named:
        if found := _IMPORT.fullmatch(name):
            yield imported(bucket, find_import(bucket, found[1]))
    stores = [found[1] for name in named if (found := _STORE.fullmatch(name))]
    for each in dict.fromkeys([*stores, store]):
        yield Source(f"label store {each}", read_labels(boto_session(), each))
