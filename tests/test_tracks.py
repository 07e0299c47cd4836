from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.detections import Detections
from edge_inspector.geometry import as_boxes
from edge_inspector.regions import Region
from edge_inspector.tracks import Track, TrackChange, Tracker, TrackOptions, TrackPhase, lowest_score
from edge_inspector.tracks.belt import Clock
from tests.belts import A_BAD_DAY, FRAME_WH, NOTHING_WRONG, START, Box, Trouble, belt, count

NAMES = ("scratch", "dent")
POLICY = Policy({"scratch": ClassPolicy(0.5, 0.8), "dent": ClassPolicy(0.4, 0.9)})
LEFT_HALF = Region.of([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
GRAVITY = [Verdict.REVIEW, Verdict.REJECT]
STEP = 56.25


Seen = tuple[str, float, Box]


def at(  # noqa: PLR0913 - all have defaults but one
    x: float, y: float = 100, score: float = 0.6, *, w: float = 40, h: float = 30, label: str = "scratch"
) -> Seen:
    """Return a detection by its left top corner, cut by the frame."""
    return label, score, (max(x, 0), max(y, 0), min(x + w, FRAME_WH[0]), min(y + h, FRAME_WH[1]))


def detections(seen: Sequence[Seen]) -> Detections:
    return Detections(
        as_boxes([box for _, _, box in seen]),
        np.array([score for _, score, _ in seen], np.float32),
        np.array([NAMES.index(label) for label, _, _ in seen], np.int64),
    )


class Watch:
    """A tracker that is shown ten frames a second."""

    def __init__(self, policy: Policy = POLICY, **options: float) -> None:
        self.tracker = Tracker(NAMES, policy, replace(TrackOptions(), **options))
        self.frame_id = -1
        self.changes: list[TrackChange] = []

    def see(self, *seen: Seen, frames: int = 1, image_wh: tuple[int, int] = FRAME_WH) -> list[str]:
        """Show the next frame, or the one after some that were dropped, and return what changed as phase and number."""
        self.frame_id += frames
        changes = self.tracker.see(
            detections(seen),
            image_wh=image_wh,
            frame_id=self.frame_id,
            captured_at=START + timedelta(seconds=self.frame_id / 10),
            captured_monotonic_ns=self.frame_id * 100_000_000,
        )
        self.changes += changes
        return names(changes)

    def stop(self) -> list[str]:
        changes = self.tracker.end_all()
        self.changes += changes
        return names(changes)

    def announced(self) -> int:
        return sum(change.phase is TrackPhase.NEW for change in self.changes)

    def last(self) -> Track:
        return self.changes[-1].track


def names(changes: Iterable[TrackChange]) -> list[str]:
    return [f"{change.phase} {change.track.number}" for change in changes]


def learn_the_belt(watch: Watch) -> None:
    """Let one defect pass, and forget that it did."""
    for step in range(9):
        watch.see(at(440 - STEP * step, 40))
    for _ in range(6):
        watch.see()
    assert watch.announced() == 1
    watch.changes.clear()


# What is announced, and when


def test_a_defect_is_announced_once_on_its_second_frame_and_ends_once() -> None:
    watch = Watch()
    assert watch.see(at(100)) == []
    assert watch.see(at(100)) == ["new 1"]
    assert [watch.see(at(100)) for _ in range(50)] == [[]] * 50
    assert [watch.see() for _ in range(4)] == [[]] * 4
    assert watch.see() == ["end 1"]
    assert watch.see() == []


def test_a_glitch_of_one_frame_is_never_told_however_sure_the_model_is() -> None:
    watch = Watch()
    watch.see(at(100, score=1.0))
    for _ in range(10):
        assert watch.see() == []
    assert watch.stop() == []


def test_a_defect_missed_on_its_second_frame_is_announced_on_its_third() -> None:
    watch = Watch()
    assert [watch.see(at(100)), watch.see(), watch.see(at(100))] == [[], [], ["new 1"]]


def test_a_defect_missed_on_two_frames_starts_anew() -> None:
    watch = Watch()
    assert [watch.see(at(100)), watch.see(), watch.see(), watch.see(at(100)), watch.see(at(100))][3:] == [[], ["new 1"]]
    assert watch.last().first_frame_id == 3


def test_with_one_frame_to_confirm_a_defect_is_announced_at_once() -> None:
    assert Watch(confirm_frames=1).see(at(100)) == ["new 1"]


def test_more_frames_to_confirm_are_waited_for() -> None:
    watch = Watch(confirm_frames=4)
    assert [watch.see(at(100)) for _ in range(4)] == [[], [], [], ["new 1"]]


def test_a_weak_score_starts_nothing_but_confirms_and_keeps_alive_what_a_strong_one_started() -> None:
    watch = Watch()
    for _ in range(5):
        assert watch.see(at(100, score=0.49)) == []
    assert watch.see(at(100, score=0.5)) == []
    assert watch.see(at(100, score=0.26)) == ["new 1"]
    assert [watch.see(at(100, score=0.26)) for _ in range(20)] == [[]] * 20
    assert [watch.see(at(100, score=0.24)) for _ in range(5)][-1] == ["end 1"]


def test_the_floor_of_the_detector_is_the_lowest_score_that_keeps_a_track() -> None:
    assert lowest_score(POLICY, TrackOptions(keep_share=0.5)) == pytest.approx(0.2)


@pytest.mark.parametrize("gap", [1, 2, 3, 4])
def test_a_defect_that_flickers_stays_one_track(gap: int) -> None:
    watch = Watch()
    for _ in range(20):
        watch.see(at(100))
        watch.see(at(101))
        for _ in range(gap):
            watch.see()
    watch.stop()
    assert names(watch.changes) == ["new 1", "end 1"]


def test_an_update_tells_that_the_verdict_got_worse_and_nothing_else_does() -> None:
    watch = Watch()
    watch.see(at(100))
    watch.see(at(100))
    assert watch.see(at(100, score=0.75)) == []
    assert watch.see(at(100, score=0.85)) == ["update 1"]
    assert watch.last().verdict is Verdict.REJECT
    assert watch.see(at(100, score=0.99)) == []
    assert watch.see(at(100, score=0.55)) == []
    watch.stop()
    assert (watch.last().verdict, round(watch.last().confidence, 2)) == (Verdict.REJECT, 0.99)


def test_a_track_tells_where_and_when_it_was_seen() -> None:
    watch = Watch()
    watch.see(at(100), frames=3)
    watch.see(at(102))
    watch.see()
    watch.see(at(104, label="scratch"))
    watch.stop()
    track = watch.last()
    assert (track.number, track.label, track.frames, track.first_frame_id) == (1, "scratch", 3, 2)
    assert track.xyxy == (104, 100, 144, 130)
    assert track.first_seen_at == START + timedelta(seconds=0.2)
    assert track.last_seen_at == START + timedelta(seconds=0.5)


def test_the_stop_ends_what_was_announced_and_numbers_go_on_after_it() -> None:
    watch = Watch()
    watch.see(at(100), at(300))
    watch.see(at(100), at(300))
    watch.see(at(100), at(300), at(200))
    assert watch.stop() == ["end 1", "end 2"]
    assert watch.stop() == []
    watch.see(at(100))
    assert watch.see(at(100)) == ["new 3"]


def test_another_size_of_frame_ends_all_tracks() -> None:
    watch = Watch()
    watch.see(at(100))
    watch.see(at(100))
    assert watch.see(at(100), image_wh=(900, 600)) == ["end 1"]
    assert watch.see(at(100), image_wh=(900, 600)) == ["new 2"]


# What counts


def test_only_what_counts_starts_a_track() -> None:
    classes = {name: replace(limits, min_area_px=500.0) for name, limits in POLICY.classes.items()}
    watch = Watch(Policy(classes, roi=LEFT_HALF))
    for _ in range(5):
        assert watch.see(at(300), at(100, w=10)) == []
    watch.see(at(100))
    assert watch.see(at(100)) == ["new 1"]


def test_a_defect_at_the_edge_of_a_region_does_not_flicker() -> None:
    watch = Watch(replace(POLICY, roi=LEFT_HALF), end_after_frames=1)
    for x in (200, 209, 200, 209) * 5:  # 60 % and 40 % inside
        watch.see(at(x))
    watch.stop()
    assert names(watch.changes) == ["new 1", "end 1"]


def test_a_defect_that_moves_where_it_is_to_be_ignored_has_gone() -> None:
    watch = Watch(replace(POLICY, ignore=LEFT_HALF))
    for x in range(400, -40, -20):
        watch.see(at(x))
    assert names(watch.changes) == ["new 1", "end 1"]
    assert watch.last().xyxy[0] > 150


def test_a_score_that_does_not_count_makes_no_verdict_worse() -> None:
    classes = {name: replace(limits, min_area_px=500.0) for name, limits in POLICY.classes.items()}
    watch = Watch(Policy(classes))
    watch.see(at(100))
    watch.see(at(100))
    assert watch.see(at(108, 108, score=0.95, w=24, h=20)) == []
    watch.stop()
    assert (watch.last().verdict, watch.last().frames) == (Verdict.REVIEW, 3)


def test_each_class_has_tracks_of_its_own() -> None:
    watch = Watch()
    watch.see(at(100), at(100, label="dent"))
    assert watch.see(at(100), at(100, label="dent")) == ["new 1", "new 2"]
    assert sorted(change.track.label for change in watch.changes) == ["dent", "scratch"]


def test_a_weaker_box_inside_another_is_the_same_defect() -> None:
    watch = Watch()
    for _ in range(5):
        watch.see(at(100, w=100, h=60), at(110, 105, score=0.55, w=30, h=40))
    assert names(watch.changes) == ["new 1"]


# How things move


def test_a_defect_that_jumps_further_than_its_size_is_one_track_from_the_first_one_on() -> None:
    watch = Watch()
    for step in range(9):
        watch.see(at(440 - STEP * step))
    for _ in range(2):
        watch.see()
    assert names(watch.changes) == ["new 1", "end 1"]
    assert watch.last().frames == 9


def test_three_defects_close_together_stay_three_tracks() -> None:
    watch = Watch()
    spots = [(0, 50), (30, 95), (62, 50)]
    for step in range(12):
        watch.see(*(at(440 - STEP * step + x, y) for x, y in spots if -20 < 440 - STEP * step + x < 440))
    watch.stop()
    assert sorted(names(watch.changes)) == ["end 1", "end 2", "end 3", "new 1", "new 2", "new 3"]
    assert [change.track.frames for change in watch.changes if change.phase is TrackPhase.END] == [8, 8, 8]


def test_defects_as_far_apart_as_the_belt_moves_in_a_frame_are_not_taken_for_each_other() -> None:
    watch = Watch()
    learn_the_belt(watch)
    position = 0.0
    for step in range(24):
        position += 0.0 if 8 <= step < 14 else STEP  # and the belt halts at once
        watch.see(*(at(x, w=20) for x in (440 + STEP * n - position for n in range(4)) if 0 <= x <= 430))
    watch.stop()
    assert watch.announced() == 4


def test_an_abrupt_halt_and_start_leave_one_track() -> None:
    watch = Watch()
    learn_the_belt(watch)
    for x in [410, 354, 298, *[298] * 12, 242, 185, 129, 73, 17]:
        watch.see(at(x))
    watch.stop()
    assert names(watch.changes) == ["new 2", "end 2"]


@pytest.mark.parametrize(
    "speeds", [[1, 1, 0.5, 0.5, 1.4, 1.4, 1], [1, 1, 1, -1, -1, -1, 0.5], [1, 1, 0, 0, -1, -0.5, 1]]
)
def test_a_belt_that_changes_its_speed_or_runs_back_leaves_one_track(speeds: list[float]) -> None:
    watch = Watch()
    learn_the_belt(watch)
    x = 390.0
    watch.see(at(x))
    for speed in speeds:
        x -= speed * STEP
        watch.see(at(x))
    watch.stop()
    assert names(watch.changes) == ["new 2", "end 2"]


@pytest.mark.parametrize("frames", [2, 3, 4])
def test_dropped_frames_are_bridged_by_the_time_between_frames(frames: int) -> None:
    watch = Watch()
    learn_the_belt(watch)
    watch.see(at(400))
    watch.see(at(400 - STEP))
    watch.see(at(400 - STEP * (1 + frames)), frames=frames)
    watch.see(at(400 - STEP * (2 + frames)))
    watch.stop()
    assert names(watch.changes) == ["new 2", "end 2"]


def test_a_camera_that_the_belt_triggers_may_stamp_any_time() -> None:
    times_s = [0, 0.1, 0.2, 0.3, 0.301, 0.302, 0.303, 0.304, 1.2]
    tracker = Tracker(NAMES, POLICY, TrackOptions())
    changes = []
    for number, time_s in enumerate(times_s):
        changes += tracker.see(
            detections([at(440 - STEP * number)]),
            image_wh=FRAME_WH,
            frame_id=number,
            captured_at=START + timedelta(seconds=time_s),
            captured_monotonic_ns=int(time_s * 1e9),
        )
    assert names([*changes, *tracker.end_all()]) == ["new 1", "end 1"]


def test_a_camera_that_was_away_for_an_hour_follows_the_belt_as_before() -> None:
    watch = Watch()
    learn_the_belt(watch)
    watch.see(at(300, 200), frames=36_000)
    for step in range(9):
        watch.see(at(440 - STEP * step))
    watch.stop()
    assert names(watch.changes) == ["new 2", "end 2"]


def test_the_next_defect_on_the_belt_is_not_the_one_that_left() -> None:
    watch = Watch()
    learn_the_belt(watch)
    for part in range(20):
        for step in range(8):
            watch.see(at(425 - STEP * step))
        assert watch.announced() == part + 1


def test_what_comes_in_is_not_what_was_missed_beside_it() -> None:
    watch = Watch()
    learn_the_belt(watch)
    watch.see(at(385))
    watch.see(at(425))
    watch.see(at(385 - 2 * STEP), at(425 - STEP))
    watch.see(at(385 - 3 * STEP), at(425 - 2 * STEP))
    watch.stop()
    ends = [change.track for change in watch.changes if change.phase is TrackPhase.END]
    assert sorted((track.first_frame_id, track.xyxy[0]) for track in ends) == [
        (15, 385 - 3 * STEP),
        (16, 425 - 2 * STEP),
    ]


def test_a_pause_of_the_camera_does_not_make_its_usual_interval_longer() -> None:
    clock = Clock()
    times_s = [0, 0.1, 0.2, 3600, 3600.1, 3600.2]
    seconds = [clock.elapsed(number, int(time_s * 1e9)).seconds for number, time_s in enumerate(times_s)]
    assert seconds[1:] == pytest.approx([0.1, 0.1, 3599.8, 0.1, 0.1])


def test_a_fleck_on_the_lens_is_one_track_and_hides_no_defect() -> None:
    watch = Watch()
    for step in range(90):
        x = 440 - STEP * (step % 9)
        watch.see(at(200, 220, score=0.55), at(x, 60))
    watch.stop()
    assert watch.announced() == 1 + 10


def test_a_shaking_camera_leaves_one_track() -> None:
    rng = np.random.default_rng(5)
    watch = Watch()
    for dx, dy in rng.normal(0, 6, (300, 2)):
        watch.see(at(100 + dx, 100 + dy), at(250 + dx, 150 + dy))
    watch.stop()
    assert watch.announced() == 2


def test_a_way_that_nobody_knew_is_learned_anew() -> None:
    watch = Watch()
    learn_the_belt(watch)
    for step in range(8):
        watch.see(at(200, 10 + 35 * step, w=20, h=10))  # downwards, and no box overlaps the one before
    assert watch.announced() == 1


def test_a_part_put_where_another_lay_is_another_defect_when_its_defect_lies_elsewhere() -> None:
    watch = Watch()
    for x, y in [(100, 50), (300, 200), (180, 120)]:
        for _ in range(8):
            watch.see(at(x, y))
    assert watch.announced() == 3


# Laws

_box = st.tuples(st.integers(0, 400), st.integers(0, 250), st.integers(1, 120), st.integers(1, 120)).map(
    lambda b: (float(b[0]), float(b[1]), float(min(b[0] + b[2], 450)), float(min(b[1] + b[3], 300)))
)
_spot = st.sampled_from([(x, y, x + 40.0, y + 30.0) for x in (0.0, 60.0, 120.0, 410.0) for y in (20.0, 60.0)])
_score = st.floats(0, 1, width=32)
_seen = st.lists(st.tuples(st.sampled_from(NAMES), _score, st.one_of(_spot, _box)), max_size=6)
_frames = st.lists(_seen, max_size=25)
_steps = st.lists(st.integers(1, 4), min_size=25, max_size=25)


def watched(frames: list[list[Seen]], steps: list[int]) -> Watch:
    watch = Watch()
    for seen, step in zip(frames, steps, strict=False):
        watch.see(*seen, frames=step)
    watch.stop()
    return watch


@given(_frames, _steps)
def test_every_announced_track_has_one_beginning_and_one_end_in_that_order(
    frames: list[list[Seen]], steps: list[int]
) -> None:
    phases: dict[int, list[TrackPhase]] = {}
    for change in watched(frames, steps).changes:
        phases.setdefault(change.track.number, []).append(change.phase)
    for told in phases.values():
        assert told in (
            [TrackPhase.NEW, TrackPhase.END],
            [TrackPhase.NEW, TrackPhase.UPDATE, TrackPhase.END],
        )


@given(_frames, _steps)
def test_numbers_count_the_announced_tracks_without_a_gap(frames: list[list[Seen]], steps: list[int]) -> None:
    new = [c.track.number for c in watched(frames, steps).changes if c.phase is TrackPhase.NEW]
    assert new == list(range(1, len(new) + 1))


@given(_frames, _steps)
def test_what_is_known_of_a_track_only_grows(frames: list[list[Seen]], steps: list[int]) -> None:
    known: dict[int, Track] = {}
    for change in watched(frames, steps).changes:
        track, before = change.track, known.get(change.track.number)
        if before is not None:
            assert GRAVITY.index(track.verdict) >= GRAVITY.index(before.verdict)
            assert track.confidence >= before.confidence
            assert track.frames >= before.frames
            assert track.last_seen_at >= before.last_seen_at
            assert (track.label, track.first_frame_id, track.first_seen_at) == (
                before.label,
                before.first_frame_id,
                before.first_seen_at,
            )
        known[track.number] = track


@given(_frames, _steps, st.randoms(use_true_random=False))
def test_the_order_of_detections_changes_nothing(frames: list[list[Seen]], steps: list[int], random: Random) -> None:
    shuffled = [random.sample(seen, len(seen)) for seen in frames]
    assert watched(shuffled, steps).changes == watched(frames, steps).changes


@given(_frames, _steps)
def test_an_alert_always_rests_on_a_score_that_asks_for_one(frames: list[list[Seen]], steps: list[int]) -> None:
    for change in watched(frames, steps).changes:
        limits = POLICY.classes[change.track.label]
        reached = np.float32(limits.reject_at if change.track.verdict is Verdict.REJECT else limits.review_at)
        assert change.track.confidence >= reached
        assert change.track.frames >= 2


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-(10**9), 10**9)), max_size=20))
def test_times_and_numbers_that_stand_still_or_run_back_are_survived(stamps: list[tuple[int, int]]) -> None:
    tracker = Tracker(NAMES, POLICY, TrackOptions())
    changes = []
    for frame_id, monotonic_ns in stamps:
        changes += tracker.see(
            detections([at(100), at(200, 200)]),
            image_wh=FRAME_WH,
            frame_id=frame_id,
            captured_at=START,
            captured_monotonic_ns=monotonic_ns,
        )
    assert len(changes) == (2 if len(stamps) > 1 else 0)


def test_a_model_that_fires_everywhere_does_not_grow_the_tracker() -> None:
    rng = np.random.default_rng(3)
    watch = Watch()
    for _ in range(60):
        corners = rng.uniform((0, 0), (400, 250), (300, 2))
        watch.see(*(at(x, y) for x, y in corners))
        assert len(watch.tracker._followed) <= 32


@pytest.mark.parametrize(
    "wrong", [{"confirm_frames": 0}, {"end_after_frames": 0}, {"keep_share": 0}, {"keep_share": 1.1}]
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected confirm_frames >= 1, end_after_frames >= 1 and 0 < keep_share <= 1"):
        replace(TrackOptions(), **wrong)


# Ten thousand frames with 300 defects; the defaults were chosen on seeds 0 to 15


def test_300_defects_on_10_000_frames_are_300_tracks() -> None:
    counted = count(belt(1000, NOTHING_WRONG))
    assert (counted.defects, counted.tracks, counted.splits, counted.switches) == (300, 300, 0, 0)
    assert [change.phase for change in counted.changes].count(TrackPhase.END) == 300


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [100, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (101, 102))])
def test_300_defects_on_a_bad_day_are_nearly_300_tracks(seed: int) -> None:
    """Halts, speeds, jitter, misses, flicker, false detections, dropped frames and wrong clocks, all at once."""
    counted = count(belt(seed, A_BAD_DAY))
    assert counted.defects == 300
    assert counted.owed >= 280  # of the others the model saw too little
    assert abs(counted.tracks - counted.owed) <= 4
    assert counted.missed <= 3
    assert counted.splits <= 3
    assert counted.switches <= 3
    assert counted.false <= 2


@pytest.mark.parametrize("defects", [60, pytest.param(300, marks=pytest.mark.nightly)])
def test_defects_under_a_clock_that_is_wrong_by_half_an_interval_are_as_many_tracks(defects: int) -> None:
    counted = count(belt(100, Trouble(clock_jitter=0.4), frames=10_000 * defects // 300, defects=defects))
    assert (counted.owed, counted.missed, counted.splits) == (defects, 0, 0)
