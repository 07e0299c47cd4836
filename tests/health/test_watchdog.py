from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.health.watchdog import Stage, Stuck, Watchdog


def look_until(watchdog: Watchdog, until_s: float, since_s: float = 0.0) -> list[Stuck]:
    found: list[Stuck] = []
    second = since_s
    while second < until_s:
        second += 1
        found = watchdog.look(second)
    return found


def at(stage: Stage, second: float | None) -> None:
    """Put the mark where it would be had the work begun then: the clock is the test's."""
    stage.busy_since_s = second


def test_a_stage_that_has_the_same_work_for_too_long_is_stuck_and_says_for_how_long() -> None:
    watchdog = Watchdog()
    at(watchdog.stage("inspect", 30), 10)
    assert look_until(watchdog, 40) == []
    (stuck,) = look_until(watchdog, 75, 40)
    assert stuck == Stuck("inspect", 65, 30)
    assert stuck.text == "inspect has had the same piece of work for 65 s; expected 30 at most"


def test_who_waits_for_work_is_healthy_for_ever() -> None:
    watchdog = Watchdog()
    stage = watchdog.stage("inspect", 30)
    stage.busy()
    stage.idle()
    assert look_until(watchdog, 10_000) == []


def test_who_takes_up_the_next_piece_or_gets_on_with_a_long_one_is_not_stuck() -> None:
    watchdog = Watchdog()
    stage = watchdog.stage("upload", 0.5)
    assert stage.busy_since_s is None
    stage.beat()
    assert stage.busy_since_s is None, "a beat is no work"
    stage.busy()
    first_s = stage.busy_since_s
    assert first_s is not None
    stage.beat()
    assert stage.busy_since_s >= first_s
    with stage:
        assert stage.busy_since_s >= first_s
    assert stage.busy_since_s is None


def test_the_longest_is_told_first_and_all_are_told_in_words() -> None:
    watchdog = Watchdog()
    at(watchdog.stage("deliver", 60), 0)
    at(watchdog.stage("upload", 60), 5)
    assert watchdog.look(1) == []
    assert [stuck.stage for stuck in look_until(watchdog, 100, 1)] == ["deliver", "upload"]


def test_a_process_that_was_stopped_as_a_whole_blames_no_stage() -> None:
    watchdog = Watchdog()
    at(watchdog.stage("inspect", 30), 1)
    look_until(watchdog, 10)
    assert watchdog.look(500) == [], "nobody ran in between"
    assert look_until(watchdog, 530, 500) == []
    assert look_until(watchdog, 531, 530) != [], "but now it has had its time"


def test_a_stage_that_is_forgotten_or_replaced_is_watched_no_longer() -> None:
    watchdog = Watchdog()
    first = watchdog.stage("inspect", 30)
    at(first, 1)
    second = watchdog.stage("inspect", 30)
    assert look_until(watchdog, 100) == []
    at(second, 1)
    watchdog.forget(first)
    assert look_until(watchdog, 101, 100) != []
    watchdog.forget(second)
    assert look_until(watchdog, 102, 101) == []


@given(st.lists(st.sampled_from(["busy", "beat", "idle"]), max_size=30))
def test_a_stage_is_busy_exactly_from_busy_to_idle(calls: list[str]) -> None:
    stage, is_busy = Stage("inspect", 1), False
    for call in calls:
        getattr(stage, call)()
        is_busy = call == "busy" or (call == "beat" and is_busy)
        assert (stage.busy_since_s is not None) == is_busy
