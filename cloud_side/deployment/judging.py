"""What follows from what devices did and said: wait, go on, or fail with a reason. Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from cloud_side.deployment.planning import Limits
from cloud_side.deployment.records import Counts, Seen

_NAMED: Final = 5  # devices that are named
_SHORTEST_S, _LONGEST_S = 1, 1800
_OF_STAGE, _OF_ALL = 0.1, 0.005


@dataclass(frozen=True, slots=True)
class Wait:
    """It is too early to tell."""

    told: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """All is as it should be."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The model must go back."""

    reason: str


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
        reason: Why it is bad.
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
        is_stopped: AWS has stopped the deployment, as too many devices failed.
    """
    failed = [each for each in devices if each.progress is Progress.FAILED]
    if is_stopped:
        return Failed(f"AWS stopped the deployment at its abort threshold: {_named(failed)}")
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
        return Failed(f"{len(gone)} of {len(devices)} devices are offline, {bearable:g} may be: {_named(gone)}")
    return Done()


def count_standings(standings: Iterable[Standing]) -> Seen:
    """Return how many stations say what."""
    found = list(standings)
    trust = [each.trust for each in found]
    proved, bad, silent = (trust.count(each) for each in (Trust.PROVED, Trust.BAD, Trust.SILENT))
    return Seen(proved=proved, bad=bad, silent=silent, alarms=sum(len(each.alarms) for each in found))


def judge_evidence(standings: Sequence[Standing], limits: Limits, *, elapsed_s: float) -> Verdict:
    """Return what follows from what the stations say that have the model.

    Args:
        standings: Of each of them.
        limits: Of the plan.
        elapsed_s: Since the last device had it, without the time of a pause.
    """
    bad = [each for each in standings if each.trust is Trust.BAD]
    if len(bad) > limits.rejected_share * len(standings):
        told = "; ".join(f"{each.name}: {each.reason}" for each in bad[:_NAMED])
        return Failed(f"{len(bad)} of {len(standings)} stations do not keep it: {told}{_more(bad)}")
    alarms = [f"{each.name}: {alarm}" for each in standings for alarm in each.alarms]
    if len(alarms) > limits.most_alarms:
        return Failed(f"{len(alarms)} alarms stand, {limits.most_alarms} may: {'; '.join(alarms[:_NAMED])}")
    silent = [each.name for each in standings if each.trust is Trust.SILENT]
    if not silent:
        return Done()
    if elapsed_s < limits.proof_timeout_s:
        return Wait(f"{len(silent)} of {len(standings)} stations have not proved it")
    names = ", ".join(silent[:_NAMED])
    return Failed(
        f"{len(silent)} of {len(standings)} stations did not prove it in {limits.proof_timeout_s} s: "
        f"{names}{_more(silent)}"
    )


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
        return Failed(f"the component's version is {state}: {said.get('message', '')}{f'; {told}' if told else ''}")
    if elapsed_s < limits.deployable_timeout_s:
        return Wait(f"the component's version is {state}")
    return Failed(f"the component's version is {state} after {limits.deployable_timeout_s} s, expected DEPLOYABLE")


def pause_s(*, stage_s: float, all_s: float) -> int:
    """Return how long to wait before the next look: longer from time to time, so that an execution's history lasts.

    Over 30 days these are some 1,900 looks: of 9 events each, where an execution may have 25,000.

    Args:
        stage_s: How long it waits for the same thing already.
        all_s: How long the rollout goes on already.
    """
    return min(max(_SHORTEST_S, round(_OF_STAGE * stage_s), round(_OF_ALL * all_s)), _LONGEST_S)


def _named(devices: Sequence[Device]) -> str:
    told = (f"{each.name}: {each.reason}" if each.reason else each.name for each in devices[:_NAMED])
    return "; ".join(told) + _more(devices)


def _more(found: Sequence[object]) -> str:
    return f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
