import pytest

from cloud_side.monitoring.silence import Presence, presence
from cloud_side.monitoring.stations import Known, Station, stations_of
from tests.cloud.monitoring.stationed import MINUTE_MS, NOW_MS, Said

LIMIT_MS = 15 * MINUTE_MS


def station_of(said: Said) -> Station:
    (found,) = stations_of(said.rows.values(), NOW_MS)
    return found


def seen(said: Said, now_ms: int = NOW_MS) -> Presence:
    return presence(station_of(said), now_ms, LIMIT_MS)


def test_a_station_is_silent_once_it_has_said_nothing_for_longer_than_it_may() -> None:
    said = Said()
    said.status("online", NOW_MS - 100 * MINUTE_MS)
    said.stats(NOW_MS)
    assert seen(said, NOW_MS + LIMIT_MS) is Presence.HEARD
    assert seen(said, NOW_MS + LIMIT_MS + 1) is Presence.SILENT


def test_a_station_that_stopped_on_purpose_is_never_silent() -> None:
    said = Said()
    said.stats(NOW_MS - 60 * MINUTE_MS)
    said.status("stopped", NOW_MS - 59 * MINUTE_MS)
    assert seen(said) is Presence.STOPPED


def test_statistics_that_come_just_after_the_farewell_do_not_take_it_back() -> None:
    said = Said()
    said.status("stopped", NOW_MS)
    said.stats(NOW_MS + 10_000)
    assert seen(said, NOW_MS + 2 * LIMIT_MS) is Presence.STOPPED


def test_one_of_two_cameras_that_stopped_does_not_hide_that_the_other_falls_silent() -> None:
    said = Said()
    said.status("stopped", NOW_MS - 60 * MINUTE_MS)
    said.stats(NOW_MS - 30 * MINUTE_MS)
    assert seen(said) is Presence.SILENT


@pytest.mark.parametrize(("ago_min", "how"), [(1, Presence.HEARD), (16, Presence.SILENT)])
def test_a_last_will_is_no_purpose_and_a_station_may_be_back_in_time(ago_min: int, how: Presence) -> None:
    said = Said()
    said.status("offline", NOW_MS - ago_min * MINUTE_MS)
    assert seen(said) is how


def test_a_station_is_silent_that_began_again_and_then_said_nothing() -> None:
    said = Said()
    said.status("stopped", NOW_MS - 60 * MINUTE_MS)
    said.status("online", NOW_MS - 30 * MINUTE_MS)
    assert seen(said) is Presence.SILENT


def test_what_was_remembered_counts_where_the_rows_are_gone() -> None:
    station = Station("a/b/c", known=Known(seen_ms=NOW_MS))
    assert presence(station, NOW_MS + LIMIT_MS, LIMIT_MS) is Presence.HEARD
    assert presence(station, NOW_MS + LIMIT_MS + 1, LIMIT_MS) is Presence.SILENT
