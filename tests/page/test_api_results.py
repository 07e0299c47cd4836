"""Results: listed, looked at one by one, and as a table."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.page.api.tables import text_of
from edge_inspector.page.page import OperatorPage
from tests.page.indexed import IMAGE_WH
from tests.page.people import Person, people
from tests.page.stations import BEGAN, PageStation, ids, port_of, serving, wait_for


@pytest.fixture
def vera(page: OperatorPage) -> Person:
    return Person(port_of(page)).sign_in("vera")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, list[str]]]:
    """A viewer, and the ids of four results, one of each outcome: for those who only ask."""
    home = tmp_path_factory.mktemp("home")
    with PageStation.open(home, people()) as station, serving(station, home) as page:
        viewer = Person(port_of(page)).sign_in("vera")
        put = [
            station.put("reject"),
            station.put("review", label="dent"),
            station.put("accept"),
            station.put(cause=NoVerdict(NoVerdictCause.DEADLINE_MISSED)),
        ]
        wait_for(viewer, put[-1])
        yield viewer, put


def test_results_are_listed_the_newest_first_and_page_by_page(station: PageStation, vera: Person) -> None:
    put = [station.put() for _ in range(5)]
    wait_for(vera, put[-1])
    assert ids(vera) == put[::-1]

    seen: list[str] = []
    before: dict[str, str] = {}
    while True:
        status, document = vera.get("/results", limit=2, **before)
        assert status == 200
        seen += [item["inspection_id"] for item in document["results"]]
        if document["next"] is None:
            break
        before = {"before": document["next"]}
    assert seen == put[::-1]


def test_a_result_says_what_was_found_where_and_by_which_model(station: PageStation, vera: Person) -> None:
    rejected = station.put("reject", label="dent", confidence=0.91, frames=2, pictures=2)
    wait_for(vera, rejected)
    _, item = vera.get(f"/results/{rejected}")
    assert item["captured_at"] == "2026-03-01T12:00:01.000Z"
    assert (item["part_id"], item["lot"], item["product"]) == ("part-00001", "L-1", "bracket-7")
    assert (item["outcome"], item["cause"], item["frames"], item["image_wh"]) == ("reject", None, 2, [*IMAGE_WH])
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
def test_results_are_filtered(listed: tuple[Person, list[str]], query: dict[str, object], numbers: list[int]) -> None:
    viewer, put = listed
    assert ids(viewer, **query) == [put[number] for number in numbers]


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
def test_a_filter_that_nobody_understands_is_told_by_its_name(
    listed: tuple[Person, list[str]], query: dict[str, object]
) -> None:
    viewer, _ = listed
    status, document = viewer.get("/results", **query)
    assert status == 422
    assert next(iter(query)) in document["error"]["text"]


@pytest.mark.parametrize("unknown", ["01KJMMA2G0HBA0CAVB2M3SWTSS", "x", "%2e%2e", quote("Ä\x00", safe="")])
def test_a_result_that_is_not_there_is_not_found(listed: tuple[Person, list[str]], unknown: str) -> None:
    viewer, _ = listed
    status, document = viewer.get(f"/results/{unknown}")
    assert (status, document["error"]["code"]) == (404, "no_result")


def test_the_table_has_the_results_of_the_same_filter(station: PageStation, vera: Person) -> None:
    put = [station.put(("reject", "accept")[number % 2]) for number in range(450)]
    wait_for(vera, put[-1])
    response, content = vera.ask("GET", "/results.csv?outcome=reject")
    assert response.headers["Content-Type"].startswith("text/csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="results.csv"'
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["inspection_id"] for row in rows] == put[::-2][: len(rows)] if len(put) % 2 else put[-2::-2]
    assert (rows[0]["labels"], rows[0]["confidence"], rows[0]["is_audit"]) == ("scratch", "0.9", "false")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+49", "-1", "@x", "\uff1d1")),
        ("\t=1", "\t'=1"),
        ("a;=1;b", "a;'=1;b"),  # where a semicolon parts cells
        ("a\n=1", "a\n'=1"),
        ("part-1; a=b", "part-1; a=b"),
    ],
)
def test_a_spreadsheet_runs_no_cell_as_a_formula(text: str, written: str) -> None:
    assert next(csv.reader(io.StringIO(text_of([[text, -1.5]]), newline=""))) == [written, "-1.5"]
