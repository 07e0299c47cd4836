import json
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.dataset import Mode
from cloud_side.training.exporting.onnx_file import one_thread
from cloud_side.training.network.model import Network, Shape
from cloud_side.training.network.weights import write_weights
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.registry.archive import pack
from cloud_side.training.steps import export
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError
from tests.cloud.training.exporting.conftest import write_data, write_training

TINY = Shape(model_wh=(320, 224), widths=(8, 8, 8, 8, 8), depths=(0, 0, 0, 0), neck=8)


def network(seed: int) -> Network:
    """Return a network whose scores are not all the same."""
    torch.manual_seed(seed)
    model = Network(TINY).eval()
    with torch.no_grad():
        model.head.score.weight *= 100
    return model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as the training job leaves it, of two models, and the data beside it."""
    root = tmp_path_factory.mktemp("export")
    write_data(root / "data", Mode.FOLDS)
    write_training(root / "model", ["fold-0", "final"])
    with one_thread():
        for seed, run in enumerate(["fold-0", "final"]):
            write_weights(root / "model/weights" / f"{run}.pt", network(seed), ["scratch"])
    return root


def test_each_model_of_the_training_becomes_a_package_whose_thresholds_are_open(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the processing job does it: from the archive, below its folder; then over what that left."""
    given = tmp_path / "processing/input"
    shutil.copytree(trained / "data", given / "data")
    (given / "model").mkdir()
    with (given / "model/model.tar.gz").open("wb") as archive:
        pack(trained / "model", archive)
    packages = tmp_path / "processing/output/packages"
    (packages / "of-a-run-that-was-killed").mkdir(parents=True)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert export.main(["--name", "tags", "--images", "2"]) == 0
    first = {path.relative_to(packages): path.read_bytes() for path in packages.rglob("*") if path.is_file()}
    assert {str(path) for path in first} == {
        "final/model.json", "final/tags.onnx", "fold-0/model.json", "fold-0/tags.onnx", "parity.json", "training.json"
    }  # fmt: skip
    manifest = ModelPackage.open(packages / "final").manifest
    assert (manifest.name, manifest.version, manifest.class_names) == ("tags", "0.0.0", ("scratch",))
    assert (manifest.dataset_version, manifest.git_commit) == ("sha256:abc", "af2303cd")
    assert (manifest.thresholds["scratch"].review_at, manifest.thresholds["scratch"].reject_at) == (0.0, 1.0)
    parity = json.loads(first[Path("parity.json")])
    assert parity["schema"] == "edge-inspector/parity/1"
    assert sorted(parity["runs"]) == ["final", "fold-0"]
    assert 0 <= parity["confidence"] < 1e-3
    assert 0 <= parity["box_px"] < 0.01
    assert all(run["images"] == 2 and run["detections"] > 0 for run in parity["runs"].values())
    shutil.copytree(trained / "model", tmp_path / "fewer")
    write_training(tmp_path / "fewer", ["final"])
    export.run(tmp_path / "fewer", given / "data", packages, name="tags", images=2)
    again = {path.relative_to(packages): path.read_bytes() for path in packages.rglob("*") if path.is_file()}
    assert {str(path) for path in again} == {"final/model.json", "final/tags.onnx", "parity.json", "training.json"}
    assert all(first[path] == content for path, content in again.items() if path.parts[0] == "final")


def test_weights_of_other_classes_than_the_record_says_are_refused(trained: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    write_training(model, ["final"])
    write_weights(model / "weights/final.pt", network(0), ["dent"])
    with pytest.raises(ConfigError, match=r"final\.pt: expected a network for \('scratch',\)"):
        export.run(model, trained / "data", tmp_path / "packages", images=1)


def test_a_file_that_a_device_cannot_hold_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fold-0\.pt: ONNX file: expected at most 1000 bytes, found"):
        export.run(trained / "model", trained / "data", tmp_path / "packages", images=1, largest_bytes=1000)


def test_an_archive_that_would_write_elsewhere_is_refused_with_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "processing/input"
    shutil.copytree(trained / "data", given / "data")
    (given / "model").mkdir()
    with tarfile.open(given / "model/model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../outside.pt")
        member.size = 3
        archive.addfile(member, BytesIO(b"abc"))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert export.main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "'../outside.pt'" in line
    assert (tmp_path / "output/message").read_text() == line
    assert not list(tmp_path.rglob("outside.pt"))


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("data/dataset.json", "dataset.json: expected the description of training data, found"),
        ("model/training.json", "model.tar.gz: expected a tar.gz of files, found"),
        ("model/weights/fold-0.pt", "fold-0.pt: expected a file of weights"),
    ],
)
def test_a_missing_file_is_named(missing: str, expected: str, trained: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(trained, root)
    (root / missing).unlink()
    with pytest.raises(ConfigError, match=expected):
        export.run(root / "model", root / "data", tmp_path / "packages", images=1)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [("Metal tags", "metal-tags"), ("_Größe 2.0!", "gr-e-2.0"), ("!!!", "model"), ("a" * 80, "a" * 64)],
)
def test_a_model_is_called_as_its_dataset_unless_somebody_says_otherwise(dataset: str, expected: str) -> None:
    assert export.model_name(dataset) == expected
