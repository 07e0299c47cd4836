"""What the files of a run say decides; what they do not say, or what does not belong together, lets nothing pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.training.gate.judgement import Judgement
from cloud_side.training.gate.limits import Limits
from cloud_side.training.gate.reading import Folders, read_evidence
from cloud_side.training.gate.rules import judge
from cloud_side.training.predictions import Predictions, write_predictions
from tests.cloud.training.gate.run_files import (
    WORSE,
    Changed,
    all_of_them,
    change,
    folders_of,
    found,
    with_another_box,
    write_run,
)

RunOf = Callable[[str], Folders]
INCOMPARABLE = ["champion_evidence", "not_worse", "difference", "more_escapes", "more_cost"]


def judged(folders: Folders, **limits: Any) -> Judgement:
    return judge(read_evidence(folders), Limits(**limits))


def failed(judgement: Judgement) -> list[str]:
    return [check.name for check in judgement.failed]


EVALUATION = "evaluation/evaluation.json"
NONE = {"value": 0.0, "low": 0.0, "high": 0.1}
APART = {
    "defective": 60,
    "clean": 30,
    "escapes": {"value": 0.2, "low": 0.1, "high": 0.3},
    "overkill": NONE,
    "rejected_clean": NONE,
}
CHANGES: dict[str, tuple[str, str, Changed, list[str]]] = {
    "nothing found": (
        "first",
        "packages/parity.json",
        lambda said: said["runs"]["final"].update(detections=0),
        ["parity_score", "parity_box"],
    ),
    "another fold": (
        "first",
        "packages/parity.json",
        lambda said: said["runs"].update(
            {"fold-0": {"detections": 1, "confidence": 0.5, "confidence_mean": 0, "box_px": 9}}
        ),
        ["parity_score", "parity_box"],
    ),
    "no numbers": (
        "first",
        "optimization/optimization.json",
        lambda said: said.update(speed_ratio=None, parity=None),
        ["int8_parity", "int8_speed"],
    ),
    "no times": ("better", EVALUATION, lambda said: said["candidate"].update(latency={}), ["slower"]),
    "tested on other data": ("first", EVALUATION, lambda said: said["dataset"].update(version="1" * 64), ["dataset"]),
    "trained on other data": (
        "first",
        "packages/training.json",
        lambda said: said["dataset"].update(version="1" * 64),
        ["dataset"],
    ),
    "a model from elsewhere": ("first", EVALUATION, lambda said: said.update(mode="given"), ["held_out"]),
    "a group twice": ("first", "data/dataset.json", lambda said: said["leaks"].update(groups=["l"]), ["leaked_groups"]),
    "verdicts at thresholds that were chosen on other parts": (
        "first",
        EVALUATION,
        lambda said: said["choice"].update(verdicts_apart=APART),
        ["escapes"],
    ),
    "mAP50 of other predictions": (
        "first",
        EVALUATION,
        lambda said: said["candidate"]["map50"].update(value=0.88),
        ["recount"],
    ),
    "escapes of other predictions": (
        "first",
        EVALUATION,
        lambda said: said["candidate"]["verdicts"]["escapes"].update(value=0.02),
        ["recount"],
    ),
    "mAP50 of another champion": (
        "better",
        EVALUATION,
        lambda said: said["champion"]["map50"].update(value=0.88),
        ["recount"],
    ),
    "a class that the data lack": (
        "better",
        EVALUATION,
        lambda said: said["champion"].update(extra_classes=["dent"]),
        ["classes"],
    ),
    "a class that the champion lacks": (
        "better",
        EVALUATION,
        lambda said: said["champion"].update(missing_classes=["scratch"]),
        ["not_worse", "difference", "more_escapes", "more_cost"],
    ),
    "a champion that was not evaluated": (
        "better",
        EVALUATION,
        lambda said: said.update(champion=None),
        [*INCOMPARABLE, "slower"],
    ),
    "another champion": ("better", EVALUATION, lambda said: said["champion"].update(version="1.0.0"), INCOMPARABLE),
}


@pytest.mark.parametrize(("kind", "file", "changed", "names"), CHANGES.values(), ids=CHANGES.keys())
def test_what_the_files_say_decides(run_of: RunOf, kind: str, file: str, changed: Changed, names: list[str]) -> None:
    folders = run_of(kind)
    change(folders.data.parent / file, changed)
    assert failed(judged(folders)) == names


def test_differences_are_resampled_together(kept: Callable[[str], Path]) -> None:
    champion = read_evidence(folders_of(kept("better"))).champion
    assert champion is not None
    assert champion.problem is None
    assert champion.map50.value == pytest.approx(4 / 60, abs=0.01)
    assert champion.map50.low > 0
    assert champion.escapes.value == pytest.approx(-4 / 60)
    assert champion.cost.value == pytest.approx(-4 * 50 / 90)


def _with_another_label(predictions: Predictions) -> Predictions:
    first, second, *others = predictions.images
    return Predictions(predictions.class_names, (first, replace(second, truth_xyxy=second.truth_xyxy + 3), *others))


@pytest.mark.parametrize(
    ("champion", "problem"),
    [
        (_with_another_label(WORSE), "1 images or labels are not the same for both, 00-1.png"),
        (Predictions(WORSE.class_names, WORSE.images[6:]), "6 images or labels are not the same"),
        (None, "its predictions are missing"),
    ],
    ids=["another label", "fewer images", "none"],
)
def test_models_that_were_not_tested_on_the_same_are_not_compared(
    run_of: RunOf, champion: Predictions | None, problem: str
) -> None:
    folders = run_of("better")
    file = folders.evaluation / "predictions/champion.jsonl"
    if champion is None:
        file.unlink()
    else:
        write_predictions(file, champion)
    judgement = judged(folders)
    assert {*failed(judgement)} >= {*INCOMPARABLE}
    assert problem in judgement.summary or problem in judgement.failed[1].text


def test_a_class_that_the_champion_lacks_is_told(run_of: RunOf) -> None:
    folders = run_of("better")
    change(folders.evaluation / "evaluation.json", lambda said: said["champion"].update(missing_classes=["scratch"]))
    assert judged(folders).notes[0].startswith("The approved model does not know scratch")


def test_the_small_file_is_judged_by_what_it_found_itself(run_of: RunOf) -> None:
    folders = run_of("first")
    write_predictions(folders.optimization / "predictions/int8.jsonl", WORSE)
    assert failed(judged(folders)) == ["int8_accuracy", "int8_escapes"]
    (folders.optimization / "predictions/int8.jsonl").unlink()
    assert failed(judged(folders)) == ["int8_accuracy", "int8_escapes"]
    assert "could not be measured" in judged(folders).summary


@pytest.mark.parametrize(
    ("mode", "of_champion", "begun_from", "names"),
    [
        ("split", "split", "1.1.0", []),
        ("split", "folds", "1.1.0", ["held_out"]),
        ("folds", "split", "1.1.0", ["held_out"]),
        ("split", None, "1.1.0", ["held_out"]),
        ("split", "split", "1.0.0", ["held_out"]),
        ("folds", "folds", None, []),
    ],
)
def test_weights_that_may_have_learned_from_the_test_are_no_beginning(
    run_of: RunOf, mode: str, of_champion: str | None, begun_from: str | None, names: list[str]
) -> None:
    folders = run_of("better")
    run = folders.data.parent
    change(run / EVALUATION, lambda said: said.update(mode=mode))
    change(run / "champion/champion.json", lambda said: said.update(mode=of_champion))
    change(run / "packages/training.json", lambda said: said.update(begun_from=begun_from))
    assert failed(judged(folders)) == names


@pytest.mark.parametrize(("begun_from", "names"), [(None, []), ("1.0.0", ["held_out"])])
def test_what_a_model_really_began_with_counts_and_not_what_was_wished(
    run_of: RunOf, begun_from: str | None, names: list[str]
) -> None:
    folders = run_of("first")
    wished = {"hyperparameters": {"start_from": "champion"}, "begun_from": begun_from}
    change(folders.packages / "training.json", lambda said: said.update(wished))
    assert failed(judged(folders)) == names


def test_without_good_parts_overkill_is_judged_by_what_lies_beside_defects_and_that_is_told(tmp_path: Path) -> None:
    predictions = found(lambda *_: 0.9, clean=False, groups=10)
    quiet = judged(write_run(tmp_path / "quiet", predictions))
    assert quiet.passed
    assert "Only 0 good parts were tested" in quiet.notes[-1]
    folders = write_run(tmp_path / "loud", with_another_box(predictions, every=5))
    loud = judged(folders, least_map50=0)
    assert failed(loud) == ["overkill_beside_defects"]
    assert "(0 good parts are too few) is 20.0 %; at most 10.0 %" in loud.summary
    assert failed(judged(folders, least_map50=0, least_clean=1, most_overkill=0.3)) == ["clean_parts"]


def test_a_model_without_mistakes_passes_in_the_smallest_test_that_the_usual_limits_take(tmp_path: Path) -> None:
    usual = Limits()
    judgement = judged(write_run(tmp_path / "run", found(all_of_them, groups=usual.least_groups)))
    assert judgement.passed
    assert {check.name: check.measured for check in judgement.checks}["defective_parts"] == usual.least_defective


@pytest.mark.parametrize("escapes", [(0.0, 0.0, 0.095034), (0.017, 0.0, 0.05)], ids=["no escape", "one"])
def test_an_escape_never_makes_a_test_look_surer(run_of: RunOf, escapes: tuple[float, float, float]) -> None:
    apart = APART | {"escapes": dict(zip(("value", "low", "high"), escapes, strict=True))}
    folders = run_of("first")
    change(folders.data.parent / EVALUATION, lambda said: said["choice"].update(verdicts_apart=apart))
    assert failed(judged(folders, most_possible_escapes=0.09)) == ["possible_escapes"]
    assert judged(folders, most_possible_escapes=0.1).passed
