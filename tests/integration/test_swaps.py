"""Models change under full load: no frame is lost, and every result names the model that judged it."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from edge_inspector.app import build
from edge_inspector.errors import EndOfSource
from edge_inspector.frame import Frame
from edge_inspector.models import lifecycle, pointer
from edge_inspector.pipeline.options import Totals
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import Message
from tests.models.made import POLICY_CLASS, Updates, label_of, picture, spot_package
from tests.mosquitto import eventually

PATIENCE_S = 60.0
PERIOD_S = 0.004
SLOW_TURNS = 40_000


class Line:
    """A camera that sees the same picture for ever: on time whatever becomes of it, or as fast as it is read."""

    def __init__(self, period_s: float) -> None:
        self.captured = 0
        self._image = picture()
        self._period_s = period_s
        self._ended = threading.Event()
        self._next_s = time.monotonic()

    def read(self, _timeout_s: float) -> Frame | None:
        self._next_s = max(self._next_s + self._period_s, time.monotonic() - 10 * self._period_s)
        if self._ended.wait(max(0.0, self._next_s - time.monotonic())):
            raise EndOfSource
        number, self.captured = self.captured, self.captured + 1
        return Frame(self._image, number, datetime.now(UTC), time.monotonic_ns(), "line", f"part-{number}")

    def end(self) -> None:
        self._ended.set()


class Told:
    """What a station publishes: results in order, each with when it came, and what it says of models and alarms."""

    def __init__(self) -> None:
        self.results: list[tuple[float, dict[str, Any]]] = []
        self.models: list[dict[str, Any]] = []
        self.alarms: list[tuple[str, bytes]] = []
        self.order: list[tuple[str, str]] = []
        self._came = threading.Condition()

    def send(self, message: Message) -> None:
        match message.topic.split("/")[4:]:
            case [_, "result"]:
                data = json.loads(message.payload)["data"]
                self.results.append((time.monotonic(), data))
                self.order.append(("result", data["model"]["version"]))
            case ["model"]:
                event = json.loads(message.payload)
                with self._came:
                    self.models.append(event)
                    if event["type"].endswith("model.changed.v1"):
                        self.order.append(("changed", event["data"]["model"]["version"]))
                    self._came.notify_all()
            case ["alarm", name]:
                with self._came:
                    self.alarms.append((name, message.payload))
                    self._came.notify_all()
            case _:
                pass

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
        self.line, self.told = Line(0.0 if settings.source.type == "directory" else PERIOD_S), Told()
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

    def _run(self) -> None:
        self._totals.append(self.opened.run(threading.Event()))

    def end(self, *, frames: int = 0) -> Totals:
        """End the line after so many frames."""
        while self.line.captured < frames:
            eventually(lambda has=self.line.captured: self.line.captured > has, what="the line goes on")
        self.line.end()
        self._thread.join(PATIENCE_S)
        return self._totals[0]


@pytest.fixture
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Updates:
    monkeypatch.setattr(pointer, "_POLL_S", 0.02)
    monkeypatch.setattr(lifecycle, "_TICK_S", 0.02)
    return Updates(tmp_path / "updates")


def settings_of(folder: Path, updates: Updates, *, source: str = "simulated", **more: Any) -> Settings:
    sources = {"simulated": {"rate_hz": 1 / PERIOD_S}, "directory": {"path": str(folder)}}
    return parse(
        {
            "source": {"type": source, **sources[source]},
            "state": {"dir": str(folder / "state")},
            "model": {
                "path": str(spot_package(folder / "first", "1.0.0")),
                "updates": {"folder": str(updates.folder), "probation_parts": 20, "max_latency_ms": 40, **more},
            },
            "policy": {"min_area_px": {POLICY_CLASS: 1}},
            "flow": {"queue_size": 10_000, "deliver_queue_size": 100_000},
            "health": {"image": {"enabled": False}, "min_free_mb": 0},
            "log": {"level": "error"},
        }
    )


class Change(Protocol):
    """Something that happens to the models of a station; returns the version that runs then."""

    def __call__(self, station: Station, updates: Updates, version: str, runs: str) -> str: ...


def update(station: Station, updates: Updates, version: str, runs: str, **fields: Any) -> str:
    """Place a good model and wait until it has taken over."""
    updates.place(version, **fields)
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == version)
    assert (changed["cause"], changed["previous"]["version"]) == ("update", runs)
    return version


def refused(reason: str, **wrong: Any) -> Change:
    """Return the change that a bad model is placed, and nothing changes."""

    def change(station: Station, updates: Updates, version: str, runs: str) -> str:
        updates.place(version, **wrong)
        rejected = station.told.wait_for("model.rejected", lambda data: data["candidate"].endswith(version))
        assert reason in rejected["reason"]
        return runs

    return change


def taken_back(station: Station, updates: Updates, version: str, runs: str) -> str:
    """Place a model that rejects every part, and wait until the one before it is back by itself."""
    eventually(lambda: station.opened._looks.busy() is None, what="the model that runs has proved itself")
    before = len(station.told.models)
    update(station, updates, version, runs, reject_at=0.45)
    rejected = station.told.wait_for("model.rejected", lambda data: data["candidate"].endswith(version))
    assert "parts were rejected; with the model before it 0 of" in rejected["reason"]
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == runs, after=before)
    assert (changed["cause"], changed["previous"]["version"]) == ("rollback", version)
    return runs


def rolled_back(station: Station, updates: Updates, version: str, runs: str) -> str:
    """Place a good model, and go back by hand."""
    eventually(lambda: station.opened._looks.busy() is None, what="the model that runs has proved itself")
    before = len(station.told.models)
    update(station, updates, version, runs)
    assert station.opened._looks.rollback()["model"]["version"] == runs
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == runs, after=before)
    assert (changed["cause"], changed["previous"]["version"]) == ("command", version)
    return runs


BAD: tuple[Change, ...] = (
    refused("expected sha256", damaged=True),
    refused(f"the model has no class {POLICY_CLASS}", classes=()),
    refused("too slow", turns=SLOW_TURNS),
    refused("golden.png", promises=0.9),
)


def change_models(station: Station, updates: Updates, changes: Sequence[Change], *, runs: str, first: int = 1) -> str:
    """Let changes happen one after the other, each with a version of its own; return the one that runs then."""
    for number, change in enumerate(changes, first):
        runs = change(station, updates, f"1.{number}.0", runs)
    return runs


def assert_nothing_is_lost(station: Station, totals: Totals, *, runs: str) -> None:
    results = [data for _, data in station.told.results]
    assert (totals.frames.dropped, totals.undelivered) == ({}, {})
    assert [data["part_id"] for data in results] == [f"part-{number}" for number in range(station.line.captured)]
    for data in results:
        assert data["reasons"][0]["label"] == label_of(data["model"]["version"]), "it names the model that judged"
    for kind, version in station.told.order:
        runs = version if kind == "changed" else runs
        assert version == runs, "a change is told between the last result of one model and the first of the next"


def longest_gap_ms(station: Station) -> float:
    came_s = [at_s for at_s, _ in station.told.results]
    return 1e3 * max(later - earlier for earlier, later in itertools.pairwise(came_s))


def test_models_change_under_load_and_no_frame_is_lost_also_not_over_a_restart(
    tmp_path: Path, updates: Updates
) -> None:
    settings = settings_of(tmp_path, updates)
    with Station(settings) as station:
        runs = change_models(station, updates, [update, BAD[3], taken_back, update, rolled_back], runs="1.0.0")
        assert_nothing_is_lost(station, station.end(frames=600), runs="1.0.0")
    assert runs == "1.4.0"
    with Station(settings) as station:
        eventually(lambda: station.line.captured > 50, what="the line goes on")
        assert station.opened._looks.document()["rejected"] == 3
        assert_nothing_is_lost(station, station.end(), runs=runs)
        assert {name for name, payload in station.told.alarms if payload} == {"model-rolled-back"}
        assert [event["data"]["cause"] for event in station.told.models] == ["start"], "what is refused stays so"


@pytest.mark.nightly
@pytest.mark.parametrize("source", ["simulated", "directory"])
def test_ten_thousand_frames_and_twenty_swaps(tmp_path: Path, updates: Updates, source: str) -> None:
    settings = settings_of(tmp_path, updates, source=source)
    first = [update, *BAD, update, taken_back, update, rolled_back, update]
    with Station(settings) as station:
        runs = change_models(station, updates, first, runs="1.0.0")
        runs = change_models(station, updates, first, runs=runs, first=1 + len(first))
        assert_nothing_is_lost(station, station.end(frames=10_000), runs="1.0.0")
        gap_ms, captured = longest_gap_ms(station), station.line.captured
        seconds = station.told.results[-1][0] - station.told.results[0][0]
    print(f"{source}: {captured} frames, every {1e3 * seconds / captured:.2f} ms; longest gap {gap_ms:.1f} ms")  # noqa: T201
    with Station(settings) as station:
        assert_nothing_is_lost(station, station.end(frames=100), runs=runs)
