"""Events become visits, and visits what a person wants to know at a glance."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cloud_side.drawing.machine import END, START
from cloud_side.drawing.reading import Record
from cloud_side.drawing.visits import Outcome, Visit
from cloud_side.drawing.words import outcome_line
from tests.cloud.drawing import workflows
from tests.cloud.drawing.recorded import Told

Read = Callable[[Told], Record]


def visits(record: Record, state: str) -> list[Visit]:
    return [visit for visit in record.chronicle.visits if visit.state == state]


def line(record: Record, state: str) -> str:
    return outcome_line(record.summaries.get(state))


def test_a_visit_knows_input_arguments_result_variables_and_output(read: Read) -> None:
    (visit,) = visits(read(workflows.linear()), "FindSamples")

    (attempt,) = visit.attempts
    assert visit.input is not None
    assert visit.input.text == '{"bucket": "samples", "prefix": "site=plant-1/", "budget": 250}'
    assert attempt.resource == "lambda:invoke"
    assert attempt.arguments is not None
    assert attempt.arguments.text.startswith('{"FunctionName": "find-samples"')
    assert attempt.result is not None
    assert visit.output is not None
    assert visit.output.text == '{"samples": 212, "manifest": "s3://samples/manifests/2026-03-02.jsonl"}'
    assert visit.variables["manifest"].text == '"s3://samples/manifests/2026-03-02.jsonl"'
    assert visit.ended_at == visit.exited_at
    assert attempt.ended_at is not None
    assert attempt.ended_at - attempt.started_at == timedelta(seconds=1.82)


def test_retries_are_attempts_of_one_visit(read: Read) -> None:
    record = read(workflows.choices())
    (visit,) = visits(record, "Evaluate")

    assert [attempt.outcome for attempt in visit.attempts] == [Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED]
    assert visit.attempts[0].error == "SageMaker.Throttled"
    assert line(record, "Evaluate") == "succeeded · 6 min 52 s · 2 retries"
    assert line(record, "Refuse") == "not entered"


def test_what_is_within_a_map_is_told_by_item_and_what_failed_there_by_its_container(read: Read) -> None:
    record = read(workflows.fan_out())

    assert [visit.items for visit in visits(record, "DeployModel")] == [(0,), (1,), (2,)]
    assert line(record, "DeployModel") == "2 succeeded, 1 failed"
    assert line(record, "Both") == "2 succeeded, 1 failed"
    assert line(record, "WatchRejects") == "3 succeeded"
    assert line(record, "EachStation").startswith("error caught")
    assert line(record, "EachStation").endswith("items: 2 succeeded, 1 failed, 2 not begun")
    (each,) = visits(record, "EachStation")
    deploy = visits(record, "DeployModel")[2]
    assert list(deploy.around()) == [deploy, visits(record, "Both")[2], each]
    assert each.error == "Unhealthy"


def test_the_ways_that_were_taken_are_counted(read: Read) -> None:
    ways = read(workflows.fan_out()).chronicle.ways

    assert ways[START, "Plan", False] == 1
    assert ways["EachStation", "RollBack", True] == 1
    assert ways["EachStation", "Report", False] == 0
    assert ways["Prepare", "Both", False] == 3
    assert ways["IsShadow", "Skip", False] == 3
    assert not any(target == END for _, target, _ in ways)


def test_a_loop_is_one_state_entered_often_that_is_as_it_is_now(read: Read) -> None:
    record = read(workflows.loop(4))

    assert line(record, "Pause") == "running · entered 4 times"
    assert line(record, "Look") == "succeeded · entered 3 times"
    assert record.chronicle.ways["AreAllThere", "Pause", False] == 3


def test_a_failed_state_knows_why(read: Read) -> None:
    record = read(workflows.failing())
    (visit,) = visits(record, "Train")

    assert record.summaries["Train"].outcome is Outcome.FAILED
    assert visit.error == "SageMaker.AlgorithmError"
    assert visit.attempts[0].error == "SageMaker.AlgorithmError"
    assert line(record, "Export") == "not entered"


def test_a_redriven_state_is_as_it_is_now(read: Read) -> None:
    record = read(workflows.failing(redriven=True))

    assert record.redrives == 1
    assert line(record, "Train") == "succeeded · 1 h 33 min · 1 retry"
    assert record.summaries["Train"].visits[0].error == ""


def test_a_state_that_is_entered_anew_after_a_redrive_is_as_it_is_now(read: Read) -> None:
    told = workflows.failing()
    told.redrive()
    told.task("Train", {"images": 212}, {"model": 1})

    record = read(told)
    assert record.summaries["Train"].outcome is Outcome.SUCCEEDED
    assert len(record.summaries["Train"].visits) == 2


def test_what_was_cut_off_is_aborted(read: Read) -> None:
    told = workflows.loop(2)
    told.add("ExecutionAborted", error="", cause="by hand")
    told.status = "ABORTED"

    assert read(told).summaries["Pause"].outcome is Outcome.ABORTED


def test_a_branch_that_is_cut_off_because_another_failed_is_aborted(read: Read) -> None:
    told = Told("t", "t", _parallel())
    told.enter("Parallel", "Both")
    begun = told.add("ParallelStateStarted")
    told.enter("Wait", "Slow", after=begun)
    told.enter("Task", "Fast", after=begun)
    told.attempt({}, error="Odd", cause="it is")
    told.add("ParallelStateFailed")

    going_on = read(told)
    assert going_on.summaries["Fast"].outcome is Outcome.FAILED
    assert going_on.summaries["Slow"].outcome is Outcome.ABORTED
    assert visits(going_on, "Both")[0].error == "Odd"

    told.fail("Odd", "it is")
    assert read(told).summaries["Both"].outcome is Outcome.FAILED


def test_a_parallel_that_is_tried_again_is_one_visit_whose_branches_count_anew(read: Read) -> None:
    told = Told("t", "t", _parallel())
    told.enter("Parallel", "Both")
    for _ in range(2):
        begun = told.add("ParallelStateStarted")
        told.enter("Wait", "Slow", after=begun)
        told.enter("Task", "Fast", after=begun)
        told.attempt({}, error="Odd", cause="it is")
        told.add("ParallelStateFailed")
    begun = told.add("ParallelStateStarted")
    told.enter("Task", "Fast", after=begun)

    record = read(told)
    assert line(record, "Both") == "running · 2 retries"
    assert record.summaries["Fast"].outcome is Outcome.RUNNING
    assert record.summaries["Slow"].outcome is Outcome.ABORTED


def test_a_step_that_ends_after_its_container_was_left_does_not_run_for_ever(read: Read) -> None:
    told = Told("t", "t", _parallel())
    told.enter("Parallel", "Both")
    begun = told.add("ParallelStateStarted")
    told.enter("Wait", "Slow", after=begun)
    told.enter("Fail", "Fast", after=begun)
    told.add("ParallelStateFailed")
    told.leave("Parallel", "Both")

    record = read(told)
    assert record.summaries["Slow"].outcome is Outcome.ABORTED
    assert record.summaries["Fast"].outcome is Outcome.FAILED
    assert record.summaries["Both"].outcome is Outcome.CAUGHT


def test_a_failure_goes_up_through_all_that_it_is_within(read: Read) -> None:
    inner = {"Type": "Parallel", "Branches": _parallel()["States"]["Both"]["Branches"], "End": True}
    outer = {"Type": "Parallel", "Branches": [{"StartAt": "Inner", "States": {"Inner": inner}}], "Next": "After"}
    after = {"Type": "Succeed"}
    told = Told("t", "t", {"StartAt": "Outer", "States": {"Outer": outer, "After": after}})
    told.enter("Parallel", "Outer")
    told.add("ParallelStateStarted")
    told.enter("Parallel", "Inner")
    told.add("ParallelStateStarted")
    told.enter("Task", "Fast")
    told.attempt({}, error="Deep", cause="within")
    told.add("ParallelStateFailed")
    told.add("ParallelStateFailed")
    told.leave("Parallel", "Outer")
    told.enter("Succeed", "After")

    record = read(told)
    assert [record.summaries[name].outcome for name in ("Fast", "Inner", "Outer")] == [
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.CAUGHT,
    ]
    assert visits(record, "Outer")[0].error == "Deep"
    assert record.chronicle.ways["Outer", "After", True] == 1


def test_an_expression_that_cannot_be_evaluated_fails_its_state(read: Read) -> None:
    told = Told("t", "t", {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    told.enter("Pass", "A")
    told.add("EvaluationFailed", error="States.QueryEvaluationError", cause="$x is undefined", state="A")
    told.fail("States.QueryEvaluationError", "$x is undefined")

    (visit,) = read(told).chronicle.visits
    assert (visit.error, visit.cause) == ("States.QueryEvaluationError", "$x is undefined")


def test_functions_and_activities_have_attempts_too(read: Read) -> None:
    told = Told("t", "t", workflows.FAILING)
    told.enter("Task", "Prepare")
    told.add("LambdaFunctionScheduled", resource="arn:aws:lambda:r:0:function:f", input="{}")
    told.add("LambdaFunctionStarted")
    told.add("LambdaFunctionTimedOut", error="States.Timeout", cause="3 s")
    told.add("ActivityScheduled", resource="arn:aws:states:r:0:activity:a", input="[]")
    told.add("ActivitySucceeded", output="1")

    (visit,) = read(told).chronicle.visits
    assert [(each.resource, each.outcome) for each in visit.attempts] == [
        ("arn:aws:lambda:r:0:function:f", Outcome.FAILED),
        ("arn:aws:states:r:0:activity:a", Outcome.SUCCEEDED),
    ]


def test_what_a_task_waits_for_is_told(read: Read) -> None:
    told = Told("t", "t", workflows.FAILING)
    told.enter("Task", "Prepare")
    own = {"resourceType": "sagemaker", "resource": "createTrainingJob.sync"}
    told.add("TaskScheduled", **own, region="r", parameters="{}")
    told.add("TaskSubmitted", **own, output='{"TrainingJobArn": "arn:job"}')

    (visit,) = read(told).chronicle.visits
    assert visit.attempts[0].handle is not None
    assert visit.attempts[0].handle.text == '{"TrainingJobArn": "arn:job"}'
    assert visit.outcome(is_execution_over=False) is Outcome.RUNNING


def test_of_many_visits_the_first_the_last_and_failed_ones_are_told(read: Read) -> None:
    told = Told("t", "t", workflows.LOOP)
    for number in range(50):
        told.enter("Task", "Submit", number)
        if number == 30:
            told.attempt({}, error="Odd", cause="once")
        told.attempt({})
        told.leave("Task", "Submit")

    summary = read(told).summaries["Submit"]
    numbers = [summary.visits.index(visit) for visit in summary.detailed()]
    assert numbers == [0, 1, 2, 3, 30, 46, 47, 48, 49]


def _parallel() -> dict[str, Any]:
    slow = {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 9, "End": True}}}
    fast = {
        "StartAt": "Fast",
        "States": {"Fast": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}},
    }
    return {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [slow, fast], "End": True}}}
