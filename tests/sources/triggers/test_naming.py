"""Which part it is: names by trigger, announcement, PLC and count."""

from datetime import UTC, datetime

import pytest

from edge_inspector.errors import RefusedError
from edge_inspector.sources.triggers.naming import MOST_ANNOUNCED, Announcements, PartIdentity, PartNames
from edge_inspector.sources.triggers.signal import Trigger

STARTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MINUTE_NS = 60_000_000_000


def names(announced: Announcements | None = None, deadline_ms: float | None = None) -> PartNames:
    return PartNames(STARTED, announced or Announcements(), deadline_ms=deadline_ms)


def test_a_part_of_which_nothing_is_known_has_the_start_of_the_session_and_a_number() -> None:
    parts = names()
    assert [parts.name(0).part_id for _ in range(3)] == [f"20260304T050607-{n:06d}" for n in range(3)]


def test_what_the_trigger_says_comes_before_what_was_announced_and_that_before_the_plc() -> None:
    announced = Announcements()
    announced.announce("announced", "lot-1", "blue")
    parts = names(announced)
    plc = PartIdentity("read", "lot-2", "red")
    first = parts.name(0, trigger=Trigger(0, "own", None, "green"), identify=lambda _: plc)
    assert (first.part_id, first.lot, first.product) == ("own", "lot-1", "green")
    second = parts.name(1, trigger=Trigger(1), identify=lambda _: plc)
    assert (second.part_id, second.lot, second.product) == ("announced", "lot-1", "blue")
    third = parts.name(2, identify=lambda _: plc)
    assert (third.part_id, third.lot, third.product) == ("read", "lot-1", "blue")


def test_parts_come_as_they_were_announced_and_lot_and_product_stay_until_told_otherwise() -> None:
    announced = Announcements()
    assert announced.announce("A", "lot-1", None) == 1
    assert announced.announce("B", None, "blue") == 2
    assert announced.announce(None, "lot-2", None) == 2
    parts = names(announced)
    found = [parts.name(0) for _ in range(3)]
    assert [(tag.part_id, tag.lot, tag.product) for tag in found] == [
        ("A", "lot-1", None),
        ("B", "lot-1", "blue"),
        ("20260304T050607-000000", "lot-2", "blue"),
    ]


def test_more_parts_than_a_line_has_cannot_be_announced() -> None:
    announced = Announcements()
    for number in range(MOST_ANNOUNCED):
        announced.announce(str(number), None, None)
    with pytest.raises(RefusedError, match="100 parts are announced already"):
        announced.announce("one more", None, None)
    assert announced.announce(None, "lot-9", None) == MOST_ANNOUNCED


def test_a_name_that_comes_again_at_once_is_told_apart_so_that_no_part_is_taken_for_a_late_frame() -> None:
    parts = names()
    found = [parts.name(at_ns, trigger=Trigger(at_ns, "A")).part_id for at_ns in (0, 10**9, 2 * 10**9)]
    assert found == ["A", "A~2", "A~3"]


def test_a_part_that_comes_again_after_rework_has_its_own_name() -> None:
    parts = names()
    found = [parts.name(at_ns, trigger=Trigger(at_ns, "A")).part_id for at_ns in (0, MINUTE_NS)]
    assert found == ["A", "A"]


def test_where_parts_stay_open_for_longer_their_names_are_told_apart_for_longer() -> None:
    parts = names(deadline_ms=60_000)
    found = [parts.name(at_ns, trigger=Trigger(at_ns, "A")).part_id for at_ns in (0, MINUTE_NS)]
    assert found == ["A", "A~2"]
