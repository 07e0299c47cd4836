from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")
pytest.importorskip("onnx", reason="export needs the extra edge-inspector-cloud[train]")

import onnx
import torch

from cloud_side.training.exporting.onnx_file import (
    INPUT_NAME,
    LARGEST_FILE_BYTES,
    OUTPUT_NAME,
    Deployed,
    one_thread,
    onnx_bytes,
)
from cloud_side.training.exporting.package import (
    Contents,
    OnnxFile,
    network_input,
    network_output,
    no_thresholds,
    write_package,
)
from cloud_side.training.exporting.parity import parity
from cloud_side.training.network.model import Network, Shape, count_parameters, normalize
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.preprocess import Preprocessor
from edge_inspector.errors import ModelError
from edge_inspector.letterbox import Letterbox, Resize

SMALL = Shape(model_wh=(160, 128), widths=(8, 8, 16, 16, 16), depths=(0, 1, 0, 0), neck=16)
COLOR = Shape(model_wh=(96, 160), n_classes=3, widths=(8, 8, 8, 8, 8), depths=(0, 0, 0, 0), neck=8, channels=3)
CELLS = 16 * 20 + 8 * 10 + 4 * 5
CELLS_OF_COLOR = 12 * 20 + 6 * 10 + 3 * 5


@pytest.fixture(autouse=True, scope="module")
def one() -> Iterator[None]:
    with one_thread():
        yield


def network(shape: Shape) -> Network:
    """Return a network whose normalization has seen some images, so that folding it is a real change."""
    torch.manual_seed(1)
    model = Network(shape).train()
    width, height = shape.model_wh
    with torch.no_grad():
        for _ in range(5):
            model(torch.randn(4, shape.channels, height, width) * 3 + 1)
        model.head.score.weight *= 300  # some scores are high, as those of a trained one
    return model.eval()


@pytest.fixture(scope="module")
def grey() -> Network:
    return network(SMALL)


@pytest.fixture(scope="module")
def grey_file(grey: Network) -> bytes:
    return onnx_bytes(grey)


def noise(shape: Shape, seed: int = 1) -> np.ndarray:
    width, height = shape.model_wh
    return np.random.default_rng(seed).integers(0, 256, (1, shape.channels, height, width), dtype=np.uint8)


def test_the_exported_graph_gives_what_the_network_gives(grey: Network, grey_file: bytes) -> None:
    image = noise(SMALL)
    with torch.no_grad():
        output = grey(normalize(torch.from_numpy(image)))
        expected = torch.cat((output.boxes, output.logits.sigmoid()), dim=-1).numpy()
        folded = Deployed(grey)(torch.from_numpy(image)).numpy()
    session = ort.InferenceSession(grey_file, providers=["CPUExecutionProvider"])
    (found,) = session.run(["detections"], {"image": image})
    assert found.dtype == np.float32
    assert found.shape == (1, CELLS, 5)
    np.testing.assert_allclose(folded, expected, atol=2e-3)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_graph_takes_bytes_and_holds_no_batch_normalization(grey_file: bytes) -> None:
    graph = onnx.load_from_string(grey_file)
    (tensor,) = graph.graph.input
    assert tensor.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [dim.dim_value for dim in tensor.type.tensor_type.shape.dim] == [1, 1, 128, 160]
    assert not {"BatchNormalization"} & {node.op_type for node in graph.graph.node}
    assert graph.opset_import[0].version == 17


def test_the_nano_size_fits_a_device(shipped_content: bytes) -> None:
    parameters = count_parameters(Network(Shape()))
    assert 4 * parameters < len(shipped_content) < 4 * parameters + 100_000
    assert len(shipped_content) < LARGEST_FILE_BYTES


def test_a_network_for_colors_and_several_classes_runs_on_the_device(tmp_path: Path) -> None:
    model = network(COLOR)
    names = ("bridge", "hole", "missing_solder")
    contents = Contents(
        "boards",
        network_input(COLOR.model_wh, Color.BGR, name=INPUT_NAME),
        network_output(name=OUTPUT_NAME),
        names,
        no_thresholds(names),
    )
    package = write_package(tmp_path, contents, [OnnxFile(onnx_bytes(model))])
    with OnnxDetector(package) as detector:
        assert not detector.is_gray
        found = detector.run(np.full((300, 200, 3), (30, 120, 60), np.uint8)).detections
    assert len(found) > 0
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [200, 300, 200, 300]).all()
    # Two parts of the image that differ in color alone differ to the network.
    blue, red = (np.full((1, 160, 96), level, np.uint8) for level in (200, 20))
    session = ort.InferenceSession(package.read(package.manifest.files[0]), providers=["CPUExecutionProvider"])
    outputs = [
        session.run(None, {INPUT_NAME: np.stack(planes, axis=1)})[0] for planes in ((blue, red, red), (red, red, blue))
    ]
    assert outputs[0].shape == (1, CELLS_OF_COLOR, 4 + 3)
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_training_and_device_see_the_same_pixels() -> None:
    given = network_input(SMALL.model_wh, Color.GRAY, name=INPUT_NAME)
    (tag,) = simulated_examples(1, 1, defect_rate=1)
    seen, fit = Preprocessor(given).write(tag.image)
    letterbox = Letterbox(SMALL.model_wh, channels=1, resize=Resize.LETTERBOX, pad_value=given.pad_value)
    assert letterbox.write(tag.image) == fit
    assert np.array_equal(seen[0, 0], letterbox.canvas)
    # What is no part of the image is nothing to the network.
    assert normalize(torch.tensor([given.pad_value])).item() == 0


def test_parity_is_close_for_the_right_file_and_far_for_that_of_other_weights(grey: Network, grey_file: bytes) -> None:
    images = [noise(SMALL, seed) for seed in range(3)]
    right = parity(grey, grey_file, images, input_name=INPUT_NAME)
    assert right.images == 3
    assert 10 < right.detections <= 3 * CELLS
    assert right.confidence < 2e-3
    assert right.box_px < 0.01
    quiet = network(SMALL)
    with torch.no_grad():
        quiet.head.score.weight /= 300
    wrong = parity(quiet, grey_file, images, input_name=INPUT_NAME)
    assert wrong.confidence > 0.1


def test_weights_that_give_no_numbers_are_no_parity(grey_file: bytes) -> None:
    """No score of them reaches any limit, so that nothing would be compared."""
    broken = network(SMALL)
    with torch.no_grad():
        broken.head.score.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match=r"^weights: expected finite boxes and scores, found 420 of 2100 not"):
        parity(broken, grey_file, [noise(SMALL)], input_name=INPUT_NAME)
