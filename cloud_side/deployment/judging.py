"""What follows from what devices did and said: wait, go on, or fail with a reason. Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

from cloud_side.deployment.planning import Limits
from cloud_side.deployment.records import Counts, Outcome, Record, Seen

_NAMED: Final = 5  # devices that are named
_SHORTEST_S, _LONGEST_S = 1, 1800
_OF_STAGE, _OF_ALL = 0.1, 0.005
_EXECUTION: Final = timedelta(days=29)  # it may take 30; a day is for what has to be tried again


@dataclass(frozen=True, slots=True)
class Wait:
    """It is too early to tell."""

    told: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """All is as it should be."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The model must go back.

    Attributes:
        blames: The model is no good; else something else went wrong, and the model may come again.
    """

    reason: str
    blames: bool = True


Verdict: TypeAlias = Wait | Done | Failed


class Progress(StrEnum):
    """How far a device is with a deployment."""

    OK = "ok"
    FAILED = "failed"
    QUEUED = "queued"  # it has not begun, and was told only now
    OFFLINE = "offline"  # it has not begun though it was told a while ago, or is no core device
    BUSY = "busy"
    UNTOLD = "untold"  # the rollout's rate has not reached it


OPEN: Final = frozenset({Progress.QUEUED, Progress.BUSY, Progress.UNTOLD})


@dataclass(frozen=True, slots=True)
class Device:
    """A device and a deployment.

    Attributes:
        reason: Why it is not well, as the device tells it.
    """

    name: str
    progress: Progress
    reason: str = ""


class Trust(StrEnum):
    """What a station makes of the model."""

    PROVED = "proved"
    BAD = "bad"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a station said of the model since it was deployed.

    Attributes:
        reason: Why it is bad, or which cameras are silent.
        alarms: Names of those that stand.
    """

    name: str
    trust: Trust
    reason: str = ""
    alarms: tuple[str, ...] = ()


def count_devices(devices: Iterable[Device]) -> Counts:
    """Return how many devices are how far."""
    progress = [each.progress for each in devices]
    ok, failed, offline = (progress.count(each) for each in (Progress.OK, Progress.FAILED, Progress.OFFLINE))
    return Counts(ok=ok, failed=failed, offline=offline, waiting=len(progress) - ok - failed - offline)


def judge_devices(
    devices: Sequence[Device], limits: Limits, *, elapsed_s: float, is_canary: bool, is_stopped: bool = False
) -> Verdict:
    """Return what follows from how far the devices of a wave are.

    Args:
        devices: All of the wave.
        limits: Of the plan.
        elapsed_s: Since the deployment was made, without the time of a pause.
        is_canary: None of it may be offline.
        is_stopped: The deployment was stopped, by AWS as too many devices failed, or by a person.
    """
    failed = [each for each in devices if each.progress is Progress.FAILED]
    if is_stopped:
        if not failed:
            return Failed("somebody stopped the deployment", blames=False)
        return Failed(f"the deployment was stopped, {len(failed)} of {len(devices)} devices failed: {_named(failed)}")
    if len(failed) > limits.failed_share * len(devices):
        return Failed(f"{len(failed)} of {len(devices)} devices failed to install it: {_named(failed)}")
    away = [each for each in devices if each.progress is Progress.OFFLINE]
    open_ = [each for each in devices if each.progress in OPEN]
    bearable = 0.0 if is_canary else limits.offline_share * len(devices)
    if not open_ and len(away) <= bearable:
        return Done()
    if elapsed_s < limits.device_timeout_s:
        return Wait(f"{len(open_)} devices are not done, {len(away)} are offline")
    return _judge_late(devices, limits, bearable)


def _judge_late(devices: Sequence[Device], limits: Limits, bearable: float) -> Verdict:
    """Return what follows when no device is waited for any more; `bearable` is how many may be offline."""
    stuck = [each for each in devices if each.progress is Progress.BUSY]
    failed = sum(each.progress is Progress.FAILED for each in devices)
    if failed + len(stuck) > limits.failed_share * len(devices):
        return Failed(f"{len(stuck)} devices began and did not end in {limits.device_timeout_s} s: {_named(stuck)}")
    gone = [each for each in devices if each.progress in {Progress.OFFLINE, Progress.QUEUED, Progress.UNTOLD}]
    if len(gone) > bearable:
        told = f"{len(gone)} of {len(devices)} devices are offline, {bearable:g} may be: {_named(gone)}"
        return Failed(told, blames=False)
    return Done()


def count_standings(standings: Iterable[Standing]) -> Seen:
    """Return how many stations say what."""
    found = list(standings)
    trust = [each.trust for each in found]
    proved, bad, silent = (trust.count(each) for each in (Trust.PROVED, Trust.BAD, Trust.SILENT))
    return Seen(proved=proved, bad=bad, silent=silent, alarms=sum(len(each.alarms) for each in found))


def judge_trouble(standings: Sequence[Standing], limits: Limits, *, of: int) -> Failed | None:
    """Return what speaks against the model at any time, also in a wave that is done; None where nothing does.

    Args:
        standings: Of the stations that have it.
        limits: Of the plan.
        of: How many stations the wave has that have it or are to get it.
    """
    bad = [each for each in standings if each.trust is Trust.BAD]
    if len(bad) > limits.rejected_share * of:
        return Failed(f"{len(bad)} of {of} stations do not keep it: {_named(bad)}")
    alarmed = [Standing(each.name, each.trust, ", ".join(each.alarms)) for each in standings if each.alarms]
    if len(alarmed) > limits.alarm_share * of:
        return Failed(f"{len(alarmed)} of {of} stations have alarms: {_named(alarmed)}")
    return None


def judge_evidence(standings: Sequence[Standing], limits: Limits, *, elapsed_s: float, is_canary: bool) -> Verdict:
    """Return what follows from what the stations of a wave say that have the model.

    Args:
        standings: Of each of them.
        limits: Of the plan.
        elapsed_s: Since the last device had it, without the time of a pause.
        is_canary: None of it may stay silent.
    """
    if (trouble := judge_trouble(standings, limits, of=len(standings))) is not None:
        return trouble
    silent = [each for each in standings if each.trust is Trust.SILENT]
    if not silent:
        return Done()
    if elapsed_s < limits.proof_timeout_s:
        return Wait(f"{len(silent)} of {len(standings)} stations have not proved it")
    bearable = 0.0 if is_canary else limits.silent_share * len(standings)
    if len(silent) <= bearable:
        return Done()
    told = f"{len(silent)} of {len(standings)} stations did not prove it in {limits.proof_timeout_s} s"
    return Failed(f"{told}, {bearable:g} may: {_named(silent)}", blames=False)


def judge_component(said: Mapping[str, Any], limits: Limits, *, elapsed_s: float) -> Verdict:
    """Return what follows from the state of a component version, as DescribeComponent tells it.

    Args:
        said: `componentState`, `message` and what else is told.
        limits: Of the plan.
        elapsed_s: Since it was asked first.
    """
    state = said["componentState"]
    if state == "DEPLOYABLE":
        return Done()
    if state in {"FAILED", "DEPRECATED"}:
        errors: object = said.get("errors")
        told = "; ".join(f"{name}: {text}" for name, text in errors.items()) if isinstance(errors, Mapping) else ""
        reason = f"the component's version is {state}: {said.get('message', '')}{f'; {told}' if told else ''}"
        return Failed(reason, blames=False)
    if elapsed_s < limits.deployable_timeout_s:
        return Wait(f"the component's version is {state}")
    reason = f"the component's version is {state} after {limits.deployable_timeout_s} s, expected DEPLOYABLE"
    return Failed(reason, blames=False)


def judge_time(record: Record, now: datetime) -> Failed | None:
    """Return why a rollout must end before its execution does, whose end would bring nothing back; None: it need not.

    One that waits for its turn must have the time that its plan may take; one that goes on, the time of the way back.
    """
    limits, is_waiting = record.plan.limits, record.outcome is Outcome.WAITING
    is_back = not is_waiting or record.rollback_of is not None
    needed = timedelta(seconds=limits.device_timeout_s if is_back else record.plan.longest_s)
    if now - record.begun_at <= _EXECUTION - needed:
        return None
    took = f"{'waits for its turn' if is_waiting else 'goes on'} since {record.begun_at:%Y-%m-%d}"
    rest = "the way back" if is_back else "a whole rollout"
    return Failed(f"it {took}: of its {_EXECUTION.days} days there is just enough left for {rest}", blames=False)


def pause_s(*, stage_s: float, all_s: float) -> int:
    """Return how long to wait before the next look: longer from time to time, so that an execution's history lasts.

    Over 30 days these are some 1,600 looks: of 9 events each, where an execution may have 25,000; the others are for
    what is tried again.

    Args:
        stage_s: How long it waits for the same thing already.
        all_s: How long the rollout goes on already.
    """
    return min(max(_SHORTEST_S, round(_OF_STAGE * stage_s), round(_OF_ALL * all_s)), _LONGEST_S)


def _named(found: Sequence[Device | Standing]) -> str:
    told = (f"{each.name}: {each.reason}" if each.reason else each.name for each in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "; ".join(told) + more
