import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.samples.judging import judged_line, key_in
from edge_inspector.samples.pictures import Picture, encode
from edge_inspector.samples.sidecar import LABEL, label_of, sidecar
from edge_inspector.sampling import SampleReason
from tests.samples.made import MODEL, WRITER, frame, identity_of, key_of, result
from tests.samples.manifest import read_line

JUDGED_AT = datetime(2026, 3, 1, 13, 5, 7, 250_000, tzinfo=UTC)
PART = JudgedResult(identity_of(1), "reject", "part-1", None, None, None, MODEL)
MODELS = [{"class_id": 1, "left": 3, "top": 6, "width": 17, "height": 25}]


def picture_of(*, part_frame: int = 0) -> Picture:
    return encode(frame(1, part_frame=part_frame), suffix="jpg", jpeg_quality=95)


def line_of(picture: Picture, *, class_names: tuple[str, ...] = ("scratch", "dent"), boxes: int = 1) -> bytes:
    found = result(1, boxes=[(3.4, 5.6, 20.2, 30.7)] * boxes, class_ids=[1] * boxes, class_names=class_names)
    key = key_of(1, frame_number=picture.part_frame)
    return sidecar(
        replace(found, detection_frames=(picture.part_frame,) * boxes),
        picture,
        key=key,
        source_ref=f"s3://bucket/{key}",
        reason=SampleReason.DEFECT,
        document=WRITER.result_document(found),
    )


def says(disposition: Disposition, *boxes: DrawnBox, note: str | None = None) -> Judgement:
    return Judgement(disposition, "ann", JUDGED_AT, boxes, note)


def judged(line: bytes, judgement: Judgement, of: JudgedResult = PART) -> dict[str, Any]:
    return read_line(judged_line(line, of, judgement), label=LABEL)


def test_a_person_s_word_is_in_the_sidecar_and_all_else_of_it_stays() -> None:
    line = line_of(picture_of())
    document = judged(line, says(Disposition.TRUE_REJECT, note="deep"))
    ours = document.pop("edge-inspector")
    before = json.loads(line)
    was = before.pop("edge-inspector")
    assert document == before, "the model's boxes, and the address"
    assert ours.pop("disposition") == {
        "disposition": "true_reject",
        "track_id": None,
        "by": "ann",
        "at": "2026-03-01T13:05:07.250Z",
        "note": "deep",
        "boxes": [],
    }
    assert ours.pop("reason") == "operator"
    assert ours.pop("as_found")["reason"] == was.pop("reason") == "defect"
    assert ours == was


def test_a_good_part_that_was_rejected_has_no_boxes() -> None:
    document = judged(line_of(picture_of()), says(Disposition.FALSE_REJECT))
    assert document[LABEL]["annotations"] == document[f"{LABEL}-metadata"]["objects"] == []


@pytest.mark.parametrize(
    ("classes", "label", "left"),
    [
        ([1], "dent", []),
        ([0, 1], "dent", ["scratch"]),
        ([0, 1], "scratch", ["dent"]),
        ([1, 1], "dent", ["dent", "dent"]),  # which of them is good nobody knows
        ([0], "dent", ["scratch"]),
        ([0, 1], None, ["scratch", "dent"]),
    ],
)
def test_a_defect_of_a_belt_that_is_none_takes_no_other_one_from_its_frame(
    classes: list[int], label: str | None, left: list[str]
) -> None:
    picture = picture_of()
    found = result(1, boxes=[(3, 5, 20, 30)] * len(classes), class_ids=classes, on_frames=[0] * len(classes))
    line = sidecar(
        found,
        picture,
        key=key_of(1),
        source_ref=str(key_of(1)),
        reason=SampleReason.DEFECT,
        document=WRITER.result_document(found),
    )
    defect = replace(PART, part_id=None, track_id="01KJMMA1H0HBA0CAVB2M3SWTSS", label=label)
    document = judged(line, says(Disposition.FALSE_REJECT), defect)
    names = document[f"{LABEL}-metadata"]["class-map"]
    assert [names[str(box["class_id"])] for box in document[LABEL]["annotations"]] == left
    assert document["edge-inspector"]["disposition"]["track_id"] == defect.track_id
    again = judged(judged_line(line, defect, says(Disposition.FALSE_REJECT)), says(Disposition.WITHDRAWN), defect)
    assert again[LABEL] == json.loads(line)[LABEL]


def test_a_missed_defect_adds_the_boxes_of_this_frame_to_those_of_the_model() -> None:
    drawn = DrawnBox("scratch", (30.2, 10.0, 40.4, 20.6), 1), DrawnBox("dent", (0.0, 0.0, 5.0, 5.0), 0)
    line = judged_line(line_of(picture_of(part_frame=1)), PART, says(Disposition.MISSED_DEFECT, *drawn))
    document = read_line(line, label=LABEL)
    person = {"class_id": 0, "left": 30, "top": 10, "width": 10, "height": 11}
    assert document[LABEL]["annotations"] == [person, *MODELS]
    assert document[f"{LABEL}-metadata"]["objects"] == [{"confidence": 1.0, "source": "operator"}, {"confidence": 0.9}]
    assert [box["label"] for box in document["edge-inspector"]["disposition"]["boxes"]] == ["scratch", "dent"]
    assert label_of(line) == "scratch", "the most confident one comes first"


def test_a_class_that_the_model_does_not_know_gets_the_next_number() -> None:
    drawn = [DrawnBox(label, (1, 1, 9, 9)) for label in ("crack", "stain", "crack", "dent")]
    document = judged(line_of(picture_of()), says(Disposition.MISSED_DEFECT, *drawn))
    classes = document[f"{LABEL}-metadata"]["class-map"]
    assert classes == {"0": "scratch", "1": "dent", "2": "crack", "3": "stain"}
    assert [box["class_id"] for box in document[LABEL]["annotations"]] == [2, 3, 2, 1, 1]
    no_model = line_of(picture_of(), class_names=(), boxes=0)
    document = judged(no_model, says(Disposition.MISSED_DEFECT, *drawn[:1]))
    assert document[f"{LABEL}-metadata"]["class-map"] == {"0": "crack"}


def test_drawn_boxes_are_in_pixels_of_the_picture_also_where_it_is_a_reduced_copy() -> None:
    picture = encode(replace(frame(1), full_wh=(256, 192)), suffix="jpg", jpeg_quality=95)
    drawn = DrawnBox("scratch", (40, 80, 120, 160))
    document = judged(line_of(picture), says(Disposition.MISSED_DEFECT, drawn))
    assert document[LABEL]["annotations"][0] == {"class_id": 0, "left": 10, "top": 20, "width": 20, "height": 20}
    assert document["edge-inspector"]["disposition"]["boxes"][0]["xyxy"] == [40, 80, 120, 160]


_OPINIONS = [
    says(Disposition.FALSE_REJECT),
    says(Disposition.MISSED_DEFECT, DrawnBox("crack", (1, 1, 9, 9))),
    says(Disposition.TRUE_REJECT),
    says(Disposition.WITHDRAWN),
]


@pytest.mark.parametrize("opinions", list(permutations(_OPINIONS)))
def test_the_last_word_counts_as_if_it_had_been_the_only_one(opinions: tuple[Judgement, ...]) -> None:
    line = first = line_of(picture_of())
    for opinion in opinions:
        line = judged_line(line, PART, opinion)
    assert line == judged_line(first, PART, opinions[-1])
    if opinions[-1].disposition is Disposition.WITHDRAWN:
        document = read_line(line, label=LABEL)
        assert document[LABEL] == json.loads(first)[LABEL]
        assert document["edge-inspector"]["disposition"]["disposition"] == "withdrawn"


_side = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.builds(DrawnBox, st.text(min_size=1), st.tuples(_side, _side, _side, _side)), max_size=16))
def test_whatever_is_drawn_gives_a_line_that_readers_take(boxes: list[DrawnBox]) -> None:
    judged(line_of(picture_of()), says(Disposition.MISSED_DEFECT, *boxes, note="\ud800"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"source-ref":"r"}',
        b'{"source-ref":"r","edge-inspector":{},"pre-label":[],"pre-label-metadata":1}',
    ],
)
def test_what_is_no_sidecar_cannot_be_judged(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"sidecar|Expecting"):
        judged_line(line, PART, says(Disposition.UNSURE))
    with pytest.raises(ValueError, match=r"sidecar|Expecting"):
        key_in(line, b"")


def test_the_sidecar_of_another_picture_is_told_apart() -> None:
    picture = picture_of()
    assert key_in(line_of(picture), picture.content) == key_of(1)
    with pytest.raises(ValueError, match="expected a picture with SHA-256"):
        key_in(line_of(picture), picture.content[:-1])
