"""The rules of the gate: whether a trained model may be offered for the line, and every reason for and against it.

A number that is missing, or is none, holds the model back. Nothing here reads or writes.
"""

from collections.abc import Iterator
from typing import Final

from cloud_side.training.evaluation.thresholds import FEW_CLEAN
from cloud_side.training.gate.evidence import UNKNOWN, Champion, Evidence, Scores
from cloud_side.training.gate.judgement import Check, Judgement, Measure, above, at_least, at_most, stated
from cloud_side.training.gate.limits import Limits

_SAME: Final = 0.001


def judge(evidence: Evidence, limits: Limits) -> Judgement:
    """Hold a model against the limits, and against the approved model where there is one.

    Args:
        evidence: What was measured.
        limits: What is asked.

    Returns:
        All checks; the model passes if each of them does.
    """
    checks = [
        *_data(evidence, limits),
        *_floors(evidence, limits),
        *_file(evidence, limits),
        *(_challenge(evidence, evidence.champion, limits) if evidence.champion is not None else ()),
    ]
    return Judgement(evidence.title, tuple(checks), tuple(_notes(evidence, limits)))


def _data(evidence: Evidence, limits: Limits) -> Iterator[Check]:
    tested, leaks = evidence.tested, evidence.leaks
    strange = sorted({evidence.trained_on, leaks.version} - {tested.version})
    yield stated(
        "dataset",
        f"The model was tested on version {tested.version[:12]} of {tested.dataset}, "
        + (
            f"but it was trained, or searched for leaks, on version {strange[0][:12]}: the test says nothing of it."
            if strange
            else "the one that it was trained on a part of."
        ),
        passed=not strange,
    )
    yield stated(
        "held_out",
        "The model has seen none of the images of the test."
        if tested.seen is None
        else f"The model may have seen images of the test: {tested.seen}.",
        passed=tested.seen is None,
    )
    yield at_least(
        Measure("groups", "The number of independent groups of parts in the test", "#"),
        tested.groups,
        limits.least_groups,
    )
    yield at_least(
        Measure("defective_parts", "The number of defective parts in the test", "#"),
        tested.defective,
        limits.least_defective,
    )
    yield at_least(
        Measure("clean_parts", "The number of good parts in the test", "#"), tested.clean, limits.least_clean
    )
    shown = f": {', '.join(leaks.groups[:5])}" if leaks.groups else ""
    yield at_most(
        Measure("leaked_groups", f"The number of groups both in training and in the test{shown}", "#"),
        len(leaks.groups),
        0,
    )
    yield at_most(
        Measure("near_duplicates", "The number of test images that look the same as a training image", "#"),
        leaks.near_duplicates,
        0,
    )


def _floors(evidence: Evidence, limits: Limits) -> Iterator[Check]:
    scores = evidence.scores
    what = "The difference between the reported mAP50 and the one counted again from the model's findings"
    yield at_most(Measure("recount", what), evidence.recount, _SAME)
    yield at_least(
        Measure("map50", "How well defects are found and told from surface (mAP50)"),
        scores.map50.value,
        limits.least_map50,
    )
    if limits.least_map50_95 > 0:
        yield at_least(
            Measure("map50_95", "How exactly defects are framed (mAP50-95)"),
            scores.map50_95.value,
            limits.least_map50_95,
        )
    yield at_most(
        Measure("escapes", "The share of defective parts that would pass", "%"),
        scores.escapes.value,
        limits.most_escapes,
    )
    yield at_most(
        Measure("possible_escapes", f"What a test of {evidence.tested.groups} groups leaves possible of these", "%"),
        scores.escapes.high,
        limits.most_possible_escapes,
    )
    yield at_most(_overkill(evidence.tested.clean), scores.overkill.value, limits.most_overkill)
    if limits.most_latency_ms > 0:
        yield at_most(
            Measure("latency", "The time for a frame, on the machine of the test", "ms"),
            scores.latency_ms,
            limits.most_latency_ms,
        )


def _overkill(clean: int) -> Measure:
    if clean >= FEW_CLEAN:
        return Measure("overkill", "The share of good parts that would be stopped", "%")
    what = f"The share of parts that would be stopped for what is no labeled defect ({clean} good parts are too few)"
    return Measure("overkill_beside_defects", what, "%")


def _file(evidence: Evidence, limits: Limits) -> Iterator[Check]:
    parity, quantized = evidence.parity, evidence.quantized
    what = "The greatest difference between the file and the trained weights, in"
    yield at_most(Measure("parity_score", f"{what} a score,"), parity.score, limits.most_parity_score)
    yield at_most(Measure("parity_box", f"{what} the side of a box,", "px"), parity.box_px, limits.most_parity_px)
    if not quantized.is_kept:
        return
    yield at_most(
        Measure("int8_accuracy", "The loss of mAP50 by the small file (INT8)"),
        quantized.map50_loss,
        limits.most_int8_drop,
    )
    yield at_most(
        Measure("int8_escapes", "The share of defective parts that would pass with the small file (INT8)", "%"),
        quantized.escapes,
        limits.most_escapes,
    )
    yield at_most(
        Measure("int8_parity", "The mean difference between the scores of the small file (INT8) and the full one"),
        quantized.score_mean,
        limits.most_int8_score,
    )
    yield at_most(
        Measure("int8_speed", "The time of the small file (INT8) against the full one", "x"),
        quantized.speed_ratio,
        limits.most_int8_ratio,
    )


def _challenge(evidence: Evidence, champion: Champion, limits: Limits) -> Iterator[Check]:
    before = champion.scores
    problem = champion.problem or ("it has no scores" if before is None else None)
    yield stated(
        "champion_evidence",
        f"The approved model {champion.title} was tested on the same images."
        if problem is None
        else f"The model cannot be compared with the approved one, {champion.title}: {problem}.",
        passed=problem is None,
    )
    least = "The least that mAP50 changed against the approved model, with 95 % certainty,"
    if limits.must_improve:
        yield above(Measure("surely_better", least), champion.map50.low, 0)
    else:
        yield at_least(Measure("not_worse", least), champion.map50.low, -limits.margin)
    yield at_least(Measure("difference", "The change of mAP50 against the approved model"), champion.map50.value, 0)
    yield at_most(
        Measure("more_escapes", "The change of the share of defective parts that would pass", "%"),
        champion.escapes.value,
        limits.escapes_margin,
    )
    yield at_most(
        Measure("more_cost", "The change of what a part costs in wrong decisions"),
        champion.cost.value,
        limits.cost_margin,
    )
    ratio = evidence.scores.latency_ms / before.latency_ms if before is not None and before.latency_ms > 0 else UNKNOWN
    yield at_most(
        Measure("slower", "The time for a frame against the approved model's", "x"), ratio, limits.most_latency_ratio
    )
    if before is not None:
        yield from _classes(evidence.scores, before, limits)


def _classes(after: Scores, before: Scores, limits: Limits) -> Iterator[Check]:
    lost = sorted(before.classes.keys() - after.classes.keys())
    yield stated(
        "classes",
        f"The model does not know what the approved one finds: {', '.join(lost)}."
        if lost
        else "The model knows every class of defect that the approved one knows.",
        passed=not lost,
    )
    for name in sorted(before.classes.keys() & after.classes.keys()):
        old, new = before.classes[name], after.classes[name]
        if new.boxes < limits.least_class_boxes:
            continue
        yield at_most(
            Measure(f"class_ap50:{name}", f"The loss of AP50 in class {name} (below zero: a gain)"),
            old.ap50 - new.ap50,
            limits.class_margin,
        )
        yield at_most(
            Measure(
                f"class_recall:{name}",
                f"The loss in the share of parts with {name} that are stopped (below zero: a gain)",
                "%",
            ),
            old.part_recall - new.part_recall,
            limits.class_margin,
        )


def _notes(evidence: Evidence, limits: Limits) -> Iterator[str]:
    if evidence.champion is None:
        yield "No model was approved yet: this one was held against the limits alone, not against another model."
    elif evidence.champion.trained_on == evidence.tested.version:
        yield "Nothing new was labeled since the approved model was trained: both learned from the same data."
    rare = [name for name, each in sorted(evidence.scores.classes.items()) if each.boxes < limits.least_class_boxes]
    if rare and evidence.champion is not None:
        yield f"Of {', '.join(rare)} there are fewer than {limits.least_class_boxes} defects: too few to compare alone."
    if evidence.champion is not None and evidence.champion.missing:
        names = ", ".join(evidence.champion.missing)
        yield f"The approved model does not know {names}: images that show that were left out of the comparison."
    if evidence.tested.clean < FEW_CLEAN:
        yield (
            f"Only {evidence.tested.clean} good parts were tested: how many the line would stop is judged by what was "
            "found beside the defects of the others. Photograph good parts, and ask for them by least_clean."
        )
    if evidence.leaks.accepted:
        yield (
            f"Images that look the same are both in training and in the test, {evidence.leaks.accepted:,} pairs of "
            "them; whoever made the version of the data set said that they show different parts."
        )
    if not evidence.quantized.is_kept:
        yield f"The package has no small file (INT8): {evidence.quantized.reason.rstrip('.')}."
