"""The reject output over time, without a clock and without wires."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.gate.part import Part
from edge_inspector.gate.pulses import Pulses
from edge_inspector.gate.timing import ByTime
from edge_inspector.gate.wires import OutcomeCode

MS = 1_000_000
PULSE_MS, DELAY_MS, DEADLINE_MS = 10, 80, 100


def rejected(captured_ms: float) -> Part:
    return Part(int(captured_ms * MS), "a part", OutcomeCode.REJECT, is_rejected=True)


def pulses_of(*captured_ms: float, delay_ms: int = DELAY_MS) -> Pulses:
    pulses = Pulses(ByTime(delay_ns=delay_ms * MS, deadline_ns=DEADLINE_MS * MS), pulse_ns=PULSE_MS * MS)
    for each in captured_ms:
        pulses.ask(rejected(each))
    return pulses


def step(pulses: Pulses, now_ms: float) -> tuple[int, int]:
    """Do what the gate does at a moment; return how many pulses began and how many came too late."""
    now_ns = int(now_ms * MS)
    late = pulses.take_late(now_ns)
    if due := pulses.due(now_ns):
        pulses.begun(due, now_ns)
    return len(due), len(late)


def test_a_pulse_begins_when_its_part_is_there_and_lasts_its_time() -> None:
    pulses = pulses_of(0)
    assert step(pulses, 79.9) == (0, 0)
    assert not pulses.is_on(int(79.9 * MS))
    assert pulses.wakes_at_ns(0) == 80 * MS
    assert step(pulses, 80) == (1, 0)
    assert pulses.is_on(80 * MS)
    assert pulses.wakes_at_ns(80 * MS) == 90 * MS
    assert pulses.is_on(int(89.9 * MS))
    assert not pulses.is_on(90 * MS)
    assert pulses.wakes_at_ns(90 * MS) == inf


def test_a_pulse_that_would_hit_the_next_part_is_not_given() -> None:
    pulses = pulses_of(0)
    assert step(pulses, 100.1) == (0, 1)
    assert not pulses.is_on(int(100.1 * MS))
    assert len(pulses) == 0


def test_pulses_of_close_parts_make_one_long_one() -> None:
    pulses = pulses_of(0, 5)
    assert step(pulses, 80) == (1, 0)
    assert step(pulses, 85) == (1, 0)
    assert pulses.is_on(int(94.9 * MS))
    assert not pulses.is_on(95 * MS)


def test_a_pulse_never_begins_before_its_own_part_is_there() -> None:
    pulses = pulses_of(33)  # the part before it was accepted
    for now_ms in range(113):
        assert step(pulses, now_ms) == (0, 0)
        assert not pulses.is_on(now_ms * MS)
    assert step(pulses, 113) == (1, 0)


def test_parts_that_come_out_of_turn_are_served_by_their_exposure() -> None:
    pulses = pulses_of(20, 0, 10)
    assert [part.captured_ns for part, _ in pulses.due(200 * MS)] == [0, 10 * MS, 20 * MS]


def test_a_part_whose_pulse_could_not_be_set_waits_for_the_next_try() -> None:
    pulses = pulses_of(0)
    assert len(pulses.due(80 * MS)) == 1
    assert len(pulses.due(90 * MS)) == 1
    pulses.begun(pulses.due(90 * MS), 90 * MS)
    assert pulses.due(91 * MS) == []


def test_an_output_that_was_set_too_late_does_not_stay_on_for_a_part_that_is_gone() -> None:
    pulses = pulses_of(0)
    due = pulses.due(80 * MS)
    pulses.begun(due, int(100.1 * MS))  # so long the output took
    assert not pulses.is_on(int(100.1 * MS))
    assert len(pulses) == 0


@given(
    gaps_ms=st.lists(st.floats(0.1, 60), max_size=40),
    looks_ms=st.lists(st.floats(0.1, 50), max_size=200),
    delay_ms=st.integers(0, 99),
)
def test_every_pulse_is_begun_in_its_window_or_is_told_as_late_and_never_both(
    gaps_ms: list[float], looks_ms: list[float], delay_ms: int
) -> None:
    captured_ms, now_ms = [0.0], 0.0
    for gap in gaps_ms:
        captured_ms.append(captured_ms[-1] + gap)
    pulses, begun, late = pulses_of(*captured_ms, delay_ms=delay_ms), [], []
    for look in [*looks_ms, 10_000.0]:
        now_ms += look
        now_ns = int(now_ms * MS)
        late += pulses.take_late(now_ns)
        if due := pulses.due(now_ns):
            assert all(window.due_ns <= now_ns <= window.latest_ns for _, window in due)
            assert pulses.wakes_at_ns(now_ns) <= now_ns
            pulses.begun(due, now_ns)
            assert pulses.is_on(now_ns)
            begun += [part for part, _ in due]
    assert len(begun) + len(late) == len(captured_ms)
    assert not {id(part) for part in begun} & {id(part) for part in late}
    assert [part.captured_ns for part in begun] == sorted(part.captured_ns for part in begun)
    assert len(pulses) == 0


@given(st.lists(st.tuples(st.floats(0, 500), st.booleans()), min_size=1, max_size=30))
def test_the_output_is_on_exactly_while_a_rejected_part_passes(parts: list[tuple[float, bool]]) -> None:
    pulses, thrown_ms = pulses_of(*(ms for ms, is_bad in parts if is_bad)), [ms for ms, is_bad in parts if is_bad]
    for now_ms in range(700):
        step(pulses, now_ms)
        # It is looked at every millisecond here, and begins at the first look.
        begins = [int(-(-(int(ms * MS) + DELAY_MS * MS) // MS)) for ms in thrown_ms]
        passes = any(begin <= now_ms < begin + PULSE_MS for begin in begins)
        assert pulses.is_on(now_ms * MS) == passes
