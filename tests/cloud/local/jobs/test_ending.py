"""How jobs end that do not end well, and what is said of that."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.jobs.chore import Jobs
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def reason(found: dict[str, Any]) -> str:
    assert found["ProcessingJobStatus"] == "Failed"
    return str(found["FailureReason"])


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_job_says_why_its_program_failed(bench: Bench) -> None:
    scripts = {
        "echo first; echo last words; exit 7": "last words, exit code: 7",
        "echo why > output/failure; echo log; exit 1": "why, exit code: 1",
        "exit 1": "the program said nothing, exit code: 1",
        "kill -SEGV $$": "the program said nothing, exit code: 139 (ended by signal 11)",
        r"printf 'first\n\000\377\033[31mred\033[0m\000'; exit 2": "[31mred[0m, exit code: 2",
        r"printf '\000\377\000\377'; exit 2": "the program said nothing, exit code: 2",
    }
    found = {
        script: reason(bench.run(asked.processing(f"job-{number}", command=shell(script))))
        for number, script in enumerate(scripts)
    }
    assert found == {script: f"AlgorithmError: {said}" for script, said in scripts.items()}


def test_a_reason_is_never_too_long(bench: Bench) -> None:
    found = reason(bench.run(asked.processing(command=shell("head -c 5000 /dev/zero | tr '\\0' x; exit 1"))))
    assert len(found) == 1024
    assert found.endswith("xxx, exit code: 1")


def test_a_program_that_is_not_there_or_is_none_is_one_clear_reason(bench: Bench) -> None:
    commands: list[tuple[list[str] | None, str]] = [
        (["no-such-program"], "the entry point 'no-such-program' cannot be found"),
        (["/opt/ml/processing/none.sh"], "algo-1/processing/none.sh' cannot be found"),
        (["python", "/opt/ml/processing/none.py"], "can't open file"),
        (["python", "-m", "cloud_side.none"], "No module named cloud_side.none"),
        ([str(bench.home.folder / "none")], "cannot be run: [Errno 8] Exec format error"),
        (None, f"names the image '{asked.IMAGE}' and no ContainerEntrypoint"),
    ]
    program = bench.home.folder / "none"
    program.write_bytes(b"\x7fELF but not really")
    program.chmod(0o700)
    for number, (command, said) in enumerate(commands):
        found = reason(bench.run(asked.processing(f"job-{number}", command=command)))
        assert found.startswith("AlgorithmError: ")
        assert said in found


def test_an_input_that_cannot_be_brought_fails_the_job(bench: Bench, marks: Path) -> None:
    head = '[{"prefix": "s3://bench/data/"}, '
    bench.put("broken.json", '[{"prefix": "s3://bench/data/"}, "a')
    bench.put("headless.json", '["a"]')
    bench.put("missing.json", f'{head}"none"]')
    bench.put("outside.json", f'{head}"../../outside"]')
    bench.put("number.json", f"{head}7]")
    inputs = [
        ("s3://bench/none/", "S3Prefix", "No S3 objects found under S3 URL 's3://bench/none/'"),
        ("s3://no-such-bucket/data/", "S3Prefix", "NoSuchBucket"),
        ("s3://bench/none.json", "ManifestFile", "NoSuchKey"),
        ("s3://bench/broken.json", "ManifestFile", "s3://bench/broken.json is no manifest"),
        ("s3://bench/headless.json", "ManifestFile", "s3://bench/headless.json is no manifest"),
        ("s3://bench/missing.json", "ManifestFile", "s3://bench/data/none"),
        ("s3://bench/outside.json", "ManifestFile", "'../../outside' is no path in a folder"),
        ("s3://bench/number.json", "ManifestFile", "names 7"),
    ]
    for number, (uri, kind, said) in enumerate(inputs):
        command = shell(f"echo ran >> {marks}")
        wanted = [asked.input_("data", uri, kind=kind)]
        found = reason(bench.run(asked.processing(f"job-{number}", command=command, ProcessingInputs=wanted)))
        assert found.startswith("ClientError: ")
        assert said in found
    assert not marks.exists()


def test_an_output_folder_that_the_program_took_away_fails_the_job(bench: Bench) -> None:
    outputs = {"Outputs": [asked.output()]}
    found = reason(bench.run(asked.processing(command=shell("rm -r processing"), ProcessingOutputConfig=outputs)))
    assert "processing/out of output 'out' is not there" in found
    found = bench.run(asked.training(command=shell("rm -r model")))["FailureReason"]
    assert "model of output 'model' is not there" in found


def test_what_cannot_be_uploaded_stays_where_it_is(bench: Bench) -> None:
    output = {"S3OutputPath": "s3://no-such-bucket/models"}
    found = bench.run(asked.training(command=shell("echo m > model/m"), OutputDataConfig=output))
    assert "no-such-bucket" in found["FailureReason"]
    folder = bench.home.jobs / "training-job" / "train-1"
    assert str(folder) in found["FailureReason"]
    assert (folder / "algo-1" / "model" / "m").read_text() == "m\n"


@pytest.mark.parametrize("size", [2_000_000, pytest.param(100_000_000, marks=pytest.mark.nightly)])
def test_a_long_log_is_no_trouble(bench: Bench, size: int) -> None:
    script = f"yes 'loss=1.5 and much more to read that nobody needs' | head -c {size}; echo; echo loss=0.5"
    metrics = [{"Name": "loss", "Regex": r"^loss=([0-9.]+)"}]
    request = asked.training(command=shell(script), AlgorithmSpecification={"MetricDefinitions": metrics})
    found = bench.run(request)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert found["FinalMetricDataList"][0]["Value"] == 0.5
    (log,) = bench.home.logs.rglob("algo-1.log")
    assert log.stat().st_size > size
    log.unlink()


def test_a_log_in_one_line_is_no_trouble(bench: Bench) -> None:
    script = "head -c 3000000 /dev/urandom | tr -d '\\n'; echo; echo loss=0.5; exit 1"
    metrics = [{"Name": "loss", "Regex": r"^loss=([0-9.]+)"}]
    request = asked.training(command=shell(script), AlgorithmSpecification={"MetricDefinitions": metrics})
    found = bench.run(request)
    assert found["FailureReason"] == "AlgorithmError: loss=0.5, exit code: 1"
    assert found["FinalMetricDataList"][0]["Value"] == 0.5


def limited(bench: Bench, before: str, after: str) -> None:
    name = '"MaxRuntimeInSeconds": '
    with bench.database.transaction() as connection:
        connection.execute("UPDATE jobs SET request = replace(request, ?, ?)", (name + before, name + after))


def test_a_program_that_runs_for_too_long_is_stopped_and_its_model_kept(bench: Bench, marks: Path) -> None:
    script = f'trap "echo asked >> {marks}; echo m > model/m; exit 0" TERM; while :; do sleep 0.02; done'
    folder = bench.create(asked.training(command=shell(script)))
    limited(bench, "60", "0.1")  # less than AWS, and so its clients, would allow
    bench.supervise(folder)
    limited(bench, "0.1", "60")
    found = bench.described(folder)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert marks.read_text() == "asked\n"
    assert bench.archive("models/train-1/output/model.tar.gz") == {"m": b"m\n"}


def test_a_job_that_is_stopped_asks_its_program_first_and_ends_it_then(bench: Bench, marks: Path) -> None:
    folder = bench.create(
        asked.training(command=shell(f'trap "echo deaf" TERM; echo $$ > {marks}; while :; do sleep 0.02; done'))
    )

    def stop() -> None:
        while not marks.exists() or not marks.read_text():
            time.sleep(0.01)
        bench.sagemaker.stop_training_job(TrainingJobName="train-1")

    stopping = threading.Thread(target=stop)
    stopping.start()
    bench.supervise(folder)
    stopping.join()
    found = bench.described(folder)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert bench.log("train-1") == "deaf\n"
    assert not alive(int(marks.read_text()))
    assert [event["detail"]["TrainingJobStatus"] for event in bench.events()] == ["InProgress", "Stopping", "Stopped"]
    with pytest.raises(ClientError, match="is in status Stopped"):
        bench.sagemaker.stop_training_job(TrainingJobName="train-1")


def test_a_job_that_is_stopped_before_it_began_does_not_begin(bench: Bench, marks: Path) -> None:
    folder = bench.create(asked.processing(command=shell(f"echo ran >> {marks}")))
    bench.sagemaker.stop_processing_job(ProcessingJobName="prepare-1")
    bench.sagemaker.stop_processing_job(ProcessingJobName="prepare-1")  # a second wish changes nothing
    assert bench.sagemaker.describe_processing_job(ProcessingJobName="prepare-1")["ProcessingJobStatus"] == "Stopping"
    bench.supervise(folder)
    assert bench.described(folder)["ProcessingJobStatus"] == "Stopped"
    assert not marks.exists()
    with pytest.raises(ClientError, match="ValidationException"):
        bench.sagemaker.stop_processing_job(ProcessingJobName="none")


def test_nothing_of_a_program_is_left_behind(bench: Bench, marks: Path) -> None:
    script = f"setsid sh -c 'echo $$ >> {marks}; sleep 60' & sleep 60 & echo $! >> {marks}; sleep 0.05"
    assert bench.run(asked.processing(command=shell(script)))["ProcessingJobStatus"] == "Completed"
    left = [int(line) for line in marks.read_text().split()]
    assert len(left) == 2
    assert not any(alive(process) for process in left)


def test_a_job_has_two_minutes_to_stop_like_in_aws(bench: Bench) -> None:
    assert Jobs(bench.home, bench.database).grace_s == 120
