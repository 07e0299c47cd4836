"""What ends an execution from beside or outside, and what must not be left behind then."""

import threading

import pytest

from cloud_side.local.states.store import Json
from tests.cloud.local.states.staged import CALL_TASK, SYNC_TASK, TOKEN_TASK, Stage, fails

SYNC = {"Type": "Task", "Resource": SYNC_TASK, "Arguments": {"n": 1}}
ASK = {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": {}}
LOOP = {
    "A": {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "End"}], "Default": "B"},
    "B": {"Type": "Pass", "Next": "A"},
    "End": {"Type": "Succeed"},
}
DO = {"Type": "Task", "Resource": CALL_TASK, "Arguments": "{% $states.input %}"}


def stops(stage: Stage) -> list[Json]:
    return [tuple(row) for row in stage.database.connection().execute("SELECT resource, handle FROM stops")]


def test_what_a_sync_task_began_when_its_time_was_over_already_is_stopped(stage: Stage) -> None:
    def slow(_: object) -> Json:
        stage.now += 20
        return {"job": 1}

    stage.answers["Train"] = slow
    arn = stage.begin({"Train": {**SYNC, "TimeoutSeconds": 15, "End": True}})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.Timeout")
    assert stops(stage) == [(SYNC_TASK, '{"job":1}')]


def test_what_a_sync_task_began_while_its_execution_was_stopped_is_stopped_too(stage: Stage) -> None:
    def stopped_meanwhile(_: object) -> Json:
        stage.client.stop_execution(executionArn=arn)
        return {"job": 1}

    stage.answers["Train"] = stopped_meanwhile
    arn = stage.begin({"Train": {**SYNC, "End": True}})
    stage.run()
    assert stage.ended(arn)[0] == "ABORTED"
    assert stops(stage) == [(SYNC_TASK, '{"job":1}')]


def test_an_answer_or_heartbeat_that_comes_too_late_is_refused_although_nobody_has_looked_yet(stage: Stage) -> None:
    arn = stage.begin({"Ask": {**ASK, "HeartbeatSeconds": 60, "End": True}})
    stage.run(until=stage.now)
    token = stage.token("Ask")
    stage.now += 60
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_heartbeat(taskToken=token)
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_success(taskToken=token, output="1")
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.HeartbeatTimeout")


def test_a_loop_without_an_end_fails_when_its_history_is_full_as_in_aws(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("states.interpreter", "services.stepfunctions.executions"):
        monkeypatch.setattr(f"cloud_side.local.{module}.MOST_EVENTS", 100)
    arn = stage.begin(LOOP)
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.Runtime")
    history = stage.history(arn)
    assert (len(history), history[-1]) == (100, "ExecutionFailed")
    with pytest.raises(stage.client.exceptions.ExecutionNotRedrivable, match="history"):
        stage.client.redrive_execution(executionArn=arn)


def test_a_loop_lets_others_have_their_turn(stage: Stage) -> None:
    arn = stage.begin(LOOP)
    (strand,) = stage.interpreter.due(besides=(), most=1)
    stage.interpreter.advance(strand)
    assert stage.ended(arn)[0] == "RUNNING"
    assert stage.interpreter.due(besides=(), most=1) == [strand]


def test_no_children_are_planted_for_a_map_that_was_stopped_while_its_items_were_read(stage: Stage) -> None:
    read = stage.read

    def stopped_meanwhile(reader: Json, cursor: Json, limit: int) -> tuple[list[Json], Json | None]:
        stage.client.stop_execution(executionArn=arn)
        return read(reader, cursor, limit)

    stage.items, stage.read = [1, 2, 3], stopped_meanwhile  # type: ignore[method-assign]
    arn = stage.begin({"All": a_map()})
    stage.run()
    assert stage.ended(arn)[0] == "ABORTED"
    assert stage.started == []
    statuses = stage.database.connection().execute("SELECT status FROM executions").fetchall()
    assert [row["status"] for row in statuses] == ["ABORTED"]


def test_results_are_written_while_others_write_too(stage: Stage) -> None:
    """A view of the file that rows are still read from is no longer the newest, and nobody may write in it."""

    def write(_: Json, run: str, records: Json) -> Json:
        for _record in records:
            other = threading.Thread(target=touch, args=(stage,))
            other.start()
            other.join()
            touch(stage)
        return {"Bucket": "b", "Key": run}

    stage.items, stage.write = [1, 2, 3], write  # type: ignore[method-assign]
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b", "Prefix": "p"}}
    arn = stage.begin({"All": a_map(ResultWriter=writer)})
    stage.run()
    assert stage.ended(arn)[0] == "SUCCEEDED"


def touch(stage: Stage) -> None:
    with stage.database.transaction() as connection:
        connection.execute("INSERT INTO stops (resource, handle) VALUES ('', '')")


@pytest.mark.parametrize(
    "batcher",
    [{"MaxItemsPerBatch": "{% 0 %}"}, {"MaxItemsPerBatch": "{% 'x' %}"}, {"MaxInputBytesPerBatch": "{% -1 %}"}],
)
def test_a_batcher_that_cannot_be_used_fails_the_map(stage: Stage, batcher: Json) -> None:
    stage.items = [1, 2]
    arn = stage.begin({"All": a_map(ItemBatcher=batcher)})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.QueryEvaluationError")


def test_a_map_whose_items_cannot_be_read_fails_with_that_even_when_it_is_cut_off_at_it(stage: Stage) -> None:
    def cannot(*_: object) -> tuple[list[Json], None]:
        return fails("States.ItemReaderFailed")(None)  # type: ignore[arg-type, return-value]

    stage.read = cannot  # type: ignore[method-assign]
    arn = stage.begin({"All": a_map()})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.ItemReaderFailed")
    (run,) = stage.client.list_map_runs(executionArn=arn)["mapRuns"]
    assert stage.client.describe_map_run(mapRunArn=run["mapRunArn"])["status"] == "FAILED"


def a_map(**more: Json) -> dict[str, Json]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = {"ProcessorConfig": config, "StartAt": "Do", "States": {"Do": {**DO, "End": True}}}
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"}, "Arguments": {}}
    return {"Type": "Map", "ItemReader": reader, "ItemProcessor": each, "End": True, **more}


def test_results_that_are_too_large_for_a_state_fail_an_inline_map_without_being_read(stage: Stage) -> None:
    each = {"StartAt": "Do", "States": {"Do": {"Type": "Pass", "Output": {"x": "x" * 100_000}, "End": True}}}
    arn = stage.begin({"All": {"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": each, "End": True}})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.DataLimitExceeded")


def test_an_execution_goes_on_after_its_machine_was_deleted(stage: Stage) -> None:
    stage.items = [1]
    arn = stage.begin({"All": a_map()})
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    stage.client.delete_state_machine(stateMachineArn=machine)
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [1])
    (run,) = stage.client.list_map_runs(executionArn=arn)["mapRuns"]
    assert run["mapRunArn"].split("mapRun:")[1].startswith("machine-0/All:")


@pytest.mark.parametrize("text", ["\ud83d", {"\ud83d": 1}])
def test_half_a_character_in_an_answer_is_kept_as_it_is(stage: Stage, text: Json) -> None:
    stage.answers["Do"] = lambda _: text
    arn = stage.begin({"Do": {**DO, "End": True}})
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", text)


@pytest.mark.parametrize("given", ["NaN", "[" * 200_000, '{"a": Infinity}'])
def test_an_input_or_output_that_only_python_takes_for_json_is_refused(stage: Stage, given: str) -> None:
    arn = stage.begin({"Ask": {**ASK, "End": True}})
    stage.run()
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    with pytest.raises(stage.client.exceptions.InvalidExecutionInput):
        stage.client.start_execution(stateMachineArn=machine, input=given)
    with pytest.raises(stage.client.exceptions.InvalidOutput):
        stage.client.send_task_success(taskToken=stage.token("Ask"), output=given)


@pytest.mark.parametrize("name", ["a/b", "a b", "a:b", "ü\n"])
def test_names_that_would_not_fit_into_an_arn_are_refused(stage: Stage, name: str) -> None:
    arn = stage.begin({"A": {"Type": "Succeed"}})
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    with pytest.raises(stage.client.exceptions.InvalidName, match="expected"):
        stage.client.start_execution(stateMachineArn=machine, name=name)
    told = stage.client.describe_state_machine(stateMachineArn=machine)
    with pytest.raises(stage.client.exceptions.InvalidName, match="expected"):
        stage.client.create_state_machine(name=name, definition=told["definition"], roleArn=told["roleArn"])
