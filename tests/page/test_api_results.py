"""Results: listed, looked at one by one, and as a table."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.page.api.tables import text_of
from tests.mosquitto import eventually
from tests.page.stations import BEGAN, Browser, PageStation, serving


@pytest.fixture
def station(tmp_path: Path) -> Iterator[PageStation]:
    with PageStation.open(tmp_path) as station:
        yield station


@pytest.fixture
def browser(station: PageStation, tmp_path: Path) -> Iterator[Browser]:
    with serving(station, tmp_path) as page:
        assert page.port is not None
        yield Browser(page.port)


def ids(browser: Browser, **query: object) -> list[str]:
    status, document = browser.get("/results", **query)
    assert status == 200, document
    return [item["inspection_id"] for item in document["results"]]


def wait_for(browser: Browser, inspection_id: str) -> None:
    eventually(lambda: browser.get(f"/results/{inspection_id}")[0] == 200, what="the result is found")


def test_results_are_listed_the_newest_first_and_page_by_page(station: PageStation, browser: Browser) -> None:
    put = [station.put() for _ in range(5)]
    wait_for(browser, put[-1])
    assert ids(browser) == put[::-1]

    seen: list[str] = []
    before: dict[str, str] = {}
    while True:
        status, document = browser.get("/results", limit=2, **before)
        assert status == 200
        seen += [item["inspection_id"] for item in document["results"]]
        if document["next"] is None:
            break
        before = {"before": document["next"]}
    assert seen == put[::-1]


def test_a_result_says_what_was_found_where_and_by_which_model(station: PageStation, browser: Browser) -> None:
    rejected = station.put("reject", label="dent", confidence=0.91, frames=2, pictures=2)
    wait_for(browser, rejected)
    _, item = browser.get(f"/results/{rejected}")
    assert item["captured_at"] == "2026-03-01T12:00:01.000Z"
    assert (item["part_id"], item["lot"], item["product"]) == ("part-00001", "L-1", "bracket-7")
    assert (item["outcome"], item["cause"], item["frames"], item["image_wh"]) == ("reject", None, 2, [450, 300])
    assert item["reasons"] == [{"label": "dent", "confidence": 0.91, "verdict": "reject", "threshold": 0.4}]
    assert item["detections"] == [
        {"label": "dent", "confidence": 0.91, "xyxy": [10.0, 20.0, 60.0, 80.0], "part_frame": 0}
    ]
    assert (item["pictures"], item["detections_total"], item["latency_ms"]) == ([0, 1], 1, 14.5)
    assert item["model"]["version"] == "1.2.0"
    assert (item["disposition"], item["history"]) == (None, [])


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"outcome": "reject"}, [0]),
        ({"outcome": ["reject", "review"]}, [1, 0]),
        ({"outcome": "no_verdict"}, [3]),
        ({"label": "dent"}, [1]),
        ({"lot": "L-1", "product": "bracket-7"}, [3, 2, 1, 0]),
        ({"lot": "L-2"}, []),
        ({"part": "part-00002"}, [1]),
        ({"part": "part-"}, [3, 2, 1, 0]),
        ({"since": (BEGAN + timedelta(seconds=2)).isoformat(), "until": "2026-03-01T12:00:04Z"}, [2, 1]),
        ({"judged": "true"}, []),
        ({"judged": "false"}, [3, 2, 1, 0]),
        ({"audit": "true"}, []),
    ],
)
def test_results_are_filtered(
    station: PageStation, browser: Browser, query: dict[str, object], numbers: list[int]
) -> None:
    put = [
        station.put("reject"),
        station.put("review", label="dent"),
        station.put("accept"),
        station.put(cause=NoVerdict(NoVerdictCause.DEADLINE_MISSED)),
    ]
    wait_for(browser, put[-1])
    assert ids(browser, **query) == [put[number] for number in numbers]


@pytest.mark.parametrize(
    "query",
    [
        {"outcome": "rejected"},
        {"limit": 0},
        {"limit": 201},
        {"since": "yesterday"},
        {"since": "2026-03-01T12:00:00"},
        {"disposition": "good"},
        {"colour": "red"},
        {"before": "nowhere"},
    ],
)
def test_a_filter_that_nobody_understands_is_told_by_its_name(browser: Browser, query: dict[str, object]) -> None:
    status, document = browser.get("/results", **query)
    assert status == 422
    assert next(iter(query)) in document["error"]["text"]


@pytest.mark.parametrize("unknown", ["01KJMMA2G0HBA0CAVB2M3SWTSS", "x", "%2e%2e", quote("Ä\x00", safe="")])
def test_a_result_that_is_not_there_is_not_found(browser: Browser, unknown: str) -> None:
    status, document = browser.get(f"/results/{unknown}")
    assert (status, document["error"]["code"]) == (404, "no_result")


def test_the_table_has_the_results_of_the_same_filter(station: PageStation, browser: Browser) -> None:
    put = [station.put(("reject", "accept")[number % 2]) for number in range(450)]
    wait_for(browser, put[-1])
    response, content = browser.ask("GET", "/results.csv?outcome=reject")
    assert response.headers["Content-Type"].startswith("text/csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="results.csv"'
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["inspection_id"] for row in rows] == put[::-2][: len(rows)] if len(put) % 2 else put[-2::-2]
    assert (rows[0]["labels"], rows[0]["confidence"], rows[0]["is_audit"]) == ("scratch", "0.9", "false")


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@x", "\t=1"])
def test_a_spreadsheet_runs_no_cell_as_a_formula(text: str) -> None:
    assert next(csv.reader(io.StringIO(text_of([[text, -1.5]])))) == [f"'{text}", "-1.5"]
