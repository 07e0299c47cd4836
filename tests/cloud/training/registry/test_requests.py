"""Requests to the registry are what AWS takes, and say where a model comes from."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cloud_side.training.registry.requests import (
    Approval,
    Evidence,
    Registration,
    checked_properties,
    create_request,
    judge_request,
)
from edge_inspector.errors import ConfigError
from tests.cloud.golden import assert_golden

AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-central-1:000000000000:model-package/edge-inspector/3"
FOLDER = "s3://edge-inspector/models/metal-tags/1.2.0/"
SAID = Registration(
    group="edge-inspector",
    name="metal-tags",
    version="1.2.0",
    run="k3v9x2m4q8zt",
    model_uri=f"{FOLDER}model.tar.gz",
    image="000000000000.dkr.ecr.eu-central-1.amazonaws.com/edge-inspector:1",
    evaluation=Evidence(f"{FOLDER}evaluation.json", "e" * 64),
    gate=Evidence(f"{FOLDER}gate.json", "f" * 64),
    git_commit="0123abc",
    training_job="pipelines-k3v9x2m4q8zt-Train-1",
    properties={"dataset": "tags", "dataset_version": "9c" * 32, "seed": "1", "int8": "yes"},
)


def test_a_package_is_registered_with_its_lineage_and_waits_for_a_person() -> None:
    assert_golden("create_model_package", create_request(SAID), "sagemaker", "CreateModelPackage")


def test_a_judgement_says_who_and_why() -> None:
    request = judge_request(ARN, Approval.APPROVED, who="Kim", why="No escapes\nin 400 parts", at=AT)
    assert_golden("update_model_package", request, "sagemaker", "UpdateModelPackage")


def test_the_same_run_has_the_same_token_and_another_one_another() -> None:
    token = create_request(SAID)["ClientToken"]
    assert token == create_request(SAID)["ClientToken"]
    assert len(token) <= 36
    assert token != create_request(replace(SAID, run="another"))["ClientToken"]
    assert token != create_request(replace(SAID, version="1.3.0"))["ClientToken"]


def test_a_model_without_a_job_and_a_commit_names_its_run() -> None:
    request = create_request(replace(SAID, git_commit=None, training_job=None))
    assert request["MetadataProperties"] == {"GeneratedBy": "training run k3v9x2m4q8zt"}


def test_properties_have_only_letters_that_the_registry_takes() -> None:
    assert checked_properties({"file:a,b.onnx": "x(y)\n", "empty": "", "who": "Zoë 1"}) == {
        "file:a_b.onnx": "x_y__",
        "who": "Zoë 1",
    }


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"weights": "s3://" + "x" * 260}, "property weights"),
        ({"n" * 129: "1"}, "found 129 and 1"),
        ({str(number): "1" for number in range(51)}, "expected at most 50, found 51"),
    ],
)
def test_properties_that_cannot_be_are_refused_by_name(properties: dict[str, str], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        checked_properties(properties)


@pytest.mark.parametrize(("who", "why", "name"), [("Kim", " ", "why"), ("Kim", "x" * 1025, "why"), ("", "good", "who")])
def test_a_judgement_without_a_person_or_a_reason_is_none(who: str, why: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: expected"):
        judge_request(ARN, Approval.REJECTED, who=who, why=why, at=AT)
