"""Engines killed at random moments: every execution ends as without kills, and all that it does is done once."""

import json
import random
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.functions.service import register
from tests.cloud.local.engines import ROLE, make_machine, opened, running_engine, start_engine

PUT = "arn:aws:states:::aws-sdk:sagemakerfeaturestoreruntime:putRecord"
NAME = "$states.context.Execution.Name"
PATIENCE_S = 120


def put(identity: str, **more: Any) -> dict[str, Any]:
    """Return a task that counts: it writes one more row of an id."""
    record = [
        {"FeatureName": "id", "ValueAsString": f"{{% {identity} %}}"},
        {"FeatureName": "at", "ValueAsString": "2026-03-01T00:00:00Z"},
    ]
    return {"Type": "Task", "Resource": PUT, "Arguments": {"FeatureGroupName": "effects", "Record": record}, **more}


def each(identity: str, mode: str) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {"Mode": "INLINE"}
    name = f"Put {mode.lower()}"
    return {
        "ProcessorConfig": config,
        "StartAt": name,
        "States": {name: put(identity, Output="{% $states.input %}", End=True)},
    }


def tour(child: str) -> dict[str, Any]:
    """Return states that go through everything that an execution may wait for."""
    selector = {"of": f"{{% {NAME} %}}", "n": "{% $states.context.Map.Item.Value %}"}
    identity = "'{}-' & $states.input.of & '-' & $states.input.n"
    token = "{% {'id': " + NAME + ", 'token': $states.context.Task.Token} %}"
    nap = {"Type": "Wait", "Seconds": 1, "Next": "Left"}
    function = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "record", "Payload": {"id": f"{{% 'function-' & {NAME} %}}"}},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "bucket", "Prefix": "results"}}
    program = f'{{% \'print("done", file=open("{{FOLDER}}/\' & {NAME} & \'", "a"))\' %}}'
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "First": put(f"'first-' & {NAME}", Assign={"seen": "{% [1] %}"}, Next="Both"),
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Nap", "States": {"Nap": nap, "Left": put(f"'left-' & {NAME}", Output="l", End=True)}},
                {"StartAt": "Function", "States": {"Function": function}},
            ],
            "Output": "{% $states.result %}",
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": "ask", "Payload": token},
            "Assign": {"answer": "{% $states.result %}"},
            "Next": "Inline",
        },
        "Inline": {
            "Type": "Map",
            "Items": [1, 2, 3],
            "ItemSelector": selector,
            "ItemProcessor": each(identity.format("inline"), "INLINE"),
            "Next": "Distributed",
        },
        "Distributed": {
            "Type": "Map",
            "Items": [1, 2, 3, 4, 5, 6],
            "ItemSelector": selector,
            "ItemProcessor": each(identity.format("distributed"), "DISTRIBUTED"),
            "ResultWriter": writer,
            "Output": "{% $count($states.input) %}",
            "Next": "Child",
        },
        "Child": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": child, "Input": {"of": f"{{% {NAME} %}}"}},
            "Output": "{% $states.result.Output %}",
            "Next": "Job",
        },
        "Job": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "Arguments": {
                "ProcessingJobName": f"{{% 'job-' & {NAME} %}}",
                "RoleArn": ROLE,
                "AppSpecification": {
                    "ImageUri": "image",
                    "ContainerEntrypoint": ["python3", "-c"],
                    "ContainerArguments": [program],
                },
                "ProcessingResources": {"ClusterConfig": cluster},
            },
            "Output": "{% $states.result.ProcessingJobStatus %}",
            "Next": "Sum",
        },
        "Sum": {
            "Type": "Pass",
            "Output": {"job": "{% $states.input %}", "answer": "{% $answer %}", "seen": "{% $seen %}"},
            "End": True,
        },
    }


def effects(name: str) -> set[str]:
    return {
        *(f"{what}-{name}" for what in ("first", "left", "function", "child")),
        *(f"inline-{name}-{n}" for n in (1, 2, 3)),
        *(f"distributed-{name}-{n}" for n in range(1, 7)),
    }


class Plant:
    """A home with the machines, and what is asked of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs = folder / "did"
        with opened(folder) as cloud:
            self.jobs.mkdir()
            self._make(cloud)

    def _make(self, cloud: LocalCloud) -> None:
        cloud.session.client("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        features = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")]
        cloud.session.client("sagemaker").create_feature_group(
            FeatureGroupName="effects",
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="at",
            FeatureDefinitions=features,
            OnlineStoreConfig={"EnableOnlineStore": True},
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://bucket/offline"}},
            RoleArn=ROLE,
        )
        with cloud.database.transaction() as connection:
            for name in ("record", "ask"):
                register(
                    connection,
                    name=name,
                    handler=f"tests.cloud.local.kill_handlers.{name}",
                    now=datetime.now(UTC),
                    timeout_s=60,
                    memory_mb=1024,
                )
        child = make_machine(
            cloud, "child", {"Put": put("'child-' & $states.input.of", Output="{% $states.input %}", End=True)}
        )
        states = json.loads(json.dumps(tour(child)).replace("{FOLDER}", str(self.jobs)))
        self.machine = make_machine(cloud, "tour", states)

    def begin(self, cloud: LocalCloud, name: str) -> None:
        cloud.session.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input="{}")

    def answer(self, cloud: LocalCloud) -> None:
        """Answer the tokens that are found, as a person would, some time."""
        s3, states = cloud.session.client("s3"), cloud.session.client("stepfunctions")
        for found in s3.list_objects_v2(Bucket="bucket", Prefix="tokens/").get("Contents", []):
            token = s3.get_object(Bucket="bucket", Key=found["Key"])["Body"].read().decode()
            with suppress(states.exceptions.TaskTimedOut):  # it was answered before
                states.send_task_success(taskToken=token, output=json.dumps({"for": found["Key"].split("/")[1]}))
            s3.delete_object(Bucket="bucket", Key=found["Key"])

    def running(self, cloud: LocalCloud) -> int:
        told = cloud.session.client("stepfunctions").list_executions(
            stateMachineArn=self.machine, statusFilter="RUNNING"
        )
        return len(told["executions"])

    def check(self, cloud: LocalCloud, names: list[str]) -> None:
        states = cloud.session.client("stepfunctions")
        for name in names:
            arn = f"{self.machine.replace('stateMachine', 'execution')}:{name}"
            told = states.describe_execution(executionArn=arn)
            assert told["status"] == "SUCCEEDED", (name, told.get("error"), told.get("cause"))
            assert json.loads(told["output"]) == {"job": "Completed", "answer": {"for": name}, "seen": [1]}
            assert (self.jobs / name).read_text() == "done\n"
        rows = cloud.database.connection().execute("SELECT identifier FROM feature_offline")
        made = Counter(row["identifier"] for row in rows)
        expected = {effect for name in names for effect in effects(name)}
        assert set(made) == expected
        assert {effect: count for effect, count in made.items() if count != 1} == {}


def kill_again_and_again(folder: Path, *, kills: int, at_once: int, seed: int) -> None:
    """Kill engines until it has been done so often, with so many executions under way; then let the last finish."""
    draw = random.Random(seed)
    plant = Plant(folder)
    names: list[str] = []
    with opened(folder) as cloud:
        for _ in range(kills):
            while plant.running(cloud) < at_once:
                names.append(f"n{len(names)}")
                plant.begin(cloud, names[-1])
            engine = start_engine(folder)
            time.sleep(draw.uniform(0.01, 0.6))
            plant.answer(cloud)
            engine.kill()
            engine.wait(30)
            engine.stdout.close()
            engine.stderr.close()
        with running_engine(folder):
            until = time.monotonic() + PATIENCE_S
            while plant.running(cloud) and time.monotonic() < until:
                plant.answer(cloud)
                time.sleep(0.05)
        plant.check(cloud, names)


@pytest.mark.thorough
def test_kills_change_nothing(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "home", kills=4, at_once=2, seed=1)


@pytest.mark.nightly
def test_a_thousand_kills_change_nothing(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "home", kills=1000, at_once=8, seed=2)
