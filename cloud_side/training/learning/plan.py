"""How one network is trained: hyperparameters and what the data ask for, as values that the loop takes."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.dataset.suggesting import suggest_crop
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.precision import Precision
from cloud_side.training.network.loss import LossWeights
from cloud_side.training.network.model import Shape, shape_of
from cloud_side.training.variation.augment import Augmentation
from cloud_side.training.variation.defect_bank import Lifting

_VALIDATIONS: Final = 10  # in a run, where nobody says how many
_FEWEST_BETWEEN: Final = 20  # steps: of a short run the scores in between would take longer than the steps


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Attributes:
        iterations: Number of steps.
        batch: Images per step, over all processes.
        learning_rate: Highest rate of the first cycle.
        weight_decay: Of convolution weights.
        average: How slowly the averaged weights follow, in [0, 1).
        simulated_share: Of each batch, when there are photographs too.
        seed: Chooses weights, order and variation.
        shape: The network.
        crop_wh: Width and height of the parts that are trained on, in pixels; None for whole images.
        augmentation: The variation.
        loss: Its mixture.
        precision: Of the convolutions; `float64` is for comparisons, and all of the arithmetic.
        cycles: How often the rate rises and falls; what each ends with is averaged.
        faint_from: Step from which on the variation's `faint_share` and `fade_share` hold.
        validate_every: Steps.
        checkpoint_every: Steps.
        workers: Processes that prepare batches; 0 for none.
        threads: Of the arithmetic.
    """

    iterations: int = 2000
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    average: float = 0.995
    simulated_share: float = 0.4
    seed: int = 1
    shape: Shape = field(default_factory=Shape)
    crop_wh: tuple[int, int] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: LossWeights = field(default_factory=LossWeights)
    precision: Precision = "auto"
    cycles: int = 1
    faint_from: int = 0
    validate_every: int = 200
    checkpoint_every: int = 100
    workers: int = 0
    threads: int = 1

    @property
    def input_wh(self) -> tuple[int, int]:
        """Width and height of what is trained on, in pixels."""
        return self.crop_wh or self.shape.model_wh

    def augmentation_at(self, step: int) -> Augmentation:
        """Return the variation of a step: a network learns what a defect is before it learns what is too faint."""
        return self.augmentation if step >= self.faint_from else self.augmentation.without_faint()

    def fingerprint(self) -> dict[str, str]:
        """Return what decides the weights, by name: not how the work is done."""
        how = ("validate_every", "checkpoint_every", "workers", "threads")
        return {name: json.dumps(value) for name, value in asdict(self).items() if name not in how}


def plan_of(  # noqa: PLR0913, PLR0917 - what is asked, and what the data ask for
    asked: Hyperparameters,
    model_wh: tuple[int, int],
    n_classes: int,
    channels: int,
    processes: int,
    images: Iterable[LabeledImage] = (),
) -> Plan:
    """Return the plan of a run.

    Args:
        asked: The hyperparameters; a model size that they leave open is that of the data.
        model_wh: Width and height of the input that the data ask for, in pixels.
        n_classes: Number of defect classes.
        channels: 1 for grey, 3 for BGR.
        processes: That share this host's cores.
        images: Whose defects say what is trained on, parts or whole images, where nobody says it.
    """
    wanted_wh = (asked.model_width or model_wh[0], asked.model_height or model_wh[1])
    shape = shape_of(asked.size, wanted_wh, n_classes, channels)
    crop = suggest_crop(images, wanted_wh) if asked.crop == "auto" else asked.crop
    crop_wh = (min(crop, wanted_wh[0]), min(crop, wanted_wh[1])) if crop else wanted_wh
    return Plan(
        asked.iterations,
        asked.batch,
        asked.learning_rate,
        asked.weight_decay,
        asked.average,
        asked.simulated_share,
        asked.seed,
        shape,
        None if crop_wh == wanted_wh else crop_wh,
        _augmentation(asked),
        LossWeights(box=asked.box_weight, side=asked.side_weight),
        asked.precision,
        asked.cycles,
        asked.faint_from,
        asked.validate_every or max(_FEWEST_BETWEEN, asked.iterations // _VALIDATIONS),
        asked.checkpoint_every,
        asked.workers,
        asked.threads or max(1, len(os.sched_getaffinity(0)) // processes),
    )


def cycles_of(plan: Plan) -> list[range]:
    """Return the steps of each cycle: each is half as long as the one before."""
    spans, first = [], 0
    for left in range(plan.cycles, 0, -1):
        length = round((plan.iterations - first) * 2 ** (left - 1) / (2**left - 1))
        spans.append(range(first, first + length))
        first += length
    return spans


def learning_rate(plan: Plan, step: int) -> float:
    """Return the rate of a step: in each cycle a linear rise over the first tenth, then a cosine down to a fiftieth.

    Each cycle is half as high as the one before: it leaves the weights that were found, for others near by.

    Source:
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017; there cycles grow.
    """
    number, span = next(each for each in enumerate(cycles_of(plan)) if step in each[1])
    highest, rise, step = plan.learning_rate / (1 << number), max(1, len(span) // 10), step - span.start
    if step < rise:
        return highest * (step + 1) / rise
    done = (step - rise) / max(1, len(span) - rise)
    return highest * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)


def digest(said: Mapping[str, str]) -> str:
    """Return a hash of names and values, in whatever order."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _augmentation(asked: Hyperparameters) -> Augmentation:
    return Augmentation(
        flip_share=asked.flip_share,
        turn_deg=asked.turn_deg,
        stretch=asked.stretch,
        shift=asked.shift,
        hide_share=asked.hide_share,
        paste_share=asked.paste_share,
        faint_share=asked.faint_share,
        light=asked.light,
        brightness=asked.brightness,
        slope=asked.slope,
        noise_share=asked.noise_share,
        noise=asked.noise,
        blur_share=asked.blur_share,
        lifting=Lifting(
            asked.surface_window | 1,
            asked.surface_noise,
            asked.faintest,
            asked.surface_tolerance,
            asked.cut_share,
            asked.fade_share,
        ),
    )
