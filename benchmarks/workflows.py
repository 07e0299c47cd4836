"""The local engine: executions and transitions a second, a map over 100,000 items, and how long a start takes.

    .venv/bin/python benchmarks/workflows.py

Executions run in a real engine process, durable, and are compared with sfnx, which keeps everything in memory and
survives nothing: the ratio is what durability costs, and what several executions at once bring back. The same tests the
engine with tasks that call a service (one row written in the feature store). The map reads JSON lines from S3, and
writes its results there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sfnx import testing as sfnx

from cloud_side.local.opening import LocalCloud, open_local

ROLE = "arn:aws:iam::000000000000:role/machine"
STATES_A_RUN = 8


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--items", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=1, help="items that a child takes (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = measure(Path(folder) / "home", options.executions, options.items, options.batch)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1))


def measure(folder: Path, executions: int, items: int, batch: int) -> dict[str, float]:
    """Return the figures, printed as they come."""
    numbers: dict[str, float] = {}

    def told(name: str, value: float, unit: str) -> None:
        numbers[name] = value
        print(f"{name:<44} {value:10.2f} {unit}")

    cloud = open_local(folder)
    try:
        with engine(folder) as (process, start_s):
            told("start, empty home", start_s, "s")
            in_memory = sfnx_rate()
            told("sfnx in memory, one after the other", in_memory, "transitions/s")
            for name, states in (("pass and choice", plain()), ("tasks that write a row", writing(cloud))):
                rate = rate_of(cloud, name.replace(" ", "-"), states, executions)
                told(f"{name}: executions", rate, "/s")
                told(f"{name}: transitions", rate * len(states), "/s")
                if states.keys() == plain().keys():
                    told("the same over sfnx", rate * len(states) / in_memory, "x")
            before = resident_mb(process.pid)
            told("memory before the map", before, "MB")
            took_s, peak = fan_out(cloud, process.pid, items, batch)
            told(f"map over {items} items", took_s, "s")
            told("items a second", items / took_s, "/s")
            told("peak memory above before", peak - before, "MB")
        with engine(folder) as (_, start_s):
            told("start, that home", start_s, "s")
    finally:
        cloud.close()
    return numbers


@contextmanager
def engine(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run an engine, and yield it with the seconds until it was ready."""
    ready, told = os.pipe()
    began = time.perf_counter()
    command = [sys.executable, "-m", "cloud_side.local.engine", "--home", str(folder), "--ready-fd", str(told)]
    with subprocess.Popen([*command, "--log", str(folder / "engine.log")], pass_fds=[told]) as process:
        os.close(told)
        if not os.read(ready, 16):
            sys.exit("the engine did not start")
        yield process, time.perf_counter() - began
        process.terminate()


def plain() -> dict[str, Any]:
    """Return states that do nothing outside: half of them assign and compute, half choose."""
    states: dict[str, Any] = {}
    for n in range(0, STATES_A_RUN, 2):
        states[f"S{n}"] = {
            "Type": "Pass",
            "Assign": {f"v{n}": "{% $states.input.n + 1 %}"},
            "Output": "{% {'n': $states.input.n + 1} %}",
            "Next": f"S{n + 1}",
        }
        after = f"S{n + 2}" if n + 2 < STATES_A_RUN else "Done"
        states[f"S{n + 1}"] = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n > 0 %}", "Next": after}]}
    return {**states, "Done": {"Type": "Succeed"}}


def writing(cloud: LocalCloud) -> dict[str, Any]:
    """Return tasks that each write a row in the feature store."""
    features = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")]
    cloud.session.client("sagemaker").create_feature_group(
        FeatureGroupName="rows",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=features,
        OnlineStoreConfig={"EnableOnlineStore": True},
        RoleArn=ROLE,
    )
    record = [
        {"FeatureName": "id", "ValueAsString": "{% $states.context.Execution.Name %}"},
        {"FeatureName": "at", "ValueAsString": "2026-03-01T00:00:00Z"},
    ]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemakerfeaturestoreruntime:putRecord",
        "Arguments": {"FeatureGroupName": "rows", "Record": record},
        "Output": "{% $states.input %}",
    }
    return {f"T{n}": {**task, **({"Next": f"T{n + 1}"} if n < 3 else {"End": True})} for n in range(4)}


def sfnx_rate() -> float:
    """Return the transitions a second of sfnx, which keeps everything in memory."""
    definition = {"QueryLanguage": "JSONata", "StartAt": "S0", "States": plain()}
    began = time.perf_counter()
    runs = 50
    for _ in range(runs):
        sfnx.run(definition, {"n": 1}).output  # noqa: B018 - raises unless it succeeded
    return runs * len(plain()) / (time.perf_counter() - began)


def rate_of(cloud: LocalCloud, name: str, states: dict[str, Any], executions: int) -> float:
    """Return the executions a second, from the first start to the last end by the engine's own clock."""
    client = cloud.session.client("stepfunctions")
    machine = machine_of(cloud, name, states)
    for n in range(executions):
        client.start_execution(stateMachineArn=machine, name=f"n{n}", input='{"n": 1}')
    wait(lambda: not client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"])
    first, last, succeeded = (
        cloud.database.connection()
        .execute(
            "SELECT MIN(started_at), MAX(stopped_at), SUM(status = 'SUCCEEDED') FROM executions WHERE machine = ?",
            (machine,),
        )
        .fetchone()
    )
    if succeeded != executions:
        sys.exit(f"{name}: {succeeded} of {executions} succeeded")
    return float(executions / (last - first))


def fan_out(cloud: LocalCloud, pid: int, items: int, batch: int) -> tuple[float, float]:
    """Run a distributed map over JSON lines; return the seconds and the engine's largest memory, in MB."""
    s3, client = cloud.session.client("s3"), cloud.session.client("stepfunctions")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    lines = "".join(json.dumps({"key": f"samples/{n:08}.jpg", "score": n % 100 / 100}) + "\n" for n in range(items))
    s3.put_object(Bucket="bucket", Key="items.jsonl", Body=lines.encode())
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Arguments": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Judge",
            "States": {"Judge": {"Type": "Pass", "Output": "{% $states.input ~> |$|{'keep': true}| %}", "End": True}},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Arguments": {"Bucket": "bucket", "Prefix": "out"},
        },
        "End": True,
    }
    if batch > 1:
        state["ItemBatcher"] = {"MaxItemsPerBatch": batch}
    machine = machine_of(cloud, "map", {"Map": state})
    began = time.perf_counter()
    arn = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    peak = 0.0

    def has_ended() -> bool:
        nonlocal peak
        peak = max(peak, resident_mb(pid))
        return client.describe_execution(executionArn=arn)["status"] != "RUNNING"

    wait(has_ended)
    took_s = time.perf_counter() - began
    told = client.describe_execution(executionArn=arn)
    if told["status"] != "SUCCEEDED":
        sys.exit(f"the map: {told['status']} {told.get('error')} {told.get('cause')}")
    return took_s, peak


def machine_of(cloud: LocalCloud, name: str, states: dict[str, Any]) -> str:
    """Make a state machine and return its ARN."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    client = cloud.session.client("stepfunctions")
    return str(
        client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    )


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():
        time.sleep(0.1)


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    with Path(f"/proc/{pid}/status").open() as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
