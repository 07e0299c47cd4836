"""Pictures as a station sees them, and what can be amiss with them."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.frame import Frame
from edge_inspector.simulation import plan_tag, render_tag

Image: TypeAlias = NDArray[np.uint8]
TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")
needs_photographs = pytest.mark.skipif(
    TAGS is None, reason="EDGE_INSPECTOR_TAGS does not name the folder with the photographs"
)


def simulated(count: int, *, seed: int = 3, wh: tuple[int, int] = (450, 300)) -> list[Image]:
    return [render_tag(plan_tag(seed, number, image_wh=wh)) for number in range(count)]


def photographs() -> list[Image]:
    """Return the photographs in the order in which they were taken."""
    assert TAGS is not None
    paths = sorted(Path(TAGS).glob("images/*.jpg"))
    assert len(paths) > 100
    return [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) for path in paths]


def blurred(image: Image, sigma_share: float = 0.006) -> Image:
    """Return a picture out of focus; the width of the blur is a share of the picture's."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_share * image.shape[1]), np.uint8)


def gained(image: Image, gain: float) -> Image:
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def shifted(image: Image, right: float, down: float = 0.0) -> Image:
    """Return a picture with its content moved by shares of its width; what comes in repeats the border."""
    height, width = image.shape[:2]
    matrix = np.array([[1, 0, right * width], [0, 1, down * width]], np.float32)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def frame(image: Image, *, part_frame: int = 0) -> Frame:
    return Frame(image, 0, datetime.now(UTC), time.monotonic_ns(), "test", "part", part_frame=part_frame)


def noisy(images: Sequence[Image], sigma: float = 4.0) -> list[Image]:
    rng = np.random.default_rng(1)
    return [np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8) for image in images]
