"""A processing job from its request to what it made."""

import json
from pathlib import Path
from typing import Any

from cloud_side.local.jobs.places import Address
from cloud_side.local.jobs.plan import Input
from cloud_side.local.jobs.transfers import bring
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", f'cd "$EDGE_INSPECTOR_ML_ROOT/processing"; {script}']


def outputs(*found: dict[str, Any]) -> dict[str, Any]:
    return {"Outputs": list(found)}


def test_a_job_finds_its_inputs_where_the_request_says_and_its_outputs_are_in_s3(bench: Bench) -> None:
    bench.put("data/part/a.txt", "A")
    bench.put("data/b.txt", "B")
    found = bench.run(
        asked.processing(
            command=shell("cat data/part/a.txt data/b.txt > out/both; mkdir out/sub; echo n > out/sub/n; echo done"),
            ProcessingInputs=[asked.input_("data", "s3://bench/data/")],
            ProcessingOutputConfig=outputs(asked.output()),
        )
    )
    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    assert bench.get("made/out/both") == b"AB"
    assert bench.get("made/out/sub/n") == b"n\n"
    assert bench.log("prepare-1") == "done\n"
    assert found["ProcessingStartTime"] <= found["ProcessingEndTime"]
    assert [event["detail"]["ProcessingJobStatus"] for event in bench.events()] == ["InProgress", "Completed"]


def test_the_program_is_told_of_its_job(bench: Bench) -> None:
    script = 'cp "$EDGE_INSPECTOR_ML_ROOT"/config/*.json out; echo "$PROCESSING_JOB_NAME $STAGE" > out/environment'
    request = asked.processing(
        command=shell(script),
        Environment={"STAGE": "dev"},
        ProcessingOutputConfig=outputs(asked.output()),
    )
    bench.run(request)
    told = json.loads(bench.get("made/out/processingjobconfig.json"))
    root = bench.home.jobs / "processing-job" / "prepare-1" / "algo-1"
    assert told["ProcessingJobName"] == "prepare-1"
    assert told["Environment"] == {"STAGE": "dev"}
    assert told["AppSpecification"] == request["AppSpecification"]
    assert told["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] == f"{root}/processing/out"
    assert json.loads(bench.get("made/out/resourceconfig.json")) == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert bench.get("made/out/environment") == b"prepare-1 dev\n"


def test_a_program_may_leave_a_message(bench: Bench) -> None:
    found = bench.run(asked.processing(command=["/bin/sh", "-c", 'printf "12 broken images" > output/message']))
    assert found["ExitMessage"] == "12 broken images"
    assert bench.sagemaker.list_processing_jobs()["ProcessingJobSummaries"][0]["ExitMessage"] == "12 broken images"


def test_a_script_that_came_as_an_input_is_run_by_the_path_that_it_has_in_a_container(bench: Bench) -> None:
    bench.put("code/run.py", "import sys; print('ran with', sys.argv[1])")
    found = bench.run(
        asked.processing(
            command=["python3", "/opt/ml/processing/code/run.py", "--all"],
            ProcessingInputs=[asked.input_("code", "s3://bench/code/run.py")],
        )
    )
    assert found["ProcessingJobStatus"] == "Completed", bench.log("prepare-1")
    assert bench.log("prepare-1") == "ran with --all\n"


def test_a_continuous_output_is_in_s3_even_when_the_program_fails(bench: Bench) -> None:
    found = bench.run(
        asked.processing(
            command=shell("echo 1 > live/1; echo 2 > late/2; echo no; exit 1"),
            ProcessingOutputConfig=outputs(asked.output("live", mode="Continuous"), asked.output("late")),
        )
    )
    assert found["FailureReason"] == "AlgorithmError: no, exit code: 1"
    assert bench.keys("made/") == ["made/live/1"]


def test_an_object_lies_below_the_last_folder_of_the_prefix(bench: Bench, tmp_path: Path) -> None:
    cases = [
        ("data/a.txt", "data/a.txt", "a.txt"),
        ("data/a.txt", "data", "a.txt"),
        ("data/a.txt", "", "data/a.txt"),
        ("data/x/a.txt", "data/", "x/a.txt"),
        ("data-2/a.txt", "data-", "data-2/a.txt"),
        ("data/x-1/a.txt", "data/x-", "x-1/a.txt"),
    ]
    for key in {key for key, _, _ in cases}:
        bench.put(key, key)
    for number, (key, prefix, file) in enumerate(cases):
        root = tmp_path / str(number)
        bring(bench.s3, Input("data", Address("bench", prefix), "in"), [root], lambda: True)
        assert (root / "in" / file).read_text() == key


def test_what_is_no_longer_wanted_is_not_brought(bench: Bench, tmp_path: Path) -> None:
    for name in "abc":
        bench.put(f"data/{name}", name)
    wanted = iter([True, True, False])
    bring(bench.s3, Input("data", Address("bench", "data/"), "in"), [tmp_path], lambda: next(wanted))
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["a", "b"]
