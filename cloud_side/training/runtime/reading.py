"""What the functions read from the bucket: settings, records of runs, results, and what the last training knew."""

import json
from datetime import UTC, datetime
from typing import Any

from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import Shelf
from cloud_side.objects import Bucket, Kept
from cloud_side.training.triggers.deciding import Known
from cloud_side.training.triggers.records import PREFIX, Outcome, Record, parse_record
from cloud_side.training.triggers.settings import KEY, TrainingSettings, parse_settings
from edge_inspector.errors import ConfigError


def read_settings(bucket: Bucket) -> TrainingSettings:
    """Return the settings of training; the defaults where nobody wrote any.

    Raises:
        ConfigError: If they are wrong.
    """
    kept = bucket.read(KEY)
    return parse_settings({} if kept is None else _json(bucket, KEY, kept), bucket.address(KEY))


def read_record(bucket: Bucket, key: str) -> tuple[Record, str] | None:
    """Return the record of a run and its ETag; None where there is none.

    Raises:
        ConfigError: If something else lies there.
    """
    kept = bucket.read(key)
    return None if kept is None else (parse_record(_json(bucket, key, kept), bucket.address(key)), kept.etag)


def records(bucket: Bucket) -> list[Record]:
    """Return the records of all runs, the one begun last first."""
    keys = (each.key for each in bucket.listed(PREFIX))
    found = [read[0] for read in side_by_side(lambda key: read_record(bucket, key), keys) if read is not None]
    return sorted(found, key=lambda record: record.started_at, reverse=True)


def last_known(bucket: Bucket, settings: TrainingSettings) -> Known | None:
    """Return what the last training of this model knew; None where there was none that did not fail."""
    model = settings.model or settings.dataset
    for record in records(bucket):
        if (record.dataset, record.model) == (settings.dataset, model) and record.outcome is not Outcome.FAILED:
            return _known(Shelf(bucket), record)
    return None


def read_json(bucket: Bucket, key: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what an object says; None where there is none.

    Raises:
        ConfigError: If it is no JSON.
    """
    kept = bucket.read(key)
    return None if kept is None else _json(bucket, key, kept)


def _json(bucket: Bucket, key: str, kept: Kept) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(kept.content)
    except ValueError as error:
        msg = f"{bucket.address(key)}: expected JSON, found {kept.content[:80]!r}"
        raise ConfigError(msg) from error


def _known(shelf: Shelf, record: Record) -> Known:
    header = shelf.find(record.dataset, record.version)
    with shelf.open(header) as manifest:
        labeled_at = {entry.sha256: entry.label.event_time for entry in manifest.entries()}
        left_out = frozenset(note["sha256"] for note in manifest.notes("excluded") if "sha256" in note)
    made_at = datetime.fromisoformat(str(header.document["created_at"]))
    return Known(labeled_at, made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC), left_out)
