"""The steps that prepare: whole pictures become items with pre-labels, broken ones are put aside with the reason."""

import io
import json
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from cloud_side.catalog.labels import Box, check_inside
from cloud_side.labeling import preparation
from cloud_side.labeling.places import batch_key
from cloud_side.labeling.preparation import FlawedError, Sample, picture_wh, read_pre_labels
from cloud_side.labeling.runtime.preparing import gather, prepare
from edge_inspector.errors import ConfigError
from edge_inspector.imaging import decode_image
from tests.cloud.labeling.batches import (
    BATCH,
    CLASSES,
    SIZE,
    annotation,
    check_cuts,
    encoded,
    items,
    prepared,
    row,
    sample,
    take,
    with_sidecar,
)
from tests.cloud.labeling.stations import Bucket, Home, Made, opened_home

QUARANTINE = batch_key(BATCH, "quarantine.jsonl")
GATHERED = batch_key(BATCH, "gathered.json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


def boxed(*annotations: Any, **metadata: Any) -> Made:
    """Return a sample with these pre-labels."""

    def change(document: dict[str, Any]) -> None:
        document["pre-label"]["annotations"] = list(annotations)
        document["pre-label-metadata"] |= {"objects": [{"confidence": 0.5}] * len(annotations), **metadata}

    return with_sidecar(sample(1), change)


def only_item(bucket: Bucket, made: Made, **settings: Any) -> Any:
    bucket.put(made)
    assert prepared(bucket, made, settings=settings) == {"items": 1, "quarantined": 0, "failed": 0}
    return items(bucket)[0]


def quarantined(bucket: Bucket, made: Made, **taken: Any) -> tuple[str, str]:
    """Return why a sample is put aside; a whole one beside it goes on."""
    whole = sample(77)
    bucket.put(whole)
    rows = [row(made, **taken), row(whole)]
    take(bucket, rows)
    prepare(bucket.event(items=rows), None)
    assert gather(bucket.event(), None) == {"items": 1, "quarantined": 1, "failed": 0}
    assert items(bucket)[0].sha256 == row(whole)["sha256"]
    (found,) = bucket.rows(QUARANTINE)
    assert (found["sha256"], found["image"]) == (rows[0]["sha256"], made.image)
    return found["reason"], found["found"]


def test_a_sample_becomes_an_item_with_the_models_boxes(bucket: Bucket) -> None:
    item = only_item(bucket, sample(3, disposition="false_reject"))
    assert item.source_ref == f"s3://{bucket.name}/{sample(3).image}"
    assert (item.width, item.height, item.group, item.class_names) == (*SIZE, "part-1", ("dent", "scratch"))
    assert item.proposal == (Box("scratch", 3, 5, 17, 25),)
    assert item.confidences == (0.9,)
    assert (item.note, item.excluded) == (None, ())
    assert (item.origin.site, item.origin.line, item.origin.station) == ("berlin", "line-1", "press-3")
    assert (item.origin.reason, item.origin.disposition) == ("defect", "false_reject")
    assert (item.origin.model, item.origin.model_sha256) == ("metal-tags/1.2.0", "5a" * 32)


def test_items_come_in_the_order_in_which_they_were_taken(bucket: Bucket) -> None:
    samples = [sample(number) for number in (5, 1, 4, 2, 3)]
    bucket.put(*samples)
    assert prepared(bucket, *samples) == {"items": 5, "quarantined": 0, "failed": 0}
    assert [item.source_ref.rpartition("/")[2] for item in items(bucket)] == [
        made.image.rpartition("/")[2] for made in samples
    ]


@pytest.mark.parametrize("suffix", ["JPG", "jpeg", "png"])
def test_the_name_of_a_picture_says_nothing_of_its_format(bucket: Bucket, suffix: str) -> None:
    made = sample(1, suffix=suffix)
    assert only_item(bucket, made).source_ref.endswith(suffix)


def test_a_batch_of_nothing_is_gathered(bucket: Bucket) -> None:
    take(bucket, [])
    assert gather(bucket.event(), None) == {"items": 0, "quarantined": 0, "failed": 0}
    assert items(bucket) == []


def test_images_of_a_child_that_failed_are_counted(bucket: Bucket) -> None:
    samples = [sample(number) for number in range(3)]
    bucket.put(*samples)
    rows = [row(each) for each in samples]
    take(bucket, rows)
    prepare(bucket.event(items=rows[:2]), None)
    assert gather(bucket.event(), None) == {"items": 2, "quarantined": 0, "failed": 1}


# Pictures that nobody can label.


def bomb() -> bytes:
    """Return a PNG of few bytes that says it has very many pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return content


def flat() -> bytes:
    """Return a PNG without a pixel."""
    return bomb()[:16] + struct.pack(">II", 0, 5) + bomb()[24:29] + struct.pack(">I", 0) + bomb()[33:]


def crowded() -> bytes:
    """Return a JPEG of which the pixels are the most."""
    file = io.BytesIO()
    Image.frombytes("RGB", SIZE, bytes(at * at % 251 for at in range(3 * 64 * 48))).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason", "found"),
    [
        (encoded(1)[:-200], "cut off", "Truncated"),
        (crowded()[:-900], "cut off", "truncated"),
        (encoded(1)[:-2], "cut off", "whole"),
        (encoded(1, kind="PNG")[:-30], "cut off", "whole"),
        (encoded(1, kind="PNG")[:-12], "cut off", "no end"),
        (encoded(1)[:3], "no image", "begin with"),
        (b"not an image, but some text", "no image", "b'not an i'"),
        (encoded(1, kind="BMP"), "no image", "expected a JPEG or PNG"),
        (encoded(1, kind="GIF"), "no image", "expected a JPEG or PNG"),
        (bomb(), "too large", "pixels"),
        (flat(), "no image", "expected"),
    ],
    ids=[
        "header",
        "half-jpeg",
        "no-end",
        "half-png",
        "png-no-end",
        "three-bytes",
        "text",
        "bmp",
        "gif",
        "bomb",
        "no-pixel",
    ],
)
def test_a_broken_picture_has_a_reason(content: bytes, reason: str, found: str) -> None:
    with pytest.raises(FlawedError, match=re.escape(found)) as caught:
        picture_wh(content, row(sample(1, content))["sha256"])
    assert caught.value.flaw == reason


def test_a_broken_picture_is_put_aside_and_the_rest_goes_on(bucket: Bucket) -> None:
    made = sample(1, crowded()[:-900])
    bucket.put(made)
    reason, found = quarantined(bucket, made)
    assert reason == "cut off"
    assert found.startswith("expected a whole image, found ")


def test_a_picture_that_is_gone_is_put_aside(bucket: Bucket) -> None:
    made = sample(1)
    bucket.put(made)
    bucket.delete(made.image)
    assert quarantined(bucket, made) == (
        "missing",
        f"expected an object, found none at s3://{bucket.name}/{made.image}",
    )


def test_an_empty_file_is_put_aside(bucket: Bucket) -> None:
    made = sample(1)
    bucket.put(Made(made.image, made.sidecar, b"", made.line))
    assert quarantined(bucket, made) == ("empty", "expected an image, found an empty file")


def test_a_picture_that_was_changed_is_put_aside(bucket: Bucket) -> None:
    made = sample(1)
    bucket.put(Made(made.image, made.sidecar, encoded(2), made.line))
    reason, found = quarantined(bucket, made)
    assert reason == "other content than its sidecar says"
    assert row(made)["sha256"] in found


def test_a_file_of_too_many_bytes_is_not_read(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.labeling.runtime.preparing.MOST_BYTES", 5_000)
    made = sample(1, encoded(1) + bytes(5_000))
    bucket.put(made)
    reason, found = quarantined(bucket, made)
    assert reason == "too large"
    assert "at most 5000 bytes" in found


def test_a_picture_of_more_pixels_than_there_is_room_for_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "MOST_PIXELS", 64 * 48 - 1)
    content = encoded(1)
    with pytest.raises(FlawedError, match="at most 3071 pixels, found 64 x 48"):
        picture_wh(content, row(sample(1, content))["sha256"])


def test_what_writers_put_behind_the_end_of_a_picture_does_no_harm(bucket: Bucket) -> None:
    assert only_item(bucket, sample(1, encoded(1) + b"written by a camera")).width == SIZE[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_items_size_is_that_of_the_picture_as_it_is_looked_at(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(1, kind=kind, exif=exif)
    height, width = decode_image(content, "turned").shape[:2]
    assert picture_wh(content, row(sample(1, content))["sha256"]) == (width, height)


def test_a_note_that_nobody_can_read_turns_nothing() -> None:
    content = encoded(1, exif=b"Exif\x00\x00broken")
    assert picture_wh(content, row(sample(1, content))["sha256"]) == SIZE


def test_a_picture_of_several_views_is_the_first_one() -> None:
    file = io.BytesIO()
    views = [Image.open(io.BytesIO(encoded(number))) for number in (1, 2)]
    views[0].save(file, "MPO", save_all=True, append_images=views[1:])
    content = file.getvalue()
    assert picture_wh(content, row(sample(1, content))["sha256"]) == SIZE


# Pre-labels.


def test_an_image_on_which_the_model_found_nothing_has_no_boxes(bucket: Bucket) -> None:
    item = only_item(bucket, boxed())
    assert item.proposal == ()
    assert item.class_names == ("dent", "scratch")


def test_boxes_are_cut_at_the_edge_and_dropped_beyond_it(bucket: Bucket) -> None:
    made = boxed(
        annotation(-5, -6, 20, 20), annotation(60, 40, 20, 20, 1), annotation(64, 0, 5, 5), annotation(0, 0, 0, 9),
        annotation(2, 2, 4, 4, 9), {"class_id": 0},
    )  # fmt: skip
    item = only_item(bucket, made)
    assert item.proposal == (Box("scratch", 0, 0, 15, 14), Box("dent", 60, 40, 4, 8))
    assert json.loads(bucket.read(GATHERED)) == {
        "items": 1, "quarantined": 0, "failed": 0, "boxes_cut": 2, "boxes_dropped": 4, "without_pre_labels": 0,
    }  # fmt: skip


def test_what_an_operator_drew_is_no_box_of_the_model(bucket: Bucket) -> None:
    objects = [{"confidence": 1.0, "source": "operator"}, {"confidence": 0.5}, {"confidence": "high"}]
    item = only_item(bucket, boxed(*[annotation(at, 0, 4, 4) for at in (0, 10, 20)], objects=objects))
    assert item.confidences == (None, 0.5, None)


def test_only_boxes_of_the_classes_that_are_looked_for_stay(bucket: Bucket) -> None:
    made = boxed(annotation(0, 0, 9, 9), annotation(9, 9, 9, 9, 1))
    item = only_item(bucket, made, class_names=["hole", "dent"])
    assert item.class_names == ("hole", "dent")
    assert [box.label for box in item.proposal] == ["dent"]
    assert json.loads(bucket.read(GATHERED))["boxes_dropped"] == 1


def test_the_classes_of_a_batch_are_those_of_all_its_pre_labels(bucket: Bucket) -> None:
    other = with_sidecar(
        sample(2), lambda document: document["pre-label-metadata"].update({"class-map": {"0": "hole"}})
    )
    bucket.put(sample(1), other)
    prepared(bucket, sample(1), other)
    assert [item.class_names for item in items(bucket)] == [("dent", "hole", "scratch")] * 2


def test_a_batch_without_any_class_is_refused(bucket: Bucket) -> None:
    made = with_sidecar(sample(1, boxes=0), lambda document: document["pre-label-metadata"].update({"class-map": {}}))
    broken = sample(2, b"no image")
    bucket.put(made, broken)
    with pytest.raises(ConfigError, match="class_names: expected the classes to look for"):
        prepared(bucket, made, broken)
    assert [each["reason"] for each in bucket.rows(QUARANTINE)] == ["no image"]  # is settled at the end all the same
    assert prepared(bucket, made, broken, settings={"class_names": ["dent"]})["items"] == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (None, "no sidecar"),
        (b"", "expected a sidecar"),
        (b"{broken", "expected a sidecar"),
        (b"[]", "expected a sidecar"),
        (b'{"edge-inspector": {"sha256": 5}}', "found that of 5"),
        (with_sidecar(sample(1), lambda document: document.update(note="\ud800")).line, "surrogates"),
    ],
    ids=["gone", "empty", "broken", "list", "other-picture", "no-text"],
)
def test_an_image_without_a_sidecar_is_labeled_from_nothing(line: bytes | None, problem: str) -> None:
    found = read_pre_labels(line, Sample.parse(row(sample(1))), SIZE)
    assert (found.boxes, found.confidences, found.class_names) == ((), (), ())
    assert (found.origin.station, found.origin.reason, found.origin.model) == ("press-3", "defect", None)
    assert problem in str(found.problem)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("pre-label"),
        lambda document: document["pre-label"]["image_size"][0].update(width=640),
        lambda document: document["pre-label"].update(image_size=[]),
        lambda document: document["pre-label-metadata"].update({"class-map": None}),
    ],
    ids=["none", "other-size", "no-size", "no-classes"],
)
def test_pre_labels_that_nobody_can_read_are_left_out_and_the_rest_of_the_sidecar_counts(change: Any) -> None:
    made = with_sidecar(sample(1), change)
    found = read_pre_labels(made.line, Sample.parse(row(made)), SIZE)
    assert found.boxes == ()
    assert "expected boxes" in str(found.problem)
    assert found.origin.model == "metal-tags/1.2.0"


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "too-large"])
def test_a_sidecar_that_is_gone_does_not_stop_its_image(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, *, is_gone: bool
) -> None:
    monkeypatch.setattr("cloud_side.labeling.runtime.preparing.LARGEST_SIDECAR_BYTES", 100)
    made = sample(1)
    bucket.put(made)
    if is_gone:
        bucket.delete(made.sidecar)
    assert prepared(bucket, made, settings={"class_names": ["dent"]}) == {"items": 1, "quarantined": 0, "failed": 0}
    assert (items(bucket)[0].proposal, items(bucket)[0].group) == ((), "part-1")
    assert json.loads(bucket.read(GATHERED))["without_pre_labels"] == 1


def test_class_maps_with_odd_keys_do_not_matter_where_they_are_not_used(bucket: Bucket) -> None:
    item = only_item(bucket, boxed(annotation(1, 1, 9, 9, "1"), **{"class-map": {**CLASSES, "x": "", "7": 8}}))
    assert item.proposal == (Box("dent", 1, 1, 9, 9),)
    assert item.class_names == ("dent", "scratch")
    check_inside(item.proposal, *SIZE)


# Again, and cut.


def test_cuts_anywhere_leave_the_same_items(bucket: Bucket) -> None:
    samples = [sample(1), sample(2, b"no image"), sample(3)]
    bucket.put(*samples)
    rows = [row(each) for each in samples]
    take(bucket, rows)
    prefix = batch_key(BATCH, "")

    def run() -> dict[str, Any]:
        for start in range(0, len(rows), 2):
            prepare(bucket.event(items=rows[start : start + 2]), None)
        return gather(bucket.event(), None)

    assert check_cuts(bucket, run, prefix) == 5
