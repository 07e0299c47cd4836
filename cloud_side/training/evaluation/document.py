"""An evaluation as a value, and as `evaluation.json`, which gate, registry and model card read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cloud_side.training.evaluation.assessment import Assessment, Difference, Judging
from cloud_side.training.evaluation.latency import Latency
from cloud_side.training.evaluation.thresholds import Choice
from cloud_side.training.evaluation.verdicts import Verdicts
from cloud_side.training.places import EVALUATION_FILE, THRESHOLDS_FILE
from edge_inspector.detectors.model_file import Thresholds

SCHEMA: Final = "edge-inspector/evaluation/1"
_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Tested:
    """What was tested on.

    Attributes:
        dataset: Name.
        version: Hash of what training sees.
        class_names: Order = class id.
        mode: `split`: on the test images. `folds`: each image by a model that does not know its fold. `given`: a model
            from elsewhere, on all images.
        images: How many.
        groups: How many.
        defects: Labeled boxes.
    """

    dataset: str
    version: str
    class_names: tuple[str, ...]
    mode: str
    images: int
    groups: int
    defects: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One model with its scores.

    Attributes:
        name: Of the model.
        version: Of its package.
        thresholds: By class of the data.
        assessment: Its scores.
        latency: Times by precision; empty where there was no image.
        missing_classes: Of the data, that it does not know.
        extra_classes: That it knows, and the data does not have.
        kept_predictions: Images whose predictions were kept from its own evaluation; the others were run now.
    """

    name: str
    version: str
    thresholds: Mapping[str, Thresholds]
    assessment: Assessment
    latency: Mapping[str, Latency] = field(default_factory=dict)
    missing_classes: tuple[str, ...] = ()
    extra_classes: tuple[str, ...] = ()
    kept_predictions: int = 0

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All of it.

    Attributes:
        tested: The images.
        judging: How scores were taken.
        chosen_on: What the candidate's thresholds were chosen on: `validation`, or `out_of_fold` where these are the
            tested predictions too.
        choice: How.
        candidate: The new model.
        apart: Verdicts on each fold at thresholds chosen on the others; None where thresholds were chosen on others
            anyway.
        champion: The model on the line; None where there is none.
        difference: Candidate's numbers less the champion's; where there is `apart`, at the thresholds of that.
    """

    tested: Tested
    judging: Judging
    chosen_on: str
    choice: Choice
    candidate: Judged
    apart: Verdicts | None = None
    champion: Judged | None = None
    difference: Difference | None = None

    @property
    def models(self) -> tuple[Judged, ...]:
        """The candidate, and the champion where there is one."""
        return (self.candidate,) if self.champion is None else (self.candidate, self.champion)


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write evaluation.json and thresholds.json; the same evaluation gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / EVALUATION_FILE, document(evaluation))
    _write(folder / THRESHOLDS_FILE, _limits(evaluation.candidate.thresholds))


def document(evaluation: Evaluation) -> dict[str, Any]:
    """Return the JSON of an evaluation; intervals are {value, low, high}, shares lie in [0, 1]."""
    tested, verdicts = evaluation.tested, evaluation.candidate.assessment.verdicts
    judging = evaluation.judging
    document = {
        "schema": SCHEMA,
        "dataset": {"name": tested.dataset, "version": tested.version, "class_names": list(tested.class_names)},
        "mode": tested.mode,
        "tested": {
            "images": tested.images,
            "groups": tested.groups,
            "defects": tested.defects,
            "defective": verdicts.defective,
            "clean": verdicts.clean,
        },
        "costs": asdict(judging.costs),
        "bootstrap": {"seed": judging.seed, "rounds": judging.rounds},
        "choice": {
            "chosen_on": evaluation.chosen_on,
            "by": evaluation.choice.by,
            "cost": evaluation.choice.cost,
            "verdicts_apart": None if evaluation.apart is None else asdict(evaluation.apart),
        },
        "candidate": _judged(evaluation.candidate),
        "champion": None if evaluation.champion is None else _judged(evaluation.champion),
        "difference": None if evaluation.difference is None else asdict(evaluation.difference),
    }
    return {name: _rounded(value) for name, value in document.items()}


def _judged(model: Judged) -> dict[str, Any]:
    scores = asdict(model.assessment)
    return {
        "name": model.name,
        "version": model.version,
        "missing_classes": list(model.missing_classes),
        "extra_classes": list(model.extra_classes),
        "kept_predictions": model.kept_predictions,
        "thresholds": _limits(model.thresholds),
        "latency": {precision: asdict(times) for precision, times in model.latency.items()},
        **scores,
    }


def _limits(thresholds: Mapping[str, Thresholds]) -> dict[str, dict[str, float]]:
    return {name: {"review_at": each.review_at, "reject_at": each.reject_at} for name, each in thresholds.items()}


def _rounded(value: object) -> object:
    match value:
        case float():
            return round(value, _DECIMALS)
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case _:
            return value


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
