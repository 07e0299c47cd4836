"""The steps that begin a batch and select for it: what is asked, what is taken, and who may have it."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloud_side.catalog.tables import SAMPLES, SETTLED, TAKEN
from cloud_side.labeling.runtime.indexing import index
from cloud_side.labeling.runtime.opening import settle
from cloud_side.labeling.runtime.selecting import query, take
from edge_inspector.errors import ConfigError
from tests.cloud.labeling.stations import DAY, STARTED, Bucket, Cut, Home, make_sample, opened_home

FIRST = "catalog/taken/00000001.jsonl"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


def filled(bucket: Bucket, count: int = 6) -> Bucket:
    """Have samples in a bucket's index, and the tables of it."""
    bucket.put(*(make_sample(number, reason="defect" if number % 2 else "random") for number in range(count)))
    index(bucket.event(item={"partition": DAY, "announced": False}), None)
    glue = bucket.cloud.session.client("glue")
    glue.create_database(DatabaseInput={"Name": database(bucket)})
    for table in (SAMPLES, TAKEN):
        glue.create_table(DatabaseName=database(bucket), TableInput=table.input(bucket.name))
    return bucket


def database(bucket: Bucket) -> str:
    return bucket.name.replace("-", "_")


def answered(bucket: Bucket, asked: dict[str, Any]) -> str:
    """Return where Athena's answer to a statement lies."""
    athena = bucket.cloud.session.client("athena")
    begun = athena.start_query_execution(
        QueryString=asked["sql"],
        QueryExecutionContext={"Database": database(bucket)},
        ResultConfiguration={"OutputLocation": asked["output"]},
    )
    execution = athena.get_query_execution(QueryExecutionId=begun["QueryExecutionId"])["QueryExecution"]
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    address: str = execution["ResultConfiguration"]["OutputLocation"]
    return address


def chosen(bucket: Bucket, batch: str, **settings: Any) -> dict[str, Any]:
    """Return what Take is given, once the statement has been answered."""
    asked = query(bucket.event(batch, settings), None)
    return bucket.event(batch, settings, number=asked["number"], result=answered(bucket, asked))


def selected(bucket: Bucket, batch: str, **settings: Any) -> dict[str, Any]:
    """Run Query, Select and Take as the workflow does, as often as others are faster."""
    while (told := take(chosen(bucket, batch, **settings), None))["conflict"]:
        pass
    return told


def items(bucket: Bucket, batch: str) -> list[dict[str, Any]]:
    return bucket.rows(f"labeling/batches/{batch}/taken.jsonl")


def test_the_settings_are_told_in_full_and_kept(bucket: Bucket) -> None:
    event = {"bucket": bucket.name, "batch": "first", "started": STARTED, "input": {"budget": 30}}
    settings = settle(event, None)["settings"]
    assert (settings["budget"], settings["audits"], settings["method"], settings["site"]) == (30, 3, "page", None)
    assert bucket.rows("labeling/batches/first/settings.json") == [settings]
    assert settle(event, None)["settings"] == settings


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"budget": 0, "sit": "a"}, r"(?s)budget: expected: .*\nsit: expected: "),
        ({"samples_prefix": "samples/"}, "samples_prefix: expected letters"),
        ({"site": "a\nb"}, "site: expected a name of printable characters, found 'a"),
        (None, "input: expected: "),
    ],
)
def test_an_input_that_cannot_be_is_refused_before_anything_is_kept(bucket: Bucket, asked: Any, told: str) -> None:
    event = {"bucket": bucket.name, "batch": "first", "started": STARTED, "input": asked}
    with pytest.raises(ConfigError, match=told):
        settle(event, None)
    assert bucket.objects() == {}


def test_a_batch_takes_the_most_valuable_and_says_until_when(bucket: Bucket) -> None:
    filled(bucket)
    assert selected(bucket, "first", budget=4, audits=1, rounds=1) == {"taken": 4, "conflict": False}
    assert [each["reason"] for each in items(bucket, "first")] == ["defect"] * 3 + ["random"]
    assert items(bucket, "first")[0].keys() == {"sha256", "image", "part_group", "reason"}
    claims = bucket.rows(FIRST)
    assert [claim["sha256"] for claim in claims] == [each["sha256"] for each in items(bucket, "first")]
    assert {(claim["batch"], claim["until"]) for claim in claims} == {("first", "2026-03-17T08:00:00Z")}


def test_the_next_batch_takes_what_is_left_until_nothing_is(bucket: Bucket) -> None:
    filled(bucket)
    assert selected(bucket, "first", budget=4)["taken"] == 4
    assert selected(bucket, "second", budget=4)["taken"] == 2
    assert selected(bucket, "third", budget=4)["taken"] == 0
    assert not {each["sha256"] for each in items(bucket, "first")} & {
        each["sha256"] for each in items(bucket, "second")
    }
    assert items(bucket, "third") == []
    assert list(bucket.objects(TAKEN.prefix)) == [FIRST, "catalog/taken/00000002.jsonl"], (
        "who takes nothing claims none"
    )


def test_what_a_batch_has_let_go_of_is_taken_again_and_what_is_settled_never(bucket: Bucket) -> None:
    filled(bucket)
    selected(bucket, "first")
    settled, *others = bucket.rows(FIRST)
    rows = [settled | {"until": SETTLED}, *(other | {"until": "2026-03-02T08:00:00Z"} for other in others[1:])]
    bucket.put_object(FIRST, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    assert selected(bucket, "second")["taken"] == 5
    assert settled["sha256"] not in {each["sha256"] for each in items(bucket, "second")}


def test_who_is_slower_with_a_number_asks_again_and_takes_others(bucket: Bucket) -> None:
    filled(bucket)
    first, second = chosen(bucket, "first", budget=2), chosen(bucket, "second", budget=2)
    assert first["number"] == second["number"] == 1
    assert take(first, None) == {"taken": 2, "conflict": False}
    assert take(second, None) == {"taken": 0, "conflict": True}
    assert take(second, None) == {"taken": 0, "conflict": True}, "as often as it is asked"
    assert take(first, None) == {"taken": 2, "conflict": False}
    again = chosen(bucket, "second", budget=2)
    assert again["number"] == 2
    assert take(again, None)["taken"] == 2
    assert not {each["sha256"] for each in items(bucket, "first")} & {
        each["sha256"] for each in items(bucket, "second")
    }


def test_a_claim_that_is_empty_by_now_is_another_batch_s(bucket: Bucket) -> None:
    filled(bucket)
    event = chosen(bucket, "second")
    bucket.put_object(FIRST)
    assert take(event, None)["conflict"]


def test_batches_at_once_never_take_the_same(bucket: Bucket) -> None:
    filled(bucket, 24)
    names = [f"batch-{number}" for number in range(4)]
    threads = [threading.Thread(target=selected, args=[bucket, name], kwargs={"budget": 5}) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    taken = [each["sha256"] for name in names for each in items(bucket, name)]
    assert len(taken) == len(set(taken)) == 20


def test_a_step_that_was_killed_after_any_request_and_runs_again_leaves_the_same(home: Home) -> None:
    bucket = filled(home.bucket())
    given = chosen(bucket, "first")
    steps: list[Callable[[Bucket], Any]] = [
        lambda at: settle({**at.event(), "input": {}}, None),
        lambda at: query(at.event(), None),
        lambda at: take({**given, "bucket": at.name}, None),
    ]
    for step in steps:
        before, asked = bucket.objects(), bucket.asked()
        told = json.dumps(step(bucket))
        bucket.unhook()
        written = {key: content for key, content in bucket.objects().items() if key not in before}
        for number in range(len(asked)):
            other = home.bucket()
            with pytest.raises(Cut), other.cut_after(number):
                step(other)
            assert json.dumps(step(other)) == told.replace(bucket.name, other.name)
            assert other.objects() == written
