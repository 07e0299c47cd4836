"""An execution is read by boto3's client, in pages, and read on as it goes on."""

import pytest
from botocore.exceptions import ClientError

from cloud_side.drawing.reading import Reading, read_execution
from cloud_side.drawing.words import outcome_line
from tests.cloud.drawing import workflows
from tests.cloud.drawing.conftest import Recorded
from tests.cloud.drawing.recorded import Told

_RUN = "arn:aws:states:eu-central-1:000000000000:mapRun:rollout/{}:1"


def _distributed() -> Told:
    each = {**workflows.FAN_OUT["States"]["EachStation"]}
    each["ItemProcessor"] = {**each["ItemProcessor"], "ProcessorConfig": {"Mode": "DISTRIBUTED"}}
    states = {**workflows.FAN_OUT["States"], "EachStation": each}
    told = Told("rollout", "many", {**workflows.FAN_OUT, "States": states})
    told.step("Pass", "Plan")
    told.enter("Map", "EachStation")
    told.add("MapRunStarted", mapRunArn=_RUN.format("EachStation"))
    return told


def test_a_long_history_is_read_page_by_page(recorded: Recorded) -> None:
    told = workflows.large(states=12, events=2_600)
    asked: list[dict[str, object]] = []
    events = recorded.client.meta.events
    events.register("provide-client-params.sfn.GetExecutionHistory", lambda params, **_: asked.append(params), "test")
    try:
        record = recorded.read(told)
    finally:
        events.unregister("provide-client-params.sfn.GetExecutionHistory", unique_id="test")

    assert len(record.chronicle.rows) == len(told.events) > 2_500
    assert [each["maxResults"] for each in asked] == [1000] * 3


def test_only_what_is_new_is_read_again(recorded: Recorded) -> None:
    told = workflows.loop(2)
    recorded.executions.append(told)
    reading = Reading(recorded.client, told.arn)
    before = len(reading.read().chronicle.rows)

    assert len(reading.read().chronicle.rows) == before
    for _ in range(120):  # more than a page
        told.leave("Wait", "Pause")
        told.enter("Wait", "Pause")
    record = reading.read()
    assert [row.number for row in record.chronicle.rows] == list(range(1, len(told.events) + 1))
    assert outcome_line(record.summaries["Pause"]) == "running · entered 122 times"


def test_the_items_of_a_map_run_are_counted_by_the_run(recorded: Recorded) -> None:
    recorded.map_runs[_RUN.format("EachStation")] = {"succeeded": 97, "timedOut": 2, "pending": 1, "total": 100}

    summary = recorded.read(_distributed()).summaries["EachStation"]
    assert summary.items == {"succeeded": 97, "timed out": 2, "not begun": 1}


def test_the_executions_of_items_that_failed_are_named(recorded: Recorded) -> None:
    run = _RUN.format("EachStation")
    recorded.map_runs[run] = {"succeeded": 1, "failed": 1, "total": 2}
    child = Told("rollout", "press-2", workflows.FAN_OUT, map_run=run)
    recorded.executions += [child.fail("Odd", "it is"), Told("rollout", "press-1", workflows.FAN_OUT, map_run=run)]

    told = _distributed()
    page = recorded.page(told)
    assert f"<li><code>{child.arn}</code></li>" in page
    assert 'aria-label="DeployModel: Task · lambda:invoke, in executions of its own"' in page
    assert 'aria-label="RollBack: Task · greengrassv2:createDeployment, not entered"' in page


def test_a_map_run_that_was_forgotten_does_not_hide_its_execution(recorded: Recorded) -> None:
    assert recorded.read(_distributed()).summaries["EachStation"].items == {}


def test_an_execution_that_a_map_run_began_is_of_a_part_of_the_machine(recorded: Recorded) -> None:
    child = Told("rollout", "child", workflows.FAN_OUT, map_run=_RUN.format("EachStation"))
    child.task("Prepare")
    record = recorded.read(child)
    assert [state.name for state, parent in record.scope.walk() if parent is None] == ["Prepare", "Both", "Record"]

    other = Told("rollout", "other", workflows.FAN_OUT, map_run=_RUN.format("AWSDrewThisLabel"))
    assert recorded.read(other).scope.start == "Plan"


def test_an_execution_that_is_not_there_is_the_clients_own_error(recorded: Recorded) -> None:
    with pytest.raises(ClientError, match="Execution Does Not Exist"):
        read_execution(recorded.client, "arn:aws:states:eu-central-1:000000000000:execution:none:none")
