"""What every station asks itself: the checks by name, with their limits from the settings and what helps."""

from collections.abc import Callable, Mapping
from pathlib import Path

from edge_inspector.alarms import (
    CLOCK_JUMPED,
    CLOCK_NOT_SET,
    DISK_LOW,
    JOURNAL_GROWING,
    OUT_OF_FOCUS,
    OVEREXPOSED,
    POSITION_OFF,
    REJECT_RATE,
    THREAD_STUCK,
    UNDEREXPOSED,
    Severity,
)
from edge_inspector.health.camera_health import CameraHealth
from edge_inspector.health.checks import Check
from edge_inspector.health.clock import ClockWatch
from edge_inspector.health.disk import disk_probe
from edge_inspector.health.rates import RejectRate
from edge_inspector.health.watchdog import Watchdog
from edge_inspector.settings import HealthSettings

_PICTURE_S = 10.0  # that pictures are amiss must last so long: five of them are needed anyway
_PICTURE_OVER_S = 30.0
_BACKLOG_S = 10.0


def camera_checks(camera: CameraHealth) -> tuple[Check, ...]:
    """Return the checks of a camera's pictures."""

    def check(name: str, probe: Callable[[], str | None], what_to_do: str) -> Check:
        return Check(name, Severity.WARNING, what_to_do, probe, _PICTURE_S, _PICTURE_OVER_S)

    return (
        check(OUT_OF_FOCUS, camera.out_of_focus, "Look at the lens: its focus, dirt on it, and the camera's distance."),
        check(UNDEREXPOSED, camera.too_dark, "Look at the lamp, the lens cap and the camera's exposure."),
        check(OVEREXPOSED, camera.too_bright, "Look for light from outside, and at the camera's exposure and gain."),
        check(POSITION_OFF, camera.position_off, "Look at the trigger, the part's guide and the camera's mount."),
    )


def station_checks(  # noqa: PLR0913 - all that a station watches
    settings: HealthSettings,
    *,
    folder: Path,
    clock: ClockWatch,
    watchdog: Watchdog,
    rejects: RejectRate,
    backlog: Callable[[], Mapping[str, int]],
) -> tuple[Check, ...]:
    """Return the checks of everything but the camera.

    Args:
        settings: The limits.
        folder: Where the daemon keeps what survives it.
        clock: Knows whether the machine's clock can be trusted.
        watchdog: Knows who is stuck.
        rejects: Knows whether more parts are rejected than usual.
        backlog: Returns how many events wait, by sink.
    """

    def growing() -> str | None:
        sink, rows = max(backlog().items(), key=lambda item: item[1], default=("", 0))
        if rows <= settings.backlog_rows:
            return None
        return f"{rows} events wait for {sink}; expected at most {settings.backlog_rows}"

    return (
        Check(
            THREAD_STUCK,
            Severity.CRITICAL,
            "Restart the station; look into the log for what it hangs in.",
            watchdog.probe,
            clear_after_s=5.0,
        ),
        Check(
            REJECT_RATE,
            Severity.WARNING,
            "Look at rejected parts: the process has changed, or the light or the part has.",
            rejects.probe,
            clear_after_s=30.0,
        ),
        Check(
            JOURNAL_GROWING,
            Severity.WARNING,
            "Look at the broker and the network: events are kept, and sent once it is back.",
            growing,
            raise_after_s=_BACKLOG_S,
            clear_after_s=_BACKLOG_S,
        ),
        Check(
            DISK_LOW,
            Severity.CRITICAL,
            "Make room on this disk, or lower the limits of samples and journal.",
            disk_probe(folder, settings.min_free_mb),
            raise_after_s=5.0,
            clear_after_s=60.0,
        ),
        Check(
            CLOCK_NOT_SET,
            Severity.WARNING,
            "Set the clock, start a time service; without one on purpose: health.clock_synchronized = false.",
            clock.not_set,
            raise_after_s=5.0,
            clear_after_s=5.0,
        ),
        Check(
            CLOCK_JUMPED,
            Severity.WARNING,
            "Look at the time service; times before and after this do not fit together.",
            clock.jumped,
            clear_after_s=0.0,
        ),
    )
