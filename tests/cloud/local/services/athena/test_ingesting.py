"""Tables follow their objects: what is new, changed, gone, defined anew, or broken."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cloud_side.local.services.athena import running
from cloud_side.local.services.athena.objects import Objects
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.athena.lake import BUCKET, COLUMNS, DATABASE, Lake, table

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = "SELECT image FROM samples ORDER BY image"


def images(*names: str) -> list[dict[str, str]]:
    return [{"image": name} for name in names]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the keys of objects, as they are read."""
    keys: list[str] = []
    before: Callable[..., Any] = Objects.open

    def opening(objects: Objects, address: Any) -> Any:
        keys.append(address.key)
        return before(objects, address)

    monkeypatch.setattr(Objects, "open", opening)
    return keys


def test_only_what_is_new_or_changed_is_read_again(lake: Lake, opened: list[str]) -> None:
    lake.put("samples/1.jsonl", images("a", "b"))
    lake.put("samples/deep/2.jsonl", images("c"))
    lake.put("samples/_hidden.jsonl", images("never"))
    lake.put("samples/deep/.hidden", images("never"))
    lake.put("samples-of-others/1.jsonl", images("never"))
    lake.s3.put_object(Bucket=BUCKET, Key="samples/empty.jsonl", Body=b"")
    assert lake.ask(ALL) == [["a"], ["b"], ["c"]]
    assert opened == ["samples/1.jsonl", "samples/deep/2.jsonl", "samples/empty.jsonl"]

    lake.put("samples/1.jsonl", images("b", "d"))
    lake.put("samples/3.jsonl", images("e"))
    lake.s3.delete_object(Bucket=BUCKET, Key="samples/deep/2.jsonl")
    del opened[:]
    assert lake.ask(ALL) == [["b"], ["d"], ["e"]]
    assert opened == ["samples/1.jsonl", "samples/3.jsonl"]


def test_only_the_tables_that_a_statement_names_are_brought_in(lake: Lake, opened: list[str]) -> None:
    lake.put("samples/1.jsonl", images("a"))
    for number, name in enumerate(("taken", "listed")):
        lake.create(name)
        lake.put(f"{name}/1.jsonl", images(name))
        assert lake.ask(f'SELECT image FROM "{name.upper()}"') == [[name]]
        assert opened[number:] == [f"{name}/1.jsonl"]


def test_a_table_that_is_defined_anew_is_read_anew_and_one_that_is_gone_is_gone(lake: Lake) -> None:
    lake.put("samples/1.jsonl", [{"image": "a", "lot": 7}])
    assert lake.ask(ALL) == [["a"]]
    more = table("samples", {"image": "string", "lot": "string"})
    lake.glue.update_table(DatabaseName=DATABASE, TableInput=more)
    assert lake.ask("SELECT * FROM samples") == [["a", "7"]]
    lake.glue.delete_table(DatabaseName=DATABASE, Name="samples")
    assert lake.fail(ALL).startswith("TABLE_NOT_FOUND: samples")
    lake.create("samples", Location=f"s3://{BUCKET}/elsewhere/")
    assert lake.ask(ALL) == []


BROKEN = [
    ('{"image": "b"', "Expecting ',' delimiter"),
    ("[1]", "expected a JSON object, found [1]"),
    ('{"boxes": "two"}', "column boxes: expected int, found 'two'"),
    ('{"boxes": true}', "column boxes: expected int, found True"),
    ('{"boxes": 2147483648}', "column boxes: expected int, found 2147483648"),
    ('{"bytes": 9223372036854775808}', "column bytes: expected bigint"),
    ('{"confidence": "high"}', "column confidence: expected double, found 'high'"),
    ('{"confidence": NaN}', "expected a number that JSON has, found 'NaN'"),
    ('{"judged": 1}', "column judged: expected boolean, found 1"),
    (r'{"image": "\ud800"}', "column image: expected string"),
    ("[" * 100_000, "recursion"),
    ("\x00", "Expecting value"),
]


def test_a_broken_line_fails_the_query_with_its_place_and_is_healed_by_its_object(lake: Lake) -> None:
    lake.put("samples/0.jsonl", images("a"))
    for line, why in BROKEN:
        lake.put("samples/1.jsonl", [*images("b"), "", line, *images("c")])
        reason = lake.fail(ALL)
        assert reason.startswith(f"HIVE_BAD_DATA: table samples: s3://{BUCKET}/samples/1.jsonl, line 3: "), line
        assert why in reason
    lake.put("samples/1.jsonl", images("b"))
    assert lake.ask(ALL) == [["a"], ["b"]]


def test_a_line_without_an_end_is_not_held(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_side.local.services.athena.sources.LONGEST_LINE", 1_000_000)
    lake.s3.put_object(Bucket=BUCKET, Key="samples/1.jsonl", Body=b'{"image": "' + b"x" * 2_000_000)
    assert "line 1: expected at most 1000000 bytes, found" in lake.fail(ALL)


def test_an_object_that_goes_while_it_is_read_is_not_there(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put("samples/1.jsonl", images("a"))
    lake.put("samples/2.jsonl", images("b"))
    before: Callable[..., Any] = Objects.open

    def going(objects: Objects, address: Any) -> Any:
        lake.s3.delete_object(Bucket=BUCKET, Key="samples/2.jsonl")
        return before(objects, address)

    monkeypatch.setattr(Objects, "open", going)
    assert lake.ask(ALL) == [["a"]]


def test_two_queries_at_once_while_objects_are_replaced_see_each_object_whole(cloud: Kept, lake: Lake) -> None:
    def put(key: int, version: int) -> None:
        lake.put(f"samples/{key}.jsonl", [{"image": "a", "bytes": key, "boxes": version}] * 100)

    def ask(_: int) -> None:
        for _ in range(5):
            running.run(cloud.home, cloud.database, identity := lake.start(statement))
            answers.append(lake.text(identity).splitlines()[1:])

    answers: list[list[str]] = []
    statement = "SELECT bytes, count(*) FROM samples GROUP BY bytes, boxes ORDER BY bytes"
    for key in range(3):
        put(key, 0)
    with ThreadPoolExecutor(2) as threads:
        asking = threads.map(ask, range(2))
        for version in range(10):
            put(version % 3, version)
        assert list(asking) == [None, None]
    assert answers == [[f'"{key}","100"' for key in range(3)]] * 10


@pytest.mark.parametrize("objects", [10, pytest.param(300, marks=pytest.mark.nightly)])
def test_rows_pass_by_and_are_not_held(lake: Lake, objects: int) -> None:
    for number in range(objects):
        rows = ({**dict.fromkeys(COLUMNS), "image": f"{number}-{row:>64}"} for row in range(333))
        lake.put(f"samples/{number}.jsonl", rows)
    identity = lake.start("SELECT image, boxes FROM samples ORDER BY image")
    tracemalloc.start()
    assert lake.told(identity)["Status"]["State"] == "SUCCEEDED"
    found = lake.athena.get_query_results(QueryExecutionId=identity)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found["ResultSet"]["Rows"]) == 1000
    assert peak_bytes < 4_000_000
    assert lake.text(identity).count("\n") == 1 + objects * 333
