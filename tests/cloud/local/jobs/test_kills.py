"""Engines and supervisors that are killed at random moments: each job runs once to its end, and is told of once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud_side.local.jobs import rows
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked

pytestmark = pytest.mark.usefixtures("all_ended")


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


class Engines:
    """Engines of a home, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.local.jobs.killed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *, kill_after_s: float | None = None) -> None:
        """Run one until it has nothing left to do, or is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._folder}\n")
        self._process.stdin.flush()
        process = int(self._process.stdout.readline())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(process, signal.SIGKILL)
        assert self._process.stdout.readline() == "ended\n"

    def close(self) -> None:
        with self._process:
            self._process.kill()


@contextmanager
def engines_of(bench: Bench) -> Iterator[Engines]:
    engines = Engines(bench.home.folder)
    try:
        yield engines
    finally:
        engines.close()


def kill_engines(bench: Bench, marks: Path, *, kills: int) -> None:
    """Kill engines, with a new job for every other one."""
    chance = random.Random(kills)
    jobs = (kills + 1) // 2
    with engines_of(bench) as engines:
        for kill in range(kills):
            if kill % 2 == 0:
                create(bench, marks, kill // 2)
            engines.run(kill_after_s=chance.uniform(0, 0.4))
        engines.run()
    expected = {f"{what}-{number}" for number in range(jobs) for what in ("begin", "end")}
    assert Counter(marks.read_text().split()) == Counter(expected)
    statuses = Counter(
        (event["detail"]["ProcessingJobName"], event["detail"]["ProcessingJobStatus"]) for event in bench.events()
    )
    assert statuses == Counter(
        (f"job-{number}", status) for number in range(jobs) for status in ("InProgress", "Completed")
    )
    assert bench.keys("made/") == sorted(f"made/{number}/m" for number in range(jobs))


def create(bench: Bench, marks: Path, number: int) -> None:
    script = f"echo begin-{number} >> {marks}; sleep 0.05; echo m > processing/out/m; echo end-{number} >> {marks}"
    output = asked.output()
    output["S3Output"]["S3Uri"] = f"s3://bench/made/{number}"
    bench.create(asked.processing(f"job-{number}", command=shell(script), ProcessingOutputConfig={"Outputs": [output]}))


def test_an_engine_that_is_killed_starts_each_job_once(bench: Bench, marks: Path) -> None:
    kill_engines(bench, marks, kills=2)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_hundred_killed_engines_start_each_job_once(bench: Bench, marks: Path) -> None:
    kill_engines(bench, marks, kills=200)


WORK = """
    cd "$EDGE_INSPECTOR_ML_ROOT/checkpoints"
    for step in 1 2 3 4 5 6; do
        test -e $step && continue
        echo {name}-$step >> {marks}
        sleep 0.05
        echo {name} > .$step; mv .$step $step
    done
    cat [1-6] > ../model/m; echo {name}-end >> {marks}
"""


def kill_supervisors(bench: Bench, marks: Path, *, kills: int, jobs: int) -> None:
    """Kill the supervisors of spot jobs: every job ends, and no step that was finished is done again."""
    chance = random.Random(kills)
    folders = []
    for number in range(jobs):
        request = asked.training(
            f"job-{number}",
            command=shell(WORK.format(name=f"job-{number}", marks=marks)),
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 3600},
            CheckpointConfig={"S3Uri": f"s3://bench/checkpoints/{number}"},
        )
        folders.append(bench.create(request))
    killed, kill_s = 0, time.monotonic()
    while rows.unfinished(bench.database.connection()):
        bench.chore.turn()
        time.sleep(0.01)
        if killed < kills and time.monotonic() >= kill_s:
            kill_s = time.monotonic() + chance.uniform(0.1, 0.5)
            if alive := bench.supervisors():
                os.kill(chance.choice(alive), signal.SIGKILL)
                killed += 1
    assert killed == kills
    done = marks.read_text().split()
    for folder in folders:
        found = bench.sagemaker.describe_training_job(TrainingJobName=folder.name)
        assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
        interrupted = [each["Status"] for each in found["SecondaryStatusTransitions"]].count("Interrupted")
        steps = [line.rpartition("-")[2] for line in done if line.startswith(f"{folder.name}-")]
        assert list(dict.fromkeys(steps)) == ["1", "2", "3", "4", "5", "6", "end"], "in order, as by one program"
        assert len(steps) <= 7 + interrupted, "each kill costs the step that ran, and no other"
        assert bench.archive(f"models/{folder.name}/output/model.tar.gz")["m"] == f"{folder.name}\n".encode() * 6
    ends = Counter(
        event["detail"]["TrainingJobName"]
        for event in bench.events()
        if event["detail"]["TrainingJobStatus"] == "Completed"
    )
    assert ends == Counter(folder.name for folder in folders)


def test_spot_jobs_whose_supervisors_are_killed_end_all_the_same(bench: Bench, marks: Path) -> None:
    kill_supervisors(bench, marks, kills=1, jobs=1)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_spot_jobs_end_over_two_hundred_killed_supervisors(bench: Bench, marks: Path) -> None:
    kill_supervisors(bench, marks, kills=200, jobs=40)


@pytest.mark.nightly
def test_a_program_ends_with_its_supervisor_and_the_job_has_failed(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.processing(command=shell(f"sleep 60 & echo $! $$ > {marks}; wait")))
    while not marks.exists() or not marks.read_text():
        bench.chore.turn()
        time.sleep(0.01)
    (supervisor,) = bench.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    while rows.unfinished(bench.database.connection()):
        bench.chore.turn()
        time.sleep(0.01)
    found = bench.described(folder)
    assert found["FailureReason"].startswith("InternalServerError: the supervisor vanished during attempt 1")
    for process in marks.read_text().split():
        assert not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text()
