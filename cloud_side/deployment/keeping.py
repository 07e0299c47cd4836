"""Plan, records, wishes and the lock of rollouts, as objects of the product's bucket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud_side.deployment import planning
from cloud_side.deployment.documents import Document, parsed
from cloud_side.deployment.planning import Plan, parse_plan
from cloud_side.deployment.records import (
    LOCK_KEY,
    PREFIX,
    Lock,
    Record,
    Wish,
    devices_key,
    parse_record,
    record_key,
    wish_key,
)
from cloud_side.objects import Bucket
from edge_inspector.errors import ConfigError, InspectorError

_RECORD: Final = "/record.json"


class RecordLostError(InspectorError):
    """Somebody else has written at this moment: the step is to run again."""


class _Devices(Document):
    cameras: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was read.

    Attributes:
        etag: None for one that is not written yet.
    """

    record: Record
    etag: str | None


def read_plan(bucket: Bucket) -> Plan:
    """Return the plan in the bucket; the defaults where there is none.

    Raises:
        ConfigError: If it is none.
    """
    kept = bucket.read(planning.KEY)
    return Plan() if kept is None else parse_plan(kept.content, bucket.address(planning.KEY))


def write_plan(bucket: Bucket, plan: Plan) -> None:
    """Keep a plan."""
    bucket.write(planning.KEY, plan.content())


def read_record(bucket: Bucket, rollout: str) -> Kept | None:
    """Return the record of a rollout; None where there is none.

    Raises:
        ConfigError: If it is none.
    """
    key = record_key(rollout)
    kept = bucket.read(key)
    return None if kept is None else Kept(parse_record(kept.content, bucket.address(key)), kept.etag)


def write_record(bucket: Bucket, record: Record, etag: str | None) -> Kept:
    """Keep a record in place of the one that was read; return it as it is kept.

    Args:
        bucket: Of the product.
        record: All of it.
        etag: Of what is replaced; None where nothing may be there.

    Raises:
        RecordLostError: If another one is there by now.
    """
    key = record_key(record.id)
    written = bucket.write(key, record.content(), over=etag, is_new=etag is None)
    if written is None:
        raise RecordLostError(bucket.address(key))
    return Kept(record, written)


def records(bucket: Bucket, unreadable: list[str] | None = None) -> list[Record]:
    """Return all records that can be read, the newest first.

    Args:
        bucket: Of the product.
        unreadable: Gets a text for each that cannot be read; it stops no other rollout.
    """
    found, problems = [], [] if unreadable is None else unreadable
    for name in bucket.names(PREFIX):
        try:
            kept = read_record(bucket, name.removeprefix(PREFIX).rstrip("/"))
        except ConfigError as error:
            problems.append(str(error))
            continue
        if kept is not None:
            found.append(kept.record)
    return sorted(found, key=lambda each: each.begun_at, reverse=True)


def read_wish(bucket: Bucket, rollout: str) -> Wish | None:
    """Return what people want of a rollout; None where nobody wants anything.

    Raises:
        ConfigError: If it is none.
    """
    kept = bucket.read(wish_key(rollout))
    return None if kept is None else parsed(Wish, kept.content, bucket.address(wish_key(rollout)))


def write_wish(bucket: Bucket, rollout: str, wish: Wish) -> None:
    """Keep what a person wants of a rollout; nobody takes an abort back.

    Raises:
        ConfigError: If somebody has aborted it, or wants something at this moment, too.
    """
    key = wish_key(rollout)
    kept = bucket.read(key)
    before = None if kept is None else parsed(Wish, kept.content, bucket.address(key))
    if before is not None and before.wish == "abort":
        msg = f"{rollout}: expected a rollout that goes on, found it aborted by {before.by}: {before.why}"
        raise ConfigError(msg)
    if bucket.write(key, wish.content(), over=None if kept is None else kept.etag, is_new=kept is None) is None:
        msg = f"{rollout}: somebody else wants something of it at this moment; look at its status, and say it again"
        raise ConfigError(msg)


def take_lock(bucket: Bucket, lock: Lock, *, stale: str | None = None) -> Lock:
    """Return who has the lock, which is `lock` where it was free or stale.

    Args:
        bucket: Of the product.
        lock: Who wants it.
        stale: The rollout that has it and has ended without letting it go; None: nobody.

    Raises:
        RecordLostError: If somebody else writes it at this moment.
    """
    if bucket.write(LOCK_KEY, lock.content(), is_new=True) is not None:
        return lock
    kept = bucket.read(LOCK_KEY)
    if kept is None:
        raise RecordLostError(LOCK_KEY)
    holder = parsed(Lock, kept.content, bucket.address(LOCK_KEY))
    if holder.rollout != stale:
        return holder
    if bucket.write(LOCK_KEY, lock.content(), over=kept.etag) is None:
        raise RecordLostError(LOCK_KEY)
    return lock


def check_lock(bucket: Bucket, rollout: str) -> None:
    """Let it pass that a rollout has the lock: what was stopped while a step of it went on deploys nothing more.

    Raises:
        ConfigError: If it has not.
    """
    kept = bucket.read(LOCK_KEY)
    holder = None if kept is None else parsed(Lock, kept.content, bucket.address(LOCK_KEY)).rollout
    if holder != rollout:
        msg = f"{bucket.address(LOCK_KEY)}: expected the turn of {rollout}, found that of {holder or 'nobody'}"
        raise ConfigError(msg)


def let_go(bucket: Bucket, rollout: str) -> None:
    """Free the lock, if a rollout has it."""
    kept = bucket.read(LOCK_KEY)
    if kept is not None and parsed(Lock, kept.content, bucket.address(LOCK_KEY)).rollout == rollout:
        bucket.remove(LOCK_KEY, only=kept.etag)


def read_devices(bucket: Bucket, rollout: str, place: int | str) -> Mapping[str, tuple[str, ...]]:
    """Return the devices of a wave that are known to have the model, each with its cameras; or to be back, by name."""
    key = devices_key(rollout, place)
    kept = bucket.read(key)
    return {} if kept is None else parsed(_Devices, kept.content, bucket.address(key)).cameras


def write_devices(bucket: Bucket, rollout: str, place: int | str, cameras: Mapping[str, tuple[str, ...]]) -> None:
    """Keep which devices of a wave have the model, each with its cameras."""
    bucket.write(devices_key(rollout, place), _Devices(cameras=cameras).content())


def waited_s(now: datetime, since: datetime, wish: Wish | None) -> float:
    """Return how long something is waited for; the time of a pause does not count, nor what was before it."""
    if wish is not None and wish.wish == "pause":
        return 0.0
    if wish is not None and wish.wish == "go_on":
        since = max(since, wish.at)
    return max(0.0, (now - since).total_seconds())


def the(kept: Kept | None, rollout: str) -> Kept:
    """Return the record that must be there.

    Raises:
        ConfigError: If it is not.
    """
    if kept is None:
        msg = f"{rollout}: expected the record of this rollout at {record_key(rollout)}, found none"
        raise ConfigError(msg)
    return kept
