import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped
from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.live import Camera, Grabbed, Incomplete, LiveOptions, LiveSource, Picture
from tests.fakes import PATIENCE_S

OPTIONS = LiveOptions(staleness_s=1.0, patience_s=5.0, stuck_after_s=60.0, reopen_min_s=0.001, reopen_max_s=0.002)
FOREVER = threading.Event

Step: TypeAlias = Grabbed | Exception | threading.Event


def picture(value: int, *, age_s: float = 0.0) -> Picture:
    return Picture(np.full((8, 8, 3), value, np.uint8), time.monotonic_ns() - int(age_s * 1e9), "driver")


class ScriptedCamera:
    """Plays one list of steps at each opening; after the last it waits until the test ends.

    Attributes:
        opened, closed: How often; a closed camera is closed by the thread that opened it.
    """

    def __init__(self, *openings: Iterable[Step]) -> None:
        self.opened = self.closed = 0
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self._openings = iter(openings)
        self._steps: Iterator[Step] = iter(())

    def open(self) -> Camera:
        self.opened += 1
        self._steps = iter(next(self._openings, ()))
        return self

    def grab(self) -> Grabbed:
        self.threads.add(threading.current_thread().name)
        step = next(self._steps, self.gate)
        if isinstance(step, threading.Event):
            assert step.wait(PATIENCE_S)
            raise SourceError
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.closed += 1


def source_of(camera: ScriptedCamera, options: LiveOptions = OPTIONS) -> LiveSource:
    return LiveSource("camera-under-test", camera.open, ByArrival(options.staleness_s), options)


def read_until(source: LiveSource, wanted: Callable[[Delivered], bool]) -> list[Delivered]:
    items: list[Delivered] = []
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if (item := source.read(0.1)) is not None:
            items.append(item)
            if wanted(item):
                return items
    pytest.fail(f"never came; {items} did")


def is_online(item: Delivered) -> bool:
    return isinstance(item, CameraReport) and item.status is CameraStatus.ONLINE


def is_frame(item: Delivered) -> bool:
    return isinstance(item, Frame)


def reports(items: Iterable[Delivered]) -> list[tuple[CameraStatus, CameraFault | None]]:
    return [(item.status, item.fault) for item in items if isinstance(item, CameraReport)]


def skipped(items: Iterable[Delivered]) -> Counter[DropCause]:
    counts: Counter[DropCause] = Counter()
    for item in items:
        if isinstance(item, Skipped):
            counts[item.cause] += item.count
    return counts


def test_a_frame_carries_the_time_and_the_witness_of_its_picture() -> None:
    camera = ScriptedCamera([taken := picture(7, age_s=0.2)])
    with source_of(camera) as source:
        (frame,) = read_until(source, is_frame)
        camera.gate.set()
    assert isinstance(frame, Frame)
    assert (frame.frame_id, frame.part_id, frame.source) == (0, None, "camera-under-test")
    assert frame.captured_monotonic_ns == taken.captured_monotonic_ns
    assert frame.captured_at_source == "driver"
    assert frame.image is taken.image


def test_a_camera_that_is_not_there_is_tried_again_reported_once_and_online_when_it_comes() -> None:
    camera = ScriptedCamera([picture(1)])
    attempts = iter([SourceError("nothing listens")] * 5)

    def open_camera() -> Camera:
        for error in attempts:
            raise error
        return camera.open()

    with LiveSource("late", open_camera, ByArrival(1.0), OPTIONS) as source:
        items = read_until(source, is_frame)
        camera.gate.set()
    lost, back, _ = items
    assert reports(items) == [(CameraStatus.OFFLINE, CameraFault.LOST), (CameraStatus.ONLINE, None)]
    assert isinstance(lost, CameraReport)
    assert isinstance(back, CameraReport)
    assert lost.reason == "nothing listens"
    assert back.away_s > 0


def test_frame_numbers_go_on_when_a_camera_is_opened_again() -> None:
    camera = ScriptedCamera([picture(1), SourceError("unplugged")], [picture(2)])
    with source_of(camera) as source:
        first = read_until(source, is_frame)
        items = read_until(source, is_frame)
        camera.gate.set()
    assert [item.frame_id for item in [*first, *items] if isinstance(item, Frame)] == [0, 1]
    assert reports(items) == [(CameraStatus.OFFLINE, CameraFault.LOST), (CameraStatus.ONLINE, None)]


def test_a_camera_is_used_and_closed_by_one_thread_alone() -> None:
    camera = ScriptedCamera([picture(1), SourceError("unplugged")], [picture(2)])
    with source_of(camera) as source:
        read_until(source, is_online)
        camera.gate.set()
    assert camera.threads == {"camera"}
    assert camera.opened == camera.closed


def test_an_unexpected_error_of_a_driver_is_an_outage_and_not_the_end() -> None:
    camera = ScriptedCamera([RuntimeError("segment 7")], [picture(2)])
    with source_of(camera) as source:
        items = read_until(source, is_frame)
        camera.gate.set()
    assert isinstance(items[0], CameraReport)
    assert items[0].reason == "RuntimeError: segment 7"


def test_a_setting_that_became_unusable_is_an_outage_with_its_reason() -> None:
    def open_camera() -> Camera:
        msg = "source.password_file: cannot read it"
        raise ConfigError(msg)

    with LiveSource("locked", open_camera, ByArrival(1.0), OPTIONS) as source:
        (report,) = read_until(source, lambda item: isinstance(item, CameraReport))
    assert isinstance(report, CameraReport)
    assert "password_file" in report.reason


def test_a_picture_older_than_the_budget_is_counted_and_not_passed_on() -> None:
    camera = ScriptedCamera([picture(1, age_s=3.0), picture(2, age_s=2.0), picture(3)])
    with source_of(camera) as source:
        items = read_until(source, is_frame)
        camera.gate.set()
    assert skipped(items) == {DropCause.STALE: 2}
    assert isinstance(items[-1], Frame)
    assert items[-1].image[0, 0, 0] == 3


def test_a_driver_whose_clock_is_ahead_does_not_make_frames_of_the_future() -> None:
    camera = ScriptedCamera([picture(1, age_s=-5.0)])
    with source_of(camera) as source:
        (frame,) = read_until(source, is_frame)
        camera.gate.set()
    assert isinstance(frame, Frame)
    assert frame.captured_monotonic_ns <= time.monotonic_ns()


def test_a_camera_with_nothing_but_old_pictures_is_degraded_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.sources.free_running.SETTLING_NS", 50_000_000)

    def old_pictures() -> Iterator[Step]:
        while True:
            time.sleep(0.01)
            yield picture(1, age_s=3.0)

    def new_picture() -> Iterator[Step]:
        yield picture(2)

    camera = ScriptedCamera(old_pictures(), new_picture())
    with source_of(camera, replace(OPTIONS, patience_s=0.2)) as source:
        items = read_until(source, is_frame)
        camera.gate.set()
    assert reports(items) == [(CameraStatus.DEGRADED, CameraFault.LOST), (CameraStatus.ONLINE, None)]


def test_a_camera_of_which_no_picture_comes_whole_is_degraded_and_opened_again() -> None:
    def broken_pictures() -> Iterator[Step]:
        while True:
            time.sleep(0.01)
            yield Incomplete("3 of 40 packets are missing")

    camera = ScriptedCamera([picture(1), *[Incomplete("one of 40 packets is missing")] * 3, picture(2)])
    with source_of(camera, replace(OPTIONS, patience_s=0.2)) as source:
        items = [*read_until(source, is_frame), *read_until(source, is_frame)]
        camera.gate.set()
    assert not reports(items)  # now and then is no fault of the camera
    assert skipped(items) == {DropCause.FRAME_DAMAGED: 3}
    camera = ScriptedCamera(broken_pictures(), [picture(2)])
    with source_of(camera, replace(OPTIONS, patience_s=0.2)) as source:
        items = read_until(source, is_frame)
        camera.gate.set()
    assert reports(items) == [(CameraStatus.DEGRADED, CameraFault.LOST), (CameraStatus.ONLINE, None)]
    assert "40 packets" in next(item.reason for item in items if isinstance(item, CameraReport))


def frozen_pictures() -> Iterator[Step]:
    while True:
        time.sleep(0.005)
        yield picture(1)


def test_a_frozen_camera_is_reported_and_opened_again_until_it_shows_something_else() -> None:
    camera = ScriptedCamera(frozen_pictures(), frozen_pictures(), [picture(2)])
    with source_of(camera, replace(OPTIONS, frozen_after_s=0.1)) as source:
        items = read_until(source, is_online)
        items += read_until(source, is_frame)
        camera.gate.set()
    assert reports(items) == [(CameraStatus.DEGRADED, CameraFault.FROZEN), (CameraStatus.ONLINE, None)]
    assert skipped(items)[DropCause.FROZEN] == 2  # one a connection
    assert isinstance(items[-1], Frame)
    assert items[-1].image[0, 0, 0] == 2


def test_a_camera_may_repeat_itself_where_the_watch_is_off() -> None:
    camera = ScriptedCamera(frozen_pictures())
    with source_of(camera) as source:
        items = [item for _ in range(50) for item in read_until(source, is_frame)]
        camera.gate.set()
    assert reports(items) == []


def test_a_picture_of_another_shape_is_a_damaged_frame() -> None:
    raw = Picture(np.zeros((8, 8, 2), np.uint8), time.monotonic_ns(), "driver")
    camera = ScriptedCamera([raw])
    with source_of(camera) as source:
        (frame,) = read_until(source, lambda item: isinstance(item, DamagedFrame))
        camera.gate.set()
    assert isinstance(frame, DamagedFrame)
    assert "(8, 8, 2)" in frame.problem


def test_a_gray_model_gets_gray_frames() -> None:
    camera = ScriptedCamera([picture(9)])
    with source_of(camera, replace(OPTIONS, gray=True)) as source:
        (frame,) = read_until(source, is_frame)
        camera.gate.set()
    assert isinstance(frame, Frame)
    assert frame.image.shape == (8, 8)
    assert frame.image[0, 0] == 9


def test_a_reader_gets_nothing_in_its_time_while_the_driver_hangs() -> None:
    camera = ScriptedCamera([])
    with source_of(camera) as source:
        assert [source.read(0.01) for _ in range(3)] == [None] * 3
        camera.gate.set()


def test_a_driver_that_does_not_return_is_reported_by_the_reader() -> None:
    camera = ScriptedCamera([picture(1)])
    with source_of(camera, replace(OPTIONS, stuck_after_s=0.1)) as source:
        items = read_until(source, lambda item: isinstance(item, CameraReport))
        camera.gate.set()
    assert reports(items) == [(CameraStatus.OFFLINE, CameraFault.LOST)]
    assert "has not returned" in items[-1].reason  # type: ignore[union-attr]


@pytest.mark.parametrize("where", ["open", "grab"])
def test_a_stop_does_not_wait_for_a_driver_that_hangs_and_the_thread_closes_the_camera_when_it_wakes(
    where: str,
) -> None:
    camera, hangs = ScriptedCamera([]), threading.Event()

    def open_camera() -> Camera:
        if where == "open":
            hangs.set()
            assert camera.gate.wait(PATIENCE_S)
        return camera.open()

    source = LiveSource("hung", open_camera, ByArrival(1.0), OPTIONS)
    source.read(0.0)
    thread = next(thread for thread in threading.enumerate() if thread.name == "camera")
    if where == "open":
        assert hangs.wait(PATIENCE_S)
    source.close()
    assert thread.is_alive()
    assert thread.daemon
    camera.gate.set()
    thread.join(PATIENCE_S)
    assert camera.opened == camera.closed == 1
    assert source.read(0.0) is None


def test_a_source_that_was_never_read_opens_nothing() -> None:
    camera = ScriptedCamera([])
    with source_of(camera):
        pass
    assert camera.opened == 0
