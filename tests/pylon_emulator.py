"""Basler's emulated cameras, which show pictures of a folder; without pypylon the tests that need them are skipped."""

import importlib
import os
import warnings
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.requirements import require_module

CAMERAS = 2
SERIALS = ("0815-0000", "0815-0001")
_EMULATED = {"PYLON_CAMEMU": str(CAMERAS)}


def require_pylon() -> dict[str, str]:
    """Load pypylon with its emulated cameras into this process, or skip the test; return the environment of others."""
    require_module("pypylon", how="make setup-pylon")
    load_pylon()
    os.environ.update(_EMULATED)
    return _EMULATED


def load_pylon() -> None:
    """Load pypylon into this process where it is installed, for tests in which the code under test may do so."""
    if util.find_spec("pypylon") is None:
        return
    with warnings.catch_warnings():
        # It warns while it is loaded, and where a warning is an error, as in these tests, that ends the process.
        warnings.simplefilter("ignore")
        for module in ("pypylon.pylon", "pypylon.genicam"):
            importlib.import_module(module)


def write_pictures(folder: Path, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Write what the camera shall see, in this order; it begins anew at the end."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)
    return folder


def showing(folder: Path, image_wh: tuple[int, int], **keys: Any) -> dict[str, Any]:
    """Return the section `source` of a camera that sees the pictures of a folder."""
    features = {"TestImageSelector": "Off", "ImageFileMode": "On", "ImageFilename": str(folder)}
    return {
        "type": "pylon", "camera": SERIALS[0], "region": [0, 0, *image_wh],
        **keys, "features": {**features, **keys.get("features", {})},
    }  # fmt: skip
