"""Stations as values: what they last said, as rules wrote it down, and what the watch remembers of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cloud_side.monitoring.heard import ALARM, EXPIRES, KEY, KIND, KNOWN, RAISED, STATS, STATUS

Row = Mapping[str, str | float]
_GAUGES: Final = (
    "latency_p95_ms",
    "deadline_missed_share",
    "waiting_mqtt",
    "waiting_iot_core",
    "samples_waiting",
)


@dataclass(frozen=True)
class Counts:
    """Parts of a session, by what became of them."""

    accepted: int = 0
    reviewed: int = 0
    rejected: int = 0
    no_verdict: int = 0

    @property
    def parts(self) -> int:
        """All of them."""
        return self.accepted + self.reviewed + self.rejected + self.no_verdict

    def since(self, before: "Counts") -> "Counts":
        """Return what has come since then."""
        return Counts(
            self.accepted - before.accepted,
            self.reviewed - before.reviewed,
            self.rejected - before.rejected,
            self.no_verdict - before.no_verdict,
        )


@dataclass(frozen=True)
class Stats:
    """The last statistics of a session.

    Attributes:
        session: Id of the daemon's run.
        seen_ms: When AWS heard it, since 1970.
        counts: Since the session began.
        gauges: What it measures, as the columns have it; without what it did not say.
        camera: Its status; None until it is seen.
    """

    session: str
    seen_ms: int
    counts: Counts
    gauges: Mapping[str, float] = field(default_factory=dict)
    camera: str | None = None


@dataclass(frozen=True)
class Heard:
    """The last word of an alarm.

    Attributes:
        name: Camera and name.
        id: Of the event.
        stands: Whether it was raised, or cleared.
    """

    name: str
    id: str
    stands: bool
    severity: str = ""
    text: str = ""
    what_to_do: str = ""


@dataclass(frozen=True)
class Counted:
    """How far a session's parts are in the metrics.

    Attributes:
        at_ms: When that was.
        counts: In the sums.
        rated: In the rates.
    """

    at_ms: int
    counts: Counts
    rated: Counts


@dataclass(frozen=True)
class Told:
    """What people know of an alarm.

    Attributes:
        id: Of the event that they know.
        stands: Whether they think that it stands.
        since_ms: When its present hour began.
        changes: How often they were told in that hour.
    """

    id: str
    stands: bool
    since_ms: int
    changes: int


@dataclass(frozen=True)
class Known:
    """What the watch remembers of a station.

    Attributes:
        seen_ms: When it was last heard, as far as that was written down.
        is_silent: Whether people were told so.
        sessions: By their ids.
        alarms: By camera and name.
    """

    seen_ms: int = 0
    is_silent: bool = False
    sessions: Mapping[str, Counted] = field(default_factory=dict)
    alarms: Mapping[str, Told] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Station:
    """All that is known of a station.

    Attributes:
        name: `site/line/station`.
        status: `online`, `stopped` or `offline`; empty where it has said none.
        status_ms: When.
        stats: Of its sessions.
        alarms: The last word of each.
        known: What the watch remembers.
    """

    name: str
    status: str = ""
    status_ms: int = 0
    stats: tuple[Stats, ...] = ()
    alarms: tuple[Heard, ...] = ()
    known: Known | None = None

    @property
    def stats_ms(self) -> int:
        """When it last said statistics; 0: not in the last day."""
        return max((each.seen_ms for each in self.stats), default=0)

    @property
    def seen_ms(self) -> int:
        """When it was last heard."""
        return max(self.status_ms, self.stats_ms, 0 if self.known is None else self.known.seen_ms)


def stations_of(rows: Iterable[Row], now_ms: int) -> list[Station]:
    """Return the stations that rows are about, by name; rows that have expired are passed over."""
    by_station: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if float(row.get(EXPIRES, 0)) * 1000 > now_ms:
            by_station[str(row[KEY])].append(row)
    return [_station(name, by_station[name]) for name in sorted(by_station)]


def _station(name: str, rows: Iterable[Row]) -> Station:
    status, status_ms, known = "", 0, None
    stats: list[Stats] = []
    alarms: list[Heard] = []
    for row in rows:
        kind = str(row[KIND])
        if kind == STATUS:
            status, status_ms = str(row.get("status", "")), int(row["seen_ms"])
        elif kind.startswith(STATS):
            stats.append(_stats(kind.removeprefix(STATS), row))
        elif kind.startswith(ALARM):
            alarms.append(_heard(kind.removeprefix(ALARM), row))
        elif kind == KNOWN:
            known = _known(json.loads(str(row["known"])))
    return Station(name, status, status_ms, tuple(stats), tuple(alarms), known)


def _stats(session: str, row: Row) -> Stats:
    counts = Counts(*(int(row.get(name, 0)) for name in ("accepted", "reviewed", "rejected", "no_verdict")))
    gauges = {name: float(row[name]) for name in _GAUGES if name in row}
    camera = row.get("camera")
    return Stats(session, int(row["seen_ms"]), counts, gauges, None if camera is None else str(camera))


def _heard(name: str, row: Row) -> Heard:
    text = (str(row.get(column, "")) for column in ("severity", "text", "what_to_do"))
    return Heard(name, str(row.get("id", "")), row.get("type") == RAISED, *text)


def _known(document: Mapping[str, Any]) -> Known:
    sessions = {
        session: Counted(each["at_ms"], Counts(**each["counts"]), Counts(**each["rated"]))
        for session, each in document["sessions"].items()
    }
    alarms = {name: Told(**each) for name, each in document["alarms"].items()}
    return Known(document["seen_ms"], document["is_silent"], sessions, alarms)
