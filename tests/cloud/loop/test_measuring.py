import pytest

from cloud_side.loop.measuring import Judged, Look, Rate, change, judged, look_of, measure, told, told_change
from cloud_side.training.evaluation.bootstrap import Interval
from edge_inspector.simulation import Tag, plan_tag

_SEED = 5
_RATE = 0.5


def truth(part_id: str) -> Tag:
    return plan_tag(_SEED, int(part_id.removeprefix("part-")), defect_rate=_RATE, dark_share=0.5)


def parts(look: Look | None, *outcomes: str) -> list[Judged]:
    return [Judged(look, outcome) for outcome in outcomes]


def test_a_part_is_held_against_its_plan() -> None:
    ids = [f"part-{number:06d}" for number in range(30)]
    found = judged(({"part_id": part_id, "outcome": "accept"} for part_id in ids), truth)
    assert [part.look for part in found] == [look_of(truth(part_id)) for part_id in ids]
    assert {part.look for part in found} == {None, Look.BRIGHT, Look.DARK}


def test_a_result_that_is_delivered_twice_is_one_part() -> None:
    result = {"part_id": "part-000003", "outcome": "reject"}
    assert len(judged([result, dict(result), {"part_id": "part-000004", "outcome": "accept"}], truth)) == 2


def test_escapes_are_accepted_defective_parts_and_overkill_is_stopped_good_ones() -> None:
    found = measure(
        [
            *parts(Look.BRIGHT, "accept", "reject", "reject", "review"),
            *parts(Look.DARK, "accept", "accept", "reject"),
            *parts(None, "accept", "accept", "review", "reject", "accept"),
        ]
    )
    assert (found.parts, found.without_verdict) == (12, 0)
    assert (found.escapes.hits, found.escapes.of) == (3, 7)
    assert {look: (rate.hits, rate.of) for look, rate in found.by_look.items()} == {
        Look.BRIGHT: (1, 4),
        Look.DARK: (2, 3),
    }
    assert (found.overkill.hits, found.overkill.of) == (2, 5)
    assert found.overkill.share.value == pytest.approx(0.4)


def test_a_part_without_a_verdict_is_stopped_and_said_apart() -> None:
    found = measure([*parts(Look.DARK, "no_verdict"), *parts(None, "no_verdict", "accept")])
    assert found.without_verdict == 2
    assert (found.escapes.hits, found.overkill.hits) == (0, 1)


def test_what_never_happened_may_still_happen() -> None:
    share = measure(parts(Look.DARK, *["reject"] * 50)).escapes.share
    assert (share.value, share.low) == (0, 0)
    assert share.high == pytest.approx(1 - 0.05 ** (1 / 50))


def test_of_no_parts_nothing_is_known() -> None:
    found = measure([])
    assert found.parts == 0
    assert told(found.escapes) == "unknown: there was none"
    assert (found.escapes.share.low, found.escapes.share.high) == (0, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    some = parts(Look.BRIGHT, *["accept", "reject", "reject"] * 20)
    assert measure(some, seed=4) == measure(some, seed=4)


def test_a_change_is_what_came_after_less_what_was_before() -> None:
    before = measure(parts(Look.DARK, *["accept"] * 45, *["reject"] * 45)).escapes
    after = measure(parts(Look.DARK, *["accept"] * 3, *["reject"] * 87)).escapes
    found = change(before, after)
    assert found.value == pytest.approx(3 / 90 - 0.5)
    assert -0.62 < found.low < found.value < found.high < -0.3


def test_a_change_is_as_unsure_as_both_sides_together() -> None:
    before, after = Rate(50, 100, Interval(0.5, 0.4, 0.6)), Rate(20, 100, Interval(0.2, 0.13, 0.29))
    found = change(before, after)
    # value - sqrt(0.07² + 0.1²), value + sqrt(0.09² + 0.1²)
    assert (found.value, found.low, found.high) == pytest.approx((-0.3, -0.42207, -0.16546), abs=1e-4)


def test_a_fall_to_zero_by_few_parts_is_not_sure() -> None:
    before = measure(parts(Look.DARK, "accept", "reject", "reject", "reject")).escapes
    after = measure(parts(Look.DARK, *["reject"] * 4)).escapes
    assert change(before, after).high > 0


def test_rates_and_changes_are_told_with_their_intervals() -> None:
    before, after = Rate(50, 100, Interval(0.5, 0.4, 0.6)), Rate(0, 0, Interval(0.0, 0.0, 1.0))
    assert told(before).replace("\N{NO-BREAK SPACE}", " ") == "50.0 % (40.0 % to 60.0 %; 50 of 100)"
    assert told_change(before, before) == "+0.0 (-14.1 to +14.1) points"
    assert told_change(before, after) == "unknown"
