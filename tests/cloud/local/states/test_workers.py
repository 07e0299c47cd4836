import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloud_side.local.states.interpreter import Interpreter, Task
from cloud_side.local.states.store import Json
from cloud_side.local.states.workers import Workers
from tests.cloud.local.states.staged import CALL_TASK, Stage
from tests.mosquitto import eventually


@pytest.fixture
def threads(stage: Stage) -> Iterator[Stage]:
    """Move a stage's executions by two threads, on the real clock."""
    with working(stage):
        yield stage


@contextmanager
def working(stage: Stage) -> Iterator[None]:
    stage.now = 0.0  # long ago: what is started is due
    interpreter = Interpreter(stage.database, stage, stage)
    workers = Workers(interpreter, 2, stage.database.has_changed)
    workers.start()
    try:
        yield
    finally:
        workers.stop()


def call(state: str, **more: Json) -> dict[str, Json]:
    return {state: {"Type": "Task", "Resource": CALL_TASK, "Arguments": f"{{% '{state}' %}}", "End": True, **more}}


def test_two_calls_run_at_once(threads: Stage) -> None:
    meeting = threading.Barrier(2)
    threads.answers["A"] = threads.answers["B"] = lambda task: (meeting.wait(30) and task.arguments) or task.arguments
    first, second = threads.begin(call("A")), threads.begin(call("B"))
    eventually(lambda: threads.ended(first) == ("SUCCEEDED", "A"), what="A ended")
    eventually(lambda: threads.ended(second) == ("SUCCEEDED", "B"), what="B ended")


def test_a_hundred_executions_end_and_each_calls_once(threads: Stage) -> None:
    machine = threads.client.describe_execution(executionArn=threads.begin(call("A")))["stateMachineArn"]
    for n in range(100):
        threads.client.start_execution(stateMachineArn=machine, name=f"n{n}")
    eventually(
        lambda: len(threads.client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]) == 0,
        what="all ended",
    )
    assert len(threads.started) == len({caller.scope for caller in threads.callers}) == 101


def test_a_strand_that_cannot_be_moved_is_tried_again_and_holds_up_no_other(
    threads: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [OSError("no space left on device"), OSError("no space left on device")]

    def answer(task: Task) -> Json:
        if broken:
            raise broken.pop()
        return task.arguments

    threads.answers["A"] = answer
    bad, good = threads.begin(call("A")), threads.begin(call("B"))
    eventually(lambda: threads.ended(good)[0] == "SUCCEEDED", what="it ended")
    eventually(lambda: threads.ended(bad) == ("SUCCEEDED", "A"), what="A ended")
    assert caplog.text.count("cannot be moved; trying again") == 2


def test_a_mistake_of_ours_fails_the_execution_where_people_see_it(threads: Stage) -> None:
    threads.answers["A"] = lambda _: {}["member"]
    arn = threads.begin(call("A"))
    eventually(lambda: threads.ended(arn)[0] == "FAILED", what="it failed")
    told = threads.client.describe_execution(executionArn=arn)
    assert (told["error"], told["cause"]) == ("States.Runtime", "KeyError('member')")
    assert told["redriveStatus"] == "REDRIVABLE"


def test_workers_stop_although_a_loop_has_no_end(stage: Stage) -> None:
    loop = {"A": {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "End"}], "Default": "B"}}
    with working(stage):
        arn = stage.begin({**loop, "B": {"Type": "Pass", "Next": "A"}, "End": {"Type": "Succeed"}})
        eventually(lambda: len(stage.history(arn)) > 200, what="it runs")
    assert stage.ended(arn)[0] == "RUNNING"


def test_what_was_written_before_the_clock_was_put_back_goes_on_with_the_next_engine(stage: Stage) -> None:
    stage.now = time.time() + 3600
    arn = stage.begin(call("A"))
    with working(stage):
        eventually(lambda: stage.ended(arn)[0] == "SUCCEEDED", what="it ended")


def test_what_waits_for_its_turn_goes_on_although_the_clock_was_put_back(stage: Stage) -> None:
    arn = stage.begin({"W": {"Type": "Wait", "Seconds": 1, "Next": "A"}, **call("A")})
    stage.run(until=stage.now)
    later = stage.begin(call("B"))
    stage.now -= 3600
    stage.run(until=stage.now)
    assert (stage.ended(arn)[0], stage.ended(later)[0]) == ("RUNNING", "RUNNING")
    stage.interpreter.hasten()
    stage.run(until=stage.now)
    assert (stage.ended(arn)[0], stage.ended(later)[0]) == ("RUNNING", "SUCCEEDED")


def test_what_was_begun_is_ended_before_the_workers_stop(stage: Stage) -> None:
    entered, leave = threading.Event(), threading.Event()

    def answer(task: Task) -> Json:
        entered.set()
        leave.wait(30)
        return task.arguments

    stage.answers["A"] = answer
    with working(stage):
        arn = stage.begin(call("A"))
        assert entered.wait(30)
        threading.Timer(0.05, leave.set).start()
    assert stage.ended(arn) == ("SUCCEEDED", "A")
