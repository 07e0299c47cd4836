import numpy as np
from numpy.typing import NDArray

from cloud_side.training.augment import Augmentation, augmented, move
from cloud_side.training.dataset import Example
from cloud_side.training.scratch_bank import hide, lift_scratches, paste
from edge_inspector.geometry import iou

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
    bank = lift_scratches([example()])
    first, again = (augmented(example(), bank, Augmentation(), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)


def test_a_pasted_scratch_has_a_box_around_its_light() -> None:
    (scratch,) = lift_scratches([example()])
    empty = Example(np.full((150, 200), 90, np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.int64), "g", "x")
    rng, pasted = np.random.default_rng(2), 0
    for _ in range(20):
        result = paste(empty, scratch, rng)
        if len(result.boxes) == 1:
            pasted += 1
            assert iou(extent(result.image), result.boxes)[0, 0] > 0.7
    assert pasted > 5


def test_a_cut_scratch_gets_two_boxes() -> None:
    (scratch,) = lift_scratches([example()])
    empty = Example(np.full((150, 200), 90, np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.int64), "g", "x")
    rng = np.random.default_rng(2)
    counts = {len(paste(empty, scratch, rng).boxes) for _ in range(40)}
    assert counts == {1, 2}


def test_a_hidden_scratch_leaves_a_clean_surface() -> None:
    hidden = hide(example(), 0, np.random.default_rng(0))
    assert len(hidden.boxes) == 0
    assert hidden.image.max() < 110
