"""What becomes of the words of stations: rows, and values again."""

import pytest

from cloud_side.monitoring.heard import CLEARED, HEARD, RAISED
from cloud_side.monitoring.stations import Counted, Counts, Heard, Known, Stats, Told, stations_of
from edge_inspector.events import EventKind
from edge_inspector.settings.greengrass import GreengrassSettings
from tests.cloud.monitoring.stationed import MINUTE_MS, NOW_MS, SESSION, Said


def test_statistics_are_read_as_the_station_said_them() -> None:
    said = Said()
    said.stats(NOW_MS, {"accept": 8, "reject": 1})
    (station,) = stations_of(said.rows.values(), NOW_MS)
    gauges = {"latency_p95_ms": 17.25, "deadline_missed_share": 0.02, "waiting_mqtt": 5, "samples_waiting": 3}
    assert station.name == "berlin/line-1/press-3"
    assert station.stats == (Stats(SESSION, NOW_MS, Counts(8, 0, 1, 0), gauges, "online"),)


def test_what_a_station_has_nothing_to_say_of_is_left_out() -> None:
    said = Said()
    said.stats(NOW_MS, samples=None, health=None, latency_ms={}, camera={"status": None, "outages": 0, "away_s": 0.0})
    (station,) = stations_of(said.rows.values(), NOW_MS)
    assert station.stats == (Stats(SESSION, NOW_MS, Counts(), {"waiting_mqtt": 5}),)


def test_the_backlog_of_a_core_device_is_that_of_its_sink_to_the_cloud() -> None:
    said = Said()
    said.stats(NOW_MS, journal={"waiting": {"greengrass-local": 900, "greengrass-iot-core": 7}})
    (station,) = stations_of(said.rows.values(), NOW_MS)
    assert station.stats[0].gauges["waiting_iot_core"] == 7


def test_two_daemons_of_a_station_do_not_overwrite_each_other() -> None:
    one, other = Said(), Said(session="01KJMGW6ZV000G40R40M30E20A")
    one.stats(NOW_MS, {"accept": 1})
    other.stats(NOW_MS, {"accept": 2})
    (station,) = stations_of([*one.rows.values(), *other.rows.values()], NOW_MS)
    assert [each.counts.accepted for each in station.stats] == [1, 2]


def test_the_last_word_of_an_alarm_is_kept_and_not_the_empty_payload_after_it() -> None:
    said = Said()
    said.raises(NOW_MS)
    said.clears(NOW_MS + MINUTE_MS)
    (station,) = stations_of(said.rows.values(), NOW_MS)
    (heard,) = station.alarms
    assert (heard.name, heard.stands) == ("top/camera-out-of-focus", False)
    assert (heard.severity, heard.what_to_do) == ("warning", "Look at the lens.")


def test_rows_that_have_expired_say_nothing_although_they_are_still_there() -> None:
    said = Said()
    said.stats(NOW_MS)
    assert stations_of(said.rows.values(), NOW_MS + 23 * 60 * MINUTE_MS)
    assert not stations_of(said.rows.values(), NOW_MS + 24 * 60 * MINUTE_MS)


def test_what_the_watch_remembers_is_read_as_it_was_written() -> None:
    known = Known(
        NOW_MS,
        is_silent=True,
        sessions={SESSION: Counted(1, Counts(1, 2, 3, 4), Counts(1, 1, 1, 1))},
        alarms={"top/dead-letter": Told("id", stands=True, since_ms=2, changes=1)},
    )
    row = {"station": "a/b/c", "kind": "known", "expires_s": NOW_MS // 1000 + 1, "known": known.text()}
    (station,) = stations_of([row], NOW_MS)
    assert station.known == known


def test_a_rule_asks_for_the_messages_of_its_installation_alone() -> None:
    status = HEARD[0]
    assert status.sql("edge-inspector-dev") == (
        "SELECT concat(topic(2), '/', topic(3), '/', topic(4)) AS station, 'status' AS kind, timestamp() AS seen_ms, "
        "floor(timestamp() / 1000) + 2592000 AS expires_s, status AS status FROM 'edge-inspector-dev/+/+/+/status'"
    )


@pytest.mark.parametrize("rule", HEARD, ids=lambda each: each.name)
def test_core_devices_send_to_the_cloud_by_default_what_rules_ask_for(rule: object) -> None:
    channel = getattr(rule, "topic").split("/")[3]  # noqa: B009 - of an object
    assert channel in GreengrassSettings().iot_core


def test_alarms_are_told_by_the_types_that_the_edge_writes() -> None:
    kinds = (EventKind.ALARM_RAISED, EventKind.ALARM_CLEARED)
    assert tuple(f"com.edgeinspector.{kind}.v1" for kind in kinds) == (RAISED, CLEARED)
    assert Heard("top/x", "id", stands=True).text == ""
