"""What the gate reads of the files of the steps before it, beside `evaluation.json`."""

from typing import Literal

from pydantic import Field

from cloud_side.training.evaluation.evaluation_file import Count, Part


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
