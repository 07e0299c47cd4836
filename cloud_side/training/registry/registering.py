"""Registers what passed the gate: its files are kept, and one package is made, which waits for a person."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from cloud_side.objects import Bucket, Client
from cloud_side.training.evaluation.evaluation_file import EvaluationFile, Part
from cloud_side.training.exporting.files import read_json
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.places import EVALUATION_FILE, FINAL, GATE_FILE, OPTIMIZATION_FILE, TRAINING_FILE
from cloud_side.training.registry.keeping import (
    ARCHIVE,
    EVALUATION,
    GATE,
    PREDICTIONS,
    folder_of,
    keep_archive,
    keep_file,
)
from cloud_side.training.registry.packages import (
    COMPARED_WITH,
    NOTHING,
    Registered,
    RegistryError,
    read_package,
    registered,
)
from cloud_side.training.registry.requests import Evidence, Registration, create_request
from cloud_side.training.registry.scores import GateFile
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/registered/1"
_FLOAT: Final = "float32"
_CANDIDATE: Final = "predictions/candidate.jsonl"
_METRICS: Final = ("map50", "map50_95", "escapes", "overkill")


@dataclass(frozen=True, slots=True)
class Made:
    """The folders that the steps before made.

    Attributes:
        package: The model package.
        evaluation: Its scores.
        optimization: What was said of INT8.
        gate: The checks.
        packages: Has `training.json`.
    """

    package: Path
    evaluation: Path
    optimization: Path
    gate: Path
    packages: Path


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from, as its files do not say it.

    Attributes:
        group: Model package group.
        run: The training run.
        image: The container.
        weights_uri: Address of the training job's archive; None where there was none.
        training_job: ARN or name; None where there was none.
    """

    group: str
    run: str
    image: str
    weights_uri: str | None = None
    training_job: str | None = None


class _Optimization(Part):
    schema_: Literal["edge-inspector/optimization/1"] = Field(alias="schema")
    kept: bool


def register(made: Made, origin: Origin, bucket: Bucket, client: Client) -> dict[str, Any]:
    """Keep the files of a model, register it once, and return what `registered.json` says.

    Args:
        made: What the steps before made.
        origin: Where the model comes from.
        bucket: Of the product.
        client: Of SageMaker.

    Raises:
        RegistryError: If the gate holds the model back, it said so of another model, or another content has its version
            already.
        ConfigError: If a file is missing or another one.
        ModelError: If the package is none.
    """
    gate = read_json(made.gate / GATE_FILE, GateFile)
    if not gate.passed:
        msg = f"{made.gate / GATE_FILE}: expected a model that passed the gate, found: {gate.summary}"
        raise RegistryError(msg)
    package = ModelPackage.open(made.package)
    name, version = package.manifest.name, package.manifest.version
    if gate.model != f"{name} {version}":
        msg = (
            f"{made.gate / GATE_FILE}: expected what was said of {name} {version}, found what was said of {gate.model}"
        )
        raise RegistryError(msg)
    for file in package.manifest.files:
        package.read(file)  # its sha256
    scores = read_json(made.evaluation / EVALUATION_FILE, EvaluationFile)
    _check_judged(package, made, scores)
    training = TrainingRecord.read(made.packages)
    is_kept = read_json(made.optimization / OPTIMIZATION_FILE, _Optimization).kept
    sha256 = keep_archive(bucket, name, version, made.package)
    evidence = _keep_evidence(bucket, name, version, made)
    said = Registration(
        group=origin.group,
        name=name,
        version=version,
        run=origin.run,
        model_uri=bucket.address(folder_of(name, version) + ARCHIVE),
        image=origin.image,
        evaluation=evidence[EVALUATION],
        gate=evidence[GATE],
        git_commit=package.manifest.git_commit or training.git_commit,
        training_job=origin.training_job,
        properties=_properties(package, training, origin)
        | {
            "archive_sha256": sha256,
            "int8": "yes" if is_kept else "no",
            "mode": scores.mode,
            COMPARED_WITH: NOTHING if scores.champion is None else scores.champion.version,
        },
    )
    return _document(_register_once(said, client), said)


def _check_judged(package: ModelPackage, made: Made, scores: EvaluationFile) -> None:
    """Let pass the package whose file was exported, and whose thresholds were evaluated, in this run."""
    own, exported = package.file(_FLOAT), ModelPackage.open(made.packages / FINAL).file(_FLOAT)
    if own.sha256 != exported.sha256:
        msg = f"{made.package}: expected the exported file, sha256 {exported.sha256[:12]}, found {own.sha256[:12]}"
        raise RegistryError(msg)
    if (thresholds := package.thresholds(own)) != scores.candidate.thresholds:
        msg = f"{made.package}: expected thresholds {scores.candidate.thresholds}, as evaluated, found {thresholds}"
        raise RegistryError(msg)


def _register_once(said: Registration, client: Client) -> Registered:
    """Return the package of a run, made if it is not there: a token of a client is forgotten after a while."""
    for each in registered(client, said.group):
        if (each.name, each.version) == (said.name, said.version):
            if each.model_uri == said.model_uri:  # its content was found the same
                return each
            msg = f"{each.title}: expected it at {said.model_uri}, found it registered at {each.model_uri}"
            raise RegistryError(msg)
    return read_package(client, client.create_model_package(**create_request(said))["ModelPackageArn"])


def _document(package: Registered, said: Registration) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "package": package.arn,
        "group": said.group,
        "name": said.name,
        "version": said.version,
        "approval": package.approval.value,
        "model_uri": said.model_uri,
        "run": package.properties.get("run", said.run),
    }


def _keep_evidence(bucket: Bucket, name: str, version: str, made: Made) -> dict[str, Evidence]:
    needed = {
        EVALUATION: made.evaluation / EVALUATION_FILE,
        GATE: made.gate / GATE_FILE,
        PREDICTIONS: made.evaluation / _CANDIDATE,
        OPTIMIZATION_FILE: made.optimization / OPTIMIZATION_FILE,
        TRAINING_FILE: made.packages / TRAINING_FILE,
    }
    reports = {path.name: path for folder in (made.evaluation, made.gate) for path in sorted(folder.glob("*.html"))}
    kept = {}
    for called, file in (needed | reports).items():
        if not file.is_file():
            msg = f"{file}: expected a file that an earlier step makes, found none"
            raise ConfigError(msg)
        uri = keep_file(bucket, name, version, file, called)
        kept[called] = Evidence(uri, hashlib.sha256(file.read_bytes()).hexdigest())
    return kept


def _properties(package: ModelPackage, training: TrainingRecord, origin: Origin) -> dict[str, str]:
    hyperparameters = Hyperparameters.parse(training.hyperparameters)
    metrics = package.file(_FLOAT).metrics
    return {
        "dataset": training.dataset.name,
        "dataset_version": training.dataset.version,
        "git_commit": package.manifest.git_commit or training.git_commit or "",
        "trained_at": package.manifest.trained_at or "",
        "seed": str(hyperparameters.seed),
        "size": hyperparameters.size,
        "hyperparameters_sha256": hyperparameters.sha256(),
        "image": origin.image,
        "training_job": origin.training_job or "",
        "weights": origin.weights_uri or "",
        **{f"file:{file.path}": file.sha256 for file in package.manifest.files},
        **{f"metric:{name}": f"{metrics[name]:.6g}" for name in _METRICS if name in metrics},
    }
