import threading
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
    stage.now = 0.0
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
