"""The steps that keep the index of samples: what was announced, where to look, and the look.

An announcement is deleted only by a look that began after it. Whatever is killed in between is done again.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any, Final

from cloud_side.catalog.index import SIDECAR, Counts, Partition, index_key, merge, pairs, read_rows, split_key
from cloud_side.catalog.labels import json_lines
from cloud_side.catalog.tables import SAMPLES
from cloud_side.clients import open_bucket
from cloud_side.labeling.places import ARRIVALS, PARTITIONS, batch_key
from cloud_side.labeling.runtime.listing import AT_ONCE, days_in, stations_below
from cloud_side.labeling.runtime.sidecars import rows_of
from cloud_side.labeling.settings import LabelingSettings, parse_settings
from cloud_side.objects import LINES, Bucket

_TRIES: Final = 10  # of a write that others may be faster with
_AT_ONCE: Final = 1000  # keys in one request, as S3 takes them
_OURS: Final = ("catalog/", "labeling/", "datasets/")  # no samples are there

_log = logging.getLogger(__name__)


def notice(event: Mapping[str, Any], context: object) -> None:  # noqa: ARG001 - a function's signature
    """Keep that a sidecar came or changed, so that the next batch looks into its folder.

    Each write of it has a key of its own: one that comes while a batch looks is left for the next batch.

    Args:
        event: "Object Created" of S3; whatever is no sidecar of a sample is passed over.
        context: Of the function.
    """
    told = event["detail"]["object"]
    key: str = told["key"]
    try:
        prefix, partition, name = split_key(key)
    except ValueError:
        return
    if not prefix or key.startswith(_OURS) or name.rpartition(".")[2] != SIDECAR:
        return
    arrival = f"{ARRIVALS}{prefix}/{partition}/{name}.{told.get('sequencer') or told['etag']}"
    open_bucket(event["detail"]["bucket"]["name"]).write(arrival, b"")


def find(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with how many partitions are to be looked into; `partitions.jsonl` names them, a line each.

    These are the announced ones, the latest days, and those that are in the bucket or in the index and not in both.

    Args:
        event: `bucket`, `batch`, `settings`, and `started` as ISO 8601.
        context: Of the function.
    """
    settings, bucket = parse_settings(event["settings"]), open_bucket(event["bucket"])
    wanted = {"site": settings.site, "line": settings.line, "station": settings.station}
    first_day = _first_day(settings, datetime.fromisoformat(event["started"]))
    places = [f"{beginning}{settings.samples_prefix}/" for beginning in (ARRIVALS, SAMPLES.prefix, "")]
    key = batch_key(event["batch"], PARTITIONS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        stations = set().union(*(stations_below(pool, bucket, place, wanted) for place in places))
        # Of a station's days only those with news stay: with all of them a thousand stations are half a gigabyte.
        found = pool.map(lambda station: _news(bucket, places, station, first_day), sorted(stations))
        rows = ({"partition": day, "announced": is_announced} for days in found for day, is_announced in days)
        return {"partitions": bucket.write_lines(key, json_lines(rows)), "key": key}


def index(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with the partition, and what a look into it met; the index has its rows then.

    Args:
        event: `bucket`, `batch`, `settings`, and `item`: a line of `partitions.jsonl`.
        context: Of the function.
    """
    settings, item = parse_settings(event["settings"]), event["item"]
    partition = Partition.parse(item["partition"])
    bucket = open_bucket(event["bucket"])
    arrivals = f"{ARRIVALS}{settings.samples_prefix}/{partition}/"
    heard = [each.key for each in bucket.listed(arrivals)] if item.get("announced", True) else []
    counts = look(bucket, settings.samples_prefix, partition)
    _forget(bucket, heard)
    return {"partition": str(partition), **asdict(counts)}


def look(bucket: Bucket, prefix: str, partition: Partition) -> Counts:
    """Make the index of a partition say what its folder holds, and return what was met there.

    Raises:
        RuntimeError: If others have been faster each time.
    """
    key = index_key(prefix, partition)
    for _ in range(_TRIES):
        with TemporaryFile() as before, TemporaryFile() as after:
            etag, digest = _fetch(bucket, key, before)
            counts = Counts()
            found = pairs(bucket.listed(f"{prefix}/{partition}/", is_deep=False), counts)
            lines = rows_of(bucket, merge(found, read_rows(before)), counts)
            if _written(lines, after) == digest or _put(bucket, key, after, etag):
                break
    else:
        msg = f"{key}: others have written it {_TRIES} times while it was made anew; try again later"
        raise RuntimeError(msg)
    if counts.is_nothing:  # else it stays, without rows: every batch would read again what is broken
        bucket.remove(key)  # if it has rows again by now, the next batch looks
    return counts


def _news(bucket: Bucket, places: Sequence[str], station: str, first_day: str) -> list[tuple[str, bool]]:
    """Return the partitions of a station that are to be looked into, and whether each was announced."""
    announced, known, present = (days_in(bucket, f"{place}{station}") for place in places)
    recent = {day for day in present if day >= f"dt={first_day}"}
    news = ((f"{station}{day}", day in announced) for day in sorted(announced | recent | (present ^ known)))
    return [each for each in news if _is_partition(each[0])]


def _is_partition(text: str) -> bool:
    try:
        return bool(Partition.parse(text))
    except ValueError:
        return False  # a folder that somebody else made


def _first_day(settings: LabelingSettings, started: datetime) -> str:
    if settings.since_days is None:
        return ""
    return (started.astimezone(UTC) - timedelta(days=settings.since_days)).date().isoformat()


def _fetch(bucket: Bucket, key: str, to: IO[bytes]) -> tuple[str | None, str | None]:
    """Copy an object into a file, and return its ETag and the hash of its content; None where there is none."""
    if (answer := bucket.open(key)) is None:
        return None, None
    with closing(answer["Body"]) as body:
        return answer["ETag"], _written(body.iter_chunks(1 << 20), to)


def _written(parts: Iterable[bytes], to: IO[bytes]) -> str:
    """Write parts of a content to a file, and return the hash of it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
        to.write(part)
    to.seek(0)
    return digest.hexdigest()


def _put(bucket: Bucket, key: str, content: IO[bytes], etag: str | None) -> bool:
    """Put an object in the place of the one with an ETag, or where none is; return whether nobody was faster."""
    return bucket.write(key, content, over=etag, is_new=etag is None, media=LINES) is not None


def _forget(bucket: Bucket, keys: list[str]) -> None:
    for begin in range(0, len(keys), _AT_ONCE):
        wanted = {"Objects": [{"Key": key} for key in keys[begin : begin + _AT_ONCE]], "Quiet": True}
        answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete=wanted)
        for error in answer.get("Errors", ()):  # the next batch looks once more: no harm
            _log.warning("%s: is not deleted: %s", error["Key"], error["Message"])
