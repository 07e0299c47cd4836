import threading
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_inspector.decision import NoVerdictCause
from edge_inspector.frame import DropCause
from edge_inspector.pipeline.ledger import FrameCounts, Ledger, PartCounts


class LedgerLaws(RuleBasedStateMachine):
    """Whatever happens to frames and parts in whatever order, the books hold against a list kept beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.captured = self.inspected = self.frames_open = self.parts = self.parts_open = 0
        self.dropped: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    @rule()
    def capture(self) -> None:
        self.ledger.captured()
        self.captured += 1
        self.frames_open += 1

    @rule(cause=st.sampled_from(DropCause), count=st.integers(1, 50))
    def skip(self, cause: DropCause, count: int) -> None:
        self.ledger.skipped(cause, count)
        self.captured += count
        self.dropped[cause.value] += count

    @rule()
    def open_part(self) -> None:
        self.ledger.opened()
        self.parts += 1
        self.parts_open += 1

    @precondition(lambda self: self.frames_open)
    @rule()
    def inspect(self) -> None:
        self.ledger.inspected()
        self.inspected += 1
        self.frames_open -= 1

    @precondition(lambda self: self.frames_open)
    @rule(cause=st.sampled_from(DropCause))
    def drop(self, cause: DropCause) -> None:
        self.ledger.dropped(cause)
        self.dropped[cause.value] += 1
        self.frames_open -= 1

    @precondition(lambda self: self.parts_open)
    @rule(outcome=st.sampled_from(["accept", "review", "reject", "no_verdict"]))
    def close(self, outcome: str) -> None:
        self.ledger.closed(outcome, no_verdict="stopped" if outcome == "no_verdict" else None)
        self.outcomes[outcome] += 1
        self.parts_open -= 1

    @rule()
    def take_dropped(self) -> None:
        self.taken.update(self.ledger.take_dropped())
        assert self.taken == self.dropped
        assert self.ledger.take_dropped() == {}

    @invariant()
    def adds_up(self) -> None:
        frames, parts = self.ledger.frames(), self.ledger.parts()
        assert frames.adds_up
        assert parts.adds_up
        assert frames == FrameCounts(self.captured, self.inspected, dict(self.dropped), self.frames_open)
        no_verdicts = {"stopped": self.outcomes["no_verdict"]} if self.outcomes["no_verdict"] else {}
        assert parts == PartCounts(self.parts, dict(+self.outcomes), no_verdicts, self.parts_open)


TestLedgerLaws = LedgerLaws.TestCase


def test_a_missing_frame_or_part_is_noticed() -> None:
    assert not FrameCounts(captured=3, inspected=1, dropped={"stale": 1}, in_flight=0).adds_up
    assert not PartCounts(seen=3, outcomes={"accept": 1}, no_verdict={}, in_flight=1).adds_up


def test_a_snapshot_does_not_change_afterwards() -> None:
    ledger = Ledger()
    ledger.captured()
    ledger.opened()
    frames, parts = ledger.frames(), ledger.parts()
    ledger.dropped(DropCause.STOPPED)
    ledger.closed("no_verdict", no_verdict="stopped")
    assert (frames.dropped, frames.in_flight, parts.outcomes, parts.no_verdict) == ({}, 1, {}, {})


def test_snapshots_add_up_while_threads_count() -> None:
    ledger = Ledger()

    def work(cause: DropCause) -> None:
        for number in range(2000):
            ledger.captured()
            ledger.opened()
            if number % 2:
                ledger.inspected()
            else:
                ledger.dropped(cause)
            ledger.closed("accept", no_verdict=None)

    threads = [threading.Thread(target=work, args=(cause,)) for cause in (DropCause.STALE, DropCause.STOPPED)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert ledger.frames().adds_up
        assert ledger.parts().adds_up
    assert ledger.frames() == FrameCounts(4000, 2000, {"stale": 1000, "stopped": 1000}, 0)


def test_every_cause_of_a_part_without_verdict_has_its_drop_but_where_none_is_judged() -> None:
    drops = {cause.value for cause in DropCause}
    assert {cause.value for cause in NoVerdictCause} - drops == {"no_model"}
