"""What the recipe works on: photographs, or what stands in for them, and tags of the demo's line."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cloud_side.training import places
from cloud_side.training.dataset import Example, TrainingData
from cloud_side.training.dataset.folders import FolderSource, folder_source
from cloud_side.training.evaluation.detecting import MIN_CONFIDENCE
from cloud_side.training.exporting.golden import CANDIDATES, Candidate
from cloud_side.training.predictions import Prediction, Predictions, pooled
from cloud_side.training.shipped.recipe import (
    DEMO_SEED,
    GOLDEN_DEFECT_RATE,
    GOLDEN_SEED,
    MODEL_NAME,
    STAND_IN_SEED,
    VALIDATION_SEED,
    Recipe,
)
from cloud_side.training.simulated.tags import TAG_CLASSES, demo_lots, simulated_examples
from cloud_side.training.simulated.writing import simulate
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import ConfigError

_STAND_INS: Final = "stand-ins"


def source_of(tags: Path | None, work: Path, recipe: Recipe) -> FolderSource:
    """Return the photographs, or simulated tags in their place.

    Args:
        tags: Folder of labeled photographs; None where there are none.
        work: Gets the simulated tags.
        recipe: How many of these.

    Raises:
        ConfigError: If the labels cannot be read, or are of other classes than those of tags.
    """
    source = folder_source(_stand_ins(work, recipe.stand_ins) if tags is None else tags, name=MODEL_NAME)
    if source.class_names != TAG_CLASSES:
        found = ", ".join(source.class_names)
        msg = f"{source.folder}: expected labels of the class {', '.join(TAG_CLASSES)}, found those of {found}"
        raise ConfigError(msg)
    return source


def _stand_ins(work: Path, count: int) -> Path:
    folder, unfinished = work / f"{_STAND_INS}-{count}", work / f"{_STAND_INS}.writing"
    if not folder.is_dir():
        shutil.rmtree(unfinished, ignore_errors=True)
        simulate("tags", count, STAND_IN_SEED, "rows", unfinished)
        unfinished.rename(folder)
    return folder


def found_beside(packages: Path, data: TrainingData, recipe: Recipe) -> Predictions:
    """Return what the model of each fold finds on fresh tags of the demo's line, lots of its own."""
    parts = []
    for fold in range(len(data.folds)):
        seed = VALIDATION_SEED + fold * recipe.lots
        tags = demo_lots(seed, recipe.validation_tags, lots=recipe.lots, defect_rate=recipe.defect_rate)
        parts.append(found_on(ModelPackage.open(packages / places.fold_run(fold)), tags))
    return pooled(parts)


def demo_tags(recipe: Recipe) -> list[Example]:
    """Return tags of the demo's line that serve for nothing else than to show what the model does there."""
    return demo_lots(DEMO_SEED, recipe.demo_tags, lots=recipe.lots, defect_rate=recipe.defect_rate)


def golden_tags() -> Iterator[Candidate]:
    """Yield the images that may leave with the package: simulated ones, for photographs stay where they are."""
    for tag in simulated_examples(GOLDEN_SEED, CANDIDATES, defect_rate=GOLDEN_DEFECT_RATE):
        yield Candidate(tag.image, is_defective=len(tag.boxes) > 0)


def found_on(package: ModelPackage, examples: Sequence[Example], precision: str = "float32") -> Predictions:
    """Return what a package's model finds on examples in memory through the device's detector, down to low scores."""
    with OnnxDetector(package, package.file(precision), threads=1, min_confidence=MIN_CONFIDENCE) as detector:
        found: Iterable[Detections] = [detector.run(example.image).detections for example in examples]
    images = (_prediction(example, each) for example, each in zip(examples, found, strict=True))
    return pooled([Predictions(package.manifest.class_names, tuple(images))])


def _prediction(example: Example, found: Detections) -> Prediction:
    height, width = example.image.shape[:2]
    return Prediction(
        example.name,
        example.sha256,
        example.group,
        width,
        height,
        example.boxes,
        example.class_ids,
        found.xyxy,
        found.confidence,
        found.class_id,
        example.slices,
    )
