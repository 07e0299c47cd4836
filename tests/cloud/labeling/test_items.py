"""Items of a batch as lines of a manifest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.labels import Box, LabelError, Origin
from cloud_side.labeling.items import Item, read_items, write_items

_NAMES = ("dent", "scratch", "ätzung")
_BOXES = st.builds(
    Box,
    st.sampled_from(_NAMES),
    st.integers(0, 99).map(float),
    st.integers(0, 99).map(float),
    st.integers(1, 50).map(float),
    st.floats(0.5, 50),
)
_PROPOSALS = st.lists(st.tuples(_BOXES, st.none() | st.floats(0, 1)), max_size=4)


@given(_PROPOSALS, st.none() | st.text(), st.lists(st.text(min_size=1), max_size=2))
def test_an_item_is_written_as_one_line_and_read_again(
    proposal: list[tuple[Box, float | None]], note: str | None, excluded: list[str]
) -> None:
    item = Item(
        "s3://edge-inspector/samples/a.jpg",
        "ab" * 32,
        450,
        300,
        "P1",
        _NAMES,
        tuple(box for box, _ in proposal),
        tuple(confidence for _, confidence in proposal),
        Origin(site="leipzig", model="tags/1.0.0"),
        note,
        tuple(excluded),
    )
    (line,) = write_items([item])
    assert line.count("\n") == 1
    assert list(read_items([line, "\n"])) == [item]


def test_a_line_that_is_no_item_is_named() -> None:
    with pytest.raises(LabelError, match=r"line 2: expected an item of a labeling batch, found {'source-ref'"):
        list(read_items(["\n", json.dumps({"source-ref": "s3://b/k"})]))
    with pytest.raises(LabelError, match="line 1: "):
        list(read_items(["{"]))
