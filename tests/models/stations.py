"""A station under load whose models change, and what it has told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from edge_inspector.app import build
from edge_inspector.app.models import StationModel
from edge_inspector.app.updated_model import Packages
from edge_inspector.errors import EndOfSource
from edge_inspector.frame import Frame
from edge_inspector.models.memory import Probation
from edge_inspector.models.store import Store, store_in
from edge_inspector.pipeline.options import Totals
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import Message
from tests.models.made import POLICY_CLASS, Updates, picture, spot_package
from tests.mosquitto import eventually

PATIENCE_S = 60.0
PERIOD_S = 0.0025


class Line:
    """A camera that sees the same picture for ever: on time whatever becomes of it, or as fast as it is read.

    Attributes:
        captured: Frames that it has delivered.
        moves: It delivers none while this is not set.
    """

    def __init__(self, period_s: float, *, is_triggered: bool) -> None:
        self.captured = 0
        self.moves = threading.Event()
        self.moves.set()
        self._image, self._is_triggered = picture(), is_triggered
        self._period_s = period_s
        self._ended = threading.Event()
        self._next_s = time.monotonic()

    def read(self, timeout_s: float) -> Frame | None:
        if not self.moves.wait(timeout_s):
            return None
        self._next_s = max(self._next_s + self._period_s, time.monotonic() - 10 * self._period_s)
        if self._ended.wait(max(0.0, self._next_s - time.monotonic())):
            raise EndOfSource
        number, self.captured = self.captured, self.captured + 1
        part_id = f"part-{number}" if self._is_triggered else None
        return Frame(self._image, number, datetime.now(UTC), time.monotonic_ns(), "line", part_id)

    def end(self) -> None:
        self._ended.set()
        self.moves.set()


class Told:
    """What a station publishes: results in order, each with when it came, and what it says of models and alarms.

    Results are kept as they come: thousands of documents would make this process stop for its garbage collection.
    """

    def __init__(self) -> None:
        self.came_s: list[float] = []
        self._payloads: list[bytes] = []
        self.models: list[dict[str, Any]] = []
        self.alarms: list[tuple[str, bytes]] = []
        self._changes: list[tuple[int, str]] = []
        self._came = threading.Condition()

    def send(self, message: Message) -> None:
        match message.topic.split("/")[4:]:
            case [_, "result"]:
                self.came_s.append(time.monotonic())
                self._payloads.append(message.payload)
            case ["model"]:
                event = json.loads(message.payload)
                with self._came:
                    self.models.append(event)
                    if event["type"].endswith("model.changed.v1"):
                        self._changes.append((len(self._payloads), event["data"]["model"]["version"]))
                    self._came.notify_all()
            case ["alarm", name]:
                with self._came:
                    self.alarms.append((name, message.payload))
                    self._came.notify_all()
            case _:
                pass

    def results(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the results in order, each with the version that was told last before it."""
        changes, told = iter([*self._changes, (len(self._payloads) + 1, "")]), ""
        at, version = next(changes)
        for number, payload in enumerate(self._payloads):
            while at <= number:
                told = version
                at, version = next(changes)
            yield json.loads(payload)["data"], told

    def wait_for(self, kind: str, wanted: Callable[[dict[str, Any]], bool], *, after: int = 0) -> dict[str, Any]:
        """Return the first event of a kind that is wanted, of those that came `after` so many."""

        def find() -> dict[str, Any] | None:
            fit = (event["data"] for event in self.models[after:] if event["type"].endswith(f"{kind}.v1"))
            return next((data for data in fit if wanted(data)), None)

        with self._came:
            found = self._came.wait_for(find, PATIENCE_S)
        assert found is not None, f"no {kind}: {self.models[after:]}"
        return found


class Station:
    """A station that runs on a thread of its own until its line ends."""

    def __init__(self, settings: Settings) -> None:
        period_s = 0.0 if settings.source.type == "directory" else PERIOD_S
        self.line, self.told = Line(period_s, is_triggered=settings.source.is_triggered), Told()
        self._settings = settings
        self._stack = ExitStack()
        self._totals: list[Totals] = []

    def __enter__(self) -> Self:
        sinks = {"told": self.told}
        opened = build(self._settings, threading.Event(), sinks=sinks, source=self.line)
        self.opened = self._stack.enter_context(opened)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.line.end()
        self._thread.join(PATIENCE_S)
        self._stack.close()

    @property
    def models(self) -> StationModel:
        return self.opened._products._joined.looks

    def _run(self) -> None:
        self._totals.append(self.opened.run(threading.Event()))

    def end(self, *, frames: int = 0) -> Totals:
        """End the line after so many frames."""
        while self.line.captured < frames:
            eventually(lambda has=self.line.captured: self.line.captured > has, what="the line goes on")
        self.line.end()
        self._thread.join(PATIENCE_S)
        return self.totals()

    def totals(self) -> Totals:
        return self._totals[0]


def store_of(settings: Settings) -> Store:
    return Store(store_in(settings.home))


def with_running(settings: Settings, package: Path, *, probation: Probation | None = None) -> None:
    """Let a package be the one that runs, as a switch leaves it."""
    store, model = store_of(settings), Packages(settings, None).identify(package)
    store.take_in(package, model)
    store.change(lambda memory: memory.switched(model, probation))


def settings_of(folder: Path, updates: Updates, **sections: Any) -> Settings:
    """Return the settings of a station whose first model is version 1.0.0; `sections` replace its own."""
    first = folder / "first"
    return parse(
        {
            "source": {"type": "simulated", "rate_hz": 1 / PERIOD_S},
            "state": {"dir": str(folder / "state")},
            "model": {
                "path": str(first if first.exists() else spot_package(first, "1.0.0")),
                "updates": {"folder": str(updates.folder), "probation_parts": 20, "max_latency_ms": 200},
            },
            "policy": {"min_area_px": {POLICY_CLASS: 1}},
            "flow": {"queue_size": 10_000, "deliver_queue_size": 100_000},
            "health": {"image": {"enabled": False}, "min_free_mb": 0},
            "log": {"level": "error"},
            **sections,
        }
    )
