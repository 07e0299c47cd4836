"""An order ends with an output manifest and a word to its execution, whatever is killed in between."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cloud_side.catalog.augmented import read_boxes
from cloud_side.labeling.items import Item
from cloud_side.labeling.page.finisher import Finisher
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.finishing import close, finish
from cloud_side.labeling.work.opening import open_work
from cloud_side.labeling.work.orders import Closing, Order, OrderError, read_order
from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import OPENED_AT, output_of, put_items, put_order
from tests.cloud.labeling.work.mortal import Killed, Mortal

BOX = {"label": "dent", "x": 10, "y": 20, "width": 30, "height": 40}
ANSWERS: tuple[dict[str, Any], ...] = ({"boxes": [BOX], "seconds": 2}, {"no_defect": True}, {"unusable": "blurred"})


class States:
    """Step Functions as far as an order needs it: tokens that somebody waits for, until they are answered."""

    def __init__(self, *tokens: str) -> None:
        self.waiting = set(tokens)
        self.heard: list[tuple[str, str]] = []

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - boto3's own
        self.send_task_heartbeat(taskToken=taskToken)
        self.waiting.remove(taskToken)
        self.heard.append((taskToken, output))

    def send_task_heartbeat(self, *, taskToken: str) -> None:  # noqa: N803 - as above
        if taskToken not in self.waiting:
            raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": "gone"}}, "SendTask")


@pytest.fixture(scope="session")
def items(session: boto3.Session) -> list[Item]:
    return put_items(session, 3)


@pytest.fixture
def answered(session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]) -> Order:
    """Return an order whose items all have their answers."""
    order, desk = put_order(session, items, batch=batch), Desk(bucket)
    for item, answer in zip(items, ANSWERS, strict=True):
        desk.put(order, item, "ana", answer)
    return order


def test_a_complete_order_is_written_told_and_gone(session: boto3.Session, bucket: Bucket, answered: Order) -> None:
    states = States("token")
    assert finish(bucket, states, Desk(bucket).ledger(answered))
    assert states.heard == [("token", f'{{"output":"s3://edge-inspector/{answered.output}"}}')]
    assert bucket.read(answered.key) is None
    boxes, none, unusable = output_of(session, answered) or []
    (box,) = read_boxes(boxes["label"], boxes["label-metadata"])
    assert box.document() == BOX
    assert boxes["label-metadata"]["edge-inspector"] == {"workers": ["ana"], "seconds": [2.0]}
    assert none["label"]["annotations"] == []
    assert "label" not in unusable
    assert unusable["label-metadata"]["failure-reason"] == "blurred"
    assert unusable["label-metadata"]["edge-inspector"]["unusable"] == "blurred"


def test_an_order_that_lacks_an_answer_stays_open(
    session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]
) -> None:
    order = put_order(session, items, batch=batch)
    assert not finish(bucket, States("token"), Desk(bucket).ledger(order))
    assert bucket.read(order.key) is not None


@pytest.mark.parametrize("calls", range(5))
def test_a_kill_at_any_call_changes_nothing_in_the_outcome(
    session: boto3.Session, bucket: Bucket, answered: Order, calls: int
) -> None:
    states, left = States("token"), [None] * calls
    mortal = Bucket(Mortal(bucket.s3, left), bucket.name)
    try:
        finish(mortal, Mortal(states, left), Desk(bucket).ledger(answered))
        assert calls == 4
    except Killed:
        assert bucket.read(answered.key) is not None
        Finisher(Desk(bucket), states).look()
    assert [token for token, _ in states.heard] == ["token"]
    assert bucket.read(answered.key) is None
    assert len(output_of(session, answered) or []) == 3


def test_the_manifest_says_the_same_whenever_it_is_written(
    session: boto3.Session, bucket: Bucket, answered: Order
) -> None:
    close(bucket, answered, Closing.COMPLETE)
    first = output_of(session, answered)
    close(bucket, answered, Closing.COMPLETE)
    assert output_of(session, answered) == first


def test_an_execution_that_gave_up_waiting_closes_its_order(bucket: Bucket, answered: Order) -> None:
    assert finish(bucket, States(), Desk(bucket).ledger(answered))
    assert bucket.read(answered.key) is None


def test_an_order_that_another_task_waits_for_meanwhile_is_left_to_it(bucket: Bucket, answered: Order) -> None:
    desk = Desk(bucket)
    ledger = desk.ledger(answered)
    newer = read_order(answered.content().replace(b'"token":"token"', b'"token":"newer"'))
    open_work(bucket, newer)
    finish(bucket, States("newer"), ledger)
    assert desk.order(answered.batch, 1, answered.kind).token == "newer"
    states = States("newer")
    Finisher(desk, states).look()
    assert [token for token, _ in states.heard] == ["newer"]


def test_an_order_that_is_being_shut_is_left_to_whoever_shuts_it(
    session: boto3.Session, bucket: Bucket, answered: Order
) -> None:
    ledger, states = Desk(bucket).ledger(answered), States("token")
    bucket.write(answered.key, answered.closed(Closing.SHUT).content())
    assert not finish(bucket, states, ledger)
    assert (output_of(session, answered), states.heard) == (None, [])
    bucket.remove(answered.key)
    assert not finish(bucket, states, ledger)
    assert output_of(session, answered) is None


def test_an_order_that_is_opened_anew_while_it_is_removed_stays(bucket: Bucket, answered: Order) -> None:
    newer = read_order(answered.content().replace(b'"token":"token"', b'"token":"newer"'))

    class Late(Bucket):
        """Has another open the order between the look at it and its deletion."""

        def remove(self, key: str, *, only: str | None = None) -> None:
            open_work(bucket, newer)
            super().remove(key, only=only)

    finish(Late(bucket.s3, bucket.name), States("token"), Desk(bucket).ledger(answered))
    assert Desk(bucket).order(answered.batch, 1, answered.kind).token == "newer"
    bucket.remove(answered.key)


def test_opening_again_changes_nothing_and_a_call_that_comes_late_neither(bucket: Bucket, answered: Order) -> None:
    def reopened(token: str, days: int) -> str:
        late = answered.closes_at + timedelta(days=days)
        document = answered.content().replace(b'"token":"token"', f'"token":"{token}"'.encode())
        open_work(bucket, read_order(document.replace(_told(answered.closes_at), _told(late))))
        kept = bucket.read(answered.key)
        assert kept is not None
        return read_order(kept.content).token

    assert reopened("token", 0) == "token"
    assert reopened("late", -1) == "token"
    assert reopened("redriven", 0) == "redriven"


@pytest.mark.usefixtures("answered")
def test_one_order_that_cannot_be_finished_keeps_no_other_from_it_and_is_told_once(
    session: boto3.Session, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    lost = put_order(session, [], batch="a-lost-one", token="lost")
    bucket.remove(lost.input)
    states = States("token")
    finisher = Finisher(Desk(bucket), states)
    finisher.look()
    finisher.look()
    bucket.remove(lost.key)
    assert [token for token, _ in states.heard] == ["token"]
    assert caplog.text.count("cannot be finished, tried again") == 1


def test_an_order_whose_execution_was_stopped_goes_after_a_while(
    session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]
) -> None:
    order = put_order(session, items, batch=batch, token="stopped")
    waited = put_order(session, items, batch=batch, round=2, token="waited")
    seconds = [0.0]
    finisher = Finisher(Desk(bucket), States("waited"), clock=lambda: seconds[0])
    finisher.look()
    assert bucket.read(order.key) is not None
    seconds[0] = 601.0
    finisher.look()
    assert bucket.read(order.key) is None
    assert bucket.read(waited.key) is not None
    bucket.remove(waited.key)


def test_several_labelers_become_one_label(
    session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]
) -> None:
    order, desk = put_order(session, items[:2], batch=batch, workers=3), Desk(bucket)
    for person, left in (("ana", 10), ("ben", 12), ("eva", 14)):
        desk.put(order, items[0], person, {"boxes": [{**BOX, "x": left}]})
    for person, answer in (
        ("ana", {"unusable": "dark"}),
        ("ben", {"no_defect": True}),
        ("eva", {"unusable": "blurred"}),
    ):
        desk.put(order, items[1], person, answer)
    close(bucket, order, Closing.COMPLETE)
    label, unusable = output_of(session, order) or []
    assert label["label"]["annotations"][0]["left"] == 12
    assert label["label-metadata"]["objects"] == [{"confidence": 1.0}]
    assert label["label-metadata"]["edge-inspector"]["workers"] == ["ana", "ben", "eva"]
    assert unusable["label-metadata"]["failure-reason"] == "dark"
    assert unusable["label-metadata"]["edge-inspector"]["workers"] == ["ana", "eva"]


def test_verdicts_are_written_as_ground_truth_writes_them(
    session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]
) -> None:
    order, desk = put_order(session, items, kind="verify", batch=batch), Desk(bucket)
    answers = ({"verdict": "accept"}, {"verdict": "reject", "reason": "missing"}, {"verdict": "adjust", "boxes": [BOX]})
    for item, answer in zip(items, answers, strict=True):
        desk.put(order, item, "ben", answer)
    close(bucket, order, Closing.COMPLETE)
    accepted, rejected, adjusted = output_of(session, order) or []
    assert [line["verification"] for line in (accepted, rejected, adjusted)] == [0, 1, 0]
    names = [line["verification-metadata"]["class-name"] for line in (accepted, rejected, adjusted)]
    assert names == ["accept", "reject", "adjust"]
    assert rejected["verification-metadata"]["edge-inspector"]["reason"] == "missing"
    assert read_boxes(adjusted["adjusted"], adjusted["adjusted-metadata"])[0].document() == BOX
    assert "adjusted" not in accepted


def test_what_nobody_answered_says_so_in_the_manifest(
    session: boto3.Session, bucket: Bucket, batch: str, items: list[Item]
) -> None:
    order, desk = put_order(session, items, batch=batch), Desk(bucket)
    desk.put(order, items[1], "ana", {"no_defect": True})
    bucket.write(f"{order.prefix}answers/{items[2].sha256}/eva.json", b"what nobody can read")
    close(bucket, order, Closing.SHUT)
    first, second, third = output_of(session, order) or []
    for line in (first, third):
        assert "label" not in line
        assert line["label-metadata"]["failure-reason"] == "nobody answered in time"
        assert datetime.fromisoformat(line["label-metadata"]["creation-date"]).replace(tzinfo=UTC) == OPENED_AT
    assert second["label"]["annotations"] == []


def test_a_lost_manifest_is_named(session: boto3.Session, bucket: Bucket, batch: str) -> None:
    order = put_order(session, [], batch=batch)
    bucket.remove(order.input)
    with pytest.raises(OrderError, match=r"input\.manifest: expected the input manifest"):
        close(bucket, order, Closing.SHUT)
    bucket.remove(order.key)


def test_an_order_without_items_is_complete(session: boto3.Session, bucket: Bucket, batch: str) -> None:
    order = put_order(session, [], batch=batch)
    assert finish(bucket, States("token"), Desk(bucket).ledger(order))
    assert output_of(session, order) == []


def _told(at: datetime) -> bytes:
    return at.isoformat().replace("+00:00", "Z").encode()
