"""The page as a whole: it starts and ends with its station, and says what is wrong with it."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_inspector.decision import Decision, Verdict
from edge_inspector.detections import Detections
from edge_inspector.inspection import FrameFinding, FrameRecord
from edge_inspector.page.page import INDEX, OperatorPage
from edge_inspector.settings import PageSettings
from tests.fakes import IMAGE_WH, belt_frame
from tests.mosquitto import eventually
from tests.page.people import Person
from tests.page.stations import PageStation, ids, port_of, serving, wait_for
from tests.page.watching import Stream


@pytest.fixture
def station(tmp_path: Path) -> Iterator[PageStation]:
    with PageStation.open(tmp_path) as station:
        yield station


def somebody_at(page: OperatorPage) -> Person:
    return Person(port_of(page))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("page")}


def test_the_end_of_the_page_ends_its_streams_and_its_threads(station: PageStation, tmp_path: Path) -> None:
    with ExitStack() as stack:
        with serving(station, tmp_path) as page:
            paths = ("/api/v1/events", "/api/v1/live", "/api/v1/events")
            followed = [stack.enter_context(Stream(port_of(page), path)) for path in paths]
            eventually(lambda: viewers(page) == (2, 1), what="all are counted")
            assert {"page", "page-index", "page-live"} <= threads()
        for answer in followed:
            answer.rest()  # comes to its end
    eventually(lambda: not threads(), what="its threads end")


def viewers(page: OperatorPage) -> tuple[int, int]:
    told = somebody_at(page).get("/health")[1]["page"]
    return told["viewers"], told["live_viewers"]


def test_nothing_is_wrong_with_a_page_that_is_not_served_yet(station: PageStation, tmp_path: Path) -> None:
    assert OperatorPage(station.desk, tmp_path).problem() is None


def test_a_page_that_hangs_is_left_behind(
    station: PageStation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk_answers = threading.Event()
    with serving(station, tmp_path) as page:
        page._stack.callback(disk_answers.wait)
    assert "left behind" in caplog.text
    disk_answers.set()
    eventually(lambda: not threads(), what="its threads end")


def test_a_page_that_begins_again_shows_what_was_there_before(station: PageStation, tmp_path: Path) -> None:
    with serving(station, tmp_path) as page:
        put = [station.put() for _ in range(3)]
        wait_for(somebody_at(page), put[-1])
    put.append(station.put())
    with serving(station, tmp_path) as page:
        wait_for(somebody_at(page), put[-1])
        assert ids(somebody_at(page)) == put[::-1]


def test_a_page_without_a_home_shows_what_comes(station: PageStation, tmp_path: Path) -> None:
    with serving(station, None) as page:
        own = station.put()
        wait_for(somebody_at(page), own)
        assert page.problem() is None
    assert not (tmp_path / INDEX).exists()


def test_a_port_that_is_taken_is_told_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            PageStation.open(tmp_path, PageSettings(port=port)) as station,
            OperatorPage(station.desk, tmp_path) as page,
        ):
            eventually(lambda: str(port) in (page.problem() or ""), what="it says which port is taken")
            assert page.port is None
            station.put()
            page.watch(belt_frame(1), found_nothing())


def test_an_index_that_cannot_be_kept_is_told_and_the_newest_results_are_shown(
    station: PageStation, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / INDEX / "in the way").mkdir(parents=True)
    with serving(station, home) as page:
        own = station.put()
        wait_for(somebody_at(page), own)
        eventually(lambda: INDEX in (page.problem() or ""), what="it says so")
        assert INDEX in somebody_at(page).get("/health")[1]["page"]["index_problem"]


def test_what_is_inspected_is_seen_live(station: PageStation, tmp_path: Path) -> None:
    with serving(station, tmp_path) as page:
        pictures: list[bytes] = []
        asking = threading.Thread(target=lambda: pictures.append(somebody_at(page).ask("GET", "/live.jpg")[1]))
        asking.start()
        while asking.is_alive():
            page.watch(belt_frame(1), found_nothing())
            asking.join(0.01)
        assert pictures[0].startswith(b"\xff\xd8")


def test_what_comes_is_followed_with_the_document_of_the_line(station: PageStation, tmp_path: Path) -> None:
    with serving(station, tmp_path) as page, Stream(port_of(page), "/api/v1/events") as answer:
        own = station.put()
        seen = b""
        while not (b"event: defect.detected" in seen and b"event: line" in seen.rpartition(own.encode())[0]):
            seen += answer.response.readline()


def test_a_station_without_a_page_loads_no_web_framework() -> None:
    script = (
        "import sys, edge_inspector.app, edge_inspector.page.desk; print({'starlette', 'uvicorn'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def found_nothing() -> FrameFinding:
    now = datetime.now(UTC)
    record = FrameRecord(1, now, "host", "fake", IMAGE_WH, Decision(Verdict.ACCEPT))
    return FrameFinding(record, Detections.empty(), {"total": 1.0}, 0)
