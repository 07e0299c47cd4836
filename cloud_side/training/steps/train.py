"""Train: one network, or one a fold and one that knows all images; begins torchrun where several processes shall do it.

Started again in the same folders it goes on where it was: finished runs are not trained again.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from cloud_side.training.dataset import Example, Images
from cloud_side.training.evaluation.scores import map50
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.checkpoints import Checkpoints
from cloud_side.training.learning.launching import command, launch
from cloud_side.training.learning.loop import Surroundings, train
from cloud_side.training.learning.plan import digest
from cloud_side.training.learning.predicting import predicted
from cloud_side.training.learning.ranks import Ranks, joined, read_ranks
from cloud_side.training.learning.record import Result, record, write_record
from cloud_side.training.learning.report import Sample, choose_samples, write_report
from cloud_side.training.learning.runs import Course, Run, course
from cloud_side.training.learning.stopping import Stop, stopping_on_signals
from cloud_side.training.network.model import Network
from cloud_side.training.network.weights import read_weights, take, write_weights
from cloud_side.training.places import CHAMPION, CHAMPION_FILE, FINAL, MODEL, WEIGHTS, channel_folder, ml_root
from cloud_side.training.steps.entry import TRAINING_FAILURE, say, told
from edge_inspector.errors import ConfigError

CHAMPION_WEIGHTS: Final = "weights.pt"
_MOST_WATCHED: Final = 500  # images that a network is scored on while it learns


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a training job reads and writes.

    Attributes:
        train: Images to learn from, with `dataset.json`.
        model: Gets weights, `training.json`, `curves.jsonl` and `report.html`.
        checkpoints: A folder for each run.
        validation: Images to watch by; None where there are none.
        champion: Has the champion's `weights.pt`; None where there is none.
    """

    train: Path
    model: Path
    checkpoints: Path
    validation: Path | None = None
    champion: Path | None = None


def run(
    folders: Folders, asked: Hyperparameters, *, ranks: Ranks | None = None, report: Callable[[str], object] = say
) -> dict[str, Any]:
    """Train all runs and return `training.json`.

    Args:
        folders: Where.
        asked: The hyperparameters.
        ranks: Who this process is, where there are several.
        report: Gets lines of progress, of the first process only.

    Raises:
        ConfigError: If data, hyperparameters and checkpoints do not fit together; says what.
        TrainingStoppedError: If a signal asked for the end.
    """
    ranks = ranks or Ranks()
    tell = report if ranks.is_first else _nothing
    with joined(ranks), stopping_on_signals() as stop:
        whole = course(folders.train, folders.validation, asked, ranks.local_count, tell)
        begin = _beginning(asked, folders.champion, whole.data.class_names, tell)
        results = [_trained(each, whole, folders, ranks, stop, tell, begin) for each in whole.runs]
        if not ranks.is_first:
            return {}
        document = record(asked, whole.data, results, ranks, begin.version if begin is not None else None)
        _write(whole, results, folders.model, document)
        return document


def main() -> int:
    """Train as the program of a training job, or as one of its processes; returns the exit code.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker AI provides training information".
    """
    return told(_job, where=TRAINING_FAILURE)


def _job() -> None:
    root = ml_root()
    config = root / "input/config"
    asked = Hyperparameters.parse(_read(config / "hyperparameters.json"))
    ranks = read_ranks()
    resources = _read(config / "resourceconfig.json", default={})
    hosts, current = resources.get("hosts") or ["localhost"], resources.get("current_host") or "localhost"
    processes = asked.processes or max(1, torch.cuda.device_count())
    if ranks.count == 1 and (len(hosts) > 1 or processes > 1):
        launch(command(hosts, current, processes, os.environ), resources.get("network_interface_name"))
        return
    folders = Folders(
        channel_folder("train"),
        root / MODEL,
        root / "checkpoints",
        _if_there(channel_folder("validation")),
        _if_there(channel_folder(CHAMPION)),
    )
    run(folders, asked, ranks=ranks)


def _trained(  # noqa: PLR0913, PLR0917 - what a run needs
    one: Run,
    whole: Course,
    folders: Folders,
    ranks: Ranks,
    stop: Stop,
    tell: Callable[[str], object],
    begin: "_Beginning | None",
) -> Result:
    names = whole.data.class_names
    # The images of a fold only tell how it ended: they are looked at once.
    plan = one.plan if one.name == FINAL else replace(one.plan, validate_every=one.plan.iterations)
    watched = _watched(one.held_out)
    around = Surroundings(
        ranks,
        Checkpoints(folders.checkpoints / one.name, _fingerprint(one, whole, begin)),
        begin,
        (lambda network: map50(predicted(network, watched, names))) if watched else None,
        stop,
        lambda line: tell(f"{one.name}: {line}"),
        one.plan.iterations * (len(whole.runs) - 1 - whole.runs.index(one)),
    )
    around.report(f"{len(one.train)} images to learn from, {len(one.held_out)} held out, seed {plan.seed}")
    return Result(one.name, plan, train(one.train, whole.simulated, plan, around=around))


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Puts the champion's weights into a new network.

    Attributes:
        version: Of the champion.
        other: Its network.
        names: Its classes.
        sha256: Of its weights.
        class_names: Those of the new network.
        tell: Gets a line on what was taken.
    """

    version: str
    other: Network
    names: Sequence[str]
    sha256: str
    class_names: Sequence[str]
    tell: Callable[[str], object]

    def __call__(self, network: Network) -> None:
        taken = take(network, self.class_names, self.other, self.names)
        self.tell(f"begun from the champion {self.version}: {taken}")


def _beginning(
    asked: Hyperparameters, champion: Path | None, class_names: Sequence[str], tell: Callable[[str], object]
) -> _Beginning | None:
    """Return what puts the champion's weights into a network; None where the beginning is new."""
    if asked.start_from == "scratch":
        return None
    file = champion / CHAMPION_WEIGHTS if champion is not None else None
    if champion is None or file is None or not file.is_file():
        tell("start_from champion: no weights of a champion are kept, so training begins anew")
        return None
    version = _read(champion / CHAMPION_FILE).get("version")
    if not isinstance(version, str):
        msg = f"{champion / CHAMPION_FILE}: version: expected that of the weights beside it, found {version!r}"
        raise ConfigError(msg)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return _Beginning(version, *read_weights(file), sha256, class_names, tell)


def _fingerprint(one: Run, whole: Course, begin: _Beginning | None) -> dict[str, str]:
    images = {row.name: f"{row.sha256} {row.boxes.tolist()} {row.class_ids.tolist()}" for row in one.train.rows}
    return {
        "run": one.name,
        "dataset": whole.data.version,
        "classes": ", ".join(whole.data.class_names),
        "images": digest(images),
        "simulated_tags": str(len(whole.simulated)),
        "start_from": begin.sha256 if begin is not None else "scratch",
        **one.plan.fingerprint(),
    }


def _watched(held_out: Images) -> list[Example] | Images:
    if len(held_out) <= _MOST_WATCHED:
        return held_out
    return held_out[:: -(-len(held_out) // _MOST_WATCHED)]


def _write(whole: Course, results: Sequence[Result], model: Path, document: dict[str, Any]) -> None:
    shutil.rmtree(model / WEIGHTS, ignore_errors=True)
    for each in results:
        write_weights(model / WEIGHTS / f"{each.run}.pt", each.trained.model, whole.data.class_names)
    write_report(model, document, results, _samples(whole, results))
    write_record(model, document, results)


def _samples(whole: Course, results: Sequence[Result]) -> list[Sample]:
    """Return pictures of the first run that has images which it does not know."""
    for one, result in zip(whole.runs, results, strict=True):
        if one.held_out:
            find = partial(predicted, result.trained.model, class_names=whole.data.class_names)
            return choose_samples(one.held_out, find)
    return []


def _read(file: Path, *, default: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if default is not None:
            return default
        msg = f"{file}: expected the job's {file.name}, found no file"
        raise ConfigError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"{file}: expected JSON, found: {error}"
        raise ConfigError(msg) from error
    if not isinstance(read, dict):
        msg = f"{file}: expected values by name, found {type(read).__name__}"
        raise ConfigError(msg)
    return read


def _if_there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _nothing(_line: str) -> None:
    """Tell nobody: the first process speaks for all."""


if __name__ == "__main__":
    sys.exit(main())
