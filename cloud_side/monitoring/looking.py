"""Looks at all stations: what is to be told, written as metrics, and remembered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cloud_side.monitoring.alarms import tell
from cloud_side.monitoring.figures import figures
from cloud_side.monitoring.metrics import Metric
from cloud_side.monitoring.silence import Presence, presence
from cloud_side.monitoring.stations import Counted, Heard, Known, Station, Told


@dataclass(frozen=True)
class Figures:
    """Metrics of a session of a station."""

    station: str
    session: str
    values: Mapping[Metric, float]


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        stations: How each one is there, by name.
        fell_silent: Stations of which people do not know it yet.
        came_back: Stations that people think are silent.
        alarms: What they are to be told, with the station.
        figures: Metrics of sessions that have some.
        known: What is to be remembered that was not yet, by station.
    """

    stations: Mapping[str, Presence]
    fell_silent: tuple[Station, ...]
    came_back: tuple[Station, ...]
    alarms: tuple[tuple[str, Heard], ...]
    figures: tuple[Figures, ...]
    known: Mapping[str, Known]

    def named(self, how: Presence) -> list[str]:
        """Return the stations that are there in this way."""
        return [name for name, each in self.stations.items() if each is how]

    @property
    def totals(self) -> dict[Metric, float]:
        """How many stations there are, and how."""
        return {
            Metric.STATIONS: len(self.stations),
            Metric.SILENT_STATIONS: len(self.named(Presence.SILENT)),
            Metric.STOPPED_STATIONS: len(self.named(Presence.STOPPED)),
        }


def look(stations: Iterable[Station], now_ms: int, limit_ms: int) -> Look:
    """Return what is to be done about stations.

    Args:
        stations: What they said, and what is remembered of them.
        now_ms: Since 1970.
        limit_ms: How long one may say nothing.
    """
    presences: dict[str, Presence] = {}
    fell: list[Station] = []
    back: list[Station] = []
    alarms: list[tuple[str, Heard]] = []
    found: list[Figures] = []
    known: dict[str, Known] = {}
    for station in stations:
        before = station.known or Known()
        how = presences[station.name] = presence(station, now_ms, limit_ms)
        if (how is Presence.SILENT) != before.is_silent:
            (back if before.is_silent else fell).append(station)
        told, words = _alarms(station, before, now_ms)
        alarms += [(station.name, heard) for heard in words]
        sessions, of_station = _sessions(station, before)
        found += of_station
        after = replace(before, is_silent=how is Presence.SILENT, alarms=told, sessions=sessions)
        if after != before or station.known is None:
            known[station.name] = replace(after, seen_ms=station.seen_ms)
    return Look(presences, tuple(fell), tuple(back), tuple(alarms), tuple(found), known)


def _alarms(station: Station, before: Known, now_ms: int) -> tuple[dict[str, Told], list[Heard]]:
    told, words = {}, []
    for heard in station.alarms:
        is_news, after = tell(heard, before.alarms.get(heard.name), now_ms)
        if is_news:
            words.append(heard)
        if after is not None:
            told[heard.name] = after
    return told, words


def _sessions(station: Station, before: Known) -> tuple[dict[str, Counted], list[Figures]]:
    sessions, found = {}, []
    for stats in station.stats:
        values, sessions[stats.session] = figures(stats, before.sessions.get(stats.session))
        if values:
            found.append(Figures(station.name, stats.session, values))
    return sessions, found
