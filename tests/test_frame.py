from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from edge_inspector.errors import FrameError
from edge_inspector.frame import Frame

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def frame(image: object, captured_at: datetime = NOW) -> Frame:
    return Frame(image, 0, captured_at, 0, "camera-1")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (1, 1)])
def test_grey_and_color_images_are_frames(shape: tuple[int, ...]) -> None:
    captured = frame(np.zeros(shape, np.uint8))
    assert captured.image_wh == (shape[1], shape[0])


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,), (3, 4, 1), (3, 4, 4), (1, 3, 4, 3)])
def test_another_shape_is_refused_with_name_found_and_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        FrameError, match=r"camera-1: expected an image of shape \(h, w\) or \(h, w, 3\).*found \("
    ) as error:
        frame(np.zeros(shape, np.uint8))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int8", "bool"])
def test_another_type_of_pixel_is_refused(dtype: str) -> None:
    with pytest.raises(FrameError, match=f"camera-1: expected a uint8 image, found {dtype}"):
        frame(np.zeros((3, 4), dtype))


@pytest.mark.parametrize(("image", "found"), [(None, "NoneType"), ([[1, 2]], "list")])
def test_what_is_no_array_is_refused(image: object, found: str) -> None:
    with pytest.raises(FrameError, match=f"camera-1: expected a uint8 image, found {found}"):
        frame(image)


@pytest.mark.parametrize("captured_at", [NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=2)))])
def test_a_time_that_is_not_utc_is_refused(captured_at: datetime) -> None:
    with pytest.raises(ValueError, match="camera-1: captured_at must be aware UTC, found"):
        frame(np.zeros((3, 4), np.uint8), captured_at)


def test_the_pixels_are_handed_over_and_not_copied() -> None:
    image = np.zeros((3, 4), np.uint8)
    assert frame(image).image is image
