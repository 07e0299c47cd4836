"""How long the reject output is held on, without a clock."""

from edge_inspector.gate.hold import Hold
from edge_inspector.gate.timing import ByEncoder, ByTime

MS = 1_000_000


def hold_of(*, delay_ms: int) -> Hold:
    return Hold(ByTime(delay_ns=delay_ms * MS, deadline_ns=1000 * MS), pulse_ns=10 * MS)


def on_at(hold: Hold, *at_ms: int) -> list[bool]:
    return [hold.is_on(each * MS) for each in at_ms]


def test_it_is_on_until_what_passed_the_camera_unseen_has_passed_the_gate() -> None:
    hold = hold_of(delay_ms=80)
    assert on_at(hold, 0, 500) == [True, True]
    hold.trust(1000 * MS, is_trusted=True)
    assert on_at(hold, 1000, 1089, 1090, 5000) == [True, True, False, False]


def test_with_the_gate_at_the_camera_it_ends_at_once() -> None:
    hold = hold_of(delay_ms=0)
    hold.trust(1000 * MS, is_trusted=True)
    assert on_at(hold, 1000) == [False]


def test_it_begins_at_once_and_anew_each_time() -> None:
    hold = hold_of(delay_ms=80)
    hold.trust(0, is_trusted=True)
    assert on_at(hold, 90) == [False]
    hold.trust(100 * MS, is_trusted=False)
    assert on_at(hold, 100) == [True]
    hold.trust(200 * MS, is_trusted=True)
    assert on_at(hold, 280) == [True]
    hold.trust(285 * MS, is_trusted=False)
    hold.trust(290 * MS, is_trusted=True)
    assert on_at(hold, 379, 380) == [True, False]


def test_by_an_encoder_it_ends_when_the_line_has_gone_so_far() -> None:
    encoder = ByEncoder(counts=100, late_counts=10, bits=16)
    hold = Hold(encoder, pulse_ns=10 * MS)
    for at_ms, count in ((0, 0), (10, 0)):
        encoder.read(count, at_ms * MS)
    hold.trust(15 * MS, is_trusted=True)
    assert on_at(hold, 15) == [True]  # nobody knows yet where that was
    encoder.read(0, 20 * MS)
    assert on_at(hold, 20, 10_000) == [True, True]  # the line stands
    encoder.read(99, 10_010 * MS)
    assert on_at(hold, 10_010) == [True]
    encoder.read(110, 10_020 * MS)
    assert on_at(hold, 10_020) == [False]
