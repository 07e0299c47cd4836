import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_side.training.exporting.golden import Candidate, add_golden
from cloud_side.training.exporting.package import (
    INT8,
    Contents,
    Lineage,
    OnnxFile,
    network_input,
    network_output,
    write_package,
)
from cloud_side.training.simulated.tags import simulated_examples
from edge_inspector.detectors.model_file import Color, ModelPackage, Thresholds
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import verify
from edge_inspector.errors import ModelError

LIMITS = {"scratch": Thresholds(review_at=0.6, reject_at=0.78)}
Written = Callable[..., ModelPackage]


def contents(**other: object) -> Contents:
    said = {
        "name": "metal-tags",
        "model_input": network_input((320, 224), Color.GRAY, name="image"),
        "output": network_output(name="detections"),
        "class_names": ("scratch",),
        "thresholds": LIMITS,
        "lineage": Lineage("2.1.0", "sha256:abc", "af2303cd", "2026-11-24T02:48:16+00:00"),
    }
    return Contents(**{**said, **other})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tags() -> list[Candidate]:
    return [
        Candidate(tag.image, is_defective=len(tag.boxes) > 0) for tag in simulated_examples(4242, 12, defect_rate=0.7)
    ]


def problems(package: ModelPackage, precision: str) -> list[tuple[str, ...]]:
    with OnnxDetector(package, package.file(precision)) as detector:
        return [check.problems for check in verify(package, detector)]


def test_a_written_package_says_what_it_is_and_opens_on_the_device(shipped_content: bytes, tmp_path: Path) -> None:
    files = [OnnxFile(shipped_content, metrics={"map50": 0.5})]
    written = write_package(tmp_path, contents(), files)
    package = ModelPackage.open(tmp_path)
    assert package == written
    manifest = package.manifest
    assert (manifest.name, manifest.version, manifest.dataset_version) == ("metal-tags", "2.1.0", "sha256:abc")
    assert manifest.files[0].path == "metal-tags.onnx"
    assert manifest.files[0].metrics == {"map50": 0.5}
    assert manifest.files[0].thresholds is None
    assert manifest.thresholds == LIMITS
    assert manifest.golden == ()


def test_one_promise_holds_for_both_files_of_a_package(
    shipped_content: bytes, shipped_int8: bytes, tags: list[Candidate], tmp_path: Path
) -> None:
    files = [OnnxFile(shipped_content), OnnxFile(shipped_int8, INT8)]
    package = add_golden(write_package(tmp_path, contents(), files), tags)
    assert [file.path for file in package.manifest.files] == ["metal-tags.onnx", "metal-tags.int8.onnx"]
    assert package == ModelPackage.open(tmp_path)
    assert [len(golden.detections) > 0 for golden in package.manifest.golden] == [True, True, False]
    assert problems(package, "float32") == problems(package, "int8") == [(), (), ()]
    assert max(golden.tolerances.confidence for golden in package.manifest.golden) <= 0.06
    golden, image = package.manifest.golden[0], cv2.imread(str(tmp_path / "golden-0.png"), cv2.IMREAD_GRAYSCALE)
    boxes = []
    for file in package.manifest.files:
        with OnnxDetector(package, file) as detector:
            boxes.append(detector.run(image).detections.xyxy[0])
    assert np.abs(boxes[0] - boxes[1]).max() > 0.1
    np.testing.assert_allclose(golden.detections[0].xyxy, np.mean(boxes, axis=0), atol=0.01)  # in the middle


def test_an_image_with_a_score_near_the_threshold_of_a_file_is_no_golden_one(
    shipped_content: bytes, tags: list[Candidate], tmp_path: Path
) -> None:
    package = write_package(tmp_path, contents(), [OnnxFile(shipped_content)])
    with OnnxDetector(package) as detector:
        strongest = [float(detector.run(tag.image).detections.confidence.max(initial=0)) for tag in tags[:4]]
    chosen = int(np.argmax(strongest))
    near = {"scratch": Thresholds(review_at=round(strongest[chosen] - 0.03, 3), reject_at=1.0)}
    for name, limits in (("near", near), ("far", LIMITS)):
        other = write_package(tmp_path / name, contents(thresholds=limits), [OnnxFile(shipped_content)])
        golden = add_golden(other, [tags[chosen]]).manifest.golden
        assert len(golden) == (0 if name == "near" else 1), name


def test_where_weak_boxes_count_there_are_golden_images_all_the_same(
    shipped_content: bytes, tags: list[Candidate], tmp_path: Path
) -> None:
    weak = {"scratch": Thresholds(review_at=0.02, reject_at=0.5)}
    package = write_package(tmp_path, contents(thresholds=weak), [OnnxFile(shipped_content)])
    package = add_golden(package, tags)
    assert package.manifest.golden
    assert not any(any(each) for each in problems(package, "float32"))


def test_files_that_differ_share_no_golden_image(shipped_content: bytes, tags: list[Candidate], tmp_path: Path) -> None:
    """Two thresholds stand for two files that find different things."""
    deaf = {"scratch": Thresholds(review_at=1.0, reject_at=1.0)}
    files = [OnnxFile(shipped_content), OnnxFile(shipped_content, INT8, thresholds=deaf)]
    package = add_golden(write_package(tmp_path, contents(), files), tags[:5])
    assert all(golden.detections == () for golden in package.manifest.golden)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"name": "Metal tags"}, "name: String should match pattern"),
        ({"lineage": Lineage("1.4")}, "version: String should match pattern"),
        ({"class_names": ("scratch", "dent")}, "expected one entry for each of"),
    ],
)
def test_contents_that_are_no_package_are_refused_with_the_field(
    wrong: dict[str, object], expected: str, shipped_content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=re.escape(expected)) as refused:
        write_package(tmp_path, contents(**wrong), [OnnxFile(shipped_content)])
    assert str(tmp_path / "model.json") in str(refused.value)
