"""Engines and supervisors that are killed at random moments: each job runs once to its end, and is told of once."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from cloud_side.local.jobs import rows
from cloud_side.local.jobs.chore import Jobs
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked
from tests.forked import Forked

pytestmark = pytest.mark.usefixtures("all_ended")


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def run_engine(bench: Bench, *, kill_after_s: float | None = None) -> None:
    """Run an engine until it has nothing left to do, or is killed."""
    engine = Forked([str(bench.home.folder)], module="tests.cloud.local.jobs.killed")
    with engine.stdout, engine.stderr:
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            engine.kill()
        assert engine.wait() in (0, -signal.SIGKILL), engine.stderr.read()


def kill_engines(bench: Bench, marks: Path, *, kills: int) -> None:
    """Kill engines, with a new job for every other one."""
    chance = random.Random(kills)
    jobs = (kills + 1) // 2
    for kill in range(kills):
        if kill % 2 == 0:
            create(bench, marks, kill // 2)
        run_engine(bench, kill_after_s=chance.uniform(0, 0.4))
    run_engine(bench)
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


@pytest.mark.thorough
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
    chore, killed, kill_s = Jobs(bench.home, bench.database), 0, time.monotonic()
    while rows.unfinished(bench.database.connection()):
        chore.turn()
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
    chore = Jobs(bench.home, bench.database)
    while not marks.exists() or not marks.read_text():
        chore.turn()
        time.sleep(0.01)
    (supervisor,) = bench.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    while rows.unfinished(bench.database.connection()):
        chore.turn()
        time.sleep(0.01)
    found = bench.described(folder)
    assert found["FailureReason"].startswith("InternalServerError: the supervisor vanished during attempt 1")
    for process in marks.read_text().split():
        assert not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text()
