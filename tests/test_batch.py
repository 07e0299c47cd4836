import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.batch import inspect_files
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError, ModelError, SourceError
from edge_inspector.settings import Settings, parse
from edge_inspector.simulation import plan_tag, render_tag
from tests.onnx_models import MODEL_WH, bright_spot_model


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return bright_spot_model(tmp_path / "bright-spot")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with a good, a doubtful and a bad part, a damaged image, and a text that is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, brightness in (("a-good.png", 0), ("b-doubtful.png", 128), ("c-bad.png", 255)):
        write_part(folder / name, brightness)
    (folder / "d-cut.png").write_bytes((folder / "c-bad.png").read_bytes()[:60])
    (folder / "e-text.jpg").write_text("a text, renamed", encoding="utf-8")
    (folder / "notes.txt").write_text("a text", encoding="utf-8")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def write_part(path: Path, brightness: int) -> None:
    image = np.zeros((2 * MODEL_WH[1], 2 * MODEL_WH[0]), np.uint8)
    image[40:56, 72:88] = brightness
    assert cv2.imwrite(str(path), image)


def settings(package: Path, **policy: Any) -> Settings:
    return parse({"model": {"path": str(package)}, "policy": policy})


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def outcomes(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return {Path(line["image"]).name: line["outcome"] for line in lines(capsys)}


def test_every_image_of_a_folder_gets_one_line_and_damaged_ones_are_counted(
    package: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inspect_files([photos], settings(package)) == 2
    output = capsys.readouterr()
    found = [json.loads(line) for line in output.out.splitlines()]
    assert [(Path(line["image"]).name, line["outcome"]) for line in found] == [
        ("a-good.png", "accept"),
        ("b-doubtful.png", "review"),
        ("c-bad.png", "reject"),
        ("d-cut.png", "no_verdict"),
        ("e-text.jpg", "no_verdict"),
    ]
    errors = [line for line in output.err.splitlines() if line.startswith("edge-inspector: error: ")]
    assert [line.split(": ")[2] for line in errors] == [str(photos / "d-cut.png"), str(photos / "e-text.jpg")]
    assert found[3]["error"] in errors[0]


def test_a_line_has_the_boxes_and_the_reasons(package: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect_files([photos / "c-bad.png"], settings(package))
    assert lines(capsys) == [
        {
            "image": str(photos / "c-bad.png"),
            "outcome": "reject",
            "reasons": [{"label": "bright-spot", "confidence": 1.0, "verdict": "reject", "threshold": 0.7}],
            "detections": [{"label": "bright-spot", "confidence": 1.0, "xyxy": [64.0, 32.0, 96.0, 64.0]}],
        }
    ]


@pytest.mark.parametrize("min_confidence", [0.0, 0.45, 0.9, 1.0])
def test_the_outcome_does_not_depend_on_what_is_printed(
    package: Path, photos: Path, capsys: pytest.CaptureFixture[str], min_confidence: float
) -> None:
    inspect_files([photos], settings(package))
    usual = outcomes(capsys)
    inspect_files([photos], settings(package), min_confidence=min_confidence)
    printed = lines(capsys)
    assert {Path(line["image"]).name: line["outcome"] for line in printed} == usual
    for line in printed:
        assert all(box["confidence"] >= min_confidence for box in line["detections"])
    cells = 12 if min_confidence == 0 else 0
    assert len(printed[0]["detections"]) == cells


def test_copies_with_boxes_are_saved_for_every_image_that_could_be_read(
    package: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save = tmp_path / "new" / "marked"
    inspect_files([photos], settings(package), save=save)
    capsys.readouterr()
    assert sorted(path.name for path in save.iterdir()) == ["a-good.png", "b-doubtful.png", "c-bad.png"]
    bad = cv2.imread(str(save / "c-bad.png"))
    assert bad is not None
    assert bad.shape == (96, 128, 3)
    assert (bad[32, 64:96] != bad[0, 0]).any()


def test_an_image_with_another_suffix_is_inspected_and_saved_too(
    package: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "c-bad.png").rename(photos / "part.dat")
    assert inspect_files([photos / "part.dat"], settings(package), save=tmp_path / "marked") == 0
    assert lines(capsys)[0]["outcome"] == "reject"
    assert (tmp_path / "marked" / "part.dat").read_bytes().startswith(b"\x89PNG")


def test_copies_never_replace_the_images_themselves(package: Path, photos: Path) -> None:
    before = (photos / "c-bad.png").read_bytes()
    for save in (photos, photos / ".." / "photos"):
        with pytest.raises(SourceError, match=r"expected another folder than that of .*, which would be overwritten"):
            inspect_files([photos], settings(package), save=save)
    assert (photos / "c-bad.png").read_bytes() == before


def test_copies_never_replace_each_other(package: Path, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_part(other / "c-bad.png", 0)
    with pytest.raises(SourceError, match=r"found c-bad\.png twice"):
        inspect_files([photos, other], settings(package), save=tmp_path / "marked")


def test_a_folder_that_cannot_be_made_is_told(package: Path, photos: Path) -> None:
    with pytest.raises(SourceError, match="expected a folder to write to, found: "):
        inspect_files([photos], settings(package), save=photos / "notes.txt" / "marked")


def test_a_file_name_that_is_not_utf_8_does_not_stop_the_others(
    package: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = Path(os.fsdecode(os.fsencode(photos) + b"/0-\xff.png"))
    odd.write_bytes((photos / "c-bad.png").read_bytes())
    inspect_files([photos], settings(package), save=tmp_path / "marked")
    output = capsys.readouterr().out
    assert output.encode()
    found = [json.loads(line) for line in output.splitlines()]
    assert len(found) == 6
    assert found[0]["image"] == str(odd)
    assert found[0]["outcome"] == "reject"


def test_thresholds_in_the_configuration_count_for_the_model_that_they_were_made_for(
    package: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = ModelPackage.open(package).file("float32").sha256
    classes = {"bright-spot": {"review_at": 0.1, "reject_at": 0.2}}
    image = photos / "b-doubtful.png"
    for bound_to, outcome in ((sha256, "reject"), ("0" * 64, "review")):
        inspect_files([image], settings(package, override={"model_sha256": bound_to, "classes": classes}))
        assert outcomes(capsys) == {image.name: outcome}


def test_a_lower_threshold_in_the_configuration_is_reached_by_the_detector(
    package: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_part(photos / "faint.png", 40)
    sha256 = ModelPackage.open(package).file("float32").sha256
    override = {"model_sha256": sha256, "classes": {"bright-spot": {"review_at": 0.1, "reject_at": 0.9}}}
    inspect_files([photos / "faint.png"], settings(package, override=override))
    assert outcomes(capsys) == {"faint.png": "review"}


def test_regions_and_least_areas_count_here_too(
    package: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [[[0, 0], [0.4, 0], [0.4, 1], [0, 1]]]
    for policy in ({"roi": left}, {"min_area_px": {"bright-spot": 5000}}):
        inspect_files([photos / "c-bad.png"], settings(package, **policy))
        assert outcomes(capsys) == {"c-bad.png": "accept"}


def test_what_makes_it_impossible_is_told_before_the_first_line(
    package: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match="expected a folder of images, found: "):
        inspect_files([photos, tmp_path / "nowhere"], settings(package))
    with pytest.raises(ModelError, match="expected a model package"):
        inspect_files([photos], settings(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="the model has no class dent"):
        inspect_files([photos], settings(package, min_area_px={"dent": 5}))
    assert capsys.readouterr().out == ""


def write_large_jpeg(path: Path) -> tuple[int, int, int, int]:
    """Write a part 16 times as wide as the model's input, and return the grid cell of its spot in its pixels."""
    image = np.zeros((16 * MODEL_WH[1], 16 * MODEL_WH[0], 3), np.uint8)
    image[400:560, 560:720] = 255
    assert cv2.imwrite(str(path), image)
    return 512, 256, 768, 512 + 256


def test_the_boxes_of_a_large_jpeg_are_in_its_own_pixels_and_so_is_its_copy(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x1, y1, x2, y2 = write_large_jpeg(tmp_path / "large.jpg")
    inspect_files([tmp_path / "large.jpg"], settings(package), save=tmp_path / "marked")
    (line,) = lines(capsys)
    boxes = np.array([box["xyxy"] for box in line["detections"]])
    np.testing.assert_allclose([*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)], [x1, y1, x2, y2], atol=0.01)
    marked = cv2.imread(str(tmp_path / "marked" / "large.jpg"))
    assert marked is not None
    assert marked.shape == (16 * MODEL_WH[1], 16 * MODEL_WH[0], 3)
    red = (marked[..., 2].astype(int) - marked[..., 1]) > 100
    rows, columns = np.flatnonzero(red[:, 600:700].any(axis=1)), np.flatnonzero(red[600:700].any(axis=0))
    assert abs(rows.max() - y2) <= 3
    assert abs(columns.min() - x1) <= 3
    assert abs(columns.max() - x2) <= 3


def test_least_areas_and_regions_are_those_of_the_picture_as_captured(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_large_jpeg(tmp_path / "large.jpg")
    middle = [[[0.4, 0.2], [0.8, 0.2], [0.8, 1], [0.4, 1]]]
    for policy, outcome in (
        ({"min_area_px": {"bright-spot": 60_000}}, "reject"),
        ({"min_area_px": {"bright-spot": 70_000}}, "accept"),
        ({"roi": middle}, "reject"),
        ({"ignore": middle}, "accept"),
    ):
        inspect_files([tmp_path / "large.jpg"], settings(package, **policy))
        assert outcomes(capsys) == {"large.jpg": outcome}


def test_a_large_jpeg_gets_the_verdict_of_the_same_pixels_in_another_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # benchmarks/reduced_decoding.py compares more of them, in several sizes.
    for number in range(12):
        tag = render_tag(plan_tag(3, number, lot=number, defect_rate=0.6))
        large = cv2.resize(tag, (2700, 1800), interpolation=cv2.INTER_CUBIC)
        _, jpeg = cv2.imencode(".jpg", large)
        (tmp_path / f"{number:02}.jpg").write_bytes(jpeg.tobytes())
        assert cv2.imwrite(str(tmp_path / f"{number:02}.bmp"), cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE))
    inspect_files([tmp_path], Settings())
    found = lines(capsys)
    assert {line["outcome"] for line in found} == {"accept", "reject"}
    for whole, reduced in zip(found[::2], found[1::2], strict=True):
        assert whole["outcome"] == reduced["outcome"]
        assert len(whole["detections"]) == len(reduced["detections"])
        for one, other in zip(whole["detections"], reduced["detections"], strict=True):
            assert abs(one["confidence"] - other["confidence"]) < 0.05


def test_with_tiles_every_pixel_of_a_large_jpeg_is_looked_at(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.zeros((16 * MODEL_WH[1], 16 * MODEL_WH[0]), np.uint8)
    image[400:408, 560:568] = 255
    assert cv2.imwrite(str(tmp_path / "large.jpg"), image)
    tiling = {"overlap_px": 16}
    inspect_files([tmp_path / "large.jpg"], parse({"model": {"path": str(package), "tiling": tiling}}))
    (line,) = lines(capsys)
    assert line["outcome"] == "reject"
    for box in line["detections"]:
        assert box["xyxy"][2] - box["xyxy"][0] <= 32
