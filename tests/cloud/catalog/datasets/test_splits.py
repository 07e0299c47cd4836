import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.splits import Shares, Split, SplitRule, check_groups, parse_shares
from edge_inspector.errors import ConfigError

GROUPS = [f"part-{number}" for number in range(2000)]


def test_a_group_stays_where_it_is_however_many_others_come() -> None:
    rule = SplitRule("tags")
    early = {group: rule.split_of(group) for group in GROUPS[:12]}
    assert {group: rule.split_of(group) for group in GROUPS if group in early} == early


def test_where_a_group_is_can_be_told_forever() -> None:
    rule = SplitRule("tags")
    assert [rule.split_of(f"part-{number}").value for number in range(12)] == [
        "train", "train", "train", "test", "train", "test", "train", "train", "train", "train", "train", "train"
    ]  # fmt: skip


def test_many_groups_are_shared_out_as_asked() -> None:
    rule = SplitRule("tags", Shares(60, 25, 15))
    counts = {split: sum(rule.split_of(group) is split for group in GROUPS) for split in Split}
    assert counts == {
        Split.TRAIN: pytest.approx(1200, abs=80),
        Split.VAL: pytest.approx(500, abs=80),
        Split.TEST: pytest.approx(300, abs=80),
    }


@given(st.text(), st.text(), st.integers(0, 50), st.integers(0, 50))
def test_more_for_training_takes_no_group_out_of_it(salt: str, group: str, val: int, test: int) -> None:
    before = SplitRule(salt, Shares(50, val, test)).split_of(group)
    assert before is not Split.TRAIN or SplitRule(salt, Shares(60, val, test)).split_of(group) is Split.TRAIN


@given(st.text())
def test_a_split_without_a_share_gets_no_group(group: str) -> None:
    assert SplitRule("tags", Shares(100, 0, 0)).split_of(group) is Split.TRAIN


def test_salt_and_group_are_not_confused() -> None:
    assert {SplitRule("a").split_of("b" + group) for group in GROUPS} == set(Split)
    assert [SplitRule("ab").split_of(group) for group in GROUPS] != [
        SplitRule("a").split_of("b" + group) for group in GROUPS
    ]


def test_a_split_with_too_few_groups_is_refused_with_a_salt_that_helps() -> None:
    rule = SplitRule("tags")
    with pytest.raises(ConfigError, match="expected at least 3 of the 12 groups in val and test, found 10 in") as error:
        check_groups(GROUPS[:12], rule, 3)
    salt = str(error.value).partition("--salt ")[2].split()[0]
    check_groups(GROUPS[:12], SplitRule(salt), 3)


def test_with_too_few_groups_for_any_salt_the_error_says_how_many_it_takes() -> None:
    with pytest.raises(ConfigError, match=r"parts of at least 3 groups, or give a split no share: --shares 100/0/0"):
        check_groups(["a", "b"], SplitRule("tags"), 1)


@pytest.mark.parametrize("text", ["", "70/30", "70/15/15/0", "70/-15/15", "a/b/c", "0/50/50", "70 / 15 / 15"])
def test_shares_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="shares: expected"):
        parse_shares(text)


def test_shares_are_read() -> None:
    assert parse_shares("8/1/1") == Shares(8, 1, 1)
