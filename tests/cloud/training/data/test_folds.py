import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.training.dataset import Example
from cloud_side.training.folds import Folds, folds_needed, group_sizes, grouped_folds, parse_folds
from edge_inspector.errors import ConfigError


def example(group: str, boxes: int = 1) -> Example:
    return Example(
        np.zeros((4, 4), np.uint8), np.zeros((boxes, 4), np.float32), np.zeros(boxes, np.int64), group, group
    )


@settings(max_examples=15)
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
    for groups, k in (("abc", 4), ("a", 2), ("abc", 1)):
        with pytest.raises(ConfigError, match=f"expected 2 or more, .* found {k} folds and {len(groups)} groups"):
            grouped_folds(dict.fromkeys(groups, 1), k)


def test_a_group_in_two_folds_is_an_error() -> None:
    with pytest.raises(ConfigError, match="group 'b': expected in one fold, found in folds 0 and 1"):
        Folds((frozenset("ab"), frozenset("b")))


def test_an_example_in_no_fold_is_an_error() -> None:
    with pytest.raises(ConfigError, match="found in none"):
        Folds((frozenset("a"), frozenset("b"))).split([example("z")], 0)


@pytest.mark.parametrize(
    ("asked", "images", "test_groups", "expected"),
    [
        (None, (50, 50, 60), 30, 0),
        (None, (50, 50, 600), 29, 4),
        (None, (50, 50, 59), 30, 4),
        (None, (50, 0, 60), 30, 4),
        (None, (0, 50, 60), 30, 4),
        (0, (1, 1, 1), 1, 0),
        (7, (50, 50, 60), 30, 7),
    ],
)
def test_folds_are_for_data_whose_test_would_say_little(
    asked: int | None, images: tuple[int, int, int], test_groups: int, expected: int
) -> None:
    train, validation, tested = images
    assert (
        folds_needed(
            asked, train_images=train, validation_images=validation, test_images=tested, test_groups=test_groups
        )
        == expected
    )


@pytest.mark.parametrize(("train", "validation", "tested"), [(0, 5, 5), (5, 0, 5), (5, 5, 0)])
def test_a_split_of_which_one_is_empty_cannot_be_asked_for(train: int, validation: int, tested: int) -> None:
    with pytest.raises(ConfigError, match=f"training, validation and test, found {train}, {validation} and {tested};"):
        folds_needed(0, train_images=train, validation_images=validation, test_images=tested, test_groups=tested)


def test_what_is_asked_for_is_read_or_refused() -> None:
    assert [parse_folds(text) for text in ("auto", "0", "5")] == [None, 0, 5]
    for text in ("1", "-2", "four", ""):
        with pytest.raises(ConfigError, match=f"found '{text}'"):
            parse_folds(text)
