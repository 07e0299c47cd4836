"""What ended long ago is forgotten, with all that belongs to it, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_side.local.retention import KEPT_S, Retention
from tests.cloud.local.states.staged import CALL_TASK, TOKEN_TASK, Stage, theater

ASK = {"Type": "Task", "Resource": TOKEN_TASK, "Arguments": {}}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with theater(tmp_path) as opened:
        yield opened.stage()


def many(name: str, state: dict[str, object]) -> dict[str, object]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = {"ProcessorConfig": config, "StartAt": name, "States": {name: {**state, "End": True}}}
    return {"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": each}


def forget(stage: Stage, after_s: float) -> None:
    retention = Retention(stage.database, clock=lambda: stage.now + after_s)
    while retention.turn() < 60:
        pass


def left(stage: Stage) -> dict[str, int]:
    connection = stage.database.connection()
    tables = ("definitions", "executions", "strands", "history", "map_runs", "answered")
    counts = {table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}
    return {table: count for table, count in counts.items() if count}


def test_nothing_of_an_execution_is_left_nor_of_its_children_and_theirs(stage: Stage) -> None:
    inner = many("Do", {"Type": "Task", "Resource": CALL_TASK, "Arguments": {}})
    arn = stage.begin({"All": {**many("Inner", inner), "End": True}})
    failed = stage.begin({"Bad": {"Type": "Fail", "Error": "Bad"}})
    stage.run()
    assert (stage.ended(arn)[0], stage.ended(failed)[0]) == ("SUCCEEDED", "FAILED")
    forget(stage, KEPT_S - 1)
    assert left(stage)["executions"] == 2 + 3 + 9
    with stage.database.transaction() as connection:
        connection.execute("DELETE FROM machines")
    forget(stage, KEPT_S + 1)
    assert left(stage) == {}


def test_children_that_ended_long_ago_are_kept_as_long_as_their_execution_runs(stage: Stage) -> None:
    arn = stage.begin({"All": {**many("Ask", ASK), "End": True}})
    stage.run()
    tokens = stage.database.connection().execute("SELECT token FROM strands WHERE token IS NOT NULL").fetchall()
    for row in tokens[:2]:
        stage.client.send_task_success(taskToken=row["token"], output="1")
    stage.run()
    stage.now += KEPT_S + 10
    forget(stage, 0)
    stage.client.send_task_success(taskToken=tokens[2]["token"], output="1")
    stage.run()
    assert stage.ended(arn) == ("SUCCEEDED", [1, 1, 1])
