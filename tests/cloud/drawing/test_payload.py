"""JSON for a person: indented without a change, also where it is cut."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.drawing.payload import KEPT_CHARACTERS, indented, payload
from cloud_side.drawing.words import duration, fitted, text_width

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(_JSON, st.sampled_from([None, 3]))
def test_indented_json_is_the_same_json(value: object, indent: int | None) -> None:
    assert json.loads(indented(json.dumps(value, indent=indent))) == value


@settings(max_examples=40, deadline=None)
@given(_JSON, st.data())
def test_the_beginning_of_json_is_the_beginning_of_it_indented(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text)))]

    assert "".join(indented(cut).split()) == "".join(cut.split())


def test_one_member_stands_on_a_line_and_what_is_empty_stays_on_its_own() -> None:
    assert indented('{"a":[],"b":{"c":[1,2]},"d":{}}').splitlines() == [
        "{",
        '  "a": [],',
        '  "b": {',
        '    "c": [',
        "      1,",
        "      2",
        "    ]",
        "  },",
        '  "d": {}',
        "}",
    ]


def test_a_long_text_is_kept_in_part_with_its_whole_length() -> None:
    kept = payload('"' + "x" * 1_000_000 + '"')

    assert kept is not None
    assert kept.is_cut
    assert len(kept.text) == KEPT_CHARACTERS
    assert kept.size == "1,000,002 characters"
    assert kept.on_one_line(10) == '"xxxxxxxx…'
    assert payload(None) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 ms"),
        (0.0204, "20 ms"),
        (1.94, "1.9 s"),
        (42, "42 s"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, told: str) -> None:
    assert duration(timedelta(seconds=seconds)) == told


@given(st.text(max_size=60), st.floats(30, 300))
def test_a_fitted_text_fits(text: str, width: float) -> None:
    assert text_width(fitted(text, width, 12), 12) <= width
