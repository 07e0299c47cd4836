"""Simulated products as files: images, and labels in a form of the catalog."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np

from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.interchange import ImageLabels, LabelSet, fit_box
from cloud_side.catalog.versions import DatasetError
from cloud_side.training.dataset import Example
from cloud_side.training.simulated.boards import BOARD_CLASSES, render_board
from cloud_side.training.simulated.tags import TAG_CLASSES, simulated_example

_QUALITY: Final = 95  # of JPEG, in which cameras of both products store
_DECIMALS: Final = 2
_DEFECT_RATE: Final = 0.6
_PER_LOT: Final = 10
_IMAGES: Final = "images"


def simulate(product: str, count: int, seed: int, form: str, out: Path) -> LabelSet:
    """Write images of a product and their labels into a folder.

    Args:
        product: `tags` or `boards`.
        count: Number of images.
        seed: Chooses the line.
        form: Of the labels, as the catalog calls it.
        out: Not there, or empty.

    Returns:
        The labels, as they were written.

    Raises:
        DatasetError: If something is in the folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"{out}: expected no folder, or an empty one, found something in it"
        raise DatasetError(msg)
    class_names, take = _PRODUCTS[product]
    (out / _IMAGES).mkdir(parents=True, exist_ok=True)
    labels = LabelSet(class_names, tuple(_written(take(seed, number), class_names, out) for number in range(count)))
    FORMS[form].write(labels, out)
    return labels


def _written(example: Example, class_names: tuple[str, ...], out: Path) -> ImageLabels:
    name = f"{_IMAGES}/{example.name}.jpg"
    if not cv2.imwrite(str(out / name), example.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        msg = f"{out / name}: could not be written"
        raise DatasetError(msg)
    height, width = example.image.shape[:2]
    xywh = np.concatenate([example.boxes[:, :2], example.boxes[:, 2:] - example.boxes[:, :2]], axis=1)
    boxes = tuple(
        fit_box(class_names[class_id], box, width, height)
        for box, class_id in zip(
            np.round(xywh.astype(np.float64), _DECIMALS).tolist(), example.class_ids.tolist(), strict=True
        )
    )
    # Of a part that is photographed once nobody has to say which others belong to it.
    group = None if example.group == example.name else example.group
    return ImageLabels(name, width, height, boxes, group)


def _tag(seed: int, number: int) -> Example:
    return simulated_example(seed, number, defect_rate=_DEFECT_RATE)


def _board(seed: int, number: int) -> Example:
    return render_board(seed, number, lot=number // _PER_LOT, defect_rate=_DEFECT_RATE)


_PRODUCTS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[int, int], Example]]]] = MappingProxyType(
    {"tags": (TAG_CLASSES, _tag), "boards": (BOARD_CLASSES, _board)}
)
