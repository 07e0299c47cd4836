"""The whole way on one machine: a dataset version becomes a registered package, or is refused and nobody need look."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.cli import main
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.local.opening import open_local
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import verify
from tests.cloud.local.engines import running_engine

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

# So small that it learns next to nothing: what is seen here is the way, not the model. One thread, for the loop's
# test trains beside this one.
TINY = (
    "batch=4",
    "threads=1",
    "model_width=160",
    "model_height=128",
    "precision=float32",
    "average=0.9",
    "Folds=0",
    "Int8=never",
)
LENIENT = (
    *(
        "least_map50=0",
        "most_escapes=1",
        "most_possible_escapes=1",
        "most_overkill=1",
        "least_groups=1",
        "least_defective=1",
        "least_clean=1",
    ),
    *("most_parity_score=1", "most_parity_px=1000", "most_latency_ms=10000"),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    open_local(folder).close()
    with running_engine(folder):
        yield folder


def command(*words: str, home: Path | None = None, code: int = 0) -> str:
    """Run a command and return what it prints."""
    printed = StringIO()
    where = [] if home is None else ["--home", str(home)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.delenv(ENGINE_VARIABLE, raising=False)  # taken back, after the command has set it
        assert main([*words, *where]) == code, printed.getvalue()
    return printed.getvalue()


def train(home: Path, *said: str, code: int = 0) -> str:
    words = [word for each in (*TINY, *said) for word in ("--set", each)]
    return command("train", "--dataset", "tags", *words, "--wait", home=home, code=code)


def models(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("model", "list", "--json", home=home))
    return found


def test_a_dataset_version_becomes_a_registered_model_once_and_a_bad_one_is_refused(home: Path, tmp_path: Path) -> None:
    command(
        "dataset", "simulate", "--product", "tags", "--count", "24", "--form", "coco", "--out", str(tmp_path / "in")
    )
    imported = json.loads(command("dataset", "import", str(tmp_path / "in"), "--json", home=home))
    command("dataset", "create", "tags", "--import", imported["import"], "--near-duplicates", "join", home=home)

    refused = train(home, "iterations=2", code=65)
    assert "the gate refused" in refused
    assert "mAP50" in refused
    assert models(home) == []

    train(home, *LENIENT, "iterations=30", "validate_every=30")
    (model,) = models(home)
    assert (model["version"], model["approval"]) == ("1.0.0", "PendingManualApproval")

    assert "trained" in train(home, *LENIENT, "iterations=30", "validate_every=30")
    assert len(models(home)) == 1

    command("model", "approve", "1.0.0", "--why", "looked at", "--who", "ana", home=home)
    assert models(home)[0]["approval"] == "Approved"
    check_package(home, tmp_path / "package")


def check_package(home: Path, folder: Path) -> None:
    """See that a device would take the registered package."""
    archive = next((home / "s3/edge-inspector/models/tags/1.0.0").glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    package = ModelPackage.open(folder)
    assert (package.manifest.name, package.manifest.version) == ("tags", "1.0.0")
    assert package.manifest.dataset_version
    with OnnxDetector(package, threads=1) as detector:
        checks = list(verify(package, detector))
    assert not [check.problems for check in checks if check.problems]
