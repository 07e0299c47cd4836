"""A camera that is fired by a signal: as many parts as triggers, whatever becomes of the camera."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edge_inspector.alarms import TRIGGER_LOST
from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.errors import SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.settings import ProductCamera
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.live import Incomplete, LiveSource, SetUp, TakerMaker
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.desk import Desk
from edge_inspector.sources.triggers.signal import Trigger
from edge_inspector.sources.triggers.signaled import SignaledParts
from tests.fakes import PATIENCE_S
from tests.line_camera import OPTIONS, FiredCamera, HandSignal, Reader, causes, picture, source_of
from tests.mosquitto import eventually

WAITS = (CameraStatus.ONLINE, None, True)
BACK = (CameraStatus.ONLINE, None, False)
LOST = (CameraStatus.OFFLINE, CameraFault.LOST, False)


def by_hand(  # noqa: PLR0913 - what a test chooses
    signal: HandSignal,
    *,
    frames_per_part: int = 1,
    queue_size: int = 50,
    timeout_s: float = 0.1,
    deadline_ms: float | None = None,
    name: Callable[[int, Trigger], PartTag] | None = None,
) -> TakerMaker:
    numbers = iter(range(10_000))

    def by_itself(_: int, trigger: Trigger) -> PartTag:
        return PartTag(trigger.part_id or f"counted-{next(numbers)}")

    def make(outlet: Outlet, frames: FrameMaker) -> SignaledParts:
        desk = Desk(
            outlet, frames, signal, name=name or by_itself, frames_per_part=frames_per_part, queue_size=queue_size
        )  # fmt: skip
        return SignaledParts(outlet, frames, desk, timeout_s=timeout_s, deadline_ms=deadline_ms)

    return make


def ready(source: LiveSource) -> Reader:
    reader = Reader(source)
    reader.until(lambda reader: WAITS in reader.reports, what="the camera waits for a trigger")
    return reader


def test_each_trigger_gives_a_part_with_its_name_and_the_time_at_which_its_camera_took_it() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        before_ns = time.monotonic_ns()
        signal.bring("A", None, "B")
        parts = reader.parts(3)
    assert [part.part_id for part in parts] == ["A", "counted-0", "B"]
    assert [part.frame_id for part in parts] == [0, 1, 2]
    assert all(isinstance(part, Frame) and part.captured_at_source == "camera" for part in parts)
    assert all(part.captured_monotonic_ns >= before_ns for part in parts)
    assert signal.is_closed


def test_no_picture_is_older_than_its_firing_whatever_the_clock_of_the_camera_says() -> None:
    camera, signal = FiredCamera({0: lambda: (picture(0, age_s=0.5),)}), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        before_ns = time.monotonic_ns()
        signal.bring("A")
        (part,) = reader.parts(1)
    assert isinstance(part, Frame)  # no firing was given up: it can be of no other
    assert part.captured_monotonic_ns >= before_ns  # else it would be named by what the PLC said of the part before


def test_a_camera_that_waits_for_its_first_trigger_says_so_once_and_is_not_gone() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        for _ in range(10):
            assert source.read(0.05) is None
        signal.bring("A")
        reader.parts(1)
    assert reader.reports == [WAITS]


def test_a_part_has_as_many_frames_as_it_should_from_as_many_firings() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal, frames_per_part=3)) as source:
        reader = ready(source)
        signal.bring("A", "B")
        parts = reader.parts(6)
    assert [(part.part_id, part.part_frame) for part in parts] == [(name, n) for name in "AB" for n in range(3)]
    assert camera.fired == 6


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda: (), DropCause.FRAME_MISSING),
        (lambda: (Incomplete("half of it came"),), DropCause.FRAME_DAMAGED),
        (lambda: (Incomplete("a gap", is_missing=True),), DropCause.FRAME_MISSING),
    ],
)
def test_a_firing_without_a_whole_frame_is_a_part_of_its_own_and_takes_nothing_from_the_next(
    answer: Callable[[], tuple[Incomplete, ...]], cause: DropCause
) -> None:
    camera, signal = FiredCamera({1: answer}), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        signal.bring("A", "B", "C")
        parts = reader.parts(3)
    assert [part.part_id for part in parts] == ["A", "B", "C"]
    assert causes(parts) == [None, cause, None]
    assert [part.image[0, 0] for part in parts if isinstance(part, Frame)] == [0, 2]
    assert reader.reports == [WAITS]


def test_a_picture_that_comes_too_late_is_not_taken_for_that_of_the_next_part() -> None:
    camera, signal = FiredCamera({0: lambda: ()}), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        signal.bring("A")
        reader.parts(1)
        camera.push(Incomplete("frame 0", is_missing=True), picture(99, age_s=0.5))
        signal.bring("B")
        parts = reader.parts(2)
    assert causes(parts) == [DropCause.FRAME_MISSING, None]
    assert isinstance(parts[1], Frame)
    assert parts[1].image[0, 0] == 1


def test_a_camera_that_answers_and_delivers_nothing_is_opened_again_and_no_part_is_forgotten() -> None:
    camera, signal = FiredCamera(dict.fromkeys(range(3), lambda: ())), HandSignal()
    with source_of(camera, by_hand(signal, timeout_s=0.03)) as source:
        reader = ready(source)
        signal.bring(*"ABC")
        reader.until(lambda reader: reader.reports.count(WAITS) == 2, what="the camera is back")
        signal.bring("D")
        parts = reader.parts(4)
    assert [part.part_id for part in parts] == ["A", "B", "C", "D"]
    assert causes(parts) == [*[DropCause.FRAME_MISSING] * 3, None]
    assert reader.reports == [WAITS, (CameraStatus.DEGRADED, CameraFault.LOST, False), WAITS]


def test_triggers_faster_than_the_camera_wait_and_those_that_do_not_fit_are_parts_in_their_turn_with_an_alarm() -> None:
    camera, signal = FiredCamera(), HandSignal()
    camera.stuck = threading.Event()
    with source_of(camera, by_hand(signal, queue_size=2, timeout_s=PATIENCE_S)) as source:
        reader = ready(source)
        signal.bring("0")
        eventually(lambda: camera.fired == 1, what="the camera is fired")
        signal.bring(*"1234")
        camera.stuck.set()
        parts = reader.parts(5)
    assert [part.part_id for part in parts] == list("01234")
    assert causes(parts) == [None, None, None, DropCause.QUEUE_OVERFLOW, DropCause.QUEUE_OVERFLOW]
    assert (TRIGGER_LOST, False) in reader.troubles


def test_while_the_camera_is_away_every_trigger_is_a_part_at_once_and_when_it_is_back_it_is_fired_again() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        signal.bring("A")
        reader.parts(1)
        camera.gone = SourceError("unplugged")
        reader.until(lambda reader: LOST in reader.reports, what="it is lost")
        signal.bring("B", "C")
        parts = reader.parts(3)
        camera.gone = None
        reader.until(lambda reader: reader.reports.count(WAITS) == 2, what="it is back")
        signal.bring("D")
        parts = reader.parts(4)
    assert [part.part_id for part in parts] == list("ABCD")
    assert causes(parts) == [None, DropCause.FRAME_MISSING, DropCause.FRAME_MISSING, None]
    assert reader.reports == [WAITS, LOST, WAITS]


def test_a_camera_that_goes_away_in_the_middle_of_a_part_owes_its_frames_and_those_of_the_triggers_that_wait() -> None:
    def go(camera: FiredCamera) -> tuple[()]:
        camera.gone = SourceError("unplugged")
        return ()

    camera, signal = FiredCamera(), HandSignal()
    camera.answers[1] = lambda: go(camera)
    camera.stuck = threading.Event()
    with source_of(camera, by_hand(signal, frames_per_part=3, timeout_s=PATIENCE_S)) as source:
        reader = ready(source)
        signal.bring("A")
        eventually(lambda: camera.fired == 1, what="the camera is fired")
        signal.bring("B")
        camera.stuck.set()
        parts = reader.parts(6)
    assert [(part.part_id, part.part_frame) for part in parts] == [(name, n) for name in "AB" for n in range(3)]
    assert causes(parts) == [None, *[DropCause.FRAME_MISSING] * 5]


def test_a_driver_that_does_not_return_holds_no_part_back_and_what_it_brings_later_is_nobodys() -> None:
    camera, signal = FiredCamera(), HandSignal()
    camera.stuck = threading.Event()
    with source_of(camera, by_hand(signal)) as source:
        reader = ready(source)
        signal.bring("A", "B")
        parts = reader.parts(2)
        signal.bring("C")
        parts = reader.parts(3)
        camera.stuck.set()
        reader.until(lambda reader: BACK in reader.reports, what="it is back")
        while causes(parts)[-1] is not None:  # it is asked for the next one a moment later
            signal.bring("D")
            parts = reader.parts(len(parts) + 1)
    assert [part.part_id for part in parts[:4]] == list("ABCD")
    assert causes(parts[:3]) == [DropCause.FRAME_MISSING] * 3
    assert isinstance(parts[-1], Frame)
    assert parts[-1].image[0, 0] == camera.fired - 1  # not what the stuck firing brought


def test_a_trigger_that_comes_before_the_camera_was_ever_open_is_a_part_that_was_not_seen() -> None:
    camera, signal = FiredCamera(), HandSignal()
    camera.gone = SourceError("not plugged in")
    with source_of(camera, by_hand(signal)) as source:
        reader = Reader(source)
        reader.until(lambda reader: LOST in reader.reports, what="it is not there")
        signal.bring("A")
        parts = reader.parts(1)
    assert causes(parts) == [DropCause.FRAME_MISSING]


def test_a_part_that_waits_for_its_name_holds_up_no_trigger() -> None:
    camera, signal, asked, named = FiredCamera(), HandSignal(), threading.Event(), threading.Event()

    def slowly(_: int, trigger: Trigger) -> PartTag:
        asked.set()
        assert named.wait(PATIENCE_S)
        return PartTag(trigger.part_id or "unnamed")

    with source_of(camera, by_hand(signal, name=slowly)) as source:
        reader = ready(source)
        signal.bring("A")
        assert asked.wait(PATIENCE_S)
        signal.bring("B", "C")  # would never return
        named.set()
        parts = reader.parts(3)
    assert [part.part_id for part in parts] == list("ABC")


def test_parts_in_hand_and_triggers_that_wait_when_the_source_is_left_are_told_and_no_more_are_taken() -> None:
    camera, signal = FiredCamera({1: lambda: ()}), HandSignal()
    with source_of(camera, by_hand(signal, frames_per_part=2, timeout_s=60.0)) as source:
        reader = ready(source)
        signal.bring("A", "B")
        reader.parts(1)
        eventually(lambda: camera.fired == 2, what="the camera is fired")
        left = [item for item in source.leave(DropCause.STOPPED, "the end") if isinstance(item, Frame | DamagedFrame)]
        assert signal.desk is not None
        assert not signal.desk.take(Trigger(0, "C"))
    assert [(part.part_id, part.part_frame) for part in left] == [("A", 1), ("B", 0), ("B", 1)]
    assert causes(left) == [DropCause.STOPPED] * 3


def test_a_change_over_takes_place_between_two_parts_and_frames_say_what_they_are_of() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal, frames_per_part=2)) as source:
        reader = ready(source)
        signal.bring("A")
        reader.parts(2)
        done = source.change_over(SetUp("blue", ProductCamera(gain=2.0)))
        assert done.result(20.0) is None
        signal.bring("B")
        parts = reader.parts(4)
    assert [part.product for part in parts] == [None, None, "blue", "blue"]
    assert camera.set_ups == [ProductCamera(gain=2.0)]


def test_hundreds_of_triggers_give_hundreds_of_parts_while_the_camera_comes_and_goes() -> None:
    camera, signal = FiredCamera({n: lambda: () for n in range(5, 300, 40)}), HandSignal()
    with source_of(camera, by_hand(signal, queue_size=400, timeout_s=0.03)) as source:
        reader = ready(source)
        for round_ in range(5):
            signal.bring(*(f"{round_}-{n}" for n in range(30)))
            camera.gone = SourceError("unplugged") if round_ % 2 else None
            signal.bring(*(f"{round_}-{n}" for n in range(30, 60)))
            parts = reader.parts(60 * (round_ + 1))
    assert [part.part_id for part in parts] == [f"{round_}-{n}" for round_ in range(5) for n in range(60)]
    assert set(causes(parts)) == {None, DropCause.FRAME_MISSING}


def test_a_flood_of_triggers_at_a_driver_that_hangs_ends_as_parts_and_holds_up_the_signal_and_not_the_reader() -> None:
    camera, signal, count = FiredCamera(), HandSignal(), 15_000
    camera.stuck = threading.Event()
    with source_of(
        camera, by_hand(signal, queue_size=2, frames_per_part=2), replace(OPTIONS, stuck_after_s=2.0)
    ) as source:
        reader = ready(source)
        flood = threading.Thread(target=lambda: signal.bring(*map(str, range(count))), daemon=True)
        flood.start()
        parts = reader.parts(2 * count)
        camera.stuck.set()
        flood.join(PATIENCE_S)
    assert [part.part_id for part in parts] == [str(n // 2) for n in range(2 * count)]
    assert set(causes(parts)) == {DropCause.FRAME_MISSING}


def test_a_part_without_a_frame_is_told_by_its_deadline_and_so_is_each_behind_it_while_the_camera_is_waited_for() -> (
    None
):
    camera, signal = FiredCamera({0: lambda: ()}), HandSignal()
    with source_of(camera, by_hand(signal, timeout_s=PATIENCE_S, deadline_ms=50)) as source:
        reader = ready(source)
        signal.bring("A", "B")
        parts = reader.parts(2)
        assert camera.fired == 1
        camera.push(picture(99))  # at last, and for nobody
        while causes(parts)[-1] is not None:  # it is asked for the next one a moment later
            signal.bring("C")
            parts = reader.parts(len(parts) + 1)
    assert [part.part_id for part in parts[:2]] == ["A", "B"]
    assert isinstance(parts[-1], Frame)
    assert parts[-1].image[0, 0] == camera.fired - 1
    assert all("within 50 ms" in part.problem for part in parts[:2] if isinstance(part, DamagedFrame))
    assert reader.reports == [WAITS]


def test_a_driver_that_hangs_holds_no_part_back_beyond_its_deadline() -> None:
    camera, signal = FiredCamera(), HandSignal()
    camera.stuck = threading.Event()
    with source_of(camera, by_hand(signal, timeout_s=PATIENCE_S, deadline_ms=50)) as source:
        reader = ready(source)
        signal.bring("A", "B")
        parts = reader.parts(2)
        assert camera.fired == 1
        camera.stuck.set()
    assert causes(parts) == [DropCause.FRAME_MISSING] * 2
    assert reader.reports == [WAITS]


def test_parts_that_wait_for_a_camera_that_delivers_are_not_given_up_however_long_they_wait() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, by_hand(signal, deadline_ms=1000)) as source:
        reader = ready(source)
        assert signal.desk is not None
        for name in "ABCDEFGH":
            signal.desk.take(Trigger(time.monotonic_ns() - 60_000_000_000, name))
        parts = reader.parts(8)
    assert causes(parts) == [None] * 8
