"""What the recipe found out, as values: told in the model card, and written to metrics.json."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any, Final

from cloud_side.training.dataset import TrainingData
from cloud_side.training.evaluation.document import Evaluation, document
from cloud_side.training.evaluation.scores import ALL, boxes_at, scores
from cloud_side.training.evaluation.verdicts import Verdicts, verdicts
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.predictions import Predictions
from cloud_side.training.shipped.recipe import Recipe
from edge_inspector.detectors.model_file import Thresholds

_DECIMALS: Final = 4
_JUDGED: Final = (
    "version", "thresholds", "map50", "map50_95", "precision", "recall", "verdicts", "cost", "latency",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model did on some images, at its thresholds.

    Attributes:
        images: How many.
        defects: Labeled boxes on them.
        map50: Mean average precision at IoU 0.5.
        map50_95: The same over IoU 0.5 to 0.95.
        precision: Of the boxes from `review_at` on, at IoU 0.5.
        recall: Of the defects, the same.
        verdicts: Of whole parts.
    """

    images: int
    defects: int
    map50: float
    map50_95: float
    precision: float
    recall: float
    verdicts: Verdicts

    @classmethod
    def of(cls, predictions: Predictions, thresholds: Mapping[str, Thresholds]) -> "Shown":
        """Return the numbers of predictions."""
        whole, boxes = scores(predictions), boxes_at(predictions, thresholds)[ALL]
        return cls(
            len(predictions),
            sum(len(image.truth_xyxy) for image in predictions.images),
            whole.map50,
            whole.map50_95,
            boxes.precision,
            boxes.recall,
            verdicts(predictions, thresholds),
        )


@dataclass(frozen=True, slots=True)
class FoldShown:
    """One fold of the cross-validation, by the model that does not know it.

    Attributes:
        groups: The parts that were held out.
        seed: Of that model's training.
        shown: What it did.
    """

    groups: tuple[str, ...]
    seed: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the model card has to say beside what the card of any package says.

    Attributes:
        recipe: How.
        has_photographs: False where simulated tags took their place.
        record: Of the training.
        evaluation: On images that the models did not know.
        folds: The same, fold by fold.
        beside: The folds' models on the simulated tags that thresholds were chosen on, too.
        demo: The files of the package on fresh tags of the demo's line, by precision.
        optimization: What was found out about INT8.
    """

    recipe: Recipe
    has_photographs: bool
    record: TrainingRecord
    evaluation: Evaluation
    folds: tuple[FoldShown, ...]
    beside: Shown
    demo: Mapping[str, Shown]
    optimization: Mapping[str, Any]

    @property
    def cpu_minutes(self) -> float:
        """Of all runs together, at most: a core that waited for others counts as well."""
        return sum(run.seconds for run in self.record.runs) * max(1, self.recipe.hyperparameters.threads) / 60


def fold_by_fold(
    predictions: Predictions, data: TrainingData, record: TrainingRecord, thresholds: Mapping[str, Thresholds]
) -> Iterator[FoldShown]:
    """Yield the numbers of each fold.

    Args:
        predictions: Of all folds together.
        data: Which groups are in which fold.
        record: Of the training, in which the folds come first.
        thresholds: By class.
    """
    for groups, run in zip(data.folds, record.runs, strict=False):
        images = tuple(image for image in predictions.images if image.group in groups)
        shown = Shown.of(Predictions(predictions.class_names, images), thresholds)
        yield FoldShown(groups, run.seed, shown)


def metrics(report: Report) -> dict[str, Any]:
    """Return metrics.json: all numbers of the card, and those of the evaluation that people compare."""
    said = document(report.evaluation)
    map50s = [fold.shown.map50 for fold in report.folds]
    made = {
        "has_photographs": report.has_photographs,
        "training": {
            **report.record.model_dump(mode="json", by_alias=True, exclude={"schema_"}),
            "cpu_minutes": report.cpu_minutes,
        },
        **{name: said[name] for name in ("tested", "costs", "choice", "difference")},
        "candidate": {name: said["candidate"][name] for name in _JUDGED},
        "champion": said["champion"] and {name: said["champion"][name] for name in _JUDGED},
        "folds": [asdict(fold) for fold in report.folds],
        "folds_map50": {"mean": mean(map50s), "lowest": min(map50s), "highest": max(map50s)},
        "beside": asdict(report.beside),
        "demo": {precision: asdict(shown) for precision, shown in report.demo.items()},
        "int8": dict(report.optimization),
    }
    return {name: _rounded(value) for name, value in made.items()}


def _rounded(value: object) -> object:
    match value:
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case float():
            return round(value, _DECIMALS)
        case _:
            return value
