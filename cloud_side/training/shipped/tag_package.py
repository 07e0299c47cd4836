"""The package of the shipped model: one file, and golden images that are simulated: photographs stay where they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cloud_side.training.exporting import package as packaging
from cloud_side.training.exporting.golden import CANDIDATES, Candidate, add_golden
from cloud_side.training.exporting.onnx_file import INPUT_NAME, OUTPUT_NAME, onnx_bytes
from cloud_side.training.exporting.package import Lineage, OnnxFile
from cloud_side.training.network.model import Network
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color, ModelPackage, Thresholds

MODEL_NAME: Final = "metal-tags"
FILE_NAME: Final = packaging.file_name(MODEL_NAME, packaging.FLOAT)
CLASS_NAMES: Final = ("scratch",)
GOLDEN_SEED: Final = 4242
NO_THRESHOLDS: Final = packaging.no_thresholds(CLASS_NAMES)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is written beside the weights.

    Attributes:
        thresholds: Per class.
        lineage: Where the model comes from.
        metrics: Numbers by name, for registry and gate.
    """

    thresholds: Mapping[str, Thresholds]
    lineage: Lineage = field(default_factory=Lineage)
    metrics: Mapping[str, float] = field(default_factory=dict)


def write_package(folder: Path, model: Network, contents: Contents, *, golden: bool) -> ModelPackage:
    """Write the package of a model for tags and return it, opened as a device opens it.

    Args:
        folder: Made if missing; files of the same names are replaced.
        model: Trained.
        contents: What goes into model.json.
        golden: Whether to add golden images; a package for evaluation needs none.
    """
    package = packaging.write_package(
        folder,
        packaging.Contents(
            MODEL_NAME,
            packaging.network_input(model.shape.model_wh, Color.GRAY, name=INPUT_NAME),
            packaging.network_output(name=OUTPUT_NAME),
            CLASS_NAMES,
            contents.thresholds,
            contents.lineage,
        ),
        [OnnxFile(onnx_bytes(model), thresholds=contents.thresholds, metrics=contents.metrics)],
    )
    if not golden:
        return package
    tags = simulated_examples(GOLDEN_SEED, CANDIDATES, defect_rate=0.7)
    return add_golden(package, (Candidate(tag.image, len(tag.boxes) > 0) for tag in tags))
