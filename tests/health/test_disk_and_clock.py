from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_inspector.health.clock import ClockWatch, is_synchronized
from edge_inspector.health.disk import disk_probe, free_mb
from tests.small_disk import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", size="4m") as disk:
        yield disk


def test_a_disk_that_fills_is_told_with_what_is_free_and_what_is_expected(disk: Path) -> None:
    probe = disk_probe(disk / "not" / "made" / "yet", 2.0)
    assert probe() is None
    (disk / "filler").write_bytes(bytes(3_000_000))
    text = probe()
    assert text is not None
    assert text.endswith("1 MB are free; expected at least 2 MB")
    (disk / "filler").unlink()
    assert probe() is None


def test_no_limit_asks_for_nothing_and_a_place_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    assert disk_probe(tmp_path, 0.0)() is None
    assert free_mb(tmp_path) > 0
    text = disk_probe(tmp_path, 1e12)()
    assert text is not None
    assert "expected at least 1e+12 MB" in text


class Clocks:
    def __init__(self, year: int = 2026) -> None:
        self.elapsed_s = 100.0
        self.wall_s = datetime(year, 5, 1, tzinfo=UTC).timestamp()
        self.synchronized: bool | None = True

    def watch(self, *, wants_synchronized: bool = True) -> ClockWatch:
        return ClockWatch(
            wants_synchronized=wants_synchronized,
            wall_s=lambda: self.wall_s,
            elapsed_s=lambda: self.elapsed_s,
            synchronized=lambda: self.synchronized,
        )

    def go(self, seconds: float, *, jump_s: float = 0.0) -> None:
        self.elapsed_s += seconds
        self.wall_s += seconds + jump_s


def test_a_clock_that_stands_in_the_past_is_not_set() -> None:
    clocks = Clocks(1970)
    watch = clocks.watch(wants_synchronized=False)
    assert watch.not_set() == "the clock says 1970-05-01; expected 2025 or later"
    clocks.wall_s = 1e18
    text = watch.not_set()
    assert text is not None
    assert "expected a time of this century" in text


def test_a_clock_that_nobody_keeps_in_step_is_told_after_a_while() -> None:
    clocks = Clocks()
    clocks.synchronized = False
    watch = clocks.watch()
    assert watch.not_set() is None, "a time service needs its time after a start"
    clocks.go(599)
    assert watch.not_set() is None
    clocks.go(1)
    assert watch.not_set() == "no time service keeps the clock in step, says the kernel"
    assert clocks.watch(wants_synchronized=False).not_set() is None
    clocks.synchronized = True
    assert watch.not_set() is None


def test_a_kernel_that_does_not_tell_is_no_reason() -> None:
    clocks = Clocks()
    clocks.synchronized = None
    watch = clocks.watch()
    for _ in range(5):
        assert watch.not_set() is None
        clocks.go(600)


def test_the_kernel_of_this_machine_can_be_asked() -> None:
    assert is_synchronized() in {True, False, None}
    assert ClockWatch().not_set() is None
    assert ClockWatch().jumped() is None


@pytest.mark.parametrize(
    ("jump_s", "words"),
    [
        (2.5, "forward by 2.5 s"),
        (-37.2, "back by 37.2 s"),
        (3600, "forward by 60.0 minutes"),
        (-56 * 365 * 86400.0, "back by 20440.0 days"),
    ],
)
def test_a_clock_that_jumps_is_told_by_how_much_and_for_a_minute(jump_s: float, words: str) -> None:
    clocks = Clocks()
    watch = clocks.watch()
    clocks.go(1)
    assert watch.jumped() is None
    clocks.go(1, jump_s=jump_s)
    for _ in range(60):
        text = watch.jumped()
        assert text is not None
        assert f"the clock was set {words};" in text
        clocks.go(1)
    clocks.go(1)
    assert watch.jumped() is None


def test_a_clock_that_is_slewed_does_not_jump() -> None:
    clocks = Clocks()
    watch = clocks.watch()
    for _ in range(3600):
        clocks.go(1, jump_s=0.0005)
        assert watch.jumped() is None
