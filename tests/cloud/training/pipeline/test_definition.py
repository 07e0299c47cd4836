"""The pipeline's definition: SageMaker takes every request that it makes, and every program takes its arguments."""

import argparse
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.sagemaker.pipelines.definition import read_definition
from cloud_side.local.services.sagemaker.pipelines.expressions import Expression, OfExecution, OfParameter, evaluated
from cloud_side.training import places
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.pipeline.definition import REFUSED, definition
from cloud_side.training.pipeline.parameters import chosen, others, parameters
from edge_inspector.errors import ConfigError
from tests.cloud.golden import FOLDER, problems_of

SAID = {
    "Dataset": "tags",
    "ModelName": "metal-tags",
    "Bucket": "the-bucket",
    "Role": "arn:aws:iam::123456789012:role/r",
}
SAID |= {"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1", "ModelPackageGroup": "parts"}
SAID |= {"TrainingInstance": "ml.g5.xlarge"}
JOBS = {"Processing": "ProcessingJob", "Training": "TrainingJob"}
RUN = "s3://the-bucket/training/abc123/"


def resolve(expression: Expression) -> Any:
    """Return what an expression of the definition stands for in a run; of another step's job, its address."""
    values = {each.name: each.default for each in parameters()} | SAID
    match expression:
        case OfParameter(name):
            return values[name]
        case OfExecution():
            return "abc123"
        case other:
            path = "/".join(map(str, getattr(other, "path", ())))
            found = re.search(r"Outputs/(\w+)/S3Output/S3Uri", path)
            return f"{RUN}{found[1] if found else 'model/model.tar.gz'}"


def steps() -> dict[str, Any]:
    found = definition()["Steps"]
    condition = found[-1]["Arguments"]
    return {each["Name"]: each for each in (*found, *condition["IfSteps"], *condition["ElseSteps"])}


STEPS = steps()
PROGRAMS = [name for name, step in STEPS.items() if step["Type"] in JOBS]


def request_of(name: str) -> Any:
    arguments = evaluated(STEPS[name]["Arguments"], resolve)
    kind = JOBS[STEPS[name]["Type"]]
    return {f"{kind}Name": f"pipelines-abc123-{name}", **arguments}


def specification(name: str) -> Any:
    request = request_of(name)
    return request.get("AppSpecification") or request["AlgorithmSpecification"]


def test_all_references_of_the_definition_lead_somewhere_and_none_in_a_circle() -> None:
    found = read_definition(json.dumps(definition()))
    assert list(found.steps) == [*PROGRAMS[:-1], "Passed", "Register", REFUSED]
    before = {name: set(step.depends_on) for name, step in found.steps.items()}
    assert before["Train"] == {"Prepare"}
    assert before["Evaluate"] == {"Prepare", "Export"}
    assert before["Passed"] == {"Gate"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_sagemaker_takes_the_request_of_every_step(name: str) -> None:
    assert problems_of(request_of(name), "sagemaker", f"Create{JOBS[STEPS[name]['Type']]}") == ""


def test_the_pipeline_is_the_one_that_was_looked_at() -> None:
    request = {
        "PipelineName": "edge-inspector-training",
        "PipelineDefinition": json.dumps(definition(), indent=1),
        "RoleArn": "arn:aws:iam::123456789012:role/edge-inspector",
        "ClientRequestToken": "0" * 32,
    }
    assert problems_of(request, "sagemaker", "CreatePipeline") == ""
    path, text = FOLDER / "training-pipeline.json", json.dumps(definition(), indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_an_int8_file_is_kept_by_the_limits_that_the_gate_holds_it_against() -> None:
    words = {name: STEPS[name]["Arguments"]["AppSpecification"]["ContainerArguments"] for name in ("Optimize", "Gate")}
    said = {name: dict(zip(each[::2], each[1::2], strict=True)) for name, each in words.items()}
    for limit in ("drop", "ratio", "score"):
        assert said["Optimize"][f"--most-{limit}"] == said["Gate"][f"--most-int8-{limit}"]


class Parsed(Exception):  # noqa: N818 - no error
    """A program has read its arguments, and would begin its work."""


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "Train"])
def test_every_program_is_there_and_takes_its_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, module = specification(name)["ContainerEntrypoint"]
    if name in {"Export", "Optimize"}:
        pytest.importorskip(
            "torch", reason="export needs the extra edge-inspector-cloud[train], which is not installed"
        )
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser: argparse.ArgumentParser, given: Any = None, namespace: Any = None) -> Any:
        raise Parsed(vars(parse(parser, given, namespace)))

    said = [str(word) for word in specification(name).get("ContainerArguments", ())]
    monkeypatch.setattr(sys, "argv", [module, *said])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    with pytest.raises(Parsed):
        importlib.import_module(module).main()


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "Train"])
def test_a_program_finds_what_it_reads_and_leaves_what_it_writes_where_the_places_are(name: str) -> None:
    request, root = request_of(name), f"{places.ML}/processing"
    for each in request.get("ProcessingInputs", ()):
        assert each["S3Input"]["LocalPath"] == f"{root}/input/{each['InputName']}"
        assert each["InputName"] in _names()
    for each in request["ProcessingOutputConfig"]["Outputs"]:
        assert each["S3Output"] == {
            "S3Uri": f"{RUN}{each['OutputName']}",
            "LocalPath": f"{root}/output/{each['OutputName']}",
            "S3UploadMode": "EndOfJob",
        }


def _names() -> set[str]:
    return {value for name, value in vars(places).items() if name.isupper() and isinstance(value, str)}


def test_what_is_tested_on_never_comes_to_training() -> None:
    channels = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
        for each in request_of("Train")["InputDataConfig"]
    }
    assert channels == {
        "train": f"{RUN}data/train",
        "validation": f"{RUN}data/validation",
        "champion": f"{RUN}champion",
    }


def test_training_knows_every_hyperparameter_and_means_the_default_where_nobody_says_more() -> None:
    assert Hyperparameters.parse(request_of("Train")["HyperParameters"]) == Hyperparameters()


def test_training_goes_on_from_its_checkpoints_on_machines_that_may_be_taken_away() -> None:
    request = request_of("Train")
    assert request["EnableManagedSpotTraining"] is True
    assert request["CheckpointConfig"]["S3Uri"] == f"{RUN}checkpoints"
    assert request["StoppingCondition"]["MaxWaitTimeInSeconds"] >= request["StoppingCondition"]["MaxRuntimeInSeconds"]
    (train,) = (each for each in definition(spot=False)["Steps"] if each["Name"] == "Train")
    assert "MaxWaitTimeInSeconds" not in train["Arguments"]["StoppingCondition"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("step 20/100 loss 1.234 12.5 images/s", {"loss": "1.234"}),
        ("validation map50 0.812", {"map50": "0.812"}),
        ("closs 9 remap50 3", {}),
    ],
)
def test_metrics_are_read_from_the_lines_that_training_prints(line: str, expected: dict[str, str]) -> None:
    found = {
        each["Name"]: match[1]
        for each in specification("Train")["MetricDefinitions"]
        if (match := re.search(each["Regex"], line))
    }
    assert found == expected


def test_a_model_that_did_not_pass_ends_the_run_with_the_place_of_the_reasons() -> None:
    message = evaluated(STEPS[REFUSED]["Arguments"], resolve)["ErrorMessage"]
    assert message == f"The gate refused the model; the reasons are in {RUN}gate/gate.html"


def walked(value: Any) -> Iterator[Any]:
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walked(each)


def test_every_parameter_is_used() -> None:
    used = {
        each["Get"].partition("Parameters.")[2]
        for each in walked(definition())
        if isinstance(each, dict) and "Get" in each
    }
    assert {each.name for each in parameters()} - used == set()


def test_a_run_may_say_any_parameter_and_nothing_else() -> None:
    assert chosen({"ModelName": "m", "Dataset": "d", "iterations": 20}) == [
        {"Name": "Dataset", "Value": "d"},
        {"Name": "ModelName", "Value": "m"},
        {"Name": "iterations", "Value": "20"},
    ]
    with pytest.raises(ConfigError) as caught:
        chosen({"Dataset": "d", "Int8": "perhaps", "TrainingInstances": "0", "Bukket": "b", "Image": "", "Folds": "1"})
    lines = str(caught.value).splitlines()
    names = ("Bukket", "ModelName", "Folds", "Int8", "Image", "TrainingInstances")
    assert [line.partition(":")[0] for line in lines] == [f"parameter {name}" for name in names]
    assert [line.rpartition(", found ")[2] for line in lines] == [
        "that name",
        "nothing",
        "'1'",
        "'perhaps'",
        "''",
        "'0'",
    ]


@pytest.mark.parametrize("name", ["DatasetVersion", "ModelName", "Bucket", "seed"])
def test_what_is_said_otherwise_is_not_set_by_the_name_of_a_parameter(name: str) -> None:
    assert name in {each.name for each in parameters()}
    assert name not in {each.name for each in others()}
