"""Pipelines as targets of rules and schedules."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.local.delivery.events import Delivery
from cloud_side.local.delivery.schedules import Schedules
from cloud_side.local.services.events import EVENTS
from cloud_side.local.services.sagemaker import SERVICES
from cloud_side.local.services.scheduler import SCHEDULER
from cloud_side.local.wiring import Service
from tests.cloud.local.delivery.stage import ROLE, TABLES, start
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.sagemaker.piped import definition, fail
from tests.mosquitto import eventually

DECLARED = [{"Name": name, "Type": "String", "DefaultValue": "none"} for name in ("reason", "dataset")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    noted = Service("noted", tables=TABLES)
    with kept(tmp_path_factory.mktemp("pipelines"), [EVENTS, SCHEDULER, *SERVICES, noted]) as made:
        yield made


@pytest.fixture
def target(home: Kept) -> dict[str, Any]:
    home.empty()
    made = home.client("sagemaker").create_pipeline(
        PipelineName="retrain", PipelineDefinition=definition(fail("Bad", "no"), parameters=DECLARED), RoleArn=ROLE
    )
    return {"Arn": made["PipelineArn"], "RoleArn": ROLE}


def given(**values: str) -> dict[str, Any]:
    parameters = [{"Name": name, "Value": value} for name, value in values.items()]
    return {"SageMakerPipelineParameters": {"PipelineParameterList": parameters}}


def deliver(home: Kept) -> None:
    delivery = Delivery(home.database, start, pauses_s=(0.0, 0.0))
    eventually(lambda: delivery.turn() > 0, what="everything is delivered")


def started(home: Kept) -> list[dict[str, str]]:
    """Return the parameters of each execution."""
    rows = home.database.connection().execute("SELECT given FROM pipeline_executions")
    return [json.loads(row["given"]) for row in rows]


def test_an_event_starts_a_pipeline_once_with_what_is_in_it(home: Kept, target: dict[str, Any]) -> None:
    events = home.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["edge"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", **target, **given(reason="drift", dataset="$.detail.name")}])
    entry = {"Source": "edge", "DetailType": "d", "Detail": json.dumps({"name": "tags-7"})}
    events.put_events(Entries=[entry])
    deliver(home)
    assert started(home) == [{"reason": "drift", "dataset": "tags-7"}]


def test_a_schedule_starts_a_pipeline(home: Kept, target: dict[str, Any]) -> None:
    home.client("scheduler").create_schedule(
        Name="weekly",
        ScheduleExpression="at(2030-01-01T00:00:00)",
        Target={**target, **given(reason="schedule")},
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    Schedules(home.database, clock=datetime(2030, 1, 2, tzinfo=UTC).timestamp).turn()
    deliver(home)
    assert started(home) == [{"reason": "schedule", "dataset": "none"}]


def test_parameters_that_the_pipeline_does_not_declare_end_among_the_dead_letters(
    home: Kept, target: dict[str, Any]
) -> None:
    events = home.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["edge"]}')
    once = {"RetryPolicy": {"MaximumRetryAttempts": 0}}
    events.put_targets(Rule="r", Targets=[{"Id": "1", **target, **given(colour="red"), **once}])
    events.put_events(Entries=[{"Source": "edge", "DetailType": "d", "Detail": "{}"}])
    deliver(home)
    (letter,) = home.database.connection().execute("SELECT reason FROM dead_letters").fetchall()
    assert "parameter colour: is not declared, expected dataset, reason" in letter["reason"]
    assert started(home) == []
