"""Simulated tags as examples, from the same renderer that the demo shows."""

from dataclasses import replace

import numpy as np

from cloud_side.training.dataset import Example
from edge_inspector.geometry import as_boxes
from edge_inspector.simulation import DEMO_STYLE, SCRATCH, TRAINING_STYLE, LineStyle, plan_tag, render_tag

TAG_CLASSES = (SCRATCH,)

# The photographs' labels leave most faint lines out, and the demo's hairlines are no defects: a faint scratch, which
# nobody could tell from those, is no example to learn from.
TRAINING = replace(TRAINING_STYLE, faint_share=0.0)
DEMO_SHARE = 0.25
DEMO_LOTS = 10


def training_tags(seed: int, count: int, *, defect_rate: float) -> list[Example]:
    """Return tags to train on: most vary widely, a quarter is of the demo's style, of several lots.

    Args:
        seed: Of the wide ones; the lots use the seeds that follow.
        count: Number of tags.
        defect_rate: Probability that a tag has scratches, in [0, 1].
    """
    per_lot = round(DEMO_SHARE * count / DEMO_LOTS)
    wide = simulated_examples(seed, count - per_lot * DEMO_LOTS, defect_rate=defect_rate, style=TRAINING)
    return wide + demo_lots(seed + 1, per_lot, lots=DEMO_LOTS, defect_rate=defect_rate)


def demo_lots(seed: int, per_lot: int, *, lots: int, defect_rate: float) -> list[Example]:
    """Return tags of several lots of the demo's line: each has its own fixture and finish.

    Args:
        seed: Of the first lot; the others use the seeds that follow.
        per_lot: Number of tags of each.
        lots: Number of lots.
        defect_rate: Probability that a tag has scratches, in [0, 1].
    """
    tags = [simulated_examples(seed + lot, per_lot, defect_rate=defect_rate) for lot in range(lots)]
    return [tag for lot in tags for tag in lot]


def simulated_examples(
    seed: int, count: int, *, defect_rate: float, style: LineStyle = DEMO_STYLE, image_wh: tuple[int, int] = (450, 300)
) -> list[Example]:
    """Return `count` rendered tags with their truth; every tag is a group of its own.

    Args:
        seed: Chooses the line; training, thresholds and evaluation use different ones.
        count: Number of tags.
        defect_rate: Probability that a tag has scratches, in [0, 1].
        style: How much the line varies.
        image_wh: Frame size in pixels.
    """
    return [
        simulated_example(seed, number, defect_rate=defect_rate, style=style, image_wh=image_wh)
        for number in range(count)
    ]


def simulated_example(
    seed: int, number: int, *, defect_rate: float, style: LineStyle = DEMO_STYLE, image_wh: tuple[int, int] = (450, 300)
) -> Example:
    """Return one rendered tag with its truth: a pure function of its arguments, as of `simulated_examples`.

    Args:
        seed: Chooses the line.
        number: Chooses the tag, from 0.
        defect_rate: Probability that it has scratches, in [0, 1].
        style: How much the line varies.
        image_wh: Frame size in pixels.
    """
    tag = plan_tag(seed, number, image_wh=image_wh, defect_rate=defect_rate, style=style)
    boxes = as_boxes([defect.xyxy for defect in tag.defects])
    classes = np.array([TAG_CLASSES.index(defect.label) for defect in tag.defects], dtype=np.int64)
    name = f"simulated-{seed}-{number}"
    return Example(render_tag(tag), boxes, classes, name, name)
