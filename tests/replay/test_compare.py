from typing import Any

import pytest

from edge_inspector.replay.compare import changes, compare
from edge_inspector.replay.report import changes_text, comparison_text

BOX = {"label": "scratch", "confidence": 0.9312, "xyxy": [1.0, 2.0, 30.25, 40.5]}


def result(number: int, outcome: str = "accept", **fields: Any) -> dict[str, Any]:
    return {
        "kind": "result",
        "id": f"ID{number}",
        "frames": [{"frame_id": number, "part_frame": 0}],
        "part_id": f"part-{number}",
        "outcome": outcome,
        "reasons": [],
        "detections": [BOX],
        **fields,
    }


def no_verdict(number: int, cause: str) -> dict[str, Any]:
    return result(number, "no_verdict", no_verdict={"cause": cause, "problem": "p", "treated_as": "reject"})


def track(number: int, phase: str, **fields: Any) -> dict[str, Any]:
    return {**result(number, "reject"), "kind": "track", "part_id": None, "track_id": "T1", "phase": phase, **fields}


def test_what_is_the_same_is_equal() -> None:
    results = [result(1), result(2, "reject"), track(2, "new"), track(2, "end")]
    found = compare(results, results, is_whole=True)
    assert (found.compared, found.differences, found.left_out) == (4, (), ())
    assert comparison_text(found) == "4 results: 4 equal, 0 different"


@pytest.mark.parametrize(
    ("change", "field", "expected", "found"),
    [
        ({"id": "ID9"}, "id", "ID1", "ID9"),
        ({"outcome": "reject"}, "outcome", "accept", "reject"),
        ({"detections": [{**BOX, "confidence": 0.9313}]}, "detections[0].confidence", 0.9312, 0.9313),
        ({"detections": [{**BOX, "xyxy": [1.0, 2.01, 30.25, 40.5]}]}, "detections[0].xyxy[1]", 2.0, 2.01),
        ({"detections": []}, "detections[0]", BOX, "nothing"),
        ({"reasons": [{"label": "x"}]}, "reasons[0]", "nothing", {"label": "x"}),
        ({"no_verdict": {"cause": "x"}}, "no_verdict", "nothing", {"cause": "x"}),
        ({"part_id": 1}, "part_id", "part-1", 1),
    ],
)
def test_the_first_field_that_differs_is_named_with_both_values(
    change: dict[str, Any], field: str, expected: Any, found: Any
) -> None:
    comparison = compare([result(1), result(2)], [{**result(1), **change}, result(2)], is_whole=True)
    (difference,) = comparison.differences
    assert (difference.field, difference.expected, difference.found) == (field, expected, found)
    assert difference.subject == "part part-1"
    assert f"part part-1: {field}: expected" in comparison_text(comparison)


def test_a_result_without_a_counterpart_is_a_difference_on_either_side() -> None:
    missing = compare([result(1), result(2)], [result(1)], is_whole=True)
    extra = compare([result(1)], [result(1), result(2, "reject")], is_whole=True)
    assert "part part-2: expected accept, found nothing" in comparison_text(missing)
    assert "part part-2: expected nothing, found reject" in comparison_text(extra)
    assert "1 equal, 0 different, and 1 that the recording does not have" in comparison_text(extra)


def test_what_comes_behind_the_end_of_a_cut_recording_says_nothing() -> None:
    comparison = compare([result(1)], [result(1), result(2), track(2, "end")], is_whole=False)
    assert (comparison.differences, comparison.without_record) == ((), 2)
    before = compare([result(2)], [result(1), result(2)], is_whole=False)
    assert len(before.differences) == 1


@pytest.mark.parametrize("cause", ["deadline_missed", "queue_overflow", "stopped"])
def test_what_hung_on_the_clock_is_named_and_left_out(cause: str) -> None:
    comparison = compare([no_verdict(1, cause), result(2)], [result(1), result(2)], is_whole=True)
    assert (comparison.compared, comparison.differences) == (1, ())
    assert comparison.left_out == (("part part-1", cause),)
    assert f"1 result left out, which hung on the clock and cannot come out again:\n  part part-1: {cause}" in (
        comparison_text(comparison)
    )


def test_a_part_of_which_one_frame_came_too_late_is_left_out_too() -> None:
    frames = [{"frame_id": 1, "part_frame": 0, "outcome": "reject"}]
    frames.append({"frame_id": 2, "part_frame": 1, "outcome": "no_verdict", "cause": "queue_overflow"})
    recorded = result(1, "reject", frames=frames)
    assert len(compare([recorded], [result(1)], is_whole=True).left_out) == 1


@pytest.mark.parametrize("cause", ["frame_damaged", "frame_missing", "inspection_failed"])
def test_other_causes_are_compared(cause: str) -> None:
    assert compare([no_verdict(1, cause)], [result(1)], is_whole=True).differences


def test_where_not_every_result_was_published_further_ones_say_nothing_but_tracks_do() -> None:
    replayed = [result(1), result(2), track(3, "new"), result(4)]
    found = compare([result(1), result(4)], replayed, is_whole=True, has_every_result=False)
    assert [difference.subject for difference in found.differences] == ["track T1, new on frame 3"]


def test_a_change_of_the_model_is_a_table_of_outcomes() -> None:
    before = [result(n, "accept") for n in range(5)] + [result(9, "reject"), no_verdict(10, "stopped"), track(3, "new")]
    after = [result(n, "reject") for n in range(4)] + [result(4), result(9, "accept"), result(10)]
    found = changes(before, after)
    assert (found.compared, found.same, found.tracks) == (6, 1, (1, 0))
    assert changes_text(found) == (
        "6 results: 1 with the same outcome, 5 changed\n"
        "  accept -> reject       4  part part-0, part part-1, part part-2, ...\n"
        "  reject -> accept       1  part part-9\n"
        "defects announced: 1 recorded, 0 now\n"
        "1 result left out, which hung on the clock and cannot come out again:\n"
        "  part part-10: stopped"
    )
