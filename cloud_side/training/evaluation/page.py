"""The evaluation as a page for people: what the model does to parts first, then why."""

from collections.abc import Sequence
from typing import Final

from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.drawing.reports import Axes, Curve, chart, facts, gallery, page, percent, picture, section, table
from cloud_side.training.evaluation.bootstrap import UNKNOWN, Interval
from cloud_side.training.evaluation.calibration import LOWEST, Calibration
from cloud_side.training.evaluation.document import Evaluation, Judged
from cloud_side.training.evaluation.failures import Failure, Kind
from cloud_side.training.evaluation.matching import match
from cloud_side.training.evaluation.scores import precision_recall
from cloud_side.training.evaluation.slices import CONTRASTS, SIZES
from cloud_side.training.evaluation.thresholds import cost_curve
from cloud_side.training.predictions import Predictions

_MOST_CURVES: Final = 8
_UNIT: Final = (0.0, 1.0)
_TOLD: Final = {
    "split": "test images, which no model was trained on",
    "folds": "all images, each by a model that was not trained on its part",
    "given": "all images, by a model from elsewhere: it may have been trained on some",
}
_KINDS: Final = {
    Kind.ESCAPE: "escape: the part is accepted; its highest score is",
    Kind.OVERKILL: "overkill: no defect is labeled, and the part is stopped with",
    Kind.LOOSE: "a box covers its defect badly, IoU",
}


def evaluation_page(
    evaluation: Evaluation, predictions: Predictions, chosen_on: Predictions, mistakes: Sequence[tuple[Failure, bytes]]
) -> bytes:
    """Return evaluation.html.

    Args:
        evaluation: All scores.
        predictions: The candidate's, on the tested images.
        chosen_on: The candidate's, on the images that its thresholds were chosen on.
        mistakes: The worst ones with their pictures, JPEG.
    """
    candidate, champion, tested = evaluation.candidate, evaluation.champion, evaluation.tested
    content = (
        _headline(evaluation),
        _curves(predictions),
        _classes(candidate),
        _thresholds(evaluation, chosen_on),
        _slices(candidate),
        _calibration(candidate.assessment.calibration),
        _latency(evaluation),
        _mistakes(mistakes),
    )
    header = element(
        "header",
        element("h1", f"Evaluation of {candidate.title}"),
        facts(
            {
                "data set": f"{tested.dataset} {tested.version}",
                "tested on": _TOLD[tested.mode],
                "images": f"{tested.images:,} of {tested.groups:,} groups, {tested.defects:,} labeled defects",
                "champion": champion.title if champion else "none: nothing to compare with",
                "never found": ", ".join(candidate.missing_classes) or None,
                "never found by the champion": ", ".join(champion.missing_classes) or None if champion else None,
                "left out": ", ".join(candidate.extra_classes) or None,
            }
        ),
    )
    return page(f"Evaluation of {candidate.title}", header, element("main", content))


def _headline(evaluation: Evaluation) -> Markup:
    scored = [model.assessment for model in evaluation.models]
    rows = [
        ["escapes: defective parts accepted", *(_share(each.verdicts.escapes) for each in scored)],
        ["overkill: good parts stopped", *(_share(each.verdicts.overkill) for each in scored)],
        ["good parts rejected outright", *(_share(each.verdicts.rejected_clean) for each in scored)],
        ["mean cost of a part", *(_number(each.cost) for each in scored)],
        ["mAP50", *(_number(each.map50) for each in scored)],
        ["mAP50-95", *(_number(each.map50_95) for each in scored)],
        ["precision of boxes", *(percent(each.precision) for each in scored)],
        ["recall of defects", *(percent(each.recall) for each in scored)],
    ]
    if (gap := evaluation.difference) is not None:
        signed = [_signed_share(gap.escapes), _signed_share(gap.overkill), "", _signed(gap.cost)]
        for row, text in zip(rows, [*signed, _signed(gap.map50), _signed(gap.map50_95), "", ""], strict=True):
            row.append(text)
    verdicts = evaluation.candidate.assessment.verdicts
    head = ["", *(model.title for model in evaluation.models), *(["difference"] if evaluation.difference else [])]
    hint = (
        f"{verdicts.defective:,} defective and {verdicts.clean:,} good parts. In brackets: where the number lies in "
        "95 of 100 sets of such parts, drawn group by group."
    )
    return section("What the model does to parts", table("scores", head, rows), _hint(hint), _apart(evaluation))


def _apart(evaluation: Evaluation) -> Content:
    if (apart := evaluation.apart) is None:
        return None
    also = "" if evaluation.difference is None else " The difference to the champion is taken with these."
    return _hint(
        "Thresholds were chosen on these very predictions, which flatters a little. With thresholds that were chosen "
        f"on the other folds: escapes {_share(apart.escapes)}, overkill {_share(apart.overkill)}.{also}"
    )


def _curves(predictions: Predictions) -> Markup:
    curves: list[Curve] = []
    for name, rows in zip(predictions.class_names, match(predictions), strict=True):
        if rows.defect_image.size and len(curves) < _MOST_CURVES:
            curve = precision_recall(rows)
            curves.append(Curve(name, list(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True))))
    drawn = chart("precision against recall", Axes("recall", "precision", _UNIT, _UNIT), curves)
    return section("Precision and recall of boxes", drawn, _hint("At an overlap (IoU) of at least 0.5."))


def _classes(candidate: Judged) -> Markup:
    head = ("", "defects", "AP50", "AP50-95", "precision", "recall", "its parts stopped", "review at", "reject at")
    rows = [
        (
            name,
            each.defects,
            _three(each.ap50),
            _three(each.ap50_95),
            percent(each.precision),
            percent(each.recall),
            _share(each.part_recall),
            f"{each.review_at:.2f}",
            f"{each.reject_at:.2f}",
        )
        for name, each in candidate.assessment.classes.items()
    ]
    return section("Classes", table("classes", head, rows))


def _thresholds(evaluation: Evaluation, chosen_on: Predictions) -> Markup:
    costs, choice = evaluation.judging.costs, evaluation.choice
    rate = "as among these images" if costs.defect_rate is None else percent(costs.defect_rate)
    said = facts(
        {
            "an escape costs": f"{costs.escape:g} overkills",
            "an overkill costs": f"{costs.overkill:g}",
            "a review costs": f"{costs.review:g}",
            "defective parts on the line": rate,
        }
    )
    known = [name for name, each in evaluation.candidate.assessment.classes.items() if each.defects][:_MOST_CURVES]
    thresholds = dict(evaluation.candidate.thresholds)
    curves = [Curve(name, cost_curve(chosen_on, thresholds, costs, name)) for name in known]
    drawn = chart("cost of a part by review_at", Axes("review_at", "cost of a part", _UNIT), curves)
    where = "validation images, never on test images" if evaluation.chosen_on == "validation" else "the tested images"
    hints = [_hint(f"Chosen on {where}.")]
    if choice.by == "surroundings":
        hints.append(
            _hint(
                "There were too few parts without a defect to choose by: what was found beside the defects of others "
                "stands for what would be found on good ones. Add good parts to the data."
            )
        )
    return section("Thresholds for the stated costs", said, drawn, hints)


def _slices(candidate: Judged) -> Markup:
    head = ("", "", "images", "defects", "recall", "AP50", "defective parts", "escapes")
    rows = [
        (
            each.name,
            each.by,
            each.images,
            each.defects,
            percent(each.recall),
            _three(each.ap50),
            each.defective,
            percent(each.escapes),
        )
        for each in candidate.assessment.slices
    ]
    sizes = ", ".join(f"{name} from {low:g} px" for name, low in SIZES[1:])
    contrasts = ", ".join(f"{name} from {low:g}" for name, low in CONTRASTS[1:])
    text = (
        f"Size is the side of a square of the same area at the scale of the network's input: {sizes}. Contrast is how "
        f"much more a box differs from its surroundings than these do, in grey levels: {contrasts}."
    )
    return section("Where it is good and where not", table("slices", head, rows), _hint(text))


def _calibration(found: Calibration) -> Markup:
    points = [(each.confidence, each.right) for each in found.bins if each.boxes]
    curves = (Curve("boxes that are right", points), Curve("what the scores say", [(0.0, 0.0), (1.0, 1.0)]))
    drawn = chart("reliability of scores", Axes("score", "share that is right", _UNIT, _UNIT), curves)
    text = f"Scores are off by {percent(found.error)} on average, over boxes from {LOWEST:g} on."
    return section("Do scores mean what they say?", drawn, _hint(text))


def _latency(evaluation: Evaluation) -> Content:
    rows = []
    for model in evaluation.models:
        for precision, each in model.latency.items():
            times = (each.median_ms, each.p95_ms, each.inference_ms, each.inference_p95_ms)
            rows.append((model.title, precision, *(f"{time_ms:.1f}" for time_ms in times)))
    if not rows:
        return None
    head = ("", "file", "frame, median ms", "frame, 95th percentile", "model's run, median ms", "95th percentile")
    hint = "One core of the machine that evaluated, the models in turns. A device has other times: measure there."
    return section("Time of a frame", table("latency", head, rows), _hint(hint))


def _mistakes(mistakes: Sequence[tuple[Failure, bytes]]) -> Markup:
    shown = [
        picture(
            content,
            f"{failure.image.name}: {failure.kind}",
            f"{_KINDS[failure.kind]} {failure.measured:.2f}. {failure.image.name}, group {failure.image.group}",
        )
        for failure, content in mistakes
    ]
    if not shown:
        return section("The worst mistakes", _hint("None at these thresholds."))
    legend = "White: labeled. Colored: found, with its score; below the threshold only where nothing reaches it."
    return section("The worst mistakes", _hint(legend), gallery(shown))


def _hint(text: str) -> Markup:
    return element("p", text, class_="hint")


def _share(found: Interval) -> str:
    if found == UNKNOWN:
        return "unknown"
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"


def _signed_share(found: Interval) -> str:
    value, low, high = (f"{100 * each:+.1f}" for each in (found.value, found.low, found.high))
    return f"{value} ({low} to {high}) points"


def _number(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _signed(found: Interval) -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _three(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
