"""How a deployment goes over its devices: at what rate, when it stops, and who has had too long. Pure rules.

Source:
    AWS IoT Core developer guide, "How jobs work", rollout, abort and time-out configuration; Greengrass V2 API
    reference, DeploymentIoTJobConfiguration.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

_MOST_PER_MINUTE = 1000  # where none is configured
_MINUTE = timedelta(minutes=1)


class ExecutionStatus(StrEnum):
    """How far one device is with one deployment; a thing completes, a device of a group succeeds."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"


GOOD = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.SUCCEEDED})
BAD = frozenset({ExecutionStatus.FAILED, ExecutionStatus.REJECTED, ExecutionStatus.TIMED_OUT})
FAILURES = {"ALL": BAD, **{str(status): frozenset({status}) for status in BAD}}  # by the failureType of a criterion


@dataclass(frozen=True)
class Execution:
    """One device's part of a deployment."""

    thing: str
    status: ExecutionStatus
    queued_at: datetime
    started_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be done about a deployment now; nothing when all of it is empty.

    Attributes:
        queue: Devices that get it now.
        time_out: Devices that have had it too long.
        withdraw: Devices that have not begun, and are not meant any more.
        stops: Too many have failed: no other device gets it.
    """

    queue: tuple[str, ...] = ()
    time_out: tuple[str, ...] = ()
    withdraw: tuple[str, ...] = ()
    stops: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.queue or self.time_out or self.withdraw or self.stops)


def decide(
    configuration: Mapping[str, Any], members: AbstractSet[str], executions: Sequence[Execution], now: datetime
) -> Decision:
    """Return what is to be done now about a deployment that is in force.

    Args:
        configuration: Its iotJobConfiguration.
        members: The things that it means.
        executions: Those that have got it.
        now: The time.
    """
    time_out = tuple(each.thing for each in executions if _is_over_time(configuration, each, now))
    statuses = [ExecutionStatus.TIMED_OUT if each.thing in time_out else each.status for each in executions]
    if is_stopped(configuration, statuses):
        return Decision(time_out=time_out, stops=True)
    known = {each.thing for each in executions}
    room = _rate(configuration, statuses) - sum(now - each.queued_at < _MINUTE for each in executions)
    return Decision(
        queue=tuple(sorted(members - known)[: max(0, room)]),
        time_out=time_out,
        withdraw=tuple(
            each.thing for each in executions if each.status is ExecutionStatus.QUEUED and each.thing not in members
        ),
    )


def is_stopped(configuration: Mapping[str, Any], statuses: Sequence[ExecutionStatus]) -> bool:
    """Return whether so many devices have failed that a deployment stops."""
    criteria = configuration.get("abortConfig", {}).get("criteriaList", [])
    return any(_is_reached(criterion, statuses) for criterion in criteria)


def _is_reached(criterion: Mapping[str, Any], statuses: Sequence[ExecutionStatus]) -> bool:
    executed = [status for status in statuses if status in GOOD | BAD]
    share = 100 * _count(executed, FAILURES[criterion["failureType"]]) / max(1, len(executed))
    is_enough = len(executed) >= int(criterion["minNumberOfExecutedThings"])
    return is_enough and share >= float(criterion["thresholdPercentage"])


def _rate(configuration: Mapping[str, Any], statuses: Sequence[ExecutionStatus]) -> int:
    rollout = configuration.get("jobExecutionsRolloutConfig", {})
    most = int(rollout.get("maximumPerMinute", _MOST_PER_MINUTE))
    if (growing := rollout.get("exponentialRate")) is None:
        return most
    criteria = growing["rateIncreaseCriteria"]
    if (notified := criteria.get("numberOfNotifiedThings")) is not None:
        steps = len(statuses) // int(notified)
    else:
        steps = _count(statuses, GOOD) // int(criteria.get("numberOfSucceededThings", 1))
    return int(min(most, growing["baseRatePerMinute"] * growing["incrementFactor"] ** min(steps, 100)))


def _is_over_time(configuration: Mapping[str, Any], execution: Execution, now: datetime) -> bool:
    minutes = configuration.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes")
    if minutes is None or execution.status is not ExecutionStatus.IN_PROGRESS or execution.started_at is None:
        return False
    return now - execution.started_at >= timedelta(minutes=minutes)


def _count(statuses: Iterable[ExecutionStatus], kinds: AbstractSet[ExecutionStatus]) -> int:
    return sum(status in kinds for status in statuses)
