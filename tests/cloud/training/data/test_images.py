import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_side.training.dataset import Images, LabeledImage, read_labels
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError

BYTES = 90 * 60


@pytest.fixture
def rows(labels: Callable[..., Path], tmp_path: Path) -> list[LabeledImage]:
    """Have four labeled images of different shades, and one that nobody labeled."""
    names = [f"{letter}.png" for letter in "abcde"]
    folder = labels(
        *({"image": name, "group": name, "width": 90, "height": 60, "labelled": name != "e.png", "boxes": []}
          for name in names)
    )  # fmt: skip
    for number, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), np.full((60, 90), 10 * number, np.uint8))
    return read_labels(folder, ("scratch",))


def test_images_are_read_when_they_are_asked_for(rows: list[LabeledImage]) -> None:
    images = Images(rows)
    assert (len(images), images.held_bytes) == (4, 0)
    assert [int(example.image.mean()) for example in images] == [0, 10, 20, 30]
    assert images.held_bytes == 4 * BYTES
    assert images[2].image is images[2].image


def test_memory_holds_what_it_may_and_forgets_what_was_used_longest_ago(rows: list[LabeledImage]) -> None:
    images = Images(rows, cache_bytes=2 * BYTES)
    first = images[0].image
    _ = images[1], images[0], images[2]
    assert images.held_bytes == 2 * BYTES
    assert images[0].image is first
    kept = images[2].image
    _ = images[1]
    assert images[2].image is kept
    assert images[0].image is not first


def test_an_image_larger_than_the_memory_is_read_each_time(rows: list[LabeledImage]) -> None:
    images = Images(rows, cache_bytes=BYTES - 1)
    assert int(images[1].image.mean()) == 10
    assert images.held_bytes == 0


def test_another_process_gets_no_pixels(rows: list[LabeledImage]) -> None:
    images = Images(rows)
    _ = list(images)
    copied = pickle.loads(pickle.dumps(images))
    assert copied.held_bytes == 0
    assert [example.name for example in copied] == ["a.png", "b.png", "c.png", "d.png"]


def test_some_of_them_are_images_too(rows: list[LabeledImage]) -> None:
    some = Images(rows, Color.BGR)[1:3]
    assert isinstance(some, Images)
    assert [example.image.shape for example in some] == [(60, 90, 3)] * 2


def test_grey_files_of_a_color_set_have_three_equal_channels_and_color_files_of_a_grey_one_have_one(
    rows: list[LabeledImage],
) -> None:
    cv2.imwrite(str(rows[0].path), np.full((60, 90, 3), (200, 0, 0), np.uint8))
    assert Images(rows, Color.BGR)[0].image[0, 0].tolist() == [200, 0, 0]
    assert Images(rows, Color.BGR)[3].image[0, 0].tolist() == [30, 30, 30]
    assert Images(rows, Color.GRAY)[0].image.shape == (60, 90)


def test_a_file_that_is_gone_or_cut_is_named(rows: list[LabeledImage]) -> None:
    rows[0].path.write_bytes(rows[0].path.read_bytes()[:50])
    rows[1].path.unlink()
    for index, told in ((0, "cut off"), (1, "No such file")):
        with pytest.raises(ConfigError, match=told):
            Images(rows)[index]
