"""The built wheel: what is in it, and that it runs without the source tree."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from edge_inspector import __version__
from edge_inspector.simulation import plan_tag, render_tag
from tests.daemons import PATIENCE_S

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("installed")
    quickly = ("--no-compile", "--disable-pip-version-check", "--no-cache-dir")
    alone = ("--no-deps", "--no-index", "--target", str(folder))
    command = [sys.executable, "-m", "pip", "install", *quickly, *alone, str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    return folder


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def run(installed: Path, cwd: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python with the installed wheel before the editable installation of the source tree, away from it."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert tops == {"edge_inspector", f"edge_inspector-{__version__}.dist-info"}
    assert wheel.name == f"edge_inspector-{__version__}-py3-none-any.whl"


def test_the_wheel_holds_every_module_the_types_marker_and_the_licence(wheel: Path) -> None:
    source = REPOSITORY / "src"
    modules = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    found = set(names(wheel))
    assert modules <= found
    assert "edge_inspector/py.typed" in found
    assert any(name.endswith("/licenses/LICENSE") for name in found)
    assert not [name for name in found if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_holds_the_shipped_model(wheel: Path) -> None:
    found = set(names(wheel))
    assert "edge_inspector/shipped_model/model.json" in found
    assert any(name.startswith("edge_inspector/shipped_model/") and name.endswith(".onnx") for name in found)


def test_the_wheel_holds_the_operator_page_and_the_license_of_what_it_draws_with(wheel: Path) -> None:
    source, static = REPOSITORY / "src", REPOSITORY / "src" / "edge_inspector" / "page" / "static"
    files = {path.relative_to(source).as_posix() for path in static.rglob("*") if path.is_file()}
    found = set(names(wheel))
    assert "edge_inspector/page/static/index.html" in files
    assert files <= found
    assert any(
        name.endswith(".dist-info/licenses/src/edge_inspector/page/static/vendor/uplot/LICENSE") for name in found
    )


def test_the_wheel_is_what_runs_here(installed: Path, tmp_path: Path) -> None:
    told = run(installed, tmp_path, ["-c", "import edge_inspector; print(edge_inspector.__file__)"])
    assert Path(told.stdout.strip()).is_relative_to(installed)
    version = run(installed, tmp_path, ["-m", "edge_inspector", "--version"])
    assert version.stdout == f"edge-inspector {__version__}\n"


def test_the_wheel_inspects_an_image_with_its_own_model(installed: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "part.png"), render_tag(plan_tag(0, 1)))
    ended = run(installed, tmp_path, ["-m", "edge_inspector", "inspect", "part.png"])
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith('{"image": "part.png", "outcome": ')


def test_the_wheel_asks_for_what_it_imports_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"edge_inspector-{__version__}.dist-info/METADATA").decode()
    wanted = {line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Requires-Dist")}
    always = {line.split(">")[0].split("<")[0].strip() for line in wanted if "extra ==" not in line}
    own = {
        "anyio", "awsiotsdk", "numpy", "onnxruntime", "opencv-python-headless", "paho-mqtt", "prometheus-client",
        "pydantic", "pymodbus", "starlette", "uvicorn",
    }  # fmt: skip
    assert always == own
