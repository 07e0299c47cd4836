"""The model package that leaves training: model.json, the ONNX file, and golden images for the self-test on the device.

Golden images are simulated: photographs stay where they are.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from cloud_side.training.dataset import CLASS_NAMES, Example
from cloud_side.training.evaluate import detect_all
from cloud_side.training.export import INPUT_NAME, OUTPUT_NAME, onnx_bytes
from cloud_side.training.model import ScratchDetector
from cloud_side.training.simulated import simulated_examples
from cloud_side.training.train import PAD_VALUE
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import (
    SCHEMA,
    Color,
    Golden,
    GoldenDetection,
    Manifest,
    ModelFile,
    ModelInput,
    ModelOutput,
    ModelPackage,
    Thresholds,
    Tolerances,
    write_manifest,
)
from edge_inspector.postprocess import Decode

MODEL_NAME = "metal-tags"
FILE_NAME = "metal-tags.onnx"
NMS_IOU = 0.6
GOLDEN_SEED = 4242
GOLDEN_IMAGES = 3
# Another processor rounds differently; a score this near the threshold could fall on its other side.
GOLDEN_GAP = 0.05
GOLDEN_CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a model comes from.

    Attributes:
        version: Semantic version of the package.
        dataset_version: Hash of the photographs and labels, or the name of the simulation's seed.
        git_commit: Commit of the training code, None where unknown.
        trained_at: ISO 8601, UTC.
    """

    version: str = "1.0.0"
    dataset_version: str | None = None
    git_commit: str | None = None
    trained_at: str | None = None


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


# Before thresholds are chosen every box is wanted.
NO_THRESHOLDS = {name: Thresholds(review_at=0.0, reject_at=1.0) for name in CLASS_NAMES}


def write_package(folder: Path, model: ScratchDetector, contents: Contents, *, golden: bool) -> ModelPackage:
    """Write a model package and return it, opened as a device opens it.

    Args:
        folder: Made if missing; files of the same names are replaced.
        model: Trained.
        contents: What goes into model.json.
        golden: Whether to add golden images; a package for evaluation needs none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = onnx_bytes(model)
    (folder / FILE_NAME).write_bytes(content)
    manifest = _manifest(model, hashlib.sha256(content).hexdigest(), contents)
    write_manifest(folder, manifest)
    if golden:
        images = _write_golden(ModelPackage.open(folder))
        write_manifest(folder, manifest.model_copy(update={"golden": images}))
    return ModelPackage.open(folder)


def _manifest(model: ScratchDetector, sha256: str, contents: Contents) -> Manifest:
    thresholds, lineage = dict(contents.thresholds), contents.lineage
    return Manifest(
        schema=SCHEMA,
        name=MODEL_NAME,
        version=lineage.version,
        files=(
            ModelFile(
                path=FILE_NAME,
                sha256=sha256,
                precision="float32",
                thresholds=thresholds,
                metrics=dict(contents.metrics),
            ),
        ),
        input=ModelInput(
            name=INPUT_NAME, dtype="uint8", model_wh=model.shape.model_wh, color=Color.GRAY, pad_value=PAD_VALUE
        ),
        output=ModelOutput(name=OUTPUT_NAME, decode=Decode.XYXY_SCORES, nms_iou=NMS_IOU),
        class_names=CLASS_NAMES,
        thresholds=thresholds,
        dataset_version=lineage.dataset_version,
        git_commit=lineage.git_commit,
        trained_at=lineage.trained_at,
    )


def _write_golden(package: ModelPackage) -> tuple[Golden, ...]:
    review_at = min(limits.review_at for limits in package.manifest.thresholds.values())
    tags = simulated_examples(GOLDEN_SEED, GOLDEN_CANDIDATES, defect_rate=0.7)
    found = detect_all(package, tags, min_confidence=0.0)
    chosen = _choose(tags, found, review_at)
    images = []
    for number, (tag, detections) in enumerate(chosen):
        name = f"golden-{number}.png"
        # A part's name is in no file of the package, so nothing else needs to be kept of the tag.
        if not cv2.imwrite(str(package.folder / name), tag.image):
            msg = f"{package.folder / name}: could not be written"
            raise OSError(msg)
        images.append(Golden(image=name, detections=_golden(detections, review_at), tolerances=Tolerances()))
    return tuple(images)


def _choose(tags: list[Example], found: list[Detections], review_at: float) -> list[tuple[Example, Detections]]:
    """Return tags whose scores keep away from the threshold: some with detections, and one clean if there is one."""
    pairs = list(zip(tags, found, strict=True))
    steady = [pair for pair in pairs if not (abs(pair[1].confidence - review_at) < GOLDEN_GAP).any()] or pairs
    hits = [pair for pair in steady if len(pair[0].boxes) and (pair[1].confidence >= review_at).any()]
    clean = [pair for pair in steady if not len(pair[0].boxes) and not (pair[1].confidence >= review_at).any()]
    return [*hits[: GOLDEN_IMAGES - 1], *clean[:1], *hits[GOLDEN_IMAGES - 1 :], *steady][:GOLDEN_IMAGES]


def _golden(detections: Detections, review_at: float) -> tuple[GoldenDetection, ...]:
    kept = detections.take(detections.confidence >= review_at)
    rows = zip(kept.class_id, kept.confidence, kept.xyxy, strict=True)
    return tuple(
        GoldenDetection(
            label=CLASS_NAMES[int(class_id)],
            confidence=round(float(confidence), 4),
            xyxy=(
                round(float(xyxy[0]), 2),
                round(float(xyxy[1]), 2),
                round(float(xyxy[2]), 2),
                round(float(xyxy[3]), 2),
            ),
        )
        for class_id, confidence, xyxy in rows
    )
