"""What of a sidecar comes into the index, and what is said of one that is broken."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.index import COLUMNS, read_rows
from cloud_side.catalog.sidecars import Row, SidecarError, row_of, write_row
from edge_inspector.decision import NoVerdict, NoVerdictCause
from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.inspection import ModelIdentity
from edge_inspector.samples.judging import judged_line
from edge_inspector.samples.pictures import encode
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.sampling import SampleReason
from tests.samples.made import AT, MODEL, WRITER, frame, identity_of, key_of, result

IMAGE = str(key_of(1))


def written(reason: SampleReason = SampleReason.DEFECT, **more: Any) -> bytes:
    found = replace(result(1, boxes=[(3, 5, 20, 30), (1, 1, 9, 9)]), **more)
    picture = encode(frame(1), suffix="jpg", jpeg_quality=95)
    document = WRITER.result_document(found)
    return sidecar(found, picture, key=key_of(1), source_ref=IMAGE, reason=reason, document=document)


def row(line: bytes, image: str = IMAGE) -> Row:
    return row_of(line, image=image, etag="5e")


def test_a_sidecar_of_the_edge_is_a_row_with_every_column() -> None:
    line = written()
    found = row(line)
    assert found == {
        "image": IMAGE,
        "sha256": json.loads(line)["edge-inspector"]["sha256"],
        "etag": "5e",
        "site": "berlin",
        "line": "line-1",
        "station": "press-3",
        "camera": "top",
        "day": "2026-03-01",
        "captured_at": "2026-03-01T12:00:01.000Z",
        "inspection_id": identity_of(1),
        "part_id": "part-1",
        "lot": "lot-7",
        "product": "tag",
        "part_group": "part-1",
        "reason": "defect",
        "found_reason": "defect",
        "disposition": None,
        "outcome": "reject",
        "boxes": 2,
        "confidence": 0.9,
        "model": "metal-tags/1.2.0",
        "model_sha256": MODEL.sha256,
    }
    assert found.keys() == COLUMNS
    (kept,) = read_rows([write_row(found)])
    assert (kept.image, kept.etag) == (IMAGE, "5e")


def test_a_sample_from_before_there_is_a_model_is_a_row() -> None:
    nothing = result(1, NoVerdict(NoVerdictCause.NO_MODEL, "none"), part_id=None)
    line = written(SampleReason.COLLECT, detections=nothing.detections, part_id=None, model=ModelIdentity("", "", ""))
    found = row(line)
    assert (found["reason"], found["boxes"], found["confidence"]) == ("collect", 0, None)
    assert found["part_group"] == "lot-7", "without a part the lot"


def test_what_an_operator_said_is_in_the_row() -> None:
    judged = JudgedResult(identity_of(1), "reject", "part-1", None, None, None, MODEL)
    box = DrawnBox("hole", (1, 2, 20, 30))
    line = judged_line(written(), judged, Judgement(Disposition.MISSED_DEFECT, "ann", AT, (box,)))
    found = row(line)
    assert (found["reason"], found["disposition"], found["boxes"]) == ("operator", "missed_defect", 3)
    assert (found["confidence"], found["found_reason"]) == (1, "defect")


def test_a_picture_that_only_a_person_wanted_was_kept_for_no_reason_of_the_station() -> None:
    judged = JudgedResult(identity_of(1), "accept", "part-1", None, None, None, MODEL)
    document = json.loads(written()) | {}
    document["edge-inspector"]["reason"] = None  # as it is remembered for the operator page
    line = judged_line(json.dumps(document).encode(), judged, Judgement(Disposition.TRUE_ACCEPT, "ann", AT))
    found = row(line)
    assert (found["reason"], found["disposition"], found["found_reason"]) == ("operator", "true_accept", None)


def test_a_picture_whose_suffix_was_changed_is_still_its_own() -> None:
    image = IMAGE.replace(".jpg", ".JPEG")
    assert row(written(), image)["image"] == image


def changed(*path: str, to: Any) -> bytes:
    document = json.loads(written())
    *way, last = path
    place = document
    for name in way:
        place = place[name]
    if to is ...:
        del place[last]
    else:
        place[last] = to
    return json.dumps(document).encode()


BROKEN = {
    "cut off": (written()[:400], "sidecar: expected: Invalid JSON"),
    "empty": (b"", "sidecar: expected: Invalid JSON"),
    "of bytes": (b"\xff\xd8\xff\xe0", "sidecar: expected: Invalid JSON"),
    "a list": (b"[]", "sidecar: expected: "),
    "another line": (b'{"source-ref": "s3://bucket/a.jpg"}', "pre-label: expected: Field required"),
    "no hash": (changed("edge-inspector", "sha256", to=...), "edge-inspector.sha256: expected: Field required"),
    "no hash at all": (changed("edge-inspector", "sha256", to="5a"), "edge-inspector.sha256: expected: String should"),
    "no reason": (changed("edge-inspector", "reason", to=None), "edge-inspector.reason: expected: Input should be"),
    "no group": (changed("edge-inspector", "group", to=""), "edge-inspector.group: expected: String should have"),
    "no result": (changed("edge-inspector", "result", to=7), "edge-inspector.result: expected: Input should be"),
    "a number as lot": (changed("edge-inspector", "result", "lot", to=7), "edge-inspector.result.lot: expected: "),
    "another picture's": (changed("edge-inspector", "key", to=str(key_of(2))), "edge-inspector.key: expected '01"),
    "boxes without scores": (changed("pre-label-metadata", "objects", to=[]), "found 2 annotations and 0 objects"),
    "no number": (changed("pre-label-metadata", "objects", to=[{"confidence": float("nan")}] * 2), "confidence: "),
    "too sure": (changed("pre-label-metadata", "objects", to=[{"confidence": 1.5}] * 2), "objects.0.confidence: "),
    "half a character": (
        written().replace(b'"part-1"', b'"\\ud83d"'),
        "sidecar: expected: Invalid JSON",
    ),
    "nested": (b'{"a":' * 5000, "sidecar: expected: Invalid JSON"),
}


@pytest.mark.parametrize(("line", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_sidecar_is_told_of_in_one_line(line: bytes, told: str) -> None:
    with pytest.raises(SidecarError) as caught:
        row(line)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=60), st.integers(0, 1600), st.integers(0, 60))
def test_whatever_was_damaged_is_a_row_that_can_be_written_or_is_told_of(noise: bytes, at: int, over: int) -> None:
    whole = WHOLE
    try:
        found = row(whole[:at] + noise + whole[at + over :])
    except SidecarError:
        return
    assert len(list(read_rows(write_row(found).splitlines(keepends=True)))) == 1


WHOLE = written()
