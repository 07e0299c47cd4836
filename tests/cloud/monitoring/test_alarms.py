from cloud_side.monitoring.alarms import tell
from cloud_side.monitoring.stations import Heard, Told
from tests.cloud.monitoring.stationed import MINUTE_MS, NOW_MS


def heard(number: int, *, stands: bool = True) -> Heard:
    return Heard("top/camera-out-of-focus", f"id-{number}", stands=stands)


def test_an_alarm_is_told_once_when_it_is_raised_and_once_when_it_is_over() -> None:
    is_told, told = tell(heard(1), None, NOW_MS)
    assert is_told
    assert tell(heard(1), told, NOW_MS + MINUTE_MS) == (False, told)
    is_told, told = tell(heard(2, stands=False), told, NOW_MS + 2 * MINUTE_MS)
    assert is_told
    assert tell(heard(2, stands=False), told, NOW_MS + 3 * MINUTE_MS) == (False, told)


def test_an_alarm_that_came_and_went_between_two_looks_is_not_told() -> None:
    assert tell(heard(2, stands=False), None, NOW_MS) == (False, None)


def test_an_alarm_that_comes_and_goes_every_minute_is_told_twice_an_hour() -> None:
    told, mails = None, []
    for minute in range(121):
        is_told, told = tell(heard(minute, stands=minute % 2 == 0), told, NOW_MS + minute * MINUTE_MS)
        if is_told:
            mails.append(minute)
    assert mails == [0, 1, 60, 61, 120]


def test_what_was_not_told_at_once_is_told_in_the_end_as_it_is_then() -> None:
    told: Told | None = None
    for minute, stands in enumerate((True, False, True)):
        is_told, told = tell(heard(minute, stands=stands), told, NOW_MS + minute * MINUTE_MS)
    assert not is_told
    assert told is not None
    assert not told.stands
    assert tell(heard(2), told, NOW_MS + 59 * MINUTE_MS) == (False, told)
    is_told, told = tell(heard(2), told, NOW_MS + 60 * MINUTE_MS)
    assert is_told
    assert told is not None
    assert told.stands


def test_an_alarm_that_is_raised_anew_after_a_restart_is_told_anew() -> None:
    _, told = tell(heard(1), None, NOW_MS)
    is_told, _ = tell(heard(2), told, NOW_MS + 5 * MINUTE_MS)
    assert is_told
