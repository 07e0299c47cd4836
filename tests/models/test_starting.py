import json
import shutil
from pathlib import Path

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.memory import Memory, Probation, Rejection
from edge_inspector.models.starting import Started, start
from edge_inspector.models.store import Store
from tests.models.fakes import CONFIGURED, FILE, NOW, FakePackages, FakeStation, place
from tests.small_disk import set_read_only, small_disk


def begin(tmp_path: Path, **arguments: Path) -> Started:
    return start(Store(tmp_path / "models"), FakePackages(), at=NOW, **arguments)


def remembered(tmp_path: Path) -> Memory:
    return Store(tmp_path / "models").read()


def run(tmp_path: Path, version: str, *, probation: Probation | None = None) -> ModelIdentity:
    """Let a model be the one that runs, as a switch leaves it."""
    store, package = Store(tmp_path / "models"), place(tmp_path / "updates", version)
    model = FakePackages().identify(package)
    store.take_in(package, model)
    store.change(lambda memory: memory.switched(model, probation))
    return model


def test_the_configured_model_runs_where_no_other_ever_did_and_nothing_is_written(tmp_path: Path) -> None:
    started = begin(tmp_path)
    assert (started.opened.identity, started.memory, started.problems) == (CONFIGURED, Memory(), ())
    assert not (tmp_path / "models").exists()


def test_the_model_of_the_store_runs_and_half_copies_go(tmp_path: Path) -> None:
    model = run(tmp_path, "1.0.0")
    (tmp_path / "models" / ".spot-1.1.0-000000000000.part").mkdir()
    started = begin(tmp_path)
    assert (started.opened.identity, started.rejection, started.problems) == (model, None, ())
    assert [path.suffix for path in (tmp_path / "models").iterdir() if path.is_dir()] == [f".0-{model.sha256[:12]}"]


def test_under_a_model_on_probation_the_process_may_die_once_and_the_second_time_it_is_taken_back(
    tmp_path: Path,
) -> None:
    good = run(tmp_path, "1.0.0")
    bad = run(tmp_path, "1.1.0", probation=Probation(NOW))
    assert begin(tmp_path).opened.identity == bad
    started = begin(tmp_path)
    assert started.opened.identity == good
    assert started.rejection is not None
    assert (started.rejection.model, started.rejection.ran) == (bad, True)
    assert started.rejection.reason == "the process died under it 2 times before it had proved itself"
    assert remembered(tmp_path).rejection_of(bad) == started.rejection


def test_a_run_that_ends_well_is_no_death(tmp_path: Path) -> None:
    bad = run(tmp_path, "1.1.0", probation=Probation(NOW, starts=0))
    for _ in range(5):
        assert begin(tmp_path).opened.identity == bad
        Store(tmp_path / "models").change(Memory.ended)


def test_the_death_of_a_process_is_told_by_the_next_one(tmp_path: Path, hurried: None) -> None:  # noqa: ARG001
    bad = run(tmp_path, "1.1.0", probation=Probation(NOW, starts=2))
    with FakeStation(tmp_path) as station:
        station.run_until(lambda: station.told("model.rejected"), what="it is told")
        assert station.told("model.rejected")[0]["sha256"] == bad.sha256
        assert station.panel.standing.keys() == {"model-rolled-back"}


def test_the_first_model_of_a_line_is_told_as_proved(tmp_path: Path, hurried: None) -> None:  # noqa: ARG001
    package = place(tmp_path / "updates", "1.0.0")
    with FakeStation(tmp_path, first=package) as station:
        station.run_until(lambda: station.told("model.proved"), what="it is told")
        (proved,) = station.told("model.proved")
        assert (proved["model"]["version"], proved["parts"]) == ("1.0.0", 0)


@pytest.mark.parametrize("damage", ["gone", "garbage"])
def test_a_damaged_package_gives_way_to_the_one_before_and_that_to_the_configured_one(
    tmp_path: Path, damage: str
) -> None:
    def spoil(model: ModelIdentity) -> None:
        place = Store(tmp_path / "models").place_of(model)
        if damage == "gone":
            shutil.rmtree(place)
        else:
            (place / FILE).write_text("garbage")

    first, second = run(tmp_path, "1.0.0"), run(tmp_path, "1.1.0", probation=Probation(NOW))
    spoil(second)
    started = begin(tmp_path)
    assert started.opened.identity == first
    assert "damaged" in started.problems[0]
    assert remembered(tmp_path) == Memory(running=first)
    spoil(first)
    assert begin(tmp_path).opened.identity == CONFIGURED
    assert remembered(tmp_path) == Memory()


def test_what_another_process_has_forgotten_since_a_start_past_a_damaged_package_stays_forgotten(
    tmp_path: Path,
    hurried: None,  # noqa: ARG001
) -> None:
    damaged, store = run(tmp_path, "1.0.0"), Store(tmp_path / "models")
    store.change(lambda memory: memory.refused(Rejection(CONFIGURED, "too slow", NOW)))
    shutil.rmtree(store.place_of(damaged))
    station = FakeStation(tmp_path)
    assert len(station.started.problems) == 1
    Store(tmp_path / "models").forget_rejected(CONFIGURED.sha256)
    with station:
        station.run_until_runs("1.0.0")
    assert remembered(tmp_path).rejected == ()


def test_a_damaged_memory_is_set_aside_and_the_configured_model_runs(tmp_path: Path) -> None:
    run(tmp_path, "1.0.0")
    (tmp_path / "models" / "state.json").write_text("{")
    started = begin(tmp_path)
    assert started.opened.identity == CONFIGURED
    assert "expected the memory of a station's models" in started.problems[0]
    assert (tmp_path / "models" / "state.damaged.json").read_text() == "{"
    assert begin(tmp_path).problems == ()


def test_a_policy_that_contradicts_the_model_is_an_error_of_the_configuration_and_no_damage(tmp_path: Path) -> None:
    model = run(tmp_path, "1.0.0")
    package = Store(tmp_path / "models").place_of(model) / FILE
    package.write_text(json.dumps({"version": "1.0.0", "refuse": "the model has no class dent"}))
    with pytest.raises(ConfigError, match="no class dent"):
        begin(tmp_path)
    assert remembered(tmp_path).running == model


def test_a_disk_that_takes_nothing_keeps_nobody_from_starting(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        model = run(disk, "1.0.0", probation=Probation(NOW))
        set_read_only(disk, on=True)
        started = begin(disk)
        assert started.opened.identity == model
        assert "Read-only" in started.problems[0]
        assert started.is_behind


def test_the_first_model_of_a_line_is_taken_at_once_and_needs_no_probation(tmp_path: Path) -> None:
    package = place(tmp_path / "updates", "1.0.0")
    started = begin(tmp_path, first=package)
    assert started.opened.identity.version == "1.0.0"
    assert remembered(tmp_path) == Memory(running=started.opened.identity)
    other = place(tmp_path / "updates", "1.1.0")
    assert begin(tmp_path, first=other).opened.identity.version == "1.0.0", "this one must go the whole way"


@pytest.mark.parametrize(
    ("says", "reason"),
    [({"problems": ["one.png: none"]}, "one.png: none"), ({"refuse": "no class dent"}, "no class dent")],
)
def test_a_first_model_that_is_bad_is_refused_once(tmp_path: Path, says: dict, reason: str) -> None:
    package = place(tmp_path / "updates", "1.0.0", **says)
    started = begin(tmp_path, first=package)
    assert started.opened.identity == CONFIGURED
    assert started.rejection is not None
    assert started.rejection.reason == reason
    assert begin(tmp_path, first=package).rejection is None


def test_a_first_model_that_cannot_be_read_is_no_fault_of_its_own(tmp_path: Path) -> None:
    started = begin(tmp_path, first=tmp_path / "nowhere")
    assert (started.opened.identity, started.rejection) == (CONFIGURED, None)
    assert "No such file" in started.problems[0]
