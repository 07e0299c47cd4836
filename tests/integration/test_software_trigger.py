"""A real GigE Vision camera on loopback, fired by software: as many results as triggers, whatever becomes of it."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from edge_inspector.app.live import LineSide, no_line
from edge_inspector.app.source import open_source
from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.settings import parse
from edge_inspector.sources.live import LiveSource
from edge_inspector.sources.triggers.signal import Trigger
from tests.gige_camera import GigeCamera
from tests.line_camera import Reader, causes

pytestmark = pytest.mark.thorough

_COUNT, _LOSSY = 25, 20
WAITS = (CameraStatus.ONLINE, None, True)


@contextmanager
def fired(
    gige: GigeCamera, trigger: dict[str, object], *, deadline_ms: float | None = None, **more: object
) -> Iterator[tuple[Reader, LineSide]]:
    section = {
        "type": "genicam", "camera": gige.address, "trigger": trigger, "read_timeout_s": 2.0, "reopen_min_s": 0.1,
        "reopen_max_s": 0.5, "region": [0, 0, 128, 128], **more,
    }  # fmt: skip
    line = replace(no_line(), deadline_ms=deadline_ms)
    source = open_source(parse({"source": section, "flow": {"queue_size": 20}}).source, threading.Event(), line=line)
    assert isinstance(source, LiveSource)
    with source:
        reader = Reader(source)
        reader.until(lambda reader: WAITS in reader.reports, what="it waits for a trigger")
        yield reader, line


@pytest.mark.parametrize("count", [_COUNT, pytest.param(5000, marks=[pytest.mark.nightly, pytest.mark.timeout(1200)])])
def test_every_command_fires_it_once_and_gives_the_part_that_it_names(count: int) -> None:
    with GigeCamera() as camera, fired(camera, {"by": "command"}) as (reader, line):
        for number in range(count):
            line.command.bring(Trigger(0, f"part-{number}"))
            reader.parts(number + 1)
        parts = reader.parts(count)
    assert [part.part_id for part in parts] == [f"part-{number}" for number in range(count)]
    assert causes(parts) == [None] * count
    assert all(isinstance(part, Frame) and part.image_wh == (128, 128) for part in parts)
    stamps = [part.captured_monotonic_ns for part in parts]
    assert stamps == sorted(stamps)
    assert reader.reports == [WAITS]


def test_a_clock_fires_it_and_each_part_has_all_of_its_frames() -> None:
    with GigeCamera() as camera, fired(camera, {"by": "timer", "rate_hz": 10}, frames_per_part=2) as (reader, _):
        parts = reader.parts(12)
    assert [part.part_frame for part in parts] == [0, 1] * 6
    assert len({part.part_id for part in parts}) == 6
    assert [name for name, _ in itertools.groupby(part.part_id for part in parts)] == [p.part_id for p in parts[::2]]


def test_frames_that_lost_packets_on_their_way_are_parts_without_a_verdict_and_none_is_missing() -> None:
    with (
        GigeCamera(lost_per_thousand=50) as camera,
        fired(camera, {"by": "command"}, read_timeout_s=0.5, packet_size=1400) as (reader, line),
    ):
        for number in range(_LOSSY):
            line.command.bring(Trigger(0, f"part-{number}"))
            reader.parts(number + 1)
        parts = reader.parts(_LOSSY)
    assert [part.part_id for part in parts] == [f"part-{number}" for number in range(_LOSSY)]
    found = causes(parts)
    assert found.count(None) > 0
    assert set(found) - {None} <= {DropCause.FRAME_DAMAGED, DropCause.FRAME_MISSING}
    assert len(set(found)) > 1


@pytest.mark.timeout(120)
def test_a_camera_that_is_killed_and_comes_back_owes_no_part() -> None:
    with GigeCamera() as camera, fired(camera, {"by": "command"}, camera=camera.serial) as (reader, line):
        numbers = itertools.count()

        def trigger(count: int) -> None:
            for _ in range(count):
                number = next(numbers)
                line.command.bring(Trigger(0, f"part-{number}"))
                reader.parts(number + 1)

        trigger(5)
        camera.kill()
        trigger(3)
        reader.until(lambda r: (CameraStatus.OFFLINE, CameraFault.LOST, False) in r.reports, what="it is lost")
        trigger(5)
        camera.start()
        reader.until(lambda r: r.reports[-1][0] is CameraStatus.ONLINE, what="it is back")
        trigger(5)
        parts = reader.captured
    assert [part.part_id for part in parts] == [f"part-{number}" for number in range(18)]
    found = causes(parts)
    assert found[:5] == found[13:] == [None] * 5
    assert found[5:13] == [DropCause.FRAME_MISSING] * 8


def test_a_part_whose_frame_never_comes_is_told_by_its_deadline_and_not_only_when_the_camera_is_given_up() -> None:
    with (
        GigeCamera(lost_per_thousand=1000) as camera,
        fired(camera, {"by": "command"}, deadline_ms=80, read_timeout_s=2.0, packet_size=1400) as (reader, line),
    ):
        for number in range(4):
            line.command.bring(Trigger(time.monotonic_ns(), f"part-{number}"))
            reader.parts(number + 1)
        parts = reader.captured
    assert [part.part_id for part in parts] == [f"part-{number}" for number in range(4)]
    assert causes(parts) == [DropCause.FRAME_MISSING] * 4
    assert all("within 80 ms" in part.problem for part in parts if isinstance(part, DamagedFrame))
    assert reader.reports == [WAITS]


@pytest.mark.timeout(120)
def test_a_camera_that_is_killed_holds_no_part_back_beyond_its_deadline_and_comes_back() -> None:
    with (
        GigeCamera() as camera,
        fired(camera, {"by": "command"}, deadline_ms=80, read_timeout_s=0.5) as (reader, line),
    ):
        camera.kill()
        line.command.bring(Trigger(time.monotonic_ns(), "first"))
        (part,) = reader.parts(1)
        assert isinstance(part, DamagedFrame)
        assert "within 80 ms" in part.problem
        reader.until(lambda r: (CameraStatus.OFFLINE, CameraFault.LOST, False) in r.reports, what="it is lost")
        camera.start()
        reader.until(lambda r: r.reports[-1][0] is CameraStatus.ONLINE, what="it is back")
        while causes(reader.captured)[-1] is not None:  # a busy machine may take longer than the deadline
            line.command.bring(Trigger(time.monotonic_ns(), f"again-{len(reader.captured)}"))
            reader.parts(len(reader.captured) + 1)
