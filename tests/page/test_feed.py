import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from edge_inspector.journal import Journal, Stretch
from edge_inspector.page import audience
from edge_inspector.page import feed as feed_module
from edge_inspector.page.feed import Feed
from edge_inspector.page.replay import MOST_REPLAYED, Missed, Replay
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.journal.written import AT_ONCE, NOT_YET, PATIENCE_S, alarm, alert, number_of, result
from tests.mosquitto import eventually
from tests.page.watching import Event, Events, Stream, served


class Line:
    """What the line does, and how often somebody wanted to know."""

    def __init__(self) -> None:
        self.times = 0
        self.words = "all is well"

    def __call__(self) -> bytes:
        self.times += 1
        return json.dumps({"words": self.words}).encode()


@contextmanager
def page(journal: Journal, line: Line | None = None) -> Iterator[tuple[int, Feed]]:
    """Serve the event stream of an open journal."""
    feed = Feed(journal, "the session", line or Line())
    with served(feed.doors(), on_loop=[feed.on_loop]) as port, feed:
        yield port, feed


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db", AT_ONCE) as opened:
        yield opened


def numbers(events: list[Event]) -> list[int]:
    return [event.data["number"] for event in events]


def is_number(number: int):  # noqa: ANN201 - a test of an event
    return lambda event: event.kind != "gap" and event.data["number"] == number


def test_an_alert_arrives_while_somebody_watches_as_it_is_on_record(journal: Journal) -> None:
    message = Message(
        "a/top/defect", '{"number":7,"part":"Gehäuse ä"}'.encode(), CATALOGUE[Channel.DEFECT], "7/defect.detected"
    )
    with page(journal) as (port, _), Events(port) as browser:
        assert (browser.status, browser.header("cache-control")) == (200, "no-store")
        assert browser.header("content-type") == "text/event-stream; charset=utf-8"
        hello = browser.next()
        assert (hello.kind, hello.data) == ("hello", {"session": "the session", "last_id": hello.id})
        journal.append([result(5), message])
        event = browser.next_of("defect.detected")
        assert event.data == {"number": 7, "part": "Gehäuse ä"}
        assert event.id.split("-")[0] == f"{journal.last_seq}"


def test_alerts_and_alarms_come_in_the_order_in_which_they_were_recorded_and_results_do_not(journal: Journal) -> None:
    with page(journal) as (port, _), Events(port) as browser:
        browser.next_of("hello")
        journal.append([alert(0), result(1), alarm(2)])
        journal.append([alert(3)])
        events = browser.until(is_number(3))
        assert [(event.kind, event.data["number"]) for event in events] == [
            ("defect.detected", 0),
            ("alarm.raised", 2),
            ("defect.detected", 3),
        ]


@pytest.mark.parametrize("by_query", [False, True])
def test_what_came_while_the_connection_was_lost_comes_once_and_in_order(journal: Journal, *, by_query: bool) -> None:
    with page(journal) as (port, feed):
        with Events(port) as browser:
            browser.next_of("hello")
            journal.append([alert(0)])
            last_id = browser.next_of("defect.detected").id
            browser.hang_up()
        eventually(lambda: feed.viewers == 0, what="the page notices that nobody watches")
        journal.append([alert(1), alarm(2)])
        journal.append([alert(3)])
        with Events(port, last_id=last_id, by_query=by_query) as browser:
            journal.append([alert(4)])
            assert numbers(browser.until(is_number(4))) == [1, 2, 3, 4]


def test_who_saw_nothing_before_the_connection_was_lost_misses_nothing_either(journal: Journal) -> None:
    journal.append([alert(0)])
    with page(journal) as (port, _):
        with Events(port) as browser:
            last_id = browser.next_of("hello").id
        journal.append([alert(1)])
        with Events(port, last_id=last_id) as browser:
            assert numbers(browser.until(is_number(1))) == [1]


def test_who_is_cut_off_before_the_replay_gets_all_of_it_the_next_time(journal: Journal) -> None:
    with page(journal) as (port, _):
        with Events(port) as browser:
            last_id = browser.next_of("hello").id
        journal.append([alert(0), alert(1)])
        with Events(port, last_id=last_id) as browser:
            browser.next_of("hello")
            last_id = browser.last_id or ""
        with Events(port, last_id=last_id) as browser:
            assert numbers(browser.until(is_number(1))) == [0, 1]


def test_the_header_of_a_browser_that_came_back_by_itself_counts_before_the_address(journal: Journal) -> None:
    journal.append([alert(0), alert(1), alert(2)])
    with page(journal) as (port, _), Stream(port, "/api/v1/events?last_event_id=1", {"Last-Event-ID": "2"}) as browser:
        lines = iter(browser.response.readline, b"")
        assert next(line for line in lines if line.startswith(b'data: {"number"')).strip() == b'data: {"number":2}'


def test_nothing_is_missed_when_the_station_restarts_in_between(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, AT_ONCE) as journal, page(journal) as (port, _), Events(port) as browser:
        browser.next_of("hello")
        journal.append([alert(0)])
        last_id = browser.next_of("defect.detected").id
        journal.append([alert(1)])
    with Journal(path, AT_ONCE) as journal, page(journal) as (port, _):
        journal.append([alert(2)])
        with Events(port, last_id=last_id) as browser:
            journal.append([alarm(3)])
            assert numbers(browser.until(is_number(3))) == [1, 2, 3]


def test_numbers_that_never_reached_the_disk_and_are_given_again_hide_nothing(tmp_path: Path) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    with Journal(path, NOT_YET) as journal, page(journal) as (port, _), Events(port) as browser:
        journal.append([alert(0)])
        assert journal.flush(PATIENCE_S)
        for suffix in ("", "-wal"):
            copy.with_name(f"copy.db{suffix}").write_bytes(path.with_name(f"journal.db{suffix}").read_bytes())
        journal.append([alert(1), alert(2)])  # and the power fails
        last_id = browser.until(is_number(2))[-1].id
    with Journal(copy, AT_ONCE) as journal, page(journal) as (port, _):
        journal.append([alert(3), alert(4), alert(5)])  # by the numbers that those two had, and one more
        with Events(port, last_id=last_id) as browser:
            assert numbers(browser.until(is_number(5))) == [3, 4, 5]


def test_a_tablet_that_slept_through_too_much_is_told_how_much_and_goes_on_from_now(journal: Journal) -> None:
    with page(journal) as (port, _):
        with Events(port) as browser:
            browser.next_of("hello")
            journal.append([alert(0)])
            last_id = browser.next_of("defect.detected").id
        journal.append([alert(number) for number in range(1, 601)])
        assert journal.flush(PATIENCE_S)
        with Events(port, last_id=last_id) as browser:
            gap = browser.next_of("gap", "defect.detected")
            assert (gap.kind, gap.data) == ("gap", {"skipped": 600})
            journal.append([alert(601)])
            assert numbers(browser.until(is_number(601))) == [601]
            with Events(port, last_id=gap.id) as other:
                assert numbers(other.until(is_number(601))) == [601]


def test_as_much_as_is_replayed_is_no_gap(journal: Journal) -> None:
    with page(journal) as (port, _):
        with Events(port) as browser:
            last_id = browser.next_of("hello").id
        journal.append([alert(number) for number in range(MOST_REPLAYED)])
        assert journal.flush(PATIENCE_S)
        for _ in range(2):
            with Events(port, last_id=last_id) as browser:
                assert numbers(browser.until(is_number(MOST_REPLAYED - 1))) == list(range(MOST_REPLAYED))


@pytest.mark.parametrize("last_id", ["99999", "-1", "never", "1e3", "٣", "9" * 64, "99999-"])
def test_a_place_that_never_was_is_a_gap_of_nobody_knows_how_much(journal: Journal, last_id: str) -> None:
    journal.append([alert(0)])
    with page(journal) as (port, _), Events(port, last_id=quote(last_id), by_query=True) as browser:
        assert browser.next_of("gap", "defect.detected").data == {"skipped": None}
        journal.append([alert(1)])
        assert numbers(browser.until(is_number(1))) == [1]


def test_a_place_of_thousands_of_digits_is_one_that_never_was(journal: Journal) -> None:
    with page(journal) as (port, _), Events(port, last_id="9" * 5000) as browser:
        assert browser.next_of("gap").data == {"skipped": None}


def test_while_the_disk_cannot_be_read_new_alerts_come_all_the_same_and_a_gap_tells_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.page.replay._READ_AGAIN_S", 0.01)
    home, away = tmp_path / "home", tmp_path / "away"
    with Journal(home / "journal.db", AT_ONCE) as journal:
        journal.append([alert(0), alert(1)])
    home.rename(away)
    home.write_text("not mounted yet")
    with Journal(home / "journal.db", AT_ONCE) as journal, page(journal) as (port, _):
        journal.append([alert(2)])
        with Events(port, last_id="1-before") as browser:
            events = browser.until(is_number(2))
            assert [event.data for event in events] == [{"skipped": None}, {"number": 2}]


def test_the_line_is_told_at_once_and_again_when_something_is_new(journal: Journal) -> None:
    line = Line()
    with page(journal, line) as (port, _), Events(port) as browser:
        assert browser.next_of("line").data == {"words": "all is well"}
        line.words = "not at all"
        journal.append([result(0)])
        assert browser.next_of("line").data == {"words": "not at all"}
        with Events(port) as late:
            assert late.next_of("line").data == {"words": "not at all"}


def test_what_is_in_no_event_is_told_too(journal: Journal) -> None:
    line = Line()
    with page(journal, line) as (port, _), Events(port) as browser:
        browser.next_of("line")
        line.words = "the camera is gone"
        assert browser.next_of("line").data == {"words": "the camera is gone"}


def test_the_document_of_the_line_is_made_once_for_all_and_not_while_nobody_watches(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_LINE_AT_LEAST_EVERY_S", 3600.0)
    line = Line()
    with page(journal, line) as (port, feed):
        journal.append([result(0)])
        with ExitStack() as stack:
            browsers = [stack.enter_context(Events(port)) for _ in range(5)]
            for browser in browsers:
                browser.next_of("line")
            assert line.times == 1
            line.words = "news"
            journal.append([result(1)])
            for browser in browsers:
                assert browser.next_of("line").data == {"words": "news"}
            assert line.times == 2
        eventually(lambda: feed.viewers == 0, what="all have left")
        for number in range(100):
            journal.append([alert(number)])
        assert line.times == 2


def test_results_wake_nobody_who_follows_the_events(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_LINE_AT_LEAST_EVERY_S", 3600.0)
    looked: list[int] = []
    after = Replay.after

    async def looking(replay: Replay, seq: int) -> Stretch | Missed:
        looked.append(seq)
        return await after(replay, seq)

    monkeypatch.setattr(Replay, "after", looking)
    line = Line()
    with page(journal, line) as (port, _), Events(port) as browser:
        browser.next_of("line")
        for number in range(3):
            looked.clear()
            journal.append([result(number)])
            eventually(lambda times=number + 2: line.times == times, what="the line is looked at")  # type: ignore[misc]
            assert looked == []
        journal.append([alert(3)])
        assert browser.next_of("defect.detected").data["number"] == 3


def test_nobody_looks_at_the_line_when_the_last_viewer_has_left(journal: Journal) -> None:
    with page(journal) as (port, feed):
        with Events(port) as browser:
            browser.next_of("line")
            looking = feed._looking
        assert looking is not None
        eventually(looking.done, what="nobody looks")
        with Events(port) as browser:
            browser.next_of("line")
            assert feed._looking is not looking


def test_a_burst_of_news_makes_no_burst_of_documents(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LINE_EVERY_S", 3600.0)
    line = Line()
    with page(journal, line) as (port, _), Events(port) as browser:
        browser.next_of("line")
        for number in range(200):
            journal.append([alert(number)])
        browser.until(is_number(199))
        assert line.times == 1


def test_a_line_that_cannot_be_told_is_told_later_and_events_come_all_the_same(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed_module, "LINE_EVERY_S", 0.01)
    monkeypatch.setattr(feed_module, "_LINE_AT_LEAST_EVERY_S", 0.02)
    is_broken = threading.Event()
    is_broken.set()
    tries: list[int] = []

    def line() -> bytes:
        tries.append(1)
        if is_broken.is_set():
            msg = "the index is damaged"
            raise OSError(msg)
        return b"{\n}"

    feed = Feed(journal, "s", line)
    with served(feed.doors(), on_loop=[feed.on_loop]) as port, feed, Events(port) as browser:
        browser.next_of("hello")
        journal.append([alert(0)])
        browser.next_of("defect.detected")
        eventually(lambda: len(tries) > 3, what="it is tried again")
        is_broken.clear()
        assert browser.next_of("line").data == {}
        assert caplog.text.count("the index is damaged") == 1


def test_a_viewer_too_many_is_told_so_in_words_until_one_leaves(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "MOST_VIEWERS", 2)
    with page(journal) as (port, feed):
        with Events(port) as first, Events(port) as second:
            first.next_of("hello")
            second.next_of("hello")
            assert feed.viewers == 2
            with Stream(port, "/api/v1/events") as third:
                assert (third.status, third.header("retry-after")) == (503, "10")
                assert json.loads(third.rest())["error"]["code"] == "too_many_viewers"
            first.hang_up()
            eventually(lambda: feed.viewers == 1, what="the page notices that one has left")
        with Events(port) as another:
            assert another.next().kind == "hello"


def test_a_viewer_that_does_not_read_holds_up_nobody_and_costs_no_memory(journal: Journal) -> None:
    with page(journal) as (port, _), Events(port) as sleeper, Events(port) as browser:
        sleeper.next_of("hello")
        browser.next_of("hello")
        size, count = 3000, 6000  # 18 MB: more than all buffers on the way
        for number in range(0, count, 100):
            journal.append([alert(each, size=size) for each in range(number, number + 100)])
            browser.until(is_number(number + 99))
        assert journal.flush(PATIENCE_S)
        found = sleeper.until(lambda event: event.kind == "gap")
        before = [event.data["number"] for event in found if event.kind == "defect.detected"]
        assert before == list(range(len(before)))
        assert found[-1].data == {"skipped": count - len(before)}


def test_closing_ends_all_streams_and_browsers_see_a_whole_answer(journal: Journal) -> None:
    feed = Feed(journal, "s", Line())
    with served(feed.doors(), on_loop=[feed.on_loop]) as port:
        with ExitStack() as stack:
            with feed:
                browsers = [stack.enter_context(Events(port)) for _ in range(3)]
                for browser in browsers:
                    browser.next_of("line")
            for browser in browsers:
                browser.rest()
        eventually(lambda: feed.viewers == 0, what="nobody watches")
        with Stream(port, "/api/v1/events") as late:
            assert (late.status, json.loads(late.rest())["error"]["code"]) == (503, "closing")


def test_a_quiet_stream_shows_now_and_then_that_it_lives(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_HEARTBEAT_S", 0.05)
    with page(journal) as (port, _), Events(port) as browser:
        first = browser.next_of("line")
        assert browser.response.readline() == b":\n"
        assert browser.response.readline() == b"\n"
        assert browser.next_of("line").data == first.data


def test_a_browser_is_told_when_to_come_back(journal: Journal) -> None:
    with page(journal) as (port, _), Stream(port, "/api/v1/events") as browser:
        assert browser.response.readline() == b"retry: 2000\n"


def test_nobody_is_woken_by_a_station_that_nobody_watches(journal: Journal) -> None:
    feed = Feed(journal, "s", Line())
    with feed:
        journal.append([alert(0)])  # no event loop yet: nothing to fail on
    assert number_of(journal.newest(1)[0].message) == 0
