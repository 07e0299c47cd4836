"""Dispositions: what may be said of which result, by whom, and that it is there when the answer comes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request

from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.dispositions import LONGEST_NOTE, MOST_BOXES
from edge_inspector.errors import InspectorError
from edge_inspector.page.access.roles import Role, Visitor
from edge_inspector.page.api import dispositions
from edge_inspector.page.api.dispositions import SaidBody
from edge_inspector.page.api.documents import Item
from edge_inspector.page.doors import Asked, Nothing
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import ResultRow
from edge_inspector.page.page import OperatorPage
from tests.mosquitto import eventually
from tests.page.indexed import IMAGE_WH
from tests.page.people import Person, people
from tests.page.stations import BEGAN, PageStation, ids, port_of, serving, wait_for

BOX = {"label": "dent", "xyxy": [100.0, 100.0, 140.5, 130.0], "part_frame": 0}


@pytest.fixture
def otto(page: OperatorPage) -> Person:
    return Person(port_of(page)).sign_in("otto")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PageStation, Person]]:
    """A station and its operator, for tests each of which says something of a part of its own."""
    home = tmp_path_factory.mktemp("home")
    with PageStation.open(home, people()) as station, serving(station, home) as page:
        yield station, Person(port_of(page)).sign_in("otto")


def put(station: PageStation, otto: Person, outcome: str = "reject", **more: Any) -> str:
    own = station.put(outcome, **more)
    wait_for(otto, own)
    return own


def say(otto: Person, inspection_id: str, disposition: str, **more: object) -> tuple[int, dict[str, Any]]:
    return otto.put(f"/results/{inspection_id}/disposition", {"disposition": disposition, **more})


def test_what_was_said_is_there_when_the_answer_comes(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto)
    status, item = say(otto, rejected, "false_reject", note="oil, not a scratch")
    assert status == 200
    said = item["disposition"]
    assert (said["disposition"], said["by"], said["note"]) == ("false_reject", "otto", "oil, not a scratch")
    _, looked_at = otto.get(f"/results/{rejected}")
    assert looked_at["disposition"] == said
    assert looked_at["history"] == [said]
    assert looked_at["sample_key"] == f"samples/{rejected}-0.jpg"
    assert ids(otto, judged="true", disposition="false_reject") == [rejected]
    (judged, judgement), *_ = station.judge.judged
    assert (judged.outcome, judged.part_id, judged.image_wh, judged.previous) == (
        "reject",
        "part-00001",
        IMAGE_WH,
        None,
    )
    assert (judgement.by, judgement.note) == ("otto", "oil, not a scratch")


def test_the_last_word_counts_and_the_others_are_history(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto)
    for disposition in ("unsure", "false_reject", "true_reject"):
        say(otto, rejected, disposition)
    _, item = otto.get(f"/results/{rejected}")
    assert item["disposition"]["disposition"] == "true_reject"
    assert [said["disposition"] for said in item["history"]] == ["true_reject", "false_reject", "unsure"]
    previous = [judged.previous for judged, _ in station.judge.judged]
    assert previous == [None, "unsure", "false_reject"]


def test_what_was_said_can_be_taken_back_once(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto)
    say(otto, rejected, "false_reject")
    for _ in range(2):
        status, item = otto.delete(f"/results/{rejected}/disposition")
        assert (status, item["disposition"]) == (200, None)
    assert [judgement.disposition for _, judgement in station.judge.judged] == ["false_reject", "withdrawn"]
    _, item = otto.get(f"/results/{rejected}")
    assert [said["disposition"] for said in item["history"]] == ["withdrawn", "false_reject"]
    assert ids(otto, judged="false") == [rejected]


def test_a_missed_defect_has_its_box_and_a_result_can_be_found_by_it(station: PageStation, otto: Person) -> None:
    accepted = put(station, otto, "accept", frames=2, pictures=2)
    boxes = [BOX, {**BOX, "label": "scratch", "part_frame": 1}]
    status, item = say(otto, accepted, "missed_defect", boxes=boxes)
    assert status == 200
    assert item["disposition"]["boxes"] == boxes
    assert ids(otto, label="dent") == [accepted]
    assert [box.part_frame for box in station.judge.judged[0][1].boxes] == [0, 1]


@pytest.mark.parametrize(
    ("outcome", "disposition", "status"),
    [
        ("reject", "true_reject", 200),
        ("review", "false_reject", 200),
        ("reject", "true_accept", 422),
        ("accept", "true_accept", 200),
        ("accept", "true_reject", 422),
        ("accept", "false_reject", 422),
        ("accept", "unsure", 200),
        ("review", "unsure", 200),
    ],
)
def test_of_an_accepted_part_other_things_can_be_said(
    shared: tuple[PageStation, Person], outcome: str, disposition: str, status: int
) -> None:
    station, otto = shared
    assert say(otto, put(station, otto, outcome), disposition)[0] == status


def test_a_part_without_a_verdict_was_not_accepted(station: PageStation, otto: Person) -> None:
    own = put(station, otto, cause=NoVerdict(NoVerdictCause.DEADLINE_MISSED))
    assert say(otto, own, "true_accept")[0] == 422
    assert say(otto, own, "false_reject")[0] == 200


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"boxes": []}, "boxes"),
        ({"boxes": [{**BOX, "label": "dog"}]}, "boxes.0.label: expected one of dent, scratch, found 'dog'"),
        ({"boxes": [BOX, {**BOX, "part_frame": 1}]}, "boxes.1.part_frame"),
        ({"boxes": [{**BOX, "xyxy": [-1, 0, 10, 10]}]}, "boxes.0.xyxy"),
        ({"boxes": [{**BOX, "xyxy": [0, 0, 481, 10]}]}, "480 x 320"),
        ({"boxes": [{**BOX, "xyxy": [10, 10, 11, 40]}]}, "at least 2 pixels"),
        ({"boxes": [{**BOX, "xyxy": [40, 40, 10, 10]}]}, "at least 2 pixels"),
        ({"boxes": [BOX] * (MOST_BOXES + 1)}, "boxes"),
        ({"boxes": [{**BOX, "xyxy": [0, 0, "NaN", 10]}]}, "boxes.0.xyxy.2"),
        ({"boxes": [BOX], "note": "n" * (LONGEST_NOTE + 1)}, "note"),
        ({"boxes": [BOX], "note": "two\nlines"}, "note"),
        ({"boxes": [BOX], "by": "somebody else"}, "by"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_the_reason(
    shared: tuple[PageStation, Person], more: dict[str, object], where: str
) -> None:
    station, otto = shared
    judged = [*station.judge.judged]
    status, document = say(otto, put(station, otto), "missed_defect", **more)
    assert status == 422
    assert where in document["error"]["text"]
    assert station.judge.judged == judged


@pytest.mark.parametrize("disposition", ["true_reject", "false_reject", "unsure"])
def test_a_box_says_that_something_was_missed_and_nothing_else(
    shared: tuple[PageStation, Person], disposition: str
) -> None:
    station, otto = shared
    assert say(otto, put(station, otto), disposition, boxes=[BOX])[0] == 422


@pytest.mark.parametrize("disposition", ["withdrawn", "good", ""])
def test_only_words_of_the_catalogue_can_be_said(shared: tuple[PageStation, Person], disposition: str) -> None:
    station, otto = shared
    assert say(otto, put(station, otto), disposition)[0] == 422


def test_without_a_picture_a_defect_can_be_missed_without_a_box(station: PageStation, otto: Person) -> None:
    accepted = put(station, otto, "accept", pictures=0)
    assert say(otto, accepted, "missed_defect", boxes=[BOX])[0] == 422
    assert say(otto, accepted, "missed_defect")[0] == 200


def test_a_class_of_an_older_model_can_be_drawn_on_its_results(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto, label="dent")
    object.__setattr__(station.desk, "class_names", lambda: ("chip",))
    assert say(otto, rejected, "missed_defect", boxes=[BOX])[0] == 200
    assert say(otto, rejected, "missed_defect", boxes=[{**BOX, "label": "scratch"}])[0] == 422


def test_of_two_defects_that_began_on_one_frame_each_is_judged_for_itself(station: PageStation, otto: Person) -> None:
    tracks = station.put_defects("scratch", "dent")
    wait_for(otto, tracks[1])
    assert say(otto, tracks[1], "false_reject")[0] == 200
    words = [otto.get(f"/results/{track}")[1]["disposition"] for track in tracks]
    assert words[0] is None
    assert words[1]["disposition"] == "false_reject"
    assert station.judge.judged[0][0].track_id == tracks[1]


def test_what_is_not_on_disk_is_not_promised(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto)
    station.judge.error = InspectorError("the disposition is not on disk after 3 s: no space left")
    status, document = say(otto, rejected, "false_reject")
    assert (status, document["error"]["code"]) == (503, "failed")
    assert "no space left" in document["error"]["text"]
    station.judge.error = None
    assert say(otto, rejected, "false_reject")[0] == 200, "the next one gets its turn"


def test_a_result_that_is_not_there_cannot_be_judged(otto: Person) -> None:
    assert say(otto, "01KJMMA2G0HBA0CAVB2M3SWTSS", "unsure")[0] == 404
    assert otto.delete("/results/01KJMMA2G0HBA0CAVB2M3SWTSS/disposition")[0] == 404


class BehindIndex(Index):
    """An index that does not come to what was just appended."""

    def wait_for(self, event_id: str, timeout_s: float) -> bool:
        assert event_id
        assert timeout_s > 0
        return False

    def find(self, inspection_id: str) -> ResultRow | None:
        row = super().find(inspection_id)
        return None if row is None else replace(row, said=None)


def asked(inspection_id: str, disposition: str) -> Asked:
    visitor = Visitor("otto", Role.OPERATOR, "token")
    body = SaidBody.model_validate({"disposition": disposition})
    return Asked(visitor, {"inspection_id": inspection_id}, Nothing(), body, Request({"type": "http"}))


def test_where_the_index_is_behind_the_answer_is_true_all_the_same(station: PageStation) -> None:
    own = station.put()
    with BehindIndex(station.journal, None, random_share=0.0) as index:
        eventually(lambda: index.find(own), what="the result is found")
        say_it = dispositions.doors(station.desk, index)[0].handler
        item = say_it(asked(own, "unsure"))
    assert isinstance(item, Item)
    assert item.disposition is not None
    assert (item.disposition.disposition, item.sample_key) == ("unsure", f"samples/{own}-0.jpg")


def test_what_was_said_later_counts_where_the_clock_stands_or_was_set_back(station: PageStation) -> None:
    own = station.put()
    times = iter([BEGAN + timedelta(hours=1), BEGAN, BEGAN + timedelta(hours=1)])
    with Index(station.journal, None, random_share=0.0) as index:
        eventually(lambda: index.find(own), what="the result is found")
        say_it = dispositions.doors(station.desk, index, clock=lambda: next(times))[0].handler
        for disposition in ("unsure", "false_reject", "true_reject"):
            say_it(asked(own, disposition))
        said = index.history(own)
    assert [each.disposition for each in said] == ["true_reject", "false_reject", "unsure"]
    assert [each.at - BEGAN - timedelta(hours=1) for each in said] == [timedelta(milliseconds=ms) for ms in (2, 1, 0)]


def test_words_of_one_moment_on_two_defects_of_one_frame_are_two_events(station: PageStation) -> None:
    tracks = station.put_defects("scratch", "dent")
    with Index(station.journal, None, random_share=0.0) as index:
        eventually(lambda: index.find(tracks[1]), what="both are found")
        say_it = dispositions.doors(station.desk, index, clock=lambda: BEGAN)[0].handler
        for track in tracks:
            say_it(asked(track, "unsure"))
    (_, one), (_, other) = station.judge.judged
    assert one.at != other.at
    assert [judged.label for judged, _ in station.judge.judged] == ["scratch", "dent"]


def test_a_viewer_says_nothing(station: PageStation, otto: Person) -> None:
    rejected = put(station, otto)
    viewer = Person(otto.port).sign_in("vera")
    assert say(viewer, rejected, "false_reject")[0] == 403
    assert viewer.delete(f"/results/{rejected}/disposition")[0] == 403
    assert station.judge.judged == []
