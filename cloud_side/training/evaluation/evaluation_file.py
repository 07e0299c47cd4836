"""`evaluation.json` as gate and registry read it; what neither needs may be there."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.evaluation.verdicts import Verdicts
from edge_inspector.detectors.model_file import Thresholds

Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of a file."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SaidDataset(Part):
    """The version that was tested on."""

    name: str
    version: str
    class_names: tuple[str, ...]


class SaidTested(Part):
    """The images."""

    images: Count
    groups: Count


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
    cost: Interval
    verdicts: Verdicts
    classes: dict[str, SaidClass]


class SaidBootstrap(Part):
    """How ranges were taken."""

    seed: int
    rounds: int


class SaidChoice(Part):
    """How thresholds were chosen."""

    verdicts_apart: Verdicts | None = None


class EvaluationFile(Part):
    """All of it."""

    schema_: Literal["edge-inspector/evaluation/1"] = Field(alias="schema")
    dataset: SaidDataset
    mode: str
    tested: SaidTested
    costs: Costs
    bootstrap: SaidBootstrap
    choice: SaidChoice
    candidate: SaidModel
    champion: SaidModel | None = None
