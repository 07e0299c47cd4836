"""What the engine does for jobs, with supervisors that are processes of their own."""

import time
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.jobs.chore import Jobs
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked

pytestmark = pytest.mark.usefixtures("all_ended")


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def turn_until(chore: Jobs, is_done: Any) -> None:
    while not is_done():
        chore.turn()
        time.sleep(0.01)


def status(bench: Bench, name: str) -> str:
    return str(bench.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"])


def test_only_so_many_jobs_run_at_once_and_one_that_shall_stop_waits_for_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")  # supervisors end as they begin: that there was one is enough
    first, second = (bench.create(asked.processing(name, command=shell("true"))) for name in ("first", "second"))
    chore = Jobs(bench.home, bench.database, at_once=1)
    with first.sole_supervisor():
        chore.turn()
        assert not second.supervisor_log.exists()
        bench.sagemaker.stop_processing_job(ProcessingJobName="second")
        turn_until(chore, lambda: status(bench, "second") == "Failed")
        assert not first.supervisor_log.exists()
    assert second.supervisor_log.exists()


@pytest.mark.nightly
def test_another_engine_takes_over_a_job_that_runs_and_so_many_run_at_once(bench: Bench, marks: Path) -> None:
    wait = f"until [ -e {marks}-go ]; do sleep 0.02; done"
    for name in ("first", "second"):
        bench.create(asked.processing(name, command=shell(f"echo {name} >> {marks}; {wait}")))
    first = Jobs(bench.home, bench.database, at_once=1)
    turn_until(first, marks.exists)
    first.close()
    second = Jobs(bench.home, bench.database, at_once=1)
    assert second.turn() < 1
    assert marks.read_text() == "first\n"  # the other one waits
    assert status(bench, "second") == "InProgress"
    bench.sagemaker.stop_processing_job(ProcessingJobName="second")
    turn_until(second, lambda: status(bench, "second") == "Stopped")
    assert status(bench, "first") == "InProgress"  # nobody had to wait for it
    Path(f"{marks}-go").touch()
    turn_until(second, lambda: status(bench, "first") == "Completed")
    assert marks.read_text() == "first\n"
    while second._known:
        second.turn()  # the last supervisor gives its space back, and leaves no zombie


def test_a_job_whose_supervisor_cannot_run_fails_after_a_few_attempts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.create(asked.processing(command=shell("true")))
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")  # Python does not start
    turn_until(Jobs(bench.home, bench.database), lambda: status(bench, "prepare-1") == "Failed")
    assert str(folder.supervisor_log) in bench.described(folder)["FailureReason"]
    assert folder.supervisor_log.stat().st_size > 0
