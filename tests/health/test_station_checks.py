from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_inspector.alarms import (
    ALARM_NAMES,
    CLOCK_JUMPED,
    CLOCK_NOT_SET,
    DISK_LOW,
    JOURNAL_GROWING,
    OUT_OF_FOCUS,
    REJECT_RATE,
    THREAD_STUCK,
)
from edge_inspector.health.camera_health import CameraHealth
from edge_inspector.health.checks import Check, Checks
from edge_inspector.health.clock import ClockWatch
from edge_inspector.health.rates import RejectRate
from edge_inspector.health.station_checks import camera_checks, station_checks
from edge_inspector.health.watchdog import Stage, Watchdog
from edge_inspector.settings import HealthSettings
from tests.health.panel import RecordingPanel
from tests.health.pictures import blurred, frame, simulated


@dataclass
class Station:
    """All checks of a station, on clocks and counters that the test moves."""

    folder: Path
    settings: HealthSettings = field(default_factory=HealthSettings)
    now_s: float = 1000.0
    wall_s: float = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    backlog: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    panel: RecordingPanel = field(default_factory=RecordingPanel)
    watchdog: Watchdog = field(default_factory=Watchdog)

    def __post_init__(self) -> None:
        self.camera = CameraHealth(self.settings.image, is_triggered=True)
        self.stage: Stage = self.watchdog.stage("deliver", 60)
        clock = ClockWatch(
            wall_s=lambda: self.wall_s, elapsed_s=lambda: self.now_s, synchronized=lambda: self.now_s < 5000
        )
        checks: list[Check] = [
            *camera_checks(self.camera),
            *station_checks(
                self.settings,
                folder=self.folder,
                clock=clock,
                watchdog=self.watchdog,
                rejects=RejectRate(lambda: self.outcomes, self.settings.reject_rate_window),
                backlog=lambda: self.backlog,
            ),
        ]
        self.names = [check.name for check in checks]
        self.checks = Checks(self.panel, checks, first=[self.camera.measure])

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s, self.wall_s = self.now_s + 1, self.wall_s + 1
            self.checks.round(self.now_s)
        assert not self.checks.failures


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path, HealthSettings(min_free_mb=0))


def test_a_healthy_station_raises_nothing(station: Station) -> None:
    station.run(120)
    assert station.panel.changes == []
    assert set(station.names) <= set(ALARM_NAMES)
    assert len(station.names) == 10


def test_a_backlog_that_grows_and_is_sent(station: Station) -> None:
    station.backlog = {"mqtt": 50_001, "other": 3}
    station.run(9)
    assert station.panel.changes == []
    station.run(2)
    assert station.panel.standing[JOURNAL_GROWING].text == "50001 events wait for mqtt; expected at most 50000"
    station.backlog = {"mqtt": 10}
    station.run(12)
    assert station.panel.changes == [f"+{JOURNAL_GROWING}", f"-{JOURNAL_GROWING}"]


def test_a_clock_that_jumps_and_one_that_nobody_keeps(station: Station) -> None:
    station.run(5)
    station.wall_s += 3600
    station.run(3)
    assert list(station.panel.standing) == [CLOCK_JUMPED]
    station.run(70)
    assert not station.panel.standing
    station.now_s = 5001.0
    station.wall_s += 5001.0 - 1083
    station.run(700)
    assert CLOCK_NOT_SET in station.panel.standing


def test_a_full_disk(tmp_path: Path) -> None:
    station = Station(tmp_path, HealthSettings(min_free_mb=1e12))
    station.run(10)
    assert list(station.panel.standing) == [DISK_LOW]


def test_rejects_that_jump(station: Station) -> None:
    station.outcomes = {"accept": 0, "reject": 0}
    for number in range(3000):
        station.outcomes["reject" if number % 50 == 0 else "accept"] += 1
        station.run(number % 5 == 0)
    assert station.panel.changes == []
    for _ in range(40):
        station.outcomes["reject"] += 1
        station.run(1)
    assert list(station.panel.standing) == [REJECT_RATE]


def test_a_thread_that_is_stuck_on_the_real_clock(station: Station) -> None:
    station.stage.limit_s = -1.0  # any time is too long: the mark is on the machine's own clock
    station.stage.busy()
    station.run(1)
    assert list(station.panel.standing) == [THREAD_STUCK]
    station.stage.idle()
    station.run(10)
    assert not station.panel.standing


def test_pictures_out_of_focus(station: Station) -> None:
    tags = simulated(60)
    for tag in tags:
        station.camera.look(frame(tag))
        station.run(1)
    assert station.panel.changes == []
    for tag in tags[:20]:
        station.camera.look(frame(blurred(tag)))
        station.run(1)
    assert list(station.panel.standing) == [OUT_OF_FOCUS]
