"""All steps on this machine without an engine: the same programs, one after the other, in one folder as /opt/ml."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cloud_side.commands import CommandError
from cloud_side.training import places
from cloud_side.training.dataset import TrainingData
from cloud_side.training.dataset.sources import Source
from cloud_side.training.exporting.files import read_json
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.pipeline.definition import definition
from cloud_side.training.pipeline.parameters import Value, check, chosen, hyperparameters, others, parameters
from cloud_side.training.registry.champions import SCHEMA as CHAMPION_SCHEMA
from cloud_side.training.registry.packages import next_version
from cloud_side.training.registry.scores import GateFile
from cloud_side.training.steps import prepare
from cloud_side.training.steps.entry import PROCESSING_MESSAGE, TRAINING_FAILURE
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError

_OUTPUT: Final = "processing/output"
RESULTS: Final = {
    "training.html": f"{places.MODEL}/report.html",
    "evaluation.html": f"{_OUTPUT}/{places.EVALUATION}/evaluation.html",
    "gate.html": f"{_OUTPUT}/{places.GATE}/gate.html",
    places.EVALUATION_FILE: f"{_OUTPUT}/{places.EVALUATION}/{places.EVALUATION_FILE}",
    places.OPTIMIZATION_FILE: f"{_OUTPUT}/{places.OPTIMIZATION}/{places.OPTIMIZATION_FILE}",
    places.GATE_FILE: f"{_OUTPUT}/{places.GATE}/{places.GATE_FILE}",
}
_WORK: Final = "work"
_HOST: Final = "algo-1"
_EVERY_IMAGE: Final = "2"  # in folds, each image is tested once
_MADE: Final = (
    places.DATA,
    places.CHAMPION,
    places.PACKAGES,
    places.EVALUATION,
    places.OPTIMIZATION,
    places.PACKAGE,
    places.GATE,
)
_LONGEST: Final = 4000  # letters of what a program said before it broke off
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What is trained here.

    Attributes:
        source: Labeled images.
        out: Gets `package/`, the reports and the results; `work/` in it is what training goes on from after a kill.
        model: Name of the model.
        champion: A model package that is compared with; None: there is none.
        said: Hyperparameters and parameters of the pipeline that differ from their defaults.
    """

    source: Source
    out: Path
    model: str
    champion: Path | None = None
    said: Mapping[str, Value] = field(default_factory=dict)


def train_here(wish: Wish, say: Say) -> bool:
    """Run prepare, train, export, evaluate, optimize and gate; what each says is printed.

    Returns:
        Whether the model passed the gate.

    Raises:
        CommandError: If a step fails; says which, and why.
        ConfigError: If something is said that is no parameter, or the data cannot be trained on.
    """
    values = _values(wish)
    root = wish.out.absolute() / _WORK
    _write_champion(root / _OUTPUT / places.CHAMPION, wish.model, wish.champion)
    for line in prepare.summary(_prepared(wish.source, root, values["Folds"])):
        say(line)
    _write_training_input(root, values)
    for name, step in _steps().items():
        say(f"{name.lower()} ...")
        words = step["Arguments"].get("AppSpecification", {}).get("ContainerArguments", ())
        _run(name.lower(), [_word(word, values) for word in words], root)
    _hand_over(root, wish.out)
    return read_json(wish.out / places.GATE_FILE, GateFile).passed


def evaluate_here(model: Path, source: Source, out: Path, say: Say) -> None:
    """Score a model on all images of a source, through the code that runs on the line.

    Args:
        model: A model package, or an ONNX file of whatever trainer.
        source: Labeled images; that the model has not seen them is up to the caller.
        out: Gets `evaluation.html` and `evaluation.json`.
        say: Takes lines of progress.

    Raises:
        CommandError: If it cannot be scored; says why.
    """
    if not model.exists():
        msg = f"--model: expected a model package or an ONNX file, found nothing at {model}"
        raise CommandError(msg)
    root = out.absolute() / _WORK
    _write_champion(root / _OUTPUT / places.CHAMPION, source.name, None)
    for line in prepare.counted(_prepared(source, root, _EVERY_IMAGE)):
        say(line)
    _run("evaluate", ["--package", str(model.absolute())], root)
    _hand_over(root, out)


def _link_inputs(root: Path) -> None:
    """Let every step find what the steps before it made: an input is the output of the same name."""
    made = root / _OUTPUT
    links = {f"processing/input/{name}": made / name for name in _MADE}
    links |= {"processing/input/model": root / places.MODEL, f"input/data/{places.CHAMPION}": made / places.CHAMPION}
    links |= {f"input/data/{name}": made / places.DATA / name for name in ("train", "validation")}
    for place, target in links.items():
        link = root / place
        link.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)


def _write_champion(folder: Path, model: str, champion: Path | None) -> None:
    """Write what is compared with, as the registry would tell it.

    Raises:
        ModelError: If it is no model package.
    """
    manifest = None if champion is None else ModelPackage.open(champion).manifest
    version, dataset = (None, None) if manifest is None else (manifest.version, manifest.dataset_version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if champion is not None:
        shutil.copytree(champion, folder / places.PACKAGE)
    document = {
        "schema": CHAMPION_SCHEMA,
        "package": None if champion is None else str(champion.absolute()),
        "name": model,
        "version": version,
        "next_version": next_version([] if version is None else [version]),
        "dataset_version": dataset,
        "run": None,
    }
    (folder / places.CHAMPION_FILE).write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")


def _values(wish: Wish) -> dict[str, str]:
    """Return the value of every parameter.

    Raises:
        ConfigError: With a line for each that is unknown or does not fit.
    """
    check(wish.said, (*others(), *hyperparameters()))
    about = {"Dataset": wish.source.name, "ModelName": wish.model}
    chosen(about)
    if wish.said.get("start_from") == "champion":
        msg = "start_from: expected scratch here, found champion: weights to begin with are only in a registry"
        raise ConfigError(msg)
    return {each.name: str({**wish.said, **about}.get(each.name, each.default)) for each in parameters()}


def _steps() -> dict[str, Any]:
    """Return the steps after prepare and before the registry, in their order."""
    found = {each["Name"]: each for each in definition()["Steps"]}
    return {
        name: step for name, step in found.items() if step["Type"] in ("Processing", "Training") and name != "Prepare"
    }


def _word(word: Any, values: Mapping[str, str]) -> str:  # noqa: ANN401 - a text, or what stands for one
    return word if isinstance(word, str) else values[str(word["Get"]).partition(".")[2]]


def _prepared(source: Source, root: Path, folds: str) -> TrainingData:
    _link_inputs(root)
    return prepare.run(source, root / _OUTPUT / places.DATA, folds=folds)


def _write_training_input(root: Path, values: Mapping[str, str]) -> None:
    names = ("train", "validation", places.CHAMPION)
    documents = {
        "hyperparameters": {name: values[name] for name in Hyperparameters.model_fields},
        "resourceconfig": {"current_host": _HOST, "hosts": [_HOST]},
        "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in names},
    }
    folder = root / "input/config"
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def _run(name: str, words: list[str], root: Path) -> None:
    reasons = [root / each for each in (PROCESSING_MESSAGE, TRAINING_FAILURE)]
    for reason in reasons:
        reason.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"cloud_side.training.steps.{name}", *words]
    environment = {**os.environ, places.ROOT_VARIABLE: str(root), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=False)  # noqa: S603 - ours
    if done.returncode == 0:
        return
    said = done.stderr.decode(errors="replace")[-_LONGEST:]
    why = next((reason.read_text(encoding="utf-8") for reason in reasons if reason.is_file()), said)
    msg = "\n".join(f"{name}: {line}" for line in why.splitlines() or [f"ended with {done.returncode}"])
    raise CommandError(msg)


def _hand_over(root: Path, out: Path) -> None:
    """Put what people look at beside the work."""
    made = root / _OUTPUT
    if (made / places.PACKAGE / "model.json").is_file():
        shutil.rmtree(out / places.PACKAGE, ignore_errors=True)
        shutil.copytree(made / places.PACKAGE, out / places.PACKAGE)
    for name, place in RESULTS.items():
        if (root / place).is_file():
            shutil.copyfile(root / place, out / name)
