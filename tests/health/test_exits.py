import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.health.exits import HOUR_S, ExitBudget, Guard, Moment, Remedy, age_s, this_moment
from edge_inspector.health.watchdog import Stuck
from tests.small_disk import set_read_only, small_disk

START = Moment(1_800_000_000.0, "boot-1", 50_000.0)


def later(seconds: float, *, clock_jump_s: float = 0.0) -> Moment:
    return Moment(START.wall_s + seconds + clock_jump_s, START.boot, START.uptime_s + seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exits.json"


def test_two_exits_an_hour_are_allowed_and_the_third_is_not(path: Path) -> None:
    assert ExitBudget(path, 2).take(START)
    assert ExitBudget(path, 2).allowed(later(10))
    assert ExitBudget(path, 2).take(later(10))
    assert not ExitBudget(path, 2).allowed(later(20))
    assert not ExitBudget(path, 2).take(later(20))
    assert not ExitBudget(path, 2).take(later(HOUR_S - 1))
    assert ExitBudget(path, 2).take(later(HOUR_S))
    assert not ExitBudget(path, 2).take(later(HOUR_S + 5)), "that of second 10 is not yet an hour old"
    assert ExitBudget(path, 2).take(later(HOUR_S + 10))


def test_a_budget_of_none_allows_none(path: Path) -> None:
    assert not ExitBudget(path, 0).allowed(START)
    assert not ExitBudget(path, 0).take(START)
    assert not path.exists()


@pytest.mark.parametrize("jump_s", [-1e9, -7200, 7200, 1e9])
def test_a_clock_that_jumps_neither_blocks_exits_for_ever_nor_allows_more(path: Path, jump_s: float) -> None:
    budget = ExitBudget(path, 2)
    assert budget.take(START)
    assert budget.take(later(1))
    assert not budget.take(later(2, clock_jump_s=jump_s))
    assert budget.take(later(HOUR_S, clock_jump_s=jump_s))


@given(
    st.lists(st.tuples(st.floats(1, 4000), st.floats(-1e9, 1e9)), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_within_a_boot_no_hour_has_more_exits_than_allowed_whatever_the_clock_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, float]], per_hour: int
) -> None:
    budget = ExitBudget(tmp_path_factory.mktemp("exits") / "exits.json", per_hour)
    second, taken = 0.0, list[float]()
    for step_s, jump_s in steps:
        second += step_s
        within = [earlier for earlier in taken if second - earlier < HOUR_S - 1e-3]
        surely_out = [earlier for earlier in taken if second - earlier > HOUR_S + 1e-3]
        if budget.take(later(second, clock_jump_s=jump_s)):
            taken.append(second)
            assert len(within) < per_hour
        else:
            assert len(taken) - len(surely_out) >= per_hour


def test_after_a_reboot_an_exit_is_as_old_as_the_clock_says_and_at_least_as_old_as_the_boot() -> None:
    assert age_s(START, Moment(START.wall_s + 600, "boot-2", 60)) == 600
    assert age_s(START, Moment(START.wall_s - 1e9, "boot-2", 60)) == 60, "a clock that starts in 1970"
    assert age_s(START, Moment(START.wall_s + 10, "boot-2", 5000)) == 5000
    assert age_s(START, Moment(START.wall_s + 10, "boot-1", 20)) == 20, "a boot without a name of its own"
    assert age_s(Moment(START.wall_s + 1e9, "boot-1", 50), Moment(START.wall_s, "boot-2", HOUR_S)) >= HOUR_S


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"exits": 5}',
        b'{"exits": [{}]}',
        b'{"exits": [{"wall_s": NaN, "boot": "b", "uptime_s": 1}]}',
        b'{"exits": [{"wall_s": "x", "boot": "b", "uptime_s": 1}]}',
        b"\xff\xfe",
        b"[" * 5000,
        b" " * 100_000,
    ],
)
def test_a_damaged_record_allows_no_exit_and_is_whole_again_an_hour_later(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    budget = ExitBudget(path, 2)
    assert not budget.allowed(START)
    assert not budget.take(later(1))
    assert len(json.loads(path.read_bytes())["exits"]) == 2
    assert not budget.take(later(HOUR_S - 1))
    assert budget.take(later(HOUR_S))


def test_an_exit_that_cannot_be_written_down_is_not_allowed(tmp_path: Path) -> None:
    assert not ExitBudget(tmp_path / "missing" / "exits.json", 2).take(START)
    (tmp_path / "exits.json").mkdir()
    assert not ExitBudget(tmp_path / "exits.json", 2).allowed(START)
    assert not ExitBudget(tmp_path / "exits.json", 2).take(START)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", size="64k") as disk:
        yield disk


def test_on_a_full_or_read_only_disk_no_exit_is_allowed_and_the_record_stays(disk: Path) -> None:
    path = disk / "exits.json"
    assert ExitBudget(path, 2).take(START)
    before = path.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        (disk / "filler").write_bytes(bytes(1 << 20))
    assert not ExitBudget(path, 2).take(later(1))
    assert sorted(entry.name for entry in disk.iterdir()) == ["exits.json", "filler"]
    (disk / "filler").unlink()
    set_read_only(disk, on=True)
    assert not ExitBudget(path, 2).take(later(2))
    assert path.read_bytes() == before


_TAKES = """
import os, signal, sys
from pathlib import Path
from edge_inspector.health.exits import ExitBudget
if ExitBudget(Path(sys.argv[1]), 2).take():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_that_are_killed_right_after_they_took_an_exit_spend_one_budget_together(path: Path) -> None:
    codes = [subprocess.run([sys.executable, "-c", _TAKES, str(path)], check=False).returncode for _ in range(4)]
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0, 0]


def test_this_moment_has_all_of_its_clocks() -> None:
    first, second = this_moment(), this_moment()
    assert first.boot == second.boot != ""
    assert 0 < first.uptime_s <= second.uptime_s
    assert 0 <= age_s(first, second) < 60


STUCK = Stuck("deliver", 75, 60).text


def test_a_guard_takes_one_exit_however_often_it_is_asked(path: Path) -> None:
    guard = Guard(ExitBudget(path, 2))
    assert guard.is_content()
    assert {guard.verdict_on(STUCK), guard.verdict_on(STUCK)} == {Remedy.EXIT}
    assert guard.may_exit()
    assert len(json.loads(path.read_bytes())["exits"]) == 1
    assert not guard.is_content()


def test_a_guard_without_a_budget_says_degrade_and_stays_content(path: Path) -> None:
    budget = ExitBudget(path, 2)
    assert budget.take()
    assert budget.take()
    guard = Guard(budget)
    assert guard.verdict_on(STUCK) == "degrade"
    assert not guard.may_exit()
    assert guard.is_content()


def test_a_degraded_daemon_ends_once_the_budget_allows_it_again(path: Path) -> None:
    path.mkdir()
    guard = Guard(ExitBudget(path, 2))
    assert guard.verdict_on(STUCK, monotonic_s=0) is Remedy.DEGRADE
    path.rmdir()
    assert guard.verdict_on(STUCK, monotonic_s=1) is Remedy.DEGRADE, "the disk is not asked every second"
    assert guard.verdict_on(STUCK, monotonic_s=31) is Remedy.EXIT
