"""Every decode type, from the pixels of a frame through a real graph to boxes worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import ModelError
from tests.layout_graphs import LAYOUTS, layout_package

# Of a red spot of full strength and a green one of four fifths of it, what each layout makes of 1 and 0.8.
CONFIDENCES = {
    "yolov5": (0.8, 0.64),
    "detr": (0.997527, 0.973403),  # sigmoid of 6 and 3.6
    "detr-pixels": (0.997527, 0.973403),
    "detr-softmax": (0.997515, 0.973273),  # e^6 / (e^6 + 2 e^-6 + e^0), and the same of 3.6
    "detr-background-first": (0.997527, 0.973403),
}


def two_spots() -> NDArray[np.uint8]:
    """Return a frame twice the model's size: red in the third cell of the second row, green in the first cell."""
    image = np.zeros((96, 128, 3), np.uint8)
    image[40:60, 70:90] = (0, 0, 255)
    image[4:20, 4:20] = (0, 204, 0)
    return image


def open_layout(folder: Path, layout: str, **options: Any) -> OnnxDetector:
    return OnnxDetector(ModelPackage.open(layout_package(folder, layout, **options)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch", [1, 3, "N"])
def test_the_same_scene_gives_the_same_boxes_in_every_layout(tmp_path: Path, layout: str, batch: int | str) -> None:
    with open_layout(tmp_path, layout, batch=batch) as detector:
        found = detector.run(two_spots()).detections
    assert found.xyxy.tolist() == pytest.approx(np.array([[64, 32, 96, 64], [0, 0, 32, 32]]), abs=1e-4)
    assert found.class_id.tolist() == [0, 1]
    assert found.confidence.tolist() == pytest.approx(CONFIDENCES.get(layout, (1.0, 0.8)), abs=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_frame_with_nothing_on_it_gives_nothing_in_every_layout(tmp_path: Path, layout: str) -> None:
    with open_layout(tmp_path, layout) as detector:
        assert len(detector.run(np.zeros((48, 64, 3), np.uint8)).detections) == 0


def test_rows_behind_the_count_are_not_looked_at(tmp_path: Path) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[20:24, 36:40] = 255  # the seventh cell
    image[36:40, 4:8] = 255  # the ninth, behind the eight that are filled
    with open_layout(tmp_path, "end2end-count") as detector:
        assert detector.run(image).detections.xyxy.tolist() == [[32, 16, 48, 32]]


@pytest.mark.parametrize(
    ("layout", "output", "expected"),
    [
        ("yolov5", {"decode": "yolov8"}, "output 'output' has shape (1, 12, 8), which does not hold the 3 classes"),
        ("yolov5", {"decode": "xyxy_scores"}, "does not hold the 3 classes of model.json as decode type xyxy_scores"),
        ("detr", {"background": "last"}, "output 'logits' has shape (1, 12, 3), which does not hold the 3 classes"),
        ("detr-softmax", {"activation": "sigmoid", "background": None}, "output 'logits' has shape (1, 12, 4)"),
        ("detr", {"logits": "probabilities"}, "expected an output named 'probabilities', found ['logits', 'pred_bo"),
        ("detr", {"activation": "none"}, "expected finite scores in [0, 1], found -6.0"),
        ("end2end-sizes", {"boxes": "labels", "classes": "boxes"}, "output 'labels': expected tensor(float), found te"),
        ("end2end-scored-boxes", {"boxes": "labels", "classes": "dets"}, "expected tensor(float), found tensor(int64)"),
        ("yolov8", {"decode": "end2end"}, "end2end output: expected shape (1, n, 6), found (1, 7, 12)"),
    ],
)
def test_a_model_that_is_read_as_another_layout_is_refused_at_the_start(
    tmp_path: Path, layout: str, output: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ModelError) as error:
        open_layout(tmp_path, layout, output=output)
    assert expected in str(error.value)
    assert str(tmp_path / "model.onnx") in str(error.value)


def test_fractions_where_pixels_were_given_are_an_error_once_something_is_found(tmp_path: Path) -> None:
    with (
        open_layout(tmp_path, "end2end", output={"normalized": True}) as detector,
        pytest.raises(
            ModelError, match=r"expected boxes as fractions of the model input, found 48\.0: is it in pixels"
        ),
    ):
        detector.run(two_spots())


def test_a_second_input_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    folder = layout_package(tmp_path, "end2end-sizes")
    path = folder / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"size_name": "orig_target_sizes",', ""), encoding="utf-8")
    with pytest.raises(ModelError, match=r"expected one input named 'images', found \['images', 'orig_target_sizes'\]"):
        OnnxDetector(ModelPackage.open(folder))
