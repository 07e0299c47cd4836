"""The recipe's sizes and seeds in one place; the defaults are those of the shipped model."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_side.training.learning.plan import Plan
from cloud_side.training.variation.augment import Augmentation

# Lines of simulated tags that never meet; each use takes the seeds just above these for its further lots.
TRAINING_SEED, VALIDATION_SEED, DEMO_SEED = 1_000, 20_000, 40_000

Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How large a run is.

    Attributes:
        plan: How each model is trained.
        training_tags: Simulated tags to train on.
        validation_tags: Simulated tags per lot and fold to choose thresholds with.
        demo_tags: Simulated tags per lot for the card.
        lots: Lots of either.
        training_defect_rate: Share of the training tags that have scratches, in [0, 1].
        validation_defect_rate: The same of validation and demo tags.
    """

    plan: Plan = field(default_factory=lambda: Plan(augmentation=Augmentation(hide_share=0.2, paste_share=0.5)))
    training_tags: int = 1200
    validation_tags: int = 30
    demo_tags: int = 60
    lots: int = 10
    training_defect_rate: float = 0.65
    validation_defect_rate: float = 0.4
