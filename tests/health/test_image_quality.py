import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.health.image_quality import lag, measure, sample, shift
from tests.health.pictures import blurred, gained, noisy, shifted, simulated

TAG = simulated(1)[0]


@pytest.mark.parametrize(
    "shape", [(2048, 2448), (2048, 2448, 3), (300, 450), (64, 64, 3), (1, 1), (1, 5000), (5000, 1)]
)
def test_a_picture_of_any_shape_is_sampled_within_its_bounds_and_measured(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 77, np.uint8)
    rows = sample(image)
    assert rows.dtype == np.uint8
    assert rows.ndim == 2
    assert rows.shape[0] <= 64
    assert rows.shape[1] <= 640
    quality = measure(image)
    assert (quality.mean, quality.clipped, quality.sharpness) == (77, 0, None)
    assert shift(quality, (quality.across, quality.down)) is None, "a picture of nothing lies nowhere"


def test_the_sample_spans_the_whole_frame() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 10, axis=1)
    rows = sample(ramp)[:, 0]
    assert rows[0] == 2
    assert rows[-1] == 254


def test_brightness_and_the_clipped_share_are_those_of_the_picture() -> None:
    image = np.full((480, 640), 100, np.uint8)
    image[:, :160] = 255
    quality = measure(image)
    assert quality.clipped == pytest.approx(0.25, abs=0.01)
    assert quality.mean == pytest.approx(image.mean(), abs=1)


def test_defocus_widens_edges_and_light_does_not() -> None:
    (sharp,) = (measure(TAG).sharpness,)
    assert sharp is not None
    for sigma_share, most in ((0.002, 0.8), (0.004, 0.45), (0.008, 0.25)):
        found = measure(blurred(TAG, sigma_share)).sharpness
        assert found is not None
        assert found < most * sharp
    for gain in (0.4, 0.7):
        assert measure(gained(TAG, gain)).sharpness == pytest.approx(sharp, rel=0.05)


def test_a_part_without_texture_is_as_sharp_as_one_with_scratches() -> None:
    sharp = measure(TAG).sharpness
    assert sharp is not None
    for inner in (60, 80, 100):
        plain = TAG.copy()
        plain[60:240, 80:370] = inner
        found = measure(plain).sharpness
        assert found is not None
        assert found > 0.7 * sharp


def test_noise_is_not_taken_for_sharpness() -> None:
    (image,) = noisy([blurred(TAG, 0.008)], sigma=6)
    found, sharp = measure(image).sharpness, measure(TAG).sharpness
    assert found is not None
    assert sharp is not None
    assert found < 0.4 * sharp


@given(st.floats(-0.3, 0.3), st.floats(-0.25, 0.25), st.floats(0.5, 1.0))
def test_a_shift_is_found_to_two_percent_of_the_width_in_any_light(right: float, down: float, gain: float) -> None:
    usual = measure(TAG)
    found = shift(measure(gained(shifted(TAG, right, down), gain)), (usual.across, usual.down))
    assert found is not None
    assert found == pytest.approx((right, down), abs=0.02)


def test_another_picture_lies_nowhere_and_profiles_of_another_length_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    usual = measure(TAG)
    other = measure(rng.integers(0, 255, TAG.shape, dtype=np.uint8))
    assert shift(other, (usual.across, usual.down)) is None
    assert lag(usual.across, usual.across[:-1]) is None


def test_a_pattern_that_repeats_is_not_taken_for_a_shift() -> None:
    stripes = np.tile(np.repeat(np.array([30, 200], np.uint8), 40), (300, 6))[:, :450]
    quality = measure(stripes)
    assert lag(quality.across, quality.across) == 0
