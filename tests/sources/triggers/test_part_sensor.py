"""A part sensor made of pictures: on a simulated belt, and in a source."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.alarms import TRIGGER_UNAVAILABLE
from edge_inspector.camera import CameraStatus, SourceTrouble
from edge_inspector.frame import DropCause, Frame
from edge_inspector.settings import ProductCamera
from edge_inspector.simulation import render_belt
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.live import LiveSource, Picture, SetUp, TakerMaker
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.part_sensor import PartSensor, Seen, SensorOptions
from edge_inspector.sources.triggers.sensed import SensedParts
from tests.line_camera import FiredCamera, Reader, source_of

WH, PITCH, EMPTY_AT = (180, 120), 300, 185.0
STRIP = ((0.4, 0.0), (0.6, 0.0), (0.6, 1.0), (0.4, 1.0))
OPTIONS = SensorOptions(STRIP, 24, 0.5)


def belt(
    parts: int, *, speed_px: float, noise: float, drift: float, seed: int = 5
) -> Iterator[tuple[NDArray[np.uint8], dict[int, int]]]:
    """Yield pictures of a belt that stands still at first, and is empty there, and where each part in them lies."""
    rng = np.random.default_rng(seed)
    position, number = EMPTY_AT, 0
    while position < parts * PITCH + EMPTY_AT:
        image, seen = render_belt(seed, position, image_wh=WH, pitch_px=PITCH)
        light = 1 + drift * np.sin(number / 500)
        noisy = image * light + rng.normal(0, noise, image.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8), {part.number: part.offset_px for part in seen}
        position, number = position + (speed_px if number > 6 else 0), number + 1


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.nightly)])
def test_on_a_belt_each_part_is_seen_once_and_in_its_place_through_noise_and_another_light(count: int) -> None:
    sensor, found = PartSensor(OPTIONS), list[tuple[int, int]]()
    places: dict[int, int] = {}
    for image, now in belt(count, speed_px=11, noise=4.0, drift=0.25):
        if sensor.see(image) is Seen.PASSES:
            found.append(min(places.items(), key=lambda place: abs(place[1])))
        places = now
    assert [number for number, _ in found] == list(range(1, count + 1))
    # Parts come from the right: each was caught when it had reached the strip, not before and not far behind.
    assert all(-WH[0] * 0.2 < offset < WH[0] * 0.6 for _, offset in found)
    assert max(offset for _, offset in found) - min(offset for _, offset in found) < 5 * 11


@pytest.mark.parametrize(
    ("speed_px", "parts"), [(3, 8), (19, 25), (27, 25), pytest.param(3, 25, marks=pytest.mark.nightly)]
)
def test_it_does_not_depend_on_the_speed_of_the_belt(speed_px: float, parts: int) -> None:
    sensor = PartSensor(OPTIONS)
    seen = [sensor.see(image) for image, _ in belt(parts, speed_px=speed_px, noise=2.0, drift=0.0)]
    assert seen.count(Seen.PASSES) == parts


def test_a_belt_that_stops_with_a_part_in_front_counts_it_once() -> None:
    sensor = PartSensor(OPTIONS)
    pictures = [image for image, _ in belt(3, speed_px=10, noise=0.0, drift=0.0)]
    seen = [sensor.see(image) for image in pictures]
    stops_at = seen.index(Seen.COVERS)
    sensor = PartSensor(OPTIONS)
    halted = [*pictures[:stops_at], *[pictures[stops_at]] * 200, *pictures[stops_at:]]
    assert [sensor.see(image) for image in halted].count(Seen.PASSES) == 3


def test_nothing_is_learned_while_something_moves_through() -> None:
    sensor = PartSensor(OPTIONS)
    for value in range(0, 250, 10):
        assert sensor.see(np.full((120, 180), value, np.uint8)) is Seen.NOTHING
    assert not sensor.is_free


def test_color_pictures_serve_as_well_as_gray_ones() -> None:
    sensor = PartSensor(OPTIONS)
    empty, covered = np.full((120, 180, 3), 60, np.uint8), np.full((120, 180, 3), 160, np.uint8)
    seen = [sensor.see(image) for image in (*[empty] * 6, covered, covered, empty, covered, covered)]
    assert seen[6:] == [Seen.COVERS, Seen.PASSES, Seen.NOTHING, Seen.COVERS, Seen.PASSES]


def sensed() -> TakerMaker:
    numbers = iter(range(1000))

    def make(outlet: Outlet, frames: FrameMaker) -> SensedParts:
        return SensedParts(
            outlet, frames, ByArrival(1.0), sensor=OPTIONS, name=lambda _: PartTag(f"p{next(numbers)}"),
            staleness_s=60.0, patience_s=60.0, frozen_after_s=None,
        )  # fmt: skip

    return make


def test_of_a_free_running_camera_only_the_frame_that_shows_a_part_in_its_place_is_one() -> None:
    camera = FiredCamera()
    with source_of(camera, sensed()) as source:
        reader = Reader(source)
        for image, _ in belt(6, speed_px=10, noise=1.0, drift=0.0):
            camera.push(Picture(image, time.monotonic_ns(), "camera"))
        parts = reader.parts(6)
        assert source.read(0.05) is None
    assert [part.part_id for part in parts] == [f"p{n}" for n in range(6)]
    assert all(isinstance(part, Frame) for part in parts)
    assert reader.skipped == {}


@pytest.fixture
def in_place() -> Iterator[tuple[LiveSource, Reader, FiredCamera]]:
    """A source of whose camera a part lies in its place."""
    camera = FiredCamera()
    empty, covered = np.full((120, 180), 60, np.uint8), np.full((120, 180), 160, np.uint8)
    with source_of(camera, sensed()) as source:
        source.begin_with(SetUp("red"))
        reader = Reader(source)
        camera.push(*(Picture(image, time.monotonic_ns(), "camera") for image in (*[empty] * 6, covered)))
        taker = source._taker
        assert isinstance(taker, SensedParts)
        reader.until(lambda reader: bool(reader.troubles) and taker._best is not None, what="the part is seen")
        yield source, reader, camera


def test_a_part_that_was_in_its_place_before_a_change_over_is_of_before(
    in_place: tuple[LiveSource, Reader, FiredCamera],
) -> None:
    source, reader, _ = in_place
    source.change_over(SetUp("blue", ProductCamera())).result(20.0)
    (part,) = reader.parts(1)
    assert (part.part_id, part.product) == ("p0", "red")


def test_the_empty_line_stays_known_where_the_camera_sees_as_before(
    in_place: tuple[LiveSource, Reader, FiredCamera],
) -> None:
    source, reader, camera = in_place
    source.change_over(SetUp("blue")).result(20.0)
    for value in (160, 60, 160, 60):  # still the same part, none, the next one, none
        camera.push(Picture(np.full((120, 180), value, np.uint8), time.monotonic_ns(), "camera"))
    parts = reader.parts(2)
    assert [(part.part_id, part.product) for part in parts] == [("p0", "red"), ("p1", "blue")]


def test_a_part_that_is_in_its_place_when_the_source_is_left_has_its_picture(
    in_place: tuple[LiveSource, Reader, FiredCamera],
) -> None:
    source, _, _ = in_place
    left = source.leave(DropCause.STOPPED, "the end")
    assert [type(item) for item in left if not isinstance(item, SourceTrouble)] == [Frame]


def test_the_camera_waits_for_its_parts_and_that_the_line_is_free_is_told_once_for_an_alarm_that_may_stand(
    in_place: tuple[LiveSource, Reader, FiredCamera],
) -> None:
    _, reader, _ = in_place
    assert reader.reports == [(CameraStatus.ONLINE, None, True)]
    assert reader.troubles == [(TRIGGER_UNAVAILABLE, True)]
