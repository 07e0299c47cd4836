"""Items are given to people, one place to one person, however many servers there are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cloud_side.labeling.items import Item
from cloud_side.labeling.work.answers import AnswerError
from cloud_side.labeling.work.desk import ClosedError, Desk, HeldError, NotYoursError
from cloud_side.labeling.work.finishing import close, remove
from cloud_side.labeling.work.leases import LEASE
from cloud_side.labeling.work.orders import Closing, Order
from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import put_items, put_order
from tests.cloud.labeling.work.mortal import Killed, Mortal

NO_DEFECT = {"no_defect": True}
START = datetime.now(UTC)


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(bucket: Bucket, clock: Clock) -> Desk:
    return Desk(bucket, now=clock)


@pytest.fixture
def opened(session: boto3.Session, batch: str) -> Callable[..., Order]:
    def open_(items: list[Item], **more: Any) -> Order:
        return put_order(session, items, batch=batch, **more)

    return open_


@pytest.fixture(scope="session")
def items(session: boto3.Session) -> list[Item]:
    return put_items(session, 4)


def given(desk: Desk, order: Order, person: str, after: str | None = None) -> str | None:
    found = desk.next(order, person, after)
    return None if found is None else found[0].sha256


def test_people_get_items_in_the_order_of_the_manifest_and_never_the_same(
    desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items)
    assert [given(desk, order, person) for person in ("ana", "ben", "eva")] == [item.sha256 for item in items[:3]]


def test_who_asks_again_gets_the_item_that_they_hold(
    desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items)
    assert given(desk, order, "ana") == given(desk, order, "ana") == items[0].sha256


def test_who_skips_gets_what_comes_after_and_the_skipped_one_at_the_end(
    desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:2])
    desk.release(order, items[0], "ana")
    assert given(desk, order, "ana", after=items[0].sha256) == items[1].sha256
    desk.put(order, items[1], "ana", NO_DEFECT)
    assert given(desk, order, "ana", after=items[1].sha256) == items[0].sha256


def test_what_is_given_back_is_there_for_others_on_every_server(
    bucket: Bucket, desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order, other = opened(items[:1]), Desk(bucket)
    assert given(desk, order, "ana") == items[0].sha256
    assert given(other, order, "ben") is None
    desk.release(order, items[0], "ana")
    assert given(other, order, "ben") == items[0].sha256


def test_a_lease_that_ran_out_is_taken_over_and_whoever_had_it_is_told(
    desk: Desk, clock: Clock, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:1])
    assert given(desk, order, "ana") == items[0].sha256
    clock.now += LEASE - timedelta(seconds=1)
    assert given(desk, order, "ben") is None
    clock.now += timedelta(seconds=2)
    assert given(desk, order, "ben") == items[0].sha256
    with pytest.raises(HeldError, match="others work on this image: ben until"):
        desk.put(order, items[0], "ana", NO_DEFECT)
    with pytest.raises(HeldError):
        desk.lease(order, items[0], "ana")


def test_a_late_answer_counts_as_long_as_nobody_took_over(
    desk: Desk, clock: Clock, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:1])
    given(desk, order, "ana")
    clock.now += 2 * LEASE
    assert desk.put(order, items[0], "ana", NO_DEFECT).is_complete()


def test_an_image_that_several_label_is_given_to_as_many(
    desk: Desk, clock: Clock, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:1], workers=2)
    assert given(desk, order, "ana") == items[0].sha256
    desk.put(order, items[0], "ana", NO_DEFECT)
    assert given(desk, order, "ana") is None
    clock.now += 2 * LEASE  # whoever has answered keeps their place
    assert given(desk, order, "ben") == items[0].sha256
    assert given(desk, order, "eva") is None
    desk.put(order, items[0], "ben", NO_DEFECT)
    with pytest.raises(HeldError, match="all of its answers: 2 of 2"):
        desk.put(order, items[0], "eva", NO_DEFECT)


def test_who_labeled_does_not_verify(desk: Desk, session: boto3.Session, batch: str) -> None:
    items = put_items(session, 2, excluded=("ana",))
    order = put_order(session, items, kind="verify", batch=batch)
    assert given(desk, order, "ana") is None
    assert desk.progress(order, "ana").excluded == 2
    with pytest.raises(NotYoursError, match="another person verifies it"):
        desk.put(order, items[0], "ana", {"verdict": "accept"})
    assert given(desk, order, "ben") == items[0].sha256


def test_one_person_alone_may_verify_where_the_batch_says_so(desk: Desk, session: boto3.Session, batch: str) -> None:
    items = put_items(session, 1, excluded=("ana",))
    order = put_order(session, items, kind="verify", batch=batch, second_person=False)
    assert given(desk, order, "ana") == items[0].sha256


def test_the_last_answer_of_a_person_counts_and_the_same_again_changes_nothing(
    desk: Desk, clock: Clock, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:2])
    desk.put(order, items[0], "ana", NO_DEFECT)
    first = desk.answer_of(order, items[0], "ana")
    clock.now += timedelta(minutes=1)
    desk.put(order, items[0], "ana", {**NO_DEFECT, "seconds": 9})
    assert desk.answer_of(order, items[0], "ana") == first
    desk.put(order, items[0], "ana", {"unusable": "blurred"})
    changed = desk.answer_of(order, items[0], "ana")
    assert changed is not None
    assert (changed.unusable, changed.at) == ("blurred", clock.now)


def test_an_answer_that_is_turned_down_takes_no_place(
    desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:1])
    with pytest.raises(AnswerError):
        desk.put(order, items[0], "ana", {})
    assert given(desk, order, "ben") == items[0].sha256


def test_a_closed_order_takes_no_answer_that_was_not_counted(
    desk: Desk, bucket: Bucket, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:3])
    desk.put(order, items[0], "ana", NO_DEFECT)
    close(bucket, order, Closing.SHUT)
    with pytest.raises(ClosedError):
        desk.order(order.batch, order.round, order.kind)
    for item in items[:2]:  # who had asked for the order before it was closed
        with pytest.raises(ClosedError):
            desk.put(order, item, "ana", {"unusable": "blurred"})
    remove(bucket, order)
    with pytest.raises(ClosedError):
        desk.put(order, items[2], "ben", NO_DEFECT)


@pytest.mark.parametrize("is_gone", [False, True])
def test_the_answer_that_completed_an_order_counts_though_it_was_closed_at_once(
    bucket: Bucket, opened: Callable[..., Order], items: list[Item], *, is_gone: bool
) -> None:
    class Hasty(Bucket):
        """Another server finishes the order before this one looks again."""

        def write(self, key: str, content: Any, **more: Any) -> str | None:
            written = super().write(key, content, **more)
            if "/answers/" in key:
                close(bucket, order, Closing.COMPLETE)
                if is_gone:
                    remove(bucket, order)
            return written

    order = opened(items[:1])
    assert Desk(Hasty(bucket.s3, bucket.name)).put(order, items[0], "ana", NO_DEFECT).is_complete()


@pytest.mark.parametrize("calls", range(3))
def test_a_server_that_is_killed_while_it_takes_an_answer_leaves_nothing_half_done(
    bucket: Bucket, opened: Callable[..., Order], items: list[Item], calls: int
) -> None:
    order, mortal = opened(items[:1]), Mortal(bucket.s3, [None] * calls)
    try:
        Desk(Bucket(mortal, bucket.name)).put(order, items[0], "ana", NO_DEFECT)
        assert calls == 2
    except Killed:
        pass
    again = Desk(bucket)
    assert given(again, order, "ben") == (items[0].sha256 if calls == 0 else None)
    again.release(order, items[0], "ben")
    assert again.put(order, items[0], "ana", NO_DEFECT).is_complete()
    assert len(list(bucket.listed(f"{order.prefix}answers/"))) == 1


def test_progress_tells_what_is_done_what_is_mine_and_what_others_hold(
    bucket: Bucket, desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items)
    desk.put(order, items[0], "ana", NO_DEFECT)
    given(desk, order, "ben")
    assert desk.progress(order, "ana").document() == {"items": 4, "answered": 1, "mine": 1, "waiting": 1, "excluded": 0}
    ((_, elsewhere),) = [each for each in Desk(bucket).listed("ben") if each[0].batch == order.batch]
    assert elsewhere.document() == {"items": 4, "answered": 1, "mine": 0, "waiting": 0, "excluded": 0}


def test_an_order_that_cannot_be_read_hides_no_others(
    bucket: Bucket, desk: Desk, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:1])
    bucket.write("labeling/open/broken.json", b"{}")
    bucket.write("labeling/open/lost.json", order.content().replace(order.input.encode(), b"nowhere.manifest"))
    try:
        assert order.batch in [each.batch for each, _ in desk.listed("ana")]
    finally:
        bucket.remove("labeling/open/broken.json")
        bucket.remove("labeling/open/lost.json")


def test_two_servers_never_give_one_place_to_two_people(
    bucket: Bucket, opened: Callable[..., Order], items: list[Item]
) -> None:
    order = opened(items[:3], workers=2)
    desks = [Desk(bucket), Desk(bucket)]
    people = [f"person-{number}" for number in range(4)]

    def work(number: int) -> list[str]:
        desk, done = desks[number % 2], []
        while (sha256 := given(desk, order, people[number])) is not None:
            desk.put(order, desk.item(order, sha256), people[number], NO_DEFECT)
            done.append(sha256)
        return done

    with ThreadPoolExecutor(len(people)) as threads:
        done = list(threads.map(work, range(len(people))))
    answered = [each.key.split("/")[-2] for each in bucket.listed(f"{order.prefix}answers/")]
    assert sorted(sha256 for some in done for sha256 in some) == sorted(answered)
    assert {answered.count(item.sha256) for item in items[:3]} == {2}


def test_hundreds_of_items_are_one_listing_and_each_next_is_a_few_requests(
    bucket: Bucket, session: boto3.Session, opened: Callable[..., Order], items: list[Item]
) -> None:
    asked: list[str] = []
    client = session.client("s3")
    client.meta.events.register("before-parameter-build.s3", lambda model, **_: asked.append(model.name))
    desk = Desk(Bucket(client, bucket.name))
    order = opened(items)
    given(desk, order, "ana")
    asked.clear()
    desk.put(order, items[0], "ana", NO_DEFECT)
    given(desk, order, "ana")
    assert len(asked) <= 12, asked
