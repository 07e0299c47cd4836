import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.interchange import ImageLabels
from cloud_side.catalog.labels import Box
from cloud_side.training.dataset.suggesting import suggest_color, suggest_model_wh
from cloud_side.training.simulated.boards import render_board
from edge_inspector.detectors.model_file import Color

TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")


def label(width: int, height: int, *sides: float) -> ImageLabels:
    return ImageLabels("a.png", width, height, tuple(Box("scratch", 0, 0, side, 2 * side) for side in sides))


@pytest.mark.parametrize(
    ("image_wh", "side", "expected"),
    [
        ((450, 300), 40, (320, 224)),
        ((300, 450), 40, (224, 320)),
        ((640, 640), 20, (320, 320)),
        ((640, 640), 8, (640, 640)),
        ((1600, 1200), 30, (448, 352)),  # 416 leaves 7.8 pixels of the 30
        ((4000, 3000), 5, (704, 544)),  # 736 x 576 would be more than 640 x 640
        ((1600, 256), 10, (1280, 224)),  # a strip may be long: it has no more pixels than a square
        ((1600, 256), 5, (1600, 256)),
        ((200, 100), 2, (320, 160)),
        ((400, 400), 2, (416, 416)),  # more pixels than the image has show no more
    ],
)
def test_the_input_is_as_small_as_the_small_defects_allow(
    image_wh: tuple[int, int], side: float, expected: tuple[int, int]
) -> None:
    assert suggest_model_wh([label(*image_wh, side)]) == expected


def test_a_tenth_of_the_defects_may_be_smaller() -> None:
    assert suggest_model_wh([label(640, 640, *[20.0] * 19, 2)]) == (320, 320)
    assert suggest_model_wh([label(640, 640, *[20.0] * 8, 2, 2)]) == (640, 640)


def test_without_a_defect_the_smallest_input_is_enough() -> None:
    assert suggest_model_wh([label(450, 300)] * 3) == (320, 224)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(8, 5000), st.integers(8, 5000), st.floats(1, 4)), min_size=1, max_size=5))
def test_sides_are_whole_cells_and_pixels_no_more_than_640_x_640(images: list[tuple[int, int, float]]) -> None:
    wide, high = suggest_model_wh([label(*image) for image in images])
    assert wide % 32 == high % 32 == 0
    assert min(wide, high) >= 32
    assert max(wide, high) >= 320
    assert wide * high <= 640 * 640


@pytest.mark.skipif(not TAGS, reason="EDGE_INSPECTOR_TAGS names no folder with the photographs")
def test_the_photographs_ask_for_a_small_grey_input() -> None:
    images = FORMS["rows"].read(Path(TAGS or "")).images
    assert suggest_model_wh(images) == (320, 224)
    some = [cv2.imread(str(Path(TAGS or "", image.name))) for image in images[:8]]
    assert [image.ndim for image in some] == [3] * 8
    assert suggest_color(np.asarray(image, np.uint8) for image in some) is Color.GRAY


def test_grey_in_three_channels_is_grey_and_so_is_the_tint_of_jpeg() -> None:
    gray = np.random.default_rng(1).integers(0, 256, (96, 128), np.uint8)
    three = np.repeat(gray[..., None], 3, axis=2)
    assert suggest_color([gray, three]) is Color.GRAY
    written = cv2.imencode(".jpg", three, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    assert suggest_color([np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)]) is Color.GRAY


def test_one_colored_defect_makes_a_color_set() -> None:
    image = np.full((640, 640, 3), 120, np.uint8)
    image[100:108, 200:208] = (90, 120, 150)
    assert suggest_color([np.full((640, 640, 3), 120, np.uint8), image]) is Color.BGR
    assert suggest_color([render_board(1, 0, side=320).image]) is Color.BGR
