"""Who runs a query, and what becomes of it when it is stopped, cut off or killed."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from cloud_side.local.services.athena import rows, running
from cloud_side.local.services.athena.chore import Queries
from tests.cloud.local.engines import make_machine, opened, running_engine
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.athena.lake import BUCKET, COLUMNS, DATABASE, Lake
from tests.forked import Forked

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


def until(is_so: Callable[[], bool], patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def state(cloud: Kept, identity: str) -> str:
    """Look at a query without running it."""
    return str(rows.find(cloud.database.connection(), identity).state)


def test_where_no_engine_runs_whoever_asks_runs_the_query(cloud: Kept, lake: Lake) -> None:
    identity = lake.start("SELECT 1")
    assert state(cloud, identity) == "QUEUED"
    assert lake.told(identity)["Status"]["State"] == "SUCCEEDED"
    assert state(cloud, identity) == "SUCCEEDED"


def test_a_query_that_another_process_runs_is_told_of_as_it_is(cloud: Kept, lake: Lake) -> None:
    identity = lake.start("SELECT 1")
    path = running._folder(cloud.home) / f"{identity}.lock"
    with running._only_one(path) as is_mine:
        assert is_mine
        assert lake.told(identity)["Status"]["State"] == "QUEUED"
    assert lake.told(identity)["Status"]["State"] == "SUCCEEDED"


def test_the_chore_runs_what_waits_and_forgets_what_is_old(cloud: Kept, lake: Lake) -> None:
    days = [0.0]
    chore = Queries(cloud.home, cloud.database, clock=lambda: time.time() + days[0] * 86_400)
    made = [lake.start(f"SELECT {number}") for number in range(3)]

    def all_over() -> bool:
        chore.turn()
        return {state(cloud, identity) for identity in made} == {"SUCCEEDED"}

    until(all_over)
    assert [lake.text(identity).splitlines()[1] for identity in made] == ['"0"', '"1"', '"2"']
    days[0] = 44
    chore.turn()
    assert len(lake.athena.list_query_executions()["QueryExecutionIds"]) == 3
    days[0] = 46
    chore.turn()
    assert lake.athena.list_query_executions()["QueryExecutionIds"] == []
    chore.close()


def test_what_the_engine_itself_fails_at_is_tried_again_later(
    cloud: Kept, lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    identity = lake.start("SELECT 1")
    chore = Queries(cloud.home, cloud.database)
    with monkeypatch.context() as patched:
        patched.setattr("cloud_side.local.services.athena.chore.run", lambda *_, **__: 1 / 0)
        chore.turn()
    until(lambda: chore.turn() == pytest.approx(10))
    assert f"query {identity}: could not be run" in caplog.text
    until(lambda: bool(chore.turn()) and state(cloud, identity) == "SUCCEEDED")
    chore.close()


def test_a_query_is_stopped_while_it_runs_and_before(cloud: Kept, lake: Lake) -> None:
    identity, waiting = lake.start(ENDLESS), lake.start("SELECT 1")
    lake.athena.stop_query_execution(QueryExecutionId=waiting)
    runner = Thread(target=running.run, args=(cloud.home, cloud.database, identity))
    runner.start()
    until(lambda: state(cloud, identity) == "RUNNING")
    lake.athena.stop_query_execution(QueryExecutionId=identity)
    runner.join(20)
    assert not runner.is_alive()
    for each in (identity, waiting):
        status = lake.told(each)["Status"]
        assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert "Contents" not in lake.s3.list_objects_v2(Bucket=BUCKET, Prefix="results/")
    lake.athena.stop_query_execution(QueryExecutionId=identity)  # nothing happens


def test_what_an_engine_is_stopped_in_is_run_by_the_next(cloud: Kept, lake: Lake) -> None:
    identity = lake.start(ENDLESS)
    chore = Queries(cloud.home, cloud.database)
    chore.turn()
    until(lambda: state(cloud, identity) == "RUNNING")
    chore.close()
    assert state(cloud, identity) == "RUNNING"
    lock = running._folder(cloud.home) / f"{identity}.lock"
    assert lock.exists()  # were it gone, one who has it open and one who makes the next would both run the query
    began = rows.find(cloud.database.connection(), identity).started
    following = Queries(cloud.home, cloud.database)
    following.turn()
    until(lambda: rows.find(cloud.database.connection(), identity).started != began)
    lake.athena.stop_query_execution(QueryExecutionId=identity)
    following.close()
    assert state(cloud, identity) == "CANCELLED"
    assert not lock.exists()


@pytest.mark.thorough
def test_a_task_waits_for_its_query_and_fails_with_it(tmp_path: Path) -> None:
    def task(statement: str) -> dict[str, object]:
        asked = {
            "QueryString": statement,
            "QueryExecutionContext": {"Database": DATABASE},
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
            "WorkGroup": "primary",
        }
        resource = "arn:aws:states:::athena:startQueryExecution.sync"
        return {"Type": "Task", "Resource": resource, "Arguments": asked, "End": True}

    with opened(tmp_path / "engine") as cloud:
        lake = Lake(cloud.session)
        lake.make()
        lake.put("samples/1.jsonl", [{"image": "a"}])
        client = cloud.session.client("stepfunctions")
        statements = ("SELECT count(*) AS n FROM samples", "SELECT wrong FROM samples")
        arns = [make_machine(cloud, f"m{n}", {"Ask": task(each)}) for n, each in enumerate(statements)]
        began = [client.start_execution(stateMachineArn=arn)["executionArn"] for arn in arns]
        with running_engine(cloud.home.folder):
            until(lambda: all(client.describe_execution(executionArn=arn)["status"] != "RUNNING" for arn in began))
            waiting = lake.start("SELECT 1")
            until(lambda: lake.told(waiting)["Status"]["State"] == "SUCCEEDED")
        good, bad = (client.describe_execution(executionArn=arn) for arn in began)
        execution = json.loads(good["output"])["QueryExecution"]
        assert execution["Status"]["State"] == "SUCCEEDED"
        assert lake.text(execution["QueryExecutionId"]) == '"n"\n"1"\n'
        assert (bad["status"], bad["error"]) == ("FAILED", "States.TaskFailed")
        cause = json.loads(bad["cause"])["QueryExecution"]["Status"]
        assert (cause["State"], cause["StateChangeReason"][:16]) == ("FAILED", "COLUMN_NOT_FOUND")


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.nightly)])
def test_a_query_that_processes_are_killed_in_has_the_same_result(cloud: Kept, lake: Lake, kills: int) -> None:
    for number in range(20):
        names = (f"{number:03}-{row:04}" for row in range(500))
        lake.put(f"samples/{number}.jsonl", ({**dict.fromkeys(COLUMNS), "image": name} for name in names))
    statement = "SELECT image FROM samples ORDER BY image"
    expected = lake.ask(statement)
    assert len(expected) == 10_000
    chance = random.Random(kills)
    for kill in range(kills):
        lake.put("samples/0.jsonl", [{"image": f"000-{row:04}", "boxes": kill} for row in range(500)])
        identity = lake.start(statement)
        process = Forked([str(cloud.home.folder), identity], module="tests.cloud.local.services.athena.killed")
        with process.stdout, process.stderr:
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
            assert process.wait() in (0, -signal.SIGKILL), process.stderr.read()
        assert lake.told(identity)["Status"]["State"] == "SUCCEEDED"
        assert lake.text(identity).split() == ['"image"', *(f'"{image}"' for (image,) in expected)]
