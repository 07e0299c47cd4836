import json
import shutil
import threading
from pathlib import Path

import pytest

from edge_inspector.durable import signature_of
from edge_inspector.models import examining, lifecycle
from edge_inspector.models.memory import Memory
from edge_inspector.models.pointer import POINTER
from edge_inspector.models.store import Store
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
        remembered = station.store.read()
        assert remembered == Memory(running=station.line.running, proof=remembered.proof)
        assert [opened.closed for opened in station.packages.opened] == [1, 0]
        assert station.panel.standing == {}
        assert station.models.document()["running"]["version"] == "1.0.0"
        (proved,) = station.told("model.proved")
        assert (proved["model"], proved["failed_share"], proved["reject_rate"]) == (changed["model"], 0.0, 0.0)
        assert proved["parts"] >= station.settings.probation_parts
        assert proved["latency_ms"] == {"p50": 1.0, "p95": 1.0}
    assert not package.exists()


def test_what_a_model_has_proved_is_told_beside_the_model_before_it(tmp_path: Path) -> None:
    with FakeStation(tmp_path, max_reject_rate=1.0, max_failed=1.0) as station:
        station.pass_parts(300)
        eventually(lambda: station.models._proving.usual.seen == 300, what="they are learned")
        station.place("1.0.0", verdict="reject")
        station.run_until_runs("1.0.0")
        station.run_until(lambda: station.told("model.proved"), what="it is trusted", lost=True)
        (proved,) = station.told("model.proved")
        assert (proved["reject_rate"], proved["reject_rate_before"]) == (1.0, 0.0)
        assert 0.5 < proved["failed_share"] < 1.0


def test_a_model_of_which_nothing_is_asked_is_told_as_proved_when_it_takes_over(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0, max_failed=0) as station:
        station.place("1.0.0")
        station.wait_before_switch()
        assert station.told("model.proved") == []
        station.line.pass_part(lost=True)
        eventually(lambda: station.told("model.proved"), what="it is told")
        assert [event["type"] for event in station.events] == ["model.changed", "model.proved"]
        (proved,) = station.told("model.proved")
        assert (proved["model"]["version"], proved["parts"], proved["failed_share"]) == ("1.0.0", 0, None)
        assert station.store.read().probation is None


def test_a_restart_before_a_model_took_over_loses_nothing_of_what_is_told(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=0) as station:
        station.place("1.0.0")
        station.wait_before_switch()
    with FakeStation(tmp_path, probation_parts=0) as station:
        eventually(lambda: station.told("model.proved"), what="it is told by the next run")


def test_what_a_model_has_proved_is_told_again_where_a_crash_may_have_lost_it(tmp_path: Path) -> None:
    with FakeStation(tmp_path, max_reject_rate=1.0) as station:
        station.place("1.0.0", verdict="reject")
        station.run_until_runs("1.0.0")
        station.run_until_idle()
        eventually(lambda: station.told("model.proved"), what="it is trusted")
    (told,) = station.told("model.proved")
    with FakeStation(tmp_path) as again:  # the event of before may never have left the process
        eventually(lambda: again.told("model.proved"), what="the next run tells it")
    (told_again,) = again.told("model.proved")
    assert told_again == told
    assert (told["parts"] >= 20, told["reject_rate"]) == (True, 1.0)


def test_a_deployment_of_the_model_that_runs_already_is_answered_once_it_is_trusted(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        eventually(lambda: "on probation" in str(station.models.busy()), what="it is on probation")
        point_at(station.updates, "spot/1.0.0\n")
        eventually(
            lambda: station.models._wishes._pointer._taken == signature_of(station.updates / POINTER),
            what="it is looked at",
        )
        eventually(lambda: station.models._wishes.examination is None, what="it is found as wished")
        assert station.told("model.proved") == []
        station.run_until_idle()
        assert len(station.told("model.proved")) == 1
        point_at(station.updates, "spot/1.0.0\n")
        eventually(lambda: len(station.told("model.proved")) == 2, what="it is told to who asks again")
        first, second = station.told("model.proved")
        assert first == second


def test_who_missed_it_hears_again_after_a_while_that_a_model_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_TOLD_AGAIN_S", 0.05)
    with FakeStation(tmp_path) as station:
        station.run_until_trusted("1.0.0")
        eventually(lambda: len(station.told("model.proved")) >= 3, what="it is told again and again")
        assert len({json.dumps(each) for each in station.told("model.proved")}) == 1


def test_the_last_good_model_is_told_as_trusted_also_where_the_station_restarts_before_it_is_back(
    tmp_path: Path,
) -> None:
    with FakeStation(tmp_path) as station:
        station.run_until_trusted("1.0.0")
        station.run_until_trusted("1.1.0")
        point_at(station.updates, "spot/1.0.0\n")
        station.wait_before_switch()
    with FakeStation(tmp_path) as again:
        eventually(lambda: again.told("model.proved"), what="the next run tells it")
        assert again.told("model.proved")[0]["model"]["version"] == "1.0.0"


def test_a_model_that_failed_and_runs_on_for_want_of_a_better_one_is_never_told_as_trusted(tmp_path: Path) -> None:
    with FakeStation(tmp_path, probation_parts=10_000, max_failed=0.001) as station:
        station.place("1.0.0")
        station.run_until_runs("1.0.0")
        eventually(lambda: "on probation" in str(station.models.busy()), what="it is on probation")
        station.packages.can_open_configured = False
        station.packages.broken.add("1.0.0")
        station.run_until(lambda: "models-unavailable" in station.panel.standing, what="there is nothing better")
        point_at(station.updates, "spot/1.0.0\n")
        eventually(lambda: station.panel.standing == {}, what="it is found as wished")
        assert station.told("model.proved") == []


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
        station.wait_before_switch()
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
        station.run_until_trusted("1.0.0")
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


def test_a_disk_that_takes_nothing_changes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, FakeStation(disk) as station:
        station.run_until_trusted("1.1.0")
        station.place("1.2.0")
        set_read_only(disk, on=True)
        station.run_until(lambda: "models-unavailable" in station.panel.standing, what="it is told")
        assert station.line.running.version == "1.1.0"
        assert station.told("model.rejected") == []
        set_read_only(disk, on=False)
        station.run_until_runs("1.2.0")
        assert station.panel.standing == {}


def test_a_station_that_ends_frees_what_was_to_come_and_ends_at_once(tmp_path: Path) -> None:
    with FakeStation(tmp_path) as station:
        station.place("1.1.0")
        station.wait_before_switch()
    assert [opened.closed for opened in station.packages.opened] == [0, 1], "the one that runs is its opener's"
    with FakeStation(tmp_path / "other") as station:
        station.place("1.1.0")
        station.wait_before_switch()
        station.models._stop.set()
        station.models._thread.join()
        station.line.pass_part()  # a switch that nobody could finish any more
    assert [opened.closed for opened in station.packages.opened] == [1, 0]
    assert not any(thread.name == "models" for thread in threading.enumerate())
