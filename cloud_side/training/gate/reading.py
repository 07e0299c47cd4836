"""Reads what the steps before the gate wrote. Where one of them said nothing, its number is unknown, and so refused."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from cloud_side.training import places
from cloud_side.training.dataset import Mode, TrainingData
from cloud_side.training.evaluation.bootstrap import Statistic
from cloud_side.training.evaluation.evaluation_file import EvaluationFile, SaidModel
from cloud_side.training.evaluation.measures import CostOfPart, Escapes
from cloud_side.training.evaluation.scores import map50
from cloud_side.training.evaluation.thresholds import with_good_parts
from cloud_side.training.evaluation.verdicts import parts_of, verdicts
from cloud_side.training.exporting.files import read_json
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.gate.challenge import champion_of, difference
from cloud_side.training.gate.evidence import (
    UNKNOWN,
    UNKNOWN_INTERVAL,
    ClassScores,
    Evidence,
    Leaks,
    Parity,
    Quantized,
    Scores,
    Tested,
)
from cloud_side.training.gate.files import ChampionFile, OptimizationFile, ParityFile
from cloud_side.training.predictions import Predictions, read_predictions

_HELD_OUT: Final = frozenset(map(str, Mode))  # not the images of a model from elsewhere
CANDIDATE_PREDICTIONS: Final = f"{places.PREDICTIONS}/candidate.jsonl"
CHAMPION_PREDICTIONS: Final = f"{places.PREDICTIONS}/champion.jsonl"
INT8_PREDICTIONS: Final = f"{places.PREDICTIONS}/int8.jsonl"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the evidence lies.

    Attributes:
        data: Has `dataset.json`.
        champion: Has `champion.json`; None: there is no approved model, and none was looked for.
        packages: Has `parity.json` and `training.json`.
        evaluation: Scores and predictions.
        optimization: What was said of INT8, and its predictions.
    """

    data: Path
    champion: Path | None
    packages: Path
    evaluation: Path
    optimization: Path


def read_evidence(folders: Folders) -> Evidence:
    """Return the evidence that the files of a run give.

    Raises:
        ConfigError: If a file that each run has is missing, or is another one; names the field.
    """
    data, record = TrainingData.read(folders.data), TrainingRecord.read(folders.packages)
    evaluation = read_json(folders.evaluation / places.EVALUATION_FILE, EvaluationFile)
    named = None if folders.champion is None else read_json(folders.champion / places.CHAMPION_FILE, ChampionFile)
    candidate, found = evaluation.candidate, read_predictions(folders.evaluation / CANDIDATE_PREDICTIONS)
    rival = _if_there(folders.evaluation / CHAMPION_PREDICTIONS)
    return Evidence(
        title=f"{candidate.name} {candidate.version}" if named is None else f"{named.name} {named.next_version}",
        trained_on=record.dataset.version,
        tested=_tested(evaluation, found, _why_seen(evaluation.mode, record, named)),
        leaks=Leaks(data.version, tuple(data.leaks.groups), len(data.leaks.near_duplicates), len(data.leaks.accepted)),
        scores=_candidate_scores(evaluation, found),
        parity=_parity(read_json(folders.packages / places.PARITY_FILE, ParityFile)),
        quantized=_quantized(folders.optimization, candidate, found),
        champion=champion_of(named, evaluation, found, rival, _rival_scores(evaluation, rival)),
        recount=_recount((candidate, found), (evaluation.champion, rival)),
    )


def _if_there(path: Path) -> Predictions | None:
    return read_predictions(path) if path.is_file() else None


def _tested(evaluation: EvaluationFile, found: Predictions, seen: str | None) -> Tested:
    defective = parts_of(found).defective
    return Tested(
        evaluation.dataset.name,
        evaluation.dataset.version,
        len(found),
        len(found.groups),
        int(defective.sum()),
        int((~defective).sum()),
        seen,
    )


def _why_seen(mode: str, record: TrainingRecord, named: ChampionFile | None) -> str | None:
    if mode not in _HELD_OUT:
        return "nobody knows which images it was trained on; give it a data set with a test split"
    if record.begun_from is None or (mode == Mode.SPLIT and _held_back(record.begun_from, named)):
        return None
    begun_from = f"it began with the weights of version {record.begun_from}"
    return f"{begun_from}, which may have learned from them; train it from scratch"


def _held_back(version: str, named: ChampionFile | None) -> bool:
    """Return whether it is known of an approved version that it learned from no test images."""
    return named is not None and named.package is not None and (named.version, named.mode) == (version, Mode.SPLIT)


def _scores(model: SaidModel, evaluation: EvaluationFile, found: Predictions) -> Scores:
    known = {
        name: ClassScores(each.defects, UNKNOWN if each.ap50 is None else each.ap50, each.part_recall.value)
        for name, each in model.classes.items()
        if name not in model.missing_classes
    }
    more = {name: ClassScores(0, UNKNOWN, UNKNOWN) for name in model.extra_classes}
    latency, has_defects = model.latency.get("float32"), any(image.is_defective for image in found.images)
    with_good, said = with_good_parts(found), evaluation.bootstrap
    return Scores(
        map50=model.map50 if has_defects else UNKNOWN_INTERVAL,
        map50_95=model.map50_95 if has_defects else UNKNOWN_INTERVAL,
        escapes=model.verdicts.escapes if has_defects else UNKNOWN_INTERVAL,
        overkill=verdicts(with_good, model.thresholds, seed=said.seed, rounds=said.rounds).overkill,
        cost=_value(CostOfPart(model.thresholds, evaluation.costs), with_good),
        latency_ms=UNKNOWN if latency is None else latency.median_ms,
        classes=more | known,
    )


def _candidate_scores(evaluation: EvaluationFile, found: Predictions) -> Scores:
    """Return the scores; verdicts at thresholds that were chosen on other parts are the ones that count."""
    scores = _scores(evaluation.candidate, evaluation, found)
    groups = {image.group for image in found.images if image.is_defective}
    if not groups:
        return scores
    apart = evaluation.choice.verdicts_apart
    escapes = scores.escapes if apart is None else apart.escapes
    if apart is not None and with_good_parts(found) is found:
        scores = replace(scores, overkill=apart.overkill)
    # Draws of the few that escaped show less than what no escape at all leaves possible: worse must not look surer.
    possible = 1 - 0.05 ** (1 / len(groups))
    return replace(scores, escapes=replace(escapes, high=max(escapes.high, possible)))


def _rival_scores(evaluation: EvaluationFile, rival: Predictions | None) -> Scores | None:
    model = evaluation.champion
    return None if model is None or rival is None else _scores(model, evaluation, rival)


def _parity(said: ParityFile) -> Parity:
    """Return the worst of all models; a file that found nothing with its weights was compared with nothing."""
    if not all(each.detections for each in said.runs.values()):
        return Parity()
    each_of = said.runs.values()
    return Parity(max(each.confidence for each in each_of), max(each.box_px for each in each_of))


def _quantized(folder: Path, candidate: SaidModel, found: Predictions) -> Quantized:
    said, small = read_json(folder / places.OPTIMIZATION_FILE, OptimizationFile), _if_there(folder / INT8_PREDICTIONS)
    parity, quantized = said.parity, Quantized(said.kept, said.reason)
    if small is not None and difference(found, small) is None:
        escapes = _value(Escapes(candidate.thresholds), small)
        quantized = replace(quantized, map50_loss=map50(found) - map50(small), escapes=escapes)
    return replace(
        quantized,
        speed_ratio=UNKNOWN if said.speed_ratio is None else said.speed_ratio,
        score_mean=parity.confidence_mean if parity is not None and parity.detections else UNKNOWN,
    )


def _recount(*models: tuple[SaidModel | None, Predictions | None]) -> float:
    """Return how far the reported scores are from what the predictions say: they could be those of another run."""
    gaps = [
        gap
        for said, found in models
        if said is not None and found is not None
        for gap in (
            said.map50.value - map50(found),
            said.verdicts.escapes.value - _value(Escapes(said.thresholds), found),
        )
    ]
    return float(np.abs(gaps).max())


def _value(statistic: Statistic, predictions: Predictions) -> float:
    """Return a statistic with each group once; no number where nothing was counted."""
    groups = predictions.groups
    return float(statistic(predictions, groups)(np.ones((1, len(groups))))[0])
