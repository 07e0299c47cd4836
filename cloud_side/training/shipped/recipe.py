"""What the shipped model is trained with, in one place; the defaults are those of the shipped model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cloud_side.training.evaluation.assessment import Judging
from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.exporting.calibration import CALIBRATION_IMAGES
from cloud_side.training.hyperparameters import Hyperparameters

MODEL_NAME: Final = "metal-tags"
# Lines of simulated tags that never meet, nor those from 1000 on that are trained on; further lots take the seeds
# just above.
GOLDEN_SEED, VALIDATION_SEED, DEMO_SEED, STAND_IN_SEED = 4_242, 20_000, 40_000, 60_000
GOLDEN_DEFECT_RATE: Final = 0.7

# One core and 32 bits, so that the minutes can be compared and machines differ by rounding alone.
_TRAINING: Final = Hyperparameters(
    iterations=6000,
    cycles=2,
    hide_share=0.2,
    paste_share=0.5,
    fade_share=0.3,
    faint_share=0.5,
    faint_from=4000,
    simulated_tags=1200,
    precision="float32",
    threads=1,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the model is trained, judged and shown.

    Attributes:
        hyperparameters: Of every run.
        judging: Costs on the demo's line, and how intervals are drawn.
        folds: Of the cross-validation.
        lots: Of simulated tags, to choose thresholds on and to show.
        validation_tags: Of each lot and fold, to choose thresholds on.
        demo_tags: Of each lot, to show.
        defect_rate: Share of either that has scratches, in [0, 1].
        stand_ins: Simulated tags that take the place of photographs where there are none.
        calibration_images: That the ranges of INT8 are taken from.
    """

    hyperparameters: Hyperparameters = _TRAINING
    judging: Judging = field(default_factory=lambda: Judging(Costs()))
    folds: int = 4
    lots: int = 10
    validation_tags: int = 30
    demo_tags: int = 60
    defect_rate: float = 0.4
    stand_ins: int = 240
    calibration_images: int = CALIBRATION_IMAGES

    def with_said(self, said: Mapping[str, str]) -> "Recipe":
        """Return the recipe with other hyperparameters.

        Args:
            said: Values by name, as texts; the others stay.

        Raises:
            ConfigError: With a line for each that is unknown or does not fit.
        """
        known = self.hyperparameters.model_dump()
        return replace(self, hyperparameters=Hyperparameters.parse({**known, **said}))
