"""The pieces of the loop that decide something, each for itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from cloud_side.loop.accounting import gaps_of
from cloud_side.loop.labeler import drawn
from cloud_side.loop.listening import Heard, Listener
from cloud_side.loop.operating import word_on
from cloud_side.loop.playing import prepared
from cloud_side.loop.programs import LoopError, Programs, until
from cloud_side.loop.settings import CANARY, DAYS, FULL, LINE, SHORT, TODAY, Day
from cloud_side.loop.stations import Around, Station, document, truth
from cloud_side.training.triggers.settings import parse_settings
from edge_inspector.errors import ConfigError
from edge_inspector.settings import parse
from tests.cloud.loop.events import message

AROUND = Around(1883, Path("samples"), "scrypt$16384$8$1$c2FsdHNhbHRzYWx0c2FsdA==$" + "A" * 43 + "=")


def heard(day: int, number: int, station: str = LINE.thing) -> Heard:
    return Heard(station, day, number, {})


@pytest.mark.parametrize("day", DAYS, ids=lambda day: f"day {day.number}")
def test_the_file_of_a_station_is_one_that_it_takes(day: Day, tmp_path: Path) -> None:
    said = document(Station(LINE, tmp_path, 8380), day, SHORT, AROUND)
    del said["page"]["users"]  # whose password's hash is made by the program that checks it
    assert parse(said).source.model_dump()["dark_share"] == day.dark_share


@pytest.mark.parametrize("size", [FULL, SHORT], ids=["full", "short"])
def test_what_is_trained_is_something_that_can_be(size: Any) -> None:
    said = {"hyperparameters": dict(size.hyperparameters), "parameters": dict(size.parameters)}
    assert parse_settings(said).hyperparameters["iterations"] == size.hyperparameters["iterations"]


def test_the_truth_of_a_part_is_that_of_its_station_and_day() -> None:
    places = {each.thing: each for each in (LINE, CANARY)}
    tags = [truth(places, heard(day, 7, each)) for day in (0, 1) for each in places]
    assert len({repr(tag.scene) for tag in tags}) == 4
    with pytest.raises(LoopError, match="line-1: expected 2 days of the line, found that its parts began anew 2 times"):
        truth(places, heard(2, 0))


def test_a_part_that_is_missing_is_named_with_its_day() -> None:
    assert gaps_of([(0, 0), (0, 1), (1, 0), (1, 1)]) == []
    assert gaps_of([(0, 0), (0, 2), (1, 1)]) == ["day 0: 1", "day 1: 0"]


def test_a_day_begins_where_parts_count_anew_and_an_event_counts_once() -> None:
    listener = Listener("127.0.0.1", 1883)
    for number, event in ((0, "a"), (1, "b"), (1, "b"), (0, "c"), (1, "d")):
        _say(listener, "line-1/top/result", message(number, event))
    assert [(each.day, each.number) for each in listener.results("line-1")] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    known = listener.result("01-c")
    assert known is not None
    assert known.day == 1


def test_what_a_station_tells_of_now_is_what_it_told_last() -> None:
    listener = Listener("127.0.0.1", 1883)
    for parts in (1, 2):
        _say(listener, "line-1/stats", {"parts": parts})
    assert listener.latest("line-1", "stats") == {"parts": 2}
    assert listener.latest("canary-1", "stats") is None


def _say(listener: Listener, channel: str, document: dict[str, Any]) -> None:
    said = MQTTMessage(topic=f"edge-inspector/hall/line-1/{channel}".encode())
    said.payload = json.dumps(document).encode()
    listener.on_message(said)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("accept", "missed_defect"), ("reject", None), ("review", None)],
)
def test_a_person_tells_of_what_was_missed(outcome: str, said: str | None) -> None:
    places = {LINE.thing: LINE}
    tags = (truth(places, heard(TODAY.number, number)) for number in range(100))
    defective = next(tag for tag in tags if tag.defects)
    word = word_on({"outcome": outcome, "pictures": [0]}, defective)
    assert (word and word["disposition"]) == said
    if word is not None:
        assert [tuple(box["xyxy"]) for box in word["boxes"]] == [each.xyxy for each in defective.defects]


def test_a_person_tells_of_a_good_part_that_was_rejected() -> None:
    tags = (truth({LINE.thing: LINE}, heard(0, number)) for number in range(100))
    good = next(tag for tag in tags if not tag.defects)
    assert word_on({"outcome": "reject", "pictures": []}, good) == {"disposition": "false_reject"}
    assert word_on({"outcome": "accept", "pictures": [0]}, good) is None


def test_a_box_is_drawn_inside_its_image() -> None:
    item = {"width": 450, "height": 300, "class_names": ["scratch"]}
    box = drawn((-3.0, 290.0, 20.0, 305.0), item)
    assert box["label"] == "scratch"
    assert (box["x"], box["y"]) == (0, 290)
    assert box["x"] + box["width"] <= 450
    assert box["y"] + box["height"] <= 300


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="--out: expected no folder, an empty one, or that of an earlier loop"):
        prepared(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_folder_of_an_earlier_loop_is_begun_anew(tmp_path: Path) -> None:
    (prepared(tmp_path / "loop") / "loop.html").write_text("of yesterday")
    assert not (prepared(tmp_path / "loop") / "loop.html").exists()


def test_what_does_not_come_is_named() -> None:
    with pytest.raises(LoopError, match=r"expected the moon within 0 s"):
        until(lambda: None, 0, "the moon")


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match=r"check-config .*none.json: ended with 78"):
        Programs(tmp_path).edge("check-config", str(tmp_path / "none.json"))
