"""The commands that place a package, and tell of the store of a station."""

import json
from pathlib import Path

import pytest

from edge_inspector.cli import main
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.memory import Probation, Rejection
from edge_inspector.models.pointer import package_wished
from edge_inspector.models.store import Store
from tests.models.fakes import NOW
from tests.models.made import spot_package

UNUSABLE, USAGE = 65, 2
RUNNING = ModelIdentity("spot", "1.1.0", "1a" * 32)
PREVIOUS = ModelIdentity("spot", "1.0.0", "2b" * 32)
REFUSED = ModelIdentity("spot", "1.2.0", "3c" * 32)


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A configuration whose station remembers a model of each kind."""
    store = Store(tmp_path / "state" / "camera" / "models")
    store.change(lambda memory: memory.switched(PREVIOUS, None).switched(RUNNING, Probation(NOW)))
    store.change(lambda memory: memory.refused(Rejection(REFUSED, "too slow", NOW)))
    path = tmp_path / "station.json"
    path.write_text(json.dumps({"state": {"dir": str(tmp_path / "state")}}))
    return path


def test_a_package_is_placed_readable_for_all_and_pointed_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, updates = spot_package(tmp_path / "package", "1.1.0"), tmp_path / "updates"
    assert main(["model", "place", str(package), "--to", str(updates)]) == 0
    assert capsys.readouterr().out == f"{updates}: spot/1.1.0 is the model that shall run\n"
    placed = package_wished(updates)
    assert placed == updates / "spot" / "1.1.0"
    for path in updates.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)
    (updates / "current").write_text("")
    assert main(["model", "place", str(package), "--to", str(updates)]) == 0, "the same one again"
    assert package_wished(updates) == placed


def test_a_version_is_never_used_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    updates = tmp_path / "updates"
    main(["model", "place", str(spot_package(tmp_path / "package", "1.1.0")), "--to", str(updates)])
    other = spot_package(tmp_path / "other", "1.1.0", reject_at=0.5)
    assert main(["model", "place", str(other), "--to", str(updates)]) == UNUSABLE
    assert "a version is never used twice" in capsys.readouterr().err


def test_a_damaged_package_is_not_placed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = spot_package(tmp_path / "package", "1.1.0", damaged=True)
    assert main(["model", "place", str(package), "--to", str(tmp_path / "updates")]) == UNUSABLE
    assert "expected sha256" in capsys.readouterr().err
    assert not (tmp_path / "updates").exists()


def test_where_it_cannot_be_written_that_is_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "updates").write_text("a file")
    package = spot_package(tmp_path / "package", "1.1.0")
    assert main(["model", "place", str(package), "--to", str(tmp_path / "updates")]) == UNUSABLE
    assert capsys.readouterr().err.startswith(
        f"edge-inspector: error: {tmp_path}/updates/spot/1.1.0: cannot be written"
    )


def test_the_status_names_what_runs_what_ran_and_what_was_refused(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "status", "-c", str(station)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "runs: spot 1.1.0 (1a1a1a1a1a1a), on probation since 2026-01-02 03:04:05 UTC",
        "before: spot 1.0.0 (2b2b2b2b2b2b)",
        "refused 2026-01-02 03:04:05 UTC: spot 1.2.0 (3c3c3c3c3c3c): too slow",
    ]


def test_the_status_of_a_station_that_never_had_an_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "station.json"
    path.write_text(json.dumps({"state": {"dir": str(tmp_path / "state")}}))
    assert main(["model", "status", "-c", str(path)]) == 0
    assert capsys.readouterr().out == "runs: the configured model\n"
    assert not (tmp_path / "state").exists()


def test_a_refused_model_is_forgotten_by_how_its_sha256_begins(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "forget-rejected", "3c3c3c3c3c3c", "-c", str(station)]) == 0
    assert capsys.readouterr().out == "forgotten: spot 1.2.0 (3c3c3c3c3c3c): too slow\n"
    assert main(["model", "forget-rejected", "3c3c3c3c3c3c", "-c", str(station)]) == UNUSABLE
    assert "expected a refused model whose sha256 begins '3c3c3c3c3c3c', found none of 0" in capsys.readouterr().err


@pytest.mark.parametrize("sha256", ["3c3c", "3C3C3C3C", "x" * 12])
def test_what_is_no_sha256_is_a_wrong_argument(station: Path, sha256: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["model", "forget-rejected", sha256, "-c", str(station)])
    assert ended.value.code == USAGE
    assert "expected 8 to 64 lower-case hexadecimal digits" in capsys.readouterr().err
