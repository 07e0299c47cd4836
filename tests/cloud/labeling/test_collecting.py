"""The steps after people: each odd line of an output manifest is known, and loses at most its own image."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from cloud_side.catalog.label_rows import label_from
from cloud_side.catalog.labels import AnnotatorType, Box, Label, LabelError, Verification
from cloud_side.labeling.places import WorkKind, accepted_key, batch_key, collected_key, input_key, outcomes_key
from cloud_side.labeling.runtime.collecting import labels, verdicts
from tests.cloud.labeling.batches import (
    BATCH,
    annotation,
    ask,
    check_cuts,
    collect_labels,
    collect_verdicts,
    drawn,
    item,
    items,
    said,
)
from tests.cloud.labeling.stations import Bucket, Home, opened_home

LABEL, VERIFY = WorkKind.LABEL, WorkKind.VERIFY


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


def fates(bucket: Bucket, kind: WorkKind, number: int = 1) -> dict[int, tuple[str, str | None]]:
    """Return what became of each image, and why."""
    rows = bucket.rows(outcomes_key(BATCH, number, kind))
    return {int(row["sha256"], 16): (row["fate"], row["reason"]) for row in rows}


def odd(bucket: Bucket, kind: WorkKind = LABEL) -> dict[str, int]:
    counts = json.loads(bucket.read(collected_key(BATCH, 1, kind)))
    return {name: counts[name] for name in ("broken", "duplicates", "strangers", "cut")}


def accepted(bucket: Bucket, number: int = 1) -> list[Label]:
    return [label_from(row) for row in bucket.rows(accepted_key(BATCH, number))]


def labeled_one(bucket: Bucket, line: Mapping[str, Any] | bytes, **settings: Any) -> tuple[str, str | None]:
    """Return what becomes of an image by its line; another one beside it is labeled."""
    ask(bucket, item(1), item(2))
    found = collect_labels(bucket, line, drawn(item(2), annotation(1, 2, 3, 4)), **settings)
    assert found["labeled"] >= 1
    assert fates(bucket, LABEL)[2] == ("labeled", None)
    return fates(bucket, LABEL)[1]


def verified_one(bucket: Bucket, line: Mapping[str, Any] | bytes, **settings: Any) -> tuple[str, str | None]:
    """Return what becomes of a labeled image by its verification's line; another one beside it is accepted."""
    ask(bucket, item(1), item(2))
    collect_labels(bucket, *(drawn(item(number), annotation(1, 2, 3, 4)) for number in (1, 2)))
    found = collect_verdicts(bucket, line, said(item(2), 0, "accept"), **settings)
    assert found["accepted"] >= 1
    assert fates(bucket, VERIFY)[2] == ("accepted", None)
    return fates(bucket, VERIFY)[1]


# Labels.


def test_labels_go_to_who_verifies_with_the_names_of_who_drew(bucket: Bucket) -> None:
    ask(bucket, item(1), item(2), item(3, note="too wide"))
    found = collect_labels(
        bucket,
        drawn(item(3), annotation(1, 2, 3, 4, 1), annotation(5, 6, 7, 8), by=("cleo", "ben")),
        drawn(item(1)),
    )
    assert found == {"labeled": 2, "unlabeled": 1, "unusable": 0, "again": 0, "next": 0}
    first, third = items(bucket, kind=VERIFY)
    assert (first.sha256, first.proposal, first.excluded) == (item(1).sha256, (), ("ana",))
    assert third.proposal == (Box("dent", 1, 2, 3, 4), Box("scratch", 5, 6, 7, 8))
    assert (third.confidences, third.excluded, third.note) == ((None, None), ("ben", "cleo"), None)
    assert (third.source_ref, third.group, third.origin) == (item(3).source_ref, "part-3", item(3).origin)


def test_who_labeled_may_verify_where_the_settings_allow_it(bucket: Bucket) -> None:
    ask(bucket, item(1))
    collect_labels(bucket, drawn(item(1)), second_person=False)
    assert items(bucket, kind=VERIFY)[0].excluded == ()


def test_other_keys_pass_and_nothing_of_them_is_taken_over(bucket: Bucket) -> None:
    line = drawn(item(1), annotation(1, 1, 5, 5)) | {"pre-label": "gone", "workers-own": [1, {"a": None}], "id": 7}
    line["edge-inspector"] = {"sha256": "forged", "group": "another"}
    assert labeled_one(bucket, line) == ("labeled", None)
    verify = items(bucket, kind=VERIFY)[0]
    assert (verify.sha256, verify.group) == (item(1).sha256, "part-1")


def test_an_image_that_people_call_unusable_is_no_label(bucket: Bucket) -> None:
    ours = {"unusable": "out of focus", "workers": ["ana"], "seconds": [3.0]}
    line = {**item(1).document(), "label-metadata": {"failure-reason": "out of focus", "edge-inspector": ours}}
    assert labeled_one(bucket, line) == ("unusable", "out of focus")
    assert len(items(bucket, kind=VERIFY)) == 1


def test_an_output_manifest_that_is_not_there_is_told_of(bucket: Bucket) -> None:
    ask(bucket, item(1))
    with pytest.raises(LabelError, match=f"expected an output manifest, found nothing at s3://{bucket.name}/gone"):
        labels(bucket.event(round=1, output=f"s3://{bucket.name}/gone"), None)


def test_each_odd_line_loses_its_image_alone(bucket: Bucket) -> None:
    ask(bucket, *(item(number) for number in range(1, 7)))
    expired = {**item(4).document(), "label-metadata": {"failure-reason": "the task expired"}}
    found = collect_labels(
        bucket, b"{broken\n", drawn(item(9)), drawn(item(1)), drawn(item(1), annotation(1, 1, 5, 5)), b"\n",
        drawn(item(2), annotation(60, 40, 5, 9)), drawn(item(3), annotation(50, 1, 20, 5)), expired,
        drawn(item(5), annotation(1, 1, 5, 5)),
    )  # fmt: skip
    assert found == {"labeled": 3, "unlabeled": 2, "unusable": 0, "again": 1, "next": 0}
    assert odd(bucket) == {"broken": 1, "duplicates": 1, "strangers": 1, "cut": 1}
    assert [each.proposal for each in items(bucket, kind=VERIFY)] == [
        (), (Box("scratch", 60, 40, 4, 8),), (Box("scratch", 1, 1, 5, 5),),
    ]  # fmt: skip
    assert fates(bucket, LABEL)[4] == ("unlabeled", "the task expired")


def test_a_label_that_nobody_can_use_goes_round_again(bucket: Bucket) -> None:
    fate, reason = labeled_one(bucket, drawn(item(1), annotation(50, 1, 20, 5)))
    assert fate == "again"
    assert collect_verdicts(bucket, said(item(2), 0))["next"] == 1
    (again,) = items(bucket, 2)
    assert (again.sha256, again.proposal, again.confidences) == (item(1).sha256, item(1).proposal, (0.9,))
    assert again.note == f"The answer was of no use: {reason}"


def test_answers_of_no_use_go_round_again_at_once_where_nothing_was_labeled(bucket: Bucket) -> None:
    ask(bucket, *(item(number) for number in (3, 1, 2)))
    lines = [drawn(item(number), annotation(50, 1, 20, 5)) for number in (1, 3)]
    assert collect_labels(bucket, *lines) == {"labeled": 0, "unlabeled": 1, "unusable": 0, "again": 2, "next": 2}
    again = items(bucket, 2)
    assert [each.sha256 for each in again] == [item(number).sha256 for number in (3, 1)]
    assert {str(each.note)[:25] for each in again} == {"The answer was of no use:"}
    assert collect_labels(bucket, *lines, rounds=1)["next"] == 0


# Verdicts.


def test_acceptance_makes_a_label(bucket: Bucket) -> None:
    assert verified_one(bucket, said(item(1), "0", "accept")) == ("accepted", None)
    label = accepted(bucket)[0]
    assert label.boxes == (Box("scratch", 1, 2, 3, 4),)
    assert (label.image, label.sha256, label.group) == (item(1).source_ref, item(1).sha256, "part-1")
    assert (label.width, label.height, label.class_names, label.origin) == (64, 48, ("scratch", "dent"), item(1).origin)
    assert (label.job, label.labeled_by, label.verified_by) == (BATCH, ("ana",), "ben")
    assert (label.annotator_type, label.verification) == (AnnotatorType.HUMAN, Verification.ACCEPTED)
    assert label.event_time.isoformat() == "2026-03-04T09:10:11+00:00"


def test_a_rejection_goes_round_again_with_its_reason(bucket: Bucket) -> None:
    assert verified_one(bucket, said(item(1), 1, "reject", reason="too wide")) == ("rejected", "too wide")
    (again,) = items(bucket, 2)
    assert (again.sha256, again.note, again.excluded) == (item(1).sha256, "too wide", ())
    assert (again.proposal, again.confidences) == ((Box("scratch", 1, 2, 3, 4),), (None,))
    assert [label.sha256 for label in accepted(bucket)] == [item(2).sha256]


def test_a_verdict_that_nobody_can_read_is_none(bucket: Bucket) -> None:
    fate, reason = verified_one(bucket, said(item(1), 2))
    assert (fate, "expected 0" in str(reason)) == ("unverified", True)
    assert items(bucket, 2) == []


def test_an_adjustment_is_a_label_with_the_corrected_boxes(bucket: Bucket) -> None:
    line = said(item(1), 0, "adjust") | drawn(item(1), annotation(2, 2, 9, 9, 1), name="adjusted", by=["ben"])
    assert verified_one(bucket, line) == ("adjusted", None)
    label = accepted(bucket)[0]
    assert (label.boxes, label.verification) == ((Box("dent", 2, 2, 9, 9),), Verification.ADJUSTED)
    assert (label.labeled_by, label.verified_by) == (("ana",), "ben")


def test_an_adjustment_may_take_all_boxes_away(bucket: Bucket) -> None:
    line = said(item(1), 0, "adjust") | drawn(item(1), name="adjusted")
    assert verified_one(bucket, line) == ("adjusted", None)
    assert accepted(bucket)[0].boxes == ()


def test_a_verdict_without_a_date_is_as_old_as_its_manifest(bucket: Bucket) -> None:
    line = said(item(1), 0, "accept", metadata={"creation-date": "soon"})
    assert verified_one(bucket, line) == ("accepted", None)
    written = bucket.s3.head_object(Bucket=bucket.name, Key=f"labeling/batches/{BATCH}/round-1/verify/output.manifest")
    assert accepted(bucket)[0].event_time == written["LastModified"]


def test_ground_truth_names_nobody(bucket: Bucket) -> None:
    ask(bucket, item(1))
    line, verdict = drawn(item(1)), said(item(1), "0", "accept")
    del line["label-metadata"]["edge-inspector"], verdict["verification-metadata"]["edge-inspector"]
    collect_labels(bucket, line)
    assert collect_verdicts(bucket, verdict)["accepted"] == 1
    (label,) = accepted(bucket)
    assert (label.labeled_by, label.verified_by) == ((), None)


def test_the_next_round_has_its_items_in_the_order_of_this_one(bucket: Bucket) -> None:
    ask(bucket, *(item(number) for number in (4, 1, 3, 2)))
    beyond = annotation(50, 0, 50, 9)
    collect_labels(bucket, *(drawn(item(number)) for number in (1, 2, 3)), drawn(item(4), beyond))
    found = collect_verdicts(bucket, *(said(item(number), 1) for number in (1, 2)), said(item(3), 0))
    assert found == {"accepted": 1, "adjusted": 0, "rejected": 2, "unverified": 0, "unusable": 0, "next": 3}
    assert [each.sha256 for each in items(bucket, 2)] == [item(number).sha256 for number in (4, 1, 2)]


def test_no_round_follows_the_last_one(bucket: Bucket) -> None:
    ask(bucket, item(1), number=2)
    collect_labels(bucket, drawn(item(1)), number=2, rounds=2)
    found = collect_verdicts(bucket, said(item(1), 1, reason="no"), number=2, rounds=2)
    assert (found["rejected"], found["next"]) == (1, 0)
    assert input_key(BATCH, 3, LABEL) not in bucket.objects()


def test_nothing_is_collected_from_nothing(bucket: Bucket) -> None:
    ask(bucket)
    assert collect_labels(bucket) == {"labeled": 0, "unlabeled": 0, "unusable": 0, "again": 0, "next": 0}
    assert collect_verdicts(bucket)["next"] == 0
    assert accepted(bucket) == []


# Again, and cut.


def test_cuts_anywhere_leave_the_same(bucket: Bucket) -> None:
    ask(bucket, item(1), item(2), item(3))
    collect_labels(bucket, drawn(item(1)), drawn(item(2), annotation(1, 1, 5, 5)), drawn(item(3)))
    collect_verdicts(bucket, said(item(1), 1, reason="no"), said(item(2), 0))
    for step, kind in ((labels, LABEL), (verdicts, VERIFY)):
        event = bucket.event(
            round=1, output=f"s3://{bucket.name}/labeling/batches/{BATCH}/round-1/{kind.value}/output.manifest"
        )
        assert check_cuts(bucket, partial(step, event, None), batch_key(BATCH, "")) >= 3
