"""Executions that go on from where they failed: what is done stays done, in every shape."""

from collections import Counter
from collections.abc import Callable

import pytest

from cloud_side.local.states.interpreter import Task
from cloud_side.local.states.store import Json
from tests.cloud.local.states.staged import CALL_TASK, TOKEN_TASK, Stage, fails

DO = {"Type": "Task", "Resource": CALL_TASK, "Arguments": "{% $states.input %}"}


def scope(name: str, state: Json, **more: Json) -> dict[str, Json]:
    return {**more, "StartAt": name, "States": {name: {**state, "End": True}}}


def parallel(*branches: Json) -> dict[str, Json]:
    return {"Type": "Parallel", "Branches": list(branches)}


def inline(items: Json, each: Json, **more: Json) -> dict[str, Json]:
    return {"Type": "Map", "Items": items, "ItemProcessor": each, **more}


def distributed(items: Json, name: str, state: Json, **more: Json) -> dict[str, Json]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return {"Type": "Map", "Items": items, "ItemProcessor": scope(name, state, ProcessorConfig=config), **more}


def broken_for(broken: set[int]) -> Callable[[Task], Json]:
    def answer(asked: Task) -> Json:
        return fails("Broken")(asked) if asked.arguments in broken else asked.arguments

    return answer


def redriven(stage: Stage, arn: str) -> tuple[str, Json]:
    stage.client.redrive_execution(executionArn=arn)
    stage.run()
    return stage.ended(arn)


def done(stage: Stage) -> Counter[str]:
    """Return how often each call succeeded, by state and argument."""
    return Counter(f"{asked.state} {asked.arguments}" for asked in stage.succeeded)


def test_a_parallel_in_a_map_in_a_parallel_goes_on_twice(stage: Stage) -> None:
    broken = {2, 3}
    stage.answers["Inner"] = broken_for(broken)
    inner = parallel(scope("Inner", DO), scope("Beside", DO))
    each = inline([1, 2, 3], scope("Both", inner))
    arn = stage.begin({"Outer": {**parallel(scope("Each", each), scope("Left", DO)), "End": True}}, 0)
    stage.run()
    assert stage.ended(arn) == ("FAILED", "Broken")
    broken.discard(2)
    assert redriven(stage, arn) == ("FAILED", "Broken")
    broken.clear()
    assert redriven(stage, arn) == ("SUCCEEDED", [[[1, 1], [2, 2], [3, 3]], 0])
    assert set(done(stage).values()) == {1}
    assert stage.client.describe_execution(executionArn=arn)["redriveCount"] == 2


def test_children_of_a_distributed_map_below_a_branch_go_on_and_the_others_do_not(stage: Stage) -> None:
    broken = {2, 4}
    stage.answers["Do"] = broken_for(broken)
    many = distributed([1, 2, 3, 4, 5], "Do", DO, ToleratedFailureCount=1)
    arn = stage.begin({"Outer": {**parallel(scope("Many", many), scope("Left", DO)), "End": True}}, 0)
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    broken.clear()
    assert redriven(stage, arn) == ("SUCCEEDED", [[1, 2, 3, 4, 5], 0])
    assert set(done(stage).values()) == {1}
    (run,) = stage.client.list_map_runs(executionArn=arn)["mapRuns"]
    told = stage.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (told["status"], told["itemCounts"]["succeeded"], told["itemCounts"]["running"]) == ("SUCCEEDED", 5, 0)


def test_a_map_run_that_succeeded_is_not_done_again_because_its_output_failed(stage: Stage) -> None:
    stage.answers["Do"] = broken_for({2})
    many = distributed([1, 2, 3], "Do", DO, ToleratedFailureCount=1, Output="{% $error('no') %}")
    arn = stage.begin({"Many": {**many, "End": True}})
    stage.run()
    assert stage.ended(arn) == ("FAILED", "States.QueryEvaluationError")
    started = len(stage.started)
    assert redriven(stage, arn) == ("FAILED", "States.QueryEvaluationError")
    assert len(stage.started) == started


def test_a_parallel_whose_output_failed_takes_what_its_branches_came_to(stage: Stage) -> None:
    arn = stage.begin({"P": {**parallel(scope("A", DO), scope("B", DO)), "Output": "{% $error('no') %}", "End": True}})
    stage.run()
    assert redriven(stage, arn) == ("FAILED", "States.QueryEvaluationError")
    assert set(done(stage).values()) == {1}


@pytest.mark.parametrize("how", ["stopped", "out of time"])
def test_an_execution_that_was_cut_off_asks_again_with_another_token(stage: Stage, how: str) -> None:
    ask = {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": "{% $states.context.Task.Token %}"}
    states = {"First": {**DO, "Next": "P"}, "P": {**parallel(scope("Ask", ask), scope("Beside", DO)), "End": True}}
    more = {"TimeoutSeconds": 100} if how == "out of time" else {}
    arn = stage.begin(states, 0, **more)
    stage.run(until=stage.now)
    first = stage.token("Ask")
    if how == "stopped":
        stage.client.stop_execution(executionArn=arn)
    stage.run()
    assert stage.ended(arn)[0] == ("ABORTED" if how == "stopped" else "TIMED_OUT")
    stage.client.redrive_execution(executionArn=arn)
    stage.run(until=stage.now)
    assert stage.token("Ask") != first
    with pytest.raises(stage.client.exceptions.TaskTimedOut):
        stage.client.send_task_success(taskToken=first, output="1")
    stage.client.send_task_success(taskToken=stage.token("Ask"), output="1")
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [1, 0])


def test_no_more_iterations_go_on_at_once_than_allowed(stage: Stage) -> None:
    ask = {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": {}}
    arn = stage.begin({"All": {**inline(list(range(6)), scope("Ask", ask), MaxConcurrency=2), "End": True}})
    stage.run()
    stage.client.stop_execution(executionArn=arn)
    stage.client.redrive_execution(executionArn=arn)
    for _ in range(6):
        stage.run()
        waiting = stage.database.connection().execute("SELECT token FROM strands WHERE token IS NOT NULL").fetchall()
        assert len(waiting) <= 2
        stage.client.send_task_success(taskToken=waiting[0]["token"], output="1")
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [1] * 6)


def test_a_state_that_was_never_entered_is_entered_once(stage: Stage) -> None:
    states = {
        "Ask": {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": {}, "Next": "After"},
        "After": {**DO, "End": True},
    }
    arn = stage.begin(states, 0)
    stage.answers["After"] = fails("Broken")
    stage.run()
    stage.client.send_task_success(taskToken=stage.token("Ask"), output="1")
    stage.run()
    stage.answers.clear()
    assert redriven(stage, arn) == ("SUCCEEDED", 1)
    assert stage.history(arn).count("TaskStateEntered") == 2
