import threading
from typing import Literal

import numpy as np
import pytest

from edge_inspector.errors import EndOfSource
from edge_inspector.frame import Frame
from edge_inspector.settings import SimulatedSource
from edge_inspector.simulation import plan_tag, render_tag
from edge_inspector.sources.simulated import SimulatedLine, part_name, part_number

FAST_HZ = 1000.0


def read_all(settings: SimulatedSource) -> list[Frame]:
    line = SimulatedLine(settings, threading.Event())
    frames: list[Frame] = []
    while True:
        try:
            frame = line.read(10.0)
        except EndOfSource:
            return frames
        assert frame is not None
        frames.append(frame)


def test_a_triggered_line_brings_the_planned_parts_in_order_then_ends() -> None:
    frames = read_all(SimulatedSource(seed=5, count=4, rate_hz=FAST_HZ, defect_rate=0.5))
    assert [frame.part_id for frame in frames] == [part_name(number) for number in range(4)]
    assert [frame.frame_id for frame in frames] == [0, 1, 2, 3]
    for number, frame in enumerate(frames):
        tag = plan_tag(5, number, image_wh=(450, 300), defect_rate=0.5)  # the truth that the demo holds it against
        np.testing.assert_array_equal(frame.image, render_tag(tag))


@pytest.mark.parametrize("trigger", ["part", "free_running"])
def test_a_line_brings_as_many_dark_scratches_as_it_is_told(trigger: Literal["part", "free_running"]) -> None:
    bright, dark = (
        read_all(SimulatedSource(seed=5, trigger=trigger, count=1, rate_hz=FAST_HZ, defect_rate=1.0, dark_share=share))
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(bright[0].image, render_tag(plan_tag(5, 0, defect_rate=1.0)))
    np.testing.assert_array_equal(dark[0].image, render_tag(plan_tag(5, 0, defect_rate=1.0, dark_share=1.0)))


def test_a_part_of_several_frames_is_seen_under_other_light_and_counted_once() -> None:
    frames = read_all(SimulatedSource(count=2, rate_hz=FAST_HZ, image_wh=(96, 64), frames_per_part=3))
    assert [(frame.part_id, frame.part_frame) for frame in frames] == [
        (part_name(number), part_frame) for number in range(2) for part_frame in range(3)
    ]
    assert [frame.frame_id for frame in frames] == list(range(6))
    dark, light = float(frames[1].image.mean()), float(frames[2].image.mean())
    assert dark < float(frames[0].image.mean()) < light


def test_a_free_running_line_has_no_parts_and_its_belt_moves() -> None:
    frames = read_all(SimulatedSource(trigger="free_running", count=4, rate_hz=FAST_HZ, image_wh=(96, 64)))
    assert [frame.part_id for frame in frames] == [None] * 4
    assert [frame.image_wh for frame in frames] == [(96, 64)] * 4
    assert not np.array_equal(frames[0].image, frames[1].image)


def test_capture_times_do_not_go_back() -> None:
    frames = read_all(SimulatedSource(count=5, rate_hz=FAST_HZ, image_wh=(96, 64)))
    stamps = [frame.captured_monotonic_ns for frame in frames]
    assert stamps == sorted(stamps)


def test_a_line_whose_next_part_is_not_due_returns_none_in_time() -> None:
    line = SimulatedLine(SimulatedSource(rate_hz=0.001, image_wh=(96, 64)), threading.Event())
    assert line.read(0.01) is not None
    assert line.read(0.01) is None


def test_the_stop_ends_the_wait() -> None:
    stop = threading.Event()
    line = SimulatedLine(SimulatedSource(rate_hz=0.001, image_wh=(96, 64)), stop)
    line.read(1.0)
    stop.set()
    assert line.read(600.0) is None


@pytest.mark.parametrize("number", [0, 7, 999_999, 1_000_000])
def test_a_part_name_leads_back_to_its_number(number: int) -> None:
    assert part_number(part_name(number)) == number


def test_a_name_of_another_source_is_refused() -> None:
    with pytest.raises(ValueError, match="photo"):
        part_number("photo.png")
