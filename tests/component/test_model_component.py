import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from component.errors import BuildError
from component.model.build import PROJECT, SHIPPED_MODEL, build, check_model, main
from edge_inspector.detectors.model_file import SCHEMA, ModelPackage
from edge_inspector.models.pointer import PointerWatch
from tests.component.device import Device, empty_device
from tests.mosquitto import eventually
from tests.onnx_models import bright_spot_model

ARTIFACTS = "artifacts/com.edgeinspector.Model/NEXT_PATCH"


@pytest.fixture
def device() -> Iterator[Device]:
    with empty_device("com.edgeinspector.Model") as device:
        yield device


def model(folder: Path, version: str = "1.0.0", note: str = "") -> Path:
    """Write a model package with a sub-folder."""
    path = bright_spot_model(folder)
    manifest = path / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"name": "spots", "version": version}))
    (path / "notes").mkdir(exist_ok=True)
    (path / "notes" / "note.txt").write_text(note)
    return path


def built(tmp_path: Path, version: str, note: str = "") -> Path:
    folder = tmp_path / f"{version}{note}"
    build(model(folder / "model", version, note), folder / "build")
    return folder / "build" / ARTIFACTS


def install(device: Device, artifacts: Path) -> subprocess.CompletedProcess[str]:
    """Do what the recipe's install step does."""
    return device.run("sh", artifacts / "install.sh", artifacts / "model.tar", device.work)


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_shipped_model_is_built_by_default_and_is_the_same_every_time(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "first")]) == 0
    shutil.copytree(SHIPPED_MODEL, tmp_path / "copy")
    assert main([str(tmp_path / "copy"), "--out", str(tmp_path / "second")]) == 0
    sums = (tmp_path / "first" / "SHA256SUMS").read_text()
    assert sums == (tmp_path / "second" / "SHA256SUMS").read_text()
    assert set(tree(tmp_path / "first")) == {
        f"{ARTIFACTS}/install.sh", f"{ARTIFACTS}/model.tar", "recipes/com.edgeinspector.Model.json", "SHA256SUMS",
    }  # fmt: skip
    with tarfile.open(tmp_path / "first" / ARTIFACTS / "model.tar") as archive:
        place = f"metal-tags/{json.loads((SHIPPED_MODEL / 'model.json').read_text())['version']}"
        assert set(archive.getnames()) == {f"{place}/{name}" for name in tree(SHIPPED_MODEL)}


def test_the_model_folder_may_come_from_the_environment_and_relative_to_where_gdk_runs(tmp_path: Path) -> None:
    model(tmp_path / "mine")
    ((_, settings),) = json.loads((PROJECT / "gdk-config.json").read_text())["component"].items()
    project = tmp_path / "a" / "copy"
    project.mkdir(parents=True)
    command = [each.replace("../..", str(PROJECT.parents[1])) for each in settings["build"]["custom_build_command"]]
    told = subprocess.run(
        [*command, "--out", "out"], cwd=project, env={"PATH": "/usr/bin:/bin", "MODEL_DIR": "../../mine"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == f"out/{ARTIFACTS}: spots/1.0.0\n"


def test_the_schema_is_that_of_the_device() -> None:
    assert json.loads((SHIPPED_MODEL / "model.json").read_text())["schema"] == SCHEMA
    assert check_model(SHIPPED_MODEL) == "metal-tags/1.1.0"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": "edge-inspector/model/2"}, "expected the schema 'edge-inspector/model/1', found 'edge-inspector/"),
        ({"name": "../spots"}, "expected a name that can be a folder, found '../spots'"),
        ({"version": "1/0"}, "expected a version that can be a folder, found '1/0'"),
        ({"files": [{"path": "gone.onnx", "sha256": ""}]}, "expected a file of the model package, found No such file"),
        ({"files": [{"path": "model.json", "sha256": "00"}]}, "model.json: expected sha256 00, found "),
        ({"golden": [{"image": "gone.png"}]}, "gone.png: expected a file of the model package, found No such file"),
        ({"files": None}, "expected a model package, found TypeError"),
    ],
)
def test_a_package_that_is_not_whole_is_not_built(
    change: dict[str, object], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = model(tmp_path / "model") / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(BuildError) as ended:
        check_model(tmp_path / "model")
    assert expected in str(ended.value)
    assert main([str(tmp_path / "model"), "--out", str(tmp_path / "build")]) == 1
    assert capsys.readouterr().err == f"error: {ended.value}\n"


def test_a_model_is_installed_by_a_user_without_rights_and_its_pointer_moves_last(
    device: Device, tmp_path: Path
) -> None:
    first = device.hand_over(built(tmp_path, "1.0.0"), "first")
    done = install(device, first)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    models = device.work / "models"
    assert (models / "current").read_text() == "spots/1.0.0\n"
    assert {path.name for path in models.iterdir()} == {"current", "spots"}
    assert ModelPackage.open(models / "spots" / "1.0.0").manifest.name == "spots"
    assert (models / "spots" / "1.0.0" / "notes" / "note.txt").is_file()

    pointer = PointerWatch(models)
    assert pointer.take() == b"spots/1.0.0\n"
    assert install(device, first).returncode == 0
    eventually(lambda: pointer.is_due(time.monotonic()), what="the inspector answers the same deployment again")
    assert (models / "current").read_text() == "spots/1.0.0\n"

    other = install(device, device.hand_over(built(tmp_path, "1.0.0", "changed"), "other"))
    assert other.returncode == 1
    assert other.stderr == (
        "edge-inspector-model: spots/1.0.0 is on this device with other content; "
        "expected a new version for a new model\n"
    )
    assert (models / "spots" / "1.0.0" / "notes" / "note.txt").read_text() == ""
    assert {path.name for path in models.iterdir()} == {"current", "spots"}


def test_the_last_three_models_stay_and_an_older_one_can_be_named_again(device: Device, tmp_path: Path) -> None:
    artifacts = {
        version: device.hand_over(built(tmp_path, version), version)
        for version in ("1.0.0", "1.1.0", "1.2.0", "1.10.0")
    }
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.0.0", "1.10.0"):
        assert install(device, artifacts[version]).returncode == 0
        assert (device.work / "models" / "current").read_text() == f"spots/{version}\n"
    kept = {path.name for path in (device.work / "models" / "spots").iterdir()}
    assert kept == {"1.2.0", "1.0.0", "1.10.0"}


def test_the_model_that_is_named_stays_also_when_the_clock_has_gone_back(device: Device, tmp_path: Path) -> None:
    artifacts = device.hand_over(built(tmp_path, "1.0.0"), "1.0.0")
    assert install(device, artifacts).returncode == 0
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        later = device.work / "models" / "spots" / version
        later.mkdir()
        device.own(later)
        os.utime(later, (4e9, 4e9))
    assert install(device, artifacts).returncode == 0
    assert (device.work / "models" / "spots" / "1.0.0" / "model.json").is_file()


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_a_damaged_archive_changes_nothing(device: Device, tmp_path: Path, content: bytes) -> None:
    first = device.hand_over(built(tmp_path, "1.0.0"), "first")
    assert install(device, first).returncode == 0
    damaged = device.hand_over(built(tmp_path, "2.0.0"), "damaged")
    (damaged / "model.tar").write_bytes(content)
    refused = install(device, damaged)
    assert refused.returncode == 1
    assert refused.stderr.startswith("edge-inspector-model: ")
    assert len(refused.stderr.splitlines()) == 1
    assert (device.work / "models" / "current").read_text() == "spots/1.0.0\n"
    assert {path.name for path in (device.work / "models").iterdir()} == {"current", "spots"}


def test_the_script_says_how_it_is_used(device: Device) -> None:
    device.own(device.work)
    told = device.run("sh", device.hand_over(PROJECT, "project") / "install.sh", "model.tar")
    assert (told.returncode, told.stderr) == (2, "usage: install.sh ARCHIVE WORK\n")
