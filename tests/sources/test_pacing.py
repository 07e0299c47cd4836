import threading
import time

from edge_inspector.sources.pacing import Pace

NEVER_HZ = 1e-6


def test_the_first_beat_comes_at_once() -> None:
    assert Pace(NEVER_HZ, threading.Event()).wait(0.0)


def test_a_beat_that_is_not_due_is_refused_when_the_time_is_up_and_not_used_up() -> None:
    pace = Pace(NEVER_HZ, threading.Event())
    pace.wait(0.0)
    assert not pace.wait(0.001)
    assert not pace.wait(0.0)


def test_a_late_caller_gets_every_missed_beat_at_once() -> None:
    pace = Pace(1000.0, threading.Event())
    pace.wait(0.0)
    time.sleep(0.02)
    assert all(pace.wait(0.0) for _ in range(20))


def test_beats_do_not_come_early() -> None:
    pace = Pace(200.0, threading.Event())
    started_ns = time.monotonic_ns()
    for _ in range(11):
        assert pace.wait(30.0)
    assert time.monotonic_ns() - started_ns >= 10 * 5_000_000


def test_the_stop_ends_a_wait_without_a_beat() -> None:
    stop = threading.Event()
    pace = Pace(NEVER_HZ, stop)
    pace.wait(0.0)
    threading.Timer(0.05, stop.set).start()
    assert not pace.wait(600.0)
