"""What the index finds: rows, lists, counts, and what people said."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_inspector.decision import Verdict
from edge_inspector.dispositions import Disposition, DrawnBox
from edge_inspector.errors import RefusedError
from edge_inspector.journal import Journal
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import Choices, Counts, ResultFilter
from edge_inspector.sampling import draw
from edge_inspector.tracks import TrackPhase
from tests.mosquitto import eventually
from tests.page.indexed import (
    AT,
    AT_ONCE,
    BOX,
    IMAGE_WH,
    MODEL,
    NO_VERDICT,
    PATIENCE_S,
    all_rows,
    caught_up,
    change,
    following,
    frame,
    ids,
    part,
    put,
    track_id,
    word,
)


def test_a_part_is_found_with_all_that_its_event_tells(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        (result,) = put(journal, part(1, "scratch", "dent", sample_key="samples/1.jpg"))
        caught_up(index, journal)
        row = index.find(result.inspection_id)
    assert row is not None
    assert (row.inspection_id, row.captured_at, row.part_id) == (
        result.inspection_id,
        AT + timedelta(seconds=1),
        "part-00001",
    )
    assert (row.lot, row.product, row.outcome, row.cause, row.treated_as) == ("L-1", "cover", "reject", None, None)
    assert [(reason.label, reason.confidence, reason.verdict) for reason in row.reasons] == [
        ("scratch", 0.9, "reject"),
        ("dent", 0.8, "reject"),
    ]
    assert [(box.label, box.confidence, box.xyxy, box.part_frame) for box in row.boxes] == [
        ("scratch", 0.9, BOX, 0),
        ("dent", 0.8, BOX, 0),
    ]
    assert (row.boxes_total, row.image_wh, row.frames, row.model, row.latency_ms) == (2, IMAGE_WH, 1, MODEL, 14.5)
    assert (row.track_id, row.phase, row.sample_key, row.is_audit, row.said) == (
        None,
        None,
        "samples/1.jpg",
        False,
        None,
    )


def test_a_part_without_a_verdict_tells_why_and_what_became_of_it(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        (result,) = put(journal, part(1, failure=NO_VERDICT))
        caught_up(index, journal)
        row = index.find(result.inspection_id)
    assert row is not None
    assert (row.outcome, row.cause, row.treated_as) == ("no_verdict", "deadline_missed", "reject")


def test_an_id_that_nobody_knows_is_not_found(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        put(journal, part(1))
        caught_up(index, journal)
        assert index.find("01KJMMA2G0HBA0CAVB2M3SWTSS") is None
        assert index.history("01KJMMA2G0HBA0CAVB2M3SWTSS") == []


def test_lists_are_newest_first_and_stay_where_they_are_while_rows_arrive(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        results = put(journal, *(part(number, "dent") for number in range(10)))
        caught_up(index, journal)
        first = index.results(ResultFilter(), 4)
        put(journal, *(part(number) for number in range(10, 14)))
        caught_up(index, journal)
        second = index.results(ResultFilter(), 4, first.next)
        third = index.results(ResultFilter(), 4, second.next)
    newest_first = [result.inspection_id for result in reversed(results)]
    assert ids([*first.rows, *second.rows, *third.rows]) == newest_first
    assert third.next is None


def test_parts_of_one_moment_are_each_on_one_page(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        results = put(journal, *(part(number, at=AT) for number in range(7)))
        caught_up(index, journal)
        assert sorted(ids(all_rows(index, limit=2))) == sorted(result.inspection_id for result in results)


@pytest.mark.parametrize("before", ["", "x", "1.2.3", "-", "zz.1", "1" * 40 + ".1", "1.-1"])
def test_a_place_in_a_list_that_is_none_is_refused(tmp_path: Path, before: str) -> None:
    with following(tmp_path, on_disk=False) as (_, index), pytest.raises(RefusedError, match="expected `next`"):
        index.results(ResultFilter(), 4, before)


def test_filters_find_what_they_say(tmp_path: Path) -> None:
    parts = [
        part(0, "scratch"),
        part(1, "dent", verdict=Verdict.REVIEW, lot="L-2"),
        part(2, failure=NO_VERDICT, product="frame"),
        part(3),
        part(4, "dent", "scratch", product="frame", lot="L-2"),
        part(5, part_id="other-1"),
    ]
    with following(tmp_path) as (journal, index):
        put(journal, *parts)
        journal.append([word(parts[0], Disposition.FALSE_REJECT), word(parts[4], Disposition.TRUE_REJECT)])
        drawn = DrawnBox("stain", (0, 0, 10, 10))
        journal.append([word(parts[3], Disposition.MISSED_DEFECT, boxes=[drawn])])
        caught_up(index, journal)

        def numbers(**wanted: object) -> list[int]:
            known = {result.inspection_id: number for number, result in enumerate(parts)}
            return [known[name] for name in ids(all_rows(index, ResultFilter(**wanted)))]  # type: ignore[arg-type]

        assert numbers() == [5, 4, 3, 2, 1, 0]
        assert numbers(outcomes=("reject",)) == [4, 0]
        assert numbers(outcomes=("review", "no_verdict")) == [2, 1]
        assert numbers(outcomes=("accept", "review")) == [5, 3, 1]
        assert numbers(label="scratch") == [4, 0]
        assert numbers(label="stain") == [3]
        assert numbers(label="hole") == []
        assert numbers(lot="L-2") == [4, 1]
        assert numbers(product="frame") == [4, 2]
        assert numbers(product="nothing such") == []
        assert numbers(part="part-") == [4, 3, 2, 1, 0]
        assert numbers(part="part-00003") == [3]
        assert numbers(since=AT + timedelta(seconds=2), until=AT + timedelta(seconds=4)) == [3, 2]
        assert numbers(is_judged=True) == [4, 3, 0]
        assert numbers(is_judged=False) == [5, 2, 1]
        assert numbers(disposition=Disposition.TRUE_REJECT) == [4]
        assert numbers(label="dent", lot="L-2", outcomes=("reject",), is_judged=True, part="part-00004") == [4]
        assert numbers(label="dent", since=AT + timedelta(seconds=2)) == [4]
        assert numbers(part="part-", product="cover", outcomes=("reject", "review"), is_judged=False) == [1]
        assert numbers(is_audit=True) == []


def test_audits_are_the_accepted_parts_that_the_sampler_draws(tmp_path: Path) -> None:
    with following(tmp_path, random_share=0.5) as (journal, index):
        results = put(journal, *(part(number, *("dent" for _ in range(number % 2))) for number in range(40)))
        caught_up(index, journal)
        audits = ids(all_rows(index, ResultFilter(is_audit=True)))
    drawn = [each.inspection_id for each in results if each.outcome_name == "accept" and draw(each.inspection_id) < 0.5]
    assert 0 < len(drawn) < 20
    assert sorted(audits) == sorted(drawn)


def test_a_part_whose_sample_no_budget_kept_is_no_audit(tmp_path: Path) -> None:
    """Nobody can judge what has no picture."""
    with following(tmp_path, random_share=1.0) as (journal, index):
        put(journal, part(1, sample_key=None), part(2))
        caught_up(index, journal)
        assert [row.part_id for row in all_rows(index, ResultFilter(is_audit=True))] == ["part-00002"]


def test_what_was_said_last_counts_and_everything_is_remembered(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        (result,) = put(journal, part(1, "dent"))
        journal.append([word(result, Disposition.FALSE_REJECT, by="Ann", minutes=1)])
        journal.append([word(result, Disposition.TRUE_REJECT, by="Bob", minutes=2, sample_key="samples/1.jpg")])
        caught_up(index, journal)
        row = index.find(result.inspection_id)
        history = index.history(result.inspection_id)
    assert row is not None
    assert row.said is not None
    assert row.said == history[0]
    assert (row.said.disposition, row.said.by, row.said.note) == (Disposition.TRUE_REJECT, "Bob", "seen by eye")
    assert row.said.at == AT + timedelta(minutes=2)
    assert row.sample_key == "samples/1.jpg"
    assert [(said.disposition, said.by) for said in history] == [
        (Disposition.TRUE_REJECT, "Bob"),
        (Disposition.FALSE_REJECT, "Ann"),
    ]


def test_what_was_withdrawn_counts_no_more_but_is_remembered(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        (result,) = put(journal, part(1))
        box = DrawnBox("dent", (1, 2, 30, 40))
        journal.append([word(result, Disposition.MISSED_DEFECT, boxes=[box], minutes=1)])
        caught_up(index, journal)
        before = index.find(result.inspection_id)
        assert before is not None
        assert before.said is not None
        assert before.said.boxes == (box,)
        assert ids(all_rows(index, ResultFilter(label="dent"))) == [result.inspection_id]
        journal.append([word(result, Disposition.WITHDRAWN, minutes=2)])
        caught_up(index, journal)
        after = index.find(result.inspection_id)
        assert after is not None
        assert after.said is None
        assert all_rows(index, ResultFilter(label="dent")) == []
        assert all_rows(index, ResultFilter(is_judged=True)) == []
        assert [said.disposition for said in index.history(result.inspection_id)] == [
            Disposition.WITHDRAWN,
            Disposition.MISSED_DEFECT,
        ]


def test_who_waits_for_an_event_finds_it_afterwards(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        (result,) = put(journal, part(1, "dent"))
        said = word(result, Disposition.TRUE_REJECT)
        assert not index.wait_for(said.id, 0.0)
        journal.append([said])
        assert index.wait_for(said.id, PATIENCE_S)
        row = index.find(result.inspection_id)
        assert row is None or row.said is not None  # a word comes before the result, which is less important


def test_a_word_that_comes_before_its_result_counts(tmp_path: Path) -> None:
    result = part(1, "dent")
    with following(tmp_path) as (journal, index):
        journal.append([word(result, Disposition.FALSE_REJECT)])
        caught_up(index, journal)
        put(journal, result)
        caught_up(index, journal)
        row = index.find(result.inspection_id)
    assert row is not None
    assert row.said is not None


def test_a_defect_that_is_followed_is_one_row_with_the_worst_of_it(tmp_path: Path) -> None:
    first, worse, gone = frame(1, "scratch", verdict=Verdict.REVIEW), frame(2, "scratch"), frame(9)
    with following(tmp_path) as (journal, index):
        journal.append([change(first, 1, TrackPhase.NEW)])
        caught_up(index, journal)
        new = index.find(first.inspection_id)
        journal.append([change(worse, 1, TrackPhase.UPDATE, verdict=Verdict.REJECT)])
        journal.append([change(gone, 1, TrackPhase.END, verdict=Verdict.REJECT)])
        caught_up(index, journal)
        (row,) = all_rows(index)
        assert index.find(track_id(1)) == index.find(first.inspection_id) == row
    assert new is not None
    assert (new.outcome, new.phase) == ("review", "new")
    assert (row.inspection_id, row.track_id, row.key) == (first.inspection_id, track_id(1), track_id(1))
    assert (row.outcome, row.phase, row.captured_at) == ("reject", "end", AT + timedelta(seconds=1))
    assert [(reason.label, reason.verdict) for reason in row.reasons] == [("scratch", "reject")]
    assert [box.label for box in row.boxes] == ["scratch"]


def test_two_defects_that_begin_on_one_frame_are_two_rows_that_are_told_apart(tmp_path: Path) -> None:
    seen = frame(1, "scratch", "dent", verdict=Verdict.REVIEW)
    with following(tmp_path) as (journal, index):
        journal.append([change(seen, 1, TrackPhase.NEW), change(seen, 2, TrackPhase.NEW, label="dent")])
        journal.append([word(seen, Disposition.FALSE_REJECT, track=track_id(2))])
        caught_up(index, journal)
        rows = [index.find(track_id(number)) for number in (1, 2)]
        first = index.find(seen.inspection_id)
        histories = [len(index.history(track_id(number))) for number in (1, 2)]
    assert [row and (row.inspection_id, row.track_id) for row in rows] == [
        (seen.inspection_id, track_id(1)),
        (seen.inspection_id, track_id(2)),
    ]
    assert first == rows[0]
    assert [[reason.label for reason in row.reasons] for row in rows if row] == [["scratch"], ["dent"]]
    assert [row is not None and row.said is not None for row in rows] == [False, True]
    assert histories == [0, 1]


def test_frames_of_a_belt_count_and_only_their_defects_are_listed(tmp_path: Path) -> None:
    frames = [frame(0), frame(1, "scratch"), frame(2, failure=NO_VERDICT), frame(3, "scratch")]
    with following(tmp_path) as (journal, index):
        put(journal, frames[0])
        journal.append([change(frames[1], 1, TrackPhase.NEW)])
        put(journal, *frames[1:])
        caught_up(index, journal)
        listed = all_rows(index)
        last, last_defect = index.last(), index.last_defect()
        counts = index.counts(AT, AT + timedelta(minutes=1))
    assert ids(listed) == [frames[2].inspection_id, frames[1].inspection_id, frames[0].inspection_id]
    assert [row.track_id for row in listed] == [None, track_id(1), None]
    assert last is not None
    assert (last.inspection_id, last.outcome) == (frames[3].inspection_id, "reject")
    assert last_defect is not None
    assert last_defect.track_id == track_id(1)
    assert counts == Counts(accept=1, reject=2, no_verdict=1, defects=1)


def test_the_last_defect_is_the_one_that_began_last_though_another_ends_after_it(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        assert index.last_defect() is None
        for number, phase, seen in [
            (2, TrackPhase.NEW, 5),
            (1, TrackPhase.NEW, 3),
            (1, TrackPhase.END, 9),
        ]:
            journal.append([change(frame(seen, "scratch"), number, phase)])
        put(journal, part(20))
        caught_up(index, journal)
        last = index.last_defect()
    assert last is not None
    assert last.track_id == track_id(2)


def test_the_last_part_is_the_one_that_was_captured_last(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        assert index.last() is None
        put(journal, part(1), part(5, "dent"), part(3))
        caught_up(index, journal)
        last = index.last()
    assert last is not None
    assert last.part_id == "part-00005"


def test_counts_are_of_whole_minutes_and_of_one_product(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        for minute in range(200):  # three hours and a bit, from an odd minute on
            at = AT + timedelta(minutes=minute + 7, seconds=30)
            put(journal, part(minute, *(["dent"] if minute % 4 == 0 else []), at=at, product="ab"[minute % 2]))
        caught_up(index, journal)

        def counted(first: int, end: int, product: str | None = None) -> tuple[int, int]:
            counts = index.counts(AT + timedelta(minutes=first), AT + timedelta(minutes=end), product)
            return counts.parts, counts.reject

        assert counted(0, 500) == (200, 50)
        assert counted(0, 500, "a") == (100, 50)
        assert counted(0, 500, "b") == (100, 0)
        assert counted(0, 500, "c") == (0, 0)
        for first, end in [(7, 8), (7, 60), (10, 50), (59, 61), (60, 120), (30, 190), (61, 119), (120, 207)]:
            inside = range(max(first, 7) - 7, min(end, 207) - 7)
            assert counted(first, end) == (len(inside), sum(minute % 4 == 0 for minute in inside)), (first, end)
        half = timedelta(seconds=40)
        assert index.counts(AT + timedelta(minutes=9) + half, AT + timedelta(minutes=10) + half).parts == 2


def test_choices_are_what_came_last_first(tmp_path: Path) -> None:
    with following(tmp_path) as (journal, index):
        hour = timedelta(hours=1)
        put(journal, part(1, "dent", at=AT, lot="L-1"), part(2, "scratch", at=AT + hour, lot="L-2", product="frame"))
        put(journal, part(3, "dent", at=AT + 2 * hour, lot=None, product=None))
        caught_up(index, journal)
        assert index.choices() == Choices(("dent", "scratch"), ("L-2", "L-1"), ("frame", "cover"))


def test_news_is_told_when_rows_can_be_found(tmp_path: Path) -> None:
    result = part(1, "dent")
    found: list[bool] = []
    with Journal(tmp_path / "journal.db", AT_ONCE) as journal:
        index = Index(
            journal, None, random_share=0, on_news=lambda: found.append(index.find(result.inspection_id) is not None)
        )
        with index:
            put(journal, result)
            eventually(lambda: any(found), what="the part is found by who is told")
