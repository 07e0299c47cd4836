"""What the loop plays, and how large: the stations, the days of the line, how much is inspected, labeled, learned."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

MODEL: Final = "metal-tags"
DATASET: Final = "tags"
SITE: Final = "hall"
CAMERA: Final = "top"
IMAGE_WH: Final = (450, 300)
DEFECT_RATE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """A station of the line.

    Attributes:
        thing: Its name, as a station and as a core device.
        group: Thing group that it is in.
        seed: Of its parts; a day adds its own number.
    """

    thing: str
    group: str
    seed: int


LINE: Final = Place("line-1", "edge-inspector-all", 100)
CANARY: Final = Place("canary-1", "edge-inspector-canary", 200)
PLACES: Final = (LINE, CANARY)


@dataclass(frozen=True, slots=True)
class Day:
    """What the line is like for a while.

    Attributes:
        number: Counts the days; each has parts of its own.
        dark_share: Of the defective parts, those whose scratches are dark.
    """

    number: int
    dark_share: float


YESTERDAY: Final = Day(0, 0.0)
TODAY: Final = Day(1, 0.5)
DAYS: Final = (YESTERDAY, TODAY)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done.

    Attributes:
        measured: Parts behind a rate, of all stations together.
        rate_hz: Parts a second of a station.
        budget: Images that people label.
        random_share: Of accepted parts, those that are kept for an audit.
        probation: Parts on which a station tries a new model.
        hyperparameters: Of the training.
        parameters: Of its pipeline: limits of the gate and the like.
        patience_s: Longest that is waited for a step of the story.
    """

    measured: int
    rate_hz: float
    budget: int
    random_share: float
    probation: int
    hyperparameters: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    patience_s: float = 300.0


# The line and whatever else this machine does go on beside the evaluation: its clock tells little of a model.
_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType(
    {"Folds": "0", "Int8": "never", "DefectRate": DEFECT_RATE, "most_latency_ratio": 3}
)
# The line goes on beside the training: threads that wait for one another on busy cores are slower than one alone.
_HYPERPARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({"threads": 1})
FULL: Final = Size(
    measured=600,
    rate_hz=4.0,
    budget=320,
    random_share=0.15,
    probation=100,
    hyperparameters={**_HYPERPARAMETERS, "iterations": 700, "simulated_tags": 400, "checkpoint_every": 200},
    parameters=_PARAMETERS,
    patience_s=1500.0,
)
SHORT: Final = Size(
    measured=160,
    rate_hz=6.0,
    budget=120,
    random_share=0.2,
    probation=24,
    hyperparameters={
        **_HYPERPARAMETERS,
        "iterations": 600,
        "batch": 4,
        "simulated_tags": 100,
        "model_width": 256,
        "model_height": 192,
        "validate_every": 300,
        "checkpoint_every": 600,
    },
    # Fewer parts prove less: with some twenty test images a range is wide, and one part is much.
    parameters={
        **_PARAMETERS,
        "least_defective": 6,
        "least_groups": 8,
        "most_escapes": 0.3,
        "most_possible_escapes": 0.8,
        "most_overkill": 0.4,
        "margin": 0.5,
    },
    patience_s=600.0,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be played.

    Attributes:
        out: Folder that gets everything.
        size: How much.
        is_unhappy: People have misunderstood what a defect is.
    """

    out: Path
    size: Size
    is_unhappy: bool = False

    @classmethod
    def of(cls, out: Path, *, is_short: bool, is_unhappy: bool) -> "Wish":
        """Return what a person wishes."""
        size = SHORT if is_short else FULL
        if is_unhappy:  # simulated tags are labeled rightly: they would tell of the misunderstanding
            changed = {
                "simulated_tags": 0,
                "iterations": min(size.hyperparameters["iterations"], 300),
                "checkpoint_every": 300,
            }
            size = replace(size, hyperparameters={**size.hyperparameters, **changed})
        return cls(out, size, is_unhappy)
