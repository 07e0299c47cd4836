"""However often events come, and in whatever order, the index is the same, and its counts are those of its rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.decision import Verdict
from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.journal import Entry
from edge_inspector.page.index.database import Database
from edge_inspector.page.index.figures import Asked, figures
from edge_inspector.page.index.finding import results
from edge_inspector.page.index.gaps import Gap, filled_up_to, width, with_gap
from edge_inspector.page.index.reading import counts, history
from edge_inspector.page.index.rows import Counts, ResultFilter, ResultRow
from edge_inspector.page.index.told import told
from edge_inspector.topics import Message
from edge_inspector.tracks import TrackPhase
from tests.page.indexed import AT, NO_VERDICT, WRITER, change, frame, part, track_id, word

DAY = timedelta(days=1)
LABELS = st.lists(st.sampled_from(["scratch", "dent", "stain"]), unique=True, max_size=3)
_SPANS = """
SELECT span, minute, name, accept, review, reject, no_verdict, defects FROM counts LEFT JOIN names ON id = product
WHERE accept + review + reject + no_verdict + defects ORDER BY 1, 2, 3
"""
VERDICTS = st.sampled_from([Verdict.REVIEW, Verdict.REJECT])


@st.composite
def stories(draw: st.DrawFn) -> list[Message]:
    """Return the events of some parts, frames and followed defects, and of what people said, as a journal has them."""
    messages: list[Message] = []
    for number in range(draw(st.integers(1, 6))):
        labels, verdict = draw(LABELS), draw(VERDICTS)
        failure = NO_VERDICT if draw(st.integers(0, 4)) == 0 else None
        at = AT + timedelta(minutes=draw(st.integers(0, 90)), seconds=number)
        kind = draw(st.sampled_from(["part", "frame", "track"]))
        if kind == "part":
            result = part(
                number,
                *labels,
                at=at,
                verdict=verdict,
                failure=failure,
                product=draw(st.sampled_from(["a", "b", None])),
            )
            messages += WRITER.of_result(result)
        elif kind == "frame":
            result = frame(number, *labels, at=at, verdict=verdict, failure=failure)
            messages += WRITER.of_result(result)
        else:
            result = frame(number, "dent", at=at, verdict=verdict)
            phases = [TrackPhase.NEW, TrackPhase.UPDATE, TrackPhase.END][: draw(st.integers(1, 3))]
            worse = [Verdict.REVIEW, *sorted([draw(VERDICTS), draw(VERDICTS)], reverse=True)]
            for step, phase in enumerate(phases):
                seen = frame(100 * number + step, "dent", at=at + timedelta(seconds=step), verdict=worse[step])
                messages.append(change(seen, number, phase, label="dent", verdict=worse[step]))
                result = seen if step == 0 else result
        track = track_id(number) if kind == "track" else None
        for said in draw(st.lists(st.sampled_from(list(Disposition)), max_size=2)):
            boxes = [DrawnBox("stain", (0, 0, 40, 40))] if said is Disposition.MISSED_DEFECT else []
            messages.append(word(result, said, minutes=len(messages), boxes=boxes, track=track))
    return messages


def indexed(entries: Sequence[Entry]) -> Database:
    database = Database(None)
    for entry in entries:
        write(database, entry)
    return database


def write(database: Database, entry: Entry) -> None:
    found = told(entry, random_share=0.5)
    with database.alone() as writing:
        writing.write([] if found is None else [found])


def everything(database: Database) -> dict[str, Any]:
    """Return all that can be asked of an index."""
    with database.reading(0) as connection:
        assert connection is not None
        rows = results(connection, ResultFilter(), 100, None).rows
        asked = [
            Asked(AT - DAY, AT + DAY, bucket, product, label)
            for bucket, product, label in [(1, None, None), (60, "a", None), (30, None, "stain"), (1440, "b", "dent")]
        ]
        return {
            "rows": rows,
            "said": [history(connection, row.key) for row in rows],
            "counts": [counts(connection, AT - DAY, AT + DAY, product) for product in (None, "a", "b")],
            "figures": [figures(connection, each) for each in asked],
            "labels": {
                label: [row.key for row in results(connection, ResultFilter(label=label), 100, None).rows]
                for label in ("scratch", "dent", "stain")
            },
            "spans": connection.execute(_SPANS).fetchall(),
            "number": database.writing.rows,
        }


@given(stories(), st.data())
def test_events_that_come_again_and_in_any_order_make_the_same_index(
    messages: list[Message], data: st.DataObject
) -> None:
    entries = [Entry(seq, message) for seq, message in enumerate(messages, 1)]
    again = data.draw(st.lists(st.sampled_from(entries), max_size=5))
    shuffled = data.draw(st.permutations([*entries, *again]))
    assert everything(indexed(shuffled)) == everything(indexed(entries))


@given(stories())
def test_counts_are_those_of_the_rows_and_lists_those_of_a_filter(messages: list[Message]) -> None:
    database = indexed([Entry(seq, message) for seq, message in enumerate(messages, 1)])
    found = everything(database)
    rows: tuple[ResultRow, ...] = found["rows"]
    unlisted = database.writing.rows - len(rows)
    total: Counts = found["counts"][0]
    tracks = sum(row.track_id is not None for row in rows)
    assert total.parts == len(rows) - tracks + unlisted
    assert total.accept == sum(row.outcome == "accept" for row in rows)
    assert total.no_verdict == sum(row.outcome == "no_verdict" for row in rows)
    assert total.defects == sum(row.part_id is not None and row.outcome != "accept" for row in rows) + tracks
    for label, keys in found["labels"].items():
        drawn = [label in {box.label for box in row.said.boxes} if row.said else False for row in rows]
        expected = [
            row.key
            for row, is_drawn in zip(rows, drawn, strict=True)
            if is_drawn or (row.outcome != "accept" and label in {reason.label for reason in row.reasons})
        ]
        assert keys == expected


@given(stories(), st.integers(0, 30), st.integers(0, 30))
def test_what_was_made_of_lost_events_is_taken_back_wherever_the_head_was(
    messages: list[Message], through: int, head: int
) -> None:
    entries = [Entry(seq, message) for seq, message in enumerate(messages, 1)]
    database = indexed(entries)
    database.head = head
    database.cut(through)
    for entry in entries[:through]:
        if entry.seq > database.head or any(gap.after < entry.seq <= gap.through for gap in database.gaps):
            write(database, entry)
    assert everything(database) == everything(indexed(entries[:through]))
    for entry in entries[through:]:
        write(database, entry)
    assert everything(database) == everything(indexed(entries))


@given(stories())
@settings(max_examples=20)
def test_deleting_every_row_leaves_nothing_behind(messages: list[Message]) -> None:
    database = indexed([Entry(seq, message) for seq, message in enumerate(messages, 1)])
    with database.alone() as writing:
        writing.delete_before(10**6, 10**6, limit=1000)
        assert writing.rows == 0
    with database.reading(0) as connection:
        assert connection is not None
        for table in ("results", "marks", "counts", "dispositions"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8), st.integers(0, 60))
def test_gaps_hold_exactly_the_numbers_that_are_not_looked_at(stretches: list[tuple[int, int]], through: int) -> None:
    gaps: list[Gap] = []
    missing: set[int] = set()
    for after, end in stretches:
        gaps = with_gap(gaps, after, end)
        missing |= set(range(after + 1, end + 1))
    assert {number for gap in gaps for number in range(gap.after + 1, gap.through + 1)} == missing
    assert width(gaps) == len(missing)
    left = filled_up_to(gaps, through)
    assert width(left) == sum(number > through for number in missing)
