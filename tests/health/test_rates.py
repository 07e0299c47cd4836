import random

import pytest

from edge_inspector.health.rates import DeadlineMisses, RejectRate

WINDOW = 200


class Line:
    """A line of parts with a reject rate, of which the rule sees the ledger once in `step` parts."""

    def __init__(self, seed: int, *, step: int = 1) -> None:
        self.counts = {"accept": 0, "review": 0, "reject": 0, "no_verdict": 0}
        self.rule = RejectRate(lambda: self.counts, WINDOW)
        self.alarms = 0
        self.stands = False
        self._random = random.Random(seed)
        self._step = step
        self.rule.probe()

    def run(self, parts: int, rate: float) -> int | None:
        """Let parts pass; return after how many of them an alarm was raised, or None."""
        first = None
        for number in range(parts):
            self.counts["reject" if self._random.random() < rate else "accept"] += 1
            if number % self._step == 0:
                stood, self.stands = self.stands, self.rule.probe() is not None
                self.alarms += self.stands and not stood
                if self.stands and not stood and first is None:
                    first = number
        return first


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.3, 1.0])
def test_an_ordinary_line_raises_no_alarm(rate: float) -> None:
    line = Line(seed=1, step=2)
    line.run(10_000, rate)
    assert line.alarms == 0


@pytest.mark.nightly
@pytest.mark.parametrize("rate", [0.003, 0.01, 0.03, 0.1, 0.3])
def test_an_ordinary_line_raises_at_most_five_alarms_in_a_million_parts(rate: float) -> None:
    alarms = 0
    for seed in range(10):
        line = Line(seed)
        line.run(100_000, rate)
        alarms += line.alarms
    assert alarms <= 5


@pytest.mark.parametrize(("rate", "within"), [(0.03, 2000), (0.1, 400), (0.3, 150)])
def test_three_times_as_many_rejects_are_told(rate: float, within: int) -> None:
    for seed in range(5):
        line = Line(seed)
        line.run(4000, rate)
        delay = line.run(within, 3 * rate)
        assert delay is not None


def test_the_alarm_says_both_rates_and_is_over_when_the_line_is_as_usual() -> None:
    line = Line(seed=5)
    line.run(3000, 0.02)
    assert line.run(500, 0.2) is not None
    text = line.rule.probe()
    assert text is not None
    assert "of the last 200 parts were rejected; usual is " in text
    line.run(5000, 0.2)
    assert line.stands, "what is not usual does not become usual"
    line.run(3000, 0.02)
    assert not line.stands
    assert line.alarms == 1


def test_the_first_parts_prove_nothing() -> None:
    line = Line(seed=1)
    assert line.run(1000, 0.9) is None


def test_parts_without_a_verdict_do_not_count() -> None:
    line = Line(seed=2)
    line.run(3000, 0.05)
    before = line.rule.probe()
    line.counts["no_verdict"] += 10_000
    assert line.rule.probe() is before is None


def test_counters_that_begin_again_are_a_new_session_and_no_jump() -> None:
    line = Line(seed=3)
    line.run(3000, 0.05)
    line.counts = dict.fromkeys(line.counts, 0)
    assert line.rule.probe() is None
    line.run(1000, 0.05)
    assert line.alarms == 0


def test_deadline_misses_are_a_share_of_the_latest_parts() -> None:
    counts = [0, 0]
    misses = DeadlineMisses(lambda: (counts[0], counts[1]), 100)
    misses.look()
    assert misses.share == 0
    for _ in range(100):
        counts[0] += 1
        counts[1] += counts[0] % 10 == 0
        misses.look()
    assert misses.share == 0.1
    for _ in range(100):
        counts[0] += 1
        misses.look()
    assert misses.share == 0


def test_another_product_has_another_usual_rate_and_raises_no_alarm() -> None:
    line = Line(seed=3)
    line.run(4000, 0.01)
    line.rule.relearn()
    line.run(4000, 0.3)
    assert line.alarms == 0
    assert line.run(400, 0.9) is not None


def test_a_jump_that_stands_is_over_with_the_product() -> None:
    line = Line(seed=4)
    line.run(4000, 0.01)
    assert line.run(2000, 0.5) is not None
    assert line.stands
    line.rule.relearn()
    line.run(1, 0.5)
    assert not line.stands
