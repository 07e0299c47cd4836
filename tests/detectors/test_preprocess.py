import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.detectors.model_file import ModelInput
from edge_inspector.detectors.preprocess import Preprocessor

MODEL_WH = (32, 24)
COMBINATIONS = list(itertools.product(["NCHW", "NHWC"], ["float32", "uint8"], ["rgb", "bgr", "gray"], [1, 3]))


def model_input(**fields: Any) -> ModelInput:
    return ModelInput.model_validate({"name": "x", "dtype": "uint8", "model_wh": MODEL_WH, "color": "rgb", **fields})


def picture(channels: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return an image of exactly the model's size, so that nothing is resized."""
    shape = (MODEL_WH[1], MODEL_WH[0]) if channels == 1 else (MODEL_WH[1], MODEL_WH[0], channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def expected(image: NDArray[np.uint8], wanted: ModelInput) -> NDArray[np.float64]:
    """Return the tensor as the contract in words says it: color, (value * scale - mean) / std, layout."""
    bgr = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image
    channels = {
        "bgr": bgr,
        "rgb": bgr[..., ::-1],
        # ITU-R BT.601
        "gray": np.round(bgr @ np.array([0.114, 0.587, 0.299]))[..., None],
    }[wanted.color.value].astype(np.float64)
    tensor = (channels * wanted.scale - np.array(wanted.mean)) / np.array(wanted.std)
    return tensor.transpose(2, 0, 1)[None] if wanted.layout == "NCHW" else tensor[None]


@pytest.mark.parametrize(("layout", "dtype", "color", "channels"), COMBINATIONS)
def test_a_tensor_is_what_the_contract_says(layout: str, dtype: str, color: str, channels: int) -> None:
    wanted = model_input(layout=layout, dtype=dtype, color=color)
    preprocessor = Preprocessor(wanted)
    for seed in (1, 2):
        image = picture(channels, seed)
        tensor, _ = preprocessor.write(image)
        assert tensor.dtype == dtype
        assert tensor.shape == expected(image, wanted).shape
        assert tensor.flags.c_contiguous
        # A color image in grey may be rounded the other way.
        np.testing.assert_allclose(tensor, expected(image, wanted), atol=1 if color == "gray" else 0)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("color", "mean", "std"),
    [
        ("rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("bgr", (0.5,), (0.5,)),
        ("rgb", (0.0,), (1.0,)),
        ("bgr", (0.0, 0.2, 0.0), (1.0, 2.0, 0.5)),
    ],
)
def test_scale_mean_and_std_belong_to_the_channels_of_the_model(
    layout: str, channels: int, color: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    wanted = model_input(layout=layout, dtype="float32", color=color, scale=1 / 255, mean=mean, std=std)
    image = picture(channels)
    tensor, _ = Preprocessor(wanted).write(image)
    np.testing.assert_allclose(tensor, expected(image, wanted), atol=1e-5)


@pytest.mark.parametrize(("layout", "dtype", "color", "channels"), COMBINATIONS)
def test_what_comes_before_leaves_no_trace(layout: str, dtype: str, color: str, channels: int) -> None:
    wanted = model_input(layout=layout, dtype=dtype, color=color)
    used, fresh = Preprocessor(wanted), Preprocessor(wanted)
    for other in (picture(4 - channels), np.full((70, 20), 255, np.uint8), np.full((9, 90, 3), 200, np.uint8)):
        used.write(other)
    image = np.ascontiguousarray(picture(channels)[:12])
    np.testing.assert_array_equal(used.write(image)[0], fresh.write(image)[0])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("dtype", "color", "channels"),
    [
        ("float32", "rgb", 3),
        ("float32", "rgb", 1),
        ("float32", "gray", 3),
        ("float32", "gray", 1),
        ("uint8", "gray", 1),
    ],
)
def test_the_same_memory_is_written_again(layout: str, dtype: str, color: str, channels: int) -> None:
    preprocessor = Preprocessor(model_input(layout=layout, dtype=dtype, color=color))
    places = {preprocessor.write(picture(channels, seed))[0].ctypes.data for seed in range(5)}
    assert len(places) == 1


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_border_has_the_pad_value_in_every_channel(layout: str) -> None:
    wanted = model_input(layout=layout, dtype="float32", color="rgb", scale=0.5, pad_value=114)
    tensor, fit = Preprocessor(wanted).write(np.zeros((8, 32, 3), np.uint8))
    assert fit.offset_xy == (0, 8)
    top = tensor[0, :, :8] if layout == "NCHW" else tensor[0, :8]
    assert (top == 57).all()


def test_a_stretched_frame_has_no_border() -> None:
    wanted = model_input(color="gray", resize="stretch")
    tensor, fit = Preprocessor(wanted).write(np.full((300, 7), 9, np.uint8))
    assert (tensor == 9).all()
    assert (fit.inner_wh, fit.offset_xy) == (MODEL_WH, (0, 0))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_frame_itself_is_never_changed(channels: int) -> None:
    image = picture(channels)
    before = image.copy()
    for layout, dtype, color in itertools.product(["NCHW", "NHWC"], ["float32", "uint8"], ["rgb", "bgr", "gray"]):
        tensor, _ = Preprocessor(model_input(layout=layout, dtype=dtype, color=color)).write(image)
        tensor[:] = 0
    np.testing.assert_array_equal(image, before)
