import io
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest

from cloud_side.training.evaluation.matching import match
from cloud_side.training.evaluation.measures import MAP50, MAP50_95
from cloud_side.training.evaluation.scores import ALL, boxes_at, map50, precision_recall, scores
from cloud_side.training.predictions import Predictions
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, drawn, image, limits, predictions


def by_coco(found: Predictions) -> tuple[float, float]:
    """Return mAP50 and mAP50-95 of the reference implementation."""
    coco = pytest.importorskip("faster_coco_eval", reason="the reference is not installed: make setup-train")

    def box(xyxy: "np.typing.NDArray[np.float32]") -> list[float]:
        x1, y1, x2, y2 = map(float, xyxy)
        return [x1, y1, x2 - x1, y2 - y1]

    truth, results = [], []
    for number, each in enumerate(found.images, start=1):
        for xyxy, class_id in zip(each.truth_xyxy, each.truth_class_id, strict=True):
            row = {"image_id": number, "category_id": int(class_id) + 1, "bbox": box(xyxy), "iscrowd": 0}
            truth.append(row | {"id": len(truth) + 1, "area": row["bbox"][2] * row["bbox"][3]})
        results += [
            {"image_id": number, "category_id": int(class_id) + 1, "bbox": box(xyxy), "score": float(score)}
            for xyxy, score, class_id in zip(each.xyxy, each.confidence, each.class_id, strict=True)
        ]
    document = {
        "images": [
            {"id": number, "file_name": each.name, "width": each.width, "height": each.height}
            for number, each in enumerate(found.images, start=1)
        ],
        "annotations": truth,
        "categories": [{"id": number, "name": name} for number, name in enumerate(found.class_names, start=1)],
    }
    with redirect_stdout(io.StringIO()):
        reference = coco.COCO(document)
        evaluation = coco.COCOeval_faster(reference, reference.loadRes(results), "bbox", print_function=lambda *_: None)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])


@pytest.mark.parametrize(("seed", "classes"), [(1, 1), (2, 3), (3, 4), (4, 2)])
def test_average_precision_is_that_of_the_reference_with_ties_empty_images_and_too_many_boxes(
    seed: int, classes: int
) -> None:
    found = drawn(seed, 25, classes=classes, boxes=130 * classes)
    assert any(not len(each.xyxy) for each in drawn(seed, 25, boxes=3).images)
    assert (scores(found).map50, scores(found).map50_95) == pytest.approx(by_coco(found), abs=1e-6)
    few = drawn(seed, 25, classes=classes, boxes=3)
    assert (scores(few).map50, scores(few).map50_95) == pytest.approx(by_coco(few), abs=1e-6)


def test_a_group_that_counts_twice_counts_as_its_images_repeated() -> None:
    # Which of two equal scores on one image comes first is nobody's decision, so there are none here.
    found = drawn(5, 24, classes=2, groups=4, decimals=7)
    groups = found.groups
    weights = np.array([[2.0, 0.0, 1.0, 3.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 4.0, 0.0]])
    measured50, measured50_95 = MAP50(found, groups)(weights), MAP50_95(found, groups)(weights)
    for number, row in enumerate(weights):
        times = dict(zip(groups, row.astype(int).tolist(), strict=True))
        repeated = [
            replace(each, name=f"{each.name}-{copy}") for each in found.images for copy in range(times[each.group])
        ]
        expected = by_coco(Predictions(found.class_names, tuple(repeated)))
        assert (measured50[number], measured50_95[number]) == pytest.approx(expected, abs=1e-6)


def test_classes_without_a_defect_are_left_out_of_the_mean() -> None:
    found = predictions(image("a", [(DEFECT, 0)], [(DEFECT, 0.9, 0), (ELSEWHERE, 0.8, 1)]), classes=("scratch", "dent"))
    assert map50(found) == pytest.approx(1)
    assert scores(found).classes[1].ap50 is None


def test_without_any_defect_the_score_is_zero() -> None:
    assert map50(predictions(image("a", (), [(DEFECT, 0.9, 0)]))) == 0
    assert map50(predictions()) == 0


def test_a_defect_is_found_once_and_by_the_strongest_box() -> None:
    found = predictions(image("a", [(DEFECT, 0)], [(DEFECT, 0.9, 0), ((10, 10, 50, 51), 0.8, 0)]))
    assert (match(found)[0].defect[0] >= 0).tolist() == [True, False]


def test_a_box_of_another_class_finds_nothing() -> None:
    found = predictions(image("a", [(DEFECT, 0)], [(DEFECT, 0.9, 1)]), classes=("scratch", "dent"))
    assert map50(found) == 0


def test_precision_and_recall_count_boxes_from_the_threshold_of_their_class_on() -> None:
    found = predictions(
        image("a", [(DEFECT, 0), (ELSEWHERE, 1)], [(DEFECT, 0.5, 0), (ELSEWHERE, 0.5, 1), ((0, 0, 9, 9), 0.6, 1)]),
        classes=("scratch", "dent"),
    )
    boxes = boxes_at(found, {"scratch": limits(0.6, 1), "dent": limits(0.5, 1)})
    assert (boxes["scratch"].precision, boxes["scratch"].recall) == (0, 0)
    assert (boxes["dent"].precision, boxes["dent"].recall) == (0.5, 1)
    assert (boxes[ALL].precision, boxes[ALL].recall) == (0.5, 0.5)


def test_the_curve_ends_where_all_boxes_count() -> None:
    curve = precision_recall(
        match(predictions(image("a", [(DEFECT, 0), (ELSEWHERE, 0)], [(DEFECT, 0.9, 0), ((0, 0, 9, 9), 0.4, 0)])))[0]
    )
    assert curve.recall.tolist() == [0.5, 0.5]
    assert curve.precision.tolist() == [1, 0.5]
    assert curve.confidence.tolist() == pytest.approx([0.9, 0.4])
