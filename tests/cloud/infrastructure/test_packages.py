"""What functions find in AWS is all that they need: each one runs from it in an interpreter that has nothing else."""

import json
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.infrastructure.packages import FUNCTIONS, ROOT, Target, gather, install, make_packages
from cloud_side.monitoring.functions import SILENT_AFTER_VARIABLE, TABLE_VARIABLE, TOPIC_VARIABLE, WATCH
from cloud_side.monitoring.heard import KEY, KIND
from component.model.build import SHIPPED_MODEL
from edge_inspector.errors import ConfigError

pytestmark = pytest.mark.thorough

ALL = [WATCH, *(function for workflow in WORKFLOWS for function in workflow.functions)]
REGION = "eu-central-1"
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
BUILDS = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from cloud_side.deployment.building import build_component
built = build_component(Path(sys.argv[3]), "com.edgeinspector.Model", Path(sys.argv[4]))
artifacts = sorted(each.name for each in built.artifacts)
recipes = [each.name for each in Path(sys.argv[4], "recipes").iterdir()]
print(json.dumps({"recipes": recipes, "artifacts": artifacts, "content": built.content}))
"""
Asked = list[tuple[str, object]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return code and libraries, the latter for this machine, since those for AWS may not run here."""
    cache = tmp_path_factory.mktemp("cache")
    libraries, _ = install(cache, print, HERE)
    return gather(cache / "code"), libraries / "python"


@contextmanager
def an_account() -> Iterator[Mapping[str, str]]:
    """Return the environment in which AWS's APIs are answered by a server of this machine, with empty buckets."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    said = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
        TABLE_VARIABLE: "stations",
        TOPIC_VARIABLE: "arn:aws:sns:eu-central-1:123456789012:edge-inspector",
        SILENT_AFTER_VARIABLE: "15",
    }
    session = boto3.Session("test", "test", region_name=REGION)
    endpoint = said["AWS_ENDPOINT_URL"]
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")):
        pass  # all accounts of a process are one
    events = json.loads((RECORDED / "events.json").read_text()).values()
    for bucket in {"edge-inspector", *(event["bucket"] for event in events if "bucket" in event)}:
        session.client("s3", endpoint_url=endpoint).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    session.client("dynamodb", endpoint_url=endpoint).create_table(
        TableName="stations",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}, {"AttributeName": KIND, "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (KEY, KIND)],
    )
    yield said
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
    return [(function.handler, events.get(function.handler, {})) for function in ALL]


@pytest.fixture(scope="module")
def here(asked: Asked) -> dict[str, dict[str, Any]]:
    """Return what they answer where the product is developed."""
    with an_account() as account:
        answers = called([sys.executable], (ROOT, ROOT / "src"), asked, account)
    return {handler: answer for (handler, _), answer in zip(asked, answers, strict=True)}


@pytest.fixture(scope="module")
def there(asked: Asked, folders: tuple[Path, Path]) -> dict[str, dict[str, Any]]:
    """Return what they answer in the same order in an interpreter that has nothing but what functions have in AWS."""
    with an_account() as account:
        answers = called(EMPTY, folders, asked, account)
    return {handler: answer for (handler, _), answer in zip(asked, answers, strict=True)}


@pytest.mark.parametrize("handler", sorted({function.handler for function in ALL}))
def test_a_function_does_in_an_empty_interpreter_what_it_does_here(
    handler: str, here: Mapping[str, Mapping[str, Any]], there: Mapping[str, Mapping[str, Any]]
) -> None:
    assert there[handler] == here[handler]
    assert there[handler].get("error") not in {"ImportError", "ModuleNotFoundError", "AttributeError"}


def test_what_can_be_done_in_an_empty_bucket_is_done(here: Mapping[str, Mapping[str, Any]]) -> None:
    done = {handler.rpartition(".")[2] for handler, answer in here.items() if "result" in answer}
    assert {"watch", "settle", "find", "query"} <= done


def test_the_component_of_a_model_is_built_as_it_is_here(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """What no call without an approved model comes to: a function that could not would reject every model."""
    built = []
    for python, paths in ((EMPTY, folders), ([sys.executable], (ROOT, ROOT / "src"))):
        command = [*python, "-c", BUILDS, *map(str, paths), str(SHIPPED_MODEL), str(tmp_path / "build")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        built.append(json.loads(done.stdout.splitlines()[-1]))
    assert built[0] == built[1]
    assert built[0]["recipes"] == ["com.edgeinspector.Model.json"]
    assert built[0]["artifacts"] == ["install.sh", "model.tar"]


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
