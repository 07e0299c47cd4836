import json
import logging
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run_with

from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.settings import Settings, parse
from tests.configuration.kinds import settings
from tests.small_disk import set_read_only, small_disk

SOME = parse({"station": {"camera": "top"}, "mqtt": {"username": "u", "password": "hunter2"}})
DAMAGE = (b"", b"{", b"[]", b"null", b'{"settings": []}', b'{"settings": {"flow": 3}}', b"\xff\x00", b"[" * 100_000)


@pytest.fixture
def store(tmp_path: Path) -> LastGood:
    return LastGood(tmp_path / "state" / "top", tmp_path / "station.toml")


def last_good_file(store: LastGood) -> Path:
    return store.home / "configuration" / "last-good.json"


def trial_file(store: LastGood) -> Path:
    return store.home / "configuration" / "trial.json"


def test_the_home_is_the_state_folder_of_the_camera() -> None:
    assert parse({"state": {"dir": "/var/lib/ei"}, "station": {"camera": "top"}}).home == Path("/var/lib/ei/top")


@run_with(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(settings)
def test_what_is_kept_is_found_again(tmp_path: Path, some: Settings) -> None:
    LastGood(tmp_path, tmp_path / "station.toml").keep(some)
    assert LastGood(tmp_path, tmp_path / "station.toml").load() == some


def test_only_the_daemons_user_can_read_it(store: LastGood) -> None:
    store.keep(SOME)
    last_good_file(store).chmod(0o644)
    store.keep(SOME)
    store.begin_trial("a")
    assert b"hunter2" in last_good_file(store).read_bytes()
    for path in last_good_file(store).parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(last_good_file(store).parent.stat().st_mode) == 0o700


def test_nothing_is_known_at_first(store: LastGood, caplog: pytest.LogCaptureFixture) -> None:
    assert store.load() is None
    assert store.tries("a") == 0
    store.end_trial("a")
    assert not store.home.exists()
    assert not caplog.records


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_survived_and_written_anew(
    store: LastGood, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store.keep(SOME)
    store.begin_trial("a")
    last_good_file(store).write_bytes(damage)
    trial_file(store).write_bytes(damage)
    assert store.load() is None
    assert not store.is_of_file()
    assert store.tries("a") == 0
    assert "hunter2" not in caplog.text
    store.keep(SOME)
    store.begin_trial("a")
    assert store.load() == SOME
    assert store.tries("a") == 1


def test_folders_in_place_of_the_files_are_survived(store: LastGood, caplog: pytest.LogCaptureFixture) -> None:
    last_good_file(store).mkdir(parents=True)
    trial_file(store).mkdir()
    assert store.load() is None
    store.keep(SOME)
    store.begin_trial("a")
    store.end_trial("a")
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_a_key_of_another_version_is_left_out(store: LastGood, caplog: pytest.LogCaptureFixture) -> None:
    store.keep(parse({"source": {"type": "usb"}, "samples": {"upload": {"target": {"type": "folder"}}}}))
    document = json.loads(last_good_file(store).read_text())
    document["settings"]["flow"]["old"] = 1
    document["settings"]["source"]["old"] = 1
    document["settings"]["samples"]["upload"]["target"]["old"] = 1
    document["settings"]["gone"] = {"a": 1}
    last_good_file(store).write_text(json.dumps(document))
    assert store.load() == parse({"source": {"type": "usb"}})
    assert "flow.old" in caplog.text


def test_a_value_that_is_wrong_now_is_not_guessed(store: LastGood) -> None:
    store.keep(SOME)
    document = json.loads(last_good_file(store).read_text())
    document["settings"]["flow"] |= {"queue_size": -1, "old": 1}
    last_good_file(store).write_text(json.dumps(document))
    assert store.load() is None


def test_starts_are_counted_for_one_configuration_at_a_time(store: LastGood) -> None:
    store.begin_trial("a")
    store.begin_trial("a")
    assert (store.tries("a"), store.tries("b")) == (2, 0)
    store.end_trial("b")
    assert store.tries("a") == 2
    store.begin_trial("b")
    assert (store.tries("a"), store.tries("b")) == (0, 1)
    store.end_trial("b")
    assert store.tries("b") == 0


def test_what_a_person_asks_for_again_is_forgiven(store: LastGood) -> None:
    store.begin_trial("a")
    store.begin_trial("a")
    store.begin_trial("a", again=True)
    assert store.tries("a") == 1


def test_every_change_of_the_content_is_another_configuration() -> None:
    assert digest_of(b"a") == digest_of(b"a")
    assert digest_of(b"a") != digest_of(b"a ")


def test_a_full_disk_costs_the_protection_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk", size="64k") as disk:
        store = LastGood(disk / "top", tmp_path / "station.toml")
        store.keep(SOME)
        (disk / "filler").write_bytes(bytes(64 * 1024 - 4096 * 2))
        with pytest.raises(OSError, match="No space"):
            (disk / "more").write_bytes(bytes(64 * 1024))
        store.keep(parse({"station": {"camera": "other"}}))
        store.begin_trial("a")
        assert store.tries("a") == 0
        assert store.load() == SOME
        assert "cannot be written" in caplog.text


def test_a_read_only_disk_costs_the_protection_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = LastGood(disk / "top", tmp_path / "station.toml")
        store.keep(SOME)
        store.begin_trial("a")
        set_read_only(disk, on=True)
        store.keep(parse({}))
        store.end_trial("a")
        assert store.load() == SOME
        assert store.tries("a") == 1
        assert "cannot be" in caplog.text
