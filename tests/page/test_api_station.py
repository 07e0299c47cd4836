"""Health, model and thresholds over the API."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge_inspector.decision import Verdict
from edge_inspector.page.desk import Tried
from edge_inspector.page.page import OperatorPage
from tests.page.indexed import MODEL
from tests.page.people import Person
from tests.page.stations import BEGAN, PageStation, port_of

OTHER = {"scratch": {"review_at": 0.3, "reject_at": 0.5}, "dent": {"review_at": 0.4, "reject_at": 0.7}}


@pytest.fixture
def ada(page: OperatorPage) -> Person:
    return Person(port_of(page)).sign_in("ada")


def test_health_tells_state_figures_and_alarms_with_what_to_do(station: PageStation, ada: Person) -> None:
    status, health = ada.get("/health")
    assert status == 200
    assert health["now"]["state"] == "ContinuousExecution"
    assert health["now"]["since"] == "2026-03-01T12:00:00.000Z"
    assert health["values"] == station.values
    assert [(alarm["name"], alarm["what_to_do"]) for alarm in health["alarms"]] == [
        ("camera-lost", "Look at its cable.")
    ]
    assert (health["page"]["viewers"], health["page"]["live_viewers"], health["page"]["index_problem"]) == (0, 0, None)


def test_the_model_is_told_with_what_is_beside_it(ada: Person) -> None:
    status, model = ada.get("/model")
    assert status == 200
    assert (model["running"]["version"], model["previous"]["version"]) == ("1.1.0", "1.0.0")
    assert model["candidate"]["stage"] == "shadow"
    assert (model["probation"], model["rejected"], model["can_roll_back"]) == (None, 1, True)
    assert model["class_names"] == ["scratch", "dent"]


def test_the_way_back_is_a_command_in_the_name_of_the_person(station: PageStation, ada: Person) -> None:
    assert ada.post("/model/rollback", {}) == (202, {"request_id": "page-1"})
    ada.post("/model/rollback", {"to_sha256": "cd" * 32})
    assert station.commands == [
        ("model-rollback", {"by": "ada"}),
        ("model-rollback", {"by": "ada", "to_sha256": "cd" * 32}),
    ]


def test_where_there_is_no_model_before_nothing_is_commanded(station: PageStation, ada: Person) -> None:
    model = station.values["model"]
    assert isinstance(model, dict)
    station.values = {**station.values, "model": {**model, "previous": None}}
    assert ada.get("/model")[1]["can_roll_back"] is False
    assert ada.post("/model/rollback", {})[0] == 409
    assert station.commands == []


def test_thresholds_are_changed_and_taken_back_in_the_name_of_the_person(ada: Person) -> None:
    assert ada.get("/thresholds")[1]["set_by"] is None
    status, changed = ada.put("/thresholds", {"classes": OTHER, "model_sha256": MODEL.sha256})
    assert status == 200
    assert (changed["classes"], changed["set_by"], changed["set_at"]) == (OTHER, "ada", "2026-03-01T12:00:00.000Z")
    assert changed["of_model"]["scratch"] == {"review_at": 0.4, "reject_at": 0.7}
    assert ada.get("/thresholds")[1] == changed
    status, reset = ada.delete("/thresholds")
    assert (status, reset["classes"], reset["set_by"]) == (200, reset["of_model"], None)


def test_thresholds_are_set_for_the_product_for_which_a_person_has_seen_them(station: PageStation, ada: Person) -> None:
    wanted = {"classes": OTHER, "model_sha256": MODEL.sha256, "product": "bracket-7"}
    assert ada.put("/thresholds", wanted)[0] == 200
    assert ada.delete("/thresholds?product=bracket-8")[0] == 200
    assert station.thresholds.products == ["bracket-7", "bracket-8"]


def test_thresholds_for_another_model_are_refused_in_the_words_of_the_station(ada: Person) -> None:
    status, document = ada.put("/thresholds", {"classes": OTHER, "model_sha256": "00" * 32})
    assert (status, document["error"]["code"]) == (409, "refused")
    assert MODEL.sha256 in document["error"]["text"]


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        ({"review_at": 0.6, "reject_at": 0.5}, "review_at 0.6 is above reject_at 0.5"),
        ({"review_at": -0.1, "reject_at": 0.5}, "classes.scratch.review_at"),
        ({"review_at": 0.1, "reject_at": 1.5}, "classes.scratch.reject_at"),
        ({"review_at": 0.1}, "classes.scratch.reject_at"),
    ],
)
def test_thresholds_that_are_none_are_refused(ada: Person, limits: dict[str, float], where: str) -> None:
    classes = {**OTHER, "scratch": limits}
    for path, more in (("/thresholds/preview", {}), ("/thresholds", {"model_sha256": MODEL.sha256})):
        ask = ada.post if path.endswith("preview") else ada.put
        status, document = ask(path, {"classes": classes, **more})
        assert status == 422
        assert where in document["error"]["text"]


def test_a_preview_counts_what_would_change_and_names_the_newest(station: PageStation, ada: Person) -> None:
    put = [station.put("reject") for _ in range(2)]
    station.pictures.kept.pop(put[0])

    def tried(number: int, before: Verdict, after: Verdict) -> Tried:
        own = put[number] if number < len(put) else f"part {number}"
        return Tried(own, f"part-{number}", BEGAN + timedelta(seconds=number), before, after)

    station.thresholds.tried = [
        tried(3, Verdict.ACCEPT, Verdict.REVIEW),
        tried(2, Verdict.ACCEPT, Verdict.ACCEPT),
        tried(1, Verdict.REVIEW, Verdict.REJECT),
        tried(0, Verdict.REVIEW, Verdict.REJECT),
    ]
    status, preview = ada.post("/thresholds/preview", {"classes": OTHER, "parts": 100})
    assert status == 200
    assert (preview["parts"], preview["since"]) == (4, "2026-03-01T12:00:00.000Z")
    assert preview["before"] == {"accept": 2, "review": 2, "reject": 0}
    assert preview["after"] == {"accept": 1, "review": 1, "reject": 2}
    assert [(each["part_id"], each["has_picture"]) for each in preview["changed"]] == [
        ("part-3", False), ("part-1", True), ("part-0", False),
    ]  # fmt: skip
    assert preview["changed_total"] == 3
    assert station.thresholds.asked[0][1] == 100
    assert ada.get("/thresholds")[1]["set_by"] is None, "nothing has changed"


def test_of_many_parts_that_would_change_some_are_named_and_all_are_counted(station: PageStation, ada: Person) -> None:
    part = Tried("x", None, BEGAN, Verdict.ACCEPT, Verdict.REJECT)
    station.thresholds.tried = [replace(part, inspection_id=f"{number}") for number in range(500)]
    _, preview = ada.post("/thresholds/preview", {"classes": OTHER, "parts": 1000})
    assert ([each["inspection_id"] for each in preview["changed"]], preview["changed_total"]) == (
        [f"{number}" for number in range(200)], 500,
    )  # fmt: skip


def test_nothing_tried_changes_nothing(ada: Person) -> None:
    _, preview = ada.post("/thresholds/preview", {"classes": OTHER, "parts": 1})
    assert (preview["parts"], preview["since"], preview["changed"]) == (0, None, [])


def test_while_no_model_judges_there_are_no_thresholds(station: PageStation, ada: Person) -> None:
    station.thresholds.now = None
    assert ada.get("/thresholds")[0] == 409


def test_who_may_judge_changes_no_thresholds_and_no_model(station: PageStation, ada: Person) -> None:
    operator = Person(ada.port).sign_in("otto")
    assert operator.get("/thresholds")[0] == 200
    assert operator.put("/thresholds", {"classes": OTHER, "model_sha256": MODEL.sha256})[0] == 403
    assert operator.post("/thresholds/preview", {"classes": OTHER, "parts": 1})[0] == 403
    assert operator.delete("/thresholds")[0] == 403
    assert operator.post("/model/rollback", {})[0] == 403
    assert (station.commands, station.thresholds.asked) == ([], [])
