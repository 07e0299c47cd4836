"""The workflow that trains the shipped model again, on our interpreter as on sfnx, and the job that it runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from statelint.linter import Linter

from cloud_side.local.installing import install
from cloud_side.local.jobs import programs
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.planning import plan_of
from cloud_side.local.services.sagemaker.names import checked
from cloud_side.local.states.definition import problems_of
from cloud_side.local.states.expressions import evaluate
from cloud_side.training import job
from cloud_side.training.workflow import RETRAIN
from tests.cloud.local.engines import opened
from tests.cloud.local.shapes import LOADER
from tests.cloud.local.states.corpus import Script
from tests.cloud.local.states.oracle import Outcome, differences, run_on_sfnx
from tests.cloud.local.states.ours import Ours

VALUES = {name: f"the-{name}" for name in RETRAIN.placeholders()}
TEXT = RETRAIN.filled(VALUES)
PACKAGE = "arn:aws:sagemaker:eu-central-1:000000000000:model-package/the-ModelPackageGroup/7"
TRAINED = {
    "TrainingJobName": "retrain-execution-0-0",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://models/model.tar.gz"},
}
TOLD = {"MessageId": "1"}
BUSY = {"error": "SageMaker.ResourceLimitExceededException", "cause": "no machine is free"}
LOST = {"error": "SageMaker.AmazonSageMakerException", "cause": "no disk is free"}
REFUSED = {"error": "SageMaker.SageMakerException", "cause": "the group is not there"}


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


def run(ours: Ours, given: Any, **answers: Any) -> Outcome:
    """Run the workflow on our interpreter, and see that sfnx does the same."""
    tasks = {name.replace("_", " "): said if isinstance(said, list) else [said] for name, said in answers.items()}
    tasks = {name: [each if "error" in each else {"result": each} for each in said] for name, said in tasks.items()}
    found = ours.run(TEXT, given, Script(tasks))
    machine = json.loads(TEXT)
    assert differences(found, run_on_sfnx(machine, given, Script(tasks)), machine) == []
    return found


def called(outcome: Outcome, state: str) -> list[Any]:
    return [call.arguments for call in outcome.calls if call.state == state]


def test_a_model_that_was_trained_waits_on_the_register_and_somebody_is_told(ours: Ours) -> None:
    given = {"iterations": 20, "seed": "3", "photographs": "s3://photographs/line-1/"}
    found = run(ours, given, Train=TRAINED, Register={"ModelPackageArn": PACKAGE}, Tell=TOLD)
    assert found.status == "SUCCEEDED"
    assert found.output == {"job": "retrain-execution-0-0", "model": "s3://models/model.tar.gz", "package": PACKAGE}
    (asked,) = called(found, "Train")
    assert asked["HyperParameters"] == {"iterations": "20", "folds": "4", "seed": "3"}
    plan = plan_of(JobKind.TRAINING, asked)
    assert [str(each.address) for each in plan.inputs] == ["s3://photographs/line-1/"]
    assert plan.command == ("python", "-m", "cloud_side.training.job")
    (registered,) = called(found, "Register")
    assert registered["ModelApprovalStatus"] == "PendingManualApproval"
    assert registered["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == "s3://models/model.tar.gz"
    assert json.loads(called(found, "Tell")[0]["Message"]) == found.output


def test_a_job_that_finds_no_machine_is_tried_again_under_another_name(ours: Ours) -> None:
    found = run(ours, {}, Train=[BUSY, LOST, TRAINED], Register={"ModelPackageArn": PACKAGE}, Tell=TOLD)
    assert found.status == "SUCCEEDED"
    assert [asked["TrainingJobName"] for asked in called(found, "Train")] == [
        *("retrain-execution-0-0", "retrain-execution-1-0", "retrain-execution-2-0")
    ]
    assert "InputDataConfig" not in called(found, "Train")[0]


def test_a_job_that_fails_is_told_of_and_no_model_registered(ours: Ours) -> None:
    failed = {"error": "States.TaskFailed", "cause": '{"FailureReason": "AlgorithmError: hyperparameter folds"}'}
    found = run(ours, {"folds": "four"}, Train=failed, Tell_of_the_failure=TOLD)
    assert (found.status, found.error, found.cause) == ("FAILED", failed["error"], failed["cause"])
    (told,) = called(found, "Tell of the failure")
    assert told["Message"] == f"States.TaskFailed: {failed['cause']}"
    assert called(found, "Register") == []


def test_a_register_that_refuses_the_model_is_told_of_too(ours: Ours) -> None:
    found = run(ours, {}, Train=TRAINED, Register=REFUSED, Tell_of_the_failure=TOLD)
    assert (found.status, found.error) == ("FAILED", REFUSED["error"])
    assert [each["Message"] for each in called(found, "Tell of the failure")] == [
        "SageMaker.SageMakerException: the group is not there"
    ]


def test_an_execution_may_have_any_name() -> None:
    arguments = json.loads(TEXT)["States"]["Train"]["Arguments"]
    event = "5fb5d6a8-7d3f-4a62-9d2e-0c0f5f3c2a11"
    for name in (f"{event}_{event}", "nightly.run", "größer", "-", "x" * 80):  # EventBridge draws the first
        context = {"Execution": {"Name": name, "RedriveCount": 0}, "State": {"RetryCount": 12}}
        said = evaluate(arguments, {"job": {}, "channels": {}}, {"context": context})
        checked(said["TrainingJobName"], "TrainingJobName")


@pytest.mark.parametrize("name", ["folds", "iterations", "seed"])
def test_a_bad_hyperparameter_is_the_reason_that_sagemaker_reads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(job.ROOT_VARIABLE, str(tmp_path))
    for folder in ("input/config", "output"):
        (tmp_path / folder).mkdir(parents=True)
    for value in ("four", "-1", "1.5", "", "x" * 2000):
        (tmp_path / "input/config/hyperparameters.json").write_text(json.dumps({name: value}))
        assert job.main() == 1
        said = (tmp_path / "output/failure").read_text()
        assert said == f"hyperparameter {name}: found {value!r}, expected a whole number"[:1024]
        assert said in capsys.readouterr().err


def test_the_job_looks_where_the_local_engine_says() -> None:
    assert job.ROOT_VARIABLE == programs.ROOT_VARIABLE


def test_the_definition_is_one_and_can_be_installed_again(tmp_path: Path) -> None:
    assert problems_of(TEXT) == []
    assert Linter.validate(json.loads(TEXT)) == []
    with opened(tmp_path) as cloud:
        cloud.session._session.register_component("data_loader", LOADER)
        (arn,) = install(cloud, [RETRAIN]).values()
        assert list(install(cloud, [RETRAIN]).values()) == [arn]
        found = cloud.session.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        assert "${" not in found["definition"]
        assert json.loads(found["definition"])["States"].keys() == json.loads(TEXT)["States"].keys()
