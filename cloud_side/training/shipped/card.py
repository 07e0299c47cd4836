"""What the model card of the shipped model tells beside that of any package."""

from collections.abc import Iterator, Mapping
from statistics import mean, stdev

from cloud_side.training.evaluation.assessment import Difference
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.shipped.recipe import DEMO_SEED, Recipe
from cloud_side.training.shipped.report import Report, Shown

_PURPOSE = """The model of the demo, and an example of a model package. It is no model for your line: train one on
your own parts."""
_LICENSE = """Photographs: `aws-samples/mlops-at-edge-for-quality-inspection` (MIT-0). They are not part of this
package; the golden images beside this file are simulated."""
_CLEAN_FEW = 20


def shipped_card(general: str, report: Report) -> str:
    """Return the card as Markdown.

    Args:
        general: The card that any package gets.
        report: What is told besides.
    """
    title, rest = general.rstrip().split("\n\n", 1)
    parts = (_material(report), *_folds(report), *_champion(report), _demo(report), _thresholds(report))
    return "\n\n".join((title, _PURPOSE, rest, *parts, _limits(report), _again(report))) + "\n"


def _material(report: Report) -> str:
    asked, tested = report.recipe.hyperparameters, report.evaluation.tested
    cost = f"All {len(report.record.runs)} runs together took {report.cpu_minutes:.0f} CPU minutes at most."
    simulated = f"{asked.simulated_tags} simulated tags (`edge_inspector.simulation`)"
    if not report.has_photographs:
        return f"""## Material

{tested.images} simulated tags in the place of photographs, {simulated} **and no photograph**: nothing is known about
how it does on real parts, and every "image" above is a simulated one. {cost}"""
    return f"""## Material

{tested.images} photographs of {tested.groups} physical tags, and {simulated}. {cost}
{_LICENSE}"""


def _folds(report: Report) -> Iterator[str]:
    map50s = [fold.shown.map50 for fold in report.folds]
    known = "parts held out" if report.has_photographs else "tags held out"
    rows = "\n".join(
        f"| {number} | {_groups(fold.groups, name_them=report.has_photographs)} | {fold.shown.images} "
        f"| {fold.shown.defects} | {_scores(fold.shown)} |"
        for number, fold in enumerate(report.folds)
    )
    verdicts = report.evaluation.candidate.assessment.verdicts
    yield f"""## Fold by fold

Each fold's model knows none of the fold's parts. Mean mAP50 **{mean(map50s):.3f}**, from {min(map50s):.3f} to \
{max(map50s):.3f} (standard deviation {stdev(map50s):.3f}).

| fold | {known} | images | scratches | mAP50 | mAP50-95 | precision | recall |
|---|---|---|---|---|---|---|---|
{rows}

Precision and recall are of boxes at `review_at`, IoU 0.5."""
    if verdicts.clean < _CLEAN_FEW:
        yield f"{verdicts.clean} images show no defect, far too few to say how often a good part is stopped."


def _champion(report: Report) -> Iterator[str]:
    champion, gap = report.evaluation.champion, report.evaluation.difference
    if champion is None or gap is None:
        return
    images, kept = report.evaluation.tested.images, champion.kept_predictions
    run_now = (
        f" On {images - kept} images, which it may have been trained on, it was run again." if kept < images else ""
    )
    yield f"""## Beside {champion.title}

This model's numbers less those of {champion.title} on the same {images} images, with 95 % intervals over parts (paired
bootstrap). {champion.title} is told by its predictions that were kept, by models that did not know the part.{run_now}
This model's thresholds are, for each fold, chosen on the others.

| mAP50 | mAP50-95 | escapes | overkill | cost of a part |
|---|---|---|---|---|
| {_difference(gap)} |"""


def _demo(report: Report) -> str:
    recipe = report.recipe
    rows = "\n".join(
        f"| {precision} | {_scores(shown)} | {_percent(shown.verdicts.escapes)} | {_percent(shown.verdicts.overkill)} "
        f"| {_percent(shown.verdicts.rejected_clean)} |"
        for precision, shown in report.demo.items()
    )
    (first, *_) = report.demo.values()
    return f"""## On simulated tags of the demo's line

The files of this package on {first.images} fresh tags of {recipe.lots} lots (seeds from {DEMO_SEED} on, used for
nothing else), of which {first.verdicts.defective} are scratched and {first.verdicts.clean} clean.

| file | mAP50 | mAP50-95 | precision | recall | escapes | overkill | clean and rejected outright |
|---|---|---|---|---|---|---|---|
{rows}"""


def _thresholds(report: Report) -> str:
    costs, beside = report.recipe.judging.costs, report.beside
    rate = "as among the images" if costs.defect_rate is None else f"{costs.defect_rate:.0%}"
    return f"""## How thresholds were chosen

By what mistakes cost: an escape {costs.escape:g}, an overkill {costs.overkill:g}, a review {costs.review:g}, with a
share of defective parts on the line of {rate}. On the images above, on the surroundings of their defects where few
images are clean, and on what the folds' models find on {beside.images} simulated tags of lots of their own. There they
let {_percent(beside.verdicts.escapes)} of {beside.verdicts.defective} scratched tags pass, and stop
{_percent(beside.verdicts.overkill)} of {beside.verdicts.clean} clean ones."""


def _limits(report: Report) -> str:
    shared = """## What else is known, and what is not

- One kind of part, one fixture, one camera.
- A clean simulated tag is friendlier than a clean real one: expect more false alarms on a real line.
- Overkill on real parts is unknown; measure it with the random sample of accepted parts before a gate trusts it."""
    if not report.has_photographs:
        return shared
    return f"""{shared}
- Labels are loose and not consistent: the same faint scratch is boxed in one photograph and not in the next. That
  bounds mAP50-95 most; mAP50 and the verdict per image say more.
- {report.evaluation.tested.groups} physical parts: the folds differ by more than training runs do, and the intervals \
are wide.
- The recipe was chosen while looking at these folds (`docs/experiments.md`), so parts of another
  batch may score somewhat lower."""


def _again(report: Report) -> str:
    begin = "EDGE_INSPECTOR_TAGS=<folder of photographs with labels> " if report.has_photographs else ""
    said = "".join(f" --set {name}={value}" for name, value in _said(report.recipe.hyperparameters).items())
    words = f' TRAIN_ARGS="{said.strip()}"' if said else ""
    return f"""## Train it again

`{begin}make train-demo{words}`. Another processor rounds differently and gives a slightly different model. All numbers:
`metrics.json`."""


def _said(asked: Hyperparameters) -> Mapping[str, object]:
    usual = Recipe().hyperparameters.model_dump()
    return {name: value for name, value in asked.model_dump().items() if value != usual[name]}


def _groups(groups: tuple[str, ...], *, name_them: bool) -> str:
    return ", ".join(groups) if name_them else str(len(groups))


def _scores(shown: Shown) -> str:
    return f"{shown.map50:.3f} | {shown.map50_95:.3f} | {shown.precision:.3f} | {shown.recall:.3f}"


def _difference(gap: Difference) -> str:
    numbers = (f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})" for each in (gap.map50, gap.map50_95))
    shares = (f"{each.value:+.1%} ({each.low:+.1%} to {each.high:+.1%})" for each in (gap.escapes, gap.overkill))
    cost = f"{gap.cost.value:+.2f} ({gap.cost.low:+.2f} to {gap.cost.high:+.2f})"
    return " | ".join((*numbers, *shares, cost))


def _percent(share: Interval) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
