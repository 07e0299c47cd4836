"""What a look into a folder of samples makes of the rows of before."""

import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.index import (
    COLUMNS,
    Counts,
    Kept,
    Pair,
    Partition,
    index_key,
    merge,
    pairs,
    read_rows,
    split_key,
)
from cloud_side.objects import Listed
from tests.samples.made import AT

FOLDER = "samples/site=o'brien/line=1/station=übung/dt=2026-03-01"
NAMES = st.text("aA0-.", max_size=4).flatmap(
    lambda stem: st.sampled_from(["jpg", "JPG", "Jpeg", "png", "json", "txt", "JSON"]).map(lambda end: f"{stem}.{end}")
)


def listing(names: Iterable[str], etag: str = "1") -> list[Listed]:
    return [Listed(f"{FOLDER}/{name}", etag, AT, 10) for name in sorted(names)]


def found_in(*names: str) -> tuple[list[str], Counts]:
    counts = Counts()
    return [pair.image.removeprefix(f"{FOLDER}/") for pair in pairs(listing(names), counts)], counts


def row(image: str, etag: str) -> Kept:
    document = dict.fromkeys(COLUMNS) | {"image": image, "etag": etag}
    return Kept(image, etag, json.dumps(document).encode() + b"\n")


def test_a_key_is_a_prefix_a_partition_and_a_name() -> None:
    expected = Partition("o'brien", "1", "übung", "2026-03-01")
    assert split_key(f"{FOLDER}/X-0.JPG") == ("samples", expected, "X-0.JPG")
    assert split_key(f"{expected}/a") == ("", expected, "a")
    assert split_key(f"a/b/{expected}/a")[0] == "a/b"
    assert Partition.parse(str(expected)) == expected
    assert index_key("samples", expected) == f"catalog/index/samples/{expected}.jsonl"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a.json",
        "samples/site=a/line=b/station=c/dt=2026-03-01",
        "samples/site=a/line=b/station=c/dt=2026-02-30/a.json",
        "samples/site=a/line=b/station=c/dt=20260301/a.json",
        "samples/site=/line=b/station=c/dt=2026-03-01/a.json",
        "samples/line=b/site=a/station=c/dt=2026-03-01/a.json",
        "samples/site=a/line=b/station=c/dt=2026-03-01/more/a.json",
    ],
)
def test_another_key_is_none_of_a_sample(key: str) -> None:
    with pytest.raises(ValueError, match="expected site="):
        split_key(key)


def test_pictures_are_found_with_any_suffix_in_any_case() -> None:
    pictures = ["a-0.JPG", "b-0.Jpeg", "c-0.png", "d-0.PNG", "e-0.bmp", "f-0.tif", "g-0.TIFF", "h-0.webp", "i-0.jpg"]
    sidecars = [f"{name.partition('.')[0]}.json" for name in pictures]
    assert found_in(*pictures, *sidecars) == (pictures, Counts())


def test_those_that_are_alone_are_counted() -> None:
    names = ["a-0.jpg", "b-0.json", "c-0.jpg", "c-0.json", "d-0.txt", "e-0.jpg", "e-0.png", "e-0.json", "README"]
    found, counts = found_in(*names)
    assert found == ["c-0.jpg", "e-0.jpg"]
    assert counts == Counts(without_sidecar=2, without_picture=1), "a, and e's second picture; b"


@given(st.sets(NAMES))
def test_pairs_come_in_the_order_of_keys(names: set[str]) -> None:
    found, counts = found_in(*names)
    assert found == sorted(found)
    stems = {name.rpartition(".")[0] for name in names if name.endswith(".json")}
    pictures = [name for name in names if name.rpartition(".")[2].lower() in {"jpg", "jpeg", "png"}]
    assert {name.rpartition(".")[0] for name in found} == {
        stem for stem in stems if any(name.rpartition(".")[0] == stem for name in pictures)
    }
    assert counts.without_sidecar == len(pictures) - len(found)
    assert counts.without_picture == len(stems) - len(found)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("12")),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("12")),
)
def test_only_what_is_new_or_changed_is_read_and_what_is_gone_is_left_out(
    before: dict[str, str], now: dict[str, str]
) -> None:
    found = [Pair(image, Listed(f"{image}.json", etag, AT, 10)) for image, etag in sorted(now.items())]
    merged = list(merge(found, [row(image, etag) for image, etag in sorted(before.items())]))
    assert [each.image for each in merged] == sorted(now)
    kept = {each.image for each in merged if isinstance(each, Kept)}
    assert kept == {image for image, etag in now.items() if before.get(image) == etag}


@pytest.mark.parametrize(
    "line", [b"\n", b"{\n", b"[]\n", b"null\n", b'{"image":"a","etag":"1"}\n', b"\xff\n", b'"image"\n', b"[" * 100_000]
)
def test_a_row_that_nobody_can_read_or_that_has_other_columns_is_made_anew(line: bytes) -> None:
    lines: Sequence[bytes] = [row("a", "1").line, line, row("c", "1").line]
    assert [each.image for each in read_rows(lines)] == ["a", "c"]


def test_a_row_that_lost_its_newline_gets_it_back() -> None:
    (kept,) = read_rows([row("a", "1").line.strip()])
    assert kept == row("a", "1")
