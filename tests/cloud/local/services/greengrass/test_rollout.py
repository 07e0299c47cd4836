"""At what rate a deployment goes over its devices, when it stops, and who has had too long."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_side.local.services.greengrass.rollout import Decision, Execution, ExecutionStatus, decide

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
THINGS = frozenset(f"press-{number}" for number in range(9))


def executions(text: str, *, minutes_ago: float = 5) -> list[Execution]:
    """Return one execution for each letter: Q, I, S, F, R, T."""
    statuses = {status[0]: status for status in ExecutionStatus if status is not ExecutionStatus.CANCELED}
    at = NOW - timedelta(minutes=minutes_ago)
    return [Execution(f"press-{number}", statuses[letter], at, at) for number, letter in enumerate(text)]


def abort(kind: str, percentage: float, executed: int) -> dict[str, Any]:
    criterion = {
        "failureType": kind,
        "action": "CANCEL",
        "thresholdPercentage": percentage,
        "minNumberOfExecutedThings": executed,
    }
    return {"abortConfig": {"criteriaList": [criterion]}}


def rate(**configuration: Any) -> dict[str, Any]:
    return {"jobExecutionsRolloutConfig": configuration}


def queued(configuration: dict[str, Any], already: Sequence[Execution]) -> int:
    return len(decide(configuration, THINGS, already, NOW).queue)


def test_all_devices_get_it_at_once_where_no_rate_is_said() -> None:
    assert decide({}, THINGS, [], NOW) == Decision(queue=tuple(sorted(THINGS)))
    assert not decide({}, THINGS, executions("QISFRTSSS"), NOW)


def test_only_so_many_get_it_within_a_minute() -> None:
    configuration = rate(maximumPerMinute=2)
    assert decide(configuration, THINGS, [], NOW).queue == ("press-0", "press-1")
    assert queued(configuration, executions("QQ", minutes_ago=0.9)) == 0
    assert queued(configuration, [*executions("Q", minutes_ago=0.9)]) == 1
    assert queued(configuration, executions("QQ", minutes_ago=1)) == 2


@pytest.mark.parametrize(
    ("criterion", "already", "expected"),
    [
        ({"numberOfSucceededThings": 2}, "SIF", 1),
        ({"numberOfSucceededThings": 2}, "SSS", 2),
        ({"numberOfSucceededThings": 2}, "SSSS", 3),
        ({"numberOfNotifiedThings": 3}, "QFI", 2),
    ],
)
def test_the_rate_grows_with_what_went_well_up_to_its_maximum(
    criterion: dict[str, int], already: str, expected: int
) -> None:
    growing = {"baseRatePerMinute": 1, "incrementFactor": 2.0, "rateIncreaseCriteria": criterion}
    assert queued(rate(exponentialRate=growing, maximumPerMinute=3), executions(already)) == expected


@pytest.mark.parametrize(
    ("configuration", "already", "stops"),
    [
        (abort("FAILED", 50, 2), "F", False),
        (abort("FAILED", 50, 2), "FS", True),
        (abort("FAILED", 50, 2), "FSS", False),
        (abort("FAILED", 50, 2), "FIIQ", False),
        (abort("FAILED", 20, 2), "RTSS", False),
        (abort("REJECTED", 25, 4), "RSSS", True),
        (abort("ALL", 75, 4), "RTFS", True),
        (abort("FAILED", 33.34, 3), "FSS", False),
    ],
)
def test_it_stops_when_too_many_of_those_that_are_done_have_failed(
    configuration: dict[str, Any], already: str, *, stops: bool
) -> None:
    decision = decide(configuration, THINGS, executions(already), NOW)
    assert decision.stops == stops
    assert not (stops and decision.queue)


def test_a_device_has_so_long_from_when_it_has_begun() -> None:
    configuration = {"timeoutConfig": {"inProgressTimeoutInMinutes": 5}, **abort("TIMED_OUT", 100, 1)}
    assert decide(configuration, THINGS, executions("IQ"), NOW).time_out == ("press-0",)
    assert decide(configuration, THINGS, executions("IQ"), NOW).stops, "the one that is late counts at once"
    assert decide(configuration, THINGS, executions("IQ", minutes_ago=4.9), NOW).time_out == ()


def test_a_device_that_left_the_group_before_it_began_is_not_meant_any_more() -> None:
    decision = decide({}, frozenset({"press-2", "press-9"}), executions("QIQ"), NOW)
    assert decision == Decision(queue=("press-9",), withdraw=("press-0",))
