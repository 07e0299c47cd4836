"""The figures of quality by HTTP: as a document, as a table, and what filters can be set to."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from edge_inspector.decision import Verdict
from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.inspection import InspectionResult
from edge_inspector.journal import Journal
from edge_inspector.page.api.quality import doors, run_rule_now
from edge_inspector.page.application import application
from edge_inspector.page.index.index import Index
from edge_inspector.quality.intervals import wilson
from edge_inspector.quality.shifts import shift_at
from edge_inspector.settings import PageSettings
from edge_inspector.tracks import TrackPhase
from tests.page.asking import Browser
from tests.page.indexed import AT, NO_VERDICT, caught_up, change, following, frame, part, put, track_id, word
from tests.page.people import entrance_of, nobody

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = AT + DAY
SETTINGS = PageSettings()


class Line:
    """A line whose page is asked a day after its first part.

    Attributes:
        index: What the page looks up.
        now: What the page takes for the time.
    """

    def __init__(self, journal: Journal, index: Index, *, is_triggered: bool = True) -> None:
        self.index, self.now = index, NOW
        self._journal = journal
        names = ("scratch", "dent", "stain")
        table = doors(index, SETTINGS, lambda: names, is_triggered=is_triggered, clock=lambda: self.now)
        self.browser = Browser(application(table, entrance_of(nobody()).guard))

    def put(self, *results: InspectionResult) -> list[InspectionResult]:
        return put(self._journal, *results)

    def say(self, result: InspectionResult, disposition: Disposition, **more: Any) -> None:
        self._journal.append([word(result, disposition, **more)])

    def track(self, result: InspectionResult, number: int) -> None:
        self._journal.append([change(result, number, TrackPhase.NEW, verdict=Verdict.REJECT)])

    def quality(self, **query: str) -> Any:
        """Return the figures of the first hour, or of what is asked for."""
        caught_up(self.index, self._journal)
        asked = {"since": AT.isoformat(), "until": (AT + HOUR).isoformat(), **query}
        answer = self.browser.get(f"/api/v1/quality?{urlencode(asked)}")
        assert answer.status == 200, answer.content
        return answer.json

    def get(self, path: str, **query: str) -> Any:
        caught_up(self.index, self._journal)
        return self.browser.get(f"/api/v1{path}?{urlencode(query)}")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with following(tmp_path, random_share=1.0) as (journal, index):
        yield Line(journal, index)


def test_totals_are_the_sum_of_what_came_over_time(line: Line) -> None:
    line.put(part(0, "dent"), part(1), part(70, failure=NO_VERDICT), part(3700, "dent"))
    line.put(part(130, "scratch", verdict=Verdict.REVIEW))
    found = line.quality()
    assert found["totals"] == {"parts": 4, "accept": 1, "review": 1, "reject": 1, "no_verdict": 1, "defects": 3}
    assert found["over_time"]["bucket_s"] == 60
    points = found["over_time"]["points"]
    assert len(points) == 60
    assert points[0] == {
        "at": "2026-03-02T06:00:00.000Z",
        "parts": 2,
        "accept": 1,
        "review": 0,
        "reject": 1,
        "no_verdict": 0,
    }
    assert [point["parts"] for point in points[:4]] == [2, 1, 1, 0]
    assert (found["since"], found["until"]) == ("2026-03-02T06:00:00.000Z", "2026-03-02T07:00:00.000Z")


@pytest.mark.parametrize(
    ("length", "bucket_s"),
    [(HOUR, 60), (8 * HOUR, 300), (DAY, 600), (7 * DAY, 3600), (30 * DAY, 14_400), (400 * DAY, 172_800)],
)
def test_a_chart_has_at_most_two_hundred_points(line: Line, length: timedelta, bucket_s: int) -> None:
    line.put(*(part(number, at=NOW - DAY * number) for number in range(1, 40)))
    found = line.quality(since=(NOW - length).isoformat(), until=NOW.isoformat())
    points = found["over_time"]["points"]
    assert found["over_time"]["bucket_s"] == bucket_s
    assert len(points) <= 201
    assert sum(point["parts"] for point in points) == found["totals"]["parts"] == min(39, length // DAY)
    times = [datetime.fromisoformat(point["at"]) for point in points]
    assert {after - before for before, after in pairwise(times)} == {timedelta(seconds=bucket_s)}


def test_the_figures_are_of_this_shift_up_to_now_where_nothing_is_said(line: Line) -> None:
    line.now = AT + 3 * HOUR + timedelta(seconds=20)
    shift = shift_at(line.now, SETTINGS.shifts)
    line.put(part(1, at=shift.since - MINUTE), part(2, at=shift.since), part(3, at=line.now))
    found = line.get("/quality").json
    assert datetime.fromisoformat(found["since"]) == shift.since
    assert datetime.fromisoformat(found["until"]) == AT + 3 * HOUR + MINUTE
    assert found["totals"]["parts"] == 2


def test_nothing_is_told_of_the_future(line: Line) -> None:
    found = line.quality(since=(NOW - HOUR).isoformat(), until=(NOW + 30 * DAY).isoformat())
    assert datetime.fromisoformat(found["until"]) == NOW
    assert len(found["over_time"]["points"]) == 60


def test_a_shift_that_has_just_begun_has_figures_too(line: Line) -> None:
    line.now = shift_at(AT, SETTINGS.shifts).since
    assert line.get("/quality").status == 200


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"since": "2026-03-02T07:00:00Z", "until": "2026-03-02T06:00:00Z"}, "since: expected a time before until"),
        ({"since": "2026-03-04T07:00:00Z"}, "query.since: expected a time before 2026-03-03T06:00:00.000Z"),
        ({"since": "2024-03-02T06:00:00Z"}, "query.since: expected at most 400 days, found 731.0"),
        ({"since": "yesterday"}, "query.since: "),
        ({"since": "2026-03-02T06:00:00"}, "query.since: "),
        ({"until": "2026-03-02T06:00:00+25:00"}, "query.until: "),
        ({"shift": "1"}, "query.shift: "),
        ({"label": "x" * 301}, "query.label: "),
    ],
)
@pytest.mark.parametrize("path", ["/quality", "/quality.csv"])
def test_what_is_no_stretch_of_time_is_refused_with_what_is_wrong(
    line: Line, query: dict[str, str], text: str, path: str
) -> None:
    answer = line.get(path, **query)
    assert (answer.status, answer.code) == (422, "unexpected")
    assert text in answer.text


def test_the_pareto_chart_counts_parts_by_class(line: Line) -> None:
    line.put(part(0, "dent", "scratch"), part(1, "scratch"), part(2, "scratch", verdict=Verdict.REVIEW), part(3))
    assert line.quality(label="dent")["pareto"] == [
        {"label": "scratch", "parts": 3, "share": 0.75, "cumulative": 0.75},
        {"label": "dent", "parts": 1, "share": 0.25, "cumulative": 1.0},
    ]


def test_the_pareto_chart_has_what_people_drew_and_not_what_they_found_good(line: Line) -> None:
    good, _, more = line.put(part(0, "dent"), part(1, "dent"), part(2, "scratch"))
    line.say(good, Disposition.FALSE_REJECT)
    line.say(more, Disposition.MISSED_DEFECT, boxes=[DrawnBox("stain", (0, 0, 10, 10))])
    assert {bar["label"]: bar["parts"] for bar in line.quality()["pareto"]} == {"dent": 1, "scratch": 1, "stain": 1}


def test_the_p_chart_is_of_parts_with_a_verdict_and_shows_what_changed(line: Line) -> None:
    # Every fifth part is rejected, in the last quarter of an hour every other one.
    often = [part(n, *(["dent"] if n % (2 if n >= 2700 else 5) == 0 else [])) for n in range(0, 3600, 6)]
    line.put(*often, *(part(n, failure=NO_VERDICT) for n in range(1, 600, 6)))
    chart = line.quality()["p_chart"]
    parts = sum(point["parts"] for point in chart["points"])
    assert parts == len(often)
    assert chart["center"] == pytest.approx(sum(result.outcome_name == "reject" for result in often) / parts)
    assert any(point["is_out"] and point["share"] > point["upper"] for point in chart["points"])
    assert not any(
        point["is_out"]
        for point in chart["points"]
        if point["at"] < "2026-03-02T06:40" and point["share"] > point["upper"]
    )


def test_a_run_of_equal_defects_is_told_once_with_its_parts(line: Line) -> None:
    results = line.put(*(part(n, *(["dent"] if n in {5, 12, 19, 30, 80} else [])) for n in range(100)))
    (hit,) = line.quality()["run_rule"]["hits"]
    assert (hit["label"], hit["count"], hit["parts"]) == ("dent", 4, 26)
    assert hit["at"] == "2026-03-02T06:00:19.000Z"
    assert hit["inspection_ids"] == [results[n].inspection_id for n in (5, 12, 19, 30)]


def test_parts_that_people_found_good_make_no_run_and_no_heat(line: Line) -> None:
    results = line.put(*(part(n, "dent") for n in range(3)))
    assert len(line.quality()["run_rule"]["hits"]) == 1
    assert line.quality()["heat_map"]["total"] == 3
    line.say(results[1], Disposition.FALSE_REJECT)
    found = line.quality()
    assert found["run_rule"] == {"defects": 3, "parts": 20, "hits": []}
    assert found["heat_map"]["total"] == 2


def test_the_heat_map_shows_where_boxes_are_and_where_people_drew_some(line: Line) -> None:
    line.put(part(0, "dent", "scratch", box=(0, 0, 20, 20)), part(1, "dent", box=(460, 300, 480, 320)))
    (good,) = line.put(part(2))
    line.say(good, Disposition.MISSED_DEFECT, boxes=[DrawnBox("stain", (0, 0, 10, 10))])
    found = line.quality()["heat_map"]
    assert (found["columns"], found["rows"], found["total"], found["largest"]) == (24, 16, 4, 3)
    assert (found["counts"][0][0], found["counts"][15][23]) == (3, 1)
    assert line.quality(label="stain")["heat_map"]["total"] == 1


def test_what_people_said_gives_rates_with_intervals(line: Line) -> None:
    rejects = line.put(*(part(n, "dent") for n in range(10)))
    accepted = line.put(*(part(n) for n in range(20, 30)))  # every one is an audit here
    for result in rejects[:4]:
        line.say(result, Disposition.TRUE_REJECT)
    line.say(rejects[4], Disposition.FALSE_REJECT)
    line.say(rejects[5], Disposition.UNSURE)
    line.say(rejects[6], Disposition.MISSED_DEFECT, boxes=[DrawnBox("stain", (0, 0, 10, 10))])
    line.say(rejects[7], Disposition.FALSE_REJECT, minutes=1)
    line.say(rejects[7], Disposition.WITHDRAWN, minutes=2)
    for result in accepted[:3]:
        line.say(result, Disposition.TRUE_ACCEPT)
    line.say(accepted[3], Disposition.MISSED_DEFECT, boxes=[DrawnBox("dent", (0, 0, 10, 10))])
    judged = line.quality()["judged"]
    false, missed = wilson(1, 6), wilson(1, 4)
    assert false is not None
    assert missed is not None
    assert judged == {
        "rejects": {
            "total": 10,
            "judged": 7,
            "true_reject": 5,
            "false_reject": 1,
            "unsure": 1,
            "false_reject_rate": {"value": false.value, "low": false.low, "high": false.high},
        },
        "audits": {
            "total": 10,
            "judged": 4,
            "true_accept": 3,
            "missed_defect": 1,
            "unsure": 0,
            "escape_rate": {"value": missed.value, "low": missed.low, "high": missed.high},
        },
        "missed_elsewhere": 1,
    }


def test_the_figures_of_one_class_leave_out_the_others(line: Line) -> None:
    rejects = line.put(*(part(n, "dent") for n in range(6)), *(part(n, "scratch") for n in range(6, 8)))
    line.say(rejects[0], Disposition.FALSE_REJECT)
    line.say(rejects[6], Disposition.FALSE_REJECT)
    line.say(rejects[7], Disposition.MISSED_DEFECT, boxes=[DrawnBox("dent", (0, 0, 10, 10))])
    found = line.quality(label="dent")
    assert found["totals"]["reject"] == 8
    assert found["judged"]["rejects"]["total"] == 6
    assert found["judged"]["rejects"]["false_reject"] == 1
    assert found["judged"]["missed_elsewhere"] == 1
    assert sum(point["rejects"] for point in found["p_chart"]["points"]) == 6
    assert [hit["label"] for hit in found["run_rule"]["hits"]] == ["dent"]
    assert found["heat_map"]["total"] == 6  # five that count, and the one that was drawn


def test_of_one_class_an_audit_with_another_missed_defect_is_no_escape_and_is_not_forgotten(line: Line) -> None:
    accepted = line.put(*(part(n) for n in range(4)))
    line.say(accepted[0], Disposition.MISSED_DEFECT, boxes=[DrawnBox("dent", (0, 0, 10, 10))])
    line.say(accepted[1], Disposition.MISSED_DEFECT, boxes=[DrawnBox("stain", (0, 0, 10, 10))])
    line.say(accepted[2], Disposition.TRUE_ACCEPT)
    found = line.quality(label="dent")["judged"]["audits"]
    assert (found["total"], found["judged"], found["true_accept"], found["missed_defect"]) == (4, 3, 2, 1)
    assert found["escape_rate"]["value"] == pytest.approx(1 / 3)


def test_the_figures_of_one_product_leave_out_the_others(line: Line) -> None:
    line.put(*(part(n, "dent", product="ab"[n % 2]) for n in range(6)), part(7, product="a"))
    found = line.quality(product="a")
    assert found["product"] == "a"
    assert (found["totals"]["parts"], found["pareto"][0]["parts"], found["heat_map"]["total"]) == (4, 3, 3)
    assert found["judged"]["rejects"]["total"] == 3
    assert found["judged"]["audits"]["total"] == 1
    assert line.quality(product="c")["totals"]["parts"] == 0


def test_a_source_without_parts_counts_frames_and_the_defects_that_began(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        counts_frames_and_defects(Line(journal, index, is_triggered=False))


def counts_frames_and_defects(line: Line) -> None:
    line.put(frame(0), frame(1, "scratch"), frame(2, "scratch"))
    line.track(frame(1, "scratch"), 1)
    line.track(frame(2, "scratch"), 2)
    line.say(frame(1, "scratch"), Disposition.FALSE_REJECT, track=track_id(1))
    found = line.quality()
    assert found["totals"] == {"parts": 3, "accept": 1, "review": 0, "reject": 2, "no_verdict": 0, "defects": 2}
    assert found["p_chart"] == {"center": None, "points": []}, "one defect makes many frames rejects"
    assert [(bar["label"], bar["parts"]) for bar in found["pareto"]] == [("scratch", 1)]
    assert found["run_rule"]["hits"] == []
    assert found["judged"]["rejects"]["total"] == 2
    assert found["judged"]["rejects"]["false_reject"] == 1


def test_an_hour_without_a_part_has_figures(line: Line) -> None:
    found = line.quality()
    assert found["totals"]["parts"] == 0
    assert found["p_chart"] == {"center": None, "points": []}
    assert found["judged"]["rejects"]["false_reject_rate"] is None
    assert found["heat_map"]["largest"] == 0


def test_the_table_has_what_came_over_time_and_below_it_the_classes(line: Line) -> None:
    line.put(part(0, "dent"), part(61))
    answer = line.get("/quality.csv", since=AT.isoformat(), until=(AT + 2 * MINUTE).isoformat())
    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith("text/csv")
    assert list(csv.reader(io.StringIO(answer.content.decode()))) == [
        ["at", "parts", "accept", "review", "reject", "no_verdict"],
        ["2026-03-02T06:00:00.000Z", "1", "0", "0", "1", "0"],
        ["2026-03-02T06:01:00.000Z", "1", "1", "0", "0", "0"],
        [],
        ["label", "parts", "share", "cumulative"],
        ["dent", "1", "1.0", "1.0"],
    ]


def test_choices_are_what_was_seen_and_the_last_shifts(line: Line) -> None:
    line.put(part(0, "dent", lot="L-7", product="cover"))
    found = line.get("/choices").json
    assert (found["labels"], found["lots"], found["products"]) == (["dent"], ["L-7"], ["cover"])
    assert found["class_names"] == ["scratch", "dent", "stain"]
    assert len(found["shifts"]) == 12
    newest = shift_at(NOW, SETTINGS.shifts)
    assert datetime.fromisoformat(found["shifts"][0]["since"]) == newest.since
    assert found["shifts"][0]["name"] == newest.name
    assert found["shifts"][1]["until"] == found["shifts"][0]["since"]


def test_the_rule_is_met_now_while_the_newest_parts_meet_it(line: Line) -> None:
    def now() -> tuple[str, int, list[str]] | None:
        line.quality()
        hit = run_rule_now(line.index, SETTINGS.run_rule)
        return None if hit is None else (hit.label, hit.count, list(hit.inspection_ids))

    assert now() is None
    bad = line.put(part(0, "dent"), part(1, "dent", "scratch"), part(2, "scratch"))
    assert now() is None
    bad += line.put(part(3, "dent"))
    assert now() == ("dent", 3, [bad[n].inspection_id for n in (3, 1, 0)])
    line.put(*(part(n) for n in range(4, 20)))
    assert now() is not None
    line.put(part(20))
    assert now() is None  # the first of them is no longer among the last twenty
    again = line.put(part(21, "dent"), part(22, "dent"))
    assert now() == ("dent", 3, [each.inspection_id for each in (again[1], again[0], bad[3])])
    line.say(bad[3], Disposition.FALSE_REJECT)
    assert now() is None
