import numpy as np
import pytest

from cloud_side.training.evaluation.calibration import calibration
from cloud_side.training.evaluation.slices import Slice, contrast, slices
from cloud_side.training.predictions import Predictions
from edge_inspector.geometry import as_boxes
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, image, limits, predictions

LIMITS = {"scratch": limits(0.3, 0.6)}


def by_name(found: Predictions, **contrasts: list[float]) -> dict[tuple[str, str], Slice]:
    known = {name: np.array(values) for name, values in contrasts.items()}
    every = slices(found, LIMITS, model_wh=(100, 100), contrasts=known)
    return {(each.by, each.name): each for each in every}


def test_a_scratch_stands_out_from_its_surroundings_in_any_channel() -> None:
    picture = np.full((60, 80), 100, np.uint8)
    picture[30, 20:60] = 160
    line, nothing = [18, 29, 62, 33], [18, 5, 62, 12]
    values = contrast(picture, as_boxes([line, nothing]))
    assert values.tolist() == pytest.approx([60, 0])
    red = np.stack((np.full_like(picture, 100), np.full_like(picture, 100), picture), axis=2)
    assert contrast(red, as_boxes([line])).tolist() == pytest.approx([60])
    assert contrast(picture, as_boxes([[0, 0, 80, 60]])).tolist() == [0]


def test_a_rough_surface_takes_contrast_away() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(60, 140, (60, 80)).astype(np.uint8)
    smooth = np.full_like(picture, 100)
    for each in (picture, smooth):
        each[30:34, 20:60] = 150
    box = as_boxes([[18, 28, 62, 36]])
    assert contrast(picture, box)[0] < contrast(smooth, box)[0]


def test_defects_are_told_apart_by_size_contrast_and_class() -> None:
    small = (60.0, 60.0, 70.0, 70.0)
    found = by_name(
        predictions(
            image("a", [(DEFECT, 0), (small, 0)], [(DEFECT, 0.9, 0), (small, 0.2, 0)]),
            image("b", [(small, 0)], [((0, 0, 9, 9), 0.1, 0)]),
            image("c"),
        ),
        a=[80.0, 30.0],
        b=[3.0],
    )
    assert (found["size", "tiny"].defects, found["size", "tiny"].recall) == (2, 0)
    assert (found["size", "medium"].defects, found["size", "medium"].recall) == (1, 1)
    assert (found["size", "tiny"].defective, found["size", "tiny"].escapes) == (2, 0.5)
    assert [found["contrast", name].defects for name in ("faint", "low", "clear")] == [1, 1, 1]
    assert (found["class", "scratch"].images, found["class", "scratch"].recall) == (2, pytest.approx(1 / 3))


def test_boxes_on_defects_of_other_slices_are_no_mistakes_of_a_slice() -> None:
    small = (60.0, 60.0, 70.0, 70.0)
    found = by_name(predictions(image("a", [(DEFECT, 0), (small, 0)], [(DEFECT, 0.9, 0), (small, 0.8, 0)])))
    assert found["size", "tiny"].ap50 == pytest.approx(1)
    assert found["size", "medium"].ap50 == pytest.approx(1)


def test_images_are_told_apart_by_station_and_those_of_others_do_not_count() -> None:
    found = by_name(
        predictions(
            image("a", [(DEFECT, 0)], [(DEFECT, 0.9, 0)], slices={"station": "one"}),
            image("b", [(DEFECT, 0)], [(ELSEWHERE, 0.95, 0)], slices={"station": "two"}),
            image("c", [], [], slices={"station": "two"}),
        )
    )
    one, two = found["station", "one"], found["station", "two"]
    assert (one.images, one.ap50, one.escapes) == (1, pytest.approx(1), 0)
    assert (two.images, two.defects, two.ap50, two.recall) == (2, 1, 0, 0)


def test_images_without_a_contrast_are_in_no_slice_of_contrast() -> None:
    assert not [key for key in by_name(predictions(image("a", [(DEFECT, 0)]))) if key[0] == "contrast"]


def test_scores_that_say_what_is_so_have_no_error() -> None:
    half = [image(str(number), [(DEFECT, 0)], [(DEFECT if number % 2 else ELSEWHERE, 0.5, 0)]) for number in range(10)]
    found = calibration(predictions(*half))
    assert found.error == pytest.approx(0)
    assert [(each.low, each.boxes, each.right) for each in found.bins if each.boxes] == [(0.5, 10, 0.5)]


def test_scores_that_say_too_much_are_off_by_as_much() -> None:
    wrong = predictions(
        image("a", [], [(ELSEWHERE, 0.9, 0), ((0, 0, 5, 5), 0.01, 0)]), image("b", [], [(DEFECT, 1, 0)])
    )
    found = calibration(wrong)
    assert found.error == pytest.approx(0.95)
    assert sum(each.boxes for each in found.bins) == 2
    assert calibration(predictions(image("a"))).error == 0


def test_scores_that_say_too_much_do_not_make_up_for_those_that_say_too_little() -> None:
    found = predictions(image("a", [], [(DEFECT, 0.9, 0)]), image("b", [(DEFECT, 0)], [(DEFECT, 0.1, 0)]))
    assert calibration(found).error == pytest.approx(0.9)
