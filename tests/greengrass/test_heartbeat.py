from edge_inspector.greengrass.heartbeat import Heartbeat


def test_a_subscription_is_lost_when_two_beats_in_a_row_did_not_come_back() -> None:
    heartbeat = Heartbeat(30.0)
    heartbeat.begin(100.0)
    heartbeat.beat(100.0)
    assert not heartbeat.is_lost
    heartbeat.beat(130.0)
    assert heartbeat.is_lost
    assert heartbeat.due_s == 160.0


def test_a_beat_that_comes_back_makes_good_for_the_one_before_it() -> None:
    heartbeat = Heartbeat(30.0)
    heartbeat.begin(0.0)
    for now_s in range(0, 600, 30):
        heartbeat.beat(now_s)
        if now_s % 60:
            heartbeat.hear(heartbeat.mark)
        assert not heartbeat.is_lost


def test_a_beat_may_be_heard_before_the_nucleus_has_answered() -> None:
    heartbeat = Heartbeat(30.0)
    heartbeat.begin(0.0)
    heartbeat.beat(0.0)
    heartbeat.hear(heartbeat.mark)
    heartbeat.beat(30.0)
    assert not heartbeat.is_lost


def test_the_beats_of_another_daemon_say_nothing() -> None:
    heartbeat, other = Heartbeat(30.0), Heartbeat(30.0)
    heartbeat.begin(0.0)
    for now_s in (0.0, 30.0):
        heartbeat.beat(now_s)
        heartbeat.hear(other.mark)
    assert heartbeat.is_lost
    assert not heartbeat.was_heard


def test_a_beat_that_could_not_be_sent_says_nothing_of_the_subscription() -> None:
    heartbeat = Heartbeat(30.0)
    heartbeat.begin(0.0)
    for now_s in (0.0, 30.0, 60.0):
        heartbeat.beat(now_s)
        heartbeat.take_back()
    assert not heartbeat.is_lost
    assert heartbeat.due_s == 90.0
