"""What earlier steps wrote down, as far as a package needs it: `training.json` and `champion.json`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.training.exporting.files import read_json
from cloud_side.training.places import CHAMPION_FILE, TRAINING_FILE
from edge_inspector.detectors.model_file import Color


class _Value(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TrainedOn(_Value):
    """The data."""

    name: str
    version: str
    class_names: tuple[str, ...] = Field(min_length=1)


class Run(_Value):
    """One model of the run: the final one, or that of a fold."""

    run: str = Field(pattern=r"^(final|fold-\d+)$")
    seed: int
    iterations: int
    seconds: float
    parameters: int


class TrainingRecord(_Value):
    """`training.json`."""

    schema_: Literal["edge-inspector/training/1"] = Field(alias="schema")
    hyperparameters: dict[str, Any]
    dataset: TrainedOn
    model_wh: tuple[int, int]
    color: Literal[Color.GRAY, Color.BGR]
    git_commit: str | None = None
    trained_at: str | None = None
    begun_from: str | None
    runs: tuple[Run, ...] = Field(min_length=1)

    @classmethod
    def read(cls, folder: Path) -> "TrainingRecord":
        """Read it from the folder of a training job's output, or of its packages.

        Raises:
            ConfigError: If it is not there, or is something else; names the field.
        """
        return read_json(folder / TRAINING_FILE, cls)


class Succession(_Value):
    """`champion.json`: what the package will be called, and what it may replace."""

    schema_: Literal["edge-inspector/champion/1"] = Field(alias="schema")
    name: str
    next_version: str

    @classmethod
    def read(cls, folder: Path) -> "Succession":
        """Read it from the folder of the champion.

        Raises:
            ConfigError: As `TrainingRecord.read`.
        """
        return read_json(folder / CHAMPION_FILE, cls)
