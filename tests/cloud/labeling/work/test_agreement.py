"""How far people agree is counted in boxes and verdicts."""

from datetime import UTC, datetime

import boto3

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item, Verdict
from cloud_side.labeling.work.agreeing import Agreeing
from cloud_side.labeling.work.agreement import Answered, agreement
from cloud_side.labeling.work.answers import Answer
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.matching import iou, matched
from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import put_items, put_order

AT = datetime(2026, 3, 2, tzinfo=UTC)
SCRATCH, DENT = Box("scratch", 0, 0, 100, 20), Box("dent", 50, 50, 20, 20)
SHIFTED = Box("scratch", 0, 10, 100, 20)  # shares a third with SCRATCH


def item(*proposal: Box, confidence: float | None = 0.9) -> Item:
    origin = Origin(model="metal-tags/1.0.0")
    return Item("s3://b/k", "0", 320, 240, "p", ("dent", "scratch"), proposal, (confidence,) * len(proposal), origin)


def drew(person: str, *boxes: Box) -> Answer:
    return Answer(person, AT, 1.0, boxes)


def test_overlap_is_intersection_over_union() -> None:
    assert iou(SCRATCH, SCRATCH) == 1
    assert iou(SCRATCH, SHIFTED) == 1 / 3
    assert iou(SCRATCH, DENT) == 0


def test_each_box_has_one_partner_of_its_class_the_best_first() -> None:
    near = Box("scratch", 0, 2, 100, 20)
    pairs = matched([SHIFTED, near, DENT], [SCRATCH, DENT], 0.3)
    assert [(pair.first, pair.second) for pair in pairs] == [(2, 1), (1, 0)]


def test_two_people_are_compared_over_what_both_labeled() -> None:
    found = agreement(
        [
            Answered(item(), [drew("ben", SCRATCH), drew("ana", SCRATCH, DENT)], []),
            Answered(item(), [drew("ana"), drew("ben")], []),
            Answered(item(), [drew("ana", DENT)], []),
            Answered(item(), [drew("ana", DENT), Answer("ben", AT, 1.0, unusable="blurred")], []),
        ],
        0.5,
    )
    assert found["pairs"] == [
        {
            "people": ["ana", "ben"],
            "images": 2,
            "boxes": [2, 1],
            "matched": 1,
            "precision": 0.5,
            "recall": 1.0,
            "mean_iou": 1.0,
        }
    ]


def test_the_model_is_compared_with_each_person_and_not_with_boxes_that_a_person_drew() -> None:
    found = agreement(
        [
            Answered(item(SCRATCH, DENT), [drew("ana", SCRATCH)], []),
            Answered(item(), [drew("ana", DENT)], []),
            Answered(item(SCRATCH, confidence=None), [drew("ana", SCRATCH)], []),
            Answered(item(), [drew("ana", DENT)], [], is_first=False),  # what was rejected had no boxes
        ],
        0.5,
    )
    (model,) = found["models"]
    assert (model["model"], model["person"], model["images"]) == ("metal-tags/1.0.0", "ana", 2)
    assert (model["boxes"], model["matched"], model["precision"], model["recall"]) == ([2, 2], 1, 0.5, 0.5)


def test_what_became_of_a_persons_labels_is_counted() -> None:
    def said(verdict: Verdict) -> Answered:
        return Answered(item(), [drew("ana", DENT)], [Answer("ben", AT, 1.0, verdict=verdict)])

    found = agreement([said(each) for each in (*Verdict, Verdict.ACCEPT)], 0.5)
    assert found["labelers"] == [{"person": "ana", "accepted": 2, "adjusted": 1, "rejected": 1, "accept_rate": 0.5}]


def test_shares_of_nothing_are_null() -> None:
    (pair,) = agreement([Answered(item(), [drew("ana"), drew("ben")], [])], 0.5)["pairs"]
    assert (pair["precision"], pair["recall"], pair["mean_iou"]) == (None, None, None)


def test_an_answer_that_is_not_new_is_not_read_again(session: boto3.Session, bucket: Bucket, batch: str) -> None:
    client = session.client("s3")
    read: list[str] = []
    client.meta.events.register("before-parameter-build.s3.GetObject", lambda params, **_: read.append(params["Key"]))
    items, agreeing, desk = put_items(session, 2), Agreeing(Bucket(client, bucket.name)), Desk(bucket)
    order = put_order(session, items, batch=batch, workers=2)
    desk.put(order, items[0], "ana", {"no_defect": True})
    assert agreeing.of_batch(batch)["pairs"] == []
    desk.put(order, items[0], "ben", {"no_defect": True})
    bucket.write(f"{order.prefix}answers/{items[1].sha256}/ana.json", b"what nobody can read")
    for _ in range(2):
        (pair,) = agreeing.of_batch(batch)["pairs"]
        assert (pair["people"], pair["images"]) == (["ana", "ben"], 1)
    assert sorted(key.rpartition("/")[2] for key in read if "/answers/" in key) == ["ana.json", "ana.json", "ben.json"]
    bucket.remove(order.key)
