"""Supervisors that vanish at some stage, and what the next one makes of it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.jobs import rows
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.report import Stage
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked

SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 3600},
    "CheckpointConfig": {"S3Uri": "s3://bench/checkpoints"},
}


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def vanish(bench: Bench, folder: JobFolder, *stages: Stage) -> None:
    """Leave the folder as a supervisor does that is killed after it said the last of these stages."""
    job = rows.find(bench.database.connection(), folder.kind, folder.name)
    assert job is not None
    report = job.report
    for stage in stages:
        report = report.reached(stage, datetime.now(UTC))
    folder.write(report)
    for made in ("model", "output/data", "checkpoints"):
        (folder.host("algo-1") / made).mkdir(parents=True)


def stages(found: dict[str, Any]) -> list[str]:
    return [each["Status"] for each in found["SecondaryStatusTransitions"]]


def test_a_job_whose_program_ran_when_its_supervisor_vanished_has_failed_and_says_so(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.training(command=shell(f"echo ran >> {marks}")))
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING)
    bench.supervise(folder)
    found = bench.described(folder)
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("InternalServerError: the supervisor vanished during attempt 1")
    assert "EnableManagedSpotTraining" in found["FailureReason"]
    assert not marks.exists()


def test_a_spot_job_goes_on_from_the_checkpoints_that_it_had(bench: Bench, marks: Path) -> None:
    bench.put("checkpoints/1", "old")
    script = f'echo ran >> {marks}; ls checkpoints | tr "\\n" " " > model/seen; cat checkpoints/1 >> model/seen'
    folder = bench.create(asked.training(command=shell(script), **SPOT))
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING)
    checkpoints = folder.host("algo-1") / "checkpoints"
    (checkpoints / "1").write_text("new")
    (checkpoints / "2").write_text("newer")
    (folder.host("algo-1") / "model" / "left-over").write_text("of the attempt before")
    bench.supervise(folder)
    found = bench.described(folder)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert stages(found) == [
        *("Starting", "Downloading", "Training"),
        *("Interrupted", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert marks.read_text() == "ran\n"
    assert bench.archive("models/train-1/output/model.tar.gz") == {"seen": b"1 2 new"}
    assert bench.get("checkpoints/2") == b"newer"


def test_a_job_with_retries_is_started_again_as_often_as_they_say(bench: Bench, marks: Path) -> None:
    for vanished in (1, 2):
        name = f"train-{vanished}"
        command = shell(f"echo {name} >> {marks}")
        folder = bench.create(asked.training(name, command=command, RetryStrategy={"MaximumRetryAttempts": 1}))
        again = [Stage.RESTARTING, Stage.DOWNLOADING, Stage.RUNNING] * (vanished - 1)
        vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING, *again)
        if vanished == 2:
            text = (folder.path / "status.json").read_text()
            (folder.path / "status.json").write_text(text.replace('"attempt": 1', '"attempt": 2'))
        bench.supervise(folder)
        status = bench.described(folder)["TrainingJobStatus"]
        assert status == ("Completed" if vanished == 1 else "Failed")
    assert marks.read_text() == "train-1\n"


def test_a_job_whose_supervisor_vanished_before_the_program_ran_begins_again(bench: Bench, marks: Path) -> None:
    bench.put("data/a", "A")
    command = shell(f"cat input/data/train/* >> {marks}")
    folder = bench.create(asked.training(command=command, InputDataConfig=[asked.channel("train", "s3://bench/data/")]))
    vanish(bench, folder, Stage.DOWNLOADING)
    half = folder.host("algo-1") / "input" / "data" / "train"
    half.mkdir(parents=True)
    (half / "b").write_text("of the download before")
    bench.supervise(folder)
    assert bench.described(folder)["TrainingJobStatus"] == "Completed"
    assert marks.read_text() == "A"


class Killed(BaseException):
    """What no code catches, as none runs on after a kill."""


class Deadly:
    """A client of S3 under which the process dies once it has taken a certain number of files."""

    def __init__(self, s3: Any, uploads: int) -> None:
        self._s3, self._uploads = s3, uploads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def upload_file(self, *arguments: Any, **more: Any) -> None:
        self._s3.upload_file(*arguments, **more)
        self._uploads -= 1
        if not self._uploads:
            raise Killed


def test_what_was_uploaded_when_the_supervisor_vanished_is_not_uploaded_again(bench: Bench, marks: Path) -> None:
    bench.s3.put_bucket_notification_configuration(
        Bucket="bench", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    script = f"echo ran >> {marks}; echo m > model/m; echo d > output/data/d"
    folder = bench.create(asked.training(command=shell(script)))
    with pytest.raises(Killed):
        bench.supervise(folder, s3=Deadly(bench.s3, 1))
    assert bench.described(folder)["SecondaryStatus"] == "Uploading"
    bench.supervise(folder)
    found = bench.described(folder)
    assert stages(found) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert marks.read_text() == "ran\n"
    events = bench.database.connection().execute("SELECT event FROM emitted WHERE event LIKE '%Object Created%'")
    assert sorted(row["event"].partition('"key": "')[2].partition('"')[0] for row in events) == [
        "models/train-1/output/model.tar.gz",
        "models/train-1/output/output.tar.gz",
    ]
    assert bench.database.connection().execute("SELECT * FROM answered").fetchall() == []


def test_a_spot_job_that_waited_for_too_long_is_stopped(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.training(command=shell(f"echo ran >> {marks}"), **SPOT))
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING)
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="microseconds")
    with bench.database.transaction() as connection:
        connection.execute("UPDATE jobs SET created = ?", (long_ago,))
    bench.supervise(folder)
    found = bench.described(folder)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert not marks.exists()


def test_a_job_that_was_being_stopped_when_its_supervisor_vanished_is_stopped(bench: Bench) -> None:
    folder = bench.create(asked.training(command=shell("exit 1"), **SPOT))
    bench.sagemaker.stop_training_job(TrainingJobName="train-1")
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING, Stage.STOPPING)
    bench.supervise(folder)
    assert bench.described(folder)["SecondaryStatus"] == "Stopped"
    folder = bench.create(asked.training("train-2", command=shell("exit 1"), **SPOT))
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING, Stage.STOPPING)  # nobody asked: it had run for too long
    bench.supervise(folder)
    assert bench.described(folder)["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_a_program_that_outlived_its_supervisor_is_ended_before_it_runs_again(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.training(command=shell(f"echo ran >> {marks}"), **SPOT))
    vanish(bench, folder, Stage.DOWNLOADING, Stage.RUNNING)
    left = subprocess.Popen(
        ["sleep", "60"], env={"EDGE_INSPECTOR_ML_ROOT": str(folder.host("algo-1"))}, start_new_session=True
    )
    neighbor = subprocess.Popen(
        ["sleep", "60"], env={"EDGE_INSPECTOR_ML_ROOT": f"{folder.path}0/algo-1"}, start_new_session=True
    )
    bench.supervise(folder)
    assert left.wait() == -9
    assert neighbor.poll() is None
    neighbor.kill()
    neighbor.wait()
    assert bench.described(folder)["TrainingJobStatus"] == "Completed"


def test_a_second_supervisor_goes_away(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.processing(command=shell(f"echo ran >> {marks}")))
    with folder.sole_supervisor() as first, folder.sole_supervisor() as second:
        assert (first, second) == (True, False)
        assert folder.is_supervised()
    assert not folder.is_supervised()
    bench.supervise(folder)
    bench.supervise(folder)  # one that comes late finds that everything is done
    assert marks.read_text() == "ran\n"


def test_a_report_that_cannot_be_read_fails_its_job_and_no_other(bench: Bench) -> None:
    broken = bench.create(asked.processing("broken", command=shell("true")))
    (broken.path / "status.json").write_bytes(b"\0" * 40)
    whole = bench.create(asked.processing("whole", command=shell("true")))
    bench.supervise(whole)
    assert bench.described(whole)["ProcessingJobStatus"] == "Completed"
    assert "status.json" not in bench.described(broken)["FailureReason"]
    assert str(broken.path) in bench.described(broken)["FailureReason"]
