import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.inspection import InspectionResult
from edge_inspector.samples.pictures import Picture, encode
from edge_inspector.samples.sidecar import LABEL, label_of, readdressed, sidecar
from edge_inspector.sampling import SampleReason
from tests.samples.made import ACCEPT, NO_VERDICT, WRITER, frame, key_of, result
from tests.samples.manifest import read_line
from tests.test_events import violations_of_result

KEY = key_of(1)


def line_of(found: InspectionResult, picture: Picture, *, before: str | None = None) -> bytes:
    return sidecar(
        found,
        picture,
        key=KEY,
        source_ref=f"s3://bucket/{KEY}",
        reason=SampleReason.DEFECT,
        document=WRITER.result_document(found),
        before=before,
    )


def encoded(number: int = 1, **kwargs: int) -> Picture:
    return encode(frame(number, **kwargs), suffix="jpg", jpeg_quality=95)


def test_a_sidecar_is_a_line_of_a_manifest_with_the_models_boxes() -> None:
    found = result(1, boxes=[(3.4, 5.6, 20.2, 30.7), (1, 2, 3, 4)], class_ids=[1, 0])
    document = read_line(line_of(found, encoded()), label=LABEL)
    assert document["source-ref"] == f"s3://bucket/{KEY}"
    assert document[LABEL]["image_size"] == [{"width": 64, "height": 48, "depth": 1}]
    assert document[LABEL]["annotations"] == [
        {"class_id": 1, "left": 3, "top": 6, "width": 17, "height": 25},
        {"class_id": 0, "left": 1, "top": 2, "width": 2, "height": 2},
    ]
    metadata = document[f"{LABEL}-metadata"]
    assert metadata["objects"] == [{"confidence": 0.9}, {"confidence": 0.5}]
    assert metadata["class-map"] == {"0": "scratch", "1": "dent"}
    assert metadata["creation-date"] == "2026-03-01T12:00:01.000000"
    assert metadata["human-annotated"] == "no"
    assert metadata["job-name"] == "edge-inspector/metal-tags/1.2.0"


def test_it_carries_the_result_as_it_is_written_everywhere_and_what_a_data_set_needs() -> None:
    picture = encoded()
    found = replace(result(1, boxes=[(1, 2, 3, 4)]), sample_key=str(KEY))
    ours = read_line(line_of(found, picture), label=LABEL)["edge-inspector"]
    assert ours["schema"] == "edge-inspector/sample/1"
    assert ours["key"] == ours["result"]["sample_key"] == str(KEY)
    assert ours["sha256"] == hashlib.sha256(picture.content).hexdigest()
    assert (ours["reason"], ours["before"], ours["part_frame"]) == ("defect", None, 0)
    assert ours["group"] == "part-1"
    assert ours["result"] == WRITER.result_document(found)
    assert violations_of_result(ours["result"]) == []


@pytest.mark.parametrize("outcome", [ACCEPT, NO_VERDICT])
def test_without_boxes_the_lists_are_empty_and_there(outcome: object) -> None:
    document = read_line(line_of(result(1, outcome), encoded()), label=LABEL)  # type: ignore[arg-type]
    assert document[LABEL]["annotations"] == document[f"{LABEL}-metadata"]["objects"] == []


def test_while_there_is_no_model_there_are_no_classes() -> None:
    document = read_line(line_of(result(1, NO_VERDICT, class_names=()), encoded()), label=LABEL)
    assert document[f"{LABEL}-metadata"]["class-map"] == {}


def test_each_picture_of_a_part_has_its_own_boxes() -> None:
    found = result(1, boxes=[(1, 1, 9, 9), (2, 2, 8, 8), (3, 3, 7, 7)], on_frames=[2, 0, 2], frames=3)
    lefts = [
        [
            box["left"]
            for box in read_line(line_of(found, encoded(part_frame=number)), label=LABEL)[LABEL]["annotations"]
        ]
        for number in range(3)
    ]
    assert lefts == [[2], [], [1, 3]]


def test_boxes_are_in_pixels_of_the_picture_also_where_it_is_a_reduced_copy() -> None:
    reduced = replace(frame(1), full_wh=(256, 192))
    found = result(1, boxes=[(40, 80, 120, 160)], image_wh=(256, 192))
    document = read_line(line_of(found, encode(reduced, suffix="png", jpeg_quality=95)), label=LABEL)
    assert document[LABEL]["annotations"] == [{"class_id": 0, "left": 10, "top": 20, "width": 20, "height": 20}]
    assert document["edge-inspector"]["frame_wh"] == [256, 192]


def test_a_belt_is_grouped_by_lot_and_else_every_picture_is_a_group() -> None:
    found = result(1, part_id=None)
    assert read_line(line_of(found, encoded()), label=LABEL)["edge-inspector"]["group"] == "lot-7"
    without_lot = replace(WRITER, lot=None).result_document(found)
    line = sidecar(
        found, encoded(), key=KEY, source_ref="r", reason=SampleReason.RANDOM, document=without_lot, before=None
    )
    assert read_line(line, label=LABEL)["edge-inspector"]["group"] == found.inspection_id


_side = st.floats(0, 64, width=32)


@given(st.lists(st.tuples(_side, _side, _side, _side), max_size=20), st.text(min_size=1, max_size=40))
def test_any_boxes_and_any_names_give_a_line_that_readers_take(
    corners: list[tuple[float, float, float, float]], name: str
) -> None:
    boxes = [(min(x1, x2), min(y1, y2, 48), max(x1, x2), min(max(y1, y2), 48)) for x1, y1, x2, y2 in corners]
    found = result(1, boxes=boxes, class_names=(name, "dent"), part_id=name)
    line = line_of(found, encoded())
    read_line(line, label=LABEL)
    assert (label_of(line) is None) == (not boxes)


def test_another_final_address_is_written_into_a_sidecar_and_nothing_else_changes() -> None:
    line = line_of(result(1, boxes=[(1, 2, 3, 4)]), encoded())
    assert readdressed(line, f"s3://bucket/{KEY}") is None
    moved = readdressed(line, "s3://other/key")
    assert moved is not None
    assert read_line(moved, label=LABEL) == {**json.loads(line), "source-ref": "s3://other/key"}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", b'{"source-ref":1}'])
def test_what_is_no_sidecar_is_refused(line: bytes) -> None:
    for reader in (label_of, lambda content: readdressed(content, "r")):
        with pytest.raises(ValueError, match=r"sidecar|JSON|Expecting|decode"):
            reader(line)


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_png_keeps_every_pixel_and_jpg_the_size(shape: tuple[int, ...]) -> None:
    seen = frame(1, shape=shape)
    lossless = encode(seen, suffix="png", jpeg_quality=95)
    again = cv2.imdecode(np.frombuffer(lossless.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(again, seen.image)
    smaller = encode(seen, suffix="jpg", jpeg_quality=50)
    assert (smaller.image_wh, smaller.depth) == ((64, 48), 1 if len(shape) == 2 else 3)
    assert len(smaller.content) < len(encode(seen, suffix="jpg", jpeg_quality=95).content)
