"""What is due happens once: on time, or as soon as there is an engine again."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_side.local.delivery.schedules import Schedules
from tests.cloud.local.delivery.stage import MACHINE, ROLE, TOPIC, Stage

OFF = {"Mode": "OFF"}


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def schedule(stage: Stage, expression: str, *, name: str = "s", input_text: str | None = None, **more: Any) -> str:
    target = {"Arn": MACHINE, "RoleArn": ROLE, **({} if input_text is None else {"Input": input_text})}
    given = {"ScheduleExpression": expression, "Target": target, "FlexibleTimeWindow": OFF, **more}
    return str(stage.scheduler.create_schedule(Name=name, **given)["ScheduleArn"])


def due_at(stage: Stage, table: str = "schedules") -> float | None:
    (row,) = stage.rows(f"SELECT due_at FROM {table}")
    return None if row["due_at"] is None else float(row["due_at"])


def test_a_nightly_schedule_happens_once_a_night(stage: Stage) -> None:
    schedule(stage, "cron(0 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin", input_text='{"why": "night"}')
    first = due_at(stage)
    assert first is not None
    stage.look_at_clock(first - 1)
    assert not stage.started()
    for seconds in (0, 1, 3600, 86_399):
        stage.look_at_clock(first + seconds)
    assert [row["input"] for row in stage.started()] == ['{"why": "night"}']
    stage.look_at_clock(first + 86_400 + 3600)  # the clock may have changed meanwhile
    assert len({row["name"] for row in stage.started()}) == 2


def test_what_was_missed_while_the_machine_slept_happens_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    arn = schedule(stage, "cron(0 * * * ? *)")
    first = due_at(stage)
    assert first is not None
    with caplog.at_level(logging.WARNING):
        stage.look_at_clock(first + 10 * 3600 + 120)
    assert len(stage.started()) == 1
    assert due_at(stage) == first + 11 * 3600  # and from then on as ever
    assert f"{arn} was due at {datetime.fromtimestamp(first, UTC).isoformat()}, while no engine ran" in caplog.text


def test_a_rate_begins_at_once_and_keeps_its_phase(stage: Stage) -> None:
    before = datetime.now(UTC).timestamp()
    schedule(stage, "rate(5 minutes)")
    first = due_at(stage)
    assert first is not None
    assert before <= first <= datetime.now(UTC).timestamp()
    stage.look_at_clock(first + 1)
    assert due_at(stage) == pytest.approx(first + 300)
    stage.look_at_clock(first + 1000)
    assert due_at(stage) == pytest.approx(first + 1200)
    assert len(stage.started()) == 2


def test_start_and_end_bound_a_schedule(stage: Stage) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    schedule(stage, "rate(1 hour)", StartDate=start, EndDate=start + timedelta(hours=1, minutes=30))
    for hours in range(5):
        stage.look_at_clock((start + timedelta(hours=hours, minutes=1)).timestamp())
    assert len(stage.started()) == 2
    assert due_at(stage) is None


def test_a_moment_happens_once_and_the_schedule_goes_if_asked(stage: Stage) -> None:
    schedule(stage, "at(2030-01-01T00:00:00)", name="stays")
    schedule(stage, "at(2030-01-01T00:00:00)", name="goes", ActionAfterCompletion="DELETE")
    for _ in range(2):
        stage.look_at_clock(moment("2030-01-01T00:00:01"))
    assert len(stage.started()) == 2
    assert [row["name"] for row in stage.rows("SELECT name FROM schedules")] == ["stays"]
    (told,) = stage.scheduler.list_schedules()["Schedules"]
    assert told["State"] == "ENABLED"


def test_a_moment_that_has_passed_happens_now(stage: Stage) -> None:
    schedule(stage, "at(2020-01-01T00:00:00)")
    stage.look_at_clock(datetime.now(UTC).timestamp())
    assert len(stage.started()) == 1


def test_a_schedule_tells_its_target_what_it_is_about(stage: Stage) -> None:
    arn = schedule(stage, "at(2030-01-01T00:00:00)", name="plain")
    names = {"arn": "schedule-arn", "time": "scheduled-time", "n": "attempt-number"}
    attributes = json.dumps({key: f"<aws.scheduler.{name}>" for key, name in names.items()})
    schedule(stage, "at(2030-01-01T01:00:00)", name="context", input_text=attributes)
    stage.look_at_clock(moment("2030-01-01T00:00:00"))
    event = json.loads(stage.started()[0]["input"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.scheduler", "Scheduled Event", [arn])
    assert (event["time"], event["detail"]) == ("2030-01-01T00:00:00Z", "{}")
    stage.look_at_clock(moment("2030-01-01T01:00:00"))
    told = json.loads(stage.started()[1]["input"])
    assert told == {"arn": arn.replace("plain", "context"), "time": "2030-01-01T01:00:00Z", "n": "1"}


def test_what_is_disabled_does_not_happen_nor_is_it_made_up_for(stage: Stage) -> None:
    schedule(stage, "rate(1 hour)", State="DISABLED")
    stage.look_at_clock(datetime.now(UTC).timestamp() + 7200)
    assert not stage.started()
    given = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": OFF}
    stage.scheduler.update_schedule(Name="s", State="ENABLED", Target={"Arn": MACHINE, "RoleArn": ROLE}, **given)
    stage.look_at_clock(datetime.now(UTC).timestamp())
    assert not stage.started()
    stage.look_at_clock(datetime.now(UTC).timestamp() + 3600)
    assert len(stage.started()) == 1


def test_another_target_does_not_make_it_due_again(stage: Stage) -> None:
    schedule(stage, "at(2020-01-01T00:00:00)")
    stage.look_at_clock(datetime.now(UTC).timestamp())
    given = {"ScheduleExpression": "at(2020-01-01T00:00:00)", "FlexibleTimeWindow": OFF}
    stage.scheduler.update_schedule(Name="s", Target={"Arn": TOPIC, "RoleArn": ROLE}, **given)
    assert due_at(stage) is None


def test_a_schedule_that_is_made_again_happens_again(stage: Stage) -> None:
    for _ in range(2):
        schedule(stage, "at(2030-01-01T00:00:00)", ActionAfterCompletion="DELETE")
        stage.look_at_clock(moment("2030-01-01T00:00:00"))
    assert len({row["name"] for row in stage.started()}) == 2


def test_a_rule_has_times_too(stage: Stage) -> None:
    arn = stage.events.put_rule(Name="r", ScheduleExpression="rate(1 hour)")["RuleArn"]
    stage.events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": MACHINE}, {"Id": "2", "Arn": MACHINE, "Input": "1"}])
    first = due_at(stage, "rules")
    assert first is not None
    stage.look_at_clock(first - 1)  # the first time is one period after it was made
    assert not stage.started()
    stage.look_at_clock(first)
    event, one = (json.loads(row["input"]) for row in stage.started())
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert (event["resources"], one) == ([arn], 1)
    stage.events.disable_rule(Name="r")
    stage.look_at_clock(first + 3600)
    assert len(stage.started()) == 2
    stage.events.enable_rule(Name="r")
    assert due_at(stage, "rules") == pytest.approx(first)  # by the true clock it has not passed yet


def test_a_rule_put_again_is_due_as_it_was(stage: Stage) -> None:
    stage.events.put_rule(Name="r", ScheduleExpression="rate(1 hour)")
    first = due_at(stage, "rules")
    stage.events.put_rule(Name="r", ScheduleExpression="rate(1 hour)", Description="d")
    assert due_at(stage, "rules") == first
    stage.events.put_rule(Name="r", ScheduleExpression="rate(2 hours)")
    assert due_at(stage, "rules") != first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ScheduleExpression": "cron(0 2 * * *)"}, "found 5 fields"),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"GroupName": "other"}, "Schedule group other does not exist"),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:s3:listBuckets", "RoleArn": ROLE}},
            "is not there on the local",
        ),
        ({"Target": {"Arn": MACHINE, "RoleArn": ROLE, "Input": "no json"}}, "Target.Input is not JSON"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(stage: Stage, changes: dict[str, Any], said: str) -> None:
    target = {"Arn": MACHINE, "RoleArn": ROLE}
    given = {"ScheduleExpression": "cron(0 2 * * ? *)", "Target": target, "FlexibleTimeWindow": OFF, **changes}
    with pytest.raises(stage.scheduler.exceptions.ClientError, match=said):
        stage.scheduler.create_schedule(Name="s", **given)


def test_the_chore_looks_often_enough(stage: Stage) -> None:
    assert 0 < Schedules(stage.database).turn() <= 1
