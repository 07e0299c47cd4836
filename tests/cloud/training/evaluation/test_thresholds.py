from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.training.evaluation.bootstrap import interval
from cloud_side.training.evaluation.measures import CostOfPart
from cloud_side.training.evaluation.thresholds import CANDIDATES, Costs, choose, cost_curve, middle_of_longest
from cloud_side.training.evaluation.verdicts import verdicts
from edge_inspector.errors import ConfigError
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, image, limits, predictions, scored

AS_COUNTED = Costs(defect_rate=None)


def test_separable_scores_are_parted_in_the_middle() -> None:
    chosen = choose(scored(clean=[0.1, 0.3] * 10, defective=[0.7, 0.9] * 10), AS_COUNTED)
    assert chosen.by == "cost"
    assert chosen.cost == 0
    assert chosen.thresholds["scratch"].review_at == pytest.approx(0.5, abs=0.02)
    assert chosen.thresholds["scratch"].reject_at == pytest.approx(0.6, abs=0.11)


def test_a_dear_escape_lowers_the_threshold_and_a_cheap_one_raises_it() -> None:
    found = scored(clean=[0.1] * 15 + [0.5] * 5, defective=[0.3] + [0.8] * 9)
    dear = choose(found, Costs(escape=50, defect_rate=None)).thresholds["scratch"]
    cheap = choose(found, Costs(escape=0.5, review=0.2, defect_rate=None)).thresholds["scratch"]
    assert dear.review_at <= 0.3
    assert 0.5 < cheap.review_at <= 0.8


def test_a_rare_defect_raises_the_threshold() -> None:
    found = scored(clean=[0.1] * 15 + [0.5] * 5, defective=[0.3] + [0.8] * 9)
    rare = choose(found, Costs(defect_rate=0.001)).thresholds["scratch"]
    assert 0.5 < rare.review_at <= 0.8


def test_what_is_sure_is_rejected_and_what_is_not_is_reviewed() -> None:
    found = scored(clean=[0.1] * 15 + [0.5] * 5, defective=[0.4] * 5 + [0.9] * 5)
    chosen = choose(found, AS_COUNTED).thresholds["scratch"]
    assert 0.1 < chosen.review_at <= 0.4
    assert 0.5 < chosen.reject_at <= 0.9


def test_the_thresholds_of_two_classes_are_the_cheapest_together() -> None:
    rng = np.random.default_rng(3)
    names = ("scratch", "dent")
    images = []
    for number in range(60):
        defective = number % 3 == 0
        kind = number % 2
        shown = [(DEFECT, float(rng.beta(5, 2) if defective else rng.beta(2, 5)), kind), (ELSEWHERE, 0.2, 1 - kind)]
        images.append(image(f"{number:02d}", [(DEFECT, kind)] if defective else [], shown))
    found, costs = predictions(*images, classes=names), Costs(escape=4, review=0.5, defect_rate=None)
    chosen = choose(found, costs)

    def cost(pairs: tuple[tuple[float, float], ...]) -> float:
        at = {name: limits(*pair) for name, pair in zip(names, pairs, strict=True)}
        return interval(found, CostOfPart(at, costs), rounds=1).value

    assert chosen.cost == pytest.approx(
        cost(tuple((each.review_at, each.reject_at) for each in chosen.thresholds.values()))
    )
    coarse = [(low, high) for low, high in product(CANDIDATES[4::30], repeat=2) if low <= high]
    assert chosen.cost <= min(cost(pairs) for pairs in product(coarse, repeat=2)) + 1e-9


@settings(max_examples=30, deadline=None)
@given(
    clean=st.lists(st.floats(0, 1, width=32), min_size=20, max_size=40),
    defective=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20),
    escape=st.floats(0.5, 100),
    review=st.floats(0, 0.4),
)
def test_no_other_thresholds_of_one_class_cost_less(
    clean: list[float], defective: list[float], escape: float, review: float
) -> None:
    found, costs = scored(clean, defective), Costs(escape, 1.0, review, None)
    chosen = choose(found, costs)
    best = interval(found, CostOfPart(chosen.thresholds, costs), rounds=1).value
    assert chosen.cost == pytest.approx(best)
    for low, high in ((0.01, 0.01), (0.3, 0.3), (0.3, 0.7), (0.01, 0.99), (0.99, 0.99), (0.5, 0.8)):
        other = interval(found, CostOfPart({"scratch": limits(low, high)}, costs), rounds=1).value
        assert best <= other + 1e-9
    assert choose(found, costs) == chosen


def test_without_clean_parts_what_lies_beside_defects_stands_for_them() -> None:
    images = [image(f"{number:02d}", [(DEFECT, 0)], [(DEFECT, 0.8, 0), (ELSEWHERE, 0.4, 0)]) for number in range(12)]
    chosen = choose(predictions(*images), Costs())
    assert chosen.by == "surroundings"
    assert 0.4 < chosen.thresholds["scratch"].review_at <= 0.8


def test_thresholds_of_a_class_that_was_never_seen_are_in_the_middle() -> None:
    found = predictions(*scored(clean=[0.1] * 20, defective=[0.9]).images, classes=("scratch", "dent"))
    assert choose(found, Costs()).thresholds["dent"].review_at == pytest.approx(0.5)


def test_the_curve_is_cheapest_at_the_chosen_threshold() -> None:
    found = scored(clean=[0.1] * 15 + [0.5] * 5, defective=[0.3] + [0.8] * 9)
    chosen = choose(found, Costs())
    curve = dict(cost_curve(found, chosen.thresholds, Costs(), "scratch"))
    assert curve[chosen.thresholds["scratch"].review_at] == pytest.approx(min(curve.values())) == chosen.cost
    assert verdicts(found, chosen.thresholds, rounds=5).defective == 10


def test_the_first_of_equally_long_runs_is_taken() -> None:
    assert middle_of_longest(np.array([1, 1, 0, 1, 1, 1, 0, 1, 1, 1], np.bool_)) == 4


@pytest.mark.parametrize(
    "costs",
    [
        {"escape": 0.0},
        {"overkill": -1.0},
        {"review": 60.0},
        {"defect_rate": 1.0},
        {"defect_rate": float("nan")},
        {"escape": float("inf")},
    ],
)
def test_costs_that_nobody_can_mean_are_refused(costs: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="costs: expected an escape and an overkill above 0"):
        Costs(**costs)
