import json
import sqlite3
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.states.interpreter import Interpreter
from cloud_side.local.states.store import Json
from tests.cloud.local.states.staged import CALL_TASK, SYNC_TASK, TOKEN_TASK, Stage, fails, theater

ASK = {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": {"Message": "{% $states.context.Task.Token %}"}}
END = {"Type": "Succeed"}


def task(**more: Json) -> dict[str, Json]:
    return {"Type": "Task", "Resource": CALL_TASK, **more}


def a_pass(output: Json, **more: Json) -> dict[str, Json]:
    return {"Type": "Pass", "Output": output, **more}


def test_a_token_is_answered_once_and_only_while_its_task_waits(stage: Stage) -> None:
    arn = stage.begin({"Ask": {**ASK, "End": True}})
    stage.run()
    token = stage.token("Ask")
    stage.client.send_task_success(taskToken=token, output='{"boxes": []}')
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_success(taskToken=token, output='"another"')
    stage.run()
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_failure(taskToken=token, error="Late")
    assert stage.ended(arn) == ("SUCCEEDED", {"boxes": []})


def test_an_answer_that_comes_during_the_call_is_heard(stage: Stage) -> None:
    def answer_at_once(_: object) -> Json:
        stage.client.send_task_success(taskToken=stage.callers[-1].token, output='"quick"')
        return {}

    stage.answers["Ask"] = answer_at_once
    arn = stage.begin({"Ask": {**ASK, "End": True}})
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", "quick")


def test_an_output_that_is_no_json_is_refused_and_the_task_waits_on(stage: Stage) -> None:
    arn = stage.begin({"Ask": {**ASK, "End": True}})
    stage.run()
    with pytest.raises(stage.client.exceptions.InvalidOutput, match="not JSON"):
        stage.client.send_task_success(taskToken=stage.token("Ask"), output="{")
    assert stage.ended(arn) == ("RUNNING", None)


def test_a_token_that_nobody_gave_is_refused(stage: Stage) -> None:
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_heartbeat(taskToken="none")


def test_heartbeats_keep_a_task_alive_until_they_end(stage: Stage) -> None:
    arn = stage.begin({"Ask": {**ASK, "HeartbeatSeconds": 60, "TimeoutSeconds": 86400, "End": True}})
    began = stage.now
    stage.run(until=began)
    stage.now += 50
    stage.client.send_task_heartbeat(taskToken=stage.token("Ask"))
    stage.run(until=began + 100)
    assert stage.ended(arn) == ("RUNNING", None)
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.HeartbeatTimeout")
    assert stage.now == began + 110


def test_a_sync_task_is_checked_until_what_it_began_has_ended(stage: Stage) -> None:
    arn = stage.begin({"Train": {"Type": "Task", "Resource": SYNC_TASK, "Arguments": {"n": 1}, "End": True}})
    began = stage.now
    stage.run(until=began + 35)
    assert stage.ended(arn) == ("RUNNING", None)
    stage.done["Train"] = {"status": "Completed"}
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", {"status": "Completed"})
    assert len(stage.started) == 1
    assert stage.now == began + 40


def test_what_a_sync_task_began_is_stopped_when_nobody_waits_for_it_any_more(stage: Stage) -> None:
    train = {"Type": "Task", "Resource": SYNC_TASK, "Arguments": {"n": 1}, "End": True}
    timed = stage.begin({"Train": {**train, "TimeoutSeconds": 15}})
    stopped = stage.begin({"Train": train})
    stage.run(until=stage.now + 20)
    stage.client.stop_execution(executionArn=stopped, error="Enough", cause="said so")
    assert stage.ended(timed) == ("FAILED", "States.Timeout")
    assert stage.ended(stopped) == ("ABORTED", "Enough")
    stops = stage.database.connection().execute("SELECT resource, handle FROM stops").fetchall()
    assert [tuple(row) for row in stops] == [(SYNC_TASK, '{"n":1}')] * 2


def test_a_branch_that_fails_aborts_its_neighbours_and_what_they_began(stage: Stage) -> None:
    stage.answers["Bad"] = fails("Broken")
    branches = [
        {"StartAt": "Train", "States": {"Train": {"Type": "Task", "Resource": SYNC_TASK, "End": True}}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "Bad"}, "Bad": task(End=True)}},
        {"StartAt": "Ask", "States": {"Ask": {**ASK, "End": True}}},
    ]
    arn = stage.begin({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    began = stage.now
    stage.run()
    assert stage.ended(arn) == ("FAILED", "Broken")
    assert stage.now == began + 5
    assert stage.database.connection().execute("SELECT COUNT(*) FROM stops").fetchone()[0] == 1


def test_a_neighbour_that_is_in_a_call_when_a_branch_fails_changes_nothing_any_more(stage: Stage) -> None:
    def fail_meanwhile(_: object) -> Json:
        (other,) = stage.interpreter.due(besides=(1, 2), most=1)
        stage.interpreter.advance(other)
        return "too late"

    stage.answers["Slow"], stage.answers["Bad"] = fail_meanwhile, fails("Broken")
    branches = [
        {"StartAt": "Slow", "States": {"Slow": task(Next="After"), "After": task(End=True)}},
        {"StartAt": "Bad", "States": {"Bad": task(End=True)}},
    ]
    caught = [{"ErrorEquals": ["Broken"], "Next": "Done"}]
    arn = stage.begin({"Both": {"Type": "Parallel", "Branches": branches, "Catch": caught, "End": True}, "Done": END})
    stage.run()
    assert stage.ended(arn)[0] == "SUCCEEDED"
    assert [started.state for started in stage.started] == ["Slow", "Bad"]


def test_no_more_iterations_run_at_once_than_allowed(stage: Stage) -> None:
    each = {"StartAt": "Ask", "States": {"Ask": {**ASK, "End": True}}}
    arn = stage.begin(
        {"All": {"Type": "Map", "Items": list(range(5)), "MaxConcurrency": 2, "ItemProcessor": each, "End": True}}
    )
    most = 0
    for _ in range(5):
        stage.run()
        waiting = stage.database.connection().execute("SELECT token FROM strands WHERE token IS NOT NULL").fetchall()
        most = max(most, len(waiting))
        stage.client.send_task_success(taskToken=waiting[0]["token"], output="1")
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [1] * 5)
    assert most == 2


def test_pauses_between_attempts_grow_to_a_limit_and_full_jitter_draws_below_it(stage: Stage) -> None:
    stage.answers["Flaky"] = fails("Oops")
    pauses = {"IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 4, "MaxDelaySeconds": 20}
    retrier = {"ErrorEquals": ["Oops"], **pauses}
    arn = stage.begin({"Flaky": task(Retry=[retrier], End=True)})
    began = stage.now
    stage.run()
    assert stage.ended(arn) == ("FAILED", "Oops")
    assert stage.now - began == 2 + 6 + 18 + 20
    stage.begin({"Flaky": task(Retry=[{**retrier, "JitterStrategy": "FULL"}], End=True)})
    began = stage.now
    stage.run()
    assert 0 < stage.now - began < 46


def test_each_attempt_has_another_token_and_a_call_that_was_cut_off_has_the_same(stage: Stage) -> None:
    class Killed(BaseException):
        pass

    def die_once(_: object) -> Json:
        stage.answers["Do"] = lambda _: "done"
        raise Killed

    stage.answers["Do"] = die_once
    arn = stage.begin({"Do": task(Retry=[{"ErrorEquals": ["Oops"]}], End=True)})
    with pytest.raises(Killed):
        stage.run()
    stage.answers["Do"] = lambda _: (_ for _ in ()).throw(AssertionError) if len(stage.started) > 3 else "done"
    stage.interpreter = Interpreter(stage.database, stage, stage, clock=lambda: stage.now)
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", "done")
    assert len({caller.token for caller in stage.callers}) == 1
    assert stage.started[0] == stage.started[1]

    stage.answers["Again"] = fails("Oops")
    stage.callers.clear()
    stage.begin({"Again": task(Retry=[{"ErrorEquals": ["Oops"], "MaxAttempts": 2}], End=True)})
    stage.run()
    assert len({caller.token for caller in stage.callers}) == 3


def test_an_execution_out_of_time_ends_with_all_that_it_does(stage: Stage) -> None:
    arn = stage.begin({"Ask": {**ASK, "End": True}}, TimeoutSeconds=100)
    began = stage.now
    stage.run()
    assert stage.ended(arn) == ("TIMED_OUT", "States.Timeout")
    assert stage.now == began + 100
    assert stage.history(arn)[-1] == "ExecutionTimedOut"


def test_an_execution_that_failed_goes_on_from_where_it_failed_and_does_nothing_twice(stage: Stage) -> None:
    stage.answers["Bad"] = fails("Broken")
    branches = [
        {"StartAt": "Good", "States": {"Good": task(Arguments="{% 'good' %}", End=True)}},
        {"StartAt": "Bad", "States": {"Bad": task(Arguments="{% 'bad' %}", End=True)}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "L"}, "L": a_pass("w", End=True)}},
    ]
    states = {
        "First": task(Arguments="{% 1 %}", Assign={"v": "{% $states.result + 1 %}"}, Next="Both"),
        "Both": {"Type": "Parallel", "Branches": branches, "Next": "Sum"},
        "Sum": a_pass("{% [$v, $states.input] %}", End=True),
    }
    arn = stage.begin(states)
    stage.run()
    assert stage.ended(arn) == ("FAILED", "Broken")
    stage.answers["Bad"] = lambda asked: asked.arguments
    stage.client.redrive_execution(executionArn=arn)
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [2, "good", "bad", "w"])
    assert [started.state for started in stage.started] == ["First", "Good", "Bad", "Bad"]
    assert stage.client.describe_execution(executionArn=arn)["redriveCount"] == 1
    assert "ExecutionRedriven" in stage.history(arn)


def test_what_succeeded_or_runs_cannot_go_on_again(stage: Stage) -> None:
    arn = stage.begin({"A": END})
    with pytest.raises(stage.client.exceptions.ExecutionNotRedrivable, match="RUNNING"):
        stage.client.redrive_execution(executionArn=arn)
    stage.run()
    with pytest.raises(stage.client.exceptions.ExecutionNotRedrivable, match="SUCCEEDED"):
        stage.client.redrive_execution(executionArn=arn)


def a_map(**more: Json) -> dict[str, Json]:
    each = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Do",
        "States": {"Do": task(Arguments="{% $states.input %}", End=True)},
    }
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"}, "Arguments": {}}
    return {"Type": "Map", "ItemReader": reader, "ItemProcessor": each, "End": True, **more}


WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b", "Prefix": "p"}}


def test_a_distributed_map_counts_its_children_and_hands_on_where_the_results_are(stage: Stage) -> None:
    stage.items = [{"n": n} for n in range(25)]
    arn = stage.begin({"All": a_map(ResultWriter=WRITER, MaxConcurrency=4)})
    stage.run()
    status, output = stage.ended(arn)
    assert status == "SUCCEEDED"
    assert output["ResultWriterDetails"]["Bucket"] == "bucket"
    (run,) = stage.client.list_map_runs(executionArn=arn)["mapRuns"]
    told = stage.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (told["itemCounts"]["succeeded"], told["executionCounts"]["total"]) == (25, 25)
    assert [json.loads(record["Output"])["n"] for record in stage.written] == list(range(25))
    children = stage.client.get_paginator("list_executions").paginate(mapRunArn=run["mapRunArn"], maxResults=10)
    assert sum(len(page["executions"]) for page in children) == 25


def test_a_map_gives_up_once_too_many_items_failed_and_goes_on_from_the_failed_ones(stage: Stage) -> None:
    def fail_some(asked: Json) -> Json:
        if asked.arguments["n"] % 10 == 3:
            error = "Broken"
            return fails(error)(asked)
        return asked.arguments["n"]

    stage.items = [{"n": n} for n in range(30)]
    stage.answers["Do"] = fail_some
    arn = stage.begin({"All": a_map(MaxConcurrency=5, ToleratedFailureCount=1)})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    done = [asked.arguments["n"] for asked in stage.started if asked.arguments["n"] % 10 != 3]
    stage.answers["Do"] = lambda asked: asked.arguments["n"]
    stage.client.redrive_execution(executionArn=arn)
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", list(range(30)))
    again = [asked.arguments["n"] for asked in stage.started if asked.arguments["n"] in done]
    assert len(again) == len(set(again))


def test_children_of_a_map_end_with_the_execution(stage: Stage) -> None:
    stage.items = [1, 2, 3]
    asking = a_map()
    asking["ItemProcessor"]["States"]["Do"] = {**ASK, "End": True}
    arn = stage.begin({"All": asking})
    stage.run()
    stage.client.stop_execution(executionArn=arn)
    rows = stage.database.connection().execute("SELECT status FROM executions").fetchall()
    assert [row["status"] for row in rows] == ["ABORTED"] * 4
    (run,) = stage.client.list_map_runs(executionArn=arn)["mapRuns"]
    assert stage.client.describe_map_run(mapRunArn=run["mapRunArn"])["status"] == "ABORTED"


def test_results_that_are_too_large_for_a_state_fail_the_map_without_being_read(stage: Stage) -> None:
    stage.items = [{"text": "x" * 10_000, "n": n} for n in range(30)]
    arn = stage.begin({"All": a_map()})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.DataLimitExceeded")


def test_a_disk_that_is_full_leaves_a_strand_where_it_was(tmp_path: Path) -> None:
    with theater(tmp_path) as opened:  # one without room that is free again
        a_full_disk(opened.stage())


def a_full_disk(stage: Stage) -> None:
    arn = stage.begin({"A": a_pass("x" * 100_000, Next="B"), "B": END})
    (pages,) = stage.database.connection().execute("PRAGMA page_count").fetchone()
    stage.database.connection().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        stage.run()
    assert stage.ended(arn) == ("RUNNING", None)
    stage.database.connection().execute("PRAGMA max_page_count = 1000000")
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", "x" * 100_000)


def test_an_execution_has_one_name_and_the_same_start_is_the_same_execution(stage: Stage) -> None:
    arn = stage.begin({"A": END})
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    first = stage.client.start_execution(stateMachineArn=machine, name="one", input="{}")
    again = stage.client.start_execution(stateMachineArn=machine, name="one", input=" {} ")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(stage.client.exceptions.ExecutionAlreadyExists):
        stage.client.start_execution(stateMachineArn=machine, name="one", input='{"another": 1}')


def test_a_running_execution_keeps_the_definition_with_which_it_began(stage: Stage) -> None:
    arn = stage.begin({"A": {"Type": "Wait", "Seconds": 10, "Next": "B"}, "B": a_pass("old", End=True)})
    stage.run(until=stage.now)
    described = stage.client.describe_state_machine_for_execution(executionArn=arn)
    stage.client.update_state_machine(
        stateMachineArn=described["stateMachineArn"],
        definition=described["definition"].replace('"old"', '"new"'),
    )
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", "old")


def test_a_bad_definition_is_refused_and_the_machine_keeps_its_own(stage: Stage) -> None:
    arn = stage.begin({"A": END})
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    before = stage.client.describe_state_machine(stateMachineArn=machine)["definition"]
    bad = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "Colour": "red", "End": True}}}
    with pytest.raises(stage.client.exceptions.InvalidDefinition, match="Colour"):
        stage.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(bad))
    assert stage.client.describe_state_machine(stateMachineArn=machine)["definition"] == before
    told = stage.client.validate_state_machine_definition(definition=json.dumps(bad))
    assert told["result"] == "FAIL"


@pytest.mark.parametrize("given", ["{", '"' + "x" * 262_144 + '"'])
def test_an_input_that_is_no_json_or_too_large_is_refused(stage: Stage, given: str) -> None:
    machine = stage.client.describe_execution(executionArn=stage.begin({"A": END}))["stateMachineArn"]
    with pytest.raises(stage.client.exceptions.InvalidExecutionInput):
        stage.client.start_execution(stateMachineArn=machine, input=given)


def test_what_an_execution_is_called_must_be_there(stage: Stage) -> None:
    with pytest.raises(ClientError, match="Execution Does Not Exist"):
        stage.client.describe_execution(executionArn="arn:aws:states:eu-central-1:000000000000:execution:a:b")


def test_the_same_machine_made_again_is_the_same_and_another_one_of_its_name_is_refused(stage: Stage) -> None:
    arn = stage.client.describe_execution(executionArn=stage.begin({"A": END}))["stateMachineArn"]
    there = stage.client.describe_state_machine(stateMachineArn=arn)
    same = {"name": there["name"], "roleArn": there["roleArn"], "definition": there["definition"]}
    assert stage.client.create_state_machine(**same)["creationDate"] == there["creationDate"]
    with pytest.raises(stage.client.exceptions.StateMachineAlreadyExists):
        stage.client.create_state_machine(**{**same, "definition": there["definition"].replace('"A"', '"B"')})


def test_machines_of_another_kind_and_unknown_resources_are_refused(stage: Stage) -> None:
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": task(End=True)}}
    made = {"name": "m", "roleArn": "arn:aws:iam::000000000000:role/machine"}
    with pytest.raises(stage.client.exceptions.StateMachineTypeNotSupported, match="EXPRESS, expected STANDARD"):
        stage.client.create_state_machine(**made, definition=json.dumps(definition), type="EXPRESS")
    definition["States"]["A"]["Resource"] = "arn:aws:states:::aws-sdk:sns:publishh"
    with pytest.raises(stage.client.exceptions.InvalidDefinition, match="publish"):
        stage.client.create_state_machine(**made, definition=json.dumps(definition))


def test_lists_and_histories_come_in_pages(stage: Stage) -> None:
    arn = stage.begin({"A": a_pass(1, Next="B"), "B": a_pass(2, Next="C"), "C": END})
    machine = stage.client.describe_execution(executionArn=arn)["stateMachineArn"]
    for n in range(5):
        stage.client.start_execution(stateMachineArn=machine, name=f"n{n}")
    stage.run()
    for operation, asked, member, count in (
        ("list_executions", {"stateMachineArn": machine}, "executions", 6),
        ("get_execution_history", {"executionArn": arn}, "events", 8),
        ("get_execution_history", {"executionArn": arn, "reverseOrder": True}, "events", 8),
    ):
        pages = stage.client.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": 2})
        found = [item for page in pages for item in page[member]]
        assert len(found) == count
        assert len({json.dumps(item, default=str) for item in found}) == count
    with pytest.raises(stage.client.exceptions.InvalidToken):
        stage.client.list_executions(stateMachineArn=machine, nextToken="none")


def test_a_history_may_be_asked_for_without_what_was_said(stage: Stage) -> None:
    arn = stage.begin({"A": a_pass("secret", End=True)})
    stage.run()
    events = stage.client.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert "secret" not in json.dumps(events, default=str)
    assert "secret" in json.dumps(stage.client.get_execution_history(executionArn=arn)["events"], default=str)
