"""What a demo training run found out, as values: written to metrics.json, and told in the model card."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cloud_side.training.evaluation.evaluate import Accuracy, Verdicts
from cloud_side.training.exporting.package import Lineage

METRICS_NAME = "metrics.json"


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One round of the cross-validation: a model of its own, scored on parts that it has never seen.

    Attributes:
        fold: From 0.
        groups: The parts that were held out.
        images: Photographs of them.
        defects: Labeled boxes on those.
        seed: Of this training run.
        accuracy: On those photographs, precision and recall at the chosen `review_at`.
        training_seconds: How long training took.
    """

    fold: int
    groups: tuple[str, ...]
    images: int
    defects: int
    seed: int
    accuracy: Accuracy
    training_seconds: float


@dataclass(frozen=True, slots=True)
class SimulatedResult:
    """The shipped model on fresh simulated tags of the demo's style.

    Attributes:
        seed: Of the first simulated lot; the others follow, none is in another use.
        lots: Number of lots.
        tags: Number of tags.
        accuracy: Precision and recall at `review_at`.
        verdicts: Escapes and overkill.
    """

    seed: int
    lots: int
    tags: int
    accuracy: Accuracy
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything that a model card has to say.

    Attributes:
        lineage: Where the model comes from.
        photographs: Labeled photographs that it was trained on; 0 when it knows simulated tags only.
        simulated: Simulated tags that it was trained on.
        iterations: Steps of every training run.
        seed: Of the final model; fold n has this plus 1 + n.
        model_wh: Width and height of the network's input in pixels.
        parameters: Trained values of the network.
        file_bytes: Size of the ONNX file.
        review_at: Chosen threshold.
        reject_at: Chosen threshold.
        folds: Cross-validation over photographs; empty without photographs.
        pooled: All held-out photographs together, None without photographs.
        photograph_verdicts: Escapes on held-out photographs, None without photographs.
        validation_verdicts: Escapes and overkill on the simulated tags that the thresholds were chosen with.
        demo: The shipped model on fresh simulated tags.
        inference_ms: Median of the model's run on one core of the machine that trained it.
        training_seconds: Of the final model.
    """

    lineage: Lineage
    photographs: int
    simulated: int
    iterations: int
    seed: int
    model_wh: tuple[int, int]
    parameters: int
    file_bytes: int
    review_at: float
    reject_at: float
    folds: tuple[FoldResult, ...]
    pooled: Accuracy | None
    photograph_verdicts: Verdicts | None
    validation_verdicts: Verdicts
    demo: SimulatedResult
    inference_ms: float
    training_seconds: float


def write_metrics(folder: Path, report: DemoReport) -> None:
    """Write metrics.json beside the model."""
    text = json.dumps(_rounded(asdict(report)), indent=2)
    (folder / METRICS_NAME).write_text(text + "\n", encoding="utf-8")


def flat_metrics(report: DemoReport) -> dict[str, float]:
    """Return the numbers that model.json carries for registry and gate."""
    metrics = {
        "demo_map50": report.demo.accuracy.map50,
        "demo_recall": report.demo.accuracy.recall,
        "demo_escapes": report.demo.verdicts.escapes.value,
        "demo_overkill": report.demo.verdicts.overkill.value,
    }
    if report.folds and report.photograph_verdicts is not None:
        scores = [fold.accuracy.map50 for fold in report.folds]
        metrics |= {
            "cv_map50_mean": sum(scores) / len(scores),
            "cv_map50_lowest": min(scores),
            "cv_escapes": report.photograph_verdicts.escapes.value,
        }
    return {name: round(value, 4) for name, value in metrics.items()}


def _rounded(value: object) -> object:
    match value:
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case float():
            return round(value, 4)
        case _:
            return value
