import numpy as np
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.variation.augment import Augmentation, augmented, cropped, move, relight
from cloud_side.training.variation.defect_bank import Lifting, lift_defects

BOX = (30, 40, 90, 46)


def example() -> Example:
    image = np.full((150, 200), 90, np.uint8)
    image[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 240
    return Example(image, np.array([BOX], np.float32), np.zeros(1, np.int64), "g", "bright bar")


def extent(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = np.nonzero(image > 165)
    return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)


def test_boxes_move_with_the_pixels() -> None:
    rng = np.random.default_rng(1)
    settings = Augmentation(turn_deg=0, shift=0.1)
    for _ in range(30):
        moved = move(example(), settings, rng)
        assert np.abs(extent(moved.image) - moved.boxes).max() <= 1


def test_a_defect_pushed_out_of_the_frame_loses_its_box() -> None:
    away = Example(example().image, np.array([[-500, 0, -400, 10]], np.float32), np.zeros(1, np.int64), "g", "x")
    assert len(move(away, Augmentation(), np.random.default_rng(1)).boxes) == 0


def test_the_same_generator_state_gives_the_same_image() -> None:
    bank = lift_defects([example()], Lifting())
    settings = Augmentation(hide_share=0.2, paste_share=1.0)
    first, again = (augmented(example(), bank, settings, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)


def test_the_channels_of_a_color_image_stay_together() -> None:
    grey = example()
    color = Example(np.dstack([grey.image] * 3), grey.boxes, grey.class_ids, "g", "bright bar")
    settings = Augmentation(noise_share=0, blur_share=1)
    as_grey, as_color = (augmented(each, [], settings, np.random.default_rng(5)) for each in (grey, color))
    assert as_color.image.shape == (150, 200, 3)
    assert np.array_equal(as_color.image[..., 1], as_grey.image)
    assert np.array_equal(as_color.boxes, as_grey.boxes)


def test_noise_differs_between_channels() -> None:
    flat = np.full((40, 50, 3), 100, np.uint8)
    noisy = relight(flat, Augmentation(noise_share=1, noise=20), np.random.default_rng(4))
    assert (noisy[..., 0] != noisy[..., 2]).any()


def test_a_crop_shows_the_same_pixels_at_the_place_of_its_boxes() -> None:
    rng, seen = np.random.default_rng(1), 0
    for _ in range(40):
        part = cropped(example(), (96, 64), rng)
        assert part.image.shape == (64, 96)
        if len(part.boxes):
            seen += 1
            assert np.abs(extent(part.image) - part.boxes).max() <= 1
    assert 25 < seen <= 40
