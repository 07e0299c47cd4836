"""The lifecycle joined with real packages and a real flow."""

import json
import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.app.detector import package_in_force, with_model_in_force
from edge_inspector.app.models import open_station_model
from edge_inspector.app.updated_model import Packages
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import verify
from edge_inspector.errors import ConfigError, HangingError, RefusedError, SourceError, StuckError
from edge_inspector.models.copying import never_end
from edge_inspector.models.memory import Memory, Probation
from edge_inspector.models.store import store_in
from edge_inspector.settings import ModelSettings, Settings
from edge_inspector.tracks import TrackOptions
from tests.models.fakes import NOW
from tests.models.hurry import hurry
from tests.models.made import POLICY_CLASS, Updates, label_of, sha256_of, spot_package
from tests.models.stations import Station, settings_of, store_of, with_running
from tests.mosquitto import eventually


@pytest.fixture
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Updates:
    hurry(monkeypatch)
    return Updates(tmp_path / "updates")


def override(package: Path, *, reject_at: float, version: str) -> dict[str, Any]:
    classes = {label_of(version): {"review_at": reject_at, "reject_at": reject_at}}
    return {"min_area_px": {POLICY_CLASS: 1}, "override": {"model_sha256": sha256_of(package), "classes": classes}}


def test_thresholds_that_were_made_for_another_model_lapse_with_an_alarm_and_are_back_with_it(
    tmp_path: Path, updates: Updates
) -> None:
    package = spot_package(tmp_path / "first", "1.0.0")
    policy = override(package, reject_at=0.45, version="1.0.0")
    settings = settings_of(tmp_path, updates, policy=policy)
    with Station(settings) as station:

        def alarms() -> list[bool]:
            told = station.told.alarms
            return [bool(payload) for name, payload in told if name == "threshold-override-lapsed"]

        updates.place("1.1.0")
        station.told.wait_for("model.changed", lambda data: data["model"]["version"] == "1.1.0")
        eventually(lambda: alarms() == [False, True], what="it has lapsed")
        eventually(lambda: station.models.busy() is None, what="it has proved itself")
        station.models.rollback()
        eventually(lambda: alarms() == [False, True, True, False], what="it is back")
        station.end()
        outcomes = [(told, data["outcome"]) for data, told in station.told.results()]
    assert set(outcomes) == {("1.0.0", "reject"), ("1.1.0", "review")}


def test_golden_images_are_judged_by_the_thresholds_of_their_package_whatever_the_station_asks_for(
    tmp_path: Path, updates: Updates
) -> None:
    weak = spot_package(tmp_path / "weak", "1.1.0", review_at=0.7, promises=0)
    settings, follows = settings_of(tmp_path, updates), TrackOptions(keep_share=0.5)
    with OnnxDetector(ModelPackage.open(weak), min_confidence=0.35) as detector:
        (check,) = verify(ModelPackage.open(weak), detector)
        assert "expected none there" in check.problems[0], "a belt's detector sees it"
    with closing(Packages(settings, follows).open(weak)) as opened:
        assert opened.self_test(go_on=never_end).problems == ()
    strict = settings_of(tmp_path, updates, policy=override(weak, reject_at=0.9, version="1.1.0"))
    with closing(Packages(strict, None).open(weak)) as opened:
        assert opened.self_test(go_on=never_end).problems == ()


def test_golden_images_need_no_second_model_in_memory_and_end_when_nobody_waits(
    tmp_path: Path, updates: Updates, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> None:
        raise InterruptedError

    belt = settings_of(tmp_path, updates)
    with closing(Packages(belt, TrackOptions()).open(updates.make("1.1.0"))) as opened:
        monkeypatch.setattr("edge_inspector.detectors.onnx.open_session", None)
        assert opened.self_test(go_on=lambda: None).images == 1
        with pytest.raises(InterruptedError):
            opened.self_test(go_on=end)


def test_a_precision_that_the_model_lacks_is_an_error_of_the_configuration_and_brings_no_other_model(
    tmp_path: Path, updates: Updates
) -> None:
    settings = settings_of(tmp_path, updates)
    manifest = tmp_path / "first" / "model.json"
    document = json.loads(manifest.read_text())
    document["files"].append({**document["files"][0], "precision": "int8"})
    manifest.write_text(json.dumps(document))
    with_running(settings, updates.make("1.1.0"))
    before = store_of(settings).read()
    model = settings.model.model_copy(update={"precision": "int8"})
    with (
        pytest.raises(ConfigError, match=r"model\.precision: .*expected a file of precision 'int8'"),
        open_station_model(settings.model_copy(update={"model": model}), follows=None),
    ):
        pass
    assert store_of(settings).read() == before
    assert before.running is not None
    assert store_of(settings).place_of(before.running).is_dir()


def test_a_policy_that_changes_while_a_model_waits_for_the_next_part_is_in_force_for_both(
    tmp_path: Path, updates: Updates
) -> None:
    settings = settings_of(tmp_path, updates)
    ignored = settings_of(tmp_path, updates, policy={"ignore": [[[0, 0], [1, 0], [1, 1], [0, 1]]]})
    named = settings_of(tmp_path, updates, policy={"min_area_px": {label_of("1.0.0"): 1}})
    with Station(settings) as station:
        eventually(lambda: station.told.came_s, what="the first result")
        station.line.moves.clear()
        updates.place("1.1.0")
        eventually(lambda: "takes over" in str(station.models.busy()), what="it waits for the next part")
        with pytest.raises(ConfigError, match=r"the model has no class spot-1\.0\.0"):
            station.opened.apply(named)  # what runs has it, and what comes has not
        station.opened.apply(ignored)
        before = station.line.captured
        station.line.moves.set()
        station.told.wait_for("model.changed", lambda data: data["model"]["version"] == "1.1.0")
        station.end(frames=before + 50)
        assert station.totals().frames.dropped == {}
        judged = [(data["model"]["version"], data["outcome"]) for data, _ in station.told.results()]
    assert set(judged[before + 1 :]) == {("1.1.0", "accept")}


def test_a_belt_counts_frames_and_takes_a_model_back_too(tmp_path: Path, updates: Updates) -> None:
    source = {"type": "simulated", "rate_hz": 250, "trigger": "free_running"}
    with Station(settings_of(tmp_path, updates, source=source)) as station:
        eventually(lambda: len(station.told.came_s) > 60, what="the usual is known")
        updates.place("1.1.0", reject_at=0.45)
        rejected = station.told.wait_for("model.rejected", lambda _: True)
        assert "parts were rejected; with the model before it 0 of" in rejected["reason"]
        station.told.wait_for("model.changed", lambda data: data["cause"] == "rollback")


def test_a_model_that_never_comes_back_from_a_frame_of_the_line_is_not_let_at_it(
    tmp_path: Path, updates: Updates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.models.examining._HANGS_S", 0.1)
    with Station(settings_of(tmp_path, updates)) as station:
        eventually(lambda: station.told.came_s, what="the first result")
        updates.place("1.1.0", turns=150_000, promises=None)
        rejected = station.told.wait_for("model.rejected", lambda _: True)
        assert "it hangs while it is checked" in rejected["reason"]
        assert station.models.document()["running"]["version"] == "1.0.0"
        candidates = [thread for thread in threading.enumerate() if thread.name == "candidate"]
        for thread in candidates:  # it comes to itself when nobody waits for it any more
            thread.join()


def test_without_a_model_of_its_own_a_line_takes_the_one_that_is_wished_before_its_first_part(
    tmp_path: Path, updates: Updates
) -> None:
    updates.place("1.1.0")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    source = {"type": "directory", "path": str(pictures)}
    model = ModelSettings(updates={"folder": updates.folder})
    settings = settings_of(tmp_path, updates, source=source).model_copy(update={"model": model})
    with open_station_model(settings, follows=None) as station_model:
        assert station_model.model.identity.version == "1.1.0"
    assert store_of(settings).read().probation is None
    simulated = settings.model_copy(update={"source": Settings().source, "policy": Settings().policy})
    shutil.rmtree(settings.home)
    with open_station_model(simulated, follows=None) as station_model:
        assert station_model.model.identity.name == "metal-tags", "that one is made for the simulated line"


def test_a_damaged_package_is_known_by_what_is_there(tmp_path: Path, updates: Updates) -> None:
    packages = Packages(settings_of(tmp_path, updates), None)
    good, damaged = updates.make("1.1.0"), updates.make("1.2.0", damaged=True)
    assert packages.identify(good).sha256 == sha256_of(good)
    assert packages.identify(damaged).sha256 == sha256_of(damaged)
    (good / "model.onnx").unlink()
    without_file = packages.identify(good)
    assert (without_file.name, without_file.version) == ("spot", "1.1.0")
    (good / "model.json").write_text("{")
    assert packages.identify(good) != without_file
    (good / "model.json").unlink()
    assert packages.identify(good).sha256.startswith("e3b0c442")  # of nothing


def test_the_package_in_force_is_that_of_the_store_where_models_are_updated(tmp_path: Path, updates: Updates) -> None:
    settings = settings_of(tmp_path, updates)
    configured = settings.model.path
    assert package_in_force(settings) == configured
    with_running(settings, updates.make("1.1.0"))
    assert ModelPackage.open(package_in_force(settings)).manifest.version == "1.1.0"
    pinned = with_model_in_force(settings)
    assert (pinned.model.path, pinned.model.updates.folder) == (package_in_force(settings), None)
    fixed = settings.model_copy(update={"model": ModelSettings(path=configured)})
    assert package_in_force(fixed) == configured
    (store_in(settings.home) / "state.json").write_text("{")
    assert package_in_force(settings) == configured


@pytest.mark.parametrize(
    ("error", "starts"),
    [
        (None, 0),
        (SourceError("gone"), 0),
        (ConfigError("no"), 0),
        (StuckError("token"), 0),
        (HangingError("hangs"), 1),
        (ZeroDivisionError(), 1),
    ],
)
def test_only_an_end_that_may_be_the_models_fault_is_counted(
    tmp_path: Path, updates: Updates, error: Exception | None, starts: int
) -> None:
    settings = settings_of(tmp_path, updates)
    with_running(settings, updates.make("1.1.0"), probation=Probation(NOW, starts=0))

    def run() -> None:
        with open_station_model(settings, follows=None):
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(type(error)):
            run()
    probation = store_of(settings).read().probation
    assert probation is not None
    assert probation.starts == starts


def test_a_station_without_updates_has_nothing_to_go_back_to(tmp_path: Path, updates: Updates) -> None:
    settings = settings_of(tmp_path, updates)
    fixed = settings.model_copy(update={"model": ModelSettings(path=settings.model.path)})
    with open_station_model(fixed, follows=None) as station_model:
        with pytest.raises(RefusedError, match=r"model\.updates\.folder is not set"):
            station_model.rollback()
        assert station_model.busy() is None
        assert station_model.document()["running"]["version"] == "1.0.0"
    assert not store_in(fixed.home).exists()


def test_the_memory_on_disk_is_what_the_documentation_says(tmp_path: Path, updates: Updates) -> None:
    settings = settings_of(tmp_path, updates)
    with_running(settings, updates.make("1.1.0"), probation=Probation(NOW))
    document = json.loads((store_in(settings.home) / "state.json").read_text())
    assert document.keys() == {"running", "previous", "probation", "rejected", "proof"}
    assert document["running"].keys() == {"name", "version", "sha256"}
    assert document["probation"].keys() == {"since", "starts", "before"}
    assert store_of(settings).read() != Memory()


def test_a_policy_change_begins_an_examination_anew(tmp_path: Path, updates: Updates) -> None:
    settings = settings_of(tmp_path, updates)
    model = settings.model.model_copy(
        update={"updates": settings.model.updates.model_copy(update={"shadow_parts": 1_000_000})}
    )
    settings = settings.model_copy(update={"model": model})
    with Station(settings) as station:
        updates.place("1.1.0")
        eventually(lambda: "in shadow" in str(station.models.busy()), what="it is in shadow")
        named = settings_of(tmp_path, updates, policy={"min_area_px": {label_of("1.0.0"): 1}})
        station.opened.apply(named.model_copy(update={"model": model}))
        rejected = station.told.wait_for("model.rejected", lambda _: True)
        assert "the model has no class spot-1.0.0" in rejected["reason"]
