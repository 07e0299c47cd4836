"""A camera with a trigger of its own: each frame that it takes belongs to a part."""

import time

from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.errors import SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.settings import ProductCamera
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.live import Incomplete, SetUp, TakerMaker
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.wired import WiredParts
from tests.line_camera import OPTIONS, FiredCamera, Reader, causes, picture, source_of
from tests.mosquitto import eventually

WAITS = (CameraStatus.ONLINE, None, True)


def by_wire(*, frames_per_part: int = 1, deadline_ms: float | None = None, product: str | None = None) -> TakerMaker:
    numbers = iter(range(10_000))

    def make(outlet: Outlet, frames: FrameMaker) -> WiredParts:
        return WiredParts(
            outlet, frames, name=lambda _: PartTag(f"p{next(numbers)}", "lot-1", product),
            frames_per_part=frames_per_part, deadline_ns=None if deadline_ms is None else int(deadline_ms * 1e6),
        )  # fmt: skip

    return make


def test_every_frame_is_a_part_whether_it_came_whole_or_not() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire()) as source:
        reader = Reader(source)
        reader.until(lambda reader: reader.reports == [WAITS], what="it waits")
        camera.push(picture(0), Incomplete("3 of 5 packets came"), Incomplete("a gap", is_missing=True), picture(3))
        parts = reader.parts(4)
    assert [part.part_id for part in parts] == ["p0", "p1", "p2", "p3"]
    assert causes(parts) == [None, DropCause.FRAME_DAMAGED, DropCause.FRAME_MISSING, None]
    assert {part.lot for part in parts} == {"lot-1"}
    assert isinstance(parts[1], DamagedFrame)
    assert parts[1].problem == "3 of 5 packets came"


def test_frames_are_counted_into_parts_and_one_that_did_not_arrive_keeps_its_place() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire(frames_per_part=3)) as source:
        camera.push(picture(0), Incomplete("a gap", is_missing=True), picture(2), *(picture(n) for n in range(3)))
        parts = Reader(source).parts(6)
    assert [(part.part_id, part.part_frame) for part in parts] == [(f"p{n // 3}", n % 3) for n in range(6)]


def test_a_frame_after_the_deadline_of_its_part_is_the_first_of_the_next() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire(frames_per_part=2, deadline_ms=1000)) as source:
        camera.push(picture(0, age_s=5.0), picture(1, age_s=2.0), picture(2, age_s=1.9))
        parts = Reader(source).parts(3)
    assert [(part.part_id, part.part_frame) for part in parts] == [("p0", 0), ("p1", 0), ("p1", 1)]


def test_an_outage_ends_the_part_that_was_under_way() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire(frames_per_part=2)) as source:
        reader = Reader(source)
        camera.push(picture(0))
        reader.parts(1)
        camera.gone = SourceError("unplugged")
        reader.until(lambda reader: (CameraStatus.OFFLINE, CameraFault.LOST, False) in reader.reports, what="lost")
        camera.gone = None
        camera.push(picture(1), picture(2))
        parts = reader.parts(3)
    assert [(part.part_id, part.part_frame) for part in parts] == [("p0", 0), ("p1", 0), ("p1", 1)]


def test_a_change_over_waits_for_the_end_of_the_part_that_is_under_way_and_no_longer_than_it_may() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire(frames_per_part=2)) as source:
        reader = Reader(source)
        camera.push(picture(0))
        reader.parts(1)
        done = source.change_over(SetUp("blue"))
        reader.until(lambda _: source._wished_s is not None, what="it is wished")
        camera.push(picture(1), picture(2))
        done.result(20.0)
        reader.parts(3)
        source.change_over(SetUp("red", ProductCamera())).result(20.0)  # its second frame never comes
        camera.push(picture(3), picture(4))
        parts = reader.parts(5)
    assert [(part.part_id, part.part_frame, part.product) for part in parts] == [
        ("p0", 0, None), ("p0", 1, None), ("p1", 0, "blue"), ("p2", 0, "red"), ("p2", 1, "red"),
    ]  # fmt: skip


def test_a_part_that_is_another_product_than_the_line_is_set_up_for_is_not_judged() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire(product="red")) as source:
        source.begin_with(SetUp("blue"))
        camera.push(picture(0))
        (part,) = Reader(source).parts(1)
    assert isinstance(part, DamagedFrame)
    assert (part.cause, part.product) == (DropCause.PRODUCT_MISMATCH, "blue")
    assert part.problem == "the part is product red, the line is set up for blue"


def test_identical_parts_are_no_frozen_camera_and_old_ones_are_not_stale() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire()) as source:
        camera.push(*(picture(7, age_s=30.0) for _ in range(20)))
        parts = Reader(source).parts(20)
    assert causes(parts) == [None] * 20


def test_a_reader_that_is_held_up_loses_pictures_and_no_part() -> None:
    camera = FiredCamera()
    with source_of(camera, by_wire()) as source:
        source.read(0.0)
        count = OPTIONS.waiting_frames + 50
        camera.push(*(picture(n) for n in range(count)))
        eventually(lambda: not camera._came, what="the camera was read")
        reader = Reader(source)
        parts = reader.parts(count)
        camera.push(picture(0))
        last = reader.parts(count + 1)[-1]
    assert [part.part_id for part in parts] == [f"p{n}" for n in range(count)]
    assert causes(parts) == [*[None] * OPTIONS.waiting_frames, *[DropCause.QUEUE_OVERFLOW] * 50]
    assert isinstance(last, Frame)
    assert last.captured_monotonic_ns <= time.monotonic_ns()
