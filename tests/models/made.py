"""Packages whose every verdict tells which of them has given it, and a folder of updates to place them in."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.models.fakes import point_at
from tests.onnx_models import CELL, MODEL_WH, ONNX_NAME, bright_spot_graph, write_package
from tests.slow_models import delay

NAME = "spot"
POLICY_CLASS = "scratch"  # every line of these tests names it in its policy
IMAGE_WH = MODEL_WH
SPOT_XYXY = (0, 0, CELL, CELL)
REVIEWED = 128  # brightness of a spot that a good model has looked at by a person


def label_of(version: str) -> str:
    """Return the label that only this version gives."""
    return f"spot-{version}"


def picture(brightness: int = REVIEWED) -> NDArray[np.uint8]:
    """Return a dark picture with one spot."""
    image = np.zeros((IMAGE_WH[1], IMAGE_WH[0]), np.uint8)
    x1, y1, x2, y2 = SPOT_XYXY
    image[y1:y2, x1:x2] = brightness
    return image


def spot_package(  # noqa: PLR0913 - what may be wrong with a package
    folder: Path,
    version: str,
    *,
    review_at: float = 0.4,
    reject_at: float = 0.7,
    classes: Sequence[str] = (POLICY_CLASS,),
    promises: float | None = REVIEWED / 255,
    turns: int = 0,
    poison: Any = None,
    damaged: bool = False,
) -> Path:
    """Write a package that finds spots, labeled with its version, and return its folder.

    Args:
        folder: Folder to make.
        version: Its version.
        review_at: Brightness from which a person shall look.
        reject_at: Brightness from which it rejects.
        classes: Its classes beside its own; it never finds them.
        promises: Confidence of the spot that its golden image promises; 0 promises none, None has no image.
        turns: So many turns of an empty loop in every inference: about 50 ms for 100,000.
        poison: As in `bright_spot_graph`.
        damaged: The file is another one than its sha256 says.
    """
    labels = (label_of(version), *classes)
    model = bright_spot_graph(classes=len(labels), poison=poison)
    model.doc_string = version  # so that no two versions have one sha256
    if turns:
        delay(model, [], {"turns": turns})
    folder.mkdir(parents=True)
    golden = []
    if promises is not None:
        cv2.imwrite(str(folder / "golden.png"), picture())
        spot = {"label": labels[0], "confidence": promises, "xyxy": list(SPOT_XYXY)}
        golden = [{"image": "golden.png", "detections": [spot] if promises else []}]
    write_package(
        folder,
        model,
        name=NAME,
        version=version,
        class_names=list(labels),
        thresholds={label: {"review_at": review_at, "reject_at": reject_at} for label in labels},
        golden=golden,
    )
    if damaged:
        content = (folder / ONNX_NAME).read_bytes()
        (folder / ONNX_NAME).write_bytes(content[:-1])
    return folder


def sha256_of(package: Path) -> str:
    """Return the sha256 of a package's file as it is."""
    return hashlib.sha256((package / ONNX_NAME).read_bytes()).hexdigest()


class Updates:
    """A folder of updates, as the model component leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, version: str, **fields: Any) -> Path:
        """Make a package there, and let the pointer be; making one takes longer than all that is tested."""
        package = self.folder / NAME / version
        if package.exists():
            shutil.rmtree(package)
        return spot_package(package, version, **fields)

    def place(self, version: str, **fields: Any) -> Path:
        """Make a package there and move the pointer last."""
        package = self.make(version, **fields)
        self.point_at(f"{NAME}/{version}\n")
        return package

    def point_at(self, content: str) -> None:
        """Move the pointer."""
        point_at(self.folder, content)
