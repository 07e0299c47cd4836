import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.geometry import as_boxes
from edge_inspector.letterbox import Fit, Letterbox, Resize

PAD = 114

_sides = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
_model_sides = st.tuples(st.integers(16, 1024), st.integers(16, 1024))
_resizes = st.sampled_from(Resize)
_fraction = st.floats(0, 1)


def grey(width: int, height: int, value: int = 200) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width), value, np.uint8)


@given(_sides, _model_sides, _resizes, st.tuples(_fraction, _fraction, _fraction, _fraction))
def test_a_box_survives_the_way_to_the_model_and_back(
    image_wh: tuple[int, int],
    model_wh: tuple[int, int],
    resize: Resize,
    fractions: tuple[float, float, float, float],
) -> None:
    fit = Fit.of(image_wh, model_wh, resize)
    box = as_boxes([fractions]) * np.array([*image_wh, *image_wh], np.float32)
    back = fit.to_image(fit.to_model(box))
    # float32 has 24 bits; a very thin image stretches an offset of the canvas into many pixels of its own.
    pixel_of_the_model = max(image / inner for image, inner in zip(image_wh, fit.inner_wh, strict=True))
    np.testing.assert_allclose(back, box, atol=1e-6 * max(image_wh) + 1e-3 * pixel_of_the_model)


@given(_sides, _model_sides, _resizes)
def test_the_image_lies_inside_the_canvas_and_touches_two_of_its_sides(
    image_wh: tuple[int, int], model_wh: tuple[int, int], resize: Resize
) -> None:
    fit = Fit.of(image_wh, model_wh, resize)
    corners = fit.to_model(as_boxes([[0, 0, *image_wh]]))[0]
    assert (corners >= 0).all()
    assert (corners[2:] <= np.array(model_wh) + 1e-3).all()
    assert any(inner == model for inner, model in zip(fit.inner_wh, model_wh, strict=True))


@given(_sides, _model_sides)
def test_a_letterbox_keeps_the_shape_of_things_within_a_pixel(
    image_wh: tuple[int, int], model_wh: tuple[int, int]
) -> None:
    fit = Fit.of(image_wh, model_wh, Resize.LETTERBOX)
    scale = min(model_wh[0] / image_wh[0], model_wh[1] / image_wh[1])
    for image, inner in zip(image_wh, fit.inner_wh, strict=True):
        assert abs(inner - image * scale) <= 1


@given(_sides, _model_sides)
def test_the_borders_of_a_letterbox_differ_by_a_pixel_at_most(
    image_wh: tuple[int, int], model_wh: tuple[int, int]
) -> None:
    fit = Fit.of(image_wh, model_wh, Resize.LETTERBOX)
    for offset, inner, model in zip(fit.offset_xy, fit.inner_wh, model_wh, strict=True):
        assert 0 <= (model - inner - offset) - offset <= 1


@pytest.mark.parametrize(
    ("image_wh", "inner_wh", "offset_xy"),
    [
        ((64, 48), (64, 48), (0, 0)),
        ((128, 48), (64, 24), (0, 12)),
        ((48, 96), (24, 48), (20, 0)),
        ((32, 24), (64, 48), (0, 0)),
    ],
)
def test_placement_of_known_images(
    image_wh: tuple[int, int], inner_wh: tuple[int, int], offset_xy: tuple[int, int]
) -> None:
    fit = Fit.of(image_wh, (64, 48), Resize.LETTERBOX)
    assert (fit.inner_wh, fit.offset_xy) == (inner_wh, offset_xy)


def test_boxes_in_the_border_come_back_cut_to_the_frame() -> None:
    fit = Fit.of((128, 48), (64, 48), Resize.LETTERBOX)
    np.testing.assert_array_equal(fit.to_image(as_boxes([[-5, -5, 70, 60]])), [[0, 0, 128, 48]])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_is_written_into_the_canvas_and_nothing_is_allocated(channels: int) -> None:
    letterbox = Letterbox((64, 48), channels=channels, resize=Resize.LETTERBOX, pad_value=PAD)
    canvas, address = letterbox.canvas, letterbox.canvas.ctypes.data
    for width, height in ((64, 48), (128, 48), (300, 200), (7, 90), (1, 1)):
        image = grey(width, height) if channels == 1 else np.dstack([grey(width, height)] * 3)
        fit = letterbox.write(image)
        (x, y), (inner_width, inner_height) = fit.offset_xy, fit.inner_wh
        assert (letterbox.canvas[y : y + inner_height, x : x + inner_width] == 200).all()
        assert letterbox.canvas is canvas
        assert canvas.ctypes.data == address


def test_the_border_is_restored_after_a_frame_of_another_size() -> None:
    letterbox = Letterbox((64, 48), channels=1, resize=Resize.LETTERBOX, pad_value=PAD)
    fresh = Letterbox((64, 48), channels=1, resize=Resize.LETTERBOX, pad_value=PAD)
    for width, height in ((48, 96), (128, 48), (64, 48)):
        letterbox.write(grey(width, height))
    letterbox.write(grey(128, 48, 10))
    fresh.write(grey(128, 48, 10))
    np.testing.assert_array_equal(letterbox.canvas, fresh.canvas)
    assert set(np.unique(letterbox.canvas)) == {10, PAD}


def test_a_stretched_image_fills_the_canvas() -> None:
    letterbox = Letterbox((64, 48), channels=1, resize=Resize.STRETCH, pad_value=PAD)
    letterbox.write(grey(10, 400))
    assert (letterbox.canvas == 200).all()


def test_the_frame_itself_is_not_changed() -> None:
    letterbox = Letterbox((64, 48), channels=1, resize=Resize.LETTERBOX, pad_value=PAD)
    image = grey(64, 48)
    image.flags.writeable = False
    letterbox.write(image)
    letterbox.canvas[:] = 0
    assert (image == 200).all()


def test_one_bright_pixel_of_a_much_larger_frame_still_leaves_a_trace() -> None:
    letterbox = Letterbox((64, 48), channels=1, resize=Resize.LETTERBOX, pad_value=0)
    image = grey(640, 480, 0)
    image[205, 333] = 255
    letterbox.write(image)
    assert letterbox.canvas[20, 33] > 0
