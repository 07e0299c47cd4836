import threading
from dataclasses import replace

import pytest

from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.checking import Speed, check, speed_on
from edge_inspector.models.watched import Sight, Watched, percentile
from tests.fakes import part
from tests.models.fakes import FakeOpened, finding_of

IDENTITY = ModelIdentity("spot", "1.0.0", "ab" * 32)


def frame_at(number: int, at_ms: float) -> Frame:
    return replace(part(number), captured_monotonic_ns=int(at_ms * 1e6))


def line_with(period_ms: float, inspection_ms: float, *, every: int = 1, waits: bool = False) -> Watched:
    """Return a line as it is known from 100 frames, of which every n-th is inspected."""
    watched = Watched(50.0, line_waits=waits)
    for number in range(0, 100 * every, every):
        watched.see(frame_at(number, number * period_ms), finding_of(part(number), "accept", inspection_ms))
    return watched


def test_the_pace_of_a_line_is_that_of_all_its_frames() -> None:
    assert line_with(10, 5).period_ms() == pytest.approx(10)
    assert line_with(10, 25, every=3).period_ms() == pytest.approx(10), "also of those that were superseded"
    assert line_with(10, 5, waits=True).period_ms() is None
    assert Watched(None).period_ms() is None


def test_another_source_has_a_pace_of_its_own() -> None:
    watched = line_with(10, 5)
    for number in range(64):
        assert (watched.period_ms() is None) == (number > 0)
        watched.see(frame_at(number, 1e6 + 30 * number), finding_of(part(number), "accept", 5))
    assert watched.period_ms() == pytest.approx(30)


def test_inspections_are_counted_for_each_model_and_verdicts_for_all() -> None:
    watched = Watched(10.0)
    for number, (verdict, inspection_ms) in enumerate([("accept", 5), ("reject", 11), ("review", 10)]):
        watched.see(part(number), finding_of(part(number), verdict, inspection_ms))
    assert (watched.inspections(), watched.times_ms(), watched.verdicts()) == ((3, 1), [5, 11, 10], (3, 1))
    watched.begin_anew()
    assert (watched.inspections(), watched.times_ms(), watched.verdicts()) == ((0, 0), [], (3, 1))


def test_who_waits_is_shown_the_next_frame_and_no_frame_is_kept_for_nobody() -> None:
    watched = Watched(None)
    assert watched.next(0.001) is None
    watched.see(part(1), finding_of(part(1), "accept", 1))
    shown: list[Sight | None] = []
    waiting = threading.Thread(target=lambda: shown.append(watched.next(30)))
    waiting.start()
    while waiting.is_alive():
        watched.see(frame := part(2), finding_of(frame, "reject", 7))
    (sight,) = shown
    assert sight is not None
    assert (sight.frame.frame_id, sight.verdict, sight.inspection_ms) == (2, "reject", 7)
    assert watched.next(0.001) is None


def test_a_model_must_be_faster_than_the_limit_and_than_the_line() -> None:
    speed = Speed(limit_ms=50, keeps_up_ms=20)
    assert speed.problem([10] * 94 + [60] * 6) is not None
    assert speed.problem([10] * 95 + [60] * 5) is None
    assert "too slow for the line: an inspection takes 21.0 ms; expected 20.0 ms" in str(speed.problem([21] * 20))
    assert Speed(None, None).problem([1e6]) is None


def test_where_the_model_that_runs_does_not_keep_up_the_next_needs_to_be_no_faster() -> None:
    assert speed_on(line_with(10, 5), 50) == Speed(50, pytest.approx(10))
    assert speed_on(line_with(10, 40), 50) == Speed(50, pytest.approx(50))
    assert speed_on(line_with(10, 40, waits=True), None) == Speed(None, None)


@pytest.mark.usefixtures("hurried")
def test_a_candidate_without_golden_images_is_taken_and_that_is_said() -> None:
    opened = FakeOpened(IDENTITY, {"golden_images": 0})
    assert check(opened, Watched(None), None, go_on=lambda: None).startswith("no golden images: not tested; ")


@pytest.mark.usefixtures("hurried")
def test_a_check_ends_when_nobody_waits_for_it() -> None:
    looked = []

    def end() -> None:
        looked.append(1)
        if len(looked) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        check(FakeOpened(IDENTITY), Watched(None), None, go_on=end)


@pytest.mark.usefixtures("hurried")
def test_a_candidate_is_timed_on_the_frames_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    opened = FakeOpened(IDENTITY)
    monkeypatch.setattr(opened, "judge", lambda frame: seen.append(frame.frame_id) or "accept")
    check(opened, Watched(None), None, go_on=lambda: None)
    assert set(seen) == {-1}, "a line that stands still brings none"

    class Shown(Watched):
        def next(self, timeout_s: float) -> Sight:  # noqa: ARG002 - as its parent
            return Sight(part(5), "accept", 1.0)

    seen.clear()
    check(opened, Shown(None), None, go_on=lambda: None)
    assert seen == [5] * 60


@pytest.mark.usefixtures("hurried")
def test_a_candidate_that_fails_on_a_frame_of_the_line_is_refused() -> None:
    with pytest.raises(ModelError, match="it fails"):
        check(FakeOpened(IDENTITY, {"fails": True}), Watched(None), None, go_on=lambda: None)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([], 0.5) == 0
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile([1], 1.0) == percentile([1], 0.0) == 1
