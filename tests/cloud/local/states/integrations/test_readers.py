"""The items of a distributed map: all of them, in their order, in pieces of any size."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations import Clients
from cloud_side.local.states.integrations.readers import array, forms, read
from cloud_side.local.states.integrations.readers.forms import Form, JsonArray, JsonLines, Table
from cloud_side.local.states.store import Json

Put = Callable[[str, bytes | str], None]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
BLANKS = st.text(" \t\n\r", max_size=3)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, as a network may."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def pieces(form: Form, content: bytes, limit: int, most: int) -> list[Json]:
    """Read everything, so many items at a time, each time from where the time before ended."""
    items: list[Json] = []
    place: Any = None
    while True:
        stream = Trickle(content[place["offset"] if place else 0 :], most)
        found = []
        for found_one in form.items(stream, place):
            found.append(found_one)
            if len(found) == limit:
                break
        items += [item for item, _ in found]
        if len(found) < limit:
            return items
        place = json.loads(json.dumps(found[-1][1]))


@given(st.lists(JSON, max_size=8), BLANKS, st.integers(1, 4), st.integers(1, 9), st.sampled_from("ab"))
def test_an_array_read_in_pieces_is_the_array(
    items: list[Json], blank: str, limit: int, most: int, spelling: str
) -> None:
    texts = [json.dumps(item, ensure_ascii=spelling == "a") for item in items]
    content = f"{blank}[{blank}" + f"{blank},{blank}".join(texts) + f"{blank}]{blank}"
    assert pieces(JsonArray(), content.encode("utf-8", "surrogatepass"), limit, most) == items


@given(JSON, st.lists(JSON, max_size=4), st.text(), st.integers(1, 9))
def test_an_array_inside_a_document_is_found_by_its_pointer(
    other: Json, items: list[Json], name: str, most: int
) -> None:
    document = {"before": other, "a": [other, {name: items, "after": other}]}
    escaped = name.replace("~", "~0").replace("/", "~1")
    if name != "after":
        assert pieces(JsonArray(f"/a/1/{escaped}"), json.dumps(document).encode(), 2, most) == items


@given(st.lists(JSON, max_size=8), st.sampled_from(["\n", "\r\n", "\n\n"]), st.integers(1, 4), st.integers(1, 9))
def test_lines_read_in_pieces_are_the_lines(items: list[Json], end: str, limit: int, most: int) -> None:
    content = end.join(json.dumps(item, ensure_ascii=False) for item in items)
    assert pieces(JsonLines(), content.encode("utf-8", "surrogatepass"), limit, most) == items
    assert pieces(JsonLines(), b"\xef\xbb\xbf" + content.encode("utf-8", "surrogatepass"), limit, most) == items


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 9))
def test_a_table_read_in_pieces_is_the_table(rows: list[list[str]], limit: int, most: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, escapechar="\\", delimiter=";").writerows([["a", "b"], *rows])
    expected = [dict(zip("ab", row, strict=True)) for row in rows]
    assert pieces(Table(";"), text.getvalue().encode("utf-8", "surrogatepass"), limit, most) == expected
    headless = text.getvalue().split("\n", 1)[1].encode("utf-8", "surrogatepass")
    assert pieces(Table(";", ["a", "b"]), headless, limit, most) == expected


def test_numbers_are_whole_also_where_what_was_read_ends_in_them() -> None:
    numbers = "[1, -2, 3.25, 4e5, 5E-1, 6.0e+2, 0]"
    for most in range(1, 12):
        assert pieces(JsonArray(), numbers.encode(), 1, most) == json.loads(numbers)


def test_rows_of_other_lengths_are_filled_or_cut_and_backslashes_escape() -> None:
    content = 'a,b\n1\n1,2,3\n"x\ny",""""\n\\,\\\\\\"\\z,w\n\n'
    assert pieces(Table(), content.encode(), 2, 5) == [
        {"a": "1", "b": ""},
        {"a": "1", "b": "2"},
        {"a": "x\ny", "b": '"'},
        {"a": ',\\"z', "b": "w"},
    ]


@pytest.mark.parametrize(
    ("form", "content", "told"),
    [
        (JsonArray(), "", "there is 'nothing' at byte 0"),
        (JsonArray(), '{"a": [1]}', "expected an array of items"),
        (JsonArray(), "[1, 2", "there is 'nothing' at byte 5"),
        (JsonArray(), "[1 2]", "there is '2' at byte 3, expected , or ]"),
        (JsonArray(), "[1, x]", "no JSON of at most"),
        (JsonArray(), "[1,]", "no JSON of at most"),
        (JsonArray(), "[NaN]", "NaN is no JSON"),
        (JsonArray("/a/2"), '{"a": [1]}', "leads nowhere: there is no '2'"),
        (JsonArray("/b"), '{"a": [1]}', "leads nowhere: there is no 'b'"),
        (JsonArray("/a"), '{"a": 1}', "there is '1' at byte 6, expected an array"),
        (JsonArray("a"), '{"a": [1]}', "does not begin with '/'"),
        (JsonLines(), '{"a": 1}\n{"a": ', "Expecting value"),
        (JsonLines(), "NaN", "NaN is no JSON"),
        (JsonLines(), b"\xff", "can't decode byte"),
        (Table(), 'a,b\n"1,2', "unexpected end of data"),
        (Table(), "a" * 10_300 + "\n1", "expected the names of columns"),
    ],
)
def test_content_of_another_form_is_refused_where_it_is(form: Form, content: str | bytes, told: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is held below
        pieces(form, content if isinstance(content, bytes) else content.encode(), 10, 7)
    assert told in str(refused.value)


@pytest.mark.parametrize("largest", [800_000, pytest.param(8_388_608, marks=pytest.mark.nightly)])
def test_an_item_that_is_too_large_is_refused_without_reading_the_rest(
    largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forms.LARGEST_ITEM_BYTES == array.LARGEST_ITEM_BYTES == 8_388_608
    for module in (array, forms):
        monkeypatch.setattr(module, "LARGEST_ITEM_BYTES", largest)
    content = Trickle(b'[1, "' + b"x" * 3 * largest, largest // 8)
    with pytest.raises(ValueError, match=f"no JSON of at most {largest} bytes"):
        list(JsonArray().items(content, None))
    assert content.tell() < 2.2 * largest
    content = Trickle(b"1\n" + b"x" * 3 * largest, largest // 8)
    with pytest.raises(ValueError, match=f"more than {largest} bytes"):
        list(JsonLines().items(content, None))
    assert content.tell() < 1.2 * largest


@pytest.fixture
def put(clients: Clients) -> Put:
    def put(key: str, content: bytes | str) -> None:
        clients.of("s3").put_object(Bucket="bucket", Key=key, Body=content)

    return put


def reader(config: dict[str, Json], key: str = "k", **arguments: Json) -> Json:
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Arguments": {"Bucket": "bucket", "Key": key, **arguments},
    }


def listing(config: dict[str, Json] | None, **arguments: Json) -> Json:
    said = {} if config is None else {"ReaderConfig": config}
    return {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "bucket", **arguments}, **said}


def read_all(reader: Json, clients: Clients, limit: int) -> list[Json]:
    items: list[Json] = []
    cursor: Json | None = None
    while True:
        more, cursor = read(reader, cursor, clients, limit)
        assert len(more) <= limit
        items += more
        if cursor is None:
            return items
        assert more, "a read that is not the last one gives something"
        cursor = json.loads(json.dumps(cursor))  # as it survives a restart


ROWS = [{"id": str(n), "text": "é" * n} for n in range(7)]
JSONL = {"InputType": "JSONL"}


@pytest.mark.parametrize(
    ("config", "content"),
    [
        ({"InputType": "JSON"}, json.dumps(ROWS)),
        ({"InputType": "JSON", "ItemsPointer": "/found/items"}, json.dumps({"found": {"n": 1, "items": ROWS}})),
        (JSONL, "".join(json.dumps(row) + "\n" for row in ROWS)),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE"},
            "id|text\n" + "".join(f"{row['id']}|{row['text']}\n" for row in ROWS),
        ),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["id", "text"]},
            "".join(f"{row['id']},{row['text']}\r\n" for row in ROWS),
        ),
    ],
)
def test_the_items_of_an_object_come_once_and_in_order(
    config: dict[str, Json], content: str, clients: Clients, put: Put
) -> None:
    put("k", content)
    put("k.gz", gzip.compress(content.encode()))
    assert read_all(reader(config), clients, 2) == ROWS
    assert read_all(reader(config), clients, 7) == ROWS
    assert read_all(reader(config, "k.gz"), clients, 3) == ROWS
    for most in (3, 7):
        assert read_all(reader({**config, "MaxItems": most}), clients, 2) == ROWS[:most]


def test_an_object_without_items_is_at_its_end_at_once(clients: Clients, put: Put) -> None:
    put("k", "")
    assert read(reader(JSONL), None, clients, 5) == ([], None)
    assert read(reader({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}), None, clients, 5) == ([], None)
    put("k", "[]")
    assert read(reader({"InputType": "JSON"}), None, clients, 5) == ([], None)


def test_an_object_that_changes_between_two_reads_fails_the_map(clients: Clients, put: Put) -> None:
    put("k", "1\n2\n3\n")
    items, cursor = read(reader(JSONL), None, clients, 2)
    assert items == [1, 2]
    put("k", "1\n2\n4\n")
    with pytest.raises(StateFailure, match="has changed since its first items were read"):
        read(reader(JSONL), cursor, clients, 2)


def _inventory(put: Put, files: Iterable[tuple[str, str]]) -> None:
    named = list(files)
    for key, content in named:
        put(key, gzip.compress(content.encode()))
    manifest = {
        "sourceBucket": "other",
        "destinationBucket": "arn:aws:s3:::bucket",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": key, "size": 1, "MD5checksum": "x"} for key, _ in named],
    }
    put("manifest.json", json.dumps(manifest))


def test_the_rows_of_an_inventory_come_file_by_file(clients: Clients, put: Put) -> None:
    files = [
        ("data/1.csv.gz", '"other","a","1"\n"other","b","2"\n'),
        ("data/2.csv.gz", ""),
        ("data/3.csv.gz", '"other","c","3"'),
    ]
    _inventory(put, files)
    expected = [{"Bucket": "other", "Key": key, "Size": size} for key, size in (("a", "1"), ("b", "2"), ("c", "3"))]
    for config in ({"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY", "InputType": "CSV"}):
        assert read_all(reader(config, "manifest.json"), clients, 1) == expected
        assert read_all(reader(config, "manifest.json"), clients, 10) == expected
        assert read_all(reader({**config, "MaxItems": 2}, "manifest.json"), clients, 1) == expected[:2]


def test_the_objects_that_athena_wrote_are_read_one_after_another(clients: Clients, put: Put) -> None:
    put("1", "1\n2\n")
    put("2", "3\n")
    put("manifest.csv", "s3://bucket/1\ns3://bucket/2\n")
    assert read_all(reader({**JSONL, "ManifestType": "ATHENA_DATA"}, "manifest.csv"), clients, 2) == [1, 2, 3]


def test_a_listing_tells_of_each_object(clients: Clients, put: Put) -> None:
    for n in range(5):
        put(f"in/{n}", "x" * n)
    put("out", "")
    items = read_all(listing(None, Prefix="in/"), clients, 5)
    for limit in (2, 100):
        assert read_all(listing(None, Prefix="in/"), clients, limit) == items
    assert [item["Key"] for item in items] == [f"in/{n}" for n in range(5)]
    assert [item["Size"] for item in items] == list(range(5))
    assert set(items[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert items[0]["LastModified"] > 1_700_000_000
    assert read_all(listing({"MaxItems": 3}, Prefix="in/"), clients, 2) == items[:3]
    assert read_all(listing({"Transformation": "NONE"}, Prefix="none/"), clients, 2) == []


def test_listed_objects_are_loaded_and_their_items_joined(clients: Clients, put: Put) -> None:
    for n in range(4):
        put(f"in/{n}", "".join(f"{n}{i}\n" for i in range(1, n + 1)))
    loading = listing({**JSONL, "Transformation": "LOAD_AND_FLATTEN"}, Prefix="in/")
    for limit in (2, 3, 100):
        assert read_all(loading, clients, limit) == [11, 21, 22, 31, 32, 33]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (reader(JSONL, "none"), "s3://bucket/none: cannot be read: An error occurred (NoSuchKey)"),
        (reader(JSONL, Bucket="nowhere"), "s3://nowhere/k: cannot be read: An error occurred (NoSuchBucket)"),
        (listing(None, Bucket="nowhere"), "s3://nowhere/: cannot be read: An error occurred (NoSuchBucket)"),
        (reader({"InputType": "PARQUET"}), "InputType is 'PARQUET', expected JSON, JSONL, CSV or MANIFEST"),
        (reader({}), "InputType is None"),
        (reader({"InputType": "CSV"}), "CSVHeaderLocation is None, expected FIRST_ROW, or GIVEN with CSVHeaders"),
        (reader({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}), "CSVHeaders is None"),
        (reader({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": ";"}), "CSVDelimiter is ';'"),
        (reader({**JSONL, "MaxItems": "7"}), "MaxItems is '7', expected a whole number"),
        (reader({**JSONL, "ManifestType": "OTHER"}), "ManifestType is 'OTHER'"),
        (reader({"InputType": "MANIFEST"}, "inventory"), "is no manifest of an S3 inventory in CSV"),
        (reader({**JSONL, "ManifestType": "ATHENA_DATA"}), "expected a URI that begins with s3://"),
        (reader(JSONL, Kee="k"), """The field "Kee" is not supported by Step Functions. Did you mean 'Key'?"""),
        (reader(JSONL), "s3://bucket/k: Expecting value"),
        (reader({"InputType": "JSON"}, "k.gz"), "s3://bucket/k.gz: cannot be read: Not a gzipped file"),
        (reader(JSONL, "k.zst"), "compressed by Zstandard"),
        (listing({"Transformation": "LOAD"}), "Transformation is 'LOAD'"),
        ({"Resource": "arn:aws:states:::s3:headObject"}, "Resource is 'arn:aws:states:::s3:headObject'"),
    ],
)
def test_a_reader_that_cannot_be_followed_fails_the_map_and_says_why(
    broken: Json, told: str, clients: Clients, put: Put
) -> None:
    contents = {"k": "no JSON", "inventory": '{"fileFormat": "Parquet"}', "k.gz": "not compressed"}
    if (key := broken.get("Arguments", {}).get("Key")) in contents:
        put(key, contents[key])
    with pytest.raises(StateFailure) as failure:
        read(broken, None, clients, 5)
    assert failure.value.error == "States.ItemReaderFailed"
    assert told in failure.value.cause


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["JSONL", "JSON"])
def test_a_hundred_thousand_items_are_never_in_memory_at_once(kind: str, clients: Clients, put: Put) -> None:
    rows = [json.dumps({"n": n, "text": "x" * 200}) for n in range(100_000)]
    put("k", "\n".join(rows) if kind == "JSONL" else "[" + ",".join(rows) + "]")
    config, cursor, count = {"InputType": kind}, None, 0
    del rows
    read(reader(config), None, clients, 1)
    tracemalloc.start()
    while True:
        items, cursor = read(reader(config), cursor, clients, 1000)
        assert items[0]["n"] == count
        count += len(items)
        if cursor is None:
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 60_000_000  # of which moto, in the same process, takes the object once: 23 MB
