"""EventBridge Scheduler: the same asked of the local service and of moto."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.local.services.scheduler import SCHEDULER
from tests.cloud.local.kept import Kept, kept

TARGET = {
    "Arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:training",
    "RoleArn": "arn:aws:iam::000000000000:role/r",
    "Input": '{"a": 1}',
}
OFF = {"Mode": "OFF"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("scheduler"), [SCHEDULER]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def scheduler(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    return (local if request.param == "local" else request.getfixturevalue("moto_session")).client("scheduler")


def create(scheduler: Any, name: str, **more: Any) -> str:
    given = {"ScheduleExpression": "rate(1 hour)", "Target": TARGET, "FlexibleTimeWindow": OFF, **more}
    return str(scheduler.create_schedule(Name=name, **given)["ScheduleArn"])


def test_a_schedule_is_told_as_it_was_made_and_changed(scheduler: Any) -> None:
    start, end = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    zone = "Europe/Berlin"
    times = {"ScheduleExpressionTimezone": zone, "StartDate": start, "EndDate": end}
    arn = create(scheduler, "nightly", Description="d", ActionAfterCompletion="NONE", **times)
    assert arn.endswith(":schedule/default/nightly")
    told = scheduler.get_schedule(Name="nightly")
    assert (told["Arn"], told["GroupName"], told["Name"], told["State"]) == (arn, "default", "nightly", "ENABLED")
    assert (told["ScheduleExpression"], told["ScheduleExpressionTimezone"]) == ("rate(1 hour)", zone)
    assert (told["StartDate"], told["EndDate"], told["Description"]) == (start, end, "d")
    assert (told["Target"]["Arn"], told["Target"]["Input"]) == (TARGET["Arn"], '{"a": 1}')
    assert (told["FlexibleTimeWindow"], told["ActionAfterCompletion"]) == (OFF, "NONE")
    changes = {"ScheduleExpression": "cron(0 2 * * ? *)", "Target": TARGET, "FlexibleTimeWindow": OFF}
    assert scheduler.update_schedule(Name="nightly", State="DISABLED", **changes)["ScheduleArn"] == arn
    told = scheduler.get_schedule(Name="nightly")
    assert (told["ScheduleExpression"], told["State"]) == ("cron(0 2 * * ? *)", "DISABLED")


def test_a_name_is_taken_once_and_free_after_it_is_deleted(scheduler: Any) -> None:
    create(scheduler, "s")
    with pytest.raises(scheduler.exceptions.ConflictException):
        create(scheduler, "s")
    scheduler.delete_schedule(Name="s")
    for call in (scheduler.get_schedule, scheduler.delete_schedule):
        with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
            call(Name="s")


def test_schedules_are_listed_by_state(scheduler: Any) -> None:
    for name in ("a1", "a2", "a3"):
        create(scheduler, name)
    create(scheduler, "a4", State="DISABLED")
    pages = scheduler.get_paginator("list_schedules").paginate(State="ENABLED", PaginationConfig={"PageSize": 2})
    found = [schedule for page in pages for schedule in page["Schedules"]]
    assert sorted(schedule["Name"] for schedule in found) == ["a1", "a2", "a3"]
    assert found[0]["Target"] == {"Arn": TARGET["Arn"]}
