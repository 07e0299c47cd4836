import json
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.configuration.finding import find_last_good, leave_signpost, signpost_of
from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.configuration.starting import MOST_TRIES, begin, choose
from edge_inspector.configuration.trial import PROOF_S, Proof, Trial
from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, parse

NEW, GOOD = parse({"station": {"site": "new"}}), parse({"station": {"site": "good"}})
BROKEN = ConfigError("flow.x: unknown key")


def test_a_new_configuration_is_on_trial() -> None:
    choice = choose(NEW, GOOD, tries=0)
    assert (choice.settings, choice.on_trial, choice.refusal) == (NEW, True, None)
    assert choose(NEW, None, tries=0).on_trial


def test_the_last_good_configuration_needs_no_trial() -> None:
    assert not choose(GOOD, GOOD, tries=MOST_TRIES).on_trial


def test_one_crash_may_have_been_a_power_cut_two_are_a_reason() -> None:
    assert choose(NEW, GOOD, tries=1).settings == NEW
    choice = choose(NEW, GOOD, tries=2)
    assert (choice.settings, choice.on_trial) == (GOOD, False)
    assert choice.refusal == "it ended the process 2 times before it had proved itself"


def test_without_a_last_good_one_it_is_tried_again_and_again() -> None:
    assert choose(NEW, None, tries=50).on_trial


def test_a_broken_file_gives_way_to_the_last_good_configuration_if_there_is_one() -> None:
    choice = choose(BROKEN, GOOD, tries=0)
    assert (choice.settings, choice.on_trial, choice.refusal) == (GOOD, False, str(BROKEN))
    with pytest.raises(ConfigError, match="unknown key"):
        choose(BROKEN, None, tries=0)


def test_one_inspected_frame_is_proof() -> None:
    trial = Trial("a", began_s=10.0, inspected_before=5, failed_before=1)
    assert trial.judge(now_s=11.0, inspected=5, failed=9) is Proof.PENDING
    assert trial.judge(now_s=11.0, inspected=6, failed=9) is Proof.GOOD


def test_time_is_proof_unless_every_inspection_failed() -> None:
    trial = Trial("a", began_s=10.0, inspected_before=5, failed_before=1)
    assert trial.judge(now_s=10.0 + PROOF_S, inspected=5, failed=1) is Proof.GOOD
    assert trial.judge(now_s=10.0 + PROOF_S, inspected=5, failed=2) is Proof.FAILED


def write(file: Path, state: Path, **sections: Any) -> Path:
    file.write_text(json.dumps({"state": {"dir": str(state)}, "station": {"camera": "top"}, **sections}))
    return file


def keep(file: Path) -> Settings:
    """Make the configuration in a file its last good one."""
    settings = begin(file).choice.settings
    LastGood(settings.home, file).keep(settings)
    leave_signpost(file, settings.home)
    return settings


@pytest.mark.parametrize("state", ["state", "elsewhere"])
@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff", b'{"flow": {"x": 1}}', b'{"station": {"camera": "a/b"}}', None], ids=repr
)
def test_whatever_becomes_of_the_file_its_last_good_configuration_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, damage: bytes | None
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    file = write(tmp_path / "etc" / "station.json", Path(state))
    good = keep(file)
    file.unlink() if damage is None else file.write_bytes(damage)
    start = begin(file)
    assert start.choice.settings == good
    assert start.choice.refusal is not None


def test_a_signpost_stands_only_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keep(write(tmp_path / "station.json", Path("state")))
    assert not signpost_of(tmp_path / "station.json").exists()
    keep(write(tmp_path / "station.json", tmp_path / "elsewhere"))
    assert signpost_of(tmp_path / "station.json").read_text() == f"{tmp_path}/elsewhere/top\n"
    keep(write(tmp_path / "station.json", Path("state")))
    assert signpost_of(tmp_path / "station.json").read_text() == f"{tmp_path}/state/top\n"


@pytest.mark.parametrize("signpost", [b"", b"\xff", b"\x00", b"/nowhere", b"x" * 10_000])
def test_a_damaged_signpost_leads_nowhere_and_does_no_harm(tmp_path: Path, signpost: bytes) -> None:
    file = write(tmp_path / "station.json", tmp_path / "elsewhere")
    keep(file)
    signpost_of(file).write_bytes(signpost)
    assert find_last_good(file, b"") is None
    file.write_bytes(b"{")
    with pytest.raises(ConfigError, match="expected JSON"):
        begin(file)


def test_another_files_last_good_configuration_in_the_default_folder_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.json", "b.json"):
        keep(write(tmp_path / name, Path("state"), station={"camera": name[0]}))
        (tmp_path / name).unlink()
    assert begin(tmp_path / "b.json").choice.settings.station.camera == "b"
    with pytest.raises(ConfigError, match="cannot be read"):
        begin(tmp_path / "c.json")


def test_a_camera_that_was_renamed_still_has_its_last_good_configuration(tmp_path: Path) -> None:
    file = write(tmp_path / "station.json", tmp_path / "state")
    good = keep(file)
    write(file, tmp_path / "state", station={"camera": "renamed"})
    start = begin(file)
    assert (start.choice.on_trial, start.good) == (True, good)
    assert start.store.home == tmp_path / "state" / "renamed"


def test_an_empty_file_is_the_demo_at_first_and_a_write_cut_short_later(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_bytes(b"")
    assert begin(file).choice.settings == Settings()
    file.write_text(f"[state]\ndir = '{tmp_path}/state'\n")
    good = keep(file)
    file.write_bytes(b"# nothing left\n")
    start = begin(file)
    assert start.choice.settings == good
    assert "is empty" in str(start.choice.refusal)


def test_a_start_counts_the_tries_of_this_very_content(tmp_path: Path) -> None:
    file = write(tmp_path / "station.json", tmp_path / "state")
    good = keep(file)
    write(file, tmp_path / "state", log={"level": "debug"})
    for _ in range(MOST_TRIES):
        start = begin(file)
        assert start.choice.on_trial
        start.store.begin_trial(digest_of(start.content))
    start = begin(file)
    assert not start.choice.on_trial
    assert start.choice.settings == good
    write(file, tmp_path / "state", log={"level": "warning"})
    assert begin(file).choice.on_trial
