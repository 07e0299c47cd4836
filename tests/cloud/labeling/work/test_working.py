"""The steps that open and shut orders, as the workflow calls them."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.items import read_items, write_items
from cloud_side.labeling.output_manifest import Drawn, Unanswered, Unusable, Verified, read_label, read_verification
from cloud_side.labeling.places import WorkKind, batch_key, input_key, order_key
from cloud_side.labeling.runtime.working import open_order, shut_order
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.orders import OrderError
from cloud_side.objects import Bucket as Objects
from tests.cloud.labeling.orders import output_of, put_items
from tests.cloud.labeling.stations import Bucket, Home, opened_home

BOX = {"label": "dent", "x": 10, "y": 20, "width": 30, "height": 40}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Bucket:
    return home.bucket()


@pytest.fixture
def desk(bucket: Bucket) -> Desk:
    return Desk(Objects(bucket.s3, bucket.name))


def event(bucket: Bucket, kind: str, count: int = 3, **more: Any) -> dict[str, Any]:
    """Return what `open_order` is given, for items whose manifest is there."""
    items = put_items(bucket.cloud.session, count, bucket=bucket.name)
    key = input_key("first", 1, WorkKind(kind))
    bucket.put_object(key, "".join(write_items(items)).encode())
    about: dict[str, Any] = {"round": 1, "kind": kind, "token": "token-1", "closes_at": "2026-03-09T10:00:00.000Z"}
    return bucket.event(settings={"workers": 2}, **about, **more)


def test_an_order_is_opened_with_what_people_need(bucket: Bucket, desk: Desk) -> None:
    told = open_order(event(bucket, "label"), None)
    assert told == {"order": order_key("first", 1, WorkKind.LABEL)}
    order = desk.order("first", 1, WorkKind.LABEL)
    assert (order.token, order.workers, order.class_names) == ("token-1", 2, ("dent", "scratch"))
    assert order.closes_at.isoformat() == "2026-03-09T10:00:00+00:00"


def test_a_redriven_step_opens_it_for_its_new_token_and_what_was_answered_stays(bucket: Bucket, desk: Desk) -> None:
    said = event(bucket, "label")
    open_order(said, None)
    order = desk.order("first", 1, WorkKind.LABEL)
    item = next(iter(desk.ledger(order).items.values()))
    desk.put(order, item, "ana", {"no_defect": True})
    open_order({**said, "token": "token-2"}, None)
    again = desk.order("first", 1, WorkKind.LABEL)
    assert again.token == "token-2"
    assert desk.progress(again, "ana").mine == 1


def test_an_order_of_a_manifest_that_is_not_there_is_not_opened(bucket: Bucket) -> None:
    said = event(bucket, "label")
    with pytest.raises(OrderError, match=r"round-2/label/input\.manifest: expected the input manifest"):
        open_order({**said, "round": 2}, None)


def test_what_was_done_until_now_is_the_output_of_an_order_that_is_shut_however_often(
    bucket: Bucket, desk: Desk
) -> None:
    said = event(bucket, "label")
    open_order(said, None)
    order = desk.order("first", 1, WorkKind.LABEL)
    drawn, unusable, unanswered = desk.ledger(order).items.values()
    desk.put(order, drawn, "ana", {"boxes": [BOX], "seconds": 2})
    desk.put(order, unusable, "ana", {"unusable": "blurred"})
    address = f"s3://{bucket.name}/{order.output}"
    assert shut_order(said, None) == {"output": address}
    first = output_of(bucket.cloud.session, order, bucket=bucket.name) or []
    assert list(desk.orders()) == []
    assert shut_order(said, None) == {"output": address}
    assert output_of(bucket.cloud.session, order, bucket=bucket.name) == first
    found = [read_label(line, item) for line, item in zip(first, (drawn, unusable, unanswered), strict=True)]
    assert isinstance(found[0], Drawn)
    assert [box.document() for box in found[0].boxes] == [BOX]
    assert isinstance(found[1], Unusable)
    assert (found[1].reason, found[1].people.names) == ("blurred", ("ana",))
    assert isinstance(found[2], Unanswered)


def test_verdicts_come_back_as_they_were_given(bucket: Bucket, desk: Desk) -> None:
    said = event(bucket, "verify", 4)
    open_order(said, None)
    order = desk.order("first", 1, WorkKind.VERIFY)
    items = list(desk.ledger(order).items.values())
    answers = (
        {"verdict": "accept"},
        {"verdict": "reject", "reason": "a dent is missing"},
        {"verdict": "adjust", "boxes": [BOX]},
        {"unusable": "dark"},
    )
    for item, answer in zip(items, answers, strict=True):
        desk.put(order, item, "ben", answer)
    shut_order(said, None)
    lines = output_of(bucket.cloud.session, order, bucket=bucket.name) or []
    found = [read_verification(line, item) for line, item in zip(lines, items, strict=True)]
    verified = [each for each in found if isinstance(each, Verified)]
    assert [each.verdict for each in verified] == ["accept", "reject", "adjust"]
    assert verified[1].reason == "a dent is missing"
    assert isinstance(found[3], Unusable)


def test_an_order_that_was_never_opened_is_shut_all_the_same(bucket: Bucket) -> None:
    said = event(bucket, "label", 1)
    with pytest.raises(OrderError, match=r"settings\.json: expected the settings of a batch"):
        shut_order(said, None)
    bucket.put_object(batch_key("first", "settings.json"), strict_json(said["settings"]).encode())
    output = shut_order(said, None)["output"]
    (line,) = bucket.rows(output.removeprefix(f"s3://{bucket.name}/"))
    (item,) = read_items([strict_json(line)])
    assert isinstance(read_label(line, item), Unanswered)
