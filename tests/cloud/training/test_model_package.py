from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")
pytest.importorskip("onnx", reason="export needs the extra edge-inspector-cloud[train]")
pytest.importorskip("faster_coco_eval", reason="evaluation needs the extra edge-inspector-cloud[train]")

import onnx
import torch

from cloud_side.training.dataset import Example
from cloud_side.training.evaluate import detect_all
from cloud_side.training.export import Deployed, onnx_bytes
from cloud_side.training.model import ScratchDetector, Shape, count_parameters, normalize
from cloud_side.training.package import NO_THRESHOLDS, Contents, Lineage, write_package
from cloud_side.training.simulated import simulated_examples
from cloud_side.training.train import PAD_VALUE, Batches, Plan
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.detectors.verification import verify
from edge_inspector.letterbox import Letterbox, Resize

SMALL = Shape(model_wh=(160, 128), widths=(8, 8, 16, 16, 16), depths=(0, 1, 0, 0), neck=16)


@pytest.fixture
def model() -> ScratchDetector:
    """Return a network whose normalization has seen some images, so that folding it is a real change."""
    torch.manual_seed(1)
    model = ScratchDetector(SMALL).train()
    with torch.no_grad():
        for _ in range(5):
            model(torch.randn(4, 1, 128, 160) * 3 + 1)
    return model.eval()


def test_the_exported_graph_gives_what_the_network_gives(model: ScratchDetector) -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, 1, 128, 160), dtype=np.uint8)
    with torch.no_grad():
        output = model(normalize(torch.from_numpy(image)))
        expected = torch.cat((output.boxes, output.logits.sigmoid()), dim=-1).numpy()
        folded = Deployed(model)(torch.from_numpy(image)).numpy()
    session = ort.InferenceSession(onnx_bytes(model), providers=["CPUExecutionProvider"])
    (found,) = session.run(["detections"], {"image": image})
    assert found.dtype == np.float32
    assert found.shape == (1, 16 * 20 + 8 * 10 + 4 * 5, 5)
    np.testing.assert_allclose(folded, expected, atol=2e-3)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_graph_takes_bytes_and_holds_no_batch_normalization(model: ScratchDetector) -> None:
    graph = onnx.load_from_string(onnx_bytes(model))
    (tensor,) = graph.graph.input
    assert tensor.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [dim.dim_value for dim in tensor.type.tensor_type.shape.dim] == [1, 1, 128, 160]
    assert not {"BatchNormalization"} & {node.op_type for node in graph.graph.node}
    assert graph.opset_import[0].version == 17


def test_the_shipped_size_fits_a_device() -> None:
    model = ScratchDetector(Shape())
    assert 0.8e6 < count_parameters(model) < 1.2e6
    assert len(onnx_bytes(model)) < 5e6


def test_training_and_device_see_the_same_pixels(model: ScratchDetector, tmp_path: Path) -> None:
    package = write_package(tmp_path, model, Contents(NO_THRESHOLDS), golden=False)
    (tag,) = simulated_examples(1, 1, defect_rate=1)
    seen, fit = Preprocessor(package.manifest.input).write(tag.image)
    letterbox = Letterbox(SMALL.model_wh, channels=1, resize=Resize.LETTERBOX, pad_value=PAD_VALUE)
    assert letterbox.write(tag.image) == fit
    assert np.array_equal(seen[0, 0], letterbox.canvas)
    images, targets = Batches([], [tag], Plan(batch=2, shape=SMALL)).draw()
    assert images.shape == (2, 1, 128, 160)
    assert images.dtype == torch.uint8
    assert targets.boxes.max() <= 160


def test_detections_come_back_in_frame_pixels(model: ScratchDetector, tmp_path: Path) -> None:
    package = write_package(tmp_path, model, Contents(NO_THRESHOLDS), golden=False)
    image = np.full((300, 450), 100, np.uint8)
    (found,) = detect_all(package, [Example(image, np.empty((0, 4), np.float32), np.empty(0, np.int64), "g", "g")])
    assert 0 < len(found) <= 100
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [450, 300, 450, 300]).all()


def test_a_written_package_opens_on_the_device_and_passes_its_own_self_test(
    model: ScratchDetector, tmp_path: Path
) -> None:
    limits = {"scratch": NO_THRESHOLDS["scratch"].model_copy(update={"review_at": 0.01, "reject_at": 0.5})}
    written = write_package(
        tmp_path, model, Contents(limits, Lineage(dataset_version="x"), {"cv_map50_mean": 0.5}), golden=True
    )
    package = ModelPackage.open(tmp_path)
    assert package == written
    assert package.manifest.output.decode == "xyxy_scores"
    assert package.manifest.files[0].metrics == {"cv_map50_mean": 0.5}
    assert len(package.manifest.golden) == 3
    with OnnxDetector(package) as detector:
        assert [check.problems for check in verify(package, detector)] == [(), (), ()]
