import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector, open_session, read_graph
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from tests.layout_graphs import layout_package
from tests.onnx_models import (
    CELL,
    MODEL_WH,
    bright_spot_graph,
    bright_spot_model,
    gray_input,
    write_package,
    yolov8_graph,
    yolov8_package,
)

SIZES_WH = [MODEL_WH, (128, 96), (640, 480), (320, 100), (90, 200), (32, 24)]


def scene(image_wh: tuple[int, int], spot: tuple[int, int, int, int], *, color: tuple[int, ...] | int = 255) -> Any:
    """Return a black frame with a spot (x1, y1, x2, y2)."""
    shape = (image_wh[1], image_wh[0]) if isinstance(color, int) else (image_wh[1], image_wh[0], 3)
    image = np.zeros(shape, np.uint8)
    x1, y1, x2, y2 = spot
    image[y1:y2, x1:x2] = color
    return image


def frame(image: NDArray[np.uint8]) -> Frame:
    return Frame(image, 0, datetime.now(UTC), 0, "test")


def open_detector(folder: Path, **options: Any) -> OnnxDetector:
    return OnnxDetector(ModelPackage.open(folder), **options)


def problem(folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        open_detector(folder)
    text = str(error.value)
    assert str(folder / "model.onnx") in text
    assert "\n" not in text
    return text


def spot_in_a_cell(image_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a spot well inside the third cell of the second row of the grid, in frame pixels."""
    scale = max(image_wh[0] / MODEL_WH[0], image_wh[1] / MODEL_WH[1])
    left = (image_wh[0] - MODEL_WH[0] * scale) / 2
    top = (image_wh[1] - MODEL_WH[1] * scale) / 2
    x1, x2 = (left + scale * CELL * part for part in (2.1, 2.5))
    y1, y2 = (top + scale * CELL * part for part in (1.3, 1.7))
    return round(x1), round(y1), round(x2), round(y2)


@pytest.mark.parametrize("image_wh", SIZES_WH)
@pytest.mark.parametrize("color", [255, (255, 255, 255)], ids=["grey", "color"])
def test_a_bright_spot_is_found_where_it_is_in_frame_pixels(
    tmp_path: Path, image_wh: tuple[int, int], color: tuple[int, ...] | int
) -> None:
    spot = spot_in_a_cell(image_wh)
    with open_detector(bright_spot_model(tmp_path)) as detector:
        found = detector.detect(frame(scene(image_wh, spot, color=color))).detections
    assert found.class_id.tolist() == [0]
    assert found.confidence[0] == pytest.approx(1, abs=0.2)
    x1, y1, x2, y2 = found.xyxy[0]
    cell = CELL * max(image_wh[0] / MODEL_WH[0], image_wh[1] / MODEL_WH[1])
    assert x1 <= spot[0] < spot[2] <= x2
    assert y1 <= spot[1] < spot[3] <= y2
    assert x2 - x1 <= cell + 1
    assert y2 - y1 <= cell + 1
    assert x1 >= 0
    assert y1 >= 0
    assert x2 <= image_wh[0]
    assert y2 <= image_wh[1]


@pytest.mark.parametrize(
    ("color_bgr", "class_id"), [((0, 0, 255), 0), ((0, 255, 0), 1), ((255, 0, 0), 2)], ids=["red", "green", "blue"]
)
@pytest.mark.parametrize("dynamic", [False, True])
def test_a_color_is_the_same_color_to_the_model(
    tmp_path: Path, color_bgr: tuple[int, int, int], class_id: int, *, dynamic: bool
) -> None:
    with open_detector(yolov8_package(tmp_path, dynamic=dynamic)) as detector:
        found = detector.detect(frame(scene((128, 96), (70, 40, 90, 60), color=color_bgr))).detections
    assert found.class_id.tolist() == [class_id]
    assert found.xyxy.tolist() == [[64, 32, 96, 64]]


def test_frames_of_changing_size_and_color_are_each_looked_at_afresh(tmp_path: Path) -> None:
    with open_detector(bright_spot_model(tmp_path)) as detector:
        for image_wh in (*SIZES_WH, *SIZES_WH):
            spot = spot_in_a_cell(image_wh)
            assert len(detector.run(scene(image_wh, spot)).detections) == 1
            assert len(detector.run(scene(image_wh, spot, color=(255, 255, 255))).detections) == 1
            assert len(detector.run(scene(image_wh, (0, 0, 0, 0))).detections) == 0


def test_two_spots_come_strongest_first_and_the_dim_one_only_if_it_is_asked_for(tmp_path: Path) -> None:
    image = scene(MODEL_WH, (2, 2, 6, 6), color=130)
    image[40:44, 50:54] = 255
    folder = bright_spot_model(tmp_path, review_at=0.6, reject_at=0.9)
    with open_detector(folder) as detector:
        assert detector.run(image).detections.confidence.tolist() == [1.0]
    with open_detector(folder, min_confidence=0.5) as detector:
        assert detector.run(image).detections.confidence.tolist() == pytest.approx([1.0, 130 / 255])
    with open_detector(folder, min_confidence=0.0, max_detections=3) as detector:
        assert len(detector.run(image).detections) == 3


def test_what_was_found_is_not_overwritten_by_the_next_frame(tmp_path: Path) -> None:
    with open_detector(bright_spot_model(tmp_path)) as detector:
        first = detector.run(scene(MODEL_WH, (2, 2, 6, 6))).detections
        before = first.xyxy.copy()
        detector.run(scene(MODEL_WH, (50, 40, 54, 44)))
    np.testing.assert_array_equal(first.xyxy, before)


def test_a_detector_knows_which_model_it_is(tmp_path: Path) -> None:
    package = ModelPackage.open(bright_spot_model(tmp_path))
    with OnnxDetector(package) as detector:
        assert (detector.identity.name, detector.identity.version) == ("bright-spot", "1.2.3")
        assert detector.identity.sha256 == package.file("float32").sha256
        assert detector.class_names == ("bright-spot",)


def test_every_stage_is_timed(tmp_path: Path) -> None:
    with open_detector(bright_spot_model(tmp_path)) as detector:
        inference = detector.run(scene(MODEL_WH, (0, 0, 0, 0)))
    assert min(inference.preprocess_ms, inference.inference_ms, inference.postprocess_ms) > 0


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"input_name": "frames"}, "expected one input named 'image', found ['frames']"),
        ({"output_name": "found"}, "expected an output named 'boxes', found ['found']"),
        ({"model_wh": (48, 64)}, "input 'image': expected shape (1, 1, 48, 64) as in model.json, found [1, 1, 64, 48]"),
        (
            {"output_type": onnx.TensorProto.FLOAT16},
            "output 'boxes': expected tensor(float), found tensor(float16)",
        ),
        ({"output_type": onnx.TensorProto.DOUBLE}, "output 'boxes': expected tensor(float), found tensor(double)"),
    ],
)
def test_a_file_whose_tensors_contradict_the_manifest_is_refused(
    tmp_path: Path, graph: dict[str, Any], expected: str
) -> None:
    assert expected in problem(write_package(tmp_path, bright_spot_graph(**graph)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dtype": "float32"}, "expected tensor(float), found tensor(uint8)"),
        ({"layout": "NHWC"}, "expected shape (1, 48, 64, 1) as in model.json, found [1, 1, 48, 64]"),
        ({"color": "rgb"}, "expected shape (1, 3, 48, 64) as in model.json, found [1, 1, 48, 64]"),
        ({"model_wh": [640, 480]}, "expected shape (1, 1, 480, 640) as in model.json, found [1, 1, 48, 64]"),
    ],
)
def test_a_manifest_that_contradicts_the_file_is_refused(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    folder = write_package(tmp_path, bright_spot_graph(), input={**gray_input(MODEL_WH), **fields})
    assert expected in problem(folder)


@pytest.mark.parametrize("output_shape", [None, [None, None, None], [1, "anchors", "columns"]])
@pytest.mark.parametrize("classes", [2, 5])
def test_another_number_of_classes_is_refused_at_the_start_also_where_the_file_declares_no_shape(
    tmp_path: Path, output_shape: list[int | str | None] | None, classes: int
) -> None:
    folder = write_package(tmp_path, bright_spot_graph(classes=classes, output_shape=output_shape))
    text = problem(folder)
    assert f"output 'boxes' has shape (1, 12, {4 + classes})" in text
    assert "the 1 classes of model.json as decode type xyxy_scores" in text


def test_the_wrong_decode_type_is_refused_at_the_start(tmp_path: Path) -> None:
    folder = write_package(tmp_path, bright_spot_graph(), output={"name": "boxes", "decode": "yolov8"})
    assert "as decode type yolov8" in problem(folder)


def test_a_graph_that_only_fails_when_it_runs_is_refused_at_the_start(tmp_path: Path) -> None:
    # The shapes are symbols; the boxes inside are those of another size.
    graph = yolov8_graph(model_wh=(128, 96), dynamic=True)
    fields = {
        "input": {"name": "images", "dtype": "float32", "model_wh": MODEL_WH, "color": "rgb", "scale": 1 / 255},
        "output": {"name": "output0", "decode": "yolov8"},
        "class_names": ["a", "b", "c"],
        "thresholds": {name: {"review_at": 0.4, "reject_at": 0.7} for name in "abc"},
    }
    assert "inference failed: " in problem(write_package(tmp_path, graph, **fields))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\0" * 1000, b"\x08"])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "expected an ONNX model, found: " in problem(write_package(tmp_path, content))


def test_a_model_that_was_cut_off_is_never_an_error_of_another_kind() -> None:
    content = bright_spot_graph().SerializeToString()
    for cut in range(0, len(content), 29):
        with pytest.raises(ModelError, match=r"cut\.onnx: expected an ONNX model, found: "):
            open_session(content[:cut], name="cut.onnx", threads=1)


def test_a_file_with_another_sha256_never_reaches_the_runtime(tmp_path: Path) -> None:
    folder = bright_spot_model(tmp_path)
    (folder / "model.onnx").write_bytes(bright_spot_graph(classes=2).SerializeToString())
    assert "expected sha256" in problem(folder)


@pytest.mark.parametrize(("poison", "expected"), [("nan", "finite scores"), ("nan-boxes", "finite boxes")])
@pytest.mark.parametrize("review_at", [0.0, 1.0])
def test_a_model_that_answers_not_a_number_has_failed_and_not_found_nothing(
    tmp_path: Path, poison: Any, expected: str, review_at: float
) -> None:
    folder = bright_spot_model(tmp_path, poison=poison, review_at=review_at, reject_at=1.0)
    with open_detector(folder) as detector:
        detector.run(scene(MODEL_WH, (10, 10, 20, 20), color=200))
        with pytest.raises(ModelError, match=f"expected {expected}"):
            detector.run(scene(MODEL_WH, (10, 10, 20, 20), color=255))
        # It goes on with the next frame.
        assert len(detector.run(scene(MODEL_WH, (0, 0, 0, 0))).detections) == (12 if review_at == 0 else 0)


def test_a_model_that_answers_logits_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"expected finite scores in \[0, 1\], found -10\.0"):
        open_detector(bright_spot_model(tmp_path, poison="logits"))


def test_a_graph_says_its_tensors_and_its_metadata() -> None:
    graph = read_graph(yolov8_graph(dynamic=True).SerializeToString(), name="best.onnx")
    assert [(tensor.name, tensor.type, tensor.shape) for tensor in graph.inputs] == [
        ("images", "tensor(float)", ("batch", 3, "height", "width"))
    ]
    assert graph.outputs[0].shape == ("batch", 7, "anchors")
    assert graph.metadata["task"] == "detect"


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """Return frames of changing sizes, every third grey, with one to three spots each."""
    random = np.random.default_rng(count)
    images = []
    for number in range(count):
        width, height = SIZES_WH[number % len(SIZES_WH)]
        image = np.zeros((height, width) if number % 3 == 2 else (height, width, 3), np.uint8)
        for _ in range(1 + number % 3):
            x, y = random.integers(0, width - 4), random.integers(0, height - 4)
            image[y : y + 4, x : x + 4] = 255 if image.ndim == 2 else random.integers(120, 256, 3)
        images.append(image)
    return images


@pytest.mark.parametrize("layout", ["yolov8", "detr", "end2end-sizes", "end2end-count"])
@pytest.mark.parametrize(("batch", "together"), [(1, 1), (4, 4), ("N", 8)])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 8, 11])
def test_many_images_give_what_each_gives_by_itself(
    tmp_path: Path, layout: str, batch: int | str, together: int, count: int
) -> None:
    images = pictures(count)
    with open_detector(layout_package(tmp_path, layout, batch=batch), min_confidence=0.3) as detector:
        assert detector.max_batch == together
        found, times = detector.run_many(images)
        single = [detector.run(image).detections for image in images]
    assert len(found) == count
    for many, one in zip(found, single, strict=True):
        np.testing.assert_allclose(many.xyxy, one.xyxy, atol=1e-4)
        np.testing.assert_allclose(many.confidence, one.confidence, atol=1e-6)
        np.testing.assert_array_equal(many.class_id, one.class_id)
    assert any(len(detections) for detections in found) == (count > 0)
    stages = (times.preprocess_ms, times.inference_ms, times.postprocess_ms)
    assert all(stage > 0 for stage in stages) if count else stages == (0, 0, 0)


def test_an_open_batch_is_cut_to_the_asked_size(tmp_path: Path) -> None:
    images = pictures(7)
    folder = layout_package(tmp_path, "yolov8", batch="N")
    with open_detector(folder, max_batch=3) as detector:
        assert detector.max_batch == 3
        assert len(detector.run_many(images)[0]) == 7
    with open_detector(folder, max_batch=1) as detector:
        assert detector.max_batch == 1
        assert len(detector.run_many(images)[0]) == 7


def test_a_graph_that_only_promises_an_open_batch_runs_one_by_one(tmp_path: Path) -> None:
    images = pictures(5)
    with open_detector(layout_package(tmp_path, "yolov8", batch="N", baked_batch=1)) as detector:
        assert detector.max_batch == 1
        assert [len(found) for found in detector.run_many(images)[0]] == [
            len(detector.run(image).detections) for image in images
        ]


@pytest.mark.parametrize("batch", [4, "N"])
def test_what_stood_in_a_row_of_the_batch_before_is_never_found_again(tmp_path: Path, batch: int | str) -> None:
    blank = np.zeros((48, 64, 3), np.uint8)
    bright = np.full((48, 64, 3), 255, np.uint8)
    with open_detector(layout_package(tmp_path, "yolov8", batch=batch)) as detector:
        assert [len(found) for found in detector.run_many([bright] * 4)[0]] == [12] * 4
        assert [len(found) for found in detector.run_many([blank, bright, blank])[0]] == [0, 12, 0]
        assert len(detector.run(blank).detections) == 0


def test_one_image_on_which_the_model_fails_fails_the_call(tmp_path: Path) -> None:
    white, dark = scene(MODEL_WH, (10, 10, 20, 20)), scene(MODEL_WH, (0, 0, 0, 0))
    with open_detector(bright_spot_model(tmp_path, poison="nan")) as detector:
        with pytest.raises(ModelError, match="expected finite scores"):
            detector.run_many([dark, white, dark])
        assert [len(found) for found in detector.run_many([dark, dark])[0]] == [0, 0]


def test_a_batch_that_comes_out_with_fewer_rows_is_refused_at_the_start(tmp_path: Path) -> None:
    folder = layout_package(tmp_path, "yolov8", batch=4)
    model = onnx.load(folder / "model.onnx")
    model.graph.node[-1].output[0] = "all_rows"
    model.graph.node.append(onnx.helper.make_node("Slice", ["all_rows", "from", "to"], ["output0"]))
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.array([v]), n) for n, v in (("from", 0), ("to", 1)))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    manifest = ModelPackage.open(folder).manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    write_package(folder, model, **{name: manifest[name] for name in ("input", "output", "class_names", "thresholds")})
    assert "expected a row of each output for each of 4 images, found shapes (1, 7, 12)" in problem(folder)


def test_the_runtime_keeps_nothing_of_its_own_in_the_users_home_and_names_no_device(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    package = bright_spot_model(tmp_path / "model")
    run = "import sys, pathlib; from edge_inspector.detectors.onnx import OnnxDetector as D; "
    run += "from edge_inspector.detectors.model_file import ModelPackage as P; D(P.open(pathlib.Path(sys.argv[1])))"
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": ""}
    ended = subprocess.run(
        [sys.executable, "-c", run, str(package)], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert list((tmp_path / "home").rglob("*")) == []
