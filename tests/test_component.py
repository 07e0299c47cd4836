import importlib.util
import json
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from edge_inspector import __version__

ROOT = Path(__file__).parent.parent
GDK = json.loads((ROOT / "gdk-config.json").read_text(encoding="utf-8"))
NAME, COMPONENT = next(iter(GDK["component"].items()))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("component_build", ROOT / "component" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recipe(build: ModuleType) -> dict[str, object]:
    text = (ROOT / "recipe.json").read_text(encoding="utf-8")
    return json.loads(build.fill_recipe(text, NAME, COMPONENT["version"], COMPONENT["author"]))


def test_the_build_command_of_gdk_is_the_script() -> None:
    assert COMPONENT["build"] == {"build_system": "custom", "custom_build_command": ["python3", "component/build.py"]}


def test_the_component_has_the_version_of_the_package() -> None:
    assert COMPONENT["version"] == __version__


def test_the_filled_recipe_names_the_component(recipe: dict[str, object]) -> None:
    assert (recipe["ComponentName"], recipe["ComponentVersion"]) == (NAME, COMPONENT["version"])
    assert "{COMPONENT" not in json.dumps(recipe)


def test_the_recipe_is_valid_on_both_nuclei(recipe: dict[str, object]) -> None:
    assert len(json.dumps(recipe, indent=2).encode()) < 7500
    for manifest in recipe["Manifests"]:  # type: ignore[attr-defined]
        assert manifest["Platform"]["runtime"] == "*"
        assert set(manifest["Lifecycle"]) == {"install", "run"}
        for step in manifest["Lifecycle"].values():
            assert step["RequiresPrivilege"] is False
            assert "\n" not in step["Script"]
            rest = step["Script"]
            for variable in ("{artifacts:decompressedPath}", "{work:path}", "{configuration:/configurationFile}"):
                rest = rest.replace(variable, "")
            assert "{" not in rest  # Greengrass Lite cuts a script at a brace that is no recipe variable
        assert manifest["Lifecycle"]["run"]["Script"].startswith("exec ")


def test_the_archive_holds_wheel_lock_file_and_script_and_is_the_same_every_time(
    build: ModuleType, tmp_path: Path
) -> None:
    wheel = tmp_path / "edge_inspector-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    for name in ("first.zip", "second.zip"):
        build.write_archive(wheel, tmp_path / name)
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert sorted(archive.namelist()) == [wheel.name, "install.sh", "requirements.txt"]
        assert "--hash=sha256:" in archive.read("requirements.txt").decode()


def test_the_install_script_says_in_one_line_that_python_is_missing(tmp_path: Path) -> None:
    script = ROOT / "component" / "install.sh"
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")
    done = subprocess.run(
        ["/bin/sh", str(script), str(tmp_path)], env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "edge-inspector: expected Python 3.11, 3.12 or 3.13 with its venv module, found none\n"
