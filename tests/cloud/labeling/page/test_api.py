"""The API as a scripted labeler uses it."""

import hashlib
import time
from dataclasses import replace
from typing import Any

import boto3
import pytest

from cloud_side.labeling.items import Item
from cloud_side.labeling.work.orders import Order
from tests.cloud.labeling.orders import (
    BUCKET,
    PATIENCE_S,
    Served,
    output_of,
    picture,
    put_items,
    put_order,
    s3_of,
    served,
)
from tests.cloud.labeling.page.asking import Asker

BOX = {"label": "dent", "x": 10, "y": 20, "width": 30, "height": 40}
NO_DEFECT = {"no_defect": True, "seconds": 2.5}


SHA256 = hashlib.sha256(picture(0)).hexdigest()


@pytest.fixture(scope="module")
def one(session: boto3.Session, items: list[Item]) -> Order:
    """Return an order of the first item that nobody answers."""
    return put_order(session, items[:1], batch="one")


def path_of(order: Order, item: Item | None = None, what: str = "") -> str:
    order_path = f"/api/orders/{order.batch}/{order.round}/{order.kind.value}"
    return f"{order_path}{what}" if item is None else f"{order_path}/items/{item.sha256}{what}"


def finished(session: boto3.Session, order: Order) -> list[dict[str, Any]]:
    """Return the output manifest, once the page has closed the order."""
    end = time.monotonic() + PATIENCE_S
    while s3_of(session).list_objects_v2(Bucket=BUCKET, Prefix=order.key)["KeyCount"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    return output_of(session, order) or []


def test_who_asks_is_told_their_name(ana: Asker) -> None:
    assert ana.ask("GET", "/api/me").document == {"name": "ana"}


def test_an_order_goes_from_the_list_to_its_output(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:2], batch=batch)
    (listed,) = [each for each in ana.ask("GET", "/api/orders").document if each["batch"] == batch]
    assert (listed["kind"], listed["items"], listed["answered"], listed["class_names"]) == (
        "label",
        2,
        0,
        ["dent", "scratch"],
    )
    answers = ({"boxes": [BOX], "seconds": 4}, NO_DEFECT)
    for done, answer in enumerate(answers, 1):
        item = ana.ask("POST", path_of(order, what="/next"), {}).document
        told = ana.ask("PUT", f"{path_of(order)}/items/{item['item']}/answer", answer)
        assert (told.status, told.document["answered"], told.document["mine"]) == (200, done, done)
    boxes, none = finished(session, order)
    assert boxes["label"]["annotations"] == [{"class_id": 0, "left": 10, "top": 20, "width": 30, "height": 40}]
    assert none["label"]["annotations"] == []
    told = ana.ask("POST", path_of(order, what="/next"), {})
    assert (told.status, told.document) == (410, {"error": "this work is closed: all is answered, or its time is up"})


def test_an_item_comes_with_all_that_a_person_needs(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch)
    item = ana.ask("POST", path_of(order, what="/next")).document
    assert (item["width"], item["height"], item["group"]) == (320, 240, "part-0")
    assert item["boxes"] == [
        {"label": "scratch", "x": 40, "y": 60, "width": 120, "height": 30, "source": "model", "confidence": 0.8}
    ]
    assert item["origin"]["station"] == "press-7"
    image = ana.ask("GET", item["image"])
    assert (image.status, image.content, image.headers["Content-Type"]) == (200, picture(0), "image/png")
    assert image.headers["Cache-Control"].startswith("private")
    assert ana.ask("GET", item["image"], If_None_Match=image.headers["ETag"]).status == 304


def test_a_picture_that_was_replaced_since_is_not_shown(
    session: boto3.Session, batch: str, ana: Asker, items: list[Item]
) -> None:
    key = "samples/replaced.png"
    s3_of(session).put_object(Bucket=BUCKET, Key=key, Body=b"<svg onload='alert(1)'/>", ContentType="image/svg+xml")
    order = put_order(session, [replace(items[0], source_ref=f"s3://{BUCKET}/{key}")], batch=batch)
    told = ana.ask("GET", path_of(order, items[0], "/image"))
    assert (told.status, "another picture is there now" in told.document["error"]) == (404, True)


def test_what_is_no_picture_is_given_as_nothing_that_a_browser_would_run(
    session: boto3.Session, batch: str, ana: Asker, items: list[Item]
) -> None:
    page = b"<html><script>alert(1)</script></html>"
    s3_of(session).put_object(Bucket=BUCKET, Key="samples/page.png", Body=page, ContentType="text/html")
    item = replace(items[0], source_ref=f"s3://{BUCKET}/samples/page.png", sha256=hashlib.sha256(page).hexdigest())
    told = ana.ask("GET", path_of(put_order(session, [item], batch=batch), item, "/image"))
    assert (told.status, told.headers["Content-Type"]) == (200, "application/octet-stream")
    assert told.headers["X-Content-Type-Options"] == "nosniff"


def test_what_was_rejected_comes_back_with_the_reason(session: boto3.Session, batch: str, ana: Asker) -> None:
    items = put_items(session, 1, note="the scratch is longer")
    order = put_order(session, items, batch=batch, round=2)
    assert ana.ask("POST", path_of(order, what="/next")).document["note"] == "the scratch is longer"


def test_an_answer_can_be_looked_at_and_changed_while_the_order_is_open(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:2], batch=batch)
    assert ana.ask("PUT", path_of(order, items[0], "/answer"), NO_DEFECT).status == 200
    assert ana.ask("GET", path_of(order, items[0])).document["answer"] == {"no_defect": True, "boxes": []}
    assert ana.ask("PUT", path_of(order, items[0], "/answer"), {"boxes": [BOX]}).status == 200
    assert ana.ask("GET", path_of(order, items[0])).document["answer"] == {"no_defect": False, "boxes": [BOX]}


def test_nobody_gets_what_another_holds_until_it_is_given_back(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker, ben: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch)
    taken = ana.ask("POST", path_of(order, what="/next")).document
    assert ben.ask("POST", path_of(order, what="/next")).status == 204
    held = ben.ask("PUT", path_of(order, items[0], "/answer"), NO_DEFECT)
    assert held.status == 409
    assert held.document["error"].startswith("others work on this image: ana until")
    renewed = ana.ask("POST", path_of(order, items[0], "/lease")).document["lease_until"]
    assert renewed > taken["lease_until"]
    assert ana.ask("DELETE", path_of(order, items[0], "/lease")).status == 204
    assert ben.ask("POST", path_of(order, what="/next"), {"after": items[0].sha256}).status == 200


def test_who_labeled_is_told_that_another_person_verifies(
    session: boto3.Session, batch: str, ana: Asker, ben: Asker
) -> None:
    (item,) = put_items(session, 1, excluded=("ana",))
    order = put_order(session, [item], kind="verify", batch=batch)
    assert ana.ask("POST", path_of(order, what="/next")).status == 204
    assert ana.ask("PUT", path_of(order, item, "/answer"), {"verdict": "accept"}).status == 403
    assert ben.ask("PUT", path_of(order, item, "/answer"), {"verdict": "accept"}).status == 200
    (line,) = finished(session, order)
    assert line["verification"] == 0


def test_a_wrong_answer_is_turned_down_in_words(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch)
    told = ana.ask("PUT", path_of(order, items[0], "/answer"), {"boxes": [{**BOX, "x": 300}]})
    assert (told.status, told.document["error"][:30]) == (422, "box 1: reaches outside the ima")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 422),
        (b"[" * 100_000, {}, 422),
        (b'{"no_defect": true}', {"Content_Type": "text/plain"}, 415),
        (b" " * 300_000, {}, 413),
        (b'{"seconds": NaN}', {}, 422),
        (b"", {}, 422),
    ],
)
def test_a_body_that_is_no_answer_is_turned_down(
    one: Order, ana: Asker, body: bytes, headers: dict[str, str], status: int
) -> None:
    told = ana.ask("PUT", f"{path_of(one)}/items/{SHA256}/answer", body, **headers)
    assert (told.status, bool(told.document["error"])) == (status, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/orders/nowhere/1/label/items/x", 410),
        ("GET", "/api/orders/nowhere/one/label/items/x", 410),
        ("GET", "/api/orders/nowhere/1/paint/items/x", 410),
        ("GET", "/api/orders/a%22b/1/label/items/x", 410),
        ("GET", "/api/batches/a%22b/agreement", 404),
        ("GET", "/api/batches/../agreement", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/me", 405),
    ],
)
def test_what_is_not_there_is_said_to_be_so(ana: Asker, method: str, path: str, status: int) -> None:
    told = ana.ask(method, path)
    assert (told.status, list(told.document)) == (status, ["error"])


def test_an_image_of_another_order_is_not_there(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch)
    assert ana.ask("GET", path_of(order, items[1], "/image")).status == 404
    s3_of(session).delete_object(Bucket=BUCKET, Key=order.key)
    assert ana.ask("GET", path_of(order, items[0], "/image")).status == 410


def test_an_order_whose_manifest_is_gone_says_so(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch)
    s3 = s3_of(session)
    s3.delete_object(Bucket=BUCKET, Key=order.input)
    told = ana.ask("POST", path_of(order, what="/next"))
    s3.delete_object(Bucket=BUCKET, Key=order.key)
    assert told.status in {503, 200}  # 200 where the page had read it before
    assert told.status == 200 or "input.manifest" in told.document["error"]


def test_agreement_is_told_while_people_work_and_after(
    session: boto3.Session, items: list[Item], batch: str, ana: Asker, ben: Asker
) -> None:
    order = put_order(session, items[:1], batch=batch, workers=2)
    path = f"/api/batches/{batch}/agreement"
    assert ana.ask("GET", path).document["pairs"] == []
    for person in (ana, ben):
        assert person.ask("PUT", path_of(order, items[0], "/answer"), {"boxes": [BOX]}).status == 200
    finished(session, order)
    (pair,) = ana.ask("GET", path).document["pairs"]
    assert (pair["people"], pair["matched"], pair["mean_iou"]) == (["ana", "ben"], 1, 1.0)


def test_a_page_that_starts_anew_goes_on_where_the_last_one_was(
    session: boto3.Session, items: list[Item], batch: str, page: Served, tmp_path_factory: pytest.TempPathFactory
) -> None:
    order = put_order(session, items[:2], batch=batch)
    ana = Asker.of_link(page.links["ana"])
    ana.ask("PUT", path_of(order, items[0], "/answer"), NO_DEFECT)
    with served(session, tmp_path_factory.mktemp("again"), ("ben",)) as again:
        ben = Asker.of_link(again.links["ben"])
        assert ben.ask("POST", path_of(order, what="/next")).document["item"] == items[1].sha256
        assert ben.ask("PUT", path_of(order, items[1], "/answer"), NO_DEFECT).status == 200
        assert [line["label-metadata"]["edge-inspector"]["workers"] for line in finished(session, order)] == [
            ["ana"],
            ["ben"],
        ]
