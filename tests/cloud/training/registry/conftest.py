"""A local engine with a bucket and a model package group, and the files of training runs to be registered."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_side.local.opening import open_local
from cloud_side.objects import Bucket
from cloud_side.training.gate.limits import Limits
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.registry.registering import Made, Origin
from cloud_side.training.steps import gate
from tests.cloud.training.gate.run_files import BETTER, THRESHOLDS, VERSION, WORSE, change, folders_of, write, write_run

REGION = {"LocationConstraint": "eu-central-1"}
GROUP = "edge-inspector"
IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/edge-inspector:1"
NAME = "metal-tags"
AT_ALL = Limits(most_escapes=1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Have one engine for a module, whose tests each have a bucket and a group of their own."""
    cloud = open_local(tmp_path_factory.mktemp("registry") / "engine")
    yield SimpleNamespace(client=cache(cloud.session.client), folder=cloud.home.folder)
    cloud.close()


@pytest.fixture
def group(engine: Any, request: pytest.FixtureRequest) -> str:
    name = f"g{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"
    engine.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


@pytest.fixture
def bucket(engine: Any, group: str) -> Bucket:
    engine.client("s3").create_bucket(Bucket=group, CreateBucketConfiguration=REGION)
    return Bucket(engine.client("s3"), group)


@pytest.fixture
def sagemaker(engine: Any) -> Any:
    return engine.client("sagemaker")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, str, Limits], Path]:
    """Return a function that gives the folder of a run that was judged, of a good or a poor model; only to be read."""

    @cache
    def of(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        write_run(folder, BETTER if kind == "good" else WORSE)
        return folder

    @cache
    def of_version(kind: str, name: str, version: str, limits: Limits) -> Path:
        folder = Path(shutil.copytree(of(kind), tmp_path_factory.mktemp("judged"), dirs_exist_ok=True))
        change(folder / "champion/champion.json", lambda said: said.update(name=name, next_version=version))
        gate.run(folders_of(folder), folder / "gate", limits)
        return folder

    return of_version


@pytest.fixture
def make_run(judged: Callable[[str, str, str, Limits], Path], tmp_path: Path) -> Callable[..., Made]:
    """Return a function that writes what the steps before `register` make, judged by the gate."""

    def make(
        version: str = "1.0.0",
        *,
        kind: str = "good",
        limits: Limits = AT_ALL,
        name: str = NAME,
        dataset_version: str = VERSION,
    ) -> Made:
        folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        shutil.copytree(judged(kind, name, version, limits), folder)
        made = Made(*(folder / each for each in ("package", "evaluation", "optimization", "gate", "packages")))
        (made.evaluation / "evaluation.html").write_text("<p>scores</p>", encoding="utf-8")
        _package(made.package, name, version)
        shutil.copytree(made.package, made.packages / "final")
        learned = {"hyperparameters": Hyperparameters(seed=7).model_dump(), "git_commit": "0123abc"}
        change(made.packages / "training.json", lambda said: said.update(learned))
        change(made.packages / "training.json", lambda said: said["dataset"].update(version=dataset_version))
        return made

    return make


def origin(group: str, run: str = "run-1", **more: str) -> Origin:
    return Origin(group, run, IMAGE, **more)


def _package(folder: Path, name: str, version: str) -> None:
    """Write the shipped model's package under another name and version; its file is made small, for nobody runs it."""
    folder.mkdir()
    said = json.loads((files("edge_inspector") / "shipped_model" / "model.json").read_text(encoding="utf-8"))
    content = b"weights"
    metrics = {"map50": 0.91234567, "escapes": 0.0}
    (folder / "metal-tags.onnx").write_bytes(content)
    file = {"path": "metal-tags.onnx", "sha256": hashlib.sha256(content).hexdigest(), "metrics": metrics}
    limits = {label: each.model_dump() for label, each in THRESHOLDS.items()}
    more = {"files": [file], "golden": [], "thresholds": limits}
    write(folder / "model.json", said | {"name": name, "version": version} | more)
