"""What stations said of a model since it was deployed: their events, kept as objects, and what follows from them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloud_side.deployment.judging import Standing, Trust
from cloud_side.deployment.planning import Limits
from cloud_side.deployment.records import Model
from cloud_side.objects import Bucket

MODEL_EVENTS: Final = "events/model/{station}/"
ALARM_EVENTS: Final = "events/alarm/{station}/"
_TYPE: Final = "com.edgeinspector.{}.v1"
_CHANGED, _REJECTED, _PROVED, _RAISED, _CLEARED = (
    _TYPE.format(each) for each in ("model.changed", "model.rejected", "model.proved", "alarm.raised", "alarm.cleared")
)
_CLOCKS_DIFFER: Final = timedelta(days=1)  # an object is not looked at if it is that much older
_MOST_BYTES: Final = 1 << 17  # of a message of AWS IoT Core
_WENT_AWAY: Final = frozenset({"rollback", "command"})


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a station.

    Attributes:
        at: When, by the station's clock.
    """

    type: str
    at: datetime
    camera: str
    data: Mapping[str, Any]


def read_events(bucket: Bucket, station: str, since: datetime) -> list[Event]:
    """Return what a station said since a time, the oldest first; objects that are no events are passed over.

    Args:
        bucket: Of the product.
        station: Its name, which is the thing's.
        since: Aware; compared with the events' own times.
    """
    found: dict[str, Event] = {}
    for prefix in (MODEL_EVENTS, ALARM_EVENTS):
        for each in bucket.listed(prefix.format(station=station)):
            if each.modified < since - _CLOCKS_DIFFER or each.size > _MOST_BYTES:
                continue
            kept = bucket.read(each.key)
            identity, event = _event(b"" if kept is None else kept.content)
            if event is not None and event.at >= since:
                found[identity] = event  # one that was sent twice is one
    return sorted(found.values(), key=lambda event: event.at)


def standing_of(station: str, events: Sequence[Event], model: Model, limits: Limits) -> Standing:
    """Return what a station makes of a model.

    Each of its cameras has a daemon that judges for itself; the last word of each counts. All that have taken the model
    over must trust it.

    Args:
        station: Its name.
        events: What it said since the model was deployed, the oldest first.
        model: That was deployed.
        limits: Of the plan.
    """
    words: dict[str, tuple[Trust, str]] = {}
    for event in events:
        word = _word(event, model, limits)
        if word is not None and (word[0] is not Trust.SILENT or event.camera not in words or _is_update(event)):
            words[event.camera] = word
    alarms = _alarms(events)
    if bad := [reason for trust, reason in words.values() if trust is Trust.BAD]:
        return Standing(station, Trust.BAD, "; ".join(bad), alarms)
    is_proved = bool(words) and all(trust is Trust.PROVED for trust, _ in words.values())
    return Standing(station, Trust.PROVED if is_proved else Trust.SILENT, "", alarms)


def _word(event: Event, model: Model, limits: Limits) -> tuple[Trust, str] | None:
    """Return what an event says of the model; None where it says nothing."""
    data = event.data
    if event.type == _PROVED and _is(data.get("model"), model):
        problem = _problem(data, limits)
        return (Trust.PROVED, "") if problem is None else (Trust.BAD, problem)
    if event.type == _REJECTED and _is_candidate(data, model):
        return Trust.BAD, f"refused: {data.get('reason')}"
    if event.type == _CHANGED:
        if _is(data.get("model"), model):
            return Trust.SILENT, ""
        if _is(data.get("previous"), model) and data.get("cause") in _WENT_AWAY:
            return Trust.BAD, f"went back: {data.get('reason') or data.get('cause')}"
    return None


def _is_update(event: Event) -> bool:
    return event.type == _CHANGED and event.data.get("cause") != "start"  # a start asks for no new proof


def _problem(data: Mapping[str, Any], limits: Limits) -> str | None:
    now, before = data.get("reject_rate"), data.get("reject_rate_before")
    if limits.reject_rate_change is not None and isinstance(now, int | float) and isinstance(before, int | float):
        change = abs(now - before)
        if change > limits.reject_rate_change:
            return f"rejects {now:.1%} of the parts, {before:.1%} before; {limits.reject_rate_change:.1%} may differ"
    latency = data.get("latency_ms") or {}
    p95 = latency.get("p95") if isinstance(latency, Mapping) else None
    if limits.latency_ms is not None and isinstance(p95, int | float) and p95 > limits.latency_ms:
        return f"95 % of inspections take up to {p95:g} ms, {limits.latency_ms:g} ms may be"
    return None


def _is(said: object, model: Model) -> bool:
    return isinstance(said, Mapping) and said.get("sha256") in model.sha256s


def _is_candidate(data: Mapping[str, Any], model: Model) -> bool:
    if data.get("sha256") is not None:
        return data["sha256"] in model.sha256s
    parts = str(data.get("candidate", "")).replace("/", " ").split()
    return parts[-2:] == [model.name, model.version]


def _alarms(events: Iterable[Event]) -> tuple[str, ...]:
    raised: dict[str, dict[str, bool]] = defaultdict(dict)
    for event in events:
        if event.type in {_RAISED, _CLEARED}:
            raised[event.camera][str(event.data.get("name"))] = event.type == _RAISED
    return tuple(sorted({name for alarms in raised.values() for name, stands in alarms.items() if stands}))


def _event(content: bytes) -> tuple[str, Event | None]:
    try:
        said = json.loads(content)
        at = datetime.fromisoformat(said["time"])
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        data = said["data"]
        if not isinstance(data, dict):
            return "", None
        return f"{said['source']} {said['id']}", Event(str(said["type"]), at, str(data.get("camera", "")), data)
    except (ValueError, KeyError, TypeError):
        return "", None
