"""The approved model beside the candidate: on the same images, of classes that it knows, or not at all."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from cloud_side.training.evaluation.bootstrap import Interval, Statistic, paired_difference
from cloud_side.training.evaluation.evaluation_file import EvaluationFile, SaidModel
from cloud_side.training.evaluation.measures import MAP50, CostOfPart, Escapes
from cloud_side.training.evaluation.thresholds import with_good_parts
from cloud_side.training.gate.evidence import UNKNOWN_INTERVAL, Champion, Scores
from cloud_side.training.gate.files import ChampionFile
from cloud_side.training.predictions import Predictions


def champion_of(
    named: ChampionFile | None,
    evaluation: EvaluationFile,
    found: Predictions,
    rival: Predictions | None,
    scores: Scores | None,
) -> Champion | None:
    """Return what is known of the approved model; None where there is none.

    Args:
        named: What the registry said of it; None where nobody asked.
        evaluation: Of both.
        found: By the candidate.
        rival: What the approved model found; None where that is missing.
        scores: Of the approved model, where it was evaluated.
    """
    approved = named if named is not None and named.package is not None else None
    model = evaluation.champion
    trained_on = None if approved is None else approved.dataset_version
    if model is None:
        if approved is None:
            return None
        return Champion(f"{approved.name} {approved.version}", trained_on, "it was not evaluated in this run")
    title = f"{model.name} {model.version}" if approved is None else f"{approved.name} {approved.version}"
    if approved is not None and approved.version != model.version:
        return Champion(title, trained_on, f"version {model.version} was evaluated in its place", scores)
    if rival is None:
        return Champion(title, trained_on, "its predictions are missing", scores)
    if (problem := difference(found, rival)) is not None:
        return Champion(title, trained_on, problem, scores)
    return _changed(Champion(title, trained_on, None, scores, model.missing_classes), model, evaluation, found, rival)


def difference(first: Predictions, second: Predictions) -> str | None:
    """Return in which way two models were not tested on the same; None where they were."""
    if first.class_names != second.class_names:
        return f"it was tested on classes {', '.join(second.class_names)}, this one on {', '.join(first.class_names)}"
    left, right = _truths(first), _truths(second)
    odd = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    return f"{len(odd)} images or labels are not the same for both, {odd[0]} for instance" if odd else None


def without_classes(predictions: Predictions, names: Collection[str]) -> Predictions:
    """Return the images that show no defect of some classes."""
    ids = {number for number, name in enumerate(predictions.class_names) if name in names}
    images = tuple(image for image in predictions.images if not ids & {*image.truth_class_id.tolist()})
    return Predictions(predictions.class_names, images)


def _changed(
    champion: Champion, model: SaidModel, evaluation: EvaluationFile, found: Predictions, rival: Predictions
) -> Champion:
    """Return the champion with the differences.

    It can find nothing of a class that it does not know: such images would make any candidate look better.
    """
    first, second = (without_classes(each, model.missing_classes) for each in (found, rival))
    costs, said = evaluation.costs, evaluation.bootstrap
    at = (evaluation.candidate.thresholds, model.thresholds)

    def changed(pair: tuple[Predictions, Predictions], *of: Statistic) -> Interval:
        return paired_difference(*pair, of[0], of_second=of[1], seed=said.seed, rounds=said.rounds)

    has_defects = any(image.is_defective for image in first.images)
    return replace(
        champion,
        map50=changed((first, second), MAP50, MAP50) if has_defects else UNKNOWN_INTERVAL,
        escapes=changed((first, second), *map(Escapes, at)) if has_defects else UNKNOWN_INTERVAL,
        cost=changed((with_good_parts(first), with_good_parts(second)), *(CostOfPart(each, costs) for each in at))
        if has_defects
        else UNKNOWN_INTERVAL,
    )


def _truths(predictions: Predictions) -> Mapping[str, tuple[object, ...]]:
    return {
        image.name: (
            image.sha256,
            image.group,
            np.round(image.truth_xyxy, 1).tolist(),
            image.truth_class_id.tolist(),
        )
        for image in predictions.images
    }
