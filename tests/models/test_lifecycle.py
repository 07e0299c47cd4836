import shutil
import threading
from pathlib import Path

import pytest

from edge_inspector.errors import ModelError, RefusedError
from edge_inspector.models import examining, lifecycle
from edge_inspector.models.memory import Memory
from edge_inspector.models.packages import Opened
from edge_inspector.models.store import Store
from tests.fakes import PATIENCE_S
from tests.models.fakes import CONFIGURED, FakeStation, point_at
from tests.mosquitto import eventually
from tests.small_disk import set_read_only, small_disk

pytestmark = pytest.mark.usefixtures("hurried")


def test_a_new_model_takes_over_proves_itself_and_the_old_one_is_freed(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        package = station.place("1.0.0")
        station.run_until_runs("1.0.0")
        shutil.rmtree(station.updates)  # nothing that runs depends on it
        station.run_until_idle()
        (changed,) = station.told("model.changed")
        assert (changed["cause"], changed["previous"]["name"]) == ("update", "configured")
        assert changed["reason"].startswith("1 golden images as promised; ")
        assert changed["comparison"] is None
        assert station.store.read() == Memory(running=station.line.running)
        assert [opened.closed for opened in station.packages.opened] == [1, 0]
        assert station.panel.standing == {}
        assert station.models.document()["running"]["version"] == "1.0.0"
    assert not package.exists()


def test_every_part_is_judged_by_one_model_until_the_switch_and_by_the_other_from_then_on(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        for version in ("2.0.0", "3.0.0", "4.0.0"):
            station.place(version)
            station.run_until_runs(version)
    assert station.line.judged_by == sorted(station.line.judged_by)
    assert set(station.line.judged_by) == {"0.1.0", "2.0.0", "3.0.0", "4.0.0"}


def test_what_is_written_down_comes_before_what_takes_effect(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.0.0")
        eventually(lambda: "takes over with the next part" in str(station.models.busy()), what="the line stands still")
        assert station.line.running == CONFIGURED
        memory = station.store.read()
        assert memory.running is not None
        assert (memory.running.version, memory.probation is None) == ("1.0.0", False)
        station.line.pass_part()
        assert station.line.judged_by == ["1.0.0"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"refuse": "the model has no class dent"}, "the model has no class dent"),
        ({"problems": ["one.png: expected none there"]}, "golden images: one.png: expected none there"),
        ({"fails": True}, "it fails"),
    ],
)
def test_a_candidate_that_is_refused_changes_nothing_and_stays_refused_over_a_restart(
    tmp_path: Path, says: dict, reason: str
) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.0.0", **says)
        rejected = station.run_until_refused("1.0.0")
        assert rejected["reason"] == reason
        assert len(rejected["sha256"]) == 64
        assert station.told("model.changed") == []
        assert station.panel.standing["model-rejected"].text.endswith(f"is refused, {names(station)} runs: {reason}")
        assert all(opened.closed for opened in station.packages.all_but(CONFIGURED))
        assert [path for path in station.store.folder.iterdir() if path.is_dir()] == []
    with FakeStation(tmp_path) as again:
        again.run_until(lambda: again.panel.standing, what="it is told that another model is wanted")
        again.run_until_idle()
        assert again.events == []
        assert again.panel.standing.keys() == {"model-rejected"}
        again.place("1.1.0")
        again.run_until_runs("1.1.0")
        assert again.panel.standing == {}


def names(station: FakeStation) -> str:
    running = station.line.running
    return f"{running.name} {running.version} ({running.sha256[:12]})"


def test_a_refused_model_is_tried_again_once_its_refusal_is_forgotten_by_another_process(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        package = station.place("1.0.0", fails=True)
        rejected = station.run_until_refused("1.0.0")
        station.run_until_idle()
        Store(tmp_path / "models").forget_rejected(rejected["sha256"][:8])
        station.run_until(lambda: len(station.told("model.rejected")) == 2, what="it is tried again")
    assert package.exists()


def test_the_model_that_runs_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with FakeStation(tmp_path) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        station.run_until_idle()
        station.place("1.0.0")
        station.run_until(lambda: "runs already" in caplog.text, what="it is looked at")
        assert len(station.told("model.changed")) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "expected one line name/version, found ''"),
        ("/etc/1.0.0", "expected one line name/version, found '/etc/1.0.0'"),
        ("../../1.0.0", "expected one line name/version, found '../../1.0.0'"),
        ("spot/1.0.0\nspot/1.1.0", "expected one line name/version, found"),
        ("spot/9.9.9", "expected a package folder"),
        ("x" * 1000, "expected one line name/version, found"),
        ("\x00/\x00", "expected one line name/version, found"),
    ],
)
def test_a_pointer_that_names_nothing_is_told_once(tmp_path: Path, content: str, reason: str) -> None:
    with FakeStation(tmp_path) as station:
        point_at(station.updates, content)
        station.run_until(lambda: "model-rejected" in station.panel.standing, what="it is told")
        assert reason in station.panel.standing["model-rejected"].text
        station.models._wishes._pointer.look_again()
        station.run_until(lambda: station.models._wishes._pointer._taken is not None, what="it is looked at again")
        assert len(station.told("model.rejected")) == 1
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        assert station.panel.standing == {}


def test_a_newer_wish_ends_the_examination_of_an_older_one(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.0.0", opening_hangs=True)
        station.run_until(lambda: "checked" in str(station.models.busy()), what="it hangs")
        assert station.models.busy() == "model spot/1.0.0 is checked"
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        station.packages.gate.set()
        eventually(lambda: len(station.packages.opened) == 3, what="the older one comes to itself")
        older = station.packages.opened[-1]
        eventually(lambda: older.closed == 1, what="and is freed")
    assert set(station.line.judged_by) == {"0.1.0", "1.1.0"}


def test_a_candidate_that_hangs_is_refused_and_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "_HANGS_S", 0.1)
    with FakeStation(tmp_path) as station:
        station.place("1.0.0", hangs=True)
        rejected = station.run_until_refused("1.0.0")
        assert rejected["reason"] == "it hangs while it is checked: no answer for 0.1 s"
        station.place("1.1.0")
        station.run_until_runs("1.1.0")


def test_a_long_set_of_golden_images_is_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "_HANGS_S", 0.2)
    with FakeStation(tmp_path) as station:
        station.place("1.0.0", golden_images=20, image_s=0.02)
        station.run_until_runs("1.0.0")


def test_a_disk_that_hangs_is_no_fault_of_the_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "_HANGS_S", 0.1)
    with FakeStation(tmp_path) as station:
        station.store.folder.mkdir()
        with station.store._locked(".copying"):
            station.place("1.0.0")
            station.run_until(lambda: "models-unavailable" in station.panel.standing, what="it is told")
        station.run_until_runs("1.0.0")
        assert station.told("model.rejected") == []


def test_a_shadow_tells_how_both_did_and_then_the_candidate_takes_over(tmp_path: Path) -> None:
    with FakeStation(tmp_path, shadow_parts=30) as station:
        station.place("1.0.0", verdict="review")
        station.run_until(lambda: station.models.document()["candidate"], what="it is examined")
        station.run_until_runs("1.0.0")
        comparison = station.told("model.changed")[0]["comparison"]
        assert comparison["frames"] == 30
        assert comparison["disagreements"] == {"accept->review": 30}
        assert comparison["running_ms"] == {"p50": 1.0, "p95": 1.0}
        assert comparison["candidate_ms"].keys() == {"p50", "p95"}


@pytest.mark.parametrize(
    ("says", "most", "reason"),
    [
        ({"verdict": "reject"}, 0.01, "in shadow got another verdict (accept->reject"),
        ({"verdict": "accept"}, None, "frames in shadow; expected at most 2.0%"),
    ],
)
def test_a_candidate_that_is_worse_in_shadow_is_refused_as_soon_as_that_is_certain(
    tmp_path: Path, says: dict, most: float | None, reason: str
) -> None:
    with FakeStation(tmp_path, shadow_parts=1000, max_disagreement=most) as station:
        station.place("1.0.0", **says)
        station.run_until(lambda: "in shadow" in str(station.models.busy()), what="it is in shadow")
        station.packages.broken |= set() if most else {"1.0.0"}
        rejected = station.run_until_refused("1.0.0")
        assert reason in rejected["reason"]
        assert 10 < rejected["comparison"]["frames"] < 500
        assert station.told("model.changed") == []


def test_a_shadow_on_a_line_with_few_parts_ends_with_its_time_but_not_without_a_part(tmp_path: Path) -> None:
    with FakeStation(tmp_path, shadow_parts=1000, shadow_minutes=1e-6) as station:
        station.place("1.0.0")
        eventually(lambda: "in shadow" in str(station.models.busy()), what="it waits for a part")
        station.run_until_runs("1.0.0")
        assert station.told("model.changed")[0]["comparison"]["frames"] == 1


def test_a_model_that_rejects_much_more_is_taken_back_by_itself(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=200) as station:
        for _ in range(300):
            station.line.pass_part()
        package = station.place("1.0.0", verdict="reject")
        rejected = station.run_until_refused("1.0.0")
        assert "parts were rejected; with the model before it 0 of" in rejected["reason"]
        station.run_until_runs(CONFIGURED.version)
        station.run_until_idle()
        assert station.line.running == CONFIGURED
        changes = [(event["cause"], event["model"]["name"]) for event in station.told("model.changed")]
        assert changes == [("update", "spot"), ("rollback", "configured")]
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
        for _ in range(300):
            station.line.pass_part()
        station.place("1.0.0", verdict="reject")
        station.run_until_runs("1.0.0")
        station.run_until_idle()
        assert station.told("model.rejected") == []
        station.place("1.1.0", verdict="accept")
        station.run_until_runs("1.1.0")
        station.run_until_idle()
        for _ in range(300):
            station.line.pass_part()
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
        for _ in range(300):
            station.line.pass_part()
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
            station.place(version, verdict=verdict)
            station.run_until_runs(version)
            station.run_until_idle()
    with FakeStation(tmp_path, shadow_parts=1000, max_disagreement=0.01) as station:
        for _ in range(300):
            station.line.pass_part()
        point_at(station.updates, "spot/1.1.0")
        station.run_until(lambda: station.events, what="it is examined")
        assert station.told("model.rejected") == []
        station.run_until_runs("1.1.0")
        assert station.store.read().probation is None


def test_going_back_by_hand_is_remembered_and_told(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        for version in ("1.1.0", "1.2.0"):
            station.place(version)
            station.run_until_runs(version)
            station.run_until_idle()
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
        assert station.models.rollback()["model"]["name"] == "configured"
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")
        station.run_until_idle()
        with pytest.raises(ModelError, match="expected a good model before it, found configured"):
            station.models.rollback()


def test_nobody_goes_back_by_hand_to_a_model_that_was_not_made_for_the_line(tmp_path: Path) -> None:
    with FakeStation(tmp_path, is_comparable=False, probation_parts=0) as station:
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        station.run_until_idle()
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
        eventually(lambda: "takes over" in str(station.models.busy()), what="the line stands still")
        with pytest.raises(ModelError, match=r"no rollback within 0\.1 s: model spot 1\.1\.0 .* takes over"):
            station.models.rollback()
        station.run_until_runs("1.1.0")
        station.run_until_idle()
        assert station.line.running.version == "1.1.0", "a wish that was answered is not fulfilled later"


def test_a_rollback_whose_package_is_damaged_goes_back_to_the_configured_model(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        for version in ("1.1.0", "1.2.0"):
            station.place(version)
            station.run_until_runs(version)
            station.run_until_idle()
        previous = station.store.read().previous
        assert previous is not None
        shutil.rmtree(station.store.place_of(previous))
        assert station.models.rollback()["model"]["name"] == "configured"
        station.run_until(lambda: station.line.running == CONFIGURED, what="it is back")
        assert station.store.read().running is None


def test_a_disk_that_takes_nothing_changes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, FakeStation(disk) as station:
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        station.run_until_idle()
        station.place("1.2.0")
        set_read_only(disk, on=True)
        station.run_until(lambda: "models-unavailable" in station.panel.standing, what="it is told")
        assert station.line.running.version == "1.1.0"
        assert station.told("model.rejected") == []
        set_read_only(disk, on=False)
        station.run_until_runs("1.2.0")
        assert station.panel.standing == {}


def test_a_bad_model_is_taken_back_also_where_that_cannot_be_written_down(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, FakeStation(disk, probation_parts=1_000_000) as station:
        for _ in range(300):
            station.line.pass_part()
        station.place("1.1.0", verdict="reject")
        eventually(lambda: "takes over" in str(station.models.busy()), what="the line stands still")
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
        station.place("1.1.0")
        station.run_until_runs("1.1.0")
        station.run_until_idle()
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


def test_a_station_that_ends_frees_what_was_to_come_and_ends_at_once(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.1.0")
        eventually(lambda: "takes over" in str(station.models.busy()), what="the line stands still")
    assert [opened.closed for opened in station.packages.opened] == [0, 1], "the one that runs is its opener's"
    with FakeStation(tmp_path / "other") as station:
        station.place("1.1.0")
        eventually(lambda: "takes over" in str(station.models.busy()), what="the line stands still")
        station.models._stop.set()
        station.models._thread.join()
        station.line.pass_part()  # a switch that nobody could finish any more
    assert [opened.closed for opened in station.packages.opened] == [1, 0]
    assert not any(thread.name == "models" for thread in threading.enumerate())
