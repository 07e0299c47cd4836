"""`report.html`: how the training went, for people: curves, speed, and what the network finds beside the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from cloud_side.drawing.markup import Markup, element
from cloud_side.drawing.reports import Axes, Curve, chart, facts, gallery, page, picture, section, table
from cloud_side.training.dataset import Example, Images
from cloud_side.training.learning.curve import rows
from cloud_side.training.learning.record import Result
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detections import Detections
from edge_inspector.drawing import draw_boxes, draw_detections

REPORT_FILE: Final = "report.html"
SAMPLES: Final = 12
_PLAIN: Final = 0.25  # confidence of the boxes that are drawn
_WIDEST_PX: Final = 480
_JPEG_QUALITY: Final = 80


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image that a network did not learn from.

    Attributes:
        example: The image and its truth.
        prediction: What was found on it.
    """

    example: Example
    prediction: Prediction


def write_report(folder: Path, document: dict[str, Any], results: Sequence[Result], samples: Sequence[Sample]) -> None:
    """Write the page.

    Args:
        folder: Of the training job's output.
        document: `training.json`.
        results: The trained networks.
        samples: Pictures to show, in this order.
    """
    names = document["dataset"]["class_names"]
    content = (
        element("h1", f"Training on {document['dataset']['name']}"),
        section("What was trained", _facts(document)),
        section("Runs", _runs(document["runs"])),
        section("Loss of the boxes", _chart("box loss", results, "box_loss")),
        section("Loss of the classes", _chart("class loss", results, "class_loss")),
        section("Learning rate", _chart("learning rate", results[:1], "learning_rate")),
        _scores(results),
        section("Found beside the truth", _samples(samples, names)),
        section("Hyperparameters", _hyperparameters(document["hyperparameters"])),
    )
    (folder / REPORT_FILE).write_bytes(page("Training report", *content))


def choose_samples(held_out: Images, found: Callable[[Sequence[Example]], Predictions]) -> list[Sample]:
    """Return some images with what is found on them: evenly over those with defects, where there are enough.

    Args:
        held_out: Images that the network did not learn from.
        found: Gives what a network finds.
    """
    every = range(len(held_out))
    defective = [index for index in every if len(held_out.rows[index].boxes)]
    pool = defective if len(defective) >= SAMPLES else every
    places = np.unique(np.linspace(0, max(0, len(pool) - 1), min(SAMPLES, len(pool))).astype(np.int64))
    chosen = [held_out[pool[place]] for place in places.tolist()]
    by_name = {each.name: each for each in found(chosen).images}
    return [Sample(example, by_name[example.name]) for example in chosen]


def _facts(document: dict[str, Any]) -> Markup:
    width, height = document["model_wh"]
    return facts(
        {
            "Dataset": f"{document['dataset']['name']}, version {document['dataset']['version']}",
            "Classes": ", ".join(document["dataset"]["class_names"]),
            "Input": f"{width} x {height} pixels, {document['color']}",
            "Begun from": f"champion {document['begun_from']}" if document["begun_from"] else "new weights",
            "Trained": document["trained_at"],
            "Code": document["git_commit"],
            "On": f"{document['device']}, {document['world_size']} processes, torch {document['torch']}",
        }
    )


def _runs(runs: Sequence[dict[str, Any]]) -> Markup:
    return table(
        "The trained networks",
        ("", "seed", "steps", "minutes", "images/s", "loss at the end", "mAP50"),
        [
            (
                each["run"],
                each["seed"],
                each["iterations"],
                f"{each['seconds'] / 60:.1f}",
                f"{each['images_per_s']:.1f}",
                f"{each['final_loss']:.3f}",
                f"{each['map50']:.3f}" if "map50" in each else "not scored",
            )
            for each in runs
        ],
    )


def _chart(label: str, results: Sequence[Result], column: str) -> Markup:
    return chart(label, Axes("step", label), _curves(results, column))


def _curves(results: Sequence[Result], column: str) -> list[Curve]:
    curves = []
    for each in results:
        points = rows(each.run, each.trained.curve, each.plan)
        curves.append(Curve(each.run, [(point["step"], point[column]) for point in points if column in point]))
    return curves


def _scores(results: Sequence[Result]) -> Markup:
    curves = [curve for curve in _curves(results, "map50") if curve.points]
    said = "Of boxes as the network gives them, before export, on images that it does not learn from."
    if not curves:
        return section("mAP50", element("p", "No images were kept apart to watch the network by."))
    return section("mAP50", element("p", said), chart("mAP50", Axes("step", "mAP50", y_range=(0.0, 1.0)), curves))


def _samples(samples: Sequence[Sample], class_names: Sequence[str]) -> Markup:
    if not samples:
        return element("p", "No images were kept apart to look at.")
    return gallery(_picture(each, class_names) for each in samples)


def _picture(sample: Sample, class_names: Sequence[str]) -> Markup:
    example, found = sample.example, sample.prediction
    scale = min(1.0, _WIDEST_PX / example.image.shape[1])
    size = (round(example.image.shape[1] * scale), round(example.image.shape[0] * scale))
    small = np.asarray(cv2.resize(example.image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ones = np.ones(len(example.boxes), np.float32)
    truth = draw_boxes(small, Detections(example.boxes * np.float32(scale), ones, example.class_ids))
    plain = found.confidence >= _PLAIN
    boxes = Detections(found.xyxy[plain] * np.float32(scale), found.confidence[plain], found.class_id[plain])
    beside = np.concatenate((truth, draw_detections(small, boxes, class_names)), axis=1)
    _, content = cv2.imencode(".jpg", beside, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    told = f"{example.name}: {len(example.boxes)} labeled, {int(plain.sum())} found"
    return picture(content.tobytes(), f"{example.name}, left the truth, right what was found", told)


def _hyperparameters(said: dict[str, Any]) -> Markup:
    return table("Hyperparameters", ("", "value"), [(name, str(value)) for name, value in sorted(said.items())])
