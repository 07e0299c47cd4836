from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.models.probation import Counts, Proof, Record, judge
from edge_inspector.settings import UpdateSettings

PARTS = 100
NONE = Counts()
SETTINGS = UpdateSettings(probation_parts=PARTS, probation_minutes=10, max_failed=0.02, max_latency_ms=50)

numbers = st.integers(0, 3 * PARTS)
counts = st.builds(lambda judged, rejected, failed: Counts(judged, min(judged, rejected), failed), *[numbers] * 3)
inspections = st.tuples(numbers, numbers).map(lambda pair: (max(pair), min(pair)))


def record(
    since: Counts, before: Counts = NONE, *, slow: int = 0, inspected: int | None = None, minutes: float = 0.0
) -> Record:
    return Record(since, before, since.seen if inspected is None else inspected, slow, minutes)


@given(counts, counts, inspections, st.floats(0, 20))
def test_more_that_is_bad_never_makes_a_bad_model_a_good_one(
    since: Counts, before: Counts, looked: tuple[int, int], minutes: float
) -> None:
    inspected, slow = looked
    proof, reason = judge(SETTINGS, Record(since, before, inspected, slow, minutes))
    assert bool(reason) == (proof is Proof.FAILED)
    if proof is not Proof.FAILED:
        return
    worse = Counts(since.judged, since.rejected, since.failed + PARTS)
    assert judge(SETTINGS, Record(worse, before, inspected, inspected, minutes))[0] is Proof.FAILED


@given(st.integers(0, PARTS - 1), st.integers(0, PARTS))
def test_a_share_that_is_too_large_at_once_is_too_large_at_the_end(judged: int, failed: int) -> None:
    settings = SETTINGS.model_copy(update={"max_reject_rate": 1.0})
    proof, _ = judge(settings, record(Counts(judged, 0, failed)))
    well = max(0, PARTS - judged - failed)
    at_the_end, _ = judge(settings, record(Counts(judged + well, 0, failed)))
    if judged + failed < PARTS:
        assert (proof is Proof.FAILED) == (at_the_end is Proof.FAILED), "and else nobody knows yet"
    assert at_the_end is not Proof.PENDING


@given(st.integers(0, 2 * PARTS), counts, st.floats(0, 20))
def test_a_model_that_does_all_well_is_trusted_after_its_parts_or_its_time_and_not_without_a_part(
    parts: int, before: Counts, minutes: float
) -> None:
    proof, _ = judge(SETTINGS, record(Counts(parts), before, minutes=minutes))
    is_over = parts >= PARTS or (parts > 0 and minutes >= 10)
    assert proof is (Proof.TRUSTED if is_over else Proof.PENDING)


def test_failures_are_told_with_their_number() -> None:
    assert judge(SETTINGS, record(Counts(40, 0, 2))) == (Proof.PENDING, "")
    proof, reason = judge(SETTINGS, record(Counts(40, 0, 3)))
    assert (proof, reason) == (Proof.FAILED, "3 of 43 parts got no verdict; expected at most 2.0%")


def test_a_line_that_lost_parts_before_may_lose_as_many() -> None:
    before = Counts(900, 0, 100)
    assert judge(SETTINGS, record(Counts(90, 0, 10), before))[0] is Proof.TRUSTED
    assert judge(SETTINGS, record(Counts(89, 0, 11), before))[0] is Proof.FAILED


def test_a_reject_rate_above_the_limit_is_told_as_soon_as_it_is_certain() -> None:
    settings = SETTINGS.model_copy(update={"max_reject_rate": 0.1})
    assert judge(settings, record(Counts(10, 10)))[0] is Proof.PENDING
    proof, reason = judge(settings, record(Counts(11, 11)))
    assert (proof, reason) == (Proof.FAILED, "11 of 11 parts were rejected; expected at most 10.0%")


def test_a_significant_jump_of_the_reject_rate_is_told_and_chance_is_not() -> None:
    before = Counts(2000, 60)
    assert judge(SETTINGS, record(Counts(50, 5), before))[0] is Proof.PENDING
    proof, reason = judge(SETTINGS, record(Counts(50, 15), before))
    assert (proof, reason) == (Proof.FAILED, "15 of 50 parts were rejected; with the model before it 60 of 2000")


def test_without_parts_before_there_is_nothing_to_compare_the_reject_rate_with() -> None:
    assert judge(SETTINGS, record(Counts(PARTS, PARTS)))[0] is Proof.TRUSTED


def test_slow_inspections_are_told_by_their_share_of_all_frames_to_come() -> None:
    of_parts_with_three_frames = {"inspected": 60}
    since = Counts(20)
    assert judge(SETTINGS, record(since, slow=15, **of_parts_with_three_frames))[0] is Proof.PENDING
    proof, reason = judge(SETTINGS, record(since, slow=16, **of_parts_with_three_frames))
    assert (proof, reason) == (Proof.FAILED, "16 of 60 inspections took longer than 50 ms; expected at most 5%")
