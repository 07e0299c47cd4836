import threading
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.errors import InspectorError
from edge_inspector.events import Json
from edge_inspector.pipeline.accounts import LOST, Accounts, FrameCounts, PartCounts
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.pipeline.options import Surroundings
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.fakes import ScriptedDetector, ScriptedSource, belt_frame, damaged_part, defect, part
from tests.pipeline.line import line


class Record:
    """Keeps what it is given, as a journal does, without a disk."""

    def __init__(self) -> None:
        self.groups: list[tuple[list[Message], Mapping[str, Json] | None]] = []

    def append(self, messages: Sequence[Message], *, accounts: Mapping[str, Json] | None = None) -> None:
        self.groups.append((list(messages), accounts))

    def accounts(self) -> list[Accounts]:
        return [Accounts.parse(accounts) for _, accounts in self.groups if accounts is not None]


class CountingTally:
    def __init__(self) -> None:
        self.frames = self.parts = 0

    def add_frames(self, count: int = 1) -> None:
        self.frames += count

    def add_parts(self, count: int = 1) -> None:
        self.parts += count


counts = st.integers(0, 1000)
by_cause = st.dictionaries(st.sampled_from(["stale", "frozen", "stopped"]), st.integers(1, 50))


@st.composite
def accounts(draw: st.DrawFn) -> Accounts:
    inspected, in_flight, parts_in_flight = draw(counts), draw(counts), draw(counts)
    dropped, outcomes = draw(by_cause), draw(by_cause)
    return Accounts(
        FrameCounts(inspected + sum(dropped.values()) + in_flight, inspected, dropped, in_flight),
        PartCounts(sum(outcomes.values()) + parts_in_flight, outcomes, draw(by_cause), parts_in_flight),
        draw(st.integers(0, 9)),
    )


@given(accounts())
def test_accounts_come_back_as_they_were_written(before: Accounts) -> None:
    assert Accounts.parse(before.document()) == before


@given(accounts(), counts, counts)
def test_what_a_restart_swallowed_is_counted_and_the_sums_hold(before: Accounts, more: int, parts_more: int) -> None:
    captured, seen = before.frames.captured + more, before.parts.seen + parts_more
    after, lost_frames, lost_parts = before.after_restart(captured=captured, seen=seen)
    assert after.frames.adds_up
    assert after.parts.adds_up
    assert (after.frames.captured, after.parts.seen) == (captured, seen)
    assert (after.frames.in_flight, after.parts.in_flight) == (0, 0)
    assert lost_frames == before.frames.in_flight + more == after.frames.dropped.get(LOST, 0)
    assert lost_parts == before.parts.in_flight + parts_more == after.parts.no_verdict.get(LOST, 0)


def test_counters_that_a_power_loss_took_back_never_lose_what_the_journal_knows() -> None:
    before = Accounts(FrameCounts(10, 10), PartCounts(10, {"accept": 10}), 1)
    after, lost_frames, lost_parts = before.after_restart(captured=3, seen=0)
    assert (after.frames.captured, after.parts.seen, lost_frames, lost_parts) == (10, 10, 0, 0)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"frames": {}, "parts": {}, "sessions": 1},
        Accounts(FrameCounts(5, 3)).document(),
        Accounts(parts=PartCounts(1)).document(),
    ],
)
def test_accounts_that_are_none_or_do_not_add_up_are_refused(document: dict[str, Json]) -> None:
    with pytest.raises(InspectorError, match="expected both ledgers"):
        Accounts.parse(document)


def test_each_result_goes_on_record_together_with_the_accounts_in_which_it_counts() -> None:
    record, tally = Record(), CountingTally()
    before = Accounts(FrameCounts(100, 90, {"stale": 10}), PartCounts(90, {"accept": 90}), 4)
    ledger = Ledger(before, tally)
    source = ScriptedSource([part(0), damaged_part(1), part(2), part(3)])
    flow = line(source, ScriptedDetector({2: defect(0.9)}), surroundings=Surroundings(ledger=ledger), record=record)
    totals = flow.run()
    seen = 90
    for messages, document in record.groups:
        if any(message.delivery is CATALOGUE[Channel.RESULT] for message in messages):
            seen += 1
            assert document is not None
            known = Accounts.parse(document)
            assert sum(known.parts.outcomes.values()) == seen
            assert known.frames.inspected + known.frames.dropped.get("frame_damaged", 0) == seen
    assert seen == 94
    assert record.accounts()[-1] == totals.ever
    assert totals.ever.sessions == 5
    assert totals.ever.frames == FrameCounts(104, 93, {"stale": 10, "frame_damaged": 1})
    assert (tally.frames, tally.parts) == (4, 4)


def test_frames_of_which_no_result_is_published_go_on_record_too() -> None:
    record = Record()
    flow = line(ScriptedSource(belt_frame(number) for number in range(30)), max_results_hz=1e-9, record=record)
    flow.run()
    assert len(flow.results()) == 1
    assert record.accounts()[-1].frames == FrameCounts(30, 30)


def test_a_snapshot_of_both_ledgers_adds_up_at_any_time() -> None:
    ledger = Ledger()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            ledger.captured()
            ledger.opened()
            ledger.inspected()
            ledger.closed("accept", no_verdict=None)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(2000):
            snapshot = ledger.accounts()
            assert snapshot.frames.adds_up
            assert snapshot.parts.adds_up
    finally:
        stop.set()
        worker.join()
