"""Evaluate: exported packages and the champion on images that they have not seen -> scores, thresholds, a page.

A package from elsewhere, `--package`, takes the place of the exported ones: it is scored on the same images.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cloud_side.training import places
from cloud_side.training.dataset import TrainingData
from cloud_side.training.dataset.examples import read_pixels
from cloud_side.training.evaluation.assessment import Judging, assess, difference, thresholds_apart
from cloud_side.training.evaluation.bootstrap import ROUNDS
from cloud_side.training.evaluation.candidate import Candidate, candidate_on, folds_of
from cloud_side.training.evaluation.champion import Champion, champion_on
from cloud_side.training.evaluation.detecting import ClassMatch, Report
from cloud_side.training.evaluation.document import Evaluation, Judged, Tested, write_evaluation
from cloud_side.training.evaluation.failures import failures, pictures
from cloud_side.training.evaluation.latency import TURNS, Latency, in_turns
from cloud_side.training.evaluation.page import evaluation_page
from cloud_side.training.evaluation.thresholds import Costs, choose, with_good_parts
from cloud_side.training.evaluation.verdicts import verdicts
from cloud_side.training.exporting.files import emptied, read_json
from cloud_side.training.folds import Folds
from cloud_side.training.gate.files import ChampionFile
from cloud_side.training.predictions import Predictions, pooled, read_predictions, write_predictions
from cloud_side.training.steps.entry import say, told
from edge_inspector.detectors.importing import import_model
from edge_inspector.detectors.model_file import Color, ModelPackage, Thresholds

PAGE: Final = "evaluation.html"
CANDIDATE_FILE: Final = "candidate.jsonl"
CHAMPION_FILE: Final = "champion.jsonl"
_FLOAT: Final = "float32"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the files are.

    Attributes:
        data: Of the data set.
        packages: Exported; not looked at where `given` is.
        champion: What the registry said of the model on the line; None, or no such folder, where nobody asked.
        out: For what comes out; emptied first.
        given: A package folder, or an ONNX file, of another trainer.
    """

    data: Path
    packages: Path
    champion: Path | None
    out: Path
    given: Path | None = None


def run(
    folders: Folders, judging: Judging | None = None, report: Report = say, *, beside: Predictions | None = None
) -> Evaluation:
    """Evaluate, and write evaluation.json, evaluation.html, thresholds.json and predictions.

    Scores are taken from the predictions as they are kept, so that whoever reads these finds the same.

    Args:
        folders: Where the files are.
        judging: Costs of mistakes, and how intervals are drawn.
        report: Gets lines of progress.
        beside: More that the new model found, on images of groups that are not in the data: thresholds are chosen on
            these too, scores are not taken from them.

    Raises:
        ConfigError: If files are missing, contradict each other, or cannot be read.
        ModelError: If a package is missing or damaged.
    """
    data, named = TrainingData.read(folders.data), _named(folders.champion)
    kept = emptied(folders.out) / places.PREDICTIONS
    with _given(folders.given) as given:
        found = candidate_on(folders.data, data, folders.packages, given, report)
        found = replace(found, tested=_kept(kept / CANDIDATE_FILE, found.tested))
        rival = None
        if folders.champion is not None and named is not None and named.package is not None:
            package = ModelPackage.open(folders.champion / places.PACKAGE)
            rival = champion_on(folders.champion, found.rows, data.class_names, package=package, report=report)
            rival = replace(rival, predictions=_kept(kept / CHAMPION_FILE, rival.predictions))
        version = named.next_version if named is not None and folders.given is None else None
        basis = _basis(data, found, beside)
        evaluation = _evaluation(data, found, rival, judging or Judging(Costs()), version, basis)
    write_evaluation(folders.out, evaluation)
    (folders.out / PAGE).write_bytes(_page(evaluation, found, basis))
    report(_summary(evaluation))
    return evaluation


def main() -> int:
    """Evaluate as a processing job."""
    return told(_job)


def _job() -> None:
    said = _parser().parse_args()
    folders = Folders(
        places.input_folder(places.DATA),
        places.input_folder(places.PACKAGES),
        places.input_folder(places.CHAMPION),
        places.output_folder(places.EVALUATION),
        said.package,
    )
    costs = Costs(said.escape_cost, said.overkill_cost, said.review_cost, said.defect_rate or None)
    run(folders, Judging(costs, said.seed, said.rounds, said.turns))


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """What thresholds are chosen on, the groups of it, and how the choice is called where that is known before."""

    predictions: Predictions
    folds: Folds
    by: str | None = None


def _basis(data: TrainingData, found: Candidate, beside: Predictions | None) -> _Basis:
    own, folds = found.chosen_on or found.tested, folds_of(data)
    if beside is None:
        return _Basis(own, folds)
    # Clean ones beside do not stand for the good parts that the data lack.
    whole = with_good_parts(own)
    by = None if whole is own else "surroundings"
    return _Basis(pooled((whole, beside)), Folds((*folds.groups, frozenset(beside.groups))), by)


def _evaluation(  # noqa: PLR0913, PLR0917 - what an evaluation is made of
    data: TrainingData, found: Candidate, rival: Champion | None, judging: Judging, version: str | None, basis: _Basis
) -> Evaluation:
    choice = choose(basis.predictions, judging.costs)
    choice = replace(choice, by=basis.by or choice.by)
    apart = thresholds_apart(basis.predictions, basis.folds, judging.costs) if found.chosen_on is None else None
    files = {"candidate": (found.package, _FLOAT)} | ({"champion": (rival.package, _FLOAT)} if rival else {})
    least = min(each.review_at for each in choice.thresholds.values())
    times = in_turns(files, found.rows, turns=judging.turns, least={"candidate": least})

    def judged(
        package: ModelPackage, predictions: Predictions, thresholds: Mapping[str, Thresholds], latency: Latency
    ) -> Judged:
        scores = assess(predictions, thresholds, judging, model_wh=data.model_wh, contrasts=found.contrasts)
        manifest = package.manifest
        pairing = ClassMatch.of(manifest.class_names, data.class_names)
        return Judged(
            manifest.name, manifest.version, thresholds, scores, {_FLOAT: latency}, pairing.missing, pairing.extra
        )

    candidate = judged(found.package, found.tested, choice.thresholds, times["candidate"])
    champion, gap = None, None
    if rival is not None:
        champion = judged(rival.package, rival.predictions, rival.thresholds, times["champion"])
        champion = replace(champion, kept_predictions=rival.kept)
        gap = difference((found.tested, apart or choice.thresholds), (rival.predictions, rival.thresholds), judging)
    return Evaluation(
        _tested(data, found),
        judging,
        "out_of_fold" if found.chosen_on is None else "validation",
        choice,
        candidate if version is None else replace(candidate, version=version),
        None if apart is None else verdicts(found.tested, apart, seed=judging.seed, rounds=judging.rounds),
        champion,
        gap,
    )


def _tested(data: TrainingData, found: Candidate) -> Tested:
    return Tested(
        data.name,
        data.version,
        data.class_names,
        found.mode,
        len(found.tested),
        len(found.tested.groups),
        sum(len(image.truth_xyxy) for image in found.tested.images),
    )


def _page(evaluation: Evaluation, found: Candidate, basis: _Basis) -> bytes:
    class_names, thresholds = found.tested.class_names, evaluation.candidate.thresholds
    of_name = {row.name: row for row in found.rows}
    mistakes = pictures(
        failures(found.tested, thresholds),
        lambda image: read_pixels(of_name[image.name], Color.BGR),
        class_names,
        thresholds,
    )
    return evaluation_page(evaluation, found.tested, basis.predictions, mistakes)


@contextmanager
def _given(path: Path | None) -> Iterator[ModelPackage | None]:
    """Open the package of another trainer; an ONNX file becomes one for as long as it is needed."""
    if path is None:
        yield None
    elif path.suffix.lower() != ".onnx":
        yield ModelPackage.open(path)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield import_model(path, Path(scratch) / "package").package


def _named(folder: Path | None) -> ChampionFile | None:
    return read_json(folder / places.CHAMPION_FILE, ChampionFile) if folder is not None and folder.is_dir() else None


def _kept(path: Path, predictions: Predictions) -> Predictions:
    """Write predictions, and return what whoever reads them will find."""
    write_predictions(path, predictions)
    return read_predictions(path)


def _summary(evaluation: Evaluation) -> str:
    scores = evaluation.candidate.assessment
    escapes, overkill = scores.verdicts.escapes.value, scores.verdicts.overkill.value
    return (
        f"{evaluation.candidate.title}: mAP50 {scores.map50.value:.3f} ({scores.map50.low:.3f} to "
        f"{scores.map50.high:.3f}), escapes {escapes:.1%}, overkill {overkill:.1%}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud_side.training.steps.evaluate", description=__doc__)
    usual = Costs()
    parser.add_argument("--package", type=Path, metavar="PATH", help="package folder or ONNX file of another trainer")
    parser.add_argument("--escape-cost", type=float, default=usual.escape, metavar="COST", help="(%(default)s)")
    parser.add_argument("--overkill-cost", type=float, default=usual.overkill, metavar="COST", help="(%(default)s)")
    parser.add_argument("--review-cost", type=float, default=usual.review, metavar="COST", help="(%(default)s)")
    parser.add_argument(
        "--defect-rate",
        type=float,
        default=usual.defect_rate,
        metavar="SHARE",
        help="of the line; 0: as among the images (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the intervals' draws")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="draws of each interval (%(default)s)")
    parser.add_argument("--turns", type=int, default=TURNS, help="how often each picture is timed (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
