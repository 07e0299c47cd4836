from collections.abc import Iterable

from cloud_side.monitoring.looking import Look, look
from cloud_side.monitoring.stations import Station, stations_of
from cloud_side.monitoring.telling import Message, told
from tests.cloud.monitoring.stationed import MINUTE_MS, NOW_MS, Said

LIMIT_MS = 15 * MINUTE_MS
INSTALLATION = "edge-inspector-dev"


def looked(said: Iterable[Said], now_ms: int = NOW_MS) -> Look:
    return look(stations_of([row for each in said for row in each.rows.values()], now_ms), now_ms, LIMIT_MS)


def mail(*said: Said) -> Message:
    message = told(looked(said), INSTALLATION)
    assert message is not None
    return message


def silent(name: str) -> Said:
    said = Said(name)
    said.stats(NOW_MS - 20 * MINUTE_MS)
    return said


def heard(name: str = "berlin/line-1/press-3") -> Said:
    said = Said(name)
    said.stats(NOW_MS)
    return said


def test_nothing_is_told_when_nothing_is_new() -> None:
    assert told(looked([heard()]), INSTALLATION) is None


def test_people_are_told_which_station_fell_silent_and_since_when() -> None:
    message = mail(heard(), silent("berlin/line-2/press-1"))
    assert message.subject == "edge-inspector-dev: berlin/line-2/press-1 is silent"
    assert message.text == "berlin/line-2/press-1 has said nothing since 2026-03-01 11:40 UTC."


def test_people_are_told_when_the_broker_had_lost_a_station_that_is_silent() -> None:
    said = silent("berlin/line-2/press-1")
    said.status("offline", NOW_MS - 19 * MINUTE_MS)
    assert mail(said, heard()).text.endswith("11:41 UTC. The broker lost its connection.")


def test_people_are_told_to_look_at_what_is_common_when_all_stations_are_silent() -> None:
    message = mail(silent("berlin/line-2/press-1"), silent("berlin/line-2/press-2"))
    assert message.subject == "edge-inspector-dev: berlin/line-2/press-1 is silent and 1 more"
    assert message.text.startswith("All stations are silent: look at what they have in common first")


def test_an_alarm_is_told_with_what_helps() -> None:
    said = heard()
    said.raises(NOW_MS)
    message = mail(said)
    assert message.subject == "edge-inspector-dev: berlin/line-1/press-3: top/camera-out-of-focus"
    assert message.text == (
        "berlin/line-1/press-3: top/camera-out-of-focus (warning). edges are twice as wide "
        "What to do: Look at the lens."
    )


def test_what_came_and_went_is_told_with_what_is_left_in_one_message() -> None:
    said = heard()
    said.raises(NOW_MS)
    (station,) = stations_of(said.rows.values(), NOW_MS)
    known = looked([said]).known[station.name]
    said.clears(NOW_MS + MINUTE_MS)
    (after,) = stations_of(said.rows.values(), NOW_MS)
    back = Station(after.name, stats=after.stats, alarms=after.alarms, known=known)
    message = told(look([back], NOW_MS + MINUTE_MS, LIMIT_MS), INSTALLATION)
    assert message is not None
    assert message.text == "berlin/line-1/press-3: top/camera-out-of-focus is over. edges are twice as wide"


def test_a_message_stays_readable_and_allowed_whatever_happens() -> None:
    message = mail(*(silent(f"köln/line-{number}/{'x' * 48}") for number in range(400)))
    assert len(message.subject) <= 100
    assert message.subject.isascii()
    assert message.text.count("\n") == 50
    assert message.text.endswith("and 351 more")
