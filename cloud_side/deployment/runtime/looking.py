"""Looks how far the devices of the wave are that goes on, and what the stations of all waves say of the model."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from cloud_side.clients import AT_ONCE, client
from cloud_side.deployment.evidence import cameras_of, read_events, standing_of
from cloud_side.deployment.judging import (
    Device,
    Done,
    Failed,
    Standing,
    Verdict,
    Wait,
    count_devices,
    count_standings,
    judge_devices,
    judge_evidence,
    judge_trouble,
)
from cloud_side.deployment.keeping import read_devices
from cloud_side.deployment.records import Stage, Wave
from cloud_side.deployment.runtime import devices
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.deployment.targets import REPLACED, STOPPED, status_of


def look_devices(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look how far the devices of the wave are, and whether a station speaks against the model.

    Devices that have the model are not asked again.

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
    found = _devices(begun, place, wave)
    standings = _standings(begun, place)
    trouble = _trouble(begun, place) or judge_trouble(standings, limits, of=len(found))
    status, since = status_of(client("greengrassv2"), str(wave.deployment_id)), _since(wave, begun)
    verdict: Verdict = trouble or Failed("another deployment took the place of the rollout's", blames=False)
    if trouble is None and status != REPLACED:
        elapsed_s, is_stopped = begun.waited_s(since), status == STOPPED
        verdict = judge_devices(found, limits, elapsed_s=elapsed_s, is_canary=place == 0, is_stopped=is_stopped)
    counted = {"counts": count_devices(found), "seen": count_standings(standings)}
    return _conclude(begun, place, verdict, counted, Stage.EVIDENCE)


def look_evidence(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look what the stations that have the model say of it.

    In a pause before a wave those of the waves before are listened to.

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
    if place is None:
        return answer("go")
    wave, limits, trouble = begun.record.waves[place], begun.record.plan.limits, _trouble(begun, place)
    if wave.stage is not Stage.EVIDENCE:
        return begun.after(trouble or Done(), _since(wave, begun))
    standings = _standings(begun, place)
    elapsed_s = begun.waited_s(_since(wave, begun))
    verdict = trouble or judge_evidence(standings, limits, elapsed_s=elapsed_s, is_canary=place == 0)
    return _conclude(begun, place, verdict, {"seen": count_standings(standings)}, Stage.DONE)


def _devices(begun: Opened, place: int, wave: Wave) -> list[Device]:
    def cameras(stations: Sequence[str]) -> dict[str, tuple[str, ...]]:
        since = wave.deployed_at or begun.now
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda station: cameras_of(begun.bucket, station, since), stations)
            return dict(zip(stations, found, strict=True))

    return devices.look(begun, wave.group, str(wave.deployment_id), place, cameras)


def _trouble(begun: Opened, place: int) -> Failed | None:
    """Return what speaks against the model in the waves before one, and keep what their stations say."""
    limits, found = begun.record.plan.limits, None
    for before in range(place):
        standings = _standings(begun, before)
        begun.keep(begun.record.with_wave(before, seen=count_standings(standings)))
        found = found or judge_trouble(standings, limits, of=len(standings))
    return found


def _standings(begun: Opened, place: int) -> list[Standing]:
    record, wave = begun.record, begun.record.waves[place]
    since = wave.deployed_at or begun.now

    def look(station: tuple[str, tuple[str, ...]]) -> Standing:
        name, cameras = station
        events = read_events(begun.bucket, name, since)
        return standing_of(name, events, record.model, record.plan.limits, cameras)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, sorted(read_devices(begun.bucket, record.id, place).items())))


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
    return wave.since or begun.record.since
