from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.tiling import MIN_CONFIDENCE, TAG_WH, tally, tray
from edge_inspector.app import SHIPPED_MODEL, check, open_model
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector, StageTimes
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import ConfigError, ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.ports import Inference
from edge_inspector.settings import Settings, parse
from edge_inspector.tiling import Tiling
from tests.onnx_models import MODEL_WH, bright_spot_model

TILING = Tiling((320, 224), 64)


def frame(image: NDArray[np.uint8], **fields: Any) -> Frame:
    return Frame(image, 0, datetime.now(UTC), 0, "test", **fields)


def dark(width: int, height: int, *spots: Sequence[int]) -> NDArray[np.uint8]:
    image = np.zeros((height, width), np.uint8)
    for x1, y1, x2, y2 in spots:
        image[y1:y2, x1:x2] = 255
    return image


class BoundingBoxDetector:
    """Finds the box around all that is white, of at least `smallest_share` of a picture's width.

    Attributes:
        views: What it was shown, in order.
    """

    identity = ModelIdentity("bounding-box", "1.0.0", "0" * 64)
    class_names = ("spot",)
    is_gray = True

    def __init__(self, *, smallest_share: float = 0.0) -> None:
        self.views: list[NDArray[np.uint8]] = []
        self._smallest_share = smallest_share

    def run_many(self, images: Sequence[NDArray[np.uint8]]) -> tuple[list[Detections], StageTimes]:
        return [self.detect(frame(image)).detections for image in images], StageTimes(1.0, 2.0, 3.0)

    def detect(self, shown: Frame) -> Inference:
        self.views.append(shown.image)
        rows, columns = np.nonzero(shown.image)
        found = Detections.empty()
        if rows.size and np.ptp(columns) + 1 >= self._smallest_share * shown.image.shape[1]:
            box = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]
            found = Detections(np.array(box, np.float32), np.array([0.9], np.float32), np.array([0]))
        return Inference(found, 1.0, 2.0, 3.0)


def tiled(detector: Any, tiling: Tiling = TILING, **options: Any) -> TiledDetector:
    return TiledDetector(detector, tiling, **options)


@pytest.mark.parametrize("seed", [0, 1])
def test_tiles_find_the_scratches_of_a_whole_tray_each_once_where_the_resized_frame_shows_hardly_any(seed: int) -> None:
    # benchmarks/tiling.py has many trays.
    image, scratches = tray(seed)
    with OnnxDetector(ModelPackage.open(SHIPPED_MODEL), min_confidence=MIN_CONFIDENCE) as detector:
        looking = tiled(detector, Tiling(TAG_WH, 100))
        found, twice, false = tally(looking.detect(frame(image)).detections, scratches)
        resized, _, _ = tally(detector.detect(frame(image)).detections, scratches)
    assert len(scratches) >= 30
    assert found >= 0.9 * len(scratches)
    assert twice <= 0.05 * len(scratches)
    assert false <= 0.15 * len(scratches)
    assert resized <= 0.1 * len(scratches)


def test_a_small_spot_is_found_where_it_is_at_the_resolution_of_the_model(tmp_path: Path) -> None:
    spot = (803, 519, 809, 525)
    with OnnxDetector(ModelPackage.open(bright_spot_model(tmp_path))) as detector:
        looking = tiled(detector, Tiling(MODEL_WH, 12))
        inference = looking.detect(frame(dark(1000, 700, spot)))
    (box,) = inference.detections.xyxy.tolist()
    assert box[0] <= spot[0] < spot[2] <= box[2]
    assert box[1] <= spot[1] < spot[3] <= box[3]
    assert max(box[2] - box[0], box[3] - box[1]) <= 32  # two cells at most: the spot may lie across their border
    assert min(inference.preprocess_ms, inference.inference_ms, inference.postprocess_ms) > 0


@pytest.mark.parametrize("image_wh", [(320, 224), (100, 80), (64, 224)])
def test_a_frame_that_is_no_larger_than_a_tile_goes_straight_through(image_wh: tuple[int, int]) -> None:
    detector = BoundingBoxDetector()
    shown = frame(dark(*image_wh, (10, 10, 20, 20)))
    assert tiled(detector).detect(shown).detections.xyxy.tolist() == [[10, 10, 20, 20]]
    assert [view is shown.image for view in detector.views] == [True]
    assert tiled(detector).views(image_wh) == 1


def test_the_detector_is_shown_parts_of_the_frame_and_no_copies() -> None:
    detector = BoundingBoxDetector()
    shown = frame(dark(1000, 700))
    looking = tiled(detector)
    looking.detect(shown)
    assert len(detector.views) == looking.views((1000, 700)) == 4 * 4 + 1
    assert all(np.shares_memory(view, shown.image) for view in detector.views)


def test_boxes_on_a_reduced_copy_are_in_pixels_of_the_frame_as_captured() -> None:
    shown = frame(dark(1000, 700, (500, 300, 520, 310)), full_wh=(2000, 1400))
    assert tiled(BoundingBoxDetector()).detect(shown).detections.xyxy.tolist() == [[1000, 600, 1040, 620]]


def test_a_color_frame_is_cut_like_a_gray_one() -> None:
    image = np.dstack([dark(1000, 700, (500, 300, 520, 310))] * 3)
    detector = BoundingBoxDetector()
    detector.detect = lambda shown: BoundingBoxDetector().detect(frame(shown.image[..., 0]))  # type: ignore[method-assign]
    assert tiled(detector).detect(frame(image)).detections.xyxy.tolist() == [[500, 300, 520, 310]]


@pytest.mark.parametrize("whole_frame", [True, False])
def test_a_defect_that_fills_the_tiles_is_seen_on_the_whole_frame_if_that_is_asked_for(*, whole_frame: bool) -> None:
    class OnlyWhole(BoundingBoxDetector):
        """A model that knows nothing without surroundings."""

        def detect(self, shown: Frame) -> Inference:
            filled = shown.image.all()
            return Inference(Detections.empty(), 0, 0, 0) if filled else super().detect(shown)

    big = (150, 100, 850, 600)
    detector = OnlyWhole(smallest_share=0.65)
    found = tiled(detector, Tiling((320, 224), 64, whole_frame)).detect(frame(dark(1000, 700, big))).detections
    assert (list(big) in found.xyxy.tolist()) == whole_frame


def test_the_whole_frame_is_not_asked_about_what_a_tile_sees_better() -> None:
    class Sloppy(BoundingBoxDetector):
        """On a large picture its boxes are far off."""

        def detect(self, shown: Frame) -> Inference:
            inference = super().detect(shown)
            if shown.image.shape[1] > 320:
                inference.detections.xyxy[:] += 40
            return inference

    spot = [500, 300, 520, 310]
    assert tiled(Sloppy()).detect(frame(dark(1000, 700, spot))).detections.xyxy.tolist() == [spot]


def test_the_limit_holds_for_all_tiles_together(tmp_path: Path) -> None:
    spots = [(x, y, x + 4, y + 4) for x in range(30, 1000, 100) for y in range(30, 700, 100)]
    with OnnxDetector(ModelPackage.open(bright_spot_model(tmp_path))) as detector:
        found = tiled(detector, Tiling(MODEL_WH, 12), max_detections=7).detect(frame(dark(1000, 700, *spots)))
    assert len(found.detections) == 7


def test_the_times_are_those_of_all_tiles_and_merging_counts_as_postprocessing() -> None:
    inference = tiled(BoundingBoxDetector()).detect(frame(dark(1000, 700)))
    assert (inference.preprocess_ms, inference.inference_ms) == (1.0, 2.0)
    assert inference.postprocess_ms > 3.0


def test_it_is_the_model_that_it_wraps() -> None:
    detector = BoundingBoxDetector()
    looking = tiled(detector)
    assert (looking.identity, looking.class_names, looking.is_gray) == (detector.identity, ("spot",), True)


def test_a_model_that_fails_on_one_tile_has_failed(tmp_path: Path) -> None:
    folder = bright_spot_model(tmp_path, poison="nan")
    with OnnxDetector(ModelPackage.open(folder)) as detector:
        looking = tiled(detector, Tiling(MODEL_WH, 12))
        with pytest.raises(ModelError, match="expected finite scores"):
            looking.detect(frame(dark(1000, 700, (900, 600, 905, 605))))
        assert len(looking.detect(frame(dark(1000, 700))).detections) == 0


def with_tiling(tiling: dict[str, Any], **sections: Any) -> Settings:
    return parse({"model": {"tiling": tiling}, **sections})


@pytest.mark.parametrize(
    ("tiling", "inferences"),
    [
        # 320 x 224, overlap 44: 10 x 9 tiles
        ({}, 91),
        ({"whole_frame": False}, 90),
        # overlap 60: 7 x 6 tiles
        ({"tile_wh": [450, 300]}, 43),
        ({"tile_wh": ["450", "300"], "overlap_px": "100"}, 57),
        ({"tile_wh": [8000, 8000]}, 1),
    ],
)
def test_tiles_are_configured_in_pixels_of_the_frame_and_have_defaults(tiling: dict[str, Any], inferences: int) -> None:
    with open_model(with_tiling(tiling)) as (model, _):
        assert isinstance(model.detector, TiledDetector)
        assert model.is_gray
        assert model.detector.views((2700, 1500)) == inferences


def test_without_the_section_there_are_no_tiles() -> None:
    with open_model(Settings()) as (model, _):
        assert isinstance(model.detector, OnnxDetector)


def test_a_check_of_the_configuration_says_what_a_frame_costs() -> None:
    settings = with_tiling(
        {"tile_wh": [450, 300], "overlap_px": 100}, source={"type": "simulated", "image_wh": [2700, 1500]}
    )
    assert "a frame of 2700 x 1500 px takes 57 inferences" in check(settings)


@pytest.mark.parametrize(
    ("tiling", "problem"),
    [
        ({"tile_wh": [450, 300], "overlap_px": 151}, "expected at most half the shorter side of a tile of [450, 300]"),
        (
            {"overlap_px": 113},
            "model.tiling: overlap_px: expected at most half the shorter side of a tile of [320, 224]",
        ),
        ({"overlap_px": 0}, "model.tiling.overlap_px: Input should be greater than or equal to 1; found 0"),
        ({"tile_wh": [0, 300]}, "model.tiling.tile_wh: expected sides of 64 to 8192 pixels, found [0, 300]"),
        ({"tile_wh": [450]}, "model.tiling.tile_wh"),
        ({"overlap": 0.2}, "model.tiling.overlap: unknown key"),
        ({"whole_frame": "maybe"}, "model.tiling.whole_frame"),
    ],
)
def test_a_bad_value_is_one_clear_error(tiling: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error, open_model(with_tiling(tiling)):
        pass
    assert problem in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_tiles_need_every_pixel_and_a_resized_frame_as_many_as_the_model_takes() -> None:
    with open_model(Settings()) as (model, _):
        assert model.smallest_wh == (320, 224)
    with open_model(with_tiling({})) as (model, _):
        assert model.smallest_wh is None
