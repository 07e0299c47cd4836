"""What a run tells while it lasts: losses of every step, speed, time left, scores in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud_side.drawing.words import duration
from cloud_side.training.learning.plan import Plan, learning_rate

REPORT_EVERY: Final = 50
_POINTS: Final = 200  # of a curve, where there are more steps


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The numbers of a run.

    Attributes:
        class_loss: (steps,) float32, of the classes.
        box_loss: (steps,) float32, weighted, of the boxes.
        scores: Steps done and mAP50 on images that are not trained on.
    """

    class_loss: NDArray[np.float32]
    box_loss: NDArray[np.float32]
    scores: tuple[tuple[int, float], ...]

    @property
    def losses(self) -> NDArray[np.float32]:
        """(steps,) the total of every step."""
        return self.class_loss + self.box_loss


def progress(  # noqa: PLR0913, PLR0917 - what a line tells
    done: int, total: int, losses: Sequence[float], seconds: float, images_per_s: float, batch: int, after: int = 0
) -> str:
    """Return the line that a person reads while waiting.

    Args:
        done: Steps.
        total: Steps.
        losses: Of the last steps.
        seconds: Since this start.
        images_per_s: Over all processes, since this start.
        batch: Images of a step.
        after: Steps of the runs that follow.
    """
    per_step = batch / images_per_s if images_per_s else 0.0
    parts = [f"step {done}/{total}  loss {np.mean(losses):.3f}  {images_per_s:.1f} images/s  {_told(seconds)}"]
    if done < total:
        parts.append(f"about {_told((total - done) * per_step)} left")
    if after:
        parts.append(f"about {_told((total - done + after) * per_step)} with the runs after this one")
    return ", ".join(parts)


def _told(seconds: float) -> str:
    return duration(timedelta(seconds=round(seconds)))


def rows(run: str, curve: Curve, plan: Plan) -> list[dict[str, Any]]:
    """Return the points of a curve as JSON: means over a few steps, and the scores.

    Args:
        run: Its name.
        curve: Its numbers.
        plan: Has the learning rate.
    """
    steps = len(curve.class_loss)
    scored = dict(curve.scores)
    width = max(1, -(-steps // _POINTS))
    ends = sorted({*range(width, steps + 1, width), steps, *scored} - {0}) if steps else []
    points = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        point = {
            "run": run,
            "step": end,
            "class_loss": round(float(curve.class_loss[start:end].mean()), 5),
            "box_loss": round(float(curve.box_loss[start:end].mean()), 5),
            "learning_rate": round(learning_rate(plan, end - 1), 9),
        }
        points.append(point | ({"map50": round(scored[end], 5)} if end in scored else {}))
    return points
