"""What is really delivered: the wheels of the lock file, installed and started as the recipe says, under a nucleus."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from component.build import main
from component.lock import pins_for, read_lock
from component.model.build import SHIPPED_MODEL
from component.model.build import build as build_model
from component.recipe import read_component
from component.targets import PLATFORMS, PYTHONS, Target
from tests.component.device import Device, empty_device, this_platform
from tests.nucleus.fake import FakeNucleus

ROOT = Path(__file__).parents[2]
COMPONENT = read_component(ROOT)
PATIENCE_S = 60.0

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with empty_device(name="device-") as device:  # Greengrass's own folders have no spaces, and its scripts no quotes
        yield device


@pytest.fixture(scope="module")
def built(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(device.target, tmp_path_factory.mktemp("built"))


def build(target: Target, out: Path) -> Path:
    assert main(["--platform", target.platform.name, "--python", target.version, "--out", str(out)]) == 0
    return out


def step(recipe: Path, name: str, *, work: Path, artifacts: Path) -> list[str]:
    """Return the command of a step of a recipe as a nucleus runs it; the paths end as on Lite."""
    document = json.loads(recipe.read_text(encoding="utf-8"))
    script: str = next(
        manifest["Lifecycle"][name]["Script"]
        for manifest in document["Manifests"]
        if manifest["Platform"]["architecture"] == this_platform().architecture
    )
    return ["sh", "-c", script.replace("{artifacts:path}", f"{artifacts}/").replace("{work:path}", f"{work}/")]


@pytest.fixture(scope="module")
def installed(device: Device, built: Path) -> Device:
    """Do the recipe's install step."""
    artifacts = device.hand_over(built / "artifacts" / COMPONENT.name / COMPONENT.version, COMPONENT.name)
    recipe = built / "recipes" / f"{COMPONENT.name}.json"
    done = device.run(*step(recipe, "install", work=device.work, artifacts=artifacts))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return device


def test_two_builds_of_what_is_delivered_are_the_same_byte_for_byte(
    device: Device, built: Path, tmp_path: Path
) -> None:
    build(device.target, tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text() == (built / "SHA256SUMS").read_text()


def test_what_is_installed_is_all_that_is_needed(installed: Device) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pip", "--python", installed.work / "venv" / "bin" / "python", "check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.stdout == "No broken requirements found.\n"


@pytest.mark.parametrize("flavor", ["java", "lite"])
def test_the_run_step_inspects_under_a_nucleus_and_takes_over_what_the_model_component_leaves(
    installed: Device, built: Path, tmp_path: Path, flavor: Any
) -> None:
    recipe = built / "recipes" / f"{COMPONENT.name}.json"
    defaults = json.loads(recipe.read_text())["ComponentConfiguration"]["DefaultConfiguration"]
    for left in installed.work.iterdir():
        if not left.name.startswith("venv"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    with (
        FakeNucleus(installed.root, flavor, thing_name="press-7", configuration=defaults) as nucleus,
        (tmp_path / "log").open("w") as log,
    ):
        nucleus.socket_path.chmod(0o666)
        nucleus.configure({"source": {"rate_hz": 10}})  # a pace that a busy machine keeps, or it refuses the model
        script = step(recipe, "run", work=installed.work, artifacts=built)
        daemon = installed.start(*script, environment=nucleus.environment, log=log)
        try:
            nucleus.wait_until(lambda: len(results(nucleus)) > 20, PATIENCE_S)
            assert {result["model"]["version"] for result in results(nucleus)} == {"1.0.0"}
            install_model(installed, tmp_path, "1.0.1")
            nucleus.wait_until(lambda: results(nucleus)[-1]["model"]["version"] == "1.0.1", PATIENCE_S)
            daemon.terminate()
            assert daemon.wait(PATIENCE_S) == 0
        except AssertionError as error:
            lines = (tmp_path / "log").read_text().splitlines()
            error.add_note("\n".join(line for line in lines if "inspection_id" not in line))
            raise
        finally:
            daemon.kill()
            daemon.wait()
            shutil.rmtree(installed.work.with_name("com.edgeinspector.Model"), ignore_errors=True)
    assert nucleus.states[0] == "RUNNING"
    topics = {message.topic for message in nucleus.iot_core}
    assert "edge-inspector/site/line/press-7/status" in topics
    assert not any(topic.endswith("/result") for topic in topics)


def results(nucleus: FakeNucleus) -> list[dict[str, Any]]:
    topic = "edge-inspector/site/line/press-7/camera/result"
    return [json.loads(message.payload)["data"] for message in nucleus.local if message.topic == topic]


def install_model(device: Device, folder: Path, version: str) -> None:
    """Do the install step of the model's component: the shipped model with another version and another sha256."""
    package, out = folder / "package", folder / "model"
    shutil.copytree(SHIPPED_MODEL, package)
    manifest = json.loads((package / "model.json").read_text())
    (file,) = manifest["files"]
    network = onnx.load(package / file["path"])
    network.doc_string = version
    onnx.save(network, package / file["path"])
    file["sha256"] = hashlib.sha256((package / file["path"]).read_bytes()).hexdigest()
    (package / "model.json").write_text(json.dumps(manifest | {"version": version}))
    build_model(package, out)
    (artifacts,) = out.glob("artifacts/*/*")
    other = device.beside("com.edgeinspector.Model")
    handed = other.hand_over(artifacts, f"model-{folder.name}")
    recipe = next(out.glob("recipes/*.json"))
    done = other.run(*step(recipe, "install", work=other.work, artifacts=handed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: ".".join(map(str, python)))
def test_pip_finds_every_wheel_of_the_lock_file_for_aarch64_where_it_was_not_run(
    python: tuple[int, int], tmp_path: Path
) -> None:
    target = Target(next(platform for platform in PLATFORMS if platform.machine == "aarch64"), python)
    pins = pins_for(read_lock((ROOT / "requirements" / "edge.txt").read_text(encoding="utf-8")), target)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("".join(f"{pin}\n" for pin in pins))
    # pip compares what a wheel requires with the Python that runs pip; the tags and the lock file know better.
    always = ["--dry-run", "--ignore-installed", "--ignore-requires-python", "--only-binary=:all:", "--require-hashes"]
    where = [f"--target={tmp_path / 'nothing'}", *target.pip_options, f"-r{requirements}"]
    command = [sys.executable, "-m", "pip", "install", "-q", *always, *where]
    resolved = subprocess.run([*command, "--report=-"], capture_output=True, text=True, check=False)
    assert resolved.returncode == 0, resolved.stderr
    found = {each["metadata"]["name"].lower().replace("_", "-") for each in json.loads(resolved.stdout)["install"]}
    assert found == {pin.name for pin in pins}
