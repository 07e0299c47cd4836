"""Two registered models against each other: on the same parts with the same labels, or not at all."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cloud_side.objects import Bucket
from cloud_side.training.evaluation.bootstrap import Interval, Statistic, paired_difference
from cloud_side.training.evaluation.evaluation_file import EvaluationFile
from cloud_side.training.evaluation.measures import MAP50, CostOfPart, Escapes, Overkill
from cloud_side.training.predictions import Predictions, read_predictions
from cloud_side.training.registry.keeping import PREDICTIONS, fetch_file
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.scores import scores_of
from edge_inspector.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models.

    Attributes:
        first: Scores of the first; None where none are kept.
        second: Of the second.
        problem: Why the two cannot be compared; None where they can.
        images: Both were tested on.
        groups: The same.
        differences: First's less the second's, by name.
    """

    first: EvaluationFile | None
    second: EvaluationFile | None
    problem: str | None = None
    images: int = 0
    groups: int = 0
    differences: Mapping[str, Interval] = field(default_factory=dict)


def compare(bucket: Bucket, first: Registered, second: Registered) -> Comparison:
    """Return how two models differ, each at its own thresholds, on parts that neither was trained on.

    Args:
        bucket: Of the product.
        first: One package.
        second: Another.

    Raises:
        ConfigError: If a file that is kept of one of them is damaged.
    """
    scores = scores_of(bucket, first), scores_of(bucket, second)
    versions = [each.properties.get("dataset_version", "unknown") for each in (first, second)]
    if versions[0] != versions[1] or "unknown" in versions:
        problem = (
            f"{first.title} was tested on version {versions[0][:12]} of its data, {second.title} on {versions[1][:12]}"
        )
        return Comparison(*scores, problem)
    pair = _predictions(bucket, first), _predictions(bucket, second)
    for package, said, found in zip((first, second), scores, pair, strict=True):
        if said is None or found is None:
            return Comparison(*scores, f"the scores or predictions of {package.title} are not kept")
    assert scores[0] and scores[1] and pair[0] and pair[1]  # noqa: S101, PT018 - looked at just now
    return _compared(scores[0], scores[1], pair[0], pair[1])


def _compared(first: EvaluationFile, second: EvaluationFile, found: Predictions, other: Predictions) -> Comparison:
    at = first.candidate.thresholds, second.candidate.thresholds
    pairs: dict[str, tuple[Statistic, Statistic]] = {
        "map50": (MAP50, MAP50),
        "escapes": (Escapes(at[0]), Escapes(at[1])),
        "overkill": (Overkill(at[0]), Overkill(at[1])),
    }
    if first.costs == second.costs:
        pairs["cost"] = (CostOfPart(at[0], first.costs), CostOfPart(at[1], first.costs))
    if found.class_names != other.class_names:
        return Comparison(first, second, "they were tested on different classes")
    try:
        differences = {
            name: paired_difference(found, other, of_first, of_second=of_other)
            for name, (of_first, of_other) in pairs.items()
        }
    except ConfigError as error:
        return Comparison(first, second, f"they were not tested on the same images ({error})")
    return Comparison(first, second, None, len(found), len(found.groups), differences)


def _predictions(bucket: Bucket, package: Registered) -> Predictions | None:
    with tempfile.TemporaryDirectory(prefix="kept-") as folder:
        path = Path(folder, PREDICTIONS)
        return read_predictions(path) if fetch_file(bucket, package, PREDICTIONS, path) else None
