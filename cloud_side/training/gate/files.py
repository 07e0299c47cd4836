"""What the gate reads of the files of the steps before it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.training.evaluation.bootstrap import Interval
from edge_inspector.detectors.model_file import Thresholds

Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of a file; what the gate does not need may be there."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SaidDataset(Part):
    """The version that was tested on."""

    name: str
    version: str
    class_names: tuple[str, ...]


class SaidVerdicts(Part):
    """What happened to parts."""

    escapes: Interval
    overkill: Interval


class SaidClass(Part):
    """Scores of one class."""

    defects: Count
    ap50: float | None
    part_recall: Interval


class SaidLatency(Part):
    """Times of one file."""

    median_ms: float


class SaidModel(Part):
    """Scores of one model."""

    name: str
    version: str
    thresholds: dict[str, Thresholds]
    missing_classes: tuple[str, ...] = ()
    extra_classes: tuple[str, ...] = ()
    latency: dict[str, SaidLatency]
    map50: Interval
    map50_95: Interval
    verdicts: SaidVerdicts
    classes: dict[str, SaidClass]


class SaidCosts(Part):
    """Of mistakes."""

    escape: float
    overkill: float
    review: float
    defect_rate: float | None = None


class SaidBootstrap(Part):
    """How ranges were taken."""

    seed: int
    rounds: int


class SaidChoice(Part):
    """How thresholds were chosen."""

    verdicts_apart: SaidVerdicts | None = None


class EvaluationFile(Part):
    """`evaluation.json`."""

    schema_: Literal["edge-inspector/evaluation/1"] = Field(alias="schema")
    dataset: SaidDataset
    mode: str
    costs: SaidCosts
    bootstrap: SaidBootstrap
    choice: SaidChoice
    candidate: SaidModel
    champion: SaidModel | None = None


class SaidAgreement(Part):
    """How far a file is from its weights."""

    detections: Count
    confidence: float
    confidence_mean: float
    box_px: float


class OptimizationFile(Part):
    """`optimization.json`."""

    schema_: Literal["edge-inspector/optimization/1"] = Field(alias="schema")
    kept: bool
    reason: str
    speed_ratio: float | None = None
    parity: SaidAgreement | None = None


class ParityFile(Part):
    """`parity.json`."""

    schema_: Literal["edge-inspector/parity/1"] = Field(alias="schema")
    runs: dict[str, SaidAgreement] = Field(min_length=1)


class ChampionFile(Part):
    """`champion.json`."""

    schema_: Literal["edge-inspector/champion/1"] = Field(alias="schema")
    package: str | None
    name: str
    version: str | None
    next_version: str
    dataset_version: str | None = None
    mode: str | None = None
