"""A model that passed the gate is registered once, with its files and its lineage, and waits for a person."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.objects import Bucket
from cloud_side.training.gate.limits import Limits
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.registry.keeping import check_archive
from cloud_side.training.registry.packages import RegistryError, read_package
from cloud_side.training.registry.registering import Made, register
from cloud_side.training.registry.requests import Approval
from cloud_side.training.steps import register as step
from edge_inspector.errors import ConfigError, InspectorError
from tests.cloud.training.gate.run_files import VERSION, Changed, change
from tests.cloud.training.registry.conftest import IMAGE, origin

MakeRun = Callable[..., Made]


def test_a_model_is_registered_with_its_files_and_waits(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any
) -> None:
    made = make_run()
    said = register(made, origin(group, weights_uri="s3://x/model.tar.gz", training_job="train-1"), bucket, sagemaker)
    assert said["approval"] == "PendingManualApproval"
    folder = "models/metal-tags/1.0.0/"
    assert {each.key.removeprefix(folder) for each in bucket.listed(folder)} == {
        "model.tar.gz",
        "evaluation.json",
        "evaluation.html",
        "gate.json",
        "gate.html",
        "optimization.json",
        "predictions.jsonl",
        "training.json",
    }
    package = read_package(sagemaker, said["package"])
    assert (package.name, package.version, package.approval) == ("metal-tags", "1.0.0", Approval.PENDING)
    assert package.model_uri == said["model_uri"] == bucket.address(f"{folder}model.tar.gz")
    properties = package.properties
    assert (properties["dataset"], properties["dataset_version"], properties["seed"]) == ("tags", VERSION, "7")
    assert (properties["run"], properties["image"], properties["training_job"]) == ("run-1", IMAGE, "train-1")
    assert (properties["mode"], properties["compared_with"]) == ("split", "nothing")
    assert (properties["weights"], properties["int8"]) == ("s3://x/model.tar.gz", "yes")
    model = json.loads((made.package / "model.json").read_text(encoding="utf-8"))
    assert properties["file:metal-tags.onnx"] == model["files"][0]["sha256"]
    assert (properties["metric:map50"], properties["metric:escapes"]) == ("0.912346", "0")
    described = sagemaker.describe_model_package(ModelPackageName=said["package"])
    assert described["MetadataProperties"] == {"CommitId": model["git_commit"], "GeneratedBy": "train-1"}
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == package.evaluation_uri
    check_archive(bucket, package)


def test_a_step_that_is_run_again_finds_what_it_made(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    made = make_run()
    said = [step.run(made, origin(group), bucket, sagemaker, tmp_path / "out") for _ in range(2)]
    assert said[0] == said[1] == json.loads((tmp_path / "out/registered.json").read_text(encoding="utf-8"))
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1


def test_a_step_that_was_cut_before_it_registered_goes_on(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any
) -> None:
    made = make_run()
    with pytest.raises(RegistryError, match="model package group 'elsewhere': expected one that is registered"):
        register(made, origin("elsewhere"), bucket, sagemaker)
    assert register(made, origin(group), bucket, sagemaker)["version"] == "1.0.0"


def test_another_content_never_takes_a_version_that_is_there(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any
) -> None:
    register(make_run(), origin(group), bucket, sagemaker)
    before = {each.key: each.etag for each in bucket.listed("models/")}
    other = make_run()
    (other.package / "README.md").write_text("another", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"expected no version 1\.0\.0 of metal-tags yet, or the same content"):
        register(other, origin(group, "run-2"), bucket, sagemaker)
    assert {each.key: each.etag for each in bucket.listed("models/")} == before
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1


def test_what_the_gate_holds_back_is_not_registered(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any
) -> None:
    with pytest.raises(
        RegistryError, match=r"expected a model that passed the gate, found: metal-tags 1\.0\.0 is held"
    ):
        register(make_run(limits=Limits(most_latency_ms=0.001)), origin(group), bucket, sagemaker)
    assert list(bucket.listed("models/")) == []
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []


def test_what_the_gate_said_of_another_model_is_not_taken_for_this_one(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any
) -> None:
    made, other = make_run("1.0.0"), make_run("1.1.0")
    with pytest.raises(RegistryError, match=r"said of metal-tags 1\.0\.0, found what was said of metal-tags 1\.1\.0"):
        register(replace(made, gate=other.gate), origin(group), bucket, sagemaker)
    assert list(bucket.listed("models/")) == []


@pytest.mark.parametrize(
    ("file", "changed", "expected"),
    [
        (
            "packages/final/model.json",
            lambda said: said["files"][0].update(sha256="0" * 64),
            "expected the exported file, sha256 000000000000, found",
        ),
        (
            "evaluation/evaluation.json",
            lambda said: said["candidate"]["thresholds"]["scratch"].update(review_at=0.2),
            "as evaluated, found",
        ),
    ],
    ids=["another file", "other thresholds"],
)
def test_a_package_that_is_not_the_judged_one_is_refused(  # noqa: PLR0913, PLR0917 - fixtures, and what is changed
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any, file: str, changed: Changed, expected: str
) -> None:
    made = make_run()
    change(made.gate.parent / file, changed)
    with pytest.raises(RegistryError, match=expected):
        register(made, origin(group), bucket, sagemaker)
    assert list(bucket.listed("models/")) == []


@pytest.mark.parametrize(
    "file",
    [
        "gate/gate.json",
        "package/model.json",
        "package/metal-tags.onnx",
        "packages/training.json",
        "optimization/optimization.json",
    ],
)
def test_a_file_that_is_missing_is_named_and_nothing_is_kept(
    make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any, file: str
) -> None:
    made = make_run()
    (made.gate.parent / file).unlink()
    with pytest.raises(InspectorError, match=Path(file).name):
        register(made, origin(group), bucket, sagemaker)
    assert list(bucket.listed("models/")) == []


def test_predictions_that_are_missing_are_named(make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any) -> None:
    made = make_run()
    (made.evaluation / "predictions/candidate.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"candidate\.jsonl: expected a file that an earlier step makes"):
        register(made, origin(group), bucket, sagemaker)
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []


@pytest.fixture
def ml_root(tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that a job sees as /opt/ml; the job asks the test's engine."""
    root = tmp_path / "ml"
    (root / "processing").mkdir(parents=True)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(engine.folder))
    return root


def test_the_job_registers_what_lies_in_its_inputs(
    make_run: MakeRun, bucket: Bucket, group: str, ml_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_run()
    (ml_root / "processing/input").symlink_to(made.gate.parent)
    arguments = ["--bucket", bucket.name, "--run", "r-7", "--group", group, "--image", IMAGE]
    assert step.main(arguments) == 0
    said = json.loads((ml_root / "processing/output/registered/registered.json").read_text(encoding="utf-8"))
    assert (said["schema"], said["run"]) == ("edge-inspector/registered/1", "r-7")
    assert f"registered: metal-tags@1.0.0, {said['package']}" in capsys.readouterr().out
    (made.gate / "gate.json").unlink()
    assert step.main(arguments) == 1
    assert "gate.json" in (ml_root / "output/message").read_text(encoding="utf-8")
