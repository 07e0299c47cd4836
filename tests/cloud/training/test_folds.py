import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.training.dataset import Example
from cloud_side.training.folds import Folds, group_sizes, grouped_folds
from edge_inspector.errors import ConfigError


def example(group: str, boxes: int = 1) -> Example:
    return Example(
        np.zeros((4, 4), np.uint8), np.zeros((boxes, 4), np.float32), np.zeros(boxes, np.int64), group, group
    )


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 99), min_size=4, max_size=20), st.integers(2, 4))
def test_every_group_is_in_exactly_one_fold(sizes: dict[str, int], k: int) -> None:
    folds = grouped_folds(sizes, k)
    assert len(folds) == k
    assert sorted(group for members in folds.groups for group in members) == sorted(sizes)
    assert folds == grouped_folds(dict(reversed(sizes.items())), k)


def test_folds_are_of_about_equal_size() -> None:
    folds = grouped_folds({"a": 8, "b": 5, "c": 4, "d": 3}, 2)
    assert folds.groups == ({"a", "d"}, {"b", "c"})


def test_training_and_test_never_share_a_group() -> None:
    examples = [example(group) for group in "aabbcdd"]
    folds = grouped_folds(group_sizes(examples), 3)
    tested = []
    for fold in range(3):
        train, test = folds.split(examples, fold)
        assert not {each.group for each in train} & {each.group for each in test}
        assert len(train) + len(test) == len(examples)
        tested += test
    assert len(tested) == len(examples)


def test_fewer_groups_than_folds_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"expected 2 to 3 \(the number of groups\), found 4"):
        grouped_folds({"a": 1, "b": 1, "c": 1}, 4)


def test_a_group_in_two_folds_is_an_error() -> None:
    with pytest.raises(ConfigError, match="group 'b': expected in one fold, found in folds 0 and 1"):
        Folds((frozenset("ab"), frozenset("b")))


def test_an_example_in_no_fold_is_an_error() -> None:
    with pytest.raises(ConfigError, match="found in none"):
        Folds((frozenset("a"), frozenset("b"))).split([example("z")], 0)
