"""The model card of a package: what the model is for, what it was measured to do, and what nobody knows of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_side.training.evaluation.bootstrap import Interval, interval
from cloud_side.training.evaluation.measures import MAP50
from cloud_side.training.evaluation.scores import scores
from cloud_side.training.evaluation.verdicts import Verdicts, verdicts
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.predictions import Predictions
from edge_inspector.detectors.model_file import Manifest, Thresholds

CARD_FILE = "README.md"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model did on images that it had not seen.

    Attributes:
        images: Number.
        groups: Number of parts or lots that they show.
        map50: With its 95 % interval over groups.
        map50_95: The same measure over IoU 0.5 to 0.95.
        verdicts: On whole parts.
    """

    images: int
    groups: int
    map50: Interval
    map50_95: float
    verdicts: Verdicts

    @classmethod
    def of(cls, predictions: Predictions, thresholds: Mapping[str, Thresholds]) -> "Measured":
        """Return the numbers of predictions at some thresholds."""
        return cls(
            len(predictions),
            len(predictions.groups),
            interval(predictions, MAP50),
            scores(predictions).map50_95,
            verdicts(predictions, thresholds),
        )

    def metrics(self) -> dict[str, float]:
        """Return the numbers that go into model.json."""
        every = {
            "map50": self.map50.value,
            "map50_95": self.map50_95,
            "escapes": self.verdicts.escapes.value if self.verdicts.defective else None,
            "overkill": self.verdicts.overkill.value if self.verdicts.clean else None,
        }
        return {name: round(value, 4) for name, value in every.items() if value is not None}


def model_card(manifest: Manifest, record: TrainingRecord, measured: Mapping[str, Measured], *, int8: str) -> str:
    """Return the card as Markdown.

    Args:
        manifest: Of the package.
        record: Of its training.
        measured: By precision of the file, the float one first.
        int8: What was decided about the INT8 file, as a sentence.
    """
    parts = (_purpose(manifest, record), _training(record), _scores(record, measured, int8), _thresholds(manifest))
    return "\n\n".join((*parts, _LIMITS)) + "\n"


def _purpose(manifest: Manifest, record: TrainingRecord) -> str:
    width, height = manifest.input.model_wh
    files = ", ".join(f"`{file.path}` ({file.precision})" for file in manifest.files)
    return f"""# Model card: {manifest.name} {manifest.version}

Finds {", ".join(manifest.class_names)} in images of the parts that it was trained on.

| | |
|---|---|
| input | {width} x {height}, {manifest.input.color.value} bytes |
| parameters | {record.runs[-1].parameters:,} |
| files | {files} |
| trained at | {manifest.trained_at or "unknown"} |
| commit | {manifest.git_commit or "unknown"} |
| dataset | {record.dataset.name}, {manifest.dataset_version or "unknown"} |"""


def _training(record: TrainingRecord) -> str:
    runs = "\n".join(f"| {run.run} | {run.seed} | {run.iterations} | {run.seconds:.0f} |" for run in record.runs)
    said = ", ".join(f"`{name}` {value}" for name, value in sorted(record.hyperparameters.items()))
    return f"""## Trained

| run | seed | steps | seconds |
|---|---|---|---|
{runs}

With {said}."""


def _scores(record: TrainingRecord, measured: Mapping[str, Measured], int8: str) -> str:
    is_pooled = any(run.run != "final" for run in record.runs)
    how = (
        "Each image was looked at by a model of the same recipe that had not seen its part."
        if is_pooled
        else "The images and their parts were kept out of training and out of the choice of thresholds."
    )
    first = next(iter(measured.values()))
    rows = "\n".join(
        f"| {precision} | {_number(each.map50)} | {each.map50_95:.3f} "
        f"| {_share(each.verdicts.escapes, each.verdicts.defective)} "
        f"| {_share(each.verdicts.overkill, each.verdicts.clean)} |"
        for precision, each in measured.items()
    )
    return f"""## Measured

On {first.images} images of {first.groups} parts or lots, {first.verdicts.defective} parts with a defect and \
{first.verdicts.clean} without, through the device's own detector. {how} Ranges are 95 % intervals, resampled over \
parts or lots.

| file | mAP50 | mAP50-95 | escapes: defective and accepted | overkill: good and not accepted |
|---|---|---|---|---|
{rows}

{int8}."""


def _thresholds(manifest: Manifest) -> str:
    rows = "\n".join(
        f"| {name} | {limits.review_at:.2f} | {limits.reject_at:.2f} |" for name, limits in manifest.thresholds.items()
    )
    return f"""## Thresholds

| class | review_at | reject_at |
|---|---|---|
{rows}"""


_LIMITS = """## Limits

Another part, surface, lens or light than in the images of the dataset needs other training data. How often good parts
are stopped on the line is only known from the line: have a random sample of accepted and stopped parts looked at."""


def _number(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _share(found: Interval, parts: int) -> str:
    if not parts:
        return "unknown"
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
