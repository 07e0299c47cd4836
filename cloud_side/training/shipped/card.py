"""The model card: what the shipped model is for, what it was measured to do, and what it cannot do."""

from statistics import mean, stdev

from cloud_side.training.evaluation.evaluate import Interval
from cloud_side.training.shipped.report import DemoReport

LICENSE_LINE = (
    "Photographs: `aws-samples/mlops-at-edge-for-quality-inspection` (MIT-0). They are not part of this package; the\n"
    "golden images beside this file are simulated."
)


def model_card(report: DemoReport) -> str:
    """Return the card as Markdown."""
    return (
        "\n\n".join(
            (
                _purpose(report),
                _material(report),
                _photographs(report),
                _simulated(report),
                _thresholds(report),
                _limits(report),
                _again(report),
            )
        )
        + "\n"
    )


def _purpose(report: DemoReport) -> str:
    lineage, (width, height) = report.lineage, report.model_wh
    return f"""# Model card: metal-tags {lineage.version}

Finds scratches on metal tags in grey images; the model of the demo and an example of a model package. It is no model
for your line: train one on your own parts.

| | |
|---|---|
| network | anchor-free detector, {report.parameters:,} parameters, input {width} x {height} grey bytes, from scratch |
| file | `metal-tags.onnx`, {report.file_bytes / 1e6:.1f} MB, float32, {report.inference_ms:.1f} ms a run \
on one core of the training machine |
| trained at | {lineage.trained_at or "unknown"} |
| commit | {lineage.git_commit or "unknown"} |
| data set | {lineage.dataset_version or "unknown"} |"""


def _material(report: DemoReport) -> str:
    simulated = f"{report.simulated} simulated tags (`edge_inspector.simulation`)"
    if not report.photographs:
        return f"""## Trained on

{simulated} **and no photograph**: nothing is known about how it does on real parts."""
    return f"""## Trained on

{report.photographs} photographs of about fifteen physical tags, and {simulated}.
{LICENSE_LINE}"""


def _photographs(report: DemoReport) -> str:
    if not report.folds or report.pooled is None or report.photograph_verdicts is None:
        return """## On photographs

Not measured: there were none."""
    rows = "\n".join(
        f"| {fold.fold} | {', '.join(fold.groups)} | {fold.images} | {fold.defects} | {fold.accuracy.map50:.3f} "
        f"| {fold.accuracy.map50_95:.3f} | {fold.accuracy.precision:.3f} | {fold.accuracy.recall:.3f} |"
        for fold in report.folds
    )
    scores = [fold.accuracy.map50 for fold in report.folds]
    verdicts = report.photograph_verdicts
    return f"""## On photographs of parts that it has not seen

Cross-validation in {len(scores)} folds by physical part: each fold's model knows none of the fold's parts. The exported
file runs through the device's own detector. Mean mAP50 **{mean(scores):.3f}**, from {min(scores):.3f} to \
{max(scores):.3f} (standard deviation {stdev(scores):.3f}).

| fold | parts held out | images | scratches | mAP50 | mAP50-95 | precision | recall |
|---|---|---|---|---|---|---|---|
{rows}
| all pooled | | {sum(fold.images for fold in report.folds)} | {sum(fold.defects for fold in report.folds)} \
| {report.pooled.map50:.3f} | {report.pooled.map50_95:.3f} | {report.pooled.precision:.3f} \
| {report.pooled.recall:.3f} |

Precision and recall are of boxes at `review_at`, IoU 0.5. Escapes per image (a labeled scratch, and the part is
accepted): {_percent(verdicts.escapes)} of {verdicts.defective} images.

{verdicts.clean} photographs show no defect, far too few to say how often a good part is stopped.
Ranges are 95 % intervals, resampled over parts."""


def _simulated(report: DemoReport) -> str:
    demo = report.demo
    return f"""## On simulated tags of the demo's line

The shipped model on {demo.tags} fresh tags of {demo.lots} lots (seeds from {demo.seed} on, used for nothing else):
mAP50 {demo.accuracy.map50:.3f}; at `review_at` it finds {demo.accuracy.recall:.1%} of the scratches, and
{demo.accuracy.precision:.1%} of its boxes are scratches (IoU 0.5).

| verdict per tag | |
|---|---|
| escapes: scratched and accepted | {_percent(demo.verdicts.escapes)} of {demo.verdicts.defective} |
| overkill: clean and not accepted | {_percent(demo.verdicts.overkill)} of {demo.verdicts.clean} |
| clean and rejected outright | {_percent(demo.verdicts.rejected_clean)} of {demo.verdicts.clean} |"""


def _thresholds(report: DemoReport) -> str:
    chosen_on = "held-out photographs and" if report.folds else "fresh"
    verdicts = report.validation_verdicts
    return f"""## Thresholds

`review_at` {report.review_at:.2f}, `reject_at` {report.reject_at:.2f}, chosen on predictions for {chosen_on} simulated
tags, none of which the predicting model was trained on. `review_at`: fewest escapes with at most 1 % of the clean
images stopped. `reject_at`: lowest score from there on that at most 0.5 % of the clean images reach, and 98 % of the
images that reach it have a labeled scratch. Overkill could only be measured on simulated tags:
{_percent(verdicts.overkill)} of {verdicts.clean} in that set."""


def _limits(report: DemoReport) -> str:
    shared = """## Limits

- One kind of part, one fixture, one camera. Another surface, lens or light needs other training data.
- A clean simulated tag is friendlier than a clean real one: expect more false alarms on a real line.
- Overkill on real parts is unknown; measure it with the random sample of accepted parts before a gate trusts it."""
    if not report.photographs:
        return shared
    return f"""{shared}
- Labels are loose and not consistent: the same faint scratch is boxed in one photograph and not in the next. That
  bounds mAP50-95 most; mAP50 and the verdict per image say more.
- About fifteen physical parts: the folds differ by more than training runs do, and the intervals are wide.
- The recipe was chosen while looking at some of these folds (`docs/experiments.md`), so parts of another
  batch may score somewhat lower."""


def _again(report: DemoReport) -> str:
    seeds = f"Seed {report.seed} for the shipped model"
    if report.folds:
        seeds += f", {report.folds[0].seed} to {report.folds[-1].seed} for the folds"
    source = (
        "`EDGE_INSPECTOR_TAGS=<folder with labels.jsonl> make train-demo`"
        if report.photographs
        else "`make train-demo` without `EDGE_INSPECTOR_TAGS`"
    )
    return f"""## Train it again

{source}.

{seeds}; {report.iterations} steps each, {report.training_seconds:.0f} s for the final model on one core. \
Another processor rounds differently and gives a slightly different model. All numbers: `metrics.json`."""


def _percent(share: Interval) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
