"""Whether a station still says something; none is silent that stopped on purpose."""

from enum import StrEnum
from typing import Final

from cloud_side.monitoring.stations import Station

_LATE_MS: Final = 30_000  # statistics that were on their way when their daemon said that it stops


class Presence(StrEnum):
    """How a station is there."""

    HEARD = "heard"
    STOPPED = "stopped"
    SILENT = "silent"


def presence(station: Station, now_ms: int, limit_ms: int) -> Presence:
    """Return whether a station is there.

    Its last will, `offline`, is no purpose: it says that the broker lost the station, which often is back at once.

    Args:
        station: What it said.
        now_ms: Since 1970.
        limit_ms: How long it may say nothing.
    """
    if station.status == "stopped" and station.stats_ms <= station.status_ms + _LATE_MS:
        return Presence.STOPPED
    return Presence.SILENT if now_ms - station.seen_ms > limit_ms else Presence.HEARD
