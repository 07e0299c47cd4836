"""Looks at the wave that goes on: how far its devices are, and what they say of the model."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from cloud_side.clients import client
from cloud_side.deployment.evidence import read_events, standing_of
from cloud_side.deployment.judging import (
    Device,
    Done,
    Failed,
    Progress,
    Standing,
    Verdict,
    Wait,
    count_devices,
    count_standings,
    judge_devices,
    judge_evidence,
)
from cloud_side.deployment.keeping import read_devices, write_devices
from cloud_side.deployment.records import Stage, Wave
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import AT_ONCE, look_at, status_of, things_of

_STOPPED, _REPLACED = "CANCELED", "INACTIVE"


def look_devices(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look how far the devices of the wave are; those that have the model are not asked again.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        `next`: `wait`, `go` or `fail`, with `reason` and `pause_s`.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    place = begun.record.current()
    if place is None or begun.record.waves[place].stage is not Stage.DEVICES:
        return answer("go")  # it was looked at before, and the answer was lost
    wave, limits = begun.record.waves[place], begun.record.plan.limits
    devices = _devices(begun, place, wave)
    status, since = status_of(client("greengrassv2"), str(wave.deployment_id)), _since(wave, begun)
    verdict: Verdict = Failed("another deployment took the place of the rollout's")
    if status != _REPLACED:
        elapsed_s, is_stopped = begun.waited_s(since), status == _STOPPED
        verdict = judge_devices(devices, limits, elapsed_s=elapsed_s, is_canary=place == 0, is_stopped=is_stopped)
    return _conclude(begun, place, verdict, {"counts": count_devices(devices)}, Stage.EVIDENCE)


def look_evidence(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look what the stations of the wave that have the model say of it.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Returns:
        `next`: `wait`, `go` or `fail`, with `reason` and `pause_s`.

    Raises:
        ConfigError: If the record is gone.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    place = begun.record.current()
    if place is None or begun.record.waves[place].stage is not Stage.EVIDENCE:
        return answer("go")
    wave, limits = begun.record.waves[place], begun.record.plan.limits
    standings = _standings(begun, place, wave)
    verdict = judge_evidence(standings, limits, elapsed_s=begun.waited_s(_since(wave, begun)))
    return _conclude(begun, place, verdict, {"seen": count_standings(standings)}, Stage.DONE)


def _devices(begun: Opened, place: int, wave: Wave) -> list[Device]:
    things = things_of(client("iot"), wave.group)
    known = set(read_devices(begun.bucket, begun.record.id, place))
    found = look_at(
        client("greengrassv2"),
        [thing for thing in things if thing not in known],
        str(wave.deployment_id),
        now=begun.now,
        offline_after_s=begun.record.plan.limits.offline_after_s,
    )
    have_it = known.intersection(things) | {each.name for each in found if each.progress is Progress.OK}
    if have_it != known:
        write_devices(begun.bucket, begun.record.id, place, sorted(have_it))
    return [*(Device(name, Progress.OK) for name in sorted(known.intersection(things))), *found]


def _standings(begun: Opened, place: int, wave: Wave) -> list[Standing]:
    record, since = begun.record, wave.deployed_at or begun.now

    def look(station: str) -> Standing:
        events = read_events(begun.bucket, station, since)
        return standing_of(station, events, record.model, record.plan.limits)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, read_devices(begun.bucket, record.id, place)))


def _conclude(
    begun: Opened, place: int, verdict: Verdict, counted: Mapping[str, Any], following: Stage
) -> dict[str, Any]:
    since = _since(begun.record.waves[place], begun)
    told = begun.after(verdict, since)
    changes = {**counted, "told": verdict.told if isinstance(verdict, Wait) else ""}
    if isinstance(verdict, Done) and told["next"] == "go":
        changes |= {"stage": following, "since": begun.now}
    begun.keep(begun.record.with_wave(place, **changes))
    return told


def _since(wave: Wave, begun: Opened) -> datetime:
    return wave.since or begun.now
