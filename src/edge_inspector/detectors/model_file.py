"""The model package: one folder with `model.json` beside its ONNX files, the same in registry, component and device.

The contract is checked when the package is opened, and the sha256 of a file before its bytes reach ONNX Runtime.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationError, model_validator

from edge_inspector.detectors.set_outputs import DetrOutput, End2EndOutput, Section
from edge_inspector.errors import ModelError
from edge_inspector.letterbox import Resize
from edge_inspector.postprocess import Decode

SCHEMA = "edge-inspector/model/1"
MANIFEST_NAME = "model.json"

Score = Annotated[float, Field(ge=0.0, le=1.0)]


class Layout(StrEnum):
    """Order of the input's axes."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class Color(StrEnum):
    """Channels of the input."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"

    @property
    def channels(self) -> int:
        """1 for grey, else 3."""
        return 1 if self is Color.GRAY else 3


class Thresholds(Section):
    """Scores of one class at which a part is reviewed and rejected."""

    review_at: Score
    reject_at: Score

    @model_validator(mode="after")
    def _are_in_order(self) -> "Thresholds":
        if self.review_at > self.reject_at:
            msg = f"review_at {self.review_at} is above reject_at {self.reject_at}"
            raise ValueError(msg)
        return self


def _stays_inside(value: str) -> str:
    if Path(value).is_absolute() or ".." in Path(value).parts or "\0" in value:
        msg = f"expected a path inside the package, found {value!r}"
        raise ValueError(msg)
    return value


def _is_printable(value: str) -> str:
    if not value.isprintable():
        msg = f"expected printable characters, found {value!r}"
        raise ValueError(msg)
    return value


PackagePath = Annotated[str, AfterValidator(_stays_inside)]
# Every box and reason of an event carries its label, and an event has little room.
ClassName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_printable)]


class ModelFile(Section):
    """One ONNX file of the package; the device picks one by precision."""

    path: PackagePath
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    precision: Literal["float32", "int8"] = "float32"
    thresholds: dict[str, Thresholds] | None = None
    metrics: dict[str, float] = Field(default_factory=dict)


class ModelInput(Section):
    """How a frame becomes the input tensor: resized, then `(value * scale - mean) / std` for float inputs.

    Attributes:
        size_name: Second input of the official RT-DETR and D-FINE exports (`orig_target_sizes`), int64 (n, 2): it is
            given the width and height of the model input, so that their boxes come in its pixels.
    """

    name: str
    size_name: str | None = None
    layout: Layout = Layout.NCHW
    dtype: Literal["float32", "uint8"]
    model_wh: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    color: Color
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[Annotated[float, Field(gt=0)], ...] = (1.0,)
    resize: Resize = Resize.LETTERBOX
    pad_value: Annotated[int, Field(ge=0, le=255)] = 114

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image in the input tensor."""
        width, height = self.model_wh
        return (
            (self.color.channels, height, width) if self.layout is Layout.NCHW else (height, width, self.color.channels)
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> "ModelInput":
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {1, self.color.channels}:
                msg = f"{name}: expected 1 or {self.color.channels} values for {self.color}, found {len(values)}"
                raise ValueError(msg)
        identity = self.scale == 1.0 and not any(self.mean) and set(self.std) == {1.0}
        if self.dtype == "uint8" and not identity:
            msg = "a uint8 input is normalized inside the graph: expected scale 1, mean 0 and std 1"
            raise ValueError(msg)
        return self


class ModelOutput(Section):
    """One tensor with a box for every anchor.

    Attributes:
        nms_iou: Overlap above which the weaker box of a class is dropped.
    """

    name: str
    decode: Literal[Decode.YOLOV8, Decode.YOLOV5, Decode.XYXY_SCORES]
    nms_iou: Score = 0.5


Output: TypeAlias = Annotated[ModelOutput | DetrOutput | End2EndOutput, Field(discriminator="decode")]


class GoldenDetection(Section):
    """One expected box, in pixels of the golden image."""

    label: str
    confidence: Score
    xyxy: tuple[float, float, float, float]


class Tolerances(Section):
    """How far another machine may be off."""

    confidence: Score = 0.02
    xyxy_px: Annotated[float, Field(ge=0)] = 2.0


class Golden(Section):
    """One image of the self-test with what must be found on it."""

    image: PackagePath
    detections: tuple[GoldenDetection, ...]
    tolerances: Tolerances = Tolerances()


class Manifest(Section):
    """`model.json`."""

    schema_: Literal["edge-inspector/model/1"] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$", max_length=32)]
    files: tuple[ModelFile, ...]
    input: ModelInput
    output: Output
    class_names: tuple[ClassName, ...]
    thresholds: dict[str, Thresholds]
    dataset_version: str | None = None
    git_commit: str | None = None
    trained_at: str | None = None
    golden: tuple[Golden, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Manifest":
        if not self.files or not self.class_names:
            msg = f"expected at least one file and one class, found {len(self.files)} and {len(self.class_names)}"
            raise ValueError(msg)
        if self.input.size_name == self.input.name:
            msg = f"input: expected different tensors as name and size_name, found {self.input.name!r}"
            raise ValueError(msg)
        if len(set(self.class_names)) != len(self.class_names):
            msg = f"class_names: expected each name once, found {list(self.class_names)}"
            raise ValueError(msg)
        tables = [self.thresholds, *(file.thresholds for file in self.files if file.thresholds is not None)]
        for table in tables:
            if set(table) != set(self.class_names):
                msg = f"thresholds: expected one entry for each of {list(self.class_names)}, found {sorted(table)}"
                raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """An opened package.

    Attributes:
        folder: Where it lies.
        manifest: Its validated `model.json`.
    """

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> "ModelPackage":
        """Read and check `model.json` of a package folder; no ONNX file is opened yet.

        Raises:
            ModelError: If it is missing, no JSON, or contradicts the contract; every problem is named.
        """
        path = folder / MANIFEST_NAME
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # a ValueError for text that is not UTF-8, or a path that cannot be
            msg = f"{path}: expected a model package with a {MANIFEST_NAME}, found: {error}"
            raise ModelError(msg) from error
        try:
            return cls(folder, Manifest.model_validate_json(text))
        except ValidationError as error:
            raise ModelError(explain(error, path)) from error

    def file(self, precision: str) -> ModelFile:
        """Return the package's file of a precision.

        Raises:
            ModelError: If it has none.
        """
        for file in self.manifest.files:
            if file.precision == precision:
                return file
        found = [file.precision for file in self.manifest.files]
        msg = f"{self.folder / MANIFEST_NAME}: expected a file of precision {precision!r}, found {found}"
        raise ModelError(msg)

    def thresholds(self, file: ModelFile) -> dict[str, Thresholds]:
        """Return the thresholds by class that belong to a file: its own, else the package's."""
        return self.manifest.thresholds if file.thresholds is None else file.thresholds

    def read(self, file: ModelFile) -> bytes:
        """Return the bytes of a file after its sha256 was found right.

        Raises:
            ModelError: If it cannot be read or is another file than the manifest names.
        """
        path = self.folder / file.path
        try:
            content = path.read_bytes()
        except OSError as error:
            msg = f"{path}: cannot be read: {error}"
            raise ModelError(msg) from error
        found = hashlib.sha256(content).hexdigest()
        if found != file.sha256:
            msg = f"{path}: expected sha256 {file.sha256}, found {found}"
            raise ModelError(msg)
        return content


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `model.json` into a package folder."""
    content = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    (folder / MANIFEST_NAME).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def explain(error: ValidationError, name: Path) -> str:
    """Return every problem of a manifest, one a line: the file, the field, what was expected and what was found."""
    lines = []
    for problem in error.errors(include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        field = "".join(f"{part}." for part in problem["loc"]).removesuffix(".")
        found = problem["input"]
        if problem["type"] in {"union_tag_invalid", "union_tag_not_found"}:
            message = f"expected decode to be one of {[*map(str, Decode)]}, found {found.get('decode')!r:.100}"
        if isinstance(found, str | int | float) and "found" not in message:
            message = f"{message}; found {found!r:.100}"
        lines.append(f"{name}: {field}: {message}" if field else f"{name}: {message}")
    return "\n".join(lines)
