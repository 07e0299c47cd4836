"""The real heads of the YOLO families on random weights: the detector's boxes are those of a plain numpy decoding."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from edge_inspector.detectors.importing import import_model
from edge_inspector.detectors.onnx import OnnxDetector
from tests.yolo_graphs import (
    CLASSES,
    SIDE,
    STRIDES,
    Maps,
    Reference,
    yolo26_head,
    yolo26_reference,
    yolov5_head,
    yolov5_reference,
    yolov8_head,
    yolov8_reference,
)

NAMES = [f"class-{index}" for index in range(CLASSES)]
Box = tuple[float, float, float, float, float, int]


def raw_maps(content: bytes, image: NDArray[np.uint8]) -> Maps:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    tensor = image[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) * np.float32(1 / 255)
    names = [f"raw{stride}" for stride in STRIDES]
    outputs = session.run(names, {"images": np.ascontiguousarray(tensor)})
    return dict(zip(STRIDES, [output.astype(np.float64) for output in outputs], strict=True))


def overlap(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared)


def clipped(boxes: list[Box]) -> list[Box]:
    return [(*(min(max(side, 0.0), SIDE) for side in box[:4]), *box[4:]) for box in boxes]


def best_class_suppressed(boxes: NDArray[np.float64], scores: NDArray[np.float64], confidence: float) -> list[Box]:
    """What the heads without suppression need: the best class of each anchor, then greedy suppression by class."""
    found: list[Box] = [
        (*box.tolist(), row.max(), int(row.argmax()))
        for box, row in zip(boxes, scores, strict=True)
        if row.max() >= confidence
    ]
    kept: list[Box] = []
    for box in sorted(found, key=lambda box: -box[4]):
        if all(other[5] != box[5] or overlap(box, other) <= 0.5 for other in kept):
            kept.append(box)
    return clipped(kept)


def every_class(boxes: NDArray[np.float64], scores: NDArray[np.float64], confidence: float) -> list[Box]:
    """What the one-to-one head chooses: any class of any anchor, the strongest 300."""
    found = [(*boxes[anchor].tolist(), scores[anchor, c], int(c)) for anchor, c in np.argwhere(scores >= confidence)]
    return clipped(sorted(found, key=lambda box: -box[4])[:300])


def in_a_gap(scores: NDArray[np.float64], count: int) -> float:
    """Return a threshold that about `count` scores reach, where rounding moves none across it."""
    ranked = np.sort(scores.ravel())[-count - 10 : -count + 10]
    widest = int(np.diff(ranked).argmax())
    return float(ranked[widest : widest + 2].mean())


@pytest.mark.parametrize(
    ("head", "reference", "choose", "decode", "share"),
    [
        (yolov8_head, yolov8_reference, best_class_suppressed, "yolov8", 0.1),
        (yolov5_head, yolov5_reference, best_class_suppressed, "yolov5", 0.04),
        (yolo26_head, yolo26_reference, every_class, "end2end", 0.1),
    ],
    ids=["yolov8", "yolov5", "yolo26"],
)
def test_an_export_with_the_real_head_is_imported_and_gives_the_boxes_of_the_reference(  # noqa: PLR0913, PLR0917
    tmp_path: Path,
    head: Callable[[], onnx.ModelProto],
    reference: Reference,
    choose: Callable[[NDArray[np.float64], NDArray[np.float64], float], list[Box]],
    decode: str,
    share: float,
) -> None:
    model = head()
    onnx.helper.set_model_props(model, {"names": str(dict(enumerate(NAMES))), "task": "detect"})
    content = model.SerializeToString()
    (tmp_path / "yolo.onnx").write_bytes(content)
    package = import_model(tmp_path / "yolo.onnx", tmp_path / "package").package
    assert package.manifest.output.decode == decode
    total = 0
    for seed in range(4):
        image = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        boxes, scores = reference(raw_maps(content, image))
        confidence = in_a_gap(scores, round(share * len(scores)))
        with OnnxDetector(package, min_confidence=confidence, max_detections=300) as detector:
            found = detector.run(image).detections
        expected = choose(boxes, scores, confidence)
        assert found.class_id.tolist() == [box[5] for box in expected]
        np.testing.assert_allclose(found.confidence, [box[4] for box in expected], atol=1e-5)
        np.testing.assert_allclose(found.xyxy, [box[:4] for box in expected], atol=1e-3)
        total += len(expected)
    assert total > 40
