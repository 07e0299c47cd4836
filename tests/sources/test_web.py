"""A line-scan camera as a source: blocks of lines in, frames of a web out, and nothing lost without a word."""

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, SetUpFor, Skipped
from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.linescan.assembler import WebOptions
from edge_inspector.ports import Delivered
from edge_inspector.settings import SimulatedWebSource, WebSettings
from edge_inspector.simulation.web import render_web, web_scratches
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.grabbing import Grabbed, Incomplete, Picture, Waiting
from edge_inspector.sources.line_scan import LineScan
from edge_inspector.sources.live import LiveOptions, LiveSource
from edge_inspector.sources.marked import MarkedSource
from edge_inspector.sources.rolls import EndedRoll, RollDesk
from edge_inspector.sources.simulated_web import SimulatedWeb, web_style
from edge_inspector.sources.web import RollEnds, WebBlock, WebSource
from tests.fakes import PATIENCE_S, Clock

OPTIONS = WebOptions(30, 10, 0.5)
START = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = "20260101T000000-"
OFFLINE = CameraReport(CameraStatus.OFFLINE, START, "the cable is unplugged", CameraFault.LOST)
ONLINE = CameraReport(CameraStatus.ONLINE, START, "back")


class Blocks:
    """Plays steps, and ends; None is a moment in which nothing comes."""

    def __init__(self, steps: Iterable[object]) -> None:
        self._steps = iter(steps)

    def read(self, timeout_s: float) -> Delivered | WebBlock | RollEnds | None:  # noqa: ARG002 - the port's signature
        step = next(self._steps, EndOfSource())
        if isinstance(step, Exception):
            raise step
        return step  # type: ignore[return-value]


def block(number: int, lines: int = 10, *, product: str | None = None) -> Frame:
    image = np.full((lines, 6), number, np.uint8)
    captured_at = START + timedelta(seconds=number)
    return Frame(
        image, number, captured_at, number * 10**9, "line-camera", captured_at_source="camera", product=product
    )


def source_of(*steps: object, desk: RollDesk | None = None, **more: float) -> WebSource:
    return WebSource(Blocks(steps), OPTIONS, desk or RollDesk(START), **more)  # type: ignore[arg-type]


def everything(source: WebSource) -> list[Delivered]:
    delivered: list[Delivered] = []
    try:
        while True:
            if (item := source.read(0)) is not None:
                delivered.append(item)
    except EndOfSource:
        return delivered


def described(item: Delivered) -> tuple[object, ...]:
    assert isinstance(item, Frame | DamagedFrame)
    assert item.web is not None
    kind = "frame" if isinstance(item, Frame) else item.cause.value
    return kind, item.web.roll.removeprefix(SESSION), item.web.first_line, item.web.end_line


def test_the_end_of_the_source_ends_the_roll_and_no_line_is_left_out() -> None:
    delivered = everything(source_of(block(1), block(2, 25), block(3)))
    assert [described(item) for item in delivered] == [("frame", "roll-1", 0, 30), ("frame", "roll-1", 15, 45)]
    assert [item.frame_id for item in delivered if isinstance(item, Frame)] == [0, 1]


def test_a_frame_was_captured_when_the_lines_came_that_complete_it() -> None:
    frame = everything(source_of(block(1, 20, product="a"), block(7, 10, product="a")))[0]
    assert isinstance(frame, Frame)
    assert (frame.captured_at, frame.captured_monotonic_ns) == (START + timedelta(seconds=7), 7 * 10**9)
    assert (frame.captured_at_source, frame.source, frame.product) == ("camera", "line-camera", "a")


def test_a_lost_block_counts_as_high_as_the_one_before_it_and_is_told_in_its_place() -> None:
    lost = DamagedFrame(1, START, 0, "line-camera", None, "3 packets are missing", cause=DropCause.FRAME_DAMAGED)
    delivered = everything(source_of(block(0, 35), block(1), lost, Skipped(DropCause.FRAME_MISSING, 2), block(5, 30)))
    assert [described(item) for item in delivered] == [
        ("frame", "roll-1", 0, 30),
        ("frame", "roll-1", 15, 45),
        ("frame_damaged", "roll-1", 45, 55),
        ("frame_missing", "roll-1", 55, 75),
        ("frame", "roll-1", 75, 105),
        ("frame", "roll-1", 75, 105),
    ]
    assert isinstance(delivered[2], DamagedFrame)
    assert delivered[2].problem == "3 packets are missing"


def test_what_overflowed_before_the_flow_keeps_its_cause() -> None:
    lost = DamagedFrame(1, START, 0, "line-camera", None, "8 were waiting", cause=DropCause.QUEUE_OVERFLOW)
    assert described(everything(source_of(block(0), lost, block(2)))[1])[0] == "queue_overflow"


def test_a_camera_that_goes_away_ends_the_frame_before_that_is_told() -> None:
    delivered = everything(source_of(block(0, 12), OFFLINE, block(1, 30)))
    assert described(delivered[0]) == ("frame", "roll-1", 0, 12)
    assert delivered[1] is OFFLINE


def test_what_passed_while_the_camera_was_away_is_told_and_so_is_that_places_behind_it_are_too_low() -> None:
    delivered = everything(source_of(block(0, 12), OFFLINE, OFFLINE, ONLINE, block(1, 30), RollEnds(), block(2, 12)))
    frames = [item for item in delivered if isinstance(item, Frame | DamagedFrame)]
    assert [described(item) for item in frames] == [
        ("frame", "roll-1", 0, 12),
        ("frame_missing", "roll-1", 12, 12),
        ("frame", "roll-1", 12, 42),
        ("frame", "roll-1", 12, 42),
        ("frame", "roll-2", 0, 12),
    ]
    assert [item.web and item.web.uncounted for item in frames] == [0, 1, 1, 1, 0]
    assert isinstance(frames[1], DamagedFrame)
    assert "nobody knows how many lines" in frames[1].problem


def test_a_web_that_nobody_sees_does_not_stand() -> None:
    clock = Clock(0.0)
    steps = [block(0, 12), OFFLINE, None, None, ONLINE, None, block(1, 30)]
    source = WebSource(Blocks(steps), OPTIONS, RollDesk(START), roll_ends_after_s=5, clock=clock)
    delivered: list[Delivered | None] = []
    for _ in range(10):
        clock.now_s += 2
        delivered.append(source.read(0))
    rolls = {described(item)[1] for item in delivered if isinstance(item, Frame | DamagedFrame)}
    assert rolls == {"roll-1"}


def test_a_block_that_is_lost_before_one_came_whole_is_told() -> None:
    lost = DamagedFrame(1, START, 0, "line-camera", None, "3 packets are missing", cause=DropCause.FRAME_DAMAGED)
    delivered = everything(source_of(lost, block(1, 30)))
    assert described(delivered[0]) == ("frame_damaged", "roll-1", 0, 0)
    assert [item.web and item.web.uncounted for item in delivered if isinstance(item, Frame)] == [1, 1]


def test_a_source_that_is_left_gives_what_was_not_read_and_the_lines_that_are_on_no_frame_yet() -> None:
    source = source_of(block(0, 75), block(1))
    delivered = [source.read(0), *source.leave(DropCause.STOPPED, "the station was stopped")]
    frames = [item for item in delivered if item is not None]
    assert [described(item)[2:] for item in frames] == [(0, 30), (20, 50), (40, 70), (45, 75)]
    assert not any(isinstance(item, Frame) and item.web and item.web.ends_roll for item in frames)
    assert source.leave(DropCause.STOPPED, "the station was stopped") == []


def test_what_is_left_of_a_source_that_marks_its_frames_is_marked_too() -> None:
    source = MarkedSource(source_of(block(0, 55)), "b")
    assert source.read(0) is not None
    left = source.leave(DropCause.STOPPED, "the station was stopped")
    assert [(*described(item)[2:], isinstance(item, Frame) and item.product) for item in left] == [
        (20, 50, "b"),
        (25, 55, "b"),
    ]


def test_no_frame_is_of_two_products() -> None:
    delivered = everything(source_of(block(0, 12, product="a"), SetUpFor("b"), block(1, 30, product="b")))
    assert isinstance(delivered[0], Frame)
    assert delivered[0].product == "a"
    assert delivered[1] == SetUpFor("b")
    assert isinstance(delivered[2], Frame)
    assert (delivered[2].product, described(delivered[2])) == ("b", ("frame", "roll-1", 12, 42))


def test_a_source_that_knows_better_says_how_long_its_lines_are() -> None:
    frame = everything(source_of(WebBlock(block(0, 30), 2.0)))[0]
    assert isinstance(frame, Frame)
    assert frame.web is not None
    assert frame.web.mm(30) == pytest.approx(60)


def test_rolls_are_numbered_and_lines_count_anew() -> None:
    delivered = everything(source_of(block(0, 12), RollEnds(), RollEnds(), block(1, 8), RollEnds()))
    assert [described(item) for item in delivered] == [("frame", "roll-1", 0, 12), ("frame", "roll-2", 0, 8)]


def test_a_person_ends_a_roll_and_names_the_next() -> None:
    desk = RollDesk(START)
    source = source_of(block(0, 12), block(1, 8), block(2, 5), desk=desk)
    assert source.read(0) is None
    ended = desk.end_roll("R-4711")
    assert described(source.read(0)) == ("frame", "roll-1", 0, 12)  # type: ignore[arg-type]
    assert ended.result(0) == EndedRoll(f"{SESSION}roll-1", 12, "R-4711")
    source.read(0)
    desk.end_roll()
    assert described(source.read(0)) == ("frame", "R-4711", 0, 8)  # type: ignore[arg-type]
    assert described(everything(source)[0])[1] == "roll-3"


def test_a_roll_without_a_line_takes_the_name_that_is_given_and_else_stays() -> None:
    desk = RollDesk(START)
    source = source_of(None, None, block(0), desk=desk)
    first, second = desk.end_roll(), desk.end_roll("R-1")
    assert source.read(0) is None
    assert (first.result(0).roll, first.result(0).next_roll) == (None, f"{SESSION}roll-1")
    assert second.result(0).next_roll == "R-1"
    assert described(everything(source)[0])[1] == "R-1"


def test_a_wish_that_was_given_up_ends_nothing() -> None:
    desk = RollDesk(START)
    source = source_of(block(0), block(1), desk=desk)
    assert desk.end_roll().cancel()
    assert [described(item)[1] for item in everything(source)] == ["roll-1"]


def test_a_web_that_stands_keeps_its_lines_until_the_roll_has_ended() -> None:
    clock = Clock(0.0)
    steps = [block(0, 12), None, None, None, block(1, 8)]
    source = WebSource(Blocks(steps), OPTIONS, RollDesk(START), roll_ends_after_s=5, clock=clock)
    assert source.read(0) is None
    clock.now_s = 4.9
    assert source.read(0) is None
    clock.now_s = 5.0
    assert described(source.read(0)) == ("frame", "roll-1", 0, 12)  # type: ignore[arg-type]
    assert source.read(0) is None  # it ends once
    assert described(everything(source)[0]) == ("frame", "roll-2", 0, 8)


def test_a_web_that_stands_for_good_ends_only_by_command_where_no_time_is_set() -> None:
    clock = Clock(0.0)
    source = WebSource(Blocks([block(0, 12), None, None]), OPTIONS, RollDesk(START), clock=clock)
    clock.now_s = 1e6
    assert [source.read(0) for _ in range(3)] == [None] * 3


class LineCamera:
    """Plays what was grabbed; then it waits for lines that do not come."""

    def __init__(self, steps: Iterable[Grabbed]) -> None:
        self._steps = iter(steps)

    def grab(self) -> Grabbed:
        if (step := next(self._steps, None)) is None:
            time.sleep(0.01)
            return Waiting()
        return step

    def close(self) -> None:
        pass


def test_a_live_camera_gives_every_block_however_old_and_tells_of_what_did_not_come_whole() -> None:
    old_ns = time.monotonic_ns() - 3600 * 10**9
    grabbed: list[Grabbed] = [
        Waiting(),
        Picture(np.zeros((12, 6), np.uint8), old_ns, "camera"),
        Incomplete("2 of 9 packets are missing"),
        Picture(np.zeros((12, 6), np.uint8), None, damaged_before=1),
        Incomplete("block 7", is_missing=True),
    ]
    options = LiveOptions(0.5, 5.0, 60.0, waiting_frames=8, keeps_turns=True)
    camera = LiveSource("line", lambda: LineCamera(grabbed), ByArrival(0.5), options, taker=LineScan)
    delivered: list[Delivered] = []
    with WebSource(camera, OPTIONS, RollDesk(START)) as source:
        until_s = time.monotonic() + PATIENCE_S
        while sum(isinstance(item, Frame | DamagedFrame) for item in delivered) < 5 and time.monotonic() < until_s:
            if (item := source.read(0.05)) is not None:
                delivered.append(item)
    frames = [described(item) for item in delivered if isinstance(item, Frame | DamagedFrame)]
    assert frames == [
        ("frame", "roll-1", 0, 12),
        ("frame_damaged", "roll-1", 12, 24),
        ("frame_damaged", "roll-1", 24, 36),
        ("frame", "roll-1", 36, 48),
        ("frame_missing", "roll-1", 48, 60),
    ]
    reports = [item for item in delivered if isinstance(item, CameraReport)]
    assert all(report.fault is None for report in reports)


def test_the_simulated_web_is_the_same_however_fast_it_runs_and_ends_its_rolls() -> None:
    settings = SimulatedWebSource(type="simulated_web", lines_hz=1e6, roll_lines=700, rolls=2, seed=4)
    web = SimulatedWeb(settings, threading.Event())
    rows: list[list[np.ndarray]] = [[]]
    while len(rows) < 3:
        match web.read(1.0):
            case Frame() as frame:
                rows[-1].append(frame.image)
            case RollEnds():
                rows.append([])
    with pytest.raises(EndOfSource):
        web.read(1.0)
    assert [len(roll) for roll in rows] == [11, 11, 0]
    style = web_style(settings.web, settings.defect_rate)
    assert np.array_equal(np.concatenate(rows[0]), render_web(4, 0, 700, style))
    assert np.array_equal(np.concatenate(rows[1]), render_web(5, 0, 700, style))


def test_one_simulated_scratch_in_five_lies_across_an_edge_of_the_frames() -> None:
    web = WebSettings(frame_lines=300, overlap_lines=100)
    scratches = web_scratches(1, range(401), web_style(web, 1.0))
    edges = [edge for number in range(402) for edge in (number * 200, number * 200 + 300)]
    cut = [any(s.xyxy[1] < edge < s.xyxy[3] for edge in edges) for s in scratches]
    assert cut == [scratch.on_seam for scratch in scratches]
    assert (len(scratches), sum(cut)) == (400, 80)


@pytest.mark.parametrize(("frame", "overlap"), [(64, 1), (64, 32), (300, 100), (512, 256), (8192, 128)])
def test_a_web_can_be_simulated_for_frames_of_any_size(frame: int, overlap: int) -> None:
    style = web_style(WebSettings(frame_lines=frame, overlap_lines=overlap), 1.0)
    assert render_web(0, 150, 100, style).shape == (100, 450)


def test_the_simulated_web_slows_down_stands_and_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.sources.simulated_web._STOP_S", 0.3)
    settings = SimulatedWebSource(type="simulated_web", lines_hz=20_000, speed_changes=True)
    web, lines, began_s = SimulatedWeb(settings, threading.Event()), 0, time.monotonic()
    while lines < 5184:
        lines += 0 if web.read(0.1) is None else 64
    # A busy machine takes longer, never shorter.
    assert time.monotonic() - began_s >= (3200 + 1600 / 0.5 + 320 / 0.25 + 64) / 20_000 + 0.3


@pytest.mark.parametrize("line_rate", ["encoder", "fixed"])
def test_millimeters_of_a_web_whose_speed_changes_are_those_of_the_web(line_rate: Literal["encoder", "fixed"]) -> None:
    web, end = WebSettings(frame_lines=64, overlap_lines=16, mm_per_line=0.1), 6400
    settings = SimulatedWebSource(
        type="simulated_web", lines_hz=None, roll_lines=end, rolls=1, seed=4, speed_changes=True, line_rate=line_rate,
        web=web,
    )  # fmt: skip
    rows = render_web(4, 0, end, web_style(web, settings.defect_rate))
    lines_like: dict[bytes, list[int]] = {}
    for line, row in enumerate(rows):
        lines_like.setdefault(row.tobytes(), []).append(line)
    assert len(lines_like) > 0.99 * end  # noise tells nearly every line from all others
    source = WebSource(SimulatedWeb(settings, threading.Event()), WebOptions(64, 16, 0.1), RollDesk(START))
    frames = [item for item in everything(source) if isinstance(item, Frame)]
    off_mm = []
    for frame in frames:
        place = frame.web
        assert place is not None
        for row in range(place.lines):
            lines = lines_like[frame.image[row].tobytes()]
            at_mm = place.mm(place.first_line + row)
            assert at_mm is not None
            off_mm.append(min(abs(at_mm - 0.1 * line) for line in lines))
    # A repeated line is as long as the others together; where the speed changes within a frame its mean counts.
    assert max(off_mm) <= 0.1 + 0.1 * 64 / 4
    assert np.median(off_mm) <= 0.1
    last = frames[-1].web
    assert last is not None
    assert last.mm(last.end_line) == pytest.approx(0.1 * end)
    assert (last.end_line > end) == (line_rate == "fixed")


def test_a_source_that_fails_says_so() -> None:
    with pytest.raises(SourceError, match="gone"):
        source_of(SourceError("gone")).read(0)
