"""For the page weaker detections are looked for; of them no result, no event and no sample tells anything."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.app import build
from edge_inspector.app.detector import OpenModel
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import EndOfSource, ModelError
from edge_inspector.frame import Frame
from edge_inspector.geometry import Boxes, iou
from edge_inspector.identity import Session
from edge_inspector.postprocess import Limits, decode_yolov8
from edge_inspector.settings import parse
from edge_inspector.tiling import Tiling
from tests.mosquitto import eventually
from tests.onnx_models import CELL, CLASS_NAMES, MODEL_WH, ONNX_NAME, bright_spot_model, write_package
from tests.products.line import Told

SESSION = Session("01KFLOORSESSION", datetime(2026, 1, 2, tzinfo=UTC))
REVIEW_AT = 0.4
FLOOR = REVIEW_AT / 2


def shown(image: NDArray[np.uint8], number: int = 0, **fields: Any) -> Frame:
    captured_at = SESSION.started_at + timedelta(milliseconds=number)
    return Frame(image, number, captured_at, time.monotonic_ns(), "line", **fields)


def spotted(chance: np.random.Generator, wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture with spots of any brightness, most of them weak."""
    image = np.zeros((wh[1], wh[0]), np.uint8)
    for _ in range(chance.integers(0, 12)):
        x, y = chance.integers(0, wh[0] - 4), chance.integers(0, wh[1] - 4)
        image[y : y + chance.integers(2, 40), x : x + chance.integers(2, 40)] = int(255 * chance.beta(2, 4))
    return image


def same(one: Detections, other: Detections) -> bool:
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in ("xyxy", "confidence", "class_id")
    )


@pytest.mark.parametrize("pictures", [80, pytest.param(300, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("tiling", [None, Tiling(MODEL_WH, 20), Tiling(MODEL_WH, 20, whole_frame=False)])
def test_what_counts_is_found_to_the_byte_as_if_nothing_weaker_were_looked_for(
    tmp_path: Path, tiling: Tiling | None, pictures: int
) -> None:
    package = ModelPackage.open(bright_spot_model(tmp_path / "model", review_at=REVIEW_AT))
    chance, weaker = np.random.default_rng(7), 0
    with OnnxDetector(package, max_batch=4) as detector:
        plain: OnnxDetector | TiledDetector = detector.seeing(REVIEW_AT)
        keen: OnnxDetector | TiledDetector = detector.seeing(FLOOR, counts_from=REVIEW_AT)
        if tiling is not None:
            plain = TiledDetector(detector.seeing(REVIEW_AT), tiling)
            keen = TiledDetector(detector.seeing(FLOOR, counts_from=REVIEW_AT), tiling, counts_from=REVIEW_AT)
        for _ in range(pictures):
            frame = shown(spotted(chance, (150, 110)))
            expected, found = plain.detect(frame).detections, keen.detect(frame).detections
            counts = found.confidence >= REVIEW_AT
            assert same(found.take(counts), expected)
            assert counts.tolist() == sorted(counts.tolist(), reverse=True), "the most confident first"
            weaker += len(found) - len(expected)
    assert weaker > pictures


@pytest.mark.parametrize("strong", [0, 3, 1200])
def test_of_many_weak_boxes_only_the_strongest_are_compared_so_that_they_do_not_slow_the_line(strong: int) -> None:
    chance, anchors = np.random.default_rng(3), 5000
    output = np.zeros((1, 5, anchors), np.float32)
    output[0, 0], output[0, 1] = 10.0 * (np.arange(anchors) % 100), 10.0 * (np.arange(anchors) // 100)
    output[0, 2:4] = 5.0  # none overlaps another one
    output[0, 4] = chance.permutation(np.r_[np.linspace(0.5, 0.9, strong), np.linspace(0.2, 0.39, anchors - strong)])
    keen = decode_yolov8(output, Limits(FLOOR, max_detections=anchors, counts_from=REVIEW_AT))
    plain = decode_yolov8(output, Limits(REVIEW_AT, max_detections=anchors))
    counts = keen.confidence >= REVIEW_AT
    assert same(keen.take(counts), plain)
    weak = keen.confidence[~counts]
    assert len(keen) == (1000 if strong == 1200 else strong + 100)
    assert weak.tolist() == sorted(output[0, 4, output[0, 4] < REVIEW_AT], reverse=True)[: len(weak)]


def test_of_many_weak_boxes_on_all_tiles_no_more_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compared: list[int] = []

    def counting(first: Boxes, second: Boxes) -> NDArray[np.float32]:
        compared.append(len(first))
        return iou(first, second)

    monkeypatch.setattr("edge_inspector.tiling.iou", counting)
    image = np.full((440, 600), int(255 * 0.3), np.uint8)
    image[200:204, 300:304] = 255
    with OnnxDetector(ModelPackage.open(bright_spot_model(tmp_path / "model", review_at=REVIEW_AT))) as detector:
        keen = detector.seeing(FLOOR, counts_from=REVIEW_AT)
        tiled = TiledDetector(keen, Tiling(MODEL_WH, 20, whole_frame=False), counts_from=REVIEW_AT)
        found = tiled.detect(shown(image)).detections
    counts = (found.confidence >= REVIEW_AT).tolist()
    assert {True, False} == set(counts)
    assert max(compared) <= 120, "some cells of each tile, of hundreds"


def test_a_weak_box_that_is_not_sound_is_no_error_where_it_decides_nothing(tmp_path: Path) -> None:
    """Its corners are in the wrong order: a model may say such a thing of what it does not believe itself."""
    import onnx  # noqa: PLC0415 - the graph is made here alone
    from onnx import numpy_helper  # noqa: PLC0415

    package = bright_spot_model(tmp_path / "model", review_at=REVIEW_AT)
    graph = onnx.load(package / ONNX_NAME)
    (boxes,) = (each for each in graph.graph.initializer if each.name == "boxes_in")
    cells = numpy_helper.to_array(boxes).copy()
    cells[0, 0] = cells[0, 0, [2, 3, 0, 1]]
    boxes.CopyFrom(numpy_helper.from_array(cells, "boxes_in"))
    write_package(
        tmp_path / "odd",
        graph,
        class_names=list(CLASS_NAMES),
        thresholds={CLASS_NAMES[0]: {"review_at": REVIEW_AT, "reject_at": 0.7}},
    )
    image = np.zeros((MODEL_WH[1], MODEL_WH[0]), np.uint8)
    image[CELL + 2, CELL + 2] = 255
    with OnnxDetector(ModelPackage.open(tmp_path / "odd")) as detector:
        keen = detector.seeing(FLOOR, counts_from=REVIEW_AT)
        for brightness in (0, 70, 90):
            image[2, 2] = brightness
            assert same(
                keen.detect(shown(image)).detections, detector.seeing(REVIEW_AT).detect(shown(image)).detections
            )
        with pytest.raises(ModelError, match="x1 <= x2"):
            detector.seeing(FLOOR).detect(shown(image))
        image[2, 2] = 200
        with pytest.raises(ModelError, match="x1 <= x2"):
            keen.detect(shown(image))


class Line:
    """So many parts of three frames, the same ones every time."""

    def __init__(self, parts: int) -> None:
        self._chance, self._number, self._count = np.random.default_rng(13), 0, 3 * parts

    def read(self, timeout_s: float) -> Frame:  # noqa: ARG002 - the port's signature
        if self._number == self._count:
            raise EndOfSource
        number, self._number = self._number, self._number + 1
        return shown(spotted(self._chance, (150, 110)), number, part_id=f"part-{number // 3}", part_frame=number % 3)


def run(folder: Path, package: Path, *, parts: int, keeps: int = 0, **sections: Any) -> tuple[Any, dict[str, Any]]:
    """Return all that a station tells of its parts and `keeps` of them, but for how long things took."""
    document = {
        "source": {"type": "directory", "path": str(folder), "frames_per_part": 3},
        "model": {"path": str(package)},
        "state": {"dir": str(folder / "state")},
        "samples": {"mode": "off"},
        "flow": {"queue_size": 1000, "deliver_queue_size": 100_000, "deadline_ms": 60_000},
        "health": {"image": {"enabled": False}, "min_free_mb": 0},
        "log": {"level": "error"},
        **sections,
    }
    folder.mkdir()
    told, stop = Told(), threading.Event()
    sinks = {"told": told}
    with build(parse(document), stop, sinks=sinks, source=Line(parts), session=SESSION, watched=False) as station:
        station.run(stop)
        assert (station.thresholds.in_force().parts > 0) == ("page" in sections)
        eventually(lambda: len(uploaded(folder)) == keeps, what="all is kept")
    results = [without_latency(each) for each in told.of("result")]
    assert len(results) == parts
    sidecars = {path.name: json.loads(path.read_bytes()) for path in uploaded(folder)}
    for sidecar in sidecars.values():
        for each in sidecar.values():
            if isinstance(each, dict) and "result" in each:
                each["result"] = without_latency(each["result"])
    return results, sidecars


def uploaded(folder: Path) -> list[Path]:
    return list((folder / "state" / "camera" / "uploads").rglob("*.json"))


def without_latency(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "latency_ms"}


@pytest.mark.parametrize("parts", [25, pytest.param(100, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("tiling", [None, {"tile_wh": [80, 64], "overlap_px": 20}])
def test_all_that_a_station_tells_is_the_same_with_and_without_a_page(
    tmp_path: Path, tiling: dict[str, Any] | None, parts: int
) -> None:
    package = bright_spot_model(tmp_path / "model", review_at=REVIEW_AT)
    model = {"path": str(package), "tiling": tiling}
    without, _ = run(tmp_path / "without", package, parts=parts, model=model)
    with_page, _ = run(tmp_path / "with", package, parts=parts, model=model, page={"port": 0})
    assert {each["outcome"] for each in without} == {"accept", "review", "reject"}
    assert with_page == without


def test_all_that_is_kept_for_a_person_to_label_is_the_same_with_and_without_a_page(tmp_path: Path) -> None:
    package = bright_spot_model(tmp_path / "model", review_at=REVIEW_AT)
    samples = {"random_share": 1}  # of two parts no frame finds the keeper busy
    without = run(tmp_path / "without", package, parts=2, keeps=6, samples=samples)
    with_page = run(tmp_path / "with", package, parts=2, keeps=6, samples=samples, page={"port": 0})
    assert with_page == without


def test_only_a_line_looks_for_what_is_weaker_and_no_golden_image_hears_of_it(tmp_path: Path) -> None:
    package = ModelPackage.open(bright_spot_model(tmp_path / "model", review_at=REVIEW_AT))
    settings = parse({"page": {}, "model": {"path": str(tmp_path / "model")}})
    found = {}
    for for_line in (False, True):
        opened = OpenModel(package, settings, for_line=for_line)
        found[for_line] = opened.model.floor, opened.model.report_at
        opened.close()
    assert found == {False: (REVIEW_AT, REVIEW_AT), True: (FLOOR, REVIEW_AT)}
