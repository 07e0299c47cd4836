import pytest

from cloud_side.training.evaluation.assessment import Judging, difference, thresholds_apart
from cloud_side.training.evaluation.thresholds import Costs, choose
from cloud_side.training.evaluation.verdicts import verdicts
from cloud_side.training.folds import Folds
from edge_inspector.errors import ConfigError
from tests.cloud.training.evaluation.images import DEFECT, ELSEWHERE, image, limits, predictions, scored

JUDGING = Judging(Costs(), rounds=20)


def test_a_fold_is_judged_at_thresholds_that_were_chosen_on_the_others() -> None:
    # The second fold scores lower: what suits the first misses its defects.
    folds = [
        [
            *(image(f"{fold}-clean-{n:02d}", (), [(ELSEWHERE, clean, 0)], group=fold) for n in range(20)),
            *(image(f"{fold}-defective-{n}", [(DEFECT, 0)], [(DEFECT, found, 0)], group=fold) for n in range(5)),
        ]
        for fold, clean, found in (("first", 0.1, 0.9), ("second", 0.05, 0.3))
    ]
    whole = predictions(*folds[0], *folds[1])
    chosen = choose(whole, JUDGING.costs).thresholds
    assert verdicts(whole, chosen, rounds=20).escapes.value == 0
    by_fold = thresholds_apart(whole, Folds((frozenset({"first"}), frozenset({"second"}))), JUDGING.costs)
    apart = verdicts(whole, by_fold, rounds=20)
    assert apart.escapes.value == 0.5
    assert apart.overkill.value == 0
    gap = difference((whole, by_fold), (whole, chosen), JUDGING)
    assert (gap.escapes.value, gap.map50.value) == (0.5, 0), "what is compared is what is said"


def test_an_image_in_no_fold_has_no_thresholds() -> None:
    whole = scored(clean=[0.1] * 3, defective=[0.9] * 3)
    with pytest.raises(ConfigError, match="in one of the 1 folds, found in none"):
        thresholds_apart(whole, Folds((frozenset({"another"}),)), JUDGING.costs)


@pytest.mark.parametrize("said", [{"seed": -1}, {"rounds": 0}, {"turns": 0}])
def test_what_nothing_can_be_drawn_by_is_refused(said: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="evaluation: expected a seed from 0 on"):
        Judging(Costs(), **said)


def test_a_difference_is_the_first_less_the_second_each_at_its_own_thresholds() -> None:
    good, poor = scored(clean=[0.1] * 3, defective=[0.9] * 3), scored(clean=[0.5] * 3, defective=[0.2] * 3)
    found = difference((good, {"scratch": limits(0.3, 0.6)}), (poor, {"scratch": limits(0.4, 0.6)}), JUDGING)
    assert (found.escapes.value, found.overkill.value) == (-1, -1)
    assert found.cost.value < 0
    assert found.map50.value > 0
