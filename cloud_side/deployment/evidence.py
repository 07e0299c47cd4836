"""What stations said of a model since it was deployed: their events, kept as objects, and what follows from them."""

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloud_side.deployment.judging import Standing, Trust
from cloud_side.deployment.planning import Limits
from cloud_side.deployment.records import Model
from cloud_side.objects import Bucket, Listed

MODEL_EVENTS: Final = "events/model/{station}/"
ALARM_EVENTS: Final = "events/alarm/{station}/"
_TYPE: Final = "com.edgeinspector.{}.v1"
_CHANGED, _REJECTED, _PROVED, _RAISED, _CLEARED = (
    _TYPE.format(each) for each in ("model.changed", "model.rejected", "model.proved", "alarm.raised", "alarm.cleared")
)
_CLOCKS_DIFFER: Final = timedelta(days=1)  # an object is not looked at if it is that much older
_MOST_BYTES: Final = 1 << 17  # of a message of AWS IoT Core
_LOOKED_BACK: Final = timedelta(days=30)  # a daemon says which model it runs with every connection
_MOST_BACK: Final = 30  # objects
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
        for each in _listed(bucket, prefix, station, since - _CLOCKS_DIFFER):
            identity, event = _event(bucket, each)
            if event is not None and event.at >= since:
                found[identity] = event  # one that was sent twice is one
    return sorted(found.values(), key=lambda event: event.at)


def cameras_of(bucket: Bucket, station: str, before: datetime) -> tuple[str, ...]:
    """Return the cameras of a station by what they said of models in the last 30 days, by name.

    Args:
        bucket: Of the product.
        station: Its name, which is the thing's.
        before: When the model was deployed.
    """
    said = deque(_listed(bucket, MODEL_EVENTS, station, before - _LOOKED_BACK), _MOST_BACK)
    found = (_event(bucket, each)[1] for each in said)
    return tuple(sorted({event.camera for event in found if event is not None}))


def standing_of(
    station: str, events: Sequence[Event], model: Model, limits: Limits, cameras: Iterable[str] = ()
) -> Standing:
    """Return what a station makes of a model.

    Each of its cameras has a daemon that judges for itself; the last word of each counts. All must trust the model:
    those that are known, and those that have said something since.

    Args:
        station: Its name.
        events: What it said since the model was deployed, the oldest first.
        model: That was deployed.
        limits: Of the plan.
        cameras: Of the station, as far as they are known.
    """
    words: dict[str, tuple[Trust, str]] = {}
    for event in events:
        word = _word(event, model, limits)
        if word is not None and (word[0] is not Trust.SILENT or event.camera not in words or _is_update(event)):
            words[event.camera] = word
    taken_over = next((event.at for event in events if _has(event, model)), None)
    alarms = () if taken_over is None else _alarms(event for event in events if event.at >= taken_over)
    if bad := [reason for trust, reason in words.values() if trust is Trust.BAD]:
        return Standing(station, Trust.BAD, "; ".join(bad), alarms)
    awaited = {*cameras, *(event.camera for event in events)}
    proved = {camera for camera, (trust, _) in words.items() if trust is Trust.PROVED}
    if proved and proved == awaited:
        return Standing(station, Trust.PROVED, "", alarms)
    missing = ", ".join(sorted(awaited - proved))
    return Standing(station, Trust.SILENT, f"nothing of {missing}" if proved else "", alarms)


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


def _has(event: Event, model: Model) -> bool:
    """Return whether an event says that the station runs the model."""
    return event.type in {_CHANGED, _PROVED} and _is(event.data.get("model"), model)


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


def _listed(bucket: Bucket, prefix: str, station: str, since: datetime) -> Iterator[Listed]:
    """Yield the objects of a station that are not too old, the oldest first, and not too large for a message.

    Their keys begin with the milliseconds at which AWS got the message, so that what is older is not even listed.
    """
    folder = prefix.format(station=station)
    for each in bucket.listed(folder, after=f"{folder}{int(since.timestamp() * 1000):013d}"):
        if each.size <= _MOST_BYTES:
            yield each


def _event(bucket: Bucket, listed: Listed) -> tuple[str, Event | None]:
    """Return the event in an object, and what is the same in one that was sent twice; None where it is no event."""
    kept = bucket.read(listed.key)
    content = b"" if kept is None else kept.content
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
