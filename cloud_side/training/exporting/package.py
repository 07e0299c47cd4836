"""The model package that leaves training: model.json beside one or two ONNX files."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from cloud_side.training.network.around import NMS_IOU
from edge_inspector.detectors.model_file import (
    MANIFEST_NAME,
    SCHEMA,
    Color,
    Manifest,
    ModelFile,
    ModelInput,
    ModelOutput,
    ModelPackage,
    Thresholds,
    explain,
    write_manifest,
)
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import Decode

Precision = Literal["float32", "int8"]
FLOAT: Final[Precision] = "float32"
INT8: Final[Precision] = "int8"
_ENDINGS: Final[Mapping[Precision, str]] = {FLOAT: ".onnx", INT8: ".int8.onnx"}


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a model comes from.

    Attributes:
        version: Semantic version of the package.
        dataset_version: Hash of the images and labels, or the name of the simulation's seed.
        git_commit: Commit of the training code, None where unknown.
        trained_at: ISO 8601, UTC.
    """

    version: str = "1.0.0"
    dataset_version: str | None = None
    git_commit: str | None = None
    trained_at: str | None = None


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """One file of a package.

    Attributes:
        content: The ONNX file.
        precision: What it computes in.
        thresholds: Per class, where it needs others than the package's.
        metrics: Numbers by name, for registry and gate.
    """

    content: bytes
    precision: Precision = FLOAT
    thresholds: Mapping[str, Thresholds] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contents:
    """What model.json says of all its files.

    Attributes:
        name: Of the model; the files are called by it.
        model_input: What the files take.
        output: What they give.
        class_names: Order = class id.
        thresholds: Per class.
        lineage: Where the model comes from.
    """

    name: str
    model_input: ModelInput
    output: ModelOutput
    class_names: tuple[str, ...]
    thresholds: Mapping[str, Thresholds]
    lineage: Lineage = field(default_factory=Lineage)


def no_thresholds(class_names: Iterable[str]) -> dict[str, Thresholds]:
    """Return what stands in a package whose thresholds are not chosen yet: every box is wanted, none rejects."""
    return {name: Thresholds(review_at=0.0, reject_at=1.0) for name in class_names}


def network_input(model_wh: tuple[int, int], color: Color, *, name: str) -> ModelInput:
    """Return what a network of ours takes: letterboxed bytes, which it normalizes itself."""
    return ModelInput(name=name, dtype="uint8", model_wh=model_wh, color=color)


def network_output(*, name: str) -> ModelOutput:
    """Return what a network of ours gives."""
    return ModelOutput(name=name, decode=Decode.XYXY_SCORES, nms_iou=NMS_IOU)


def file_name(model: str, precision: Precision) -> str:
    """Return the name of a model's file of a precision, e.g. `tags.int8.onnx`."""
    return f"{model}{_ENDINGS[precision]}"


def write_package(folder: Path, contents: Contents, files: Sequence[OnnxFile]) -> ModelPackage:
    """Write a model package without golden images, and return it, opened as a device opens it.

    Args:
        folder: Made if missing; files of the same names are replaced.
        contents: What goes into model.json.
        files: At least one; one of each precision.

    Raises:
        ModelError: If the contents contradict the contract of a model package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file_name(contents.name, file.precision)).write_bytes(file.content)
    write_manifest(folder, _manifest(folder, contents, files))
    return ModelPackage.open(folder)


def _manifest(folder: Path, contents: Contents, files: Sequence[OnnxFile]) -> Manifest:
    try:
        return Manifest(
            schema=SCHEMA,
            name=contents.name,
            version=contents.lineage.version,
            files=tuple(_entry(contents.name, file) for file in files),
            input=contents.model_input,
            output=contents.output,
            class_names=contents.class_names,
            thresholds=dict(contents.thresholds),
            dataset_version=contents.lineage.dataset_version,
            git_commit=contents.lineage.git_commit,
            trained_at=contents.lineage.trained_at,
        )
    except ValidationError as error:
        raise ModelError(explain(error, folder / MANIFEST_NAME)) from error


def _entry(model: str, file: OnnxFile) -> ModelFile:
    return ModelFile(
        path=file_name(model, file.precision),
        sha256=hashlib.sha256(file.content).hexdigest(),
        precision=file.precision,
        thresholds=None if file.thresholds is None else dict(file.thresholds),
        metrics=dict(file.metrics),
    )
