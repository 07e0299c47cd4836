"""Which networks are trained: one where some images are kept for the test, else one a fold and one that knows all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cloud_side.training.dataset import Example, Images, Mode, TrainingData, read_labels
from cloud_side.training.folds import Folds
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.plan import Plan, plan_of
from cloud_side.training.places import FINAL, fold_run
from cloud_side.training.simulated.tags import training_tags
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError

# The lines that thresholds are chosen on and the demo shows have other seeds.
SIMULATED_SEED: Final = 1_000
SIMULATED_DEFECT_RATE: Final = 0.65
SIMULATED_CLASS: Final = "scratch"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One network to train.

    Attributes:
        name: `final`, or that of a fold.
        train: Images that it learns from.
        held_out: Images that it does not know, to watch it by; may be empty.
        plan: How.
    """

    name: str
    train: Images
    held_out: Images
    plan: Plan


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """All that a training job does.

    Attributes:
        data: What is known of all images.
        runs: In the order in which they are trained; the final one comes last.
        simulated: Learned from by each of them; may be empty.
    """

    data: TrainingData
    runs: tuple[Run, ...]
    simulated: Sequence[Example]


def course(
    train: Path, validation: Path | None, asked: Hyperparameters, processes: int, report: Callable[[str], object]
) -> Course:
    """Return what is to be trained; images are read later.

    Args:
        train: Folder of the training images, with `dataset.json`.
        validation: Folder of those to watch by; None or an empty list in folds mode.
        asked: The hyperparameters.
        processes: That share this host's cores.
        report: Gets a line on what is trained.

    Raises:
        ConfigError: If the data are incomplete, or simulated tags are asked for that do not fit them.
    """
    data = TrainingData.read(train)
    rows = read_labels(train, data.class_names)
    known = Images(rows, data.color)
    if not known:
        msg = f"{train}: expected labeled images, found none"
        raise ConfigError(msg)
    plan = plan_of(asked, data.model_wh, len(data.class_names), data.color.channels, processes, known.rows)
    runs: list[Run] = []
    if data.mode is Mode.FOLDS:
        folds = Folds(tuple(frozenset(groups) for groups in data.folds))
        for number in range(len(folds)):
            inside, outside = folds.split(known.rows, number)
            images = Images(inside, data.color), Images(outside, data.color)
            runs.append(Run(fold_run(number), *images, replace(plan, seed=plan.seed + 1 + number)))
        held_out = Images([], data.color)
    else:
        held_out = Images(read_labels(validation, data.class_names) if validation else [], data.color)
    runs.append(Run(FINAL, known, held_out, plan))
    width, height = plan.shape.model_wh
    parts = "" if plan.crop_wh is None else f" in parts of {plan.crop_wh[0]} x {plan.crop_wh[1]}"
    report(
        f"{data.name}: {len(known)} images, classes {', '.join(data.class_names)}, input {width} x {height} "
        f"{data.color}{parts}, runs {', '.join(run.name for run in runs)}"
    )
    return Course(data, tuple(runs), _simulated(asked, data))


def _simulated(asked: Hyperparameters, data: TrainingData) -> list[Example]:
    if not asked.simulated_tags:
        return []
    if data.color is not Color.GRAY or SIMULATED_CLASS not in data.class_names:
        msg = (
            f"hyperparameter simulated_tags: expected grey images with the class {SIMULATED_CLASS}, "
            f"found {data.color} images with {', '.join(data.class_names)}"
        )
        raise ConfigError(msg)
    class_id = data.class_names.index(SIMULATED_CLASS)
    tags = training_tags(SIMULATED_SEED, asked.simulated_tags, defect_rate=SIMULATED_DEFECT_RATE)
    return [replace(tag, class_ids=tag.class_ids * 0 + class_id) for tag in tags]
