"""A free-running camera of which a signal picks pictures: the first one taken since, and never one of before."""

import time

import pytest

from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.errors import SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.live import SetUp, TakerMaker
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.desk import Desk
from edge_inspector.sources.triggers.picked import PickedParts
from edge_inspector.sources.triggers.signal import Trigger
from tests.line_camera import FiredCamera, HandSignal, Reader, causes, picture, source_of

WAITS = (CameraStatus.ONLINE, None, True)
LOST = (CameraStatus.OFFLINE, CameraFault.LOST, False)


def picked(signal: HandSignal, *, frames_per_part: int = 1, queue_size: int = 10, late_s: float = 60.0) -> TakerMaker:
    def make(outlet: Outlet, frames: FrameMaker) -> PickedParts:
        desk = Desk(
            outlet, frames, signal, name=lambda _, trigger: PartTag(trigger.part_id or "unnamed"),
            frames_per_part=frames_per_part, queue_size=queue_size,
        )  # fmt: skip
        return PickedParts(
            outlet, frames, ByArrival(late_s), desk, staleness_s=late_s, patience_s=60.0, frozen_after_s=None
        )

    return make


def ready(camera: FiredCamera, reader: Reader) -> None:
    camera.push(picture(0))
    reader.until(lambda reader: WAITS in reader.reports and not camera._came, what="the camera delivers")


def shown(parts: list[Frame | DamagedFrame]) -> list[tuple[str | None, int, int | None]]:
    """Return of each frame its part, its number in it, and what its picture shows."""
    return [(p.part_id, p.part_frame, int(p.image[0, 0]) if isinstance(p, Frame) else None) for p in parts]


def test_the_frame_of_a_trigger_is_the_first_picture_taken_since_and_what_nobody_asked_for_is_counted_nowhere() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal)) as source:
        reader = Reader(source)
        ready(camera, reader)
        before = picture(1)
        signal.bring("A")
        camera.push(before, picture(2), picture(3), picture(4))
        reader.parts(1)
        signal.bring("B")
        camera.push(picture(5), picture(6))
        parts = reader.parts(2)
        assert source.read(0.05) is None
    assert shown(parts) == [("A", 0, 2), ("B", 0, 5)]
    assert [part.frame_id for part in parts] == [0, 1]
    assert reader.reports == [WAITS]
    assert reader.skipped == {}


def test_a_part_has_the_pictures_that_follow_and_a_picture_is_of_one_part() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, frames_per_part=2)) as source:
        reader = Reader(source)
        ready(camera, reader)
        signal.bring("A", "B")
        camera.push(*map(picture, range(1, 6)))
        parts = reader.parts(4)
    assert shown(parts) == [("A", 0, 1), ("A", 1, 2), ("B", 0, 3), ("B", 1, 4)]


def test_a_picture_that_was_taken_too_late_shows_the_part_no_more() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, late_s=0.5)) as source:
        reader = Reader(source)
        ready(camera, reader)
        assert signal.desk is not None
        signal.desk.take(Trigger(time.monotonic_ns() - 600_000_000, "A"))
        signal.bring("B")
        camera.push(picture(1))
        parts = reader.parts(2)
    assert shown(parts) == [("A", 0, None), ("B", 0, 1)]
    assert causes(parts) == [DropCause.FRAME_MISSING, None]


def test_a_trigger_to_which_no_picture_comes_is_a_part_without_one_though_the_driver_still_waits_for_it() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, frames_per_part=2, late_s=0.1)) as source:
        reader = Reader(source)
        ready(camera, reader)
        with camera._changed:  # the driver does not return
            signal.bring("A", "B")
            parts = reader.parts(4)
    assert [part.part_id for part in parts] == list("AABB")
    assert causes(parts) == [DropCause.FRAME_MISSING] * 4


def test_while_no_picture_of_the_camera_can_be_had_every_trigger_is_a_part_at_once() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, frames_per_part=2)) as source:
        reader = Reader(source)
        reader.until(lambda _: signal.desk is not None, what="the signal is heeded")
        signal.bring("A")
        reader.parts(2)
        ready(camera, reader)
        signal.bring("B")
        camera.push(picture(1))
        reader.parts(3)
        signal.bring("C")
        camera.gone = SourceError("unplugged")
        reader.until(lambda reader: LOST in reader.reports, what="it is lost")
        signal.bring("D")
        parts = reader.parts(8)
    assert [part.part_id for part in parts] == list("AABBCCDD")
    assert causes(parts) == [*[DropCause.FRAME_MISSING] * 2, None, *[DropCause.FRAME_MISSING] * 5]


def test_triggers_that_do_not_fit_are_parts_in_their_turn() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, queue_size=1, frames_per_part=2)) as source:
        reader = Reader(source)
        ready(camera, reader)
        signal.bring("A")
        camera.push(picture(1))
        reader.parts(1)
        signal.bring("B", "C")
        camera.push(*map(picture, range(2, 6)))
        parts = reader.parts(6)
    assert [part.part_id for part in parts] == list("AABBCC")
    assert causes(parts) == [*[None] * 4, *[DropCause.QUEUE_OVERFLOW] * 2]


def test_a_change_over_waits_for_the_end_of_the_part_whose_frames_have_begun_to_come() -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, frames_per_part=3)) as source:
        source.begin_with(SetUp("red"))
        reader = Reader(source)
        ready(camera, reader)
        signal.bring("A", "B")
        camera.push(picture(1))
        reader.parts(1)
        done = source.change_over(SetUp("blue"))
        camera.push(*map(picture, range(2, 8)))
        parts = reader.parts(6)
    assert [(part.part_id, part.product) for part in parts] == [*[("A", "red")] * 3, *[("B", "blue")] * 3]
    assert done.done()


@pytest.mark.parametrize("come", [0, 1])
def test_what_is_owed_when_the_source_is_left_is_told_with_its_cause_and_no_trigger_is_taken_any_more(
    come: int,
) -> None:
    camera, signal = FiredCamera(), HandSignal()
    with source_of(camera, picked(signal, frames_per_part=2)) as source:
        reader = Reader(source)
        ready(camera, reader)
        signal.bring("A")
        camera.push(*map(picture, range(come)))
        reader.parts(come)
        signal.bring("B")
        left = [item for item in source.leave(DropCause.STOPPED, "the end") if isinstance(item, Frame | DamagedFrame)]
        assert signal.desk is not None
        assert not signal.desk.take(Trigger(time.monotonic_ns(), "C"))
    parts = [*reader.captured, *left]
    assert [part.part_id for part in parts] == list("AABB")
    assert causes(parts) == [*[None] * come, *[DropCause.STOPPED] * (4 - come)]
