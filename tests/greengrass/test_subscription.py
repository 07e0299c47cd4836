from collections.abc import Callable
from concurrent.futures import Future

import pytest

from edge_inspector.greengrass.heartbeat import Heartbeat
from edge_inspector.greengrass.subscription import Subscription
from tests.logged import warnings_in


class Stream:
    def __init__(self, on_closed: Callable[[], None]) -> None:
        self.end, self.is_closed = on_closed, False

    def close(self) -> None:
        self.is_closed = True


class Wire:
    """A connection on which a subscription stands once it is asked for."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.while_asked: Callable[[], None] = lambda: None

    def subscribe(self, _what: str, start: Callable[[None], tuple[Future[object], Stream]]) -> Stream:
        _, stream = start(None)
        self.streams.append(stream)
        self.while_asked()
        return stream


def start(_client: None, **events: Callable[[], None]) -> tuple[Future[object], Stream]:
    return Future(), Stream(events["on_stream_closed"])


def quiet() -> None:
    """Nobody needs to be woken."""


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_one_that_the_nucleus_ends_is_made_again_after_a_pause_and_told(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[int] = []
    subscription = Subscription("the test", start, print, on_open=lambda: opened.append(1))
    subscription.tend(wire, now_s=0.0, wake=quiet)
    wire.streams[0].end()
    due_s = subscription.tend(wire, now_s=10.0, wake=quiet)
    assert (len(wire.streams), due_s) == (1, 11.0)
    subscription.tend(wire, now_s=due_s, wake=quiet)
    assert (len(wire.streams), len(opened)) == (2, 2)
    assert warnings_in(caplog) == ["nucleus: the test had been ended by the nucleus, and was made again"]


def test_one_that_ends_with_its_connection_is_made_at_once_on_the_next_and_says_nothing(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = Subscription("the test", start, print)
    subscription.tend(wire, now_s=0.0, wake=quiet)
    wire.streams[0].end()
    subscription.tend(wire, now_s=0.0, wake=quiet)
    subscription.forget()
    subscription.tend(wire, now_s=0.0, wake=quiet)
    assert len(wire.streams) == 2
    assert warnings_in(caplog) == []


def test_one_that_is_left_while_it_is_made_does_not_stay_at_the_nucleus(wire: Wire) -> None:
    subscription = Subscription("the test", start, print)
    wire.while_asked = subscription.end
    subscription.tend(wire, now_s=0.0, wake=quiet)
    assert wire.streams[0].is_closed


def test_one_that_is_made_again_for_want_of_an_echo_ends_the_old_one_first(wire: Wire) -> None:
    heartbeat = Heartbeat(30.0)
    subscription = Subscription("the test", start, print, pulse=(heartbeat, lambda _wire, _mark: None))
    for now_s in (0.0, 0.0, 30.0, 60.0, 60.0):
        subscription.tend(wire, now_s=now_s, wake=quiet)
    assert [stream.is_closed for stream in wire.streams] == [True, False]


def test_an_echo_that_never_comes_is_told_once(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    heartbeat = Heartbeat(30.0)
    subscription = Subscription("the test", start, print, pulse=(heartbeat, lambda _wire, _mark: None))
    for now_s in range(0, 3600, 10):
        subscription.tend(wire, now_s=now_s, wake=quiet)
    assert len(wire.streams) > 30
    assert len(warnings_in(caplog)) == 1


def test_what_comes_after_it_was_left_is_not_taken(wire: Wire) -> None:
    taken: list[object] = []
    events: dict[str, Callable[[object], None]] = {}

    def remember(_client: None, **callbacks: Callable[[object], None]) -> tuple[Future[object], Stream]:
        events.update(callbacks)
        return Future(), Stream(quiet)

    subscription = Subscription("the test", remember, taken.append)
    subscription.tend(wire, now_s=0.0, wake=quiet)
    events["on_stream_event"]("one")
    subscription.end()
    events["on_stream_event"]("two")
    assert taken == ["one"]
