"""What a daemon begins with after a restart."""

from pathlib import Path

from edge_inspector.alarms import LOST_IN_RESTART
from edge_inspector.app.home import Home, open_home
from edge_inspector.settings import Settings, parse
from tests.mosquitto import eventually


def settings_in(folder: Path) -> Settings:
    return parse({"state": {"dir": str(folder)}, "samples": {"mode": "off"}, "source": {"type": "simulated"}})


def inspect(home: Home, frames: int) -> None:
    for _ in range(frames):
        home.ledger.captured()
        home.ledger.inspected()


def put_on_record(home: Home) -> None:
    home.journal.append([], accounts=home.ledger.total(home.ledger.accounts()).document())


def test_what_was_captured_and_is_not_on_record_is_lost_in_the_restart_and_told(tmp_path: Path) -> None:
    with open_home(settings_in(tmp_path)) as home:
        inspect(home, 5)
        put_on_record(home)
        inspect(home, 2)
    with open_home(settings_in(tmp_path)) as home:
        frames = home.ledger.before.frames
        assert (frames.captured, frames.inspected, dict(frames.dropped)) == (7, 5, {"lost_in_restart": 2})
        (alarm,) = home.alarms
        assert alarm.name == LOST_IN_RESTART
        assert alarm.text == "The last run ended before the results of 2 frames and 0 parts were on record."


def test_accounts_go_on_where_they_were_when_the_record_can_only_be_read_later(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with open_home(settings) as home:
        inspect(home, 100)
        put_on_record(home)
        inspect(home, 1)
    (journal,) = tmp_path.glob("*/journal.db")
    away = journal.rename(journal.with_name("away"))
    journal.mkdir()
    with open_home(settings) as home:
        inspect(home, 5)
        put_on_record(home)
        assert home.journal.state().problem is not None
        assert home.ledger.before.frames.captured == 0
        journal.rmdir()
        away.rename(journal)
        eventually(lambda: home.journal.state().problem is None, what="the record can be written again")
        assert home.ledger.before.frames.captured == 101
    with open_home(settings) as home:
        frames = home.ledger.before.frames
        assert (frames.captured, frames.inspected, dict(frames.dropped)) == (106, 105, {"lost_in_restart": 1})
        assert (home.ledger.before.sessions, home.alarms) == (2, ())


def test_a_record_that_is_gone_begins_again_at_zero(tmp_path: Path) -> None:
    with open_home(settings_in(tmp_path)) as home:
        inspect(home, 3)
        put_on_record(home)
    for file in tmp_path.glob("*/journal.db*"):
        file.unlink()
    with open_home(settings_in(tmp_path)) as home:
        inspect(home, 1)
        put_on_record(home)
    with open_home(settings_in(tmp_path)) as home:
        assert (home.ledger.before.frames.captured, home.ledger.before.sessions, home.alarms) == (1, 1, ())
