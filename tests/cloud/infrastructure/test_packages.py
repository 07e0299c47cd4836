"""What functions find in AWS is all that they need: each one runs from it in an interpreter that has nothing else."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.infrastructure.packages import FUNCTIONS, ROOT, Target, gather, install, make_packages
from edge_inspector.errors import ConfigError

pytestmark = pytest.mark.thorough

ALL = [function for workflow in WORKFLOWS for function in workflow.functions]
RECORDED = Path(__file__).parent / "recorded"
HERE = Target(".".join(platform.python_version_tuple()[:2]), platform.machine())
EMPTY = [str(Path(sys.base_prefix) / "bin" / "python3"), "-I", "-S"]
CALLED = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
answers = []
for handler, event in json.load(sys.stdin):
    module, _, name = handler.rpartition(".")
    try:
        answers.append({"result": getattr(importlib.import_module(module), name)(event, None)})
    except Exception as error:
        answers.append({"error": type(error).__name__, "message": str(error)})
print(json.dumps(answers))
"""
Asked = list[tuple[str, object]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return code and libraries, the latter for this machine, since those for AWS may not run here."""
    cache = tmp_path_factory.mktemp("cache")
    libraries, _ = install(cache, print, HERE)
    return gather(cache / "code"), libraries / "python"


@pytest.fixture(scope="module")
def aws() -> Iterator[Mapping[str, str]]:
    """Return the environment in which AWS's APIs are answered by a server of this machine, with nothing in it."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    server.stop()


def called(
    python: list[str], paths: tuple[Path, Path], asked: Asked, environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return what handlers answer to events in a process of its own."""
    done = subprocess.run(
        [*python, "-c", CALLED, *map(str, paths)],
        input=json.dumps(asked),
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.fixture(scope="module")
def asked() -> Asked:
    """Return each function with an event as it was recorded."""
    events = json.loads((RECORDED / "events.json").read_text())
    return [(function.handler, events[function.handler]) for function in ALL]


@pytest.fixture(scope="module")
def here(asked: Asked, aws: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return what they answer where the product is developed."""
    answers = called([sys.executable], (ROOT, ROOT / "src"), asked, aws)
    return {handler: answer for (handler, _), answer in zip(asked, answers, strict=True)}


@pytest.mark.parametrize("number", range(len(ALL)), ids=lambda number: ALL[number].name)
def test_a_function_does_in_an_empty_interpreter_what_it_does_here(
    number: int,
    asked: Asked,
    here: Mapping[str, Mapping[str, Any]],
    folders: tuple[Path, Path],
    aws: Mapping[str, str],
) -> None:
    (there,) = called(EMPTY, folders, [asked[number]], aws)
    assert there == here[asked[number][0]]
    assert there.get("error") not in {"ImportError", "ModuleNotFoundError", "AttributeError", "FileNotFoundError"}


def test_libraries_are_those_of_the_lock_for_the_machine_that_functions_run_on(tmp_path: Path) -> None:
    told: list[str] = []
    packages = make_packages(tmp_path / "cache", told.append)
    assert told == ["installing the libraries of functions for Python 3.13 on aarch64, once"]
    built = {path.name for path in packages.libraries.rglob("*.so")}
    assert any("aarch64" in name for name in built)
    assert not any("x86_64" in name for name in built)
    again = make_packages(tmp_path / "cache", told.append)
    assert again == packages
    assert len(told) == 1


def test_code_is_that_of_functions_alone(folders: tuple[Path, Path]) -> None:
    code, _ = folders
    assert sorted(each.name for each in code.iterdir()) == ["cloud_side", "component", "edge_inspector"]
    assert not (code / "cloud_side" / "infrastructure").exists()
    assert not (code / "edge_inspector" / "shipped_model").exists()
    assert (code / "component" / "model" / "recipe.json").is_file()


def test_what_does_not_fit_into_a_function_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.infrastructure.packages._MOST_BYTES", 1_000_000)
    monkeypatch.setattr("cloud_side.infrastructure.packages.install", lambda cache, *_: (cache / "nothing", "0"))
    with pytest.raises(ConfigError, match="expected at most 1000000"):
        make_packages(tmp_path, print)


def test_a_lock_that_is_not_there_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.infrastructure.packages._LOCK", tmp_path / "functions.txt")
    with pytest.raises(ConfigError, match="expected a checkout of the product"):
        make_packages(tmp_path, print)


def test_libraries_that_cannot_be_installed_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "functions.txt"
    lock.write_text("six==1.17.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr("cloud_side.infrastructure.packages._LOCK", lock)
    with pytest.raises(ConfigError, match=r"functions\.txt: the libraries of functions cannot be installed: .*hash"):
        install(tmp_path, lambda _: None, FUNCTIONS)
    assert not list(tmp_path.glob("libraries-*[0-9a-f]"))
