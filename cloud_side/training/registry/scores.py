"""What is kept of a model's scores, and of the gate's reasons, as far as people ask for it."""

import tempfile
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.objects import Bucket
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.exporting.files import read_json
from cloud_side.training.registry.keeping import EVALUATION, GATE, fetch_file
from cloud_side.training.registry.packages import Registered
from edge_inspector.detectors.model_file import Thresholds


class Part(BaseModel):
    """A part of a file; what nobody asks for may be there."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Verdicts(Part):
    """What happens to parts."""

    defective: int
    clean: int
    escapes: Interval
    overkill: Interval


class Latency(Part):
    """Times of a file."""

    median_ms: float


class OfClass(Part):
    """One class."""

    defects: int
    ap50: float | None
    part_recall: Interval


class Candidate(Part):
    """The model."""

    map50: Interval
    map50_95: Interval
    cost: Interval
    verdicts: Verdicts
    thresholds: dict[str, Thresholds]
    latency: dict[str, Latency]
    classes: dict[str, OfClass]


class Tested(Part):
    """The images."""

    images: int
    groups: int


class Costs(Part):
    """Of mistakes."""

    escape: float
    overkill: float
    review: float
    defect_rate: float | None = None


class Rival(Part):
    """The model that was approved then."""

    version: str


class ScoresFile(Part):
    """`evaluation.json`."""

    schema_: Literal["edge-inspector/evaluation/1"] = Field(alias="schema")
    mode: str
    tested: Tested
    costs: Costs
    candidate: Candidate
    champion: Rival | None = None


class Check(Part):
    """A check of the gate."""

    name: str
    passed: bool
    text: str


class GateFile(Part):
    """`gate.json`."""

    schema_: Literal["edge-inspector/gate/1"] = Field(alias="schema")
    passed: bool
    model: str
    summary: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()


_File = TypeVar("_File", bound=BaseModel)


def scores_of(bucket: Bucket, package: Registered) -> ScoresFile | None:
    """Return the scores of a package; None where none are kept.

    Raises:
        ConfigError: If the file is another one.
    """
    return _read(bucket, package, EVALUATION, ScoresFile)


def gate_of(bucket: Bucket, package: Registered) -> GateFile | None:
    """Return what the gate said of a package; None where it is not kept.

    Raises:
        ConfigError: If the file is another one.
    """
    return _read(bucket, package, GATE, GateFile)


def _read(bucket: Bucket, package: Registered, name: str, kind: type[_File]) -> _File | None:
    with tempfile.TemporaryDirectory(prefix="kept-") as folder:
        path = Path(folder, name)
        return read_json(path, kind) if fetch_file(bucket, package, name, path) else None
