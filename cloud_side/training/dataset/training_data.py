"""What is known of all images of a training run together: `dataset.json` beside them."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud_side.training.places import DATASET_FILE
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/training-data/1"
_SIDE: Final = 32  # of the coarsest cells of the network, pixels
Side = Annotated[int, Field(ge=_SIDE, multiple_of=_SIDE)]


class Mode(StrEnum):
    """How images are kept apart for the test."""

    SPLIT = "split"  # some are never trained on
    FOLDS = "folds"  # each is, but not by the model that is tested on it


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NearPair(_Value):
    """Two images in two splits or folds that look the same.

    Attributes:
        images: Their hashes.
        groups: Theirs.
        where: The split of each, or its fold as `fold-0`.
        distance: 0 for the same.
    """

    images: tuple[str, str]
    groups: tuple[str, str]
    where: tuple[str, str]
    distance: float


class Leaks(_Value):
    """What lies in two splits or folds and must not.

    Attributes:
        groups: In both.
        near_duplicates: Images that may show one part.
        accepted: Images that look the same and are no leak: somebody said that they show different parts.
    """

    groups: tuple[str, ...] = ()
    near_duplicates: tuple[NearPair, ...] = ()
    accepted: tuple[NearPair, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is a leak."""
        return bool(self.groups or self.near_duplicates)


class TrainingData(_Value):
    """The data of a training run.

    Attributes:
        name: Of the dataset.
        version: Hash of what training sees.
        class_names: Order = class id.
        mode: How images are kept apart for the test.
        folds: Groups of each fold; empty where the images are split.
        model_wh: Width and height of the network's input that the images ask for, in pixels.
        color: `gray` or `bgr`: what the images are.
        counts: Images, boxes and groups, in all and by split, and the images left out as `unlabeled` or `copies`.
        leaks: What must not be.
    """

    schema_: Literal["edge-inspector/training-data/1"] = Field(default=SCHEMA, alias="schema")
    name: str
    version: str
    class_names: tuple[str, ...] = Field(min_length=1)
    mode: Mode
    folds: tuple[tuple[str, ...], ...] = ()
    model_wh: tuple[Side, Side]
    color: Literal[Color.GRAY, Color.BGR]
    counts: Mapping[str, Any]
    leaks: Leaks = Leaks()

    @classmethod
    def read(cls, folder: Path) -> "TrainingData":
        """Read it from the folder of the data, or of one split.

        Raises:
            ConfigError: If it is not there, or is something else; names the field.
        """
        path = folder / DATASET_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            msg = f"{path}: expected the description of training data, found: {error.strerror}"
            raise ConfigError(msg) from error
        except ValidationError as error:
            lines = [
                f"{path}: {'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}, found {each['input']!r:.80}"
                for each in error.errors(include_url=False)
            ]
            raise ConfigError("\n".join(lines)) from error

    def write(self, folder: Path) -> None:
        """Write it into a folder; the same data give the same bytes."""
        text = self.model_dump_json(by_alias=True, indent=2)
        (folder / DATASET_FILE).write_text(f"{text}\n", encoding="utf-8")
