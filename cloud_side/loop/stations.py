"""The stations of the line: real daemons with real files, started, changed and ended as by their owner."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cloud_side.loop.listening import Heard, Listener
from cloud_side.loop.programs import EDGE, LoopError, Programs, Running
from cloud_side.loop.settings import CAMERA, DAYS, DEFECT_RATE, IMAGE_WH, SITE, Day, Place, Size
from edge_inspector.durable import write_whole
from edge_inspector.simulation import Tag, plan_tag

PERSON: Final = "olga"
PASSWORD: Final = "of the morning shift"  # noqa: S105 - of a page that only this machine reaches, for some minutes
_A_DAY: Final = 100_000  # samples of a kind: people are asked for what they can label, by the batch
_GENEROUS: Final[Mapping[str, int]] = {"per_hour": _A_DAY, "per_day": _A_DAY, "quota_mb": 512}


@dataclass
class Station:
    """A station.

    Attributes:
        place: Where it stands.
        folder: Of its configuration, its state, and the models that are deployed to it.
        port: Of its operator page.
    """

    place: Place
    folder: Path
    port: int
    _running: Running | None = field(default=None, repr=False)

    @property
    def thing(self) -> str:
        """Its name."""
        return self.place.thing

    @property
    def models(self) -> Path:
        """Where its daemon looks for models."""
        return self.folder / "updates"

    @property
    def configuration(self) -> Path:
        """Its file."""
        return self.folder / "station.json"

    @property
    def page(self) -> str:
        """Address of its operator page."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, programs: Programs) -> None:
        """Start its daemon."""
        self._running = programs.start(self.thing, EDGE, "run", "-c", str(self.configuration))

    def check(self) -> None:
        """Let it pass that the daemon runs.

        Raises:
            LoopError: If it has ended.
        """
        if self._running is not None:
            self._running.check()

    def end(self) -> None:
        """Have the daemon end, if it runs.

        Raises:
            LoopError: If it did not end as it should.
        """
        running, self._running = self._running, None
        if running is not None and (code := running.end()):
            msg = f"{self.thing}: expected a clean end, found exit code {code}; see {running.log}"
            raise LoopError(msg)


@dataclass(frozen=True, slots=True)
class Around:
    """What the configuration of each station says of its surroundings.

    Attributes:
        broker_port: Of MQTT.
        samples: Folder that gets the samples: the product's bucket.
        password_hash: Of the person at the operator page.
    """

    broker_port: int
    samples: Path
    password_hash: str


def configure(station: Station, day: Day, size: Size, around: Around) -> None:
    """Write a station's file for a day, in one step; a daemon that runs takes it over."""
    station.models.mkdir(parents=True, exist_ok=True)
    content = json.dumps(document(station, day, size, around), indent=2).encode()
    write_whole(station.configuration, content, is_synced=False)


def document(station: Station, day: Day, size: Size, around: Around) -> dict[str, Any]:
    """Return what the file of a station says."""
    updates = {
        "folder": str(station.models),
        "probation_parts": size.probation,
        # The model before misses half of the defects. One that finds them rejects far more parts than it did, and
        # shall not be taken for a bad one; but more than every other part is too much.
        "max_reject_rate": 0.6,
    }
    return {
        "station": {"site": SITE, "line": station.thing, "station": station.thing, "camera": CAMERA},
        "source": {
            "type": "simulated",
            "seed": seed(station.place, day),
            "rate_hz": size.rate_hz,
            "image_wh": list(IMAGE_WH),
            "defect_rate": DEFECT_RATE,
            "dark_share": day.dark_share,
        },
        "model": {"updates": updates},
        "mqtt": {"host": "127.0.0.1", "port": around.broker_port},
        "state": {"dir": str(station.folder / "state")},
        "samples": {
            "random_share": size.random_share,
            **dict.fromkeys(("defect", "uncertain", "random", "operator"), _GENEROUS),
            "upload": {"target": {"type": "folder", "path": str(around.samples)}},
        },
        "page": {"port": station.port, "users": {PERSON: {"role": "operator", "password": around.password_hash}}},
        "flow": {"queue_size": 1000, "stats_interval_s": 2.0},
        "health": {"clock_synchronized": False, "min_free_mb": 64},
        "log": {"level": "info", "format": "text"},
    }


def seed(place: Place, day: Day) -> int:
    """Return which parts a station's line brings on a day."""
    return place.seed + day.number


def truth(places: Mapping[str, Place], heard: Heard) -> Tag:
    """Return what is on a part.

    Raises:
        LoopError: If the line has begun to count anew more often than the days have.
    """
    if heard.day >= len(DAYS):
        msg = (
            f"{heard.station}: expected {len(DAYS)} days of the line, found that its parts began anew {heard.day} times"
        )
        raise LoopError(msg)
    day = DAYS[heard.day]
    return plan_tag(
        seed(places[heard.station], day),
        heard.number,
        image_wh=IMAGE_WH,
        defect_rate=DEFECT_RATE,
        dark_share=day.dark_share,
    )


def wait_for_parts(
    listener: Listener, stations: list[Station], day: Day, count: int, patience_s: float
) -> dict[str, int]:
    """Wait until so many more parts, of all stations together, are heard of; return where each station began.

    Raises:
        LoopError: If they do not come.
    """
    began = {each.thing: len(of_day(listener, each, day)) for each in stations}

    def came() -> bool:
        return sum(len(of_day(listener, each, day)) - began[each.thing] for each in stations) >= count

    def check() -> None:
        for each in stations:
            each.check()

    listener.wait_for(came, patience_s, f"{count} parts of day {day.number}", check)
    return began


def of_day(listener: Listener, station: Station, day: Day) -> list[Heard]:
    """Return the results of a station on a day."""
    return [each for each in listener.results(station.thing) if each.day == day.number]
