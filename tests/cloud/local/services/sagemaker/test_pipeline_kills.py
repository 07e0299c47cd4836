"""Engines killed at random moments: every execution of a pipeline ends as without kills, each of its jobs runs once."""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.kept import kept
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.services.sagemaker.piped import check, definition, equals, fail, in_file, processing, report
from tests.forked import Forked

NAMES = ("Beside", "Judge", "Register")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with kept(tmp_path, [S3, *SERVICES]) as opened:
        made = Bench(opened)
        yield made
        while made.supervisors():
            time.sleep(0.01)


def run_engine(bench: Bench, *, kill_after_s: float | None = None) -> None:
    """Run an engine until it has nothing left to do, or is killed."""
    module = "tests.cloud.local.services.sagemaker.pipelines_killed"
    engine = Forked([str(bench.home.folder)], module=module)
    with engine.stdout, engine.stderr:
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            engine.kill()
        assert engine.wait() in (0, -signal.SIGKILL), engine.stderr.read()


def kill_engines(bench: Bench, marks: Path, *, kills: int, every: int) -> None:
    """Kill engines, with a new execution before every so many kills."""
    draw = random.Random(kills)
    write = "echo '{\"passed\": true}' > processing/out/report.json"

    def step(name: str, script: str = "true", **more: Any) -> dict[str, Any]:
        return processing(name, f"echo $PROCESSING_JOB_NAME {name} >> {marks}; {script}", **more)

    passed = equals(in_file("Judge", "passed"), right=True)
    text = definition(
        step("Beside"),
        step("Judge", write, writes="made", PropertyFiles=report()),
        check("Gate", passed, then=[step("Register")], otherwise=[fail("Refused", "no")], DependsOn=["Beside"]),
    )
    bench.sagemaker.create_pipeline(PipelineName="retrain", PipelineDefinition=text, RoleArn=asked.ROLE)
    arns = []
    for kill in range(kills):
        if kill % every == 0:
            arns.append(bench.sagemaker.start_pipeline_execution(PipelineName="retrain")["PipelineExecutionArn"])
        run_engine(bench, kill_after_s=draw.uniform(0, 0.6))
    run_engine(bench)
    expected = sorted((arn.rpartition("/")[2], name) for arn in arns for name in NAMES)
    done = [line.split() for line in marks.read_text().splitlines()]
    assert sorted((job.split("-")[1], name) for job, name in done) == expected
    told = Counter(
        (event["detail"]["pipelineExecutionArn"], event["detail"].get("stepName"), status)
        for event in bench.events()
        if "pipelineExecutionArn" in event["detail"]
        for key, status in event["detail"].items()
        if key.startswith("current")
    )
    steps = [(arn, name, status) for arn in arns for name in NAMES for status in ("Executing", "Succeeded")]
    steps += [(arn, "Gate", "Succeeded") for arn in arns]
    assert told == Counter([*steps, *((arn, None, status) for arn in arns for status in ("Executing", "Succeeded"))])


@pytest.mark.thorough
def test_kills_change_nothing(bench: Bench, tmp_path: Path) -> None:
    kill_engines(bench, tmp_path / "marks", kills=3, every=3)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_two_hundred_kills_change_nothing(bench: Bench, tmp_path: Path) -> None:
    kill_engines(bench, tmp_path / "marks", kills=200, every=5)
