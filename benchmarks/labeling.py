"""Labeling with many samples: the look into their folders, the selection, and how much of them a state carries.

    .venv/bin/python benchmarks/labeling.py

A hundred thousand samples of ten stations, 2,000 in a folder, are files in a local engine's bucket. Each step runs in a
process of its own, whose largest resident memory is told above what it was before. Then the workflow itself runs in an
engine up to the point at which people label, and the largest payload of a state is looked for in its history.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.catalog.tables import DATABASE
from cloud_side.clients import client
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.labeling.places import OPEN_WORK
from cloud_side.labeling.runtime import indexing, opening, selecting
from cloud_side.labeling.workflow import LABELING
from cloud_side.local.installing import BUCKET, install_each
from cloud_side.local.opening import LocalCloud, open_local
from edge_inspector.decision import Decision, Verdict
from edge_inspector.detections import Detections
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.geometry import as_boxes
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.sample_keys import SampleKey, Suffix, day_of
from edge_inspector.samples.pictures import encode
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.sampling import SampleReason
from edge_inspector.topics import TopicTree

IN_A_FOLDER: Final = 2000
STATIONS: Final = 10
FIRST_DAY: Final = date(2026, 3, 1)
STARTED: Final = "2026-06-01T00:00:00Z"
BATCH: Final = "benchmark"
REASONS: Final = ("defect", "uncertain", "random", "operator", "random")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--budget", type=int, default=10_000, help="of the selection (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = measure(Path(folder) / "home", options.samples, options.budget)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1))


def measure(home: Path, samples: int, budget: int) -> dict[str, float]:
    """Return the figures, printed as they come."""
    numbers: dict[str, float] = {}

    def told(name: str, value: float, unit: str) -> None:
        numbers[name] = value
        print(f"{name:<44} {value:10.2f} {unit}", flush=True)

    write_samples(home / "s3" / BUCKET, samples)
    cloud = open_local(home)
    try:
        install_each(cloud, WORKFLOWS)
        for name, step in (("first look", look_at_all), ("look with nothing new", look_at_all), ("selection", select)):
            found = in_a_process(step, home, budget)
            told(f"{name}: samples", found.answer, "")
            told(f"{name}: time", found.seconds, "s")
            told(f"{name}: a thousand samples", found.seconds / samples * 1000, "s")
            told(f"{name}: memory above {found.before_mb:.0f} MB", found.more_mb, "MB")
        with engine(home):
            size, state = largest_payload(cloud)
        told(f"largest payload, {state}", size, "bytes")
    finally:
        cloud.close()
    return numbers


def write_samples(bucket: Path, count: int) -> None:
    """Put samples into a bucket's folder."""
    for stem, picture, line in samples(count):
        path = bucket / stem
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{path}.jpg").write_bytes(picture)
        Path(f"{path}.json").write_bytes(line)


def samples(count: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield keys without their suffix, pictures that differ, and sidecars as the edge writes them."""
    picture, template = a_sample()
    for number in range(count):
        station, day = number // IN_A_FOLDER % STATIONS, FIRST_DAY + timedelta(days=number // IN_A_FOLDER // STATIONS)
        folder = f"samples/site=plant/line=line-1/station=station-{station}/dt={day}"
        at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(seconds=number % IN_A_FOLDER * 10)
        part = f"part-{number}"
        identity = inspection_id(at, station=f"{station}", camera="top", session="01SESSION", number=part)
        content = b"%b%d" % (picture, number)
        differs = {
            "$ID": identity,
            "$PART": part,
            "$REASON": REASONS[number % len(REASONS)],
            "$SHA": hashlib.sha256(content).hexdigest(),
            "$FOLDER": folder,
        }
        line = template
        for name, value in differs.items():
            line = line.replace(name, value)
        yield f"{folder}/{identity}-0", content, line.encode()


def a_sample() -> tuple[bytes, str]:
    """Return a picture, and its sidecar with `$` before what differs from sample to sample."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    image = np.full((48, 64, 3), 128, np.uint8)
    picture = encode(Frame(image, 1, at, 0, "camera-1", "part", "camera", 0), suffix="jpg", jpeg_quality=80)
    identity = inspection_id(at, station="a/b/c", camera="top", session="01SESSION", number="part")
    key = SampleKey("samples", "a", "b", "c", day_of(identity), identity, 0, Suffix.JPG)
    outcome = Decision(Verdict.REJECT)
    result = InspectionResult(
        identity,
        "$PART",
        (FrameRecord(1, at, "camera", "camera-1", (64, 48), outcome, 0),),
        Detections(as_boxes([(3, 5, 20, 30)]), np.array([0.9], np.float32), np.array([0], np.int64)),
        ("scratch", "dent"),
        outcome,
        ModelIdentity("metal-tags", "1.2.0", "5a" * 32),
        {"total": 12.5},
    )
    document = EventWriter(
        TopicTree("edge-inspector", "a", "b", "c", "top"), "01SESSION", "tag", "lot-7"
    ).result_document(result)
    line = sidecar(
        result, picture, key=key, source_ref=str(key), reason=SampleReason.DEFECT, document=document
    ).decode()
    line = line.replace(str(key).rpartition("/")[0], "$FOLDER").replace(identity, "$ID").replace(picture.sha256, "$SHA")
    return picture.content, line.replace('"reason":"defect"', '"reason":"$REASON"')


@dataclass(frozen=True)
class Found:
    """What a step in a process of its own did.

    Attributes:
        answer: A number of samples.
        before_mb, more_mb: Resident memory before, and the largest above it.
    """

    answer: int
    seconds: float
    before_mb: float
    more_mb: float


def in_a_process(step: Callable[[int], int], home: Path, budget: int) -> Found:
    """Run a step in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, step, home, budget).result()


def _run(step: Callable[[int], int], home: Path, budget: int) -> Found:
    os.environ[ENGINE_VARIABLE] = local_engine(home)
    list(
        client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="nothing/")
    )  # what is loaded once
    Path("/proc/self/clear_refs").write_text("5")  # the largest is the present now
    before = memory_mb("VmRSS")
    began = time.perf_counter()
    answer = step(budget)
    seconds = time.perf_counter() - began
    return Found(answer, seconds, before, memory_mb("VmHWM") - before)


def look_at_all(_budget: int) -> int:
    """Look into every folder, one after the other, and return how many rows the index has."""
    event = {"bucket": BUCKET, "batch": BATCH, "started": STARTED, "settings": {"since_days": None}}
    listed = indexing.find(event, None)["key"]
    lines = client("s3").get_object(Bucket=BUCKET, Key=listed)["Body"].read().splitlines()
    return sum(indexing.index({**event, "item": json.loads(line)}, None)["rows"] for line in lines)


def select(budget: int) -> int:
    """Select, take, and return how many samples that is."""
    asked = {"budget": budget, "since_days": None}
    event = {"bucket": BUCKET, "batch": BATCH, "started": STARTED, "input": asked}
    event |= opening.settle(event, None)
    question = selecting.query(event, None)
    athena = client("athena")
    begun = athena.start_query_execution(
        QueryString=question["sql"],
        QueryExecutionContext={"Database": DATABASE},
        ResultConfiguration={"OutputLocation": question["output"]},
    )
    execution = athena.get_query_execution(QueryExecutionId=begun["QueryExecutionId"])["QueryExecution"]
    if execution["Status"]["State"] != "SUCCEEDED":
        sys.exit(f"the selection: {execution['Status']}")
    result = execution["ResultConfiguration"]["OutputLocation"]
    taken: int = selecting.take({**event, "number": question["number"], "result": result}, None)["taken"]
    return taken


@contextmanager
def engine(home: Path) -> Iterator[None]:
    """Run an engine."""
    command = [sys.executable, "-m", "cloud_side.local.engine", "--home", str(home), "--log", str(home / "engine.log")]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


def largest_payload(cloud: LocalCloud) -> tuple[int, str]:
    """Run the workflow until people are to label, and return its largest payload in bytes, and where that was."""
    states, s3 = cloud.session.client("stepfunctions"), cloud.session.client("s3")
    machines = {each["name"]: each["stateMachineArn"] for each in states.list_state_machines()["stateMachines"]}
    asked = json.dumps({"since_days": None})
    arn = states.start_execution(stateMachineArn=machines[LABELING.name], name="payload", input=asked)["executionArn"]
    while not s3.list_objects_v2(Bucket=BUCKET, Prefix=OPEN_WORK).get("KeyCount"):
        if (told := states.describe_execution(executionArn=arn))["status"] != "RUNNING":
            sys.exit(f"the workflow: {told['status']} {told.get('error')} {told.get('cause')}")
        time.sleep(0.5)
    states.stop_execution(executionArn=arn)
    return max(payloads(states, arn))


def payloads(states: Any, arn: str) -> Iterator[tuple[int, str]]:  # noqa: ANN401 - a client of boto3
    """Yield the size of everything that an execution and the children of its maps were given or answered with."""
    yield from _of_history(states, arn)
    for run in states.list_map_runs(executionArn=arn)["mapRuns"]:
        pages = states.get_paginator("list_executions").paginate(mapRunArn=run["mapRunArn"])
        for child in (each for page in pages for each in page["executions"]):
            yield from _of_history(states, child["executionArn"])


def _of_history(states: Any, arn: str) -> Iterator[tuple[int, str]]:  # noqa: ANN401 - a client of boto3
    state = "start"
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn):
        for event in page["events"]:
            details: Mapping[str, Any] = next((each for name, each in event.items() if name.endswith("Details")), {})
            state = details.get("name", state) if event["type"].endswith("StateEntered") else state
            for name in ("input", "output", "parameters"):
                yield len(details.get(name, "").encode()), f"{name} of {state}"


def memory_mb(name: str) -> float:
    """Return a figure of this process's memory."""
    with Path("/proc/self/status").open() as status:
        line = next(line for line in status if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
