"""A camera's clock that starts anywhere, drifts, and is read late."""

import random

import pytest

from edge_inspector.sources.genicam.clock import CameraClock, StampUnit
from edge_inspector.sources.genicam.latch import Latch
from edge_inspector.sources.genicam.nodes import Bounds, Kind, RefusedByCameraError, Value

MS = 1_000_000
BEGAN_NS = 7_000_000_000_000  # the camera's clock, when this machine's is 0


class CameraOf:
    """What a camera stamps, whose clock is `drift` too fast."""

    def __init__(self, drift: float = 0.0) -> None:
        self.drift = drift

    def stamp_ns(self, now_ns: int) -> int:
        return BEGAN_NS + now_ns + round(now_ns * self.drift)


def test_a_frame_that_waited_is_as_old_as_it_is() -> None:
    clock, camera = CameraClock(), CameraOf()
    for number in range(100):
        captured_ns = number * 40 * MS
        clock.captured_ns(camera.stamp_ns(captured_ns), captured_ns + 10 * MS)
    waited_ns = 100 * 40 * MS
    found_ns = clock.captured_ns(camera.stamp_ns(waited_ns), waited_ns + 900 * MS)
    assert found_ns is not None
    assert abs(found_ns - waited_ns - 10 * MS) < MS, "but for what every frame takes"


def test_a_drifting_clock_stays_known_without_a_latch() -> None:
    chance = random.Random(1)
    for drift in (-1e-4, 1e-4):
        clock, camera = CameraClock(), CameraOf(drift)
        for number in range(25 * 600):
            captured_ns = number * 40 * MS
            found_ns = clock.captured_ns(
                camera.stamp_ns(captured_ns), captured_ns + 10 * MS + int(chance.expovariate(1) * MS)
            )
            assert found_ns is not None
            if number > 25:
                assert 0 < found_ns - captured_ns < 12 * MS


def test_the_latch_finds_what_every_frame_takes() -> None:
    clock, camera = CameraClock(), CameraOf(5e-5)
    for number in range(25 * 60):
        now_ns = number * 40 * MS
        if clock.wants_latch(now_ns):
            clock.latch(now_ns, camera.stamp_ns(now_ns + MS // 4), now_ns + MS)
        found_ns = clock.captured_ns(camera.stamp_ns(now_ns), now_ns + 36 * MS)
        assert found_ns is not None
        assert abs(found_ns - now_ns) < MS


def test_a_slow_answer_does_not_spoil_what_is_known() -> None:
    clock, camera = CameraClock(), CameraOf()
    clock.latch(0, camera.stamp_ns(MS // 2), MS)
    clock.latch(6000 * MS, camera.stamp_ns(6001 * MS), 6900 * MS)
    found_ns = clock.captured_ns(camera.stamp_ns(7000 * MS), 7010 * MS)
    assert found_ns is not None
    assert abs(found_ns - 7000 * MS) < 2 * MS


def test_a_clock_that_was_set_back_is_another_clock() -> None:
    clock, camera = CameraClock(), CameraOf()
    clock.latch(0, camera.stamp_ns(0), 0)
    clock.captured_ns(camera.stamp_ns(1000 * MS), 1010 * MS)
    found_ns = clock.captured_ns(5 * MS, 2010 * MS)
    assert found_ns == 2010 * MS, "nothing but its arrival is known"
    assert clock.wants_latch(2010 * MS)


def test_a_clock_that_was_set_forward_is_another_clock() -> None:
    clock, camera = CameraClock(), CameraOf()
    clock.latch(0, camera.stamp_ns(0), 0)
    clock.captured_ns(camera.stamp_ns(1000 * MS), 1010 * MS)
    assert clock.captured_ns(camera.stamp_ns(3_600_000 * MS), 2010 * MS) == 2010 * MS
    assert clock.wants_latch(2010 * MS)


def test_no_frame_is_captured_after_its_arrival() -> None:
    clock, camera = CameraClock(), CameraOf()
    clock.latch(0, camera.stamp_ns(0), 4 * MS)
    found_ns = clock.captured_ns(camera.stamp_ns(100 * MS), 100 * MS)
    assert found_ns is not None
    assert found_ns <= 100 * MS


def test_a_frame_without_a_stamp_tells_nothing() -> None:
    assert CameraClock().captured_ns(0, 10 * MS) is None


class LatchNodes:
    """A camera with GigE Vision's latch, whose clock ticks at 125 MHz."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self._kept = 0

    def kind(self, name: str) -> Kind | None:
        if name == "GevTimestampControlLatch":
            return Kind.COMMAND
        return Kind.INTEGER if name in {"GevTimestampValue", "GevTimestampTickFrequency"} else None

    def read(self, name: str) -> Value:
        return 125_000_000 if name == "GevTimestampTickFrequency" else self._kept

    def write(self, name: str, value: Value) -> None:
        raise NotImplementedError(name, value)

    def execute(self, name: str) -> None:
        if self.refuses:
            raise RefusedByCameraError(name)
        self._kept = 1_000_000

    def bounds(self, name: str) -> Bounds | None:
        raise NotImplementedError(name)

    def entries(self, name: str) -> list[str]:
        raise NotImplementedError(name)


def test_the_ticks_of_a_latch_are_counted_by_their_frequency() -> None:
    latch = Latch.of(LatchNodes())
    assert latch is not None
    assert latch.ns_per_tick == 8
    clock = CameraClock()
    Latch(latch.nodes, latch.command, latch.value, latch.ns_per_tick, now_ns=lambda: 500 * MS).compare(clock)
    assert clock.captured_ns(8_000_000, 600 * MS) == 500 * MS


def test_a_camera_that_refuses_to_latch_is_known_by_arrival() -> None:
    latch, clock = Latch.of(LatchNodes(refuses=True)), CameraClock()
    assert latch is not None
    latch.compare(clock)
    assert clock.captured_ns(8_000_000, 600 * MS) == 600 * MS
    assert not clock.wants_latch(700 * MS), "it would do so with every frame"


def test_a_latch_of_another_clock_than_the_stamps_is_not_believed_for_ever() -> None:
    clock, camera = CameraClock(), CameraOf()
    for number in range(100):
        now_ns = number * 40 * MS
        if clock.wants_latch(now_ns):
            clock.latch(now_ns, camera.stamp_ns(now_ns) // 8, now_ns + MS)  # it tells ticks
        clock.captured_ns(camera.stamp_ns(now_ns), now_ns + 10 * MS)
    found_ns = clock.captured_ns(camera.stamp_ns(4000 * MS), 4900 * MS)
    assert found_ns is not None
    assert abs(found_ns - 4010 * MS) < MS, "one that waited is as old as it is"


@pytest.mark.parametrize(("speed", "is_ns"), [(1.0, True), (1.01, True), (1 / 8, False), (0.001, False), (8.0, False)])
def test_stamps_that_are_not_nanoseconds_are_found(speed: float, *, is_ns: bool) -> None:
    unit = StampUnit()
    found = [unit.is_ns(BEGAN_NS + round(number * 40 * MS * speed), number * 40 * MS) for number in range(250)]
    assert found[-1] is is_ns
    assert all(found) is is_ns


def test_stamps_of_a_clock_that_is_being_set_stay_nanoseconds() -> None:
    unit = StampUnit()
    for number in range(250):
        now_ns = number * 40 * MS
        jumped_ns = 0 if number < 30 else 50 * 365 * 86_400_000 * MS
        assert unit.is_ns(BEGAN_NS + now_ns + jumped_ns, now_ns)
