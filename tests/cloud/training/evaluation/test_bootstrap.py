from dataclasses import replace

import numpy as np
import pytest

from cloud_side.training.evaluation.bootstrap import grouped_share, interval, paired_difference
from cloud_side.training.evaluation.measures import MAP50, CostOfPart, Escapes, MeanAveragePrecision, Overkill
from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.predictions import Predictions
from edge_inspector.errors import ConfigError
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, drawn, image, limits, predictions, scored

LIMITS = {"scratch": limits(0.3, 0.6)}


def test_the_interval_is_resampled_over_groups_and_repeats_with_its_seed() -> None:
    hit = np.array([True] * 10 + [False] * 10)
    counted = np.ones(20, np.bool_)
    one_part_each = grouped_share(hit, counted, [str(number) for number in range(20)], seed=1)
    two_parts = grouped_share(hit, counted, ["a"] * 10 + ["b"] * 10, seed=1)
    assert one_part_each == grouped_share(hit, counted, [str(number) for number in range(20)], seed=1)
    assert one_part_each.value == two_parts.value == 0.5
    # Ten photographs of one part are no ten parts: the honest interval is as wide as can be.
    assert (two_parts.low, two_parts.high) == (0, 1)
    assert 0.2 < one_part_each.low < one_part_each.high < 0.8


def test_what_never_happened_in_few_parts_may_still_be_frequent() -> None:
    never = grouped_share(np.zeros(3, np.bool_), np.ones(3, np.bool_), ["a", "b", "c"], seed=1)
    assert (never.value, never.low) == (0, 0)
    assert never.high == pytest.approx(0.63, abs=0.01)
    always = grouped_share(np.ones(3, np.bool_), np.ones(3, np.bool_), ["a", "b", "c"], seed=1)
    assert (always.value, always.high) == (1, 1)
    assert always.low == pytest.approx(0.37, abs=0.01)


def test_what_was_not_counted_may_be_anything() -> None:
    nothing = grouped_share(np.zeros(2, np.bool_), np.zeros(2, np.bool_), ["a", "b"], seed=1)
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 1)
    only_clean = predictions(image("a"), image("b"))
    found = paired_difference(only_clean, only_clean, Escapes(LIMITS))
    assert (found.value, found.low, found.high) == (0, -1, 1)


def test_a_model_does_not_differ_from_itself() -> None:
    found = drawn(1, 20, classes=1)
    for statistic in (MAP50, MeanAveragePrecision(10)):
        difference = paired_difference(found, found, statistic, rounds=50)
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_what_is_hard_for_both_models_does_not_widen_the_interval_of_their_difference() -> None:
    def model(also: set[int]) -> Predictions:
        # Half of the parts are found by nobody; one model finds two more than the other.
        return predictions(
            *(
                image(f"{number:02d}", [(DEFECT, 0)], [(DEFECT, 0.9, 0)] if number < 10 or number in also else [])
                for number in range(24)
            )
        )

    better, worse = model({10, 11}), model(set())
    difference = paired_difference(better, worse, Escapes(LIMITS), seed=3)
    alone = interval(better, Escapes(LIMITS), seed=3)
    assert difference.value == pytest.approx(-2 / 24)
    assert difference.high - difference.low < alone.high - alone.low
    assert difference == paired_difference(better, worse, Escapes(LIMITS), seed=3)


def test_each_model_is_taken_at_its_own_thresholds() -> None:
    found = scored(clean=[0.4] * 4, defective=[0.5] * 4)
    strict, lenient = {"scratch": limits(0.45, 0.6)}, {"scratch": limits(0.3, 0.6)}
    assert paired_difference(found, found, Overkill(strict), of_second=Overkill(lenient), rounds=20).value == -1
    assert paired_difference(found, found, Overkill(lenient), rounds=20).value == 0


def test_costs_are_added_up_over_parts() -> None:
    found = scored(clean=[0.1, 0.4, 0.7], defective=[0.1, 0.7])
    costs = Costs(escape=50, overkill=1, review=0.2, defect_rate=None)
    assert interval(found, CostOfPart(LIMITS, costs), rounds=20).value == pytest.approx((0 + 0.2 + 1 + 50 + 0) / 5)


def test_scores_of_one_class_can_be_compared_alone() -> None:
    found = predictions(
        image("a", [(DEFECT, 0), (ELSEWHERE, 1)], [(DEFECT, 0.9, 0)], group="g"), classes=("scratch", "dent")
    )
    assert interval(found, MeanAveragePrecision(only="scratch"), rounds=5).value == pytest.approx(1)
    assert interval(found, MeanAveragePrecision(only="dent"), rounds=5).value == 0


def test_models_on_other_images_are_not_compared() -> None:
    first = predictions(image("a"), image("b"))
    for second in (
        predictions(image("a")),
        predictions(image("a"), replace(image("b"), sha256="other")),
        predictions(image("a"), image("b", group="other")),
    ):
        with pytest.raises(ConfigError, match="expected two models on the same images in the same groups, found 'b'"):
            paired_difference(first, second, MAP50)
