from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import Check, verify
from edge_inspector.errors import ModelError
from tests.onnx_models import MODEL_WH, bright_spot_model

NAMES = ("bright-spot", "dark-spot")
FIRST_CELL, LAST_CELL = [0, 0, 16, 16], [48, 32, 64, 48]


def promise(xyxy: list[float], confidence: float = 1.0, label: str = "bright-spot") -> dict[str, Any]:
    return {"label": label, "confidence": confidence, "xyxy": xyxy}


def checks(folder: Path, *promises: dict[str, Any], **golden: Any) -> list[Check]:
    """Verify a package whose golden image has one spot in its first and one in its last cell."""
    image = np.zeros((MODEL_WH[1], MODEL_WH[0]), np.uint8)
    image[4:8, 4:8] = 255
    image[40:44, 52:56] = 204
    bright_spot_model(
        folder,
        class_names=NAMES,
        golden=[{"image": "spots.png", "detections": list(promises), **golden}],
    )
    cv2.imwrite(str(folder / "spots.png"), image)
    package = ModelPackage.open(folder)
    with OnnxDetector(package) as detector:
        return list(verify(package, detector))


def test_a_model_that_keeps_its_promise_has_no_problems(tmp_path: Path) -> None:
    assert checks(tmp_path, promise(FIRST_CELL), promise(LAST_CELL, 0.8)) == [Check("spots.png", ())]


def test_the_order_of_the_promises_does_not_matter(tmp_path: Path) -> None:
    assert checks(tmp_path, promise(LAST_CELL, 0.8), promise(FIRST_CELL)) == [Check("spots.png", ())]


def test_small_differences_are_within_the_tolerances(tmp_path: Path) -> None:
    assert checks(tmp_path, promise([1, 0, 16, 18]), promise(LAST_CELL, 0.785)) == [Check("spots.png", ())]


@pytest.mark.parametrize(
    ("promises", "expected"),
    [
        ((promise(FIRST_CELL),), ["bright-spot at [48.0, 32.0, 64.0, 48.0] 0.8000: expected none there"]),
        (
            (promise(FIRST_CELL), promise(LAST_CELL, 0.7)),
            ["bright-spot at [48.0, 32.0, 64.0, 48.0]: expected confidence 0.7 +- 0.02, found 0.8000"],
        ),
        (
            (promise(FIRST_CELL), promise([44, 32, 60, 48], 0.8)),
            [
                "bright-spot at [44.0, 32.0, 60.0, 48.0]: expected within 2.0 px, found the nearest 4.0 px off",
                "bright-spot at [48.0, 32.0, 64.0, 48.0] 0.8000: expected none there",
            ],
        ),
        (
            (promise(FIRST_CELL), promise(LAST_CELL, 0.8), promise([16, 0, 32, 16], 1.0, "dark-spot")),
            ["dark-spot at [16.0, 0.0, 32.0, 16.0]: expected within 2.0 px, found none"],
        ),
        (
            (promise(FIRST_CELL), promise(LAST_CELL, 0.8), promise(FIRST_CELL)),
            ["bright-spot at [0.0, 0.0, 16.0, 16.0]: expected within 2.0 px, found none"],
        ),
    ],
)
def test_a_broken_promise_is_told_with_what_was_found_and_expected(
    tmp_path: Path, promises: tuple[dict[str, Any], ...], expected: list[str]
) -> None:
    (check,) = checks(tmp_path, *promises)
    # With both boxes of the class taken, none is left; with one left, its distance is told.
    assert list(check.problems) == expected


def test_the_package_may_choose_its_own_tolerances(tmp_path: Path) -> None:
    wide = {"confidence": 0.2, "xyxy_px": 5}
    (check,) = checks(tmp_path, promise(FIRST_CELL), promise([44, 32, 60, 48], 0.7), tolerances=wide)
    assert check.problems == ()


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_a_golden_image_that_cannot_be_read_is_an_error_of_the_package(
    tmp_path: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    bright_spot_model(tmp_path, golden=[{"image": "spots.png", "detections": []}])
    if content is not None:
        (tmp_path / "spots.png").write_bytes(content)
    package = ModelPackage.open(tmp_path)
    with (
        OnnxDetector(package) as detector,
        pytest.raises(ModelError, match=r"spots\.png: expected a golden image, found"),
    ):
        list(verify(package, detector))
    capfd.readouterr()


def test_a_package_without_golden_images_has_no_checks(tmp_path: Path) -> None:
    package = ModelPackage.open(bright_spot_model(tmp_path))
    with OnnxDetector(package) as detector:
        assert list(verify(package, detector)) == []
