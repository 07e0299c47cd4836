"""Models change under full load: no frame is lost, and every result names the model that judged it."""

import gc
import hashlib
import itertools
import json
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
import pytest

from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.store import Store
from edge_inspector.pipeline.options import Totals
from tests.daemons import Daemon, write_configuration
from tests.integration.watcher import HOME
from tests.models.hurry import hurry
from tests.models.made import NAME, POLICY_CLASS, Updates, label_of, picture, spot_package
from tests.models.stations import PERIOD_S, Station, settings_of
from tests.mosquitto import eventually

SLOW_TURNS = 250_000


@pytest.fixture
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Updates:
    hurry(monkeypatch)
    return Updates(tmp_path / "updates")


@dataclass(frozen=True)
class Change:
    """Something that happens to the models of a station.

    Attributes:
        act: Points at a version while another runs, waits for what comes of it, and returns the one that runs then.
        package: Fields of its package.
    """

    act: Callable[[Station, Updates, str, str], str]
    package: Mapping[str, Any] = field(default_factory=dict)


def take_over(station: Station, updates: Updates, version: str, runs: str) -> str:
    """Let a model take over."""
    updates.point_at(f"{NAME}/{version}")
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == version)
    assert (changed["cause"], changed["previous"]["version"]) == ("update", runs)
    return version


def refused(reason: str) -> Callable[[Station, Updates, str, str], str]:
    """Return what lets a model be refused, and nothing changes."""

    def act(station: Station, updates: Updates, version: str, runs: str) -> str:
        updates.point_at(f"{NAME}/{version}")
        rejected = station.told.wait_for("model.rejected", lambda data: data["candidate"].endswith(version))
        assert reason in rejected["reason"]
        return runs

    return act


def fail(station: Station, updates: Updates, version: str, runs: str) -> str:
    """Let a model take over that rejects every part, and wait until the one before it is back by itself."""
    eventually(lambda: station.models.busy() is None, what="the model that runs has proved itself")
    before = len(station.told.models)
    take_over(station, updates, version, runs)
    rejected = station.told.wait_for("model.rejected", lambda data: data["candidate"].endswith(version))
    assert "parts were rejected; with the model before it 0 of" in rejected["reason"]
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == runs, after=before)
    assert (changed["cause"], changed["previous"]["version"]) == ("rollback", version)
    return runs


def go_back(station: Station, updates: Updates, version: str, runs: str) -> str:
    """Let a model take over, and go back by hand."""
    eventually(lambda: station.models.busy() is None, what="the model that runs has proved itself")
    before = len(station.told.models)
    take_over(station, updates, version, runs)
    assert station.models.rollback()["model"]["version"] == runs
    changed = station.told.wait_for("model.changed", lambda data: data["model"]["version"] == runs, after=before)
    assert (changed["cause"], changed["previous"]["version"]) == ("command", version)
    return runs


UPDATE, FAIL, GO_BACK = Change(take_over), Change(fail, {"reject_at": 0.45}), Change(go_back)
BAD = (
    Change(refused("expected sha256"), {"damaged": True}),
    Change(refused(f"the model has no class {POLICY_CLASS}"), {"classes": ()}),
    Change(refused("too slow"), {"turns": SLOW_TURNS}),
    Change(refused("golden.png"), {"promises": 0.9}),
)


def prepare(updates: Updates, changes: Sequence[Change]) -> list[tuple[str, Change]]:
    """Make the packages, each of a version of its own."""
    versioned = [(f"1.{number}.0", change) for number, change in enumerate(changes, 1)]
    for version, change in versioned:
        updates.make(version, **change.package)
    return versioned


def change_models(station: Station, updates: Updates, changes: Sequence[tuple[str, Change]]) -> str:
    """Let changes happen one after the other; return the version that runs then."""
    runs = "1.0.0"
    for version, change in changes:
        runs = change.act(station, updates, version, runs)
    return runs


def assert_nothing_is_lost(station: Station, totals: Totals) -> None:
    assert (totals.frames.dropped, totals.undelivered) == ({}, {})
    part_ids = []
    for data, told in station.told.results():
        part_ids.append(data["part_id"])
        assert data["model"]["version"] == told, (
            "a change is told before the first result of the model, and not earlier"
        )
        assert data["reasons"][0]["label"] == label_of(told), "it names the model that judged"
    assert part_ids == [f"part-{number}" for number in range(station.line.captured)]


def longest_gap_ms(came_s: Sequence[float]) -> float:
    return 1e3 * max(later - earlier for earlier, later in itertools.pairwise(came_s))


@pytest.fixture
def small_heap() -> Iterator[None]:
    """Garbage is collected as in a daemon, where no test and no library of one is loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def sessions() -> int:
    """Return how many models are loaded in this process."""
    gc.collect()
    return sum(issubclass(type(each), onnxruntime.InferenceSession) for each in gc.get_objects())


@pytest.mark.thorough
def test_models_change_under_load_and_no_frame_is_lost_also_not_over_a_restart(
    tmp_path: Path, updates: Updates
) -> None:
    settings, changes = settings_of(tmp_path, updates), prepare(updates, [UPDATE, BAD[3], FAIL, UPDATE, GO_BACK])
    with Station(settings) as station:
        runs = change_models(station, updates, changes)
        assert_nothing_is_lost(station, station.end(frames=300))
    assert runs == "1.4.0"
    with Station(settings) as station:
        eventually(lambda: station.line.captured > 50, what="the line goes on")
        assert station.models.document()["rejected"] == 3
        assert_nothing_is_lost(station, station.end())
        assert {name for name, payload in station.told.alarms if payload} == {"model-rolled-back"}
        assert [event["data"]["cause"] for event in station.told.models] == ["start"], "what is refused stays so"
        assert {data["model"]["version"] for data, _ in station.told.results()} == {runs}


@pytest.mark.nightly
@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("source", [{"type": "simulated", "rate_hz": 1 / PERIOD_S}, {"type": "directory", "path": "."}])
def test_ten_thousand_frames_and_twenty_swaps(tmp_path: Path, updates: Updates, source: dict[str, Any]) -> None:
    settings, before = settings_of(tmp_path, updates, source=source), sessions()
    changes = prepare(updates, [UPDATE, *BAD, UPDATE, FAIL, UPDATE, GO_BACK, UPDATE] * 2)
    with Station(settings) as station:
        eventually(lambda: station.line.captured >= 5000, what="as many frames without a change")
        quiet = len(station.told.came_s)
        runs = change_models(station, updates, changes)
        assert_nothing_is_lost(station, station.end(frames=10_000))
        eventually(lambda: sessions() == before + 1, what="every model but the one that runs is freed")
        came_s = station.told.came_s
    period_ms = 1e3 * (came_s[-1] - came_s[0]) / (len(came_s) - 1)
    gap_ms, quiet_gap_ms = longest_gap_ms(came_s[quiet:]), longest_gap_ms(came_s[:quiet])
    print(  # noqa: T201 - the figures are the point of a nightly run
        f"{source['type']}: {len(came_s)} results, one every {period_ms:.2f} ms; longest gap {gap_ms:.1f} ms while "
        f"models changed 20 times, {quiet_gap_ms:.1f} ms before"
    )
    with Station(settings) as station:
        assert_nothing_is_lost(station, station.end(frames=100))
        assert {data["model"]["version"] for data, _ in station.told.results()} == {runs}


@pytest.mark.nightly
def test_a_station_that_is_killed_at_any_moment_of_a_swap_starts_with_the_old_model_or_the_new_one(
    tmp_path: Path,
) -> None:
    chance, updates, kills = random.Random(5), Updates(tmp_path / "updates"), 40
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "part.png"), picture())
    first = spot_package(tmp_path / "first", "1.0.0")
    configuration = write_configuration(
        tmp_path / "station.json",
        first,
        source={"type": "directory", "path": str(tmp_path / "pictures"), "loop": True, "rate_hz": 50},
        model={"path": str(first), "updates": {"folder": str(updates.folder), "probation_parts": 20}},
        health={"min_free_mb": 0, "image": {"enabled": False}},
    )
    store, may_run = Store(tmp_path / HOME / "models"), {"1.0.0"}
    for number in range(1, kills + 1):
        version = f"1.{number}.0"
        with Daemon(configuration) as daemon:
            daemon.wait_for("part.png")
            started_with = _version_of(store.read().running)
            assert started_with in may_run
            updates.place(version)
            time.sleep(chance.uniform(0.5, 3.5))
            daemon.send(signal.SIGKILL)
            assert daemon.wait() == -signal.SIGKILL
        may_run = {started_with, version, _version_of(store.read().previous)}
        for model in store.read().kept:
            package = ModelPackage.open(store.place_of(model))
            assert hashlib.sha256(package.read(package.file("float32"))).hexdigest() == model.sha256
    with closing(sqlite3.connect(tmp_path / HOME / "journal.db")) as database:
        rows = database.execute("SELECT payload FROM events WHERE channel = '{camera}/result'").fetchall()
    results = [json.loads(payload)["data"] for (payload,) in rows]
    versions = {data["model"]["version"] for data in results}
    assert len(versions) > kills / 4, "many of them came to run"
    for data in results:
        assert data["reasons"][0]["label"] == label_of(data["model"]["version"])


def _version_of(model: ModelIdentity | None) -> str:
    """Return the version of a model as the store remembers it; the configured one is None there."""
    return "1.0.0" if model is None else model.version
