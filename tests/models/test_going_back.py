import shutil
import threading
from pathlib import Path

import pytest

from edge_inspector.errors import ModelError, RefusedError
from edge_inspector.models import lifecycle
from edge_inspector.models.packages import Opened
from tests.fakes import PATIENCE_S
from tests.models.fakes import CONFIGURED, FakeStation, point_at
from tests.mosquitto import eventually
from tests.small_disk import set_read_only, small_disk

pytestmark = pytest.mark.usefixtures("hurried")


def test_a_model_that_rejects_much_more_is_taken_back_by_itself(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=200) as station:
        station.pass_parts(300)
        package = station.place("1.0.0", verdict="reject")
        rejected = station.run_until_refused("1.0.0")
        assert "parts were rejected; with the model before it 0 of" in rejected["reason"]
        station.run_until_runs(CONFIGURED.version)
        station.run_until_idle()
        assert station.line.running == CONFIGURED
        changes = [(event["cause"], event["model"]["name"]) for event in station.told("model.changed")]
        assert changes == [("update", "spot"), ("rollback", "configured")]
        assert station.told("model.proved") == []
        assert station.panel.standing.keys() == {"model-rolled-back"}
        assert station.panel.standing["model-rolled-back"].severity == "critical"
        assert station.line.judged_by.count("1.0.0") < 200, "nobody waited for the end of its probation"
        memory = station.store.read()
        assert (memory.running, memory.probation, memory.rejected[0].ran) == (None, None, True)
        assert [opened.closed for opened in station.packages.opened] == [1, 1, 0]
    assert package.exists()
    with FakeStation(tmp_path) as again:
        again.run_until(lambda: "model-rolled-back" in again.panel.standing, what="it is told still")
        again.run_until_idle()
        assert again.line.running == CONFIGURED


def test_a_model_that_fails_on_parts_is_taken_back_before_its_probation_is_over(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=10_000, max_failed=0.001) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        station.packages.broken.add("1.0.0")
        rejected = station.run_until_refused("1.0.0")
        assert "parts got no verdict; expected at most 0.1%" in rejected["reason"]
        assert len(station.line.judged_by) < 5000


def test_a_model_that_is_slow_on_the_line_is_taken_back(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        station.run_until(lambda: station.told("model.rejected"), what="it is taken back", inspection_ms=1001)
        assert "inspections took longer than 1000 ms" in station.told("model.rejected")[0]["reason"]


def test_parts_that_were_lost_before_are_allowed_to_the_next_model(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        for number in range(400):
            station.line.pass_part(lost=number % 4 == 0)
        eventually(lambda: station.models._proving.usual.seen >= 399, what="they are learned")
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        for number in range(40):
            station.line.pass_part(lost=number % 5 == 0)
        eventually(lambda: station.models.busy() is None, what="it is trusted")
        assert station.told("model.rejected") == []


def test_where_the_model_before_was_a_stand_in_its_reject_rate_means_nothing(tmp_path: Path) -> None:
    with FakeStation(tmp_path, is_comparable=False) as station:
        station.pass_parts(300)
        station.run_until_trusted("1.0.0", verdict="reject")
        assert station.told("model.rejected") == []
        station.run_until_trusted("1.1.0", verdict="accept")
        station.pass_parts(300)
        eventually(lambda: station.models._proving.usual.seen >= 300, what="they are learned")
        station.place("1.2.0", verdict="reject")
        station.run_until_refused("1.2.0")


def test_a_new_model_takes_over_from_one_on_probation_and_the_last_good_one_stays_what_is_gone_back_to(
    tmp_path: Path,
) -> None:
    with FakeStation(tmp_path, probation_parts=1_000_000, max_failed=0) as station:
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        station.place("1.2.0")
        station.run_until_runs("1.2.0")
        eventually(lambda: "1.2.0" in str(station.models.busy()), what="the switch is finished")
        assert station.store.read().previous is None
        station.packages.broken.add("1.2.0")
        station.run_until_refused("1.2.0")
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")


def test_who_comes_after_one_on_probation_is_held_against_the_last_good_one(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=1_000_000) as station:
        station.pass_parts(300)
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        before = station.store.read().probation.before
        assert before.judged >= 300
        station.place("1.2.0")
        station.run_until_runs("1.2.0")
        assert station.store.read().probation.before == before


def test_a_pointer_back_to_the_last_good_model_needs_neither_shadow_nor_probation(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        for version, verdict in (("1.1.0", "reject"), ("1.2.0", "accept")):
            station.run_until_trusted(version, verdict=verdict)
    with FakeStation(tmp_path, shadow_parts=1000, max_disagreement=0.01) as station:
        station.pass_parts(300)
        point_at(station.updates, "spot/1.1.0")
        station.run_until_runs("1.1.0")
        assert station.told("model.rejected") == []
        assert station.store.read().probation is None
        of_this = station.told("model.changed")[0]["model"]
        eventually(lambda: of_this in [each["model"] for each in station.told("model.proved")], what="it is trusted")
        assert station.told("model.proved")[-1]["parts"] == 0


def test_going_back_by_hand_is_remembered_and_told(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        for version in ("1.1.0", "1.2.0"):
            station.run_until_trusted(version)
        good = station.store.read().previous
        assert good is not None
        with pytest.raises(ModelError, match=r"expected c0c0.*, found spot 1\.1\.0"):
            station.models.rollback(CONFIGURED.sha256)
        answer = station.models.rollback(good.sha256)
        assert (answer["model"]["version"], answer["rolled_back"]["version"]) == ("1.1.0", "1.2.0")
        station.run_until_runs("1.1.0")
        station.run_until_idle()
        last = station.told("model.changed")[-1]
        assert (last["cause"], last["reason"]) == ("command", "it was rolled back by hand")
        assert station.panel.standing.keys() == {"model-rolled-back"}
        assert station.models.rollback(by="anna")["model"]["name"] == "configured"
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")
        station.run_until_idle()
        assert station.told("model.changed")[-1]["reason"] == "it was rolled back by anna"
        with pytest.raises(ModelError, match="expected a good model before it, found configured"):
            station.models.rollback()


def test_nobody_goes_back_by_hand_to_a_model_that_was_not_made_for_the_line(tmp_path: Path) -> None:
    with FakeStation(tmp_path, is_comparable=False, probation_parts=0) as station:
        station.run_until_trusted("1.1.0")
        with pytest.raises(RefusedError, match="found none that was made for this line"):
            station.models.rollback()
        assert station.line.running.version == "1.1.0"
        assert station.store.read().rejected == ()


def test_going_back_while_the_line_stands_before_another_switch_is_refused_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_ANSWER_S", 0.1)
    with FakeStation(tmp_path) as station:
        station.place("1.1.0")
        station.wait_before_switch()
        with pytest.raises(ModelError, match=r"no rollback within 0\.1 s: model spot 1\.1\.0 .* takes over"):
            station.models.rollback()
        station.run_until_runs("1.1.0")
        station.run_until_idle()
        assert station.line.running.version == "1.1.0", "a wish that was answered is not fulfilled later"


def test_a_rollback_whose_package_is_damaged_goes_back_to_the_configured_model(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        for version in ("1.1.0", "1.2.0"):
            station.run_until_trusted(version)
        previous = station.store.read().previous
        assert previous is not None
        shutil.rmtree(station.store.place_of(previous))
        assert station.models.rollback()["model"]["name"] == "configured"
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")
        assert station.store.read().running is None


def test_a_bad_model_is_taken_back_also_where_that_cannot_be_written_down(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, FakeStation(disk, probation_parts=1_000_000) as station:
        station.pass_parts(300)
        station.place("1.1.0", verdict="reject")
        station.wait_before_switch()
        set_read_only(disk, on=True)
        station.run_until(lambda: station.line.running == CONFIGURED and station.events[1:], what="it is back")
        assert "models-unavailable" in station.panel.standing
        bad = next(opened.identity for opened in station.packages.opened if opened.identity != CONFIGURED)
        set_read_only(disk, on=False)
        station.run_until(lambda: "models-unavailable" not in station.panel.standing, what="the disk is back")
        memory = station.store.read()
        assert (memory.running, memory.probation) == (None, None)
        assert memory.rejection_of(bad) is not None


def test_a_bad_model_is_taken_back_as_soon_as_there_is_memory_to_load_the_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_PAUSE_S", 0.01)
    with FakeStation(tmp_path, probation_parts=1_000_000, max_failed=0) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        open_at_once, tries = station.packages.open, iter([MemoryError(), MemoryError()])

        def open_or_fail(folder: Path | None) -> Opened:
            if (error := next(tries, None)) is not None:
                raise error
            return open_at_once(folder)

        monkeypatch.setattr(station.packages, "open", open_or_fail)
        station.packages.broken.add("1.0.0")
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")


def test_a_rollback_that_the_end_has_overtaken_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        station.run_until_trusted("1.1.0")
        before, loads, goes_on = station.store.read(), threading.Event(), threading.Event()
        open_at_once = station.packages.open

        def open_slowly(folder: Path | None) -> Opened:
            loads.set()
            goes_on.wait(PATIENCE_S)
            return open_at_once(folder)

        monkeypatch.setattr(station.packages, "open", open_slowly)

        def ask() -> None:
            with pytest.raises(ModelError, match="the station ends"):
                station.models.rollback()

        asks = threading.Thread(target=ask)
        asks.start()
        assert loads.wait(PATIENCE_S)
    goes_on.set()
    asks.join()
    assert station.store.read() == before
    assert station.packages.opened[-1].closed == 1
