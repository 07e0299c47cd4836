from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_side.training.evaluation import detecting
from cloud_side.training.evaluation.detecting import MIN_CONFIDENCE, ClassMatch, detect, labeled_only
from cloud_side.training.evaluation.latency import compare, in_turns
from cloud_side.training.evaluation.scores import map50
from edge_inspector.detections import Detections
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import ConfigError, ModelError
from tests.cloud.training.evaluation.models import CLASSES, tags, write_images, write_package


def test_a_package_finds_on_files_what_the_device_finds_on_pixels(tmp_path: Path) -> None:
    package, examples = write_package(tmp_path / "package"), tags(950)[:3]
    rows = write_images(tmp_path / "images", examples)
    seen: list[tuple[str, tuple[int, ...]]] = []
    found = detect(package, rows, class_names=CLASSES, look=lambda row, picture: seen.append((row.name, picture.shape)))
    with OnnxDetector(package, min_confidence=MIN_CONFIDENCE) as detector:
        by_name = {f"{example.name}.png": detector.run(example.image).detections for example in examples}
    for image in found.images:
        assert np.array_equal(image.xyxy, by_name[image.name].xyxy)
        assert set(image.class_id.tolist()) <= {CLASSES.index("scratch")}
        assert len(image.sha256) == 64
        assert image.slices["station"] == f"of {image.group}"
    assert sorted(seen) == [(image.name, (300, 450)) for image in found.images]


def test_of_many_images_it_is_told_how_many_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "_LEAST_REPORTED", 2)
    lines: list[str] = []
    rows = write_images(tmp_path / "images", tags(950)[:3])
    detect(write_package(tmp_path / "package"), rows, class_names=CLASSES, report=lines.append)
    assert lines == ["2 of 3 images"]


def test_colored_files_of_a_grey_model_are_read_as_grey_ones(tmp_path: Path) -> None:
    package, examples = write_package(tmp_path / "package"), tags(950)[:1]
    rows = write_images(tmp_path / "images", examples)
    (grey,) = detect(package, rows, class_names=CLASSES).images
    cv2.imwrite(str(rows[0].path), cv2.cvtColor(examples[0].image, cv2.COLOR_GRAY2BGR))
    (color,) = detect(package, rows, class_names=CLASSES).images
    assert np.allclose(color.confidence, grey.confidence, atol=0.01)


def test_classes_go_by_their_names_not_their_numbers() -> None:
    pairing = ClassMatch.of(("bubble", "scratch"), ("scratch", "dent"))
    assert (pairing.missing, pairing.extra) == (("dent",), ("bubble",))
    boxes = np.array([[0, 0, 9, 9], [1, 1, 9, 9]], np.float32)
    translated = pairing.translated(Detections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int64)))
    assert translated.class_id.tolist() == [0]
    assert translated.confidence.tolist() == pytest.approx([0.8])


def test_a_model_of_other_classes_finds_nothing(tmp_path: Path) -> None:
    rows = write_images(tmp_path / "images", tags(950)[:4])
    foreign = write_package(tmp_path / "package", ("bubble",))
    found = detect(foreign, rows, class_names=CLASSES)
    assert all(not len(image.xyxy) for image in found.images)
    assert map50(found) == 0


def test_an_image_that_is_gone_or_of_another_size_is_named(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package")
    rows = write_images(tmp_path / "images", tags(950)[:2])
    cv2.imwrite(str(rows[0].path), np.zeros((20, 30), np.uint8))
    rows[1].path.unlink()
    with pytest.raises(ConfigError, match=rf"{rows[0].name}: expected 450 x 300 pixels, found 30 x 20"):
        detect(package, rows[:1], class_names=CLASSES)
    with pytest.raises(ConfigError, match=rf"{rows[1].name}: expected a readable image"):
        detect(package, rows[1:], class_names=CLASSES)


def test_a_precision_that_the_package_lacks_is_refused(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package")
    with pytest.raises(ModelError, match="expected a file of precision 'int8'"):
        detect(package, [], precision="int8")


def test_images_that_nobody_labeled_are_not_clean_ones(tmp_path: Path) -> None:
    rows = write_images(tmp_path / "images", tags(950)[:2])
    assert labeled_only([rows[0], replace(rows[1], labeled=False)]) == rows[:1]


def test_files_that_are_timed_in_turns_see_the_same_pictures(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package")
    rows = write_images(tmp_path / "images", tags(950)[:2])
    times = in_turns({"one": (package, "float32"), "other": (package, "float32")}, rows, turns=2)
    assert [each.frames for each in times.values()] == [4, 4]
    assert all(0 < each.inference_ms <= each.median_ms <= each.p95_ms for each in times.values())
    alone = compare(package, rows, ("float32",))
    assert (set(alone.by_precision), alone.ratio) == ({"float32"}, None)
    assert in_turns({}, []) == {}
