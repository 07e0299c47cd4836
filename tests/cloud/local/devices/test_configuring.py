"""Configurations are laid over each other, and scripts have their variables filled in."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloud_side.local.devices.configuring import configured, filled, merged

KEYS = st.sampled_from(["a", "b", "c/d", "~"])
LEAVES = st.one_of(st.integers(0, 3), st.text(max_size=2), st.lists(st.integers(0, 2), max_size=2))
OBJECTS = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=3), lambda inner: st.dictionaries(KEYS, st.one_of(LEAVES, inner), max_size=3)
)


@given(OBJECTS, OBJECTS)
def test_what_is_merged_is_there_and_merging_it_again_changes_nothing(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    once = merged(below, above)
    assert merged(once, above) == once
    assert merged(below, {}) == below
    assert merged({}, above) == above
    assert once.keys() == below.keys() | above.keys()


@given(OBJECTS, OBJECTS, OBJECTS)
def test_a_reset_of_all_brings_the_defaults_back_and_then_the_merge_counts(
    before: dict[str, Any], defaults: dict[str, Any], merge: dict[str, Any]
) -> None:
    update = {"reset": [""], "merge": json.dumps(merge)}
    assert configured(before, defaults, update) == merged(defaults, merge)
    assert configured(None, defaults, {}) == defaults
    assert configured(defaults, defaults, {}) == defaults


def test_keys_with_slashes_and_tildes_are_reset_by_their_pointers() -> None:
    before = {"c/d": {"~": 1, "e": 2}, "f": [1]}
    assert configured(before, {}, {"reset": ["/c~1d/~0", "/f"]}) == {"c/d": {"e": 2}}
    assert configured(before, {}, {"reset": ["/f/0", "/c~1d/e/deeper"]}) == before, "a list is reset as a whole"


def test_variables_are_filled_and_what_is_none_stays() -> None:
    configuration = {"n": 1, "flag": True, "deep": {"c/d": "text"}, "none": None}
    text = (
        "{configuration:/n} {configuration:/flag} {configuration:/deep/c~1d} {configuration:/none} {artifacts:path}/x"
    )
    assert filled(text, configuration, {"artifacts:path": "/a"}) == "1 true text null /a/x"
    for unknown in ("{configuration:/gone}", "{kernel:rootPath}", "${HOME}", "{}", "{a b}", "awk '{print}'"):
        assert filled(unknown, configuration, {}) == unknown
