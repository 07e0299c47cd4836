import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.app import open_model
from edge_inspector.bench.agreement import Agreement, agree
from edge_inspector.bench.figures import (
    Feed,
    Figures,
    ModelFacts,
    Paced,
    Percentiles,
    Sustained,
    Turns,
    round_down,
    suggest_precision,
    suggest_threads,
    thread_counts,
    warnings,
)
from edge_inspector.bench.line import MemoryCamera, Pictures, RecordingWriter, Sample, run_line, steady
from edge_inspector.bench.machine import CpuClock, Machine, Surroundings, describe_machine, memory_mb
from edge_inspector.bench.measure import measure
from edge_inspector.bench.report import document, text
from edge_inspector.bench.show import show
from edge_inspector.bench.timing import repeat, take_turns
from edge_inspector.cli import main
from edge_inspector.detections import Detections
from edge_inspector.errors import EndOfSource, ModelError, SourceError
from edge_inspector.frame import Frame
from edge_inspector.settings import Settings, parse
from tests.fakes import ScriptedDetector
from tests.models.made import spot_package
from tests.models.stations import with_running
from tests.onnx_models import MODEL_WH, bright_spot_graph, bright_spot_model, write_package
from tests.pipeline.line import TOPICS, model_of

TIMES = Percentiles(4.0, 5.0, 6.04, 1200)
FIGURES = Figures(
    version="1.0.0",
    seconds=30.0,
    machine=Machine("Quick CPU", cores=4, usable_cores=4, memory_mb=8192, governor="performance", load=0.05),
    surroundings=Surroundings(others_cores=0.0, stolen_cores=0.0),
    model=ModelFacts("solder", "1.2.3", "float32", {"float32": 12.3}, (320, 224), "gray", "uint8", threads=1),
    feed=Feed((450, 300), "as the simulated source", 1, "simulated", decoded=False, memory_mb=8.64, wanted_hz=4.0),
    sustained=Sustained(rate_hz=201.3, count=1205, cores_used=1.06, resident_mb=118.0, peak_mb=122.0),
    paced=Paced(140.9, {"queue": Percentiles(0.05, 0.1, 0.2, 1200), "inference": TIMES, "total": TIMES}),
    turns=Turns(Percentiles(3.6, 3.7, 3.8, 720), Percentiles(4.05, 4.2, 4.4, 720), bare_halves_ms=(3.6, 3.6)),
    threads_ms={1: 3.6, 2: 2.9, 3: 2.8},
)

SAME_BOXES = Agreement(4, both=7, first_alone=0, second_alone=0, confidence=0.0512, xyxy_px=1.2)

REPORT = """\
machine    Quick CPU, 4 cores, 8.0 GB memory, load average 0.05 before
model      solder 1.2.3 (float32 12.3 MB), input 320x224 gray uint8
           ran as float32 with threads = 1
frames     simulated tags of 450x300 (as the simulated source), gray, in memory

1,200 parts at 140 a second, 70% of what it sustains, in milliseconds:
                            p50      p95      p99
  queue                    0.05     0.10     0.20
  inference                4.00     5.00     6.04
  capture to verdict       4.00     5.00     6.04

sustained  200 parts/s over 1,205 parts, 1.06 cores, 118 MB resident (peak 122; 9 of it are these frames)
overhead   frame to event 4.05 ms, bare model 3.60 ms: 1.12x (medians of 720 turns)
threads    1: 3.60 ms; 2: 2.90 ms (1.24x); 3: 2.80 ms (1.29x): threads = 2 is worth trying
precision  the package has float32 only

With threads = 1 this box inspects about 200 parts/s. Ask it for at most
140 parts/s (rate_hz): then each is judged within 6.1 ms in 99 of 100 cases."""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return bright_spot_model(tmp_path / "bright-spot")


def settings(package: Path, **sections: Any) -> Settings:
    return parse({"source": {"type": "simulated", "image_wh": [96, 64]}, "model": {"path": str(package)}} | sections)


def two_precisions(folder: Path, *, golden: bool) -> Path:
    """Write a package of two files, which are the same model, and golden images with one white spot and none."""
    graph = bright_spot_graph()
    write_package(folder, graph)
    manifest = json.loads((folder / "model.json").read_text())
    (file,) = manifest["files"]
    manifest["files"] = [file, {**file, "precision": "int8"}]
    for name, level in (("spot.png", 255), ("dark.png", 0)) if golden else ():
        image = np.zeros((MODEL_WH[1], MODEL_WH[0]), np.uint8)
        image[4:10, 4:10] = level
        cv2.imwrite(str(folder / name), image)
        manifest.setdefault("golden", []).append({"image": name, "detections": []})
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


def boxes(*rows: tuple[float, float, int]) -> Detections:
    """Return boxes of 10 x 10 from (left, confidence, class)."""
    xyxy = [(left, 0, left + 10, 10) for left, _, _ in rows]
    return Detections(
        np.array(xyxy, np.float32).reshape(-1, 4),
        np.array([confidence for _, confidence, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int64),
    )


def test_percentiles_are_of_all_samples() -> None:
    assert Percentiles.of([float(value) for value in range(101)]) == Percentiles(50.0, 95.0, 99.0, 101)
    assert Percentiles.of([7.0]) == Percentiles(7.0, 7.0, 7.0, 1)
    with pytest.raises(ValueError, match="expected at least one sample"):
        Percentiles.of([])


@pytest.mark.parametrize(
    ("median_ms", "suggested"),
    [
        ({1: 3.6}, 1),
        ({1: 3.6, 2: 2.9}, 2),
        ({1: 3.19, 2: 2.9}, 1),
        ({1: 100, 2: 60, 3: 52, 4: 50, 6: 49}, 3),
        ({1: 10, 2: 20}, 1),
    ],
)
def test_the_fewest_threads_that_are_nearly_as_fast_as_the_best_are_suggested(
    median_ms: dict[int, float], suggested: int
) -> None:
    assert suggest_threads(median_ms) == suggested


@given(st.dictionaries(st.integers(1, 64), st.floats(0.01, 1e4), min_size=1))
def test_a_suggestion_is_never_much_slower_than_the_best(median_ms: dict[int, float]) -> None:
    assert median_ms[suggest_threads(median_ms)] <= min(median_ms.values()) * 1.1


@pytest.mark.parametrize(
    ("usable", "configured", "counts"),
    [(1, 1, [1]), (2, 1, [1, 2]), (2, 4, [1, 2, 4]), (5, 1, [1, 2, 3, 4, 5]), (16, 1, [1, 2, 3, 4, 6, 8, 12, 16])],
)
def test_threads_are_measured_up_to_the_usable_cores_and_as_configured(
    usable: int, configured: int, counts: list[int]
) -> None:
    assert thread_counts(usable, configured) == counts


@given(st.floats(1e-3, 1e6))
def test_a_rate_is_rounded_down_to_two_digits(rate_hz: float) -> None:
    rounded = round_down(rate_hz)
    assert rate_hz * 0.909 < rounded <= rate_hz * (1 + 1e-9)
    assert float(f"{rounded:.2g}") == rounded


def test_rates_that_have_two_digits_stay_as_they_are() -> None:
    for rate_hz in (0.07, 0.3, 1.1, 8.2, 29.0, 140.0, 5700.0):
        assert round_down(rate_hz) == rate_hz


def test_boxes_of_two_files_are_matched_by_class_and_place() -> None:
    first = boxes((0, 0.9, 0), (50, 0.8, 0), (100, 0.7, 1))
    second = boxes((51, 0.6, 0), (2, 0.85, 0), (100, 0.7, 0))
    found = agree([(first, second), (boxes(), boxes()), (boxes(), boxes((0, 0.5, 0)))])
    assert (found.images, found.both, found.first_alone, found.second_alone) == (3, 2, 1, 2)
    assert found.confidence == pytest.approx(0.2)
    assert found.xyxy_px == pytest.approx(2.0)


def test_a_box_has_one_partner() -> None:
    found = agree([(boxes((0, 0.9, 0)), boxes((0, 0.9, 0), (1, 0.8, 0)))])
    assert found == Agreement(1, both=1, first_alone=0, second_alone=1, confidence=0.0, xyxy_px=0.0)


def test_the_calls_of_a_comparison_take_turns() -> None:
    order: list[str] = []
    times = take_turns((lambda: order.append("bare"), lambda: order.append("whole")), most=3)
    assert order == ["bare", "whole"] * 3
    assert [len(spent) for spent in times] == [3, 3]


def test_however_slow_a_call_is_it_gets_a_few_turns() -> None:
    assert [len(spent) for spent in take_turns((lambda: None,), seconds=0, least=4)] == [4]
    calls: list[int] = []
    repeat(lambda: calls.append(1), seconds=0, least=2)
    assert len(calls) == 2


def test_the_warm_up_of_a_run_does_not_count() -> None:
    samples = [Sample(number, 0, {}, 0.0) for number in range(101)]
    assert [sample.written_ns for sample in steady(samples)] == list(range(10, 101))
    assert len(steady(samples[:2])) == 2
    assert steady(samples[:3]) == samples[1:3]


def test_pictures_come_as_a_camera_or_a_folder_brings_them() -> None:
    gray, color, folder = (
        Pictures.tags((96, 64), gray=is_gray, decoded=decoded, count=3)
        for is_gray, decoded in ((True, False), (False, False), (True, True))
    )
    assert gray.frame(0).image.shape == folder.frame(0).image.shape == (64, 96)
    assert color.frame(0).image.shape == (64, 96, 3)
    assert gray.frame(3).image is gray.frame(0).image
    assert folder.frame(3).image is not folder.frame(0).image
    assert gray.memory_mb == pytest.approx(3 * 96 * 64 / 1e6)
    assert 0 < folder.memory_mb < color.memory_mb


def test_large_pictures_are_fewer() -> None:
    assert len(Pictures.tags((4096, 1024), gray=True)) == 7


def test_the_camera_ends_with_a_whole_part() -> None:
    camera = MemoryCamera(Pictures.tags((96, 64), gray=True, count=2), seconds=0, frames_per_part=3)
    frames = [camera.read(1.0) for _ in range(12)]
    with pytest.raises(EndOfSource):
        camera.read(1.0)
    assert len(camera.read_ms) == 12
    assert [(frame.part_id, frame.part_frame) for frame in frames[2:4] if frame is not None] == [
        ("part-000000", 2), ("part-000001", 0),
    ]  # fmt: skip


def test_a_camera_with_a_rate_is_never_held_up() -> None:
    detector = ScriptedDetector(held_up=True)

    class Camera(MemoryCamera):
        def read(self, timeout_s: float) -> Frame | None:
            if len(self.read_ms) == 12:
                detector.gate.set()
                raise EndOfSource
            return super().read(timeout_s)

    pictures = Pictures.tags((96, 64), gray=True, count=2)
    writer = RecordingWriter(TOPICS, "bench")
    run = run_line(model_of(detector), writer, Camera(pictures, seconds=3600, rate_hz=1000))
    assert run.lost == 0
    assert len(writer.samples) == 12


def test_a_machine_is_described_by_what_its_kernel_tells(tmp_path: Path) -> None:
    for name, content in {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: Quick CPU\n",
        "proc/meminfo": "MemTotal:  8388608 kB\n",
        "proc/loadavg": "0.25 0.1 0.1 1/100 1234\n",
        "proc/self/cgroup": "0::/line/station\n",
        "sys/fs/cgroup/line/cpu.max": "50000 100000\n",
        "sys/fs/cgroup/line/station/cpu.max": "max 100000\n",
        "sys/fs/cgroup/line/station/memory.max": "536870912\n",
        **{
            f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor": "powersave\n"
            for number in os.sched_getaffinity(0)
        },
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    cores = len(os.sched_getaffinity(0))
    machine = describe_machine(tmp_path)
    assert machine == Machine("Quick CPU", cores, 0.5, memory_mb=512, governor="powersave", load=0.25)
    assert machine.whole_cores == 1


def test_quotas_of_the_older_cgroups_count_too(tmp_path: Path) -> None:
    for name, content in {
        "proc/self/cgroup": "4:memory:/\n3:cpu,cpuacct:/docker/abc\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "25000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert describe_machine(tmp_path).usable_cores == 0.25


def test_a_kernel_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    machine = describe_machine(tmp_path)
    assert machine.usable_cores == machine.cores == len(os.sched_getaffinity(0))
    assert (machine.memory_mb, machine.governor, machine.load) == (None, None, None)
    assert memory_mb(root=tmp_path) == (None, None)
    now = CpuClock.now(tmp_path)
    assert now.until(now, 1.0) == Surroundings(0.0, 0.0)


def test_what_others_used_is_what_was_busy_without_this_process() -> None:
    before = CpuClock(own_s=1.0, busy_s=100.0, stolen_s=5.0)
    after = CpuClock(own_s=11.0, busy_s=115.0, stolen_s=6.0)
    assert before.until(after, 10.0) == Surroundings(others_cores=0.5, stolen_cores=0.1)


def test_the_memory_of_this_process_is_known() -> None:
    resident_mb, peak_mb = memory_mb()
    assert resident_mb is not None
    assert peak_mb is not None
    assert 1 < resident_mb <= peak_mb


def test_a_quiet_machine_and_a_slow_line_need_no_warning() -> None:
    assert warnings(FIGURES) == []


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"surroundings": Surroundings(0.6, 0.0)}, "other processes used 0.6 of 4 cores"),
        ({"surroundings": Surroundings(0.0, 0.2)}, "the hypervisor withheld 0.20 cores"),
        ({"turns": replace(FIGURES.turns, bare_halves_ms=(4.2, 3.6))}, "trust no difference below 17%"),
        ({"machine": replace(FIGURES.machine, governor="powersave")}, "the CPU governor is 'powersave'"),
        ({"model": replace(FIGURES.model, threads=8)}, r"threads = 8 is more than the usable cores \(4\)"),
        ({"sustained": replace(FIGURES.sustained, lost=3)}, "3 frames or messages were lost"),
        ({"feed": replace(FIGURES.feed, source="network")}, "decoding the network stream .* comes on top"),
        ({"paced": Paced(100, {"queue": replace(TIMES, p50=10.1), "total": TIMES})}, "fell behind at the slower rate"),
        ({"paced": Paced(1.0, {"total": replace(TIMES, count=99)})}, "only 99 parts were timed"),
        ({"feed": replace(FIGURES.feed, wanted_hz=141.0)}, "asks for 141 parts/s, .* expected at most 140"),
        ({"feed": replace(FIGURES.feed, deadline_ms=6.0)}, "more than 1 part in 100 misses flow.deadline_ms = 6"),
    ],
)
def test_what_makes_the_figures_doubtful_or_the_line_too_fast_is_said(changed: dict[str, Any], warning: str) -> None:
    (found,) = warnings(replace(FIGURES, **changed))
    assert re.search(warning, found)


def test_the_report_reads_as_a_person_would_say_it() -> None:
    assert text(FIGURES) == REPORT


def test_warnings_come_last() -> None:
    figures = replace(FIGURES, model=replace(FIGURES.model, threads=8))
    *_, verdict, warning = text(figures).splitlines()
    assert verdict.endswith("in 99 of 100 cases.")
    assert warning == "warning: threads = 8 is more than the usable cores (4)"


def test_two_precisions_are_compared_by_time_and_boxes() -> None:
    compared = replace(
        FIGURES,
        precisions_ms={"float32": 3.6, "int8": 2.4},
        agreement=Agreement(4, both=7, first_alone=0, second_alone=1, confidence=0.0512, xyxy_px=1.2),
    )
    assert """
precision  float32: 3.60 ms (1.00x); int8: 2.40 ms (1.50x): keep float32
boxes      on 4 golden images 7 found by both, 0 by float32 alone, 1 by int8 alone;
           those of both differ by at most 0.051 confidence and 1.2 px
""" in text(compared)
    unknown = replace(compared, agreement=None)
    assert "boxes      not compared: the package has no golden images" in text(unknown).splitlines()
    same = replace(compared, agreement=SAME_BOXES)
    assert "int8: 2.40 ms (1.50x): int8 is worth trying" in text(same)
    assert [document(figures)["suggested_precision"] for figures in (compared, same)] == ["float32", "int8"]


@pytest.mark.parametrize(
    ("median_ms", "running", "agreement", "suggested"),
    [
        ({}, "int8", None, "int8"),
        ({"float32": 3.6, "int8": 2.4}, "float32", SAME_BOXES, "int8"),
        ({"float32": 3.6, "int8": 2.4}, "float32", None, "float32"),
        ({"float32": 3.6, "int8": 2.4}, "float32", replace(SAME_BOXES, first_alone=1), "float32"),
        ({"float32": 3.6, "int8": 2.4}, "float32", replace(SAME_BOXES, second_alone=1), "float32"),
        ({"float32": 3.6, "int8": 2.4}, "float32", replace(SAME_BOXES, both=0), "float32"),
        ({"float32": 3.6, "int8": 2.4}, "int8", None, "int8"),
        ({"float32": 2.6, "int8": 2.4}, "int8", SAME_BOXES, "float32"),
        ({"float32": 2.4, "int8": 3.6}, "int8", None, "float32"),
    ],
)
def test_a_coarser_precision_is_suggested_only_where_it_is_faster_and_finds_the_same_boxes(
    median_ms: dict[str, float], running: str, agreement: Agreement | None, suggested: str
) -> None:
    assert suggest_precision(median_ms, running, agreement) == suggested


def test_a_tiled_frame_is_held_against_all_its_runs() -> None:
    tiled = replace(FIGURES.turns, whole=replace(TIMES, p50=14.4), runs=3)
    assert tiled.ratio == pytest.approx(14.4 / 10.8)
    assert "bare model 3 times 3.60 ms: 1.33x" in text(replace(FIGURES, turns=tiled))


def test_a_quota_and_frames_of_a_part_are_told() -> None:
    figures = replace(
        FIGURES,
        machine=replace(FIGURES.machine, usable_cores=1.5),
        feed=replace(FIGURES.feed, frames_per_part=3, decoded=True),
    )
    report = text(figures)
    assert "1.5 of 4 cores by the cgroup's quota" in report
    assert "each decoded from a JPEG, 3 a part" in report


def numbers_in(value: object) -> Iterator[float]:
    match value:
        case dict():
            for inner in value.values():
                yield from numbers_in(inner)
        case list() | tuple():
            for inner in value:
                yield from numbers_in(inner)
        case int() | float():
            yield float(value)


def test_a_real_measurement_is_complete_and_agrees_with_itself(package: Path) -> None:
    stages: list[str] = []
    figures = measure(settings(package), seconds=0.3, progress=stages.append)
    assert stages[0] == "rendering frames"
    assert len(stages) == len(set(stages)) == 6
    assert list(figures.paced.stages) == [
        "queue", "preprocess", "inference", "postprocess", "decide", "total", "event",
    ]  # fmt: skip
    for times in (*figures.paced.stages.values(), figures.turns.bare, figures.turns.whole):
        assert 0 <= times.p50 <= times.p95 <= times.p99
        assert times.count >= 2
    total, inference = figures.paced.stages["total"], figures.paced.stages["inference"]
    assert total.p50 > inference.p50
    assert figures.sustained.lost == 0
    assert figures.paced.rate_hz == pytest.approx(0.7 * figures.sustained.rate_hz)
    assert 1 in figures.threads_ms
    assert figures.suggested_threads in figures.threads_ms
    assert figures.feed.image_wh == (96, 64)
    assert (figures.precisions_ms, figures.agreement) == ({}, None)
    parsed = json.loads(json.dumps(document(figures), allow_nan=False))
    assert all(math.isfinite(number) for number in numbers_in(parsed))
    assert text(figures)


def test_the_keys_of_the_document_are_stable() -> None:
    content = json.loads(json.dumps(document(FIGURES)))
    assert content["schema"] == "edge-inspector/bench/1"
    assert {key: sorted(value) if isinstance(value, dict) else None for key, value in content.items()} == {
        "schema": None,
        "version": None,
        "seconds": None,
        "machine": ["cores", "cpu", "governor", "load", "memory_mb", "usable_cores"],
        "surroundings": ["others_cores", "stolen_cores"],
        "model": ["color", "dtype", "file_mb", "model_wh", "name", "precision", "threads", "version"],
        "feed": [
            "channels", "deadline_ms", "decoded", "frames_per_part", "image_wh", "image_wh_from", "memory_mb", "source",
            "unit", "wanted_hz",
        ],
        "sustained": ["cores_used", "count", "lost", "peak_mb", "rate_hz", "resident_mb"],
        "paced": ["rate_hz", "stages"],
        "turns": ["bare", "bare_halves_ms", "drift", "ratio", "runs", "whole"],
        "threads_ms": ["1", "2", "3"],
        "precisions_ms": [],
        "agreement": None,
        "suggested_threads": None,
        "suggested_precision": None,
        "largest_rate_hz": None,
        "warnings": None,
    }  # fmt: skip
    assert (content["suggested_threads"], content["largest_rate_hz"]) == (2, 140.0)


def test_every_precision_of_a_package_is_measured(tmp_path: Path) -> None:
    figures = measure(settings(two_precisions(tmp_path / "a", golden=True)), seconds=0.05, progress=str)
    assert list(figures.precisions_ms) == ["float32", "int8"]
    assert figures.agreement == Agreement(2, both=1, first_alone=0, second_alone=0, confidence=0.0, xyxy_px=0.0)
    figures = measure(settings(two_precisions(tmp_path / "b", golden=False)), seconds=0.05, progress=str)
    assert len(figures.precisions_ms) == 2
    assert figures.agreement is None


def test_a_folder_is_measured_with_its_images_size_and_their_decoding(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((80, 120), np.uint8))
    configuration = settings(package, source={"type": "directory", "path": str(folder)})
    figures = measure(configuration, seconds=0.05, progress=str)
    assert (figures.feed.image_wh, figures.feed.image_wh_from) == ((120, 80), "as a.png")
    assert next(iter(figures.paced.stages)) == "read"
    (folder / "a.png").unlink()
    with pytest.raises(SourceError, match="expected images"):
        measure(configuration, seconds=0.05, progress=str)


def test_a_folder_of_large_images_is_decoded_to_what_the_model_uses() -> None:
    large = Pictures.tags((960, 640), gray=True, decoded=True, smallest_wh=MODEL_WH, count=1).frame(0)
    assert large.image.shape == (160, 240)
    assert large.image_wh == (960, 640)


def test_a_tiled_model_is_run_as_often_as_it_has_tiles(package: Path) -> None:
    tiled = {"path": str(package), "tiling": {"tile_wh": [64, 64], "overlap_px": 16, "whole_frame": True}}
    figures = measure(settings(package, model=tiled), seconds=0.05, progress=str)
    assert figures.turns.runs == 3


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "usb", "device": "/dev/no-such-camera", "image_wh": [320, 240], "rate_hz": 15}, ((320, 240), 15)),
        ({"type": "network", "url": "rtsp://192.0.2.1/stream"}, ((1920, 1080), None)),
    ],
    ids=["usb", "network"],
)
def test_the_conditions_of_a_camera_are_played_without_opening_it(
    package: Path, source: dict[str, Any], expected: tuple[tuple[int, int], float | None]
) -> None:
    figures = measure(settings(package, source=source), seconds=0.05, progress=str)
    assert (figures.feed.image_wh, figures.feed.wanted_hz) == expected
    assert (figures.feed.unit, figures.feed.decoded) == ("frames", False)
    assert any("no camera was opened" in warning for warning in warnings(figures))


def test_the_frames_of_a_part_are_judged_together(package: Path) -> None:
    source = {"type": "simulated", "image_wh": [96, 64], "frames_per_part": 3}
    figures = measure(settings(package, source=source), seconds=0.05, progress=str)
    assert figures.feed.frames_per_part == 3
    assert figures.sustained.lost == 0


def test_a_model_that_fails_on_a_frame_ends_the_measurement(tmp_path: Path) -> None:
    poisoned = bright_spot_model(tmp_path / "poisoned", poison="nan-boxes")
    white = Pictures((np.full((48, 64), 255, np.uint8),))
    writer = RecordingWriter(TOPICS, "bench")
    with (
        open_model(settings(poisoned)) as (model, _),
        pytest.raises(ModelError, match="expected verdicts on 4 frames, found 0"),
    ):
        run_line(model, writer, MemoryCamera(white, seconds=0))


def test_the_command_prints_the_report_and_writes_the_numbers(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "speed.json"
    arguments = ["--model", str(package), "--image", "128x96", "--seconds", "0.1", "--json", str(file)]
    assert main(["bench", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "simulated tags of 128x96 (asked for)" in captured.out
    content = json.loads(file.read_text())
    assert content["model"]["name"] == "bright-spot"
    assert content["feed"]["image_wh"] == [128, 96]


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--help"])
    assert ended.value.code == 0
    assert "examples:\n  edge-inspector bench\n" in capsys.readouterr().out


def test_another_model_keeps_the_configured_threads(package: Path, tmp_path: Path) -> None:
    configuration, file = tmp_path / "station.toml", tmp_path / "speed.json"
    configuration.write_text("[model]\nthreads = 2\n")
    arguments = ["-c", str(configuration), "--model", str(package), "--seconds", "0.1", "--json", str(file)]
    assert main(["bench", *arguments]) == 0
    model = json.loads(file.read_text())["model"]
    assert (model["name"], model["threads"]) == ("bright-spot", 2)


def test_another_model_goes_before_the_one_that_an_update_has_left(package: Path, tmp_path: Path) -> None:
    configuration, file = tmp_path / "station.json", tmp_path / "speed.json"
    plain = {"state": {"dir": str(tmp_path)}, "model": {"updates": {"folder": str(tmp_path / "updates")}}}
    configuration.write_text(json.dumps(plain))
    with_running(parse(plain), spot_package(tmp_path / "spot", "1.1.0"))
    arguments = ["-c", str(configuration), "--seconds", "0.1", "--json", str(file)]
    for more, name in ([], "spot"), (["--model", str(package)], "bright-spot"):
        assert main(["bench", *arguments, *more]) == 0
        assert json.loads(file.read_text())["model"]["name"] == name


@pytest.mark.parametrize("size", ["", "640", "640x", "640x480x3", "-640x480", "63x640", "8193x640", "²00x300", "axb"])
def test_a_size_that_no_image_has_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", f"--image={size}"])
    assert ended.value.code == 2
    assert "expected WIDTHxHEIGHT with sides of 64 to 8192 pixels" in capsys.readouterr().err


def test_what_makes_a_measurement_impossible_is_told_before_it_starts(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--model", str(tmp_path / "nowhere")]) == 65
    assert "expected a model package" in capsys.readouterr().err
    with pytest.raises(SourceError, match="cannot be written"):
        show(settings(package), json_file=tmp_path / "nowhere" / "speed.json")
    assert capsys.readouterr().out == ""
