import logging
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.alarms import Severity
from edge_inspector.health.checks import Check, Checks, Standing, after
from tests.fakes import PATIENCE_S
from tests.health.panel import RecordingPanel


class Scripted:
    """A probe that answers what the test says, and shows when it was asked."""

    def __init__(self, answer: str | None = None) -> None:
        self.answer: str | Exception | None = answer
        self.asked = threading.Event()

    def __call__(self) -> str | None:
        self.asked.set()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def check(probe: Scripted, name: str = "disk-low", *, raise_after_s: float = 5, clear_after_s: float = 10) -> Check:
    return Check(name, Severity.WARNING, "Make room.", probe, raise_after_s, clear_after_s)


_steps = st.lists(st.tuples(st.floats(0.1, 5.0), st.booleans()), max_size=120)


@given(_steps, st.floats(0, 20), st.floats(0, 20))
def test_no_alarm_flickers_whatever_the_probe_says(
    steps: list[tuple[float, bool]], raise_after_s: float, clear_after_s: float
) -> None:
    now_s, standing = 0.0, Standing()
    changes: list[float] = []  # raised, cleared, raised, ...
    answers: list[tuple[float, bool]] = []
    for step_s, is_bad in steps:
        now_s += step_s
        answers.append((now_s, is_bad))
        before = standing
        standing = after(standing, is_bad=is_bad, now_s=now_s, raise_after_s=raise_after_s, clear_after_s=clear_after_s)
        if standing.stands != before.stands:
            changes.append(now_s)
            needed_s = raise_after_s if standing.stands else clear_after_s
            run = [at_s for at_s, bad in answers if all(later == is_bad for t, later in answers if t >= at_s)]
            assert now_s - run[0] >= needed_s
    for number, (earlier_s, later_s) in enumerate(pairwise(changes)):
        assert later_s - earlier_s >= (clear_after_s if number % 2 == 0 else raise_after_s)


@given(st.floats(0, 20), st.floats(0, 20), st.booleans())
def test_what_lasts_is_always_told_in_the_end(raise_after_s: float, clear_after_s: float, is_bad: bool) -> None:  # noqa: FBT001 - drawn
    standing = Standing(not is_bad)
    for second in range(22):
        standing = after(
            standing, is_bad=is_bad, now_s=float(second), raise_after_s=raise_after_s, clear_after_s=clear_after_s
        )
    assert standing == Standing(is_bad)


def test_an_alarm_is_raised_with_its_words_once_the_problem_has_lasted() -> None:
    panel, probe = RecordingPanel(), Scripted("3 MB are free")
    checks = Checks(panel, [check(probe)])
    for second in range(5):
        checks.round(second)
    assert panel.changes == []
    checks.round(5)
    probe.answer = "2 MB are free"
    checks.round(6)
    assert panel.changes == ["+disk-low"]
    assert panel.standing["disk-low"].text == "3 MB are free"
    assert panel.standing["disk-low"].what_to_do == "Make room."


def test_a_good_answer_between_begins_the_wait_again() -> None:
    panel, probe = RecordingPanel(), Scripted()
    checks = Checks(panel, [check(probe)])
    for second in range(60):
        probe.answer = None if second % 5 == 0 else "bad"
        checks.round(second)
    assert panel.changes == []


def test_an_alarm_is_cleared_when_all_has_been_well_for_a_while_and_not_sooner() -> None:
    panel, probe = RecordingPanel(), Scripted("bad")
    checks = Checks(panel, [check(probe, raise_after_s=0)])
    checks.round(0)
    for second in range(1, 60):
        probe.answer = "bad" if second == 9 else None
        checks.round(second)
        assert ("-disk-low" in panel.changes) == (second >= 20)
    assert panel.changes == ["+disk-low", "-disk-low"]


def test_a_probe_that_fails_is_logged_once_and_counted_and_blinds_no_other(caplog: pytest.LogCaptureFixture) -> None:
    panel, broken, sound = RecordingPanel(), Scripted(), Scripted("bad")
    broken.answer = ZeroDivisionError("a defect of ours")
    checks = Checks(panel, [check(broken, "broken"), check(sound, raise_after_s=0)], first=[broken])
    with caplog.at_level(logging.ERROR):
        for second in range(10):
            checks.round(second)
    assert panel.changes == ["+disk-low"]
    assert checks.failures["broken"] == 10
    assert sum("broken failed" in record.message for record in caplog.records) == 1


def test_a_probe_that_fails_neither_raises_nor_clears() -> None:
    panel, probe = RecordingPanel(), Scripted("bad")
    checks = Checks(panel, [check(probe, raise_after_s=0, clear_after_s=0)])
    checks.round(0)
    probe.answer = OSError("nobody knows")
    checks.round(1)
    assert panel.changes == ["+disk-low"]


def test_the_health_thread_asks_again_and_again_and_ends_with_its_room() -> None:
    panel, probe = RecordingPanel(), Scripted("bad")
    first = threading.Event()
    with Checks(panel, [check(probe, raise_after_s=0)], first=[first.set], period_s=0.01):
        assert any(thread.name == "health" for thread in threading.enumerate())
        assert first.wait(PATIENCE_S)
        with panel.changed:
            assert panel.changed.wait_for(lambda: panel.changes, PATIENCE_S)
        probe.asked.clear()
        assert probe.asked.wait(PATIENCE_S)
    assert not any(thread.name == "health" for thread in threading.enumerate())


def test_two_checks_cannot_share_an_alarm() -> None:
    with pytest.raises(ValueError, match="expected each with an alarm of its own, found"):
        Checks(RecordingPanel(), [check(Scripted()), check(Scripted())])
