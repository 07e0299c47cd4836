"""What is kept of a model's scores, and of the gate's reasons, as far as people ask for it."""

import tempfile
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, Field

from cloud_side.objects import Bucket
from cloud_side.training.evaluation.evaluation_file import EvaluationFile, Part
from cloud_side.training.exporting.files import read_json
from cloud_side.training.registry.keeping import EVALUATION, GATE, fetch_file
from cloud_side.training.registry.packages import Registered


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


def scores_of(bucket: Bucket, package: Registered) -> EvaluationFile | None:
    """Return the scores of a package; None where none are kept.

    Raises:
        ConfigError: If the file is another one.
    """
    return _read(bucket, package, EVALUATION, EvaluationFile)


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
