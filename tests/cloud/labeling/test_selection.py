"""Which samples a batch is given: the one statement, asked of SQLite, and read as Athena would."""

import csv
import hashlib
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from cloud_side.catalog.tables import SAMPLES, SETTLED, TAKEN, Table
from cloud_side.labeling.selection import (
    COLUMNS,
    Selected,
    claim,
    claim_key,
    held_until,
    is_claim_of,
    next_number,
    selected,
    statement,
    timestamp,
)
from cloud_side.labeling.settings import LabelingSettings
from edge_inspector.errors import ConfigError

STARTED = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEFORE, AFTER = "2026-03-02T07:59:59Z", "2026-03-02T08:00:01Z"
FUNCTIONS = {"COALESCE", "LENGTH", "ROW_NUMBER", "SUBSTRING"}  # that both engines have, and that mean the same
DIALECTS = ("athena", "sqlite")
FOLDER = "samples/site="
KINDS = ["missed_defect", "unsure", "uncertain", "defect", "drift", "collect", "later", "random"]


def sample(name: str, reason: str = "defect", **more: Any) -> dict[str, Any]:
    """Return a row of the index; a name is a content."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in SAMPLES.columns)
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    place = {"site": "berlin", "line": "1", "station": "press", "product": "tag", "boxes": 1}
    kept = {"image": f"{FOLDER}{name}.jpg", "sha256": sha256, "part_group": name, "reason": reason}
    return row | place | kept | {"found_reason": reason} | more


def taken(name: str, until: str) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(name.encode()).hexdigest(), "batch": "earlier", "until": until}


def answer(rows: Iterable[Mapping[str, Any]], claims: Iterable[Mapping[str, Any]] = (), **asked: Any) -> list[Selected]:
    """Return what the statement selects, by way of the CSV that Athena writes."""
    found = run(statement(LabelingSettings(**asked), STARTED), rows, claims)
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([COLUMNS, *found])
    return list(selected(text.getvalue()))


def run(sql: str, rows: Iterable[Mapping[str, Any]], claims: Iterable[Mapping[str, Any]] = ()) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        for table, content in ((SAMPLES, rows), (TAKEN, claims)):
            names = [column.name for column in table.columns]
            connection.execute(f"CREATE TABLE {table.name} ({', '.join(names)})")
            values = ([row[name] for name in names] for row in content)
            connection.executemany(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(names))})", values)
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def names(found: Sequence[Selected]) -> list[str]:
    return [each.image.removeprefix(FOLDER).removesuffix(".jpg") for each in found]


def of_kind(kind: str, name: str, **more: Any) -> dict[str, Any]:
    if kind in {"missed_defect", "false_reject", "unsure"}:
        return sample(name, "operator", disposition=kind, found_reason="random", **more)
    return sample(name, kind, **more)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "asked", [{}, {"site": "o'brien", "line": "1", "station": "", "product": "tag", "group_by": "lot"}]
)
def test_it_is_one_statement_in_words_that_both_engines_have(dialect: str, asked: dict[str, Any]) -> None:
    asked = {name: value for name, value in asked.items() if value}
    (tree,) = sqlglot.parse(statement(LabelingSettings(**asked), STARTED), dialect=dialect)
    assert isinstance(tree, exp.Select)
    syntax = (exp.And, exp.Or, exp.Case, exp.If)  # are functions to the parser
    used = {each.sql_name() for each in tree.find_all(exp.Func) if not isinstance(each, syntax)}
    assert used == FUNCTIONS
    assert {table.name for table in tree.find_all(exp.Table)} - {cte.alias for cte in tree.find_all(exp.CTE)} == {
        SAMPLES.name,
        TAKEN.name,
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_column_that_it_names_is_one_of_the_tables(dialect: str) -> None:
    def columns(table: Table) -> dict[str, str]:
        return {column.name: column.type for column in table.columns}

    tree = sqlglot.parse_one(statement(LabelingSettings(), STARTED), dialect=dialect)
    schema = {table.name: columns(table) for table in (SAMPLES, TAKEN)}
    qualified = qualify(tree, dialect=dialect, schema=schema, validate_qualify_columns=True)
    assert qualified.named_selects == list(COLUMNS)


def test_nothing_is_ordered_by_what_may_be_null() -> None:
    """SQLite has nulls first, and Athena has them last."""
    tree = sqlglot.parse_one(statement(LabelingSettings(), STARTED), dialect="athena")
    ordered = {column.name for order in tree.find_all(exp.Order) for column in order.find_all(exp.Column)}
    made = {"kind", "is_empty", "turn", "seat", "place"}  # of CASE with ELSE, and of ROW_NUMBER
    assert ordered - made == {"sha256", "image"}, "without these there is no row"


def test_the_most_valuable_come_first() -> None:
    rows = [of_kind(kind, kind) for kind in reversed(KINDS)] + [of_kind("false_reject", "false_reject")]
    order = names(answer(rows, audits=0))
    assert set(order[:2]) == {"missed_defect", "false_reject"}, "an operator disagreed"
    assert order[2:] == KINDS[1:]
    assert names(answer(rows, audits=0, budget=4)) == order[:4]


@pytest.mark.parametrize("agreed", ["true_accept", "true_reject", "withdrawn"])
def test_a_word_that_disagrees_with_nothing_leaves_a_picture_what_it_was_kept_for(agreed: str) -> None:
    """An audit that was answered stays one of the draw; else the good parts that people confirm would fill a batch."""
    kept = ["operator", "uncertain", "defect", "drift", "collect", None, "random"]
    rows = [sample(str(why), "operator", disposition=agreed, found_reason=why) for why in reversed(kept)]
    assert names(answer(rows, audits=0)) == [str(why) for why in kept]
    audits = [sample(f"audit-{number}", "operator", disposition=agreed, found_reason="random") for number in range(9)]
    defects = [sample(f"defect-{number}") for number in range(9)]
    assert Counter(each.reason for each in answer(audits + defects, budget=8, audits=2)) == {"defect": 6, "operator": 2}


def test_samples_whose_keys_begin_otherwise_are_another_s() -> None:
    begins = ("samples", "samples/trial", "sample_", "samples_", "SAMPLES")
    rows = [sample(begin, image=f"{begin}/site=a/b.jpg") for begin in begins]
    for begin in begins[:4]:
        assert [each.image for each in answer(rows, samples_prefix=begin)] == [f"{begin}/site=a/b.jpg"]


def test_the_same_picture_comes_once_for_the_most_valuable_reason_and_then_by_its_key() -> None:
    rows = [
        sample("same", "random", image=f"{FOLDER}a.jpg"),
        sample("same", "defect", image=f"{FOLDER}c.jpg"),
        sample("same", "defect", image=f"{FOLDER}b.jpg"),
        sample("other", "random"),
    ]
    for some in (rows, rows[::-1]):
        found = answer(some)
        assert (names(found), [each.reason for each in found]) == (["b", "other"], ["defect", "random"])


def test_what_another_batch_holds_is_left_out() -> None:
    rows = [sample(name) for name in ("free", "let-go", "held", "settled", "held-again", "never-known")]
    claims = [
        taken("let-go", BEFORE),
        taken("held", AFTER),
        taken("settled", SETTLED),
        taken("held-again", BEFORE),
        taken("held-again", AFTER),
        {"sha256": None, "batch": "broken", "until": AFTER},
    ]
    assert set(names(answer(rows, claims))) == {"free", "let-go", "never-known"}


def test_some_places_are_for_audits_where_there_are_any() -> None:
    rows = [sample(f"defect-{number}") for number in range(20)] + [sample(f"audit-{n}", "random") for n in range(9)]
    assert Counter(each.reason for each in answer(rows, budget=10, audits=3)) == {"defect": 7, "random": 3}
    assert Counter(each.reason for each in answer(rows[:22], budget=10, audits=3)) == {"defect": 8, "random": 2}
    assert Counter(each.reason for each in answer(rows, budget=10, audits=0)) == {"defect": 10}
    assert Counter(each.reason for each in answer(rows, budget=25, audits=3)) == {"defect": 20, "random": 5}
    assert Counter(each.reason for each in answer(rows, budget=10)) == {"defect": 9, "random": 1}, "a tenth by default"


def test_every_part_has_its_turn_before_any_has_a_second_one() -> None:
    rows = [sample(f"busy-{number}", part_group="busy") for number in range(500)]
    rows += [sample(f"part-{number}") for number in range(9)]
    assert Counter(each.part_group for each in answer(rows, budget=12, audits=0)) == {
        "busy": 3,
        **{f"part-{number}": 1 for number in range(9)},
    }


def test_every_station_has_its_turn_before_any_has_a_second_one() -> None:
    rows = [sample(f"busy-{number}") for number in range(500)]
    rows += [sample(f"quiet-{number}", station="oven") for number in range(3)]
    found = names(answer(rows, budget=10, audits=0))
    assert sum(name.startswith("quiet") for name in found) == 3


def test_of_a_part_s_pictures_one_with_boxes_goes_first() -> None:
    rows = [sample(f"side-{side}", part_group="part", boxes=int(side == 5)) for side in range(9)]
    assert names(answer(rows, budget=1)) == ["side-5"]


def test_a_lot_is_the_group_where_that_is_asked_and_known() -> None:
    rows = [sample("known", lot="lot-7"), sample("unknown", lot=None)]
    assert {each.part_group for each in answer(rows)} == {"known", "unknown"}
    assert {each.part_group for each in answer(rows, group_by="lot")} == {"lot-7", "unknown"}


@pytest.mark.parametrize("level", ["site", "line", "station", "product"])
@pytest.mark.parametrize(
    "name", ["o'brien", "'; DROP TABLE samples; --", "a\\'b", 'a"b', "':site", "ü 工場", "NULL", "%"]
)
def test_only_what_is_asked_for_whatever_it_is_called(level: str, name: str) -> None:
    rows = [sample("wanted", **{level: name}), sample("other"), sample("unknown", **{level: None})]
    assert names(answer(rows, **{level: name})) == ["wanted"]
    assert len(answer(rows)) == 3


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "a\ud800b"])
def test_a_name_that_no_statement_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="product: expected a name of printable characters"):
        statement(LabelingSettings.model_construct(product=name), STARTED)


ROWS = st.lists(
    st.builds(
        lambda kind, content, part, station, at: of_kind(
            kind, f"content-{content}", part_group=f"part-{part}", station=station, image=f"{FOLDER}{station}/{at}.jpg"
        ),
        st.sampled_from(KINDS),
        st.integers(0, 12),
        st.integers(0, 3),
        st.sampled_from("ab"),
        st.integers(0, 50),
    ),
    max_size=40,
    unique_by=lambda row: row["image"],
)
CLAIMS = st.lists(
    st.builds(
        lambda content, until: taken(f"content-{content}", until), st.integers(0, 12), st.sampled_from([BEFORE, AFTER])
    ),
    max_size=4,
)


def worth(row: Mapping[str, Any]) -> int:
    return KINDS.index(row["disposition"] or row["reason"])


@given(ROWS, CLAIMS, st.integers(1, 14), st.integers(0, 6), st.randoms(use_true_random=False))
def test_a_batch_is_as_valuable_as_can_be_and_does_not_depend_on_the_order_of_rows(
    rows: list[dict[str, Any]], claims: list[dict[str, Any]], budget: int, audits: int, dice: Any
) -> None:
    found = answer(rows, claims, budget=budget, audits=audits)
    held = {each["sha256"] for each in claims if each["until"] == AFTER}
    free: dict[str, int] = {}
    for row in rows:
        if row["sha256"] not in held:
            free[row["sha256"]] = min(worth(row), free.get(row["sha256"], 99))
    audited = sorted(free.values(), reverse=True)[: min(audits, budget)]
    kept = [value for value in audited if value == KINDS.index("random")]
    rest = sorted(free.values())[: len(free) - len(kept)][: budget - len(kept)]
    images = {row["image"]: row for row in rows}
    assert [worth(images[each.image]) for each in found] == sorted([*rest, *kept])
    assert len({each.sha256 for each in found}) == len(found)
    dice.shuffle(rows)
    assert answer(rows, claims, budget=budget, audits=audits) == found


def test_an_answer_is_read_as_athena_writes_it() -> None:
    text = '"sha256","image","part_group","reason"\n"5a","s/a,b.jpg","the ""A"" part\nof two",\n'
    assert list(selected(text)) == [Selected("5a", "s/a,b.jpg", 'the "A" part\nof two', "")]
    assert list(selected('"sha256","image","part_group","reason"\n')) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "found none"),
        ('"sha256","image"\n', "found sha256, image"),
        ('"sha256","image","part_group","reason"\n"5a"\n', r"found \['5a'\]"),
    ],
)
def test_another_answer_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        list(selected(text))


def test_claims_are_numbered_without_a_gap_and_in_the_order_of_their_keys() -> None:
    assert next_number([]) == 1
    assert (
        next_number([claim_key(1), claim_key(12), "catalog/taken/readme.txt", "catalog/taken/x/00000077.jsonl"]) == 13
    )
    assert claim_key(7) < claim_key(12)
    assert next_number([claim_key(123_456_789)]) == 123_456_790


def test_a_claim_is_rows_that_the_statement_sees() -> None:
    rows = [sample("mine"), sample("free")]
    mine = [each for each in answer(rows) if each.image == f"{FOLDER}mine.jpg"]
    content = claim("first", mine, STARTED + timedelta(seconds=1))
    claims = [json.loads(line) for line in content.splitlines()]
    assert claims == [{"sha256": mine[0].sha256, "batch": "first", "until": AFTER}]
    assert names(answer(rows, claims)) == ["free"]
    assert is_claim_of("first", content)
    assert not is_claim_of("second", content)
    assert not is_claim_of("first", b"")


def test_a_batch_holds_what_it_took_through_all_its_rounds() -> None:
    days = held_until(LabelingSettings(rounds=2, label_days=3, verify_days=4), STARTED) - STARTED
    assert timedelta(days=14) < days <= timedelta(days=16)


def test_times_are_told_in_utc_so_that_their_texts_have_their_order() -> None:
    assert (
        timestamp(datetime(2026, 3, 2, 9, 0, 0, 900_000, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-02T08:00:00Z"
    )
    assert timestamp(STARTED) < SETTLED
