import numpy as np

from edge_inspector.sources.frozen import FrozenWatch


def picture(seed: int = 1, shape: tuple[int, ...] = (120, 160, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_picture_is_frozen_once_it_has_been_the_same_for_longer_than_allowed() -> None:
    watch = FrozenWatch(10)
    assert [watch.is_frozen(picture(), now) for now in (100, 105, 110, 111, 500)] == [False, False, False, True, True]


def test_one_other_pixel_ends_it() -> None:
    watch = FrozenWatch(10)
    watch.is_frozen(picture(), 0)
    other = picture()
    other[-1, -1, -1] ^= 1
    assert not watch.is_frozen(other, 100)
    assert not watch.is_frozen(other, 110)
    assert watch.is_frozen(other, 111)


def test_the_time_starts_with_the_picture_and_not_with_the_watch() -> None:
    watch = FrozenWatch(10)
    watch.is_frozen(picture(1), 0)
    watch.is_frozen(picture(2), 1000)
    assert not watch.is_frozen(picture(2), 1010)


def test_pictures_of_another_size_differ() -> None:
    watch = FrozenWatch(10)
    watch.is_frozen(picture(1, (48, 64)), 0)
    assert not watch.is_frozen(picture(1, (64, 48)), 100)


def test_tiny_pictures_are_compared_too() -> None:
    watch = FrozenWatch(10)
    one = np.zeros((1, 1), np.uint8)
    watch.is_frozen(one, 0)
    assert watch.is_frozen(one.copy(), 100)
